// SPDX-License-Identifier: MIT

#include "resp/double.h"

#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "resp/digits.h"

size_t double_format(double value, char *out)
{
    // Whole numbers below 1e15 are most scores there are, and "%.17g" prints them as integers.
    // -0.0 is not among them: it prints as "-0".
    if (value > -1e15 && value < 1e15 && value == (double)(int64_t)value &&
        !(value == 0 && signbit(value))) {
        return digits_write_i64(out, (int64_t)value);
    }
    if (isinf(value)) {
        memcpy(out, "-inf", 4);
        if (value > 0) {
            memcpy(out, "inf", 3);
            return 3;
        }
        return 4;
    }
    return (size_t)snprintf(out, DOUBLE_CHARS, "%.17g", value);
}

size_t double_format_long(long double value, char *out)
{
    size_t len;

    if (isinf(value)) {
        return double_format(value > 0 ? INFINITY : -INFINITY, out);
    }
    len = (size_t)snprintf(out, DOUBLE_LONG_CHARS, "%.17Lf", value);
    if (memchr(out, '.', len) != NULL) {
        while (out[len - 1] == '0') {
            len--;
        }
        if (out[len - 1] == '.') {
            len--;
        }
    }
    if (len == 2 && out[0] == '-' && out[1] == '0') {
        out[0] = '0';
        len = 1;
    }
    return len;
}

// Blanks in the C locale, which strtod would skip and Redis refuses.
static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

// Up to 18 digits fit an int64, whose conversion rounds as strtod would: no need to call it.
static bool parse_small_integer(const char *text, size_t len, double *out)
{
    bool negative = len > 1 && text[0] == '-';
    int64_t value = 0;
    size_t i;

    if (len - negative > 18) {
        return false;
    }
    for (i = negative; i < len; i++) {
        unsigned digit = (unsigned char)text[i] - (unsigned)'0';

        if (digit > 9) {
            return false;
        }
        value = value * 10 + digit;
    }
    *out = negative ? -(double)value : (double)value;
    return true;
}

// `text` is terminated after len bytes; len is not 0.
static bool parse_terminated(const char *text, size_t len, double *out)
{
    char *end;
    double value;

    errno = 0;
    value = strtod(text, &end);
    // A subnormal result also raises ERANGE, and is a number.
    if ((size_t)(end - text) != len || isnan(value) ||
        (errno == ERANGE && (isinf(value) || fpclassify(value) == FP_ZERO))) {
        return false;
    }
    *out = value;
    return true;
}

bool double_parse(const char *text, size_t len, double *out)
{
    char copy[256];
    char *heap;
    bool ok;

    if (len == 0 || is_blank(text[0])) {
        return false;
    }
    if (parse_small_integer(text, len, out)) {
        return true;
    }
    if (len < sizeof(copy)) {
        memcpy(copy, text, len);
        copy[len] = '\0';
        return parse_terminated(copy, len, out);
    }
    heap = malloc(len + 1);
    if (heap == NULL) {
        return false;
    }
    memcpy(heap, text, len);
    heap[len] = '\0';
    ok = parse_terminated(heap, len, out);
    free(heap);
    return ok;
}

bool double_parse_long(const char *text, size_t len, long double *out)
{
    char copy[DOUBLE_INPUT_CHARS];
    char *end;
    long double value;

    if (len == 0 || len >= sizeof(copy) || is_blank(text[0])) {
        return false;
    }
    memcpy(copy, text, len);
    copy[len] = '\0';
    errno = 0;
    value = strtold(copy, &end);
    if ((size_t)(end - copy) != len || isnan(value) ||
        (errno == ERANGE && (isinf(value) || fpclassify(value) == FP_ZERO))) {
        return false;
    }
    *out = value;
    return true;
}
