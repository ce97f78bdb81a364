// SPDX-License-Identifier: MIT
//
// Reads the parts that serialised values (rdb.h) are made of. The bytes may be anything: nothing is
// read beyond the end, and no more memory is taken than they can stand for.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "datatypes/status.h"
#include "datatypes/str.h"

// The bytes that are still to be read.
struct rdb_cursor {
    const char *at, *end;
};

static inline size_t rdb_left(const struct rdb_cursor *c)
{
    return (size_t)(c->end - c->at);
}

// The next `n` bytes; false: there are fewer.
static inline bool rdb_take(struct rdb_cursor *c, size_t n, const char **bytes)
{
    if (n > rdb_left(c))
        return false;
    *bytes = c->at;
    c->at += n;
    return true;
}

// The integer of `nbytes` <= 8 bytes, little-endian, at `bytes`; with its sign.
uint64_t rdb_uint(const char *bytes, size_t nbytes);
int64_t rdb_int(const char *bytes, size_t nbytes);

// A length; false when there is none.
bool rdb_read_length(struct rdb_cursor *, uint64_t *n);

// A text that was read: `data` points into what was read from, into `number` or to `block`. All
// zero at first; used again for the next text, so that `block` is as large as the largest needs.
struct rdb_text {
    const char *data;
    size_t len;
    char number[STR_I64_MAX];
    char *block; // for those that were compressed
    size_t room; // bytes of it
};
void rdb_text_free(struct rdb_text *);

// Makes the text that of an integer.
void rdb_text_set_int(struct rdb_text *, int64_t n);

// Reads a text. STATUS_BAD_DATA: there is none; STATUS_NO_MEMORY.
enum status rdb_read_text(struct rdb_cursor *, struct rdb_text *);

// The length of the text that comes next, without reading it; 0 when there is none.
size_t rdb_peek_text(struct rdb_cursor);
