// SPDX-License-Identifier: MIT
//
// Walks over the memory of Redis's compact encodings, as it stands in serialised values: the
// listpack of Redis 7, and the ziplist and the zipmap of earlier versions. Every entry is checked
// before it is passed, and the whole at the end of the walk; nothing outside is ever read.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "datatypes/rdb_read.h"

struct rdb_blob {
    // Private to the encoding's file.
    enum status (*next)(struct rdb_blob *, struct rdb_text *);
    const unsigned char *bytes;
    size_t nbytes;
    size_t at;       // where the next entry begins
    size_t previous; // ziplist: bytes that the one before takes, 0: there is none
    size_t seen;     // entries that were passed
};

// Begins a walk; false when the blob is none of that kind for certain.
bool rdb_listpack_open(struct rdb_blob *, const char *bytes, size_t nbytes);
bool rdb_ziplist_open(struct rdb_blob *, const char *bytes, size_t nbytes);
bool rdb_zipmap_open(struct rdb_blob *, const char *bytes, size_t nbytes);

// Reads the next entry, whose text may lie in the blob. STATUS_NOT_FOUND: that was all, and it was
// good; STATUS_BAD_DATA: it is not.
static inline enum status rdb_blob_next(struct rdb_blob *b, struct rdb_text *text)
{
    return b->next(b, text);
}

// The first byte of an entry's text or integer, when `nbytes` of it and the end mark lie in the
// blob; NULL when they do not. `at` is its offset.
static inline const char *rdb_blob_part(const struct rdb_blob *b, size_t at, size_t nbytes)
{
    size_t room = b->nbytes - 1; // for the end mark

    return at <= room && nbytes <= room - at ? (const char *)b->bytes + at : NULL;
}
