// SPDX-License-Identifier: MIT
//
// A few short records in one allocation: the encoding of small collections. A record is one or more
// byte strings, its texts, and the first of them is its key: a set's record is a member, a hash's a
// field and its value.
//
//     allocation   | head: its owner's business | struct packed                        |
//     packed       | state (8) | capacity (4) | record, record, ...  | free            |
//     state        count of records in the high half, bytes of all records in the low half
//     record       text, or text text ... as the layout says
//     text         [1 byte length 0..254][bytes] or [255][4 bytes length][bytes]
//
// What is below the published number of bytes never changes, so that readers without a lock (inside
// an epoch section) may walk it while a writer works: adding within capacity writes beyond it and
// publishes the state after; every other change makes a new blob, and the caller publishes that one
// and retires the old. One writer at a time. Records are found by walking: it is meant for about a
// hundred.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct packed;

struct packed_text {
    const char *data;
    size_t len;
};

// What a type's blobs look like, the same for all of them.
struct packed_layout {
    size_t head;    // bytes in front of the blob in the same allocation, a multiple of 16
    unsigned width; // texts in a record, at most PACKED_MAX_WIDTH
};

enum { PACKED_MAX_WIDTH = 2 };

// Most bytes of records that a blob can hold.
#define PACKED_MAX_BYTES ((size_t)1 << 30)

// ---- texts, for whoever stores them elsewhere in the same form ---------------------------------

enum { PACKED_LONG = 255 }; // first byte of a text whose length takes the next four bytes

// Bytes that a text of `len` bytes takes.
static inline size_t packed_text_size(size_t len)
{
    return (len < PACKED_LONG ? 1 : 1 + sizeof(uint32_t)) + len;
}

// Reads the text that begins at `at` and returns its end.
static inline const char *packed_text_read(const char *at, struct packed_text *text)
{
    size_t len = (unsigned char)*at++;
    if (len == PACKED_LONG) {
        uint32_t length;
        memcpy(&length, at, sizeof length);
        at += sizeof length;
        len = length;
    }
    text->data = at;
    text->len = len;
    return at + len;
}

// Writes one and returns its end.
static inline char *packed_text_write(char *at, const char *data, size_t len)
{
    if (len < PACKED_LONG) {
        *at++ = (char)len;
    } else {
        *at++ = (char)PACKED_LONG;
        memcpy(at, &(uint32_t){(uint32_t)len}, sizeof(uint32_t));
        at += sizeof(uint32_t);
    }
    if (len > 0) // data may be NULL otherwise
        memcpy(at, data, len);
    return at + len;
}

// ---- blobs -------------------------------------------------------------------------------------

// An empty private blob with room for `nbytes` bytes of records; NULL without memory. The head is
// not filled in; it begins at packed_block(), which is what mem_free() takes.
struct packed *packed_new(const struct packed_layout *, size_t nbytes);
static inline void *packed_block(const struct packed_layout *layout, const struct packed *p)
{
    return (char *)(uintptr_t)p - layout->head;
}

// [free] What is published: read it once and walk that.
struct packed_view {
    const char *data;
    size_t nbytes; // of all records
    size_t count;
};
void packed_view(const struct packed *, struct packed_view *);

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

// [free] True when there is a record of that key; *place, which may be NULL, is where.
bool packed_find(const struct packed_layout *, const struct packed *, const char *key, size_t len,
                 struct packed_place *place);

// Bytes that a record takes.
size_t packed_record_size(const struct packed_layout *, const struct packed_text *record);

// Adds a record, whose key is not there, behind the others, in place or in a new blob; NULL without
// memory, nothing is changed then. Afterwards the records may take at most PACKED_MAX_BYTES.
struct packed *packed_add(const struct packed_layout *, struct packed *,
                          const struct packed_text *record);

// A new private blob in which `record` (NULL: none) stands in the place of the one that is there,
// or between two others where from == to; NULL without memory.
struct packed *packed_replace(const struct packed_layout *, const struct packed *,
                              struct packed_place, const struct packed_text *record);

// A new private blob of the same records with room for `more` bytes of others; NULL without memory.
struct packed *packed_copy(const struct packed_layout *, const struct packed *, size_t more);

// Adds a record to a private blob that has room for it.
void packed_push(const struct packed_layout *, struct packed *, const struct packed_text *record);
