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

void chunk_read_number(const char *entry, struct chunk_element *out)
{
    unsigned width = (unsigned char)*entry - CHUNK_INT, unused = 64 - 8 * width;
    uint64_t n = 0;

    for (unsigned i = width; i > 0; i--)
        n = n << 8 | (unsigned char)entry[i];
    out->data = out->buf;
    out->len = str_format_i64((int64_t)(n << unused) >> unused, out->buf);
}

static void write_entry(char *at, const struct chunk_item *item)
{
    size_t head = item->code == CHUNK_LONG ? 1 + sizeof item->len : 1;
    char *tail = at + head + item->len;

    *at = (char)item->code;
    tail[head - 1] = (char)item->code;
    if (item->code == CHUNK_LONG) {
        memcpy(at + 1, &item->len, sizeof item->len);
        memcpy(tail, &item->len, sizeof item->len);
    }
    if (item->len > 0) // the payload may be NULL otherwise
        memcpy(at + head, item->payload, item->len);
}

size_t chunk_at(const struct chunk *c, size_t i)
{
    size_t at;

    if (i <= c->count / 2) {
        for (at = c->begin; i > 0; i--)
            at = chunk_next(c, at);
        return at;
    }
    at = c->end;
    for (size_t n = c->count - i; n > 0; n--)
        at = chunk_prev(c, at);
    return at;
}

// ---- room ------------------------------------------------------------------------------------

struct chunk *chunk_new(size_t nbytes, enum chunk_side side)
{
    size_t size = mem_good_size(sizeof(struct chunk) + nbytes);
    struct chunk *c = mem_alloc(size);

    if (c == NULL)
        return NULL;
    c->cap = (uint32_t)(size - sizeof(struct chunk));
    c->begin = c->end = side == CHUNK_FRONT ? c->cap : 0;
    c->count = 0;
    return c;
}

struct chunk *chunk_clone(const struct chunk *c, size_t nbytes, enum chunk_side side)
{
    struct chunk *copy = chunk_new(nbytes, side);

    if (copy != NULL)
        chunk_push_entries(copy, side, c->data + c->begin, chunk_used(c), c->count);
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

    memmove(c->data + begin, c->data + c->begin, used);
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

void chunk_push(struct chunk *c, enum chunk_side side, const struct chunk_item *item)
{
    uint32_t size = (uint32_t)chunk_item_size(item);

    assert(room_at(c, side) >= size);
    if (side == CHUNK_FRONT) {
        c->begin -= size;
        write_entry(c->data + c->begin, item);
    } else {
        write_entry(c->data + c->end, item);
        c->end += size;
    }
    c->count++;
}

void chunk_push_entries(struct chunk *c, enum chunk_side side, const char *from, size_t nbytes,
                        size_t n)
{
    assert(room_at(c, side) >= nbytes);
    if (side == CHUNK_FRONT) {
        c->begin -= (uint32_t)nbytes;
        memcpy(c->data + c->begin, from, nbytes);
    } else {
        memcpy(c->data + c->end, from, nbytes);
        c->end += (uint32_t)nbytes;
    }
    c->count += (uint32_t)n;
}

void chunk_drop(struct chunk *c, enum chunk_side side, size_t n)
{
    assert(n <= c->count);
    if (side == CHUNK_FRONT)
        c->begin = (uint32_t)chunk_at(c, n);
    else
        c->end = (uint32_t)chunk_at(c, c->count - n);
    c->count -= (uint32_t)n;
}

// Opens a gap of `nbytes` before what stands at `at`, moving the shorter side if it has the room;
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
        memmove(c->data + begin + before + nbytes, c->data + at, after);
    c->begin = (uint32_t)begin;
    c->end = (uint32_t)(begin + before + nbytes + after);
    return begin + before;
}

void chunk_insert(struct chunk *c, size_t at, const struct chunk_item *item)
{
    write_entry(c->data + open_gap(c, at, chunk_item_size(item)), item);
    c->count++;
}

size_t chunk_remove(struct chunk *c, size_t at)
{
    size_t next = chunk_next(c, at), before = at - c->begin, after = c->end - next;

    c->count--;
    if (before < after) {
        memmove(c->data + next - before, c->data + c->begin, before);
        c->begin = (uint32_t)(next - before);
        return next;
    }
    memmove(c->data + at, c->data + next, after);
    c->end = (uint32_t)(at + after);
    return at;
}

// ---- filtering -------------------------------------------------------------------------------

// The entries that stay are moved in runs, each from the start of one removed entry to the next.

static size_t filter_forwards(struct chunk *c, const struct chunk_item *item, size_t n)
{
    size_t at = c->begin, run = c->begin, kept = c->begin, gone = 0;

    while (at < c->end && gone < n) {
        size_t next = chunk_next(c, at);
        if (chunk_entry_is(c, at, item)) {
            memmove(c->data + kept, c->data + run, at - run);
            kept += at - run;
            run = next;
            gone++;
        }
        at = next;
    }
    if (gone > 0) {
        memmove(c->data + kept, c->data + run, c->end - run);
        c->end = (uint32_t)(kept + (c->end - run));
    }
    return gone;
}

static size_t filter_backwards(struct chunk *c, const struct chunk_item *item, size_t n)
{
    size_t at = c->end, run = c->end, kept = c->end, gone = 0;

    while (at > c->begin && gone < n) {
        size_t start = chunk_prev(c, at);
        if (chunk_entry_is(c, start, item)) {
            kept -= run - at;
            memmove(c->data + kept, c->data + at, run - at);
            run = start;
            gone++;
        }
        at = start;
    }
    if (gone > 0) {
        kept -= run - c->begin;
        memmove(c->data + kept, c->data + c->begin, run - c->begin);
        c->begin = (uint32_t)kept;
    }
    return gone;
}

size_t chunk_filter(struct chunk *c, enum chunk_side from, const struct chunk_item *item, size_t n)
{
    size_t gone = from == CHUNK_FRONT ? filter_forwards(c, item, n) : filter_backwards(c, item, n);
    c->count -= (uint32_t)gone;
    return gone;
}
