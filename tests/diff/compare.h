// SPDX-License-Identifier: MIT
//
// Whether two replies, as text (tests/lib/wire.h), say the same under a rule.
#pragma once

#include <stdbool.h>

#include "resp/bytes.h"
#include "tests/diff/row.h"

// The elements of an array, set or map ("k: v") given as text; they point into it. None of them may
// be an error. `n` is -1 when the text is something else.
struct diff_elements {
    struct bytes *items;
    int n;
};
struct diff_elements diff_elements(struct bytes text);
// Takes each two elements as one, unless they are pairs already.
void diff_join_pairs(struct diff_elements *);
void diff_sort(struct diff_elements *);
// Of a sorted one.
void diff_drop_duplicates(struct diff_elements *);
bool diff_contains(const struct diff_elements *sorted, struct bytes item);
bool diff_elements_equal(const struct diff_elements *, const struct diff_elements *);

// For the rules that two texts are enough for; the others are as DIFF_SAME here.
bool diff_agree(enum diff_rule, struct bytes keylot, struct bytes redis);
