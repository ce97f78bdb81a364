// SPDX-License-Identifier: MIT
//
// Lines of a configuration file as words, with the quoting of redis.conf: "double quotes" with \n
// \r \t \b \a \\ \" \xHH, 'single quotes' with \' only; a closing quote ends the word.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "resp/bytes.h"

// A line split into words, and the memory that they stand in.
struct words {
    int n;
    struct bytes *word; // each with a NUL behind it
    char *memory;
};

enum words_result { WORDS_OK, WORDS_UNBALANCED, WORDS_NO_MEMORY };

// Splits a line. On WORDS_OK the caller frees the words; an empty line has none.
enum words_result words_split(struct words *, struct bytes line);
void words_free(struct words *);

// Room that words_quote needs for a word of `len` bytes, its terminator included.
#define WORDS_QUOTED_MAX(len) (4 * (len) + 3)
// Writes a word so that words_split reads it back, in quotes only when it needs them; terminated.
// Returns the length.
size_t words_quote(char *out, struct bytes word);
