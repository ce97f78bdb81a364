// SPDX-License-Identifier: MIT
//
// Explains a history that is not linearizable.
#pragma once

#include "tests/lib/linear_search.h"

// Appends the fewest operations that show what is wrong with a problem that linear_search() found
// to be a violation; `ops` are the operations that its calls number.
//
// 1. Nothing that was called after the blocked operation had returned can matter, and what had not
//    returned by then may not have happened yet.
// 2. A read that can be left out without the rest becoming linearizable does not matter either.
// 3. What was over at some moment is told by the states that it may have led to, each with the
//    operations in flight that were done already. That is the last moment at which nothing was in
//    flight, or a later one when that leaves too much to read.
void linear_report(const struct linear_problem *, const struct history_op *const *ops,
                   struct strbuf *);
