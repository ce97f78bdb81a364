// SPDX-License-Identifier: MIT
//
// Longest common subsequence of two byte strings. Pure; no state outlives the table.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "datatypes/status.h"

struct lcs;

// Compares the two strings, which the table borrows. With `walkable` it keeps what lcs_walk()
// needs: about a_len * b_len / 8 bytes, and as much again at worst while it computes. Time in
// proportion to a_len * b_len / 64. Free the table with lcs_free().
enum status lcs_new(const char *a, size_t a_len, const char *b, size_t b_len, bool walkable,
                    struct lcs **out);
void lcs_free(struct lcs *);

// Length of the subsequence.
size_t lcs_length(const struct lcs *);

// Passes the stretches of the subsequence that stand in one piece in both strings, from the last to
// the first: `len` bytes from a[a_start] and from b[b_start]. Of several longest subsequences it
// takes the one that Redis takes.
void lcs_walk(const struct lcs *, void (*fn)(size_t a_start, size_t b_start, size_t len, void *arg),
              void *arg);
