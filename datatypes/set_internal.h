// SPDX-License-Identifier: MIT
//
// What set.c (the handle, adding and removing), set_walk.c (walking and picking) and set_free.c
// share.
#pragma once

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "datatypes/dict.h"
#include "datatypes/intset.h"
#include "datatypes/packed.h"
#include "datatypes/set.h"

// The body word: a pointer, and what it points to in the low bits, so that both are read at once.
enum set_body_kind {
    SET_BODY_NONE = 0, // the set is empty; no pointer
    SET_BODY_INTSET = 1,
    SET_BODY_PACKED = 2,
    SET_BODY_DICT = 3,
};

struct set {
    struct object object;
    _Atomic uint64_t body;
    _Atomic uint64_t count;
};

static inline uint64_t set_body_make(enum set_body_kind kind, const void *pointer)
{
    return (uint64_t)(uintptr_t)pointer | kind;
}

static inline enum set_body_kind set_body_kind(uint64_t body)
{
    return (enum set_body_kind)(body & 3);
}

static inline void *set_body_pointer(uint64_t body)
{
    return (void *)(uintptr_t)(body & ~(uint64_t)3);
}

// Acquire: pairs with the release in set_publish(), so that what the word points to can be read.
static inline uint64_t set_body(const struct set *s)
{
    return atomic_load_explicit(&s->body, memory_order_acquire);
}

// Writer's load: only the writer stores it.
static inline size_t set_own_count(const struct set *s)
{
    return atomic_load_explicit(&s->count, memory_order_relaxed);
}

// Release, as every store that lock-free readers load (value.h, rule 4).
static inline void set_publish_count(struct set *s, size_t count)
{
    atomic_store_explicit(&s->count, count, memory_order_release);
}

// A handle with that body; NULL without memory.
struct set *set_handle_new(int64_t expires_at_ms, uint64_t body, size_t count);

// As value_memory(), for a body.
size_t set_body_memory(uint64_t body, size_t samples);

// Frees a body that nobody else can see; retires one of `count` members that is unpublished.
void set_body_free(uint64_t body);
void set_body_retire(struct type_ctx *, uint64_t body, size_t count);

// Publishes a body with its count and retires the one before, unless it is the same.
void set_publish(struct type_ctx *, struct set *, uint64_t body, size_t count);

// A member in a packed blob is a record of one text.
static const struct packed_layout set_layout = {.head = 0, .width = 1};

// A member as its node in a dictionary: one text.
void set_node_member(const void *node, const char **member, size_t *len);

// An empty dictionary for members; NULL without memory. set_dict_free() frees it with its nodes.
struct dict *set_dict_new(struct type_ctx *);
void set_dict_free(struct dict *);

// Adds a member that is not there to a dictionary.
enum status set_dict_add(struct type_ctx *, struct dict *, uint64_t hash, const char *member,
                         size_t len);
// Unlinks and retires a node.
void set_dict_remove(struct type_ctx *, struct dict *, uint64_t hash, void *node);

// A walk over a body instead of a value.
void set_iter_init_body(struct set_iter *, uint64_t body);
