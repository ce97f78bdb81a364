// SPDX-License-Identifier: MIT
//
// A few short byte strings in one allocation: the second encoding of a set. The entries of a
// packed_blob.h are its members, as texts: adding one within capacity is done in place, every other
// change makes a new blob, and the caller publishes that one and retires the old. Members are found
// by walking: it is meant for about a hundred.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "datatypes/packed_blob.h"

// [free] The entry at `offset` < nbytes: its bytes, and the offset of the next (nbytes at the end).
size_t packed_next(const struct packed_view *, size_t offset, const char **member, size_t *len);

// [free] True when the member is there; *offset, which may be NULL, is where its entry starts.
bool packed_find(const struct packed_blob *, const char *member, size_t len, size_t *offset);

// Adds a member, which is not there, in place or in a new blob; NULL without memory, nothing is
// changed then. Afterwards the entries may take at most PACKED_MAX_BYTES.
struct packed_blob *packed_add(struct packed_blob *, const char *member, size_t len);

// A new private blob without the entry at `offset`; NULL without memory.
struct packed_blob *packed_without(const struct packed_blob *, size_t offset);

// Adds a member to a private blob that has room for it.
void packed_push(struct packed_blob *, const char *member, size_t len);
