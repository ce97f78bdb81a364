// SPDX-License-Identifier: MIT
//
// Strings: pure operations on value words of the string kinds. Functions that take a struct value named
// `old` read it and hand back in *out what the key must hold from now on: the same word when the change
// could be made in place, else a new value that the caller publishes, retiring `old` (key_set does both).
// Writers hold the key's write lock; str_view and str_len are for readers of every class.
#pragma once

#include "datatypes/value.h"

// A string's bytes as seen at one instant. `data` points into the value (valid to the end of the epoch
// section, or while the key is locked) or into `buf`.
struct str_view {
    const char *data;
    size_t len;
    char buf[24];
};

// Fills the view; `v` must be one of the string kinds.
void str_view(struct value v, struct str_view *);
size_t str_len(struct value v);

// A new string value: inline integer when the bytes are the canonical text of one that fits 60 bits,
// inline text up to 7 bytes, else a block. expires_at_ms may be NO_EXPIRE.
enum status str_new(const char *data, size_t len, int64_t expires_at_ms, struct value *out);
enum status str_from_i64(int64_t n, int64_t expires_at_ms, struct value *out);

// The integer that the string is the canonical text of, by Redis's rules; STATUS_NOT_INTEGER otherwise.
enum status str_to_i64(struct value v, int64_t *out);

// Appends; `old` VALUE_NONE counts as empty. Keeps the expire time. *len: the new length. Capacity grows
// geometrically so that a series of APPENDs costs amortised constant time a byte.
enum status str_append(struct type_ctx *, struct value old, const char *data, size_t len,
                       struct value *out, size_t *new_len);

// Overwrites from `offset`, padding with zero bytes; len > 0. Keeps the expire time.
enum status str_set_range(struct type_ctx *, struct value old, size_t offset, const char *data,
                          size_t len, struct value *out, size_t *new_len);
