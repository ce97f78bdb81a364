// SPDX-License-Identifier: MIT
//
// Intersection, union and difference of sets, in slices (cmd_step); a command that is cancelled
// gets a part of the result. The caller holds at least the read lock of each. `sets` has n >= 1
// sets, VALUE_ABSENT standing for an empty one; a set may stand there more than once. The order of
// the array may be changed.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "datatypes/status.h"
#include "datatypes/value.h"

struct cmd_ctx;
struct type_ctx;

// Gets one member of a result; false ends the walk. The bytes are valid during the call.
typedef bool set_take(const char *member, size_t len, void *arg);

// A take function that collects a private set, which stays VALUE_ABSENT while there is no member.
struct set_builder {
    struct type_ctx *types;
    size_t expected;    // members that will certainly come, 0: unknown
    struct value set;   // the caller's; freed and absent after a failure
    enum status status; // the first failure
};
set_take set_builder_take;

// Passes every member that is in all sets, walking the smallest.
void set_inter(struct cmd_ctx *, struct value *sets, size_t n, set_take *take, void *arg);

// A private set of the members that are in any of the sets; *out VALUE_ABSENT when there is none.
enum status set_union(struct cmd_ctx *, const struct value *sets, size_t n, struct value *out);

// The members of the first set that are in none of the others. When looking each up in the others
// is the cheaper way they are passed to `take`, and *rest is VALUE_ABSENT. Otherwise what is left
// of a copy of the first set is handed over in *rest, and nothing is passed. Either may turn out
// empty.
enum status set_diff(struct cmd_ctx *, struct value *sets, size_t n, set_take *take, void *arg,
                     struct value *rest);
