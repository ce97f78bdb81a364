// SPDX-License-Identifier: MIT
//
// The search of linearize.h: that of Wing & Gong ("Testing and verifying concurrent objects", 1993)
// with Lowe's refinement ("Testing for linearizability", 2017).
//
// Calls and returns form a list by time. Whatever call stands before the first return may be the
// next in the order; when the model agrees with its answer, both its entries leave the list. When
// no call is left before the first return, the last choice is taken back. A pair of (operations
// done, state) that was reached before leads nowhere new and is not followed again: that is what
// keeps the search short where the state tells little about the order.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/lib/linearize.h"
#include "tests/lib/record_set.h"

// An operation as the search sees it.
struct linear_call {
    int op; // its number for the model
    int client, number;
    int64_t called_ns, returned_ns;
    bool optional; // it need not be in the order
};

struct linear_problem {
    const struct linear_model *model;
    void *group;
    const struct linear_call *calls; // by the moment of the call
    int ncalls;
    const struct record_set *starts; // how it may begin: records of linear_start_bytes()
    struct linear_limits limits;
    // Results.
    int blocked;             // of a violation: the call whose return no order reaches
    struct record_set *ends; // not NULL: all orders are tried, and what they lead to added here
};

// A beginning is a word with a bit for each of the first 64 calls that has been done already, and
// behind it the state. An end is the same, its bits standing for the optional calls in their order.
size_t linear_start_bytes(const struct linear_model *, const void *group);

// With `ends` the verdict is LINEAR_VIOLATION when all was tried, and `ends` tells whether there
// was an order.
enum linear_verdict linear_search(struct linear_problem *);

// True when `later` of the same client had been sent before `earlier` was answered.
bool linear_pipelined(const struct linear_call *earlier, const struct linear_call *later);
