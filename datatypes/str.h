// SPDX-License-Identifier: MIT
//
// Strings: pure operations on value words of the string kinds. Functions that take a struct value
// named `old` read it and hand back in *out what the key must hold from now on: the same word when
// the change could be made in place, else a new value that the caller publishes, retiring `old`
// (key_set does both). Writers hold the key's write lock; str_view and str_len are for readers of
// every class.
#pragma once

#include "datatypes/value.h"

enum {
    STR_I64_MAX = 20, // longest decimal text of an int64_t, without a terminator
};

// The longest string that can be stored at all, whatever proto-max-bulk-len says.
#define STR_MAX_BYTES (((size_t)1 << 30) - 1)

// A string's bytes as seen at one instant. `data` points into the value (valid to the end of the
// epoch section, or while the key is locked) or into `buf`; so a view is used where it lies, not
// copied.
struct str_view {
    const char *data;
    size_t len;
    char buf[24];
};

// Fills the view; `v` must be one of the string kinds.
void str_view(struct value v, struct str_view *);
size_t str_len(struct value v);
// Byte i, 0 beyond the end. With str_len() the only way to look into a VALUE_STR_MUTABLE without a
// lock; the view of such a string is good under the key's lock, and its length at any time.
uint8_t str_byte(struct value v, size_t i);

// A new string value: inline integer when the bytes are the canonical text of one that fits 60
// bits, inline text up to 7 bytes, else a block. expires_at_ms may be NO_EXPIRE. STATUS_TOO_LONG
// only above STR_MAX_BYTES.
enum status str_new(const char *data, size_t len, int64_t expires_at_ms, struct value *out);
// The same, but a number stays a text: only for OBJECT ENCODING, str_to_i64() takes it for a
// number.
enum status str_new_text(const char *data, size_t len, int64_t expires_at_ms, struct value *out);
enum status str_from_i64(int64_t n, int64_t expires_at_ms, struct value *out);

// The integer that the string is the canonical text of, by Redis's rules; STATUS_NOT_INTEGER
// otherwise.
enum status str_to_i64(struct value v, int64_t *out);

// The same for bytes: true when they are exactly what str_format_i64() writes for some number, so
// "01",
// "+1", "-0" and " 1" are not.
bool str_parse_i64(const char *data, size_t len, int64_t *out);
// Writes the decimal text of `n` (no terminator) and returns its length.
size_t str_format_i64(int64_t n, char buf[static STR_I64_MAX]);

// Appends; `old` VALUE_NONE counts as empty. Keeps the expire time. *new_len: the new length.
// Capacity grows geometrically so that a series of APPENDs costs amortised constant time a byte.
// `data` may not lie inside `old`.
enum status str_append(struct type_ctx *, struct value old, const char *data, size_t len,
                       struct value *out, size_t *new_len);

// Overwrites from `offset`, padding with zero bytes; len > 0. Keeps the expire time. `old` may be
// VALUE_NONE. In place only when nothing below the old length is touched, else the string is
// copied.
enum status str_set_range(struct type_ctx *, struct value old, size_t offset, const char *data,
                          size_t len, struct value *out, size_t *new_len);

// ---- bytes changed one by one: bitmaps, HyperLogLogs

// A private string with room for `nbytes` and encoding "raw": the caller writes *bytes and then
// tells the length.
enum status str_new_room(size_t nbytes, int64_t expires_at_ms, struct value *out, char **bytes);
void str_fill_room(struct value, size_t len);

// A string whose bytes are about to be changed.
struct str_edit {
    struct value word; // what the key must hold afterwards
    char *bytes;
    size_t min_len; // what its length will be
    bool in_place;  // readers see the bytes: the change belongs in a write section
};

// Bytes that str_edit_prepare() will have to write before it can begin. For readers of every class.
size_t str_edit_cost(struct value old, size_t min_len);
// Makes the string changeable, and at least min_len bytes long by zero bytes at its end; `old` may
// be VALUE_NONE. A small string is copied, and so is a large one the first time that it is changed,
// with the expire time; nothing that readers see has changed when this returns.
enum status str_edit_prepare(struct type_ctx *, struct value old, size_t min_len,
                             struct str_edit *);
// Lengthens it. If `in_place` the write section is open. Bytes are then read at will, and written
// by str_put().
void str_edit_begin(struct str_edit *);

// Release for rule 4 of value.h: readers of a mutable string load it without a lock.
static inline void str_put(char *at, uint8_t byte)
{
    __atomic_store_n(at, (char)byte, __ATOMIC_RELEASE);
}

// For value.c: its functions for the string kinds.
const char *str_encoding(struct value);
int64_t str_expires_at(struct value);
enum status str_set_expire(struct value, int64_t at_ms, struct value *out);
enum status str_copy(struct value, struct value *out);
void str_free(struct value);
bool str_free_lazily(struct lazyfree *, struct value);
void str_retire(struct type_ctx *, struct value);
size_t str_memory(struct value);
