// SPDX-License-Identifier: MIT
//
// Union, intersection and difference of sorted sets; sets take part with a score of 1 for each
// member. The caller holds at least the read lock of each key; the work is done in steps (cmd.h).
#pragma once

#include <stddef.h>

#include "datatypes/status.h"
#include "datatypes/value.h"
#include "datatypes/zset_build.h"

struct cmd_ctx;

// One operand: a sorted set, a set or VALUE_ABSENT for an empty one.
struct zset_operand {
    struct value value;
    double weight;
};

enum zset_operation { ZSET_UNION, ZSET_INTER, ZSET_DIFF };

// A private sorted set of the result; *out VALUE_ABSENT when it is empty, after a failure, and when
// the client has gone. `keep`: it is to be stored, not only read. n >= 1; the order of the array
// may be changed.
enum status zset_combine(struct cmd_ctx *, enum zset_operation, struct zset_operand *, size_t n,
                         enum zset_aggregate, bool keep, struct value *out);

// The size of the intersection, or `limit` if it is larger; 0: no limit.
size_t zset_inter_count(struct cmd_ctx *, struct zset_operand *, size_t n, size_t limit);
