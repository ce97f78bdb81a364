// SPDX-License-Identifier: MIT
//
// Lists
//
//     struct list (32 bytes)
//     +0  expires_at_ms, seq   struct object
//     +16 body                 pointer | kind ----> chunk    some elements                chunk.h
//     +24 count                                     chain    chunks, front to back list_chain.c
//                                                   (none)   the list is empty
//
//     chain   [ room | chunk, count | chunk, count | ... | room ]
//
// A chunk takes up to list-max-listpack-size. The first one of a list grows in the allocator's
// steps, so that a short list has little room it does not use; further ones double. An element that
// is larger than the limit has a chunk of its own.
//
// Pushing and popping touches the chunk at that end only: its entries have room at both sides, and
// the array of chunks has, too. An index is found by adding up counts in the array, which is read
// without touching the chunks, and then walking in one chunk from its nearer side.
//
// Invariants
// 1. The handle never moves. `count` is the sum of all chunks' counts, outside the functions here.
// 2. No chunk is empty, unless it is the list's only one. links[i].count is the chunk's own count.
// 3. What is inside (body, chain, chunks) is read under the key's lock only, so it is changed in
//    place and freed at once, not retired. Readers without a lock load `count`, and `body` to
//    prefetch what it points to, which may be gone. The handle itself is retired.
// 4. Removing needs no memory, and whatever adds an element allocates first what it needs.
//
// Concurrency: as list.h says for each function.
#include "datatypes/list.h"

#include <assert.h>

#include "datatypes/list_internal.h"
#include "datatypes/mem.h"

_Static_assert(sizeof(struct list) == 32, "the handle is one small block");

enum {
    END_CHUNK_BYTES = 1024, // of a chunk that is added to others at an end, before it doubles
    FILL_BYTES = 8192,      // most bytes of a chunk that is limited by its number of elements
    COPIED_PER_UNIT = 512,  // bytes of a chunk copied in a unit of work, see type_step()
};

struct chunk_limit list_limit(const struct type_ctx *ctx)
{
    static const size_t SIZES[] = {4096, FILL_BYTES, 16384, 32768, 65536}; // for -1 to -5
    enum { NSIZES = sizeof SIZES / sizeof *SIZES };
    int fill = atomic_load_explicit(&ctx->limits->list_max_packed_size, memory_order_relaxed);

    if (fill >= 0)
        return (struct chunk_limit){FILL_BYTES - CHUNK_OVERHEAD, fill > 0 ? (size_t)fill : 1};
    return (struct chunk_limit){SIZES[fill > -NSIZES ? -fill - 1 : NSIZES - 1] - CHUNK_OVERHEAD,
                                UINT32_MAX};
}

// ---- making and freeing ----------------------------------------------------------------------

static struct list *handle_new(int64_t expires_at_ms)
{
    struct list *l = mem_alloc(sizeof *l);

    if (l == NULL)
        return NULL;
    atomic_init(&l->object.expires_at_ms, expires_at_ms);
    atomic_init(&l->object.seq, 0);
    atomic_init(&l->body, 0);
    atomic_init(&l->count, 0);
    return l;
}

enum status list_new(struct type_ctx *ctx, size_t nbytes, enum chunk_side side, struct value *out)
{
    struct chunk_limit limit = list_limit(ctx);
    struct list *l = handle_new(NO_EXPIRE);

    if (l == NULL)
        return STATUS_NO_MEMORY;
    if (nbytes > 0) {
        struct chunk *c = chunk_new(nbytes < limit.nbytes ? nbytes : limit.nbytes, side);
        if (c == NULL) {
            mem_free(l);
            return STATUS_NO_MEMORY;
        }
        list_add_chunk(l, 0, c);
    }
    *out = value_make(VALUE_LIST, l);
    return STATUS_OK;
}

static bool copy_chunks(struct type_ctx *ctx, struct list *to, const struct list *from)
{
    size_t n = list_chunks(from);

    for (size_t i = 0; i < n; i++) {
        const struct chunk *c = list_chunk(from, i);
        struct chunk *copy = chunk_copy(c);
        type_step(ctx, 1 + chunk_used(c) / COPIED_PER_UNIT);
        if (copy == NULL)
            return false;
        if (i > 0 && !list_reserve_chunks(to, i, 1)) {
            mem_free(copy);
            return false;
        }
        list_add_chunk(to, i, copy);
    }
    list_set_count(to, list_own_count(from));
    return true;
}

enum status list_copy(struct type_ctx *ctx, struct value v, struct value *out)
{
    struct list *copy = handle_new(value_expires_at(v));

    if (copy == NULL)
        return STATUS_NO_MEMORY;
    if (!copy_chunks(ctx, copy, value_pointer(v))) {
        list_handle_free(copy);
        return STATUS_NO_MEMORY;
    }
    *out = value_make(VALUE_LIST, copy);
    return STATUS_OK;
}

size_t list_memory(struct value v, size_t samples)
{
    const struct list *l = value_pointer(v);
    const struct list_chain *chain = list_chain(l);
    size_t n = list_chunks(l), looked = 0, nbytes = 0, i = 0;

    for (; i < n && (samples == 0 || looked < samples); i++) {
        const struct chunk *c = list_chunk(l, i);
        nbytes += CHUNK_OVERHEAD + c->cap;
        looked += c->count;
    }
    if (i > 0)
        nbytes = (size_t)((double)nbytes / (double)i * (double)n);
    return mem_usable(l) + mem_usable(chain) + nbytes;
}

// ---- reading ---------------------------------------------------------------------------------

size_t list_count(struct value v)
{
    const struct list *l = value_pointer(v);
    return atomic_load_explicit(&l->count, memory_order_acquire);
}

void list_prefetch(struct value v)
{
    const struct list *l = value_pointer(v);
    // Not followed, so the memory may be gone.
    __builtin_prefetch(list_body_pointer(list_body(l)));
}

void list_end(struct value v, enum chunk_side side, struct chunk_element *out)
{
    const struct list *l = value_pointer(v);

    assert(list_own_count(l) > 0);
    const struct chunk *c = list_chunk(l, side == CHUNK_FRONT ? 0 : list_chunks(l) - 1);
    if (side == CHUNK_FRONT)
        chunk_read(c, chunk_first(c), chunk_next(c, chunk_first(c)), out);
    else
        chunk_read(c, chunk_prev(c, chunk_end(c)), chunk_end(c), out);
}

// ---- adding ----------------------------------------------------------------------------------

size_t list_element_size(const char *data, size_t len)
{
    struct chunk_item item;

    chunk_item(&item, data, len);
    return chunk_item_size(&item);
}

bool list_push_into(struct list *l, size_t i, enum chunk_side side, const struct chunk_item *item,
                    const struct chunk_limit *limit)
{
    struct chunk *c = list_chunk(l, i);

    c = chunk_reserve(c, chunk_item_size(item), side, limit, list_chain(l) != NULL);
    if (c == NULL)
        return false;
    chunk_push(c, side, item);
    list_set_chunk(l, i, c);
    return true;
}

// Room for a new chunk at an end of others: for the element, or for many like it.
static size_t end_chunk_bytes(size_t size, const struct chunk_limit *limit)
{
    size_t room = END_CHUNK_BYTES < limit->nbytes ? END_CHUNK_BYTES : limit->nbytes;

    if (room / size >= limit->count)
        room = size * limit->count;
    return room > size ? room : size;
}

// Adds a chunk with one element at an end; false without memory.
static bool push_chunk(struct list *l, enum chunk_side side, const struct chunk_item *item,
                       const struct chunk_limit *limit)
{
    size_t n = list_chunks(l), i = side == CHUNK_FRONT ? 0 : n;
    size_t size = chunk_item_size(item);
    struct chunk *c = chunk_new(n > 0 ? end_chunk_bytes(size, limit) : size, side);

    if (c == NULL)
        return false;
    if (n > 0 && !list_reserve_chunks(l, i, 1)) {
        mem_free(c);
        return false;
    }
    chunk_push(c, side, item);
    list_add_chunk(l, i, c);
    return true;
}

enum status list_push(struct type_ctx *ctx, struct value v, enum chunk_side side, const char *data,
                      size_t len)
{
    struct list *l = value_pointer(v);
    struct chunk_limit limit = list_limit(ctx);
    size_t n = list_chunks(l), end = side == CHUNK_FRONT ? 0 : n - 1;
    struct chunk_item item;

    if (len > CHUNK_ELEMENT_MAX)
        return STATUS_TOO_LONG;
    chunk_item(&item, data, len);
    bool takes = n > 0 && chunk_takes(list_chunk(l, end), chunk_item_size(&item), side, &limit);
    if (!(takes ? list_push_into(l, end, side, &item, &limit) : push_chunk(l, side, &item, &limit)))
        return STATUS_NO_MEMORY;
    list_set_count(l, list_own_count(l) + 1);
    return STATUS_OK;
}

// ---- removing --------------------------------------------------------------------------------

void list_drop(struct type_ctx *ctx, struct value v, enum chunk_side side, size_t n)
{
    struct list *l = value_pointer(v);
    size_t left = n;

    assert(n <= list_own_count(l));
    while (left > 0) {
        size_t i = side == CHUNK_FRONT ? 0 : list_chunks(l) - 1;
        struct chunk *c = list_chunk(l, i);
        if (c->count <= left) {
            left -= c->count;
            list_take_chunks(l, i, 1);
            list_chunk_drop(ctx, c);
        } else {
            chunk_drop(c, side, left);
            list_set_chunk(l, i, c);
            left = 0;
        }
    }
    list_set_count(l, list_own_count(l) - n);
    list_settle(ctx, l);
}
