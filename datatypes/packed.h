// SPDX-License-Identifier: MIT
//
// A few short records in one allocation: the encoding of small sets and hashes. The entries of a
// packed_blob.h are the records. Each is one or two texts, and the first of them is its key: a
// set's record is a member, a hash's a field and its value.
//
// Where the layout says so a key that is a name (names.h) is written as its number, in two bytes:
//
//     [0..239][bytes]              a key of that length
//     [240 + high byte][low byte]  a name
//     [255][length][bytes]         a longer key
//
// A key may have been written out before it became a name, so that both forms are found.
//
// Adding a record within capacity is done in place, every other change makes a new blob, and the
// caller publishes that one and retires the old. Records are found by walking: it is meant for
// about a hundred.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "datatypes/packed_blob.h"

struct packed_text {
    const char *data;
    size_t len;
    unsigned name; // of a key: number of its name + 1, and 0: written out
};

// What a type's blobs look like, the same for all of them.
struct packed_layout {
    size_t head;    // bytes in front of the blob in the same block, see packed_blob_new()
    unsigned width; // texts in a record, at most PACKED_MAX_WIDTH
    bool names;     // keys may be names
};

enum { PACKED_MAX_WIDTH = 2 };

// Where a record lies, as offsets into the bytes of all records.
struct packed_place {
    size_t from, to;
};

// [free] The record at `offset` < nbytes: its texts, and the offset of the next (nbytes at the
// end).
size_t packed_next(const struct packed_layout *, const struct packed_view *, size_t offset,
                   struct packed_text *record);

// [free] The record of index i < count.
struct packed_place packed_at(const struct packed_layout *, const struct packed_view *, size_t i,
                              struct packed_text *record);

// [free] True when there is a record of that key; *place, which may be NULL, is where. A key's
// name may be given by who knows it.
bool packed_find(const struct packed_layout *, const struct packed_view *,
                 const struct packed_text *key, struct packed_place *place);

// Bytes that a record takes.
size_t packed_record_size(const struct packed_layout *, const struct packed_text *record);

// Adds a record, whose key is not there, behind the others, in place or in a new blob; NULL without
// memory, nothing is changed then. Afterwards the records may take at most PACKED_MAX_BYTES.
struct packed_blob *packed_add(const struct packed_layout *, struct packed_blob *,
                               const struct packed_text *record);

// Gives back the room of a private blob that has much of it; the blob may move. What it stays as
// without memory is right as well.
struct packed_blob *packed_fit(const struct packed_layout *, struct packed_blob *);

// A new private blob in which `record` (NULL: none) stands in the place of the one that is there,
// or between two others where from == to; NULL without memory.
struct packed_blob *packed_replace(const struct packed_layout *, const struct packed_blob *,
                                   struct packed_place, const struct packed_text *record);

// Adds a record to a private blob that has room for it.
void packed_push(const struct packed_layout *, struct packed_blob *,
                 const struct packed_text *record);
