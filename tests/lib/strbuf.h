// SPDX-License-Identifier: MIT
//
// A growing string for tests; out of memory ends the test.
#pragma once

#include <stddef.h>

struct strbuf {
    char *data; // terminated; NULL while nothing was ever added
    size_t len, cap;
};

void strbuf_clear(struct strbuf *);
void strbuf_free(struct strbuf *);
void strbuf_add(struct strbuf *, const char *data, size_t len);
void strbuf_addf(struct strbuf *, const char *format, ...) __attribute__((format(printf, 2, 3)));
// In double quotes, with the escapes that redis-cli shows.
void strbuf_add_quoted(struct strbuf *, const char *data, size_t len);
