// SPDX-License-Identifier: MIT
//
// A few short byte strings in one allocation: the second encoding of a set.
//
//     +0 state (published): count in the high half, bytes used in the low half
//     +8 capacity
//     +12 entries ...       an entry is [1 byte length 0..254][bytes] or [255][4 bytes
//     length][bytes]
//
// What is below the published number of bytes never changes, so that readers without a lock (inside
// an epoch section) may walk it while a writer works: adding within capacity writes beyond it and
// publishes the state after; every other change makes a new blob, and the caller publishes that one
// and retires the old. One writer at a time. Members are found by walking: it is meant for about a
// hundred.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct packed_set;

// Most bytes of entries that a blob can hold; a member of n bytes needs packed_entry_size(n).
#define PACKED_MAX_BYTES ((size_t)1 << 30)
size_t packed_entry_size(size_t len);

// An empty private blob with room for `nbytes` bytes of entries; NULL without memory. Free it with
// mem_free().
struct packed_set *packed_new(size_t nbytes);

// [free] What is published: read it once and walk that.
struct packed_view {
    const char *data;
    size_t nbytes; // of all entries
    size_t count;
};
void packed_view(const struct packed_set *, struct packed_view *);

// [free] The entry at `offset` < nbytes: its bytes, and the offset of the next (nbytes at the end).
size_t packed_next(const struct packed_view *, size_t offset, const char **member, size_t *len);

// [free] True when the member is there; *offset, which may be NULL, is where its entry starts.
bool packed_find(const struct packed_set *, const char *member, size_t len, size_t *offset);

// Adds a member, which is not there, in place or in a new blob; NULL without memory, nothing is
// changed then. Afterwards the entries may take at most PACKED_MAX_BYTES.
struct packed_set *packed_add(struct packed_set *, const char *member, size_t len);

// A new private blob without the entry at `offset`; NULL without memory.
struct packed_set *packed_without(const struct packed_set *, size_t offset);

// A new private blob of the same members; NULL without memory.
struct packed_set *packed_copy(const struct packed_set *);

// Adds a member to a private blob that has room for it.
void packed_push(struct packed_set *, const char *member, size_t len);
