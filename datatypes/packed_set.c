// SPDX-License-Identifier: MIT
#include "datatypes/packed_set.h"

#include <assert.h>
#include <stdatomic.h>
#include <string.h>

#include "datatypes/mem.h"

struct packed_set {
    _Atomic uint64_t state; // count << 32 | bytes used: one word, so that both are read at once
    uint32_t cap;           // bytes that `data` has room for; fixed before publication
    char data[];
};

enum {
    HEADER = offsetof(struct packed_set, data),
    LONG_LENGTH = 255, // first byte of an entry whose length takes the next four bytes
};

size_t packed_entry_size(size_t len)
{
    return (len < LONG_LENGTH ? 1 : 1 + sizeof(uint32_t)) + len;
}

struct packed_set *packed_new(size_t nbytes)
{
    assert(nbytes <= PACKED_MAX_BYTES);
    size_t size = mem_good_size(HEADER + (nbytes > 0 ? nbytes : 1));
    struct packed_set *ps = mem_alloc(size);
    if (ps == NULL)
        return NULL;
    atomic_init(&ps->state, 0);
    ps->cap = (uint32_t)(size - HEADER);
    return ps;
}

static void view_of(const struct packed_set *ps, uint64_t state, struct packed_view *view)
{
    view->data = ps->data;
    view->nbytes = state & UINT32_MAX;
    view->count = state >> 32;
}

void packed_view(const struct packed_set *ps, struct packed_view *view)
{
    // Acquire pairs with the release in publish(): the entries below nbytes are there.
    view_of(ps, atomic_load_explicit(&ps->state, memory_order_acquire), view);
}

// The writer's view: only the writer stores the state, so relaxed gives the latest.
static void own_view(const struct packed_set *ps, struct packed_view *view)
{
    view_of(ps, atomic_load_explicit(&ps->state, memory_order_relaxed), view);
}

static void publish(struct packed_set *ps, size_t count, size_t nbytes)
{
    // Release: a reader that loads this state sees the entries it covers.
    atomic_store_explicit(&ps->state, (uint64_t)count << 32 | nbytes, memory_order_release);
}

size_t packed_next(const struct packed_view *view, size_t offset, const char **member, size_t *len)
{
    const char *at = view->data + offset;
    size_t n = (unsigned char)*at++;
    if (n == LONG_LENGTH) {
        uint32_t length;
        memcpy(&length, at, sizeof length);
        at += sizeof length;
        n = length;
    }
    *member = at;
    *len = n;
    return (size_t)(at + n - view->data);
}

// Members of one set often share a length and a prefix ("user:1001"), and differ in the last bytes.
static bool same_bytes(const char *a, const char *b, size_t len)
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

bool packed_find(const struct packed_set *ps, const char *member, size_t len, size_t *offset)
{
    struct packed_view view;
    packed_view(ps, &view);

    for (size_t at = 0; at < view.nbytes;) {
        const char *here;
        size_t here_len;
        size_t next = packed_next(&view, at, &here, &here_len);
        if (here_len == len && same_bytes(here, member, len)) {
            if (offset != NULL)
                *offset = at;
            return true;
        }
        at = next;
    }
    return false;
}

void packed_push(struct packed_set *ps, const char *member, size_t len)
{
    struct packed_view view;
    own_view(ps, &view);
    assert(packed_entry_size(len) <= ps->cap - view.nbytes);

    char *at = ps->data + view.nbytes;
    if (len < LONG_LENGTH) {
        *at++ = (char)len;
    } else {
        *at++ = (char)LONG_LENGTH;
        memcpy(at, &(uint32_t){(uint32_t)len}, sizeof(uint32_t));
        at += sizeof(uint32_t);
    }
    if (len > 0) // member may be NULL otherwise
        memcpy(at, member, len);
    publish(ps, view.count + 1, view.nbytes + packed_entry_size(len));
}

struct packed_set *packed_add(struct packed_set *ps, const char *member, size_t len)
{
    struct packed_view view;
    own_view(ps, &view);
    if (packed_entry_size(len) > ps->cap - view.nbytes) {
        // To the next size class only: that wastes little, and a small set grows a few dozen times.
        struct packed_set *copy = packed_new(view.nbytes + packed_entry_size(len));
        if (copy == NULL)
            return NULL;
        memcpy(copy->data, view.data, view.nbytes);
        publish(copy, view.count, view.nbytes);
        ps = copy;
    }
    packed_push(ps, member, len);
    return ps;
}

struct packed_set *packed_without(const struct packed_set *ps, size_t offset)
{
    struct packed_view view;
    own_view(ps, &view);
    const char *member;
    size_t len;
    size_t next = packed_next(&view, offset, &member, &len);
    size_t nbytes = view.nbytes - (next - offset);

    struct packed_set *copy = packed_new(nbytes);
    if (copy == NULL)
        return NULL;
    memcpy(copy->data, view.data, offset);
    memcpy(copy->data + offset, view.data + next, view.nbytes - next);
    publish(copy, view.count - 1, nbytes);
    return copy;
}

struct packed_set *packed_copy(const struct packed_set *ps)
{
    struct packed_view view;
    packed_view(ps, &view);
    struct packed_set *copy = packed_new(view.nbytes);
    if (copy == NULL)
        return NULL;
    memcpy(copy->data, view.data, view.nbytes);
    publish(copy, view.count, view.nbytes);
    return copy;
}
