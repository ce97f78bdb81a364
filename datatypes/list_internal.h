// SPDX-License-Identifier: MIT
//
// What list.c (the handle, both ends), list_chain.c (the array of chunks) and list_walk.c (places
// inside) share.
#pragma once

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "datatypes/list.h"

// The body word: a pointer, and what it points to in the low bits.
enum list_body_kind {
    LIST_BODY_NONE = 0, // the list is empty; no pointer
    LIST_BODY_CHUNK = 1,
    LIST_BODY_CHAIN = 2,
};

struct list {
    struct object object;
    _Atomic uint64_t body;
    _Atomic uint64_t count;
};

// A chunk of a chain, with its count beside it, so that chunks are skipped without touching them.
struct list_link {
    struct chunk *chunk;
    uint32_t count;
};

// links[begin .. end) are the chunks from front to back.
struct list_chain {
    size_t cap, begin, end;
    struct list_link links[];
};

static inline uint64_t list_body_make(enum list_body_kind kind, const void *pointer)
{
    return (uint64_t)(uintptr_t)pointer | kind;
}

static inline enum list_body_kind list_body_kind(uint64_t body)
{
    return (enum list_body_kind)(body & 3);
}

static inline void *list_body_pointer(uint64_t body)
{
    return (void *)(uintptr_t)(body & ~(uint64_t)3);
}

// For holders of the key's lock, which orders what the word points to.
static inline uint64_t list_body(const struct list *l)
{
    return atomic_load_explicit(&l->body, memory_order_relaxed);
}

// Release, as every store that lock-free readers load (value.h, rule 4).
static inline void list_set_body(struct list *l, enum list_body_kind kind, const void *pointer)
{
    atomic_store_explicit(&l->body, list_body_make(kind, pointer), memory_order_release);
}

static inline size_t list_own_count(const struct list *l)
{
    return atomic_load_explicit(&l->count, memory_order_relaxed);
}

static inline void list_set_count(struct list *l, size_t count)
{
    atomic_store_explicit(&l->count, count, memory_order_release);
}

static inline struct list_chain *list_chain(const struct list *l)
{
    uint64_t body = list_body(l);
    return list_body_kind(body) == LIST_BODY_CHAIN ? list_body_pointer(body) : NULL;
}

// Number of chunks.
static inline size_t list_chunks(const struct list *l)
{
    const struct list_chain *chain = list_chain(l);
    return chain != NULL ? chain->end - chain->begin : list_body(l) != 0;
}

// Chunk number `i`, from the front.
static inline struct chunk *list_chunk(const struct list *l, size_t i)
{
    const struct list_chain *chain = list_chain(l);
    return chain != NULL ? chain->links[chain->begin + i].chunk : list_body_pointer(list_body(l));
}

// Frees a list that nobody else can see, at once (list_free.c).
void list_handle_free(struct list *);
// Frees a chunk that has left its list: in slices when its element is huge. Inside an epoch
// section.
void list_chunk_drop(struct type_ctx *, struct chunk *);

// ---- list_chain.c ----------------------------------------------------------------------------

// Puts a chunk in the place of number `i`, or notes that this one has changed.
void list_set_chunk(struct list *, size_t i, struct chunk *);

// Makes room in the chain for `n` <= 2 chunks that will be added at number `i` and behind, making a
// chain of a single chunk first. False without memory. list_add_chunk() then cannot fail.
bool list_reserve_chunks(struct list *, size_t i, size_t n);
// Adds a chunk as number `i` of a chain; to an empty list without reserving.
void list_add_chunk(struct list *, size_t i, struct chunk *);

// Takes chunks i .. i + n - 1 out; they are the caller's.
void list_take_chunks(struct list *, size_t i, size_t n);

// After removing: a chain of one chunk becomes that chunk, and memory that is mostly room is given
// back. Needs no memory, though it uses some if there is any.
void list_settle(struct type_ctx *, struct list *);
// Gives the memory of chunk number `i` back that is mostly room, if there is memory for that.
void list_tighten(struct type_ctx *, struct list *, size_t i);

// The chunk in which the element with index `index` < count lies; *first is the index of its first
// element.
size_t list_locate(const struct list *, size_t index, size_t *first);

// ---- list.c ----------------------------------------------------------------------------------

struct chunk_limit list_limit(const struct type_ctx *);

// Adds an encoded element at a side of chunk number `i`, which takes it (chunk_takes()). False
// without memory.
bool list_push_into(struct list *, size_t i, enum chunk_side, const struct chunk_item *,
                    const struct chunk_limit *);
