// SPDX-License-Identifier: MIT
#include "datatypes/chunk.h"

#include <assert.h>

#include "datatypes/mem.h"
#include "datatypes/str.h"

enum {
    // Entries are moved to the other side of their chunk only when that wins at least this part of
    // their size as room, so that pushing stays amortised constant.
    SLIDE_PART = 8,
};

_Static_assert(sizeof(struct chunk) == 16, "limits and size classes count on a small header");

// ---- elements --------------------------------------------------------------------------------

// Fewest bytes that hold the number as a signed one.
static uint32_t number_width(int64_t n)
{
    uint64_t magnitude = n < 0 ? ~(uint64_t)n : (uint64_t)n;
    unsigned bits = magnitude == 0 ? 1 : 65 - (unsigned)__builtin_clzll(magnitude);
    return (bits + 7) / 8;
}

void chunk_item(struct chunk_item *item, const char *data, size_t len)
{
    int64_t n;

    assert(len <= CHUNK_ELEMENT_MAX);
    item->payload = data;
    item->len = (uint32_t)len;
    item->code = (unsigned char)(len <= CHUNK_TEXT_MAX ? len : CHUNK_LONG);
    if (len < 2 || !str_parse_i64(data, len, &n)) // a single digit is as short as a text
        return;
    for (unsigned i = 0; i < sizeof item->number; i++)
        item->number[i] = (char)((uint64_t)n >> 8 * i);
    item->payload = item->number;
    item->len = number_width(n);
    item->code = (unsigned char)(CHUNK_INT + item->len);
}

void chunk_read_other(const struct chunk *c, struct chunk_place from, struct chunk_place to,
                      struct chunk_element *out)
{
    const char *payload = c->data + from.at + 1;
    unsigned width = from.code - CHUNK_INT, unused = 64 - 8 * width;
    uint64_t n = 0;

    if (from.code == CHUNK_LONG) {
        out->data = payload + sizeof(uint32_t);
        out->len = to.at - from.at - 1 - 2 * sizeof(uint32_t);
        return;
    }
    for (unsigned i = width; i > 0; i--)
        n = n << 8 | (unsigned char)payload[i - 1];
    out->data = out->buf;
    out->len = str_format_i64((int64_t)(n << unused) >> unused, out->buf);
}

static void write_payload(char *at, const struct chunk_item *item)
{
    if (item->code == CHUNK_LONG) {
        memcpy(at, &item->len, sizeof item->len);
        at += sizeof item->len;
        memcpy(at + item->len, &item->len, sizeof item->len);
    }
    if (item->len > 0) // the payload may be NULL otherwise
        memcpy(at, item->payload, item->len);
}

struct chunk_place chunk_at(const struct chunk *c, size_t i)
{
    struct chunk_place p;

    if (i <= c->count / 2) {
        for (p = chunk_first(c); i > 0; i--)
            p = chunk_next(c, p);
        return p;
    }
    p = chunk_end(c);
    for (size_t n = c->count - i; n > 0; n--)
        p = chunk_prev(c, p);
    return p;
}

// ---- room ------------------------------------------------------------------------------------

struct chunk *chunk_new(size_t nbytes, enum chunk_side side)
{
    size_t size = mem_good_size(CHUNK_OVERHEAD + nbytes);
    struct chunk *c = mem_alloc(size);

    if (c == NULL)
        return NULL;
    c->cap = (uint32_t)(size - CHUNK_OVERHEAD);
    c->begin = c->end = side == CHUNK_FRONT ? c->cap : 0;
    c->data[c->begin] = 0;
    c->count = 0;
    return c;
}

struct chunk *chunk_clone(const struct chunk *c, size_t nbytes, enum chunk_side side)
{
    struct chunk *copy = chunk_new(nbytes, side);

    if (copy != NULL)
        chunk_push_entries(copy, side, c, chunk_first(c), chunk_end(c), c->count);
    return copy;
}

struct chunk *chunk_copy(const struct chunk *c)
{
    return chunk_clone(c, chunk_used(c), CHUNK_BACK);
}

struct chunk *chunk_resize(struct chunk *c, size_t nbytes, enum chunk_side side)
{
    struct chunk *moved = chunk_clone(c, nbytes, side);

    if (moved != NULL)
        mem_free(c);
    return moved;
}

static size_t room_at(const struct chunk *c, enum chunk_side side)
{
    return side == CHUNK_FRONT ? c->begin : c->cap - c->end;
}

static bool may_slide(const struct chunk *c, size_t nbytes)
{
    size_t room = c->cap - chunk_used(c);
    return room >= nbytes && room >= chunk_used(c) / SLIDE_PART;
}

bool chunk_takes(const struct chunk *c, size_t nbytes, enum chunk_side side,
                 const struct chunk_limit *limit)
{
    if (c->count == 0)
        return true;
    if (c->count >= limit->count || chunk_used(c) + nbytes > limit->nbytes)
        return false;
    return room_at(c, side) >= nbytes || may_slide(c, nbytes) || c->cap < limit->nbytes;
}

// Moves the entries within the chunk so that a side has `nbytes` of room and most of what there is:
// a quarter stays at the other side, for lists that grow at both.
static void slide(struct chunk *c, size_t nbytes, enum chunk_side side)
{
    size_t used = chunk_used(c), room = c->cap - used;
    size_t share = room - room / 4 > nbytes ? room - room / 4 : nbytes;
    size_t begin = side == CHUNK_FRONT ? share : room - share;

    memmove(c->data + begin, c->data + c->begin, used + 1); // with the last joint
    c->begin = (uint32_t)begin;
    c->end = (uint32_t)(begin + used);
}

struct chunk *chunk_reserve(struct chunk *c, size_t nbytes, enum chunk_side side,
                            const struct chunk_limit *limit, bool roomy)
{
    if (room_at(c, side) >= nbytes)
        return c;
    if (may_slide(c, nbytes)) {
        slide(c, nbytes, side);
        return c;
    }
    size_t need = chunk_used(c) + nbytes;
    size_t cap = (size_t)c->cap + 1;
    if (roomy)
        cap = (size_t)c->cap * 2 < limit->nbytes ? (size_t)c->cap * 2 : limit->nbytes;
    return chunk_resize(c, need > cap ? need : cap, side);
}

// ---- changing --------------------------------------------------------------------------------

// Changes one side of the joint at `at`: the exclusive or of the old code and the new one.
static void rejoin(struct chunk *c, size_t at, unsigned char change)
{
    c->data[at] = (char)((unsigned char)c->data[at] ^ change);
}

void chunk_push(struct chunk *c, enum chunk_side side, const struct chunk_item *item)
{
    uint32_t size = (uint32_t)chunk_item_size(item);

    assert(room_at(c, side) >= size);
    if (side == CHUNK_FRONT) {
        rejoin(c, c->begin, item->code);
        c->begin -= size;
        c->data[c->begin] = (char)item->code;
        write_payload(c->data + c->begin + 1, item);
    } else {
        rejoin(c, c->end, item->code);
        write_payload(c->data + c->end + 1, item);
        c->end += size;
        c->data[c->end] = (char)item->code;
    }
    c->count++;
}

void chunk_push_entries(struct chunk *c, enum chunk_side side, const struct chunk *other,
                        struct chunk_place from, struct chunk_place to, size_t n)
{
    uint32_t nbytes = to.at - from.at;
    unsigned char last = chunk_code_before(other, to);

    assert(room_at(c, side) >= nbytes);
    if (nbytes == 0)
        return;
    if (side == CHUNK_FRONT) {
        rejoin(c, c->begin, last);
        c->begin -= nbytes;
        c->data[c->begin] = (char)from.code;
        memcpy(c->data + c->begin + 1, other->data + from.at + 1, nbytes - 1);
    } else {
        rejoin(c, c->end, from.code);
        memcpy(c->data + c->end + 1, other->data + from.at + 1, nbytes - 1);
        c->end += nbytes;
        c->data[c->end] = (char)last;
    }
    c->count += (uint32_t)n;
}

void chunk_cut(struct chunk *c, enum chunk_side side, struct chunk_place p, size_t n)
{
    assert(n <= c->count);
    if (side == CHUNK_FRONT) {
        c->begin = p.at;
        c->data[p.at] = (char)p.code;
    } else {
        c->end = p.at;
        rejoin(c, p.at, p.code);
    }
    c->count -= (uint32_t)n;
}

void chunk_drop(struct chunk *c, enum chunk_side side, size_t n)
{
    chunk_cut(c, side, chunk_at(c, side == CHUNK_FRONT ? n : c->count - n), n);
}

// Opens a gap of `nbytes` before the joint at `at`, moving the shorter side if it has the room;
// returns where the gap is.
static size_t open_gap(struct chunk *c, size_t at, size_t nbytes)
{
    size_t before = at - c->begin, after = c->end - at, begin = c->begin;
    bool front = c->begin >= nbytes, back = c->cap - c->end >= nbytes;

    assert(c->cap - chunk_used(c) >= nbytes);
    if (front && (before < after || !back))
        begin -= nbytes;
    else if (!back)
        begin = 0; // only both together have the room
    if (begin != c->begin)
        memmove(c->data + begin, c->data + c->begin, before);
    if (begin + before + nbytes != at)
        memmove(c->data + begin + before + nbytes, c->data + at, after + 1); // with the last joint
    c->begin = (uint32_t)begin;
    c->end = (uint32_t)(begin + before + nbytes + after);
    return begin + before;
}

void chunk_insert(struct chunk *c, struct chunk_place p, const struct chunk_item *item)
{
    unsigned char code_before = chunk_code_before(c, p);
    size_t size = chunk_item_size(item), gap = open_gap(c, p.at, size);

    c->data[gap] = (char)(code_before ^ item->code);
    write_payload(c->data + gap + 1, item);
    rejoin(c, gap + size, code_before ^ item->code);
    c->count++;
}

struct chunk_place chunk_remove(struct chunk *c, struct chunk_place p)
{
    struct chunk_place next = chunk_next(c, p);
    size_t before = p.at - c->begin, after = c->end - next.at;

    c->count--;
    rejoin(c, next.at, p.code ^ chunk_code_before(c, p));
    if (before < after) {
        memmove(c->data + next.at - before, c->data + c->begin, before);
        c->begin = (uint32_t)(next.at - before);
        return next;
    }
    memmove(c->data + p.at, c->data + next.at, after + 1); // with the last joint
    c->end = (uint32_t)(p.at + after);
    return (struct chunk_place){p.at, next.code};
}

// ---- filtering -------------------------------------------------------------------------------

// The entries that stay are moved in runs, each from one removed entry to the next. `kept` is where
// the next run is joined on, with the code that is there already, so that its joint is not written
// yet: it may still be needed where it is.

static void keep_behind(struct chunk *c, struct chunk_place *kept, struct chunk_place from,
                        struct chunk_place to)
{
    uint32_t nbytes = to.at - from.at;
    unsigned char last = chunk_code_before(c, to);

    if (nbytes == 0)
        return;
    memmove(c->data + kept->at + 1, c->data + from.at + 1, nbytes - 1);
    c->data[kept->at] = (char)(kept->code ^ from.code);
    *kept = (struct chunk_place){kept->at + nbytes, last};
}

static size_t filter_forwards(struct chunk *c, const struct chunk_item *item, size_t n)
{
    struct chunk_place p = chunk_first(c), run = p, kept = {c->begin, 0};
    size_t gone = 0;

    while (p.at < c->end && gone < n) {
        struct chunk_place next = chunk_next(c, p);
        if (chunk_entry_is(c, p, item)) {
            keep_behind(c, &kept, run, p);
            run = next;
            gone++;
        }
        p = next;
    }
    if (gone > 0) {
        keep_behind(c, &kept, run, chunk_end(c));
        c->end = kept.at;
        c->data[kept.at] = (char)kept.code;
    }
    return gone;
}

static void keep_before(struct chunk *c, struct chunk_place *kept, struct chunk_place from,
                        struct chunk_place to)
{
    uint32_t nbytes = to.at - from.at;
    unsigned char last = chunk_code_before(c, to);

    if (nbytes == 0)
        return;
    memmove(c->data + kept->at - nbytes + 1, c->data + from.at + 1, nbytes - 1);
    c->data[kept->at] = (char)(last ^ kept->code);
    *kept = (struct chunk_place){kept->at - nbytes, from.code};
}

static size_t filter_backwards(struct chunk *c, const struct chunk_item *item, size_t n)
{
    struct chunk_place p = chunk_end(c), run = p, kept = p;
    size_t gone = 0;

    while (p.at > c->begin && gone < n) {
        struct chunk_place prev = chunk_prev(c, p);
        if (chunk_entry_is(c, prev, item)) {
            keep_before(c, &kept, p, run);
            run = prev;
            gone++;
        }
        p = prev;
    }
    if (gone > 0) {
        keep_before(c, &kept, chunk_first(c), run);
        c->begin = kept.at;
        c->data[kept.at] = (char)kept.code;
    }
    return gone;
}

size_t chunk_filter(struct chunk *c, enum chunk_side from, const struct chunk_item *item, size_t n)
{
    size_t gone = from == CHUNK_FRONT ? filter_forwards(c, item, n) : filter_backwards(c, item, n);
    c->count -= (uint32_t)gone;
    return gone;
}
