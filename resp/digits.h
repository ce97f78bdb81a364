// SPDX-License-Identifier: MIT
//
// Integers to decimal text without snprintf: two digits a step from a table. Used for every length
// and integer of a reply, and for whatever else needs an integer's text.

#pragma once

#include <stddef.h>
#include <stdint.h>

enum { DIGITS_MAX = 20 }; // the longest: UINT64_MAX, and INT64_MIN with its sign

// How many decimal digits `value` has; 1 for 0.
unsigned digits_count(uint64_t value);

// Writes `value` at `out`, which has room for DIGITS_MAX bytes. Returns how many bytes were
// written; nothing is written behind them, no terminator either.
size_t digits_write_u64(char *out, uint64_t value);
size_t digits_write_i64(char *out, int64_t value);
