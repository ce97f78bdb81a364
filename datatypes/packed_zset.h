// SPDX-License-Identifier: MIT
//
// A few members with scores in one allocation, in order of score and then of member: the first
// encoding of a sorted set.
//
//     +0 state (published): count in the high half, bytes used in the low half
//     +8 capacity
//     +12 entries ...    an entry is [1 byte kind of score][score][1 byte length 0..254][bytes]
//                                 or [1 byte kind of score][score][255][4 bytes length][bytes]
//
// A score takes 1, 2 or 4 bytes when it is a whole number that fits, 4 when a float holds it
// exactly, else 8. Minus zero becomes zero, as in Redis's small sorted sets.
//
// What is below the published number of bytes never changes, so that readers without a lock (inside
// an epoch section) may walk it while a writer works: adding the last one in order within capacity
// writes beyond it and publishes the state after; every other change makes a new blob, and the
// caller publishes that one and retires the old. One writer at a time. Members are found by
// walking: it is meant for about a hundred.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct packed_zset;

struct packed_zset_entry {
    const char *member;
    size_t len;
    double score;
};

// Most bytes of entries that a blob can hold, and what an entry needs.
#define PACKED_ZSET_MAX_BYTES ((size_t)1 << 30)
size_t packed_zset_entry_size(const struct packed_zset_entry *);

// An empty private blob with room for `nbytes` bytes of entries; NULL without memory. Free it with
// mem_free().
struct packed_zset *packed_zset_new(size_t nbytes);

// [free] What is published: read it once and walk that.
struct packed_zset_view {
    const char *data;
    size_t nbytes; // of all entries
    size_t count;
};
void packed_zset_view(const struct packed_zset *, struct packed_zset_view *);

// [free] The entry at `offset` < nbytes; returns the offset of the next (nbytes at the end).
size_t packed_zset_next(const struct packed_zset_view *, size_t offset, struct packed_zset_entry *);

// [free] True when the member is there; *offset is where its entry starts.
bool packed_zset_find(const struct packed_zset_view *, const char *member, size_t len,
                      size_t *offset, double *score);

// Takes the entries in [from, to) out, `ncut` of them, and adds one (unless NULL) where it belongs;
// its member is not among those that stay. In place or in a new blob, which may be empty; NULL
// without memory, nothing is changed then. Afterwards the entries may take at most
// PACKED_ZSET_MAX_BYTES.
struct packed_zset *packed_zset_change(struct packed_zset *, size_t from, size_t to, size_t ncut,
                                       const struct packed_zset_entry *add);

// A new private blob of the same members; NULL without memory.
struct packed_zset *packed_zset_copy(const struct packed_zset *);

// Adds an entry that comes after all others to a private blob that has room for it.
void packed_zset_push(struct packed_zset *, const struct packed_zset_entry *);
