// SPDX-License-Identifier: MIT
//
// Adding members to the sorted set of a command's first key, or changing their scores, all pairs or
// none: what ZADD, ZINCRBY and GEOADD have in common. The command reads its own arguments.
//
//     zset_add_init(&add, c);
//     if (zset_add_reserve(&add, n)) {
//         zset_add_pair(&add, score, arg); // n times
//         if (zset_add_run(&add))
//             reply_int(c->reply, add.added);
//     }
//     zset_add_free(&add);
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "datatypes/value.h"

struct cmd_ctx;
struct zset_node;

enum { ZSET_ADD_INLINE = 32 }; // pairs that are listed without allocating

// A score and the member behind it.
struct zset_add_pair {
    int arg; // of the member
    double score;
    // Private from here on: what was done, and to what, should it be taken back.
    enum { PAIR_UNCHANGED, PAIR_ADDED, PAIR_UPDATED } done;
    double before;
    struct zset_node *node; // of an index
};

struct zset_add {
    // Conditions, as ZADD's words.
    bool nx, xx, gt, lt;
    bool incr; // scores are added to those that are there

    // What came of it.
    int64_t added, updated;
    bool applied; // the last pair met its conditions
    double score; // that it led to

    // Private from here on.
    struct cmd_ctx *c;
    struct zset_add_pair *pairs;
    int npairs, capacity;
    struct value set; // that is changed; absent: not before the first change
    bool opened;      // `set` may be changed
    bool aside;       // ... and is private
    struct zset_add_pair few[ZSET_ADD_INLINE];
};

// No conditions, no pairs.
void zset_add_init(struct zset_add *, struct cmd_ctx *);
void zset_add_free(struct zset_add *);

// Makes room for `n` pairs, once. False: an error was replied.
bool zset_add_reserve(struct zset_add *, int n);

// Lists a pair, for which there is room: the member is argument `arg`, the score no NaN.
void zset_add_pair(struct zset_add *, double score, int arg);

// Does all pairs in their order, or none, in slices. False: an error was replied.
bool zset_add_run(struct zset_add *);
