// SPDX-License-Identifier: MIT
#include "datatypes/packed.h"

#include <assert.h>
#include <stdatomic.h>

#include "datatypes/mem.h"

struct packed {
    _Atomic uint64_t state; // count << 32 | bytes used: one word, so that both are read at once
    uint32_t cap;           // bytes that `data` has room for; fixed before publication
    char data[];
};

enum { HEADER = offsetof(struct packed, data) };

struct packed *packed_new(const struct packed_layout *layout, size_t nbytes)
{
    assert(nbytes <= PACKED_MAX_BYTES && layout->width <= PACKED_MAX_WIDTH);
    size_t before = layout->head + HEADER;
    size_t size = mem_good_size(before + (nbytes > 0 ? nbytes : 1));
    char *block = mem_alloc(size);
    if (block == NULL)
        return NULL;
    struct packed *p = (struct packed *)(block + layout->head);
    atomic_init(&p->state, 0);
    p->cap = (uint32_t)(size - before);
    return p;
}

static void view_of(const struct packed *p, uint64_t state, struct packed_view *view)
{
    view->data = p->data;
    view->nbytes = state & UINT32_MAX;
    view->count = state >> 32;
}

void packed_view(const struct packed *p, struct packed_view *view)
{
    // Acquire pairs with the release in publish(): the records below nbytes are there.
    view_of(p, atomic_load_explicit(&p->state, memory_order_acquire), view);
}

// The writer's view: only the writer stores the state, so relaxed gives the latest.
static void own_view(const struct packed *p, struct packed_view *view)
{
    view_of(p, atomic_load_explicit(&p->state, memory_order_relaxed), view);
}

static void publish(struct packed *p, size_t count, size_t nbytes)
{
    // Release: a reader that loads this state sees the records it covers.
    atomic_store_explicit(&p->state, (uint64_t)count << 32 | nbytes, memory_order_release);
}

// ---- walking ---------------------------------------------------------------------------------

size_t packed_next(const struct packed_layout *layout, const struct packed_view *view,
                   size_t offset, struct packed_text *record)
{
    const char *at = view->data + offset;
    for (unsigned i = 0; i < layout->width; i++)
        at = packed_text_read(at, &record[i]);
    return (size_t)(at - view->data);
}

struct packed_place packed_at(const struct packed_layout *layout, const struct packed_view *view,
                              size_t i, struct packed_text *record)
{
    struct packed_place place = {.to = 0};
    do {
        place.from = place.to;
        place.to = packed_next(layout, view, place.from, record);
    } while (i-- > 0);
    return place;
}

// Keys of one collection often share a length and a prefix ("user:1001"), and differ in the last
// bytes.
static inline bool same_bytes(const char *a, const char *b, size_t len)
{
    if (len >= sizeof(uint64_t)) {
        uint64_t x, y;
        memcpy(&x, a + len - sizeof x, sizeof x);
        memcpy(&y, b + len - sizeof y, sizeof y);
        if (x != y)
            return false;
        len -= sizeof x;
    }
    return len == 0 || memcmp(a, b, len) == 0;
}

bool packed_find(const struct packed_layout *layout, const struct packed *p, const char *key,
                 size_t len, struct packed_place *place)
{
    struct packed_view view;
    packed_view(p, &view);

    for (const char *at = view.data, *end = at + view.nbytes; at < end;) {
        struct packed_text text, rest;
        const char *next = packed_text_read(at, &text);
        for (unsigned i = 1; i < layout->width; i++)
            next = packed_text_read(next, &rest);
        if (text.len == len && same_bytes(text.data, key, len)) {
            if (place != NULL)
                *place =
                    (struct packed_place){(size_t)(at - view.data), (size_t)(next - view.data)};
            return true;
        }
        at = next;
    }
    return false;
}

// ---- changing --------------------------------------------------------------------------------

size_t packed_record_size(const struct packed_layout *layout, const struct packed_text *record)
{
    size_t nbytes = 0;
    for (unsigned i = 0; i < layout->width; i++)
        nbytes += packed_text_size(record[i].len);
    return nbytes;
}

static char *write_record(const struct packed_layout *layout, char *at,
                          const struct packed_text *record)
{
    for (unsigned i = 0; i < layout->width; i++)
        at = packed_text_write(at, record[i].data, record[i].len);
    return at;
}

void packed_push(const struct packed_layout *layout, struct packed *p,
                 const struct packed_text *record)
{
    struct packed_view view;
    own_view(p, &view);
    assert(packed_record_size(layout, record) <= p->cap - view.nbytes);

    char *end = write_record(layout, p->data + view.nbytes, record);
    publish(p, view.count + 1, (size_t)(end - p->data));
}

struct packed *packed_add(const struct packed_layout *layout, struct packed *p,
                          const struct packed_text *record)
{
    struct packed_view view;
    own_view(p, &view);
    size_t nbytes = packed_record_size(layout, record);
    // To the next size class only: that wastes little, and a small blob grows a few dozen times.
    if (nbytes > p->cap - view.nbytes)
        p = packed_copy(layout, p, nbytes);
    if (p != NULL)
        packed_push(layout, p, record);
    return p;
}

struct packed *packed_replace(const struct packed_layout *layout, const struct packed *p,
                              struct packed_place place, const struct packed_text *record)
{
    struct packed_view view;
    own_view(p, &view);
    size_t after = view.nbytes - place.to;
    size_t nbytes = record != NULL ? packed_record_size(layout, record) : 0;

    struct packed *copy = packed_new(layout, place.from + nbytes + after);
    if (copy == NULL)
        return NULL;
    memcpy(copy->data, view.data, place.from);
    char *end = copy->data + place.from;
    if (record != NULL)
        end = write_record(layout, end, record);
    memcpy(end, view.data + place.to, after);
    publish(copy, view.count - (place.from < place.to) + (record != NULL),
            place.from + nbytes + after);
    return copy;
}

struct packed *packed_copy(const struct packed_layout *layout, const struct packed *p, size_t more)
{
    struct packed_view view;
    packed_view(p, &view);
    struct packed *copy = packed_new(layout, view.nbytes + more);
    if (copy == NULL)
        return NULL;
    memcpy(copy->data, view.data, view.nbytes);
    publish(copy, view.count, view.nbytes);
    return copy;
}
