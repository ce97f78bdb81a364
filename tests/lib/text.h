// SPDX-License-Identifier: MIT
//
// A growing string for tests; out of memory ends the test.
#pragma once

#include <stddef.h>

struct text {
    char *data; // terminated; NULL while nothing was ever added
    size_t len, cap;
};

void text_clear(struct text *);
void text_free(struct text *);
void text_add(struct text *, const char *data, size_t len);
void text_addf(struct text *, const char *format, ...) __attribute__((format(printf, 2, 3)));
// In double quotes, with the escapes that redis-cli shows.
void text_add_quoted(struct text *, const char *data, size_t len);
