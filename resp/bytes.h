// SPDX-License-Identifier: MIT
//
// A borrowed byte string: pointer and length, not terminated, owned by someone else. Arguments of
// a request, keys and values travel as this. Nothing here allocates, but for bytes_to_double on
// text no sane number needs (see double_parse).

#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct bytes {
    const char *data;
    size_t len;
};

// A byte string made of a literal; its length is counted by the compiler.
#define BYTES(literal) ((struct bytes){"" literal, sizeof(literal) - 1})

// The byte string of a terminated C string, which must live as long as the result.
static inline struct bytes bytes_of(const char *text)
{
    return (struct bytes){text, strlen(text)};
}

// The length as the precision of printf's %.*s.
static inline int bytes_precision(struct bytes s)
{
    return s.len < INT_MAX ? (int)s.len : INT_MAX;
}

static inline bool bytes_equal(struct bytes a, struct bytes b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

// Order as memcmp, a prefix before its extensions: negative, 0 or positive.
static inline int bytes_compare(struct bytes a, struct bytes b)
{
    size_t shared = a.len < b.len ? a.len : b.len;
    int order = shared == 0 ? 0 : memcmp(a.data, b.data, shared);

    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

// ASCII only: the locale has no say in what a command or an option is called.
static inline char bytes_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

// Whether `s` is `lowercase` in any mix of ASCII cases. `lowercase` holds no upper case letter; a
// literal's length costs nothing.
static inline bool bytes_equal_nocase(struct bytes s, const char *lowercase)
{
    size_t i;

    if (s.len != strlen(lowercase)) {
        return false;
    }
    for (i = 0; i < s.len; i++) {
        if (bytes_lower(s.data[i]) != lowercase[i]) {
            return false;
        }
    }
    return true;
}

// Whether `s` is the canonical decimal form of an int64, which is stored in *out: an optional '-',
// no leading zero, no "-0", no '+', no space. *out is left alone otherwise.
bool bytes_to_i64(struct bytes s, int64_t *out);

// The same for an unsigned 64-bit number: digits only.
bool bytes_to_u64(struct bytes s, uint64_t *out);

// See double_parse and double_parse_long. *out is left alone when the answer is false.
bool bytes_to_double(struct bytes s, double *out);
bool bytes_to_long_double(struct bytes s, long double *out);
