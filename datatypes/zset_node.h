// SPDX-License-Identifier: MIT
//
// A member of a large sorted set: one block that the set's dictionary and its order share.
//
//     +0 score (published)   +8 [1 byte length 0..254][bytes]  or  [255][4 bytes length][bytes]
//
// The member never changes. The score is one word that lock-free readers load, stored inside a
// write section (value.h, rules 3 and 4).
#pragma once

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { ZSET_NODE_LONG = 255 }; // first length byte of a member whose length takes four more bytes

struct zset_node {
    _Atomic uint64_t score; // the bits of a double
    unsigned char text[];
};

static inline void zset_node_member(const void *node, const char **member, size_t *len)
{
    const unsigned char *at = ((const struct zset_node *)node)->text;
    size_t n = *at++;
    if (n == ZSET_NODE_LONG) {
        uint32_t length;
        memcpy(&length, at, sizeof length);
        at += sizeof length;
        n = length;
    }
    *member = (const char *)at;
    *len = n;
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
