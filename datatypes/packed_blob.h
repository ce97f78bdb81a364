// SPDX-License-Identifier: MIT
//
// The block that packed.h (sets, hashes) and packed_zset.h keep their entries in, and how both
// write a text.
//
//     +0 state (published): count in the high half, bytes used in the low half
//     +8 capacity
//     +12 entries
//
// A text is [1 byte length 0..254][bytes] or [255][4 bytes length][bytes]; a hash's key may also be
// a name, [240..254][1 byte], see packed.h.
//
// What is below the published number of bytes never changes, so that readers without a lock (inside
// an epoch section) may walk it while a writer works: it writes beyond it and publishes the state
// after. Whatever else changes makes a new blob, which takes the old one's place; the caller
// retires that one. One writer at a time.
#pragma once

#include <assert.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "datatypes/mem.h"

struct packed_blob {
    _Atomic uint64_t state; // count << 32 | bytes used: one word, so that both are read at once
    uint32_t cap;           // bytes that `data` has room for; fixed before publication
    char data[];
};

// What is published: read it once and walk that.
struct packed_view {
    const char *data;
    size_t nbytes; // of all entries
    size_t count;
};

enum {
    PACKED_HEADER = offsetof(struct packed_blob, data),
    PACKED_LONG = 255, // first byte of a text whose length takes the next four bytes
};

// Most bytes of entries that a block can hold.
#define PACKED_MAX_BYTES ((size_t)1 << 30)

// An empty private blob with room for `nbytes` bytes of entries, behind `head` bytes (a multiple of
// 16) of its owner's in the same block, which are not filled in; NULL without memory. mem_free()
// takes packed_blob_block().
static inline struct packed_blob *packed_blob_new(size_t head, size_t nbytes)
{
    assert(head % 16 == 0 && nbytes <= PACKED_MAX_BYTES);
    size_t before = head + PACKED_HEADER;
    size_t size = mem_good_size(before + (nbytes > 0 ? nbytes : 1));
    char *block = mem_alloc(size);
    if (block == NULL)
        return NULL;
    struct packed_blob *b = (struct packed_blob *)(block + head);
    atomic_init(&b->state, 0);
    b->cap = (uint32_t)(size - before);
    return b;
}

// Where the block begins.
static inline void *packed_blob_block(const struct packed_blob *b, size_t head)
{
    return (char *)(uintptr_t)b - head;
}

static inline struct packed_view packed_blob_at(const struct packed_blob *b, uint64_t state)
{
    return (struct packed_view){b->data, state & UINT32_MAX, state >> 32};
}

// Readers' view, without a lock.
static inline struct packed_view packed_blob_view(const struct packed_blob *b)
{
    // Acquire pairs with the release in packed_blob_publish(): the entries below nbytes are there.
    return packed_blob_at(b, atomic_load_explicit(&b->state, memory_order_acquire));
}

// The writer's view: only the writer stores the state, so relaxed gives the latest.
static inline struct packed_view packed_blob_own_view(const struct packed_blob *b)
{
    return packed_blob_at(b, atomic_load_explicit(&b->state, memory_order_relaxed));
}

static inline void packed_blob_publish(struct packed_blob *b, size_t count, size_t nbytes)
{
    // Release: a reader that loads this state sees the entries it covers.
    atomic_store_explicit(&b->state, (uint64_t)count << 32 | nbytes, memory_order_release);
}

// A new private blob with the same entries, and room for `room` bytes more; NULL without memory.
// Caller holds at least the read lock.
static inline struct packed_blob *packed_blob_grown(const struct packed_blob *b, size_t head,
                                                    size_t room)
{
    struct packed_view view = packed_blob_view(b);
    struct packed_blob *copy = packed_blob_new(head, view.nbytes + room);
    if (copy == NULL)
        return NULL;
    memcpy(copy->data, view.data, view.nbytes);
    packed_blob_publish(copy, view.count, view.nbytes);
    return copy;
}

// A new private blob with the same entries; NULL without memory. Caller holds at least the read
// lock.
static inline struct packed_blob *packed_blob_copy(const struct packed_blob *b, size_t head)
{
    return packed_blob_grown(b, head, 0);
}

// ---- texts ------------------------------------------------------------------------------------

static inline size_t packed_text_size(size_t len)
{
    return (len < PACKED_LONG ? 1 : 1 + sizeof(uint32_t)) + len;
}

// Writes a text whose length has one byte when it is less than `long_from`; returns where the next
// thing goes.
static inline char *packed_text_put(char *at, const char *text, size_t len, size_t long_from)
{
    if (len < long_from) {
        *at++ = (char)len;
    } else {
        *at++ = (char)PACKED_LONG;
        memcpy(at, &(uint32_t){(uint32_t)len}, sizeof(uint32_t));
        at += sizeof(uint32_t);
    }
    if (len > 0) // text may be NULL otherwise
        memcpy(at, text, len);
    return at + len;
}

static inline char *packed_text_write(char *at, const char *text, size_t len)
{
    return packed_text_put(at, text, len, PACKED_LONG);
}

// The text at `at`; returns where the next thing is.
static inline const char *packed_text_read(const char *at, const char **text, size_t *len)
{
    size_t n = (unsigned char)*at++;
    if (n == PACKED_LONG) {
        uint32_t length;
        memcpy(&length, at, sizeof length);
        at += sizeof length;
        n = length;
    }
    *text = at;
    *len = n;
    return at + n;
}
