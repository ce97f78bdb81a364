// SPDX-License-Identifier: MIT
//
// Decides whether a concurrent history (history.h) is linearizable: whether there is an order of
// its operations that
//   1. puts an operation before every one that was called after it had returned,
//   2. puts the operations that one client sent in a pipeline in the order of the pipeline, and
//   3. makes a sequential store (the model) answer each as it was answered.
// Operations that were never answered may be anywhere after their call, or missing.
//
// The search (linear_search.h) is exponential at worst, so it is bounded, and histories are split:
// operations that have no key in common, not even by way of others, are looked at apart. This loses
// nothing for 1 and 3 (Herlihy & Wing 1990: a history is linearizable if its part on each object
// is); for 2 the keys of a pipeline stay together.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "tests/lib/history.h"
#include "tests/lib/strbuf.h"

enum linear_answer {
    LINEAR_NO,  // the operation cannot have been answered so in this state
    LINEAR_YES, // it can, and leads to another state
    LINEAR_END, // there is no choice of this number
};

enum { LINEAR_ALL_KEYS = -1 };

// A sequential store. States are of one size within an opened group of operations, and equal
// when their bytes are equal; the first one is all zero.
struct linear_model {
    // Writes the keys that an operation names; returns how many, or LINEAR_ALL_KEYS.
    int (*keys)(const struct history_op *, struct bytes *keys, int max);
    // Prepares for these operations, which apply() then knows by number.
    void *(*open)(const struct history_op *const *ops, int nops);
    void (*close)(void *group);
    size_t (*state_bytes)(const void *group);
    // Runs an operation. Where the answer leaves open what has happened, `choice` counts the
    // possibilities from 0 until LINEAR_END.
    enum linear_answer (*apply)(void *group, int op, unsigned choice, const void *before,
                                void *after);
    // True when the operation changes nothing in any state.
    bool (*pure)(const void *group, int op);
    void (*print)(const void *group, const void *state, struct strbuf *);
};

// What one group of keys may cost; 0: the default.
struct linear_limits {
    size_t steps;  // operations tried
    size_t nbytes; // memory for what was seen
};

enum linear_verdict {
    LINEAR_OK,
    LINEAR_VIOLATION,
    LINEAR_UNDECIDED, // a limit was reached: the history is too long, and the test is wrong
};

// `limits` may be NULL. What is not LINEAR_OK is explained in `report`: of a violation the fewest
// operations that show it, with the states that were possible before them.
enum linear_verdict linearize(struct history *, const struct linear_model *,
                              const struct linear_limits *limits, struct strbuf *report);
