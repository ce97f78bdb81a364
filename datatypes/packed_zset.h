// SPDX-License-Identifier: MIT
//
// A few members with scores in one allocation, in order of score and then of member: the first
// encoding of a sorted set.
//
// The entries of a packed_blob.h are [1 byte kind of score][score][member, a text]. A score takes
// 1, 2 or 4 bytes when it is a whole number that fits, 4 when a float holds it exactly, else 8.
// Minus zero becomes zero, as in Redis's small sorted sets. Adding the last one in order within
// capacity is done in place, every other change makes a new blob, and the caller publishes that one
// and retires the old. Members are found by walking: it is meant for about a hundred.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "datatypes/packed_blob.h"

struct packed_zset_entry {
    const char *member;
    size_t len;
    double score;
};

// What an entry needs.
size_t packed_zset_entry_size(const struct packed_zset_entry *);

// [free] The entry at `offset` < nbytes; returns the offset of the next (nbytes at the end).
size_t packed_zset_next(const struct packed_view *, size_t offset, struct packed_zset_entry *);

// [free] True when the member is there; *offset is where its entry starts.
bool packed_zset_find(const struct packed_view *, const char *member, size_t len, size_t *offset,
                      double *score);

// Takes the entries in [from, to) out, `ncut` of them, and adds one (unless NULL) where it belongs;
// its member is not among those that stay. In place or in a new blob, which may be empty; NULL
// without memory, nothing is changed then. Afterwards the entries may take at most
// PACKED_MAX_BYTES.
struct packed_blob *packed_zset_change(struct packed_blob *, size_t from, size_t to, size_t ncut,
                                       const struct packed_zset_entry *add);

// Adds an entry that comes after all others to a private blob that has room for it.
void packed_zset_push(struct packed_blob *, const struct packed_zset_entry *);
