// SPDX-License-Identifier: MIT
//
// Memory that is taken piece by piece and given back as a whole. An arena that is all zero is
// empty.
#pragma once

#include <stddef.h>

struct arena_chunk;

struct arena {
    struct arena_chunk *chunks;
    size_t nbytes; // of all chunks
};

// Room for so many bytes, aligned for anything; NULL without memory.
void *arena_take(struct arena *, size_t nbytes);
// A copy of the bytes; NULL without memory.
char *arena_copy(struct arena *, const char *data, size_t len);
// Gives all of it back; the arena is empty again.
void arena_free(struct arena *);
