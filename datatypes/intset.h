// SPDX-License-Identifier: MIT
//
// Sorted array of distinct integers of 16, 32 or 64 bits each: the first encoding of a set.
//
//     +0 count (published)   +4 width, capacity   +8 integers in ascending order ...
//
// What is below the published count never changes, so that readers without a lock (inside an epoch
// section) may search while a writer works: adding a new largest integer within capacity writes
// beyond the count and publishes the count after; every other change makes a new array, and the
// caller publishes that one and retires the old. One writer at a time.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct intset;

// Most integers that an intset can hold.
#define INTSET_MAX_COUNT (((size_t)1 << 28) - 1)

// An empty private array with room for `cap` integers (at least one) as wide as `like`; NULL
// without memory. Free it with mem_free().
struct intset *intset_new(int64_t like, size_t cap);

// [free] Number of integers; the one with index i < count; whether `n` is among them. *pos, which
// may be NULL: its index, or the one it would get.
size_t intset_count(const struct intset *);
int64_t intset_get(const struct intset *, size_t i);
bool intset_find(const struct intset *, int64_t n, size_t *pos);

// Adds `n`, which is not there, at the `pos` that intset_find() gave, in place or in a new array;
// NULL without memory, nothing is changed then. count < INTSET_MAX_COUNT.
struct intset *intset_add(struct intset *, size_t pos, int64_t n);

// A new private array without the integer at `pos`; NULL without memory.
struct intset *intset_without(const struct intset *, size_t pos);

// A new private array of the same integers; NULL without memory.
struct intset *intset_copy(const struct intset *);

// A new private array as wide as `like`, empty, with room for `cap` integers, and the means to fill
// it in ascending order; no integer may be wider than those of `like`, and no more than `cap`.
struct intset *intset_new_like(const struct intset *like, size_t cap);
void intset_push(struct intset *, int64_t n);
