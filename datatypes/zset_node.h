// SPDX-License-Identifier: MIT
//
// A member of a large sorted set: one block that the set's dictionary and its order share.
//
//     +0 score (published)   +8 member, a text of packed_blob.h
//
// The member never changes. The score is one word that lock-free readers load, stored inside a
// write section (value.h, rules 3 and 4).
#pragma once

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "datatypes/packed_blob.h"

struct zset_node {
    _Atomic uint64_t score; // the bits of a double
    char text[];
};

static inline void zset_node_member(const void *node, const char **member, size_t *len)
{
    packed_text_read(((const struct zset_node *)node)->text, member, len);
}

static inline double zset_node_score(const struct zset_node *node)
{
    uint64_t bits = atomic_load_explicit(&node->score, memory_order_acquire);
    double score;
    memcpy(&score, &bits, sizeof score);
    return score;
}

static inline void zset_node_set_score(struct zset_node *node, double score)
{
    uint64_t bits;
    memcpy(&bits, &score, sizeof bits);
    atomic_store_explicit(&node->score, bits, memory_order_release);
}

// A private node; NULL without memory. Free it with mem_free().
struct zset_node *zset_node_new(const char *member, size_t len, double score);
