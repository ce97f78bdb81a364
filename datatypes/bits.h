// SPDX-License-Identifier: MIT
//
// Bits of byte strings. Bit 0 is the most significant bit of byte 0, as in Redis, and an integer
// field has its most significant bit first.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// How many bits are set.
uint64_t bits_count(const char *data, size_t nbytes);
// The position of the first bit of that value, nbytes * 8 when there is none.
uint64_t bits_find(const char *data, size_t nbytes, bool bit);

enum bits_op { BITS_AND, BITS_OR, BITS_XOR, BITS_NOT };

// Makes `to` what the operation makes of `to` and `from`; BITS_NOT: of `from` alone.
void bits_combine(enum bits_op, char *to, const char *from, size_t nbytes);

// ---- integer fields

struct bits_type {
    bool is_signed;
    unsigned width; // 1..64, unsigned ones 1..63
};

enum bits_overflow { BITS_WRAP, BITS_SATURATE, BITS_FAIL };

// The field whose first bit is `at`, extended to 64 bits by its sign if it has one. Bits beyond the
// end of the string are zero.
uint64_t bits_get(const char *data, size_t nbytes, uint64_t at, struct bits_type);
// Stores the low bits of the value there, by str_put(). The field lies within the string.
void bits_put(char *data, uint64_t at, struct bits_type, uint64_t value);
// value + by as the type can hold it. True when it cannot hold the sum: *out is then what the rule
// makes of it (BITS_FAIL: nothing). `value` need not fit the type itself.
bool bits_add(struct bits_type, uint64_t value, int64_t by, enum bits_overflow, uint64_t *out);
