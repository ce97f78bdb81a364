// SPDX-License-Identifier: MIT
//
// A growing text for replies that are composed before they are sent: INFO, CLIENT LIST.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "resp/bytes.h"

struct textbuf {
    char *data; // terminated unless NULL
    size_t len;
    size_t cap;
    bool failed; // an allocation failed: what was added since is missing
};

#define TEXTBUF_EMPTY ((struct textbuf){0})

void textbuf_printf(struct textbuf *, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void textbuf_add(struct textbuf *, struct bytes);
// A size as people read it: "512B", "1.50M".
void textbuf_human(char *out, size_t nout, uint64_t nbytes);
void textbuf_free(struct textbuf *);

static inline struct bytes textbuf_bytes(const struct textbuf *t)
{
    return (struct bytes){t->data ? t->data : "", t->len};
}
