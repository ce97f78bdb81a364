// SPDX-License-Identifier: MIT
//
// What zset.c (the handle, looking up, changing), zset_walk.c (order, walking, picking) and
// zset_build.c (making one from many) share.
#pragma once

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "datatypes/dict.h"
#include "datatypes/packed_zset.h"
#include "datatypes/rank_tree.h"
#include "datatypes/zset.h"
#include "datatypes/zset_node.h"

// The body word: a pointer, and what it points to in the low bits, so that both are read at once.
enum zset_body_kind {
    ZSET_BODY_NONE = 0, // the set is empty; no pointer
    ZSET_BODY_PACKED = 1,
    ZSET_BODY_INDEX = 2,
};

struct zset {
    struct object object;
    _Atomic uint64_t body;
    _Atomic uint64_t count;
};

// A large set: its members, and their order. `dict` never changes; only lock holders look at the
// tree.
struct zset_index {
    struct dict *dict;
    struct rank_tree tree;
};

static inline uint64_t zset_body_make(enum zset_body_kind kind, const void *pointer)
{
    return (uint64_t)(uintptr_t)pointer | kind;
}

static inline enum zset_body_kind zset_body_kind(uint64_t body)
{
    return (enum zset_body_kind)(body & 3);
}

static inline void *zset_body_pointer(uint64_t body)
{
    return (void *)(uintptr_t)(body & ~(uint64_t)3);
}

// Acquire: pairs with the release in zset.c's publish(), so that what the word points to can be
// read.
static inline uint64_t zset_body(const struct zset *z)
{
    return atomic_load_explicit(&z->body, memory_order_acquire);
}

// A handle for a body of `count` members; NULL without memory.
struct zset *zset_handle_new(int64_t expires_at_ms, uint64_t body, size_t count);

// Bytes of what a body points to, estimated from `samples` members (0: all).
size_t zset_body_memory(uint64_t body, size_t samples);

// An empty index; NULL without memory.
struct zset_index *zset_index_new(struct type_ctx *);

// ---- zset_free.c -----------------------------------------------------------------------------

// Frees an index or a body with its nodes at once; nobody else can see it.
void zset_index_free(struct zset_index *);
void zset_body_free(uint64_t body);
// The same for an index of any size, in steps (type_step()).
void zset_index_discard(struct type_ctx *, struct zset_index *);

// ---- zset.c ----------------------------------------------------------------------------------

// Adds a member that is not there to both parts; all or nothing.
enum status zset_index_add(struct type_ctx *, struct zset_index *, uint64_t hash,
                           const char *member, size_t len, double score);

// Whether a packed blob may hold `count` members, the longest of `longest` bytes, all entries
// together of `nbytes`.
bool zset_packed_may_hold(const struct type_limits *, size_t count, size_t longest, size_t nbytes);
