// SPDX-License-Identifier: MIT
//
// Makes a sorted set from members that come in any order and more than once (ZUNIONSTORE): they are
// gathered in a dictionary first, where their scores add up, and put in order at the end, so that
// no member is moved about. The work can be done in steps.
#pragma once

#include "datatypes/value.h"

struct zset_index;

enum zset_aggregate { ZSET_SUM, ZSET_MIN, ZSET_MAX };

// The score of a member that has a and gets b; a NaN, as the sum of infinities, becomes 0.
double zset_aggregate(enum zset_aggregate, double a, double b);

struct zset_build {
    struct type_ctx *types;
    struct zset_index *index;
    size_t longest;  // member so far
    uint64_t cursor; // of the walk that puts them in order
    enum status status;
};

// STATUS_NO_MEMORY: nothing to be freed.
enum status zset_build_begin(struct zset_build *, struct type_ctx *);

// Adds a member, or its score to the one that is there.
enum status zset_build_add(struct zset_build *, const char *member, size_t len, double score,
                           enum zset_aggregate);

// Number of members so far.
size_t zset_build_count(const struct zset_build *);

// Puts about `budget` members in order; false when all are, or without memory. No more members may
// be added once it was called.
bool zset_build_order(struct zset_build *, size_t budget);

// After zset_build_order() has returned false: hands over the set, VALUE_ABSENT when it is empty or
// without memory. `compact`: as a packed blob if the limits allow that; else it stays an index,
// which is quicker if it is to be read once and freed.
enum status zset_build_finish(struct zset_build *, bool compact, struct value *out);

// Instead of finishing.
void zset_build_abort(struct zset_build *);
