// SPDX-License-Identifier: MIT
//
// A growing text for replies that are composed before they are sent: INFO, CLIENT LIST.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "resp/bytes.h"

struct text {
    char *data; // terminated unless NULL
    size_t len;
    size_t cap;
    bool failed; // an allocation failed: what was added since is missing
};

#define TEXT_EMPTY ((struct text){0})

void text_printf(struct text *, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_add(struct text *, struct bytes);
// A size as people read it: "512B", "1.50M".
void text_human(char *out, size_t nout, uint64_t nbytes);
void text_free(struct text *);

static inline struct bytes text_bytes(const struct text *t)
{
    return (struct bytes){t->data ? t->data : "", t->len};
}
