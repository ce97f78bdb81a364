// SPDX-License-Identifier: MIT
//
// Floating point numbers as text, digit for digit as Redis 7.0 reads and writes them. The C locale
// is assumed (the decimal point is '.'). All functions are pure and thread-safe.

#pragma once

#include <stdbool.h>
#include <stddef.h>

enum {
    DOUBLE_CHARS = 32,             // room double_format needs
    DOUBLE_LONG_CHARS = 5 * 1024,  // room double_format_long needs
    DOUBLE_INPUT_CHARS = 5 * 1024, // text of a long double is shorter than this
};

// Writes `value` with 17 significant digits ("%.17g"; "inf", "-inf", "nan"), the form of a score
// in a reply. `out` holds DOUBLE_CHARS bytes. Returns the length; no terminator is promised.
size_t double_format(double value, char *out);

// Writes `value` for people, the form INCRBYFLOAT stores and answers: 17 digits after the point,
// never an exponent, trailing zeros and a trailing point cut, "-0" made "0". `out` holds
// DOUBLE_LONG_CHARS bytes. Returns the length; no terminator is promised.
size_t double_format_long(long double value, char *out);

// Whether the whole of text[0..len) is a number as strtod reads it (decimal, hex, "inf"), which is
// stored in *out: no leading space, no NaN, no overflow, no underflow to zero. *out is left alone
// when the answer is false. Text of 256 bytes and more is copied with malloc; when that fails it
// counts as no number.
bool double_parse(const char *text, size_t len, double *out);

// The same for a long double; text of DOUBLE_INPUT_CHARS bytes or more is no number.
bool double_parse_long(const char *text, size_t len, long double *out);
