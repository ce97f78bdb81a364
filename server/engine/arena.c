// SPDX-License-Identifier: MIT
#include "server/engine/arena.h"

#include <string.h>

#include "datatypes/mem.h"

enum {
    CHUNK_MIN = 1024, // bytes of the first chunk; each has twice as many as the one before
    CHUNK_MAX = 64 * 1024,
    ALIGNMENT = 16,
};

struct arena_chunk {
    struct arena_chunk *next;
    size_t used, size;
    _Alignas(ALIGNMENT) char data[];
};

static struct arena_chunk *add_chunk(struct arena *a, size_t nbytes)
{
    size_t size = a->chunks ? 2 * a->chunks->size : CHUNK_MIN;

    if (size > CHUNK_MAX)
        size = CHUNK_MAX;
    if (size < nbytes)
        size = nbytes;
    struct arena_chunk *chunk = mem_alloc(sizeof *chunk + size);
    if (!chunk)
        return NULL;
    *chunk = (struct arena_chunk){.next = a->chunks, .size = size};
    a->chunks = chunk;
    a->nbytes += sizeof *chunk + size;
    return chunk;
}

void *arena_take(struct arena *a, size_t nbytes)
{
    struct arena_chunk *chunk = a->chunks;

    nbytes = (nbytes + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    if (!chunk || chunk->size - chunk->used < nbytes)
        chunk = add_chunk(a, nbytes);
    if (!chunk)
        return NULL;
    void *room = chunk->data + chunk->used;
    chunk->used += nbytes;
    return room;
}

char *arena_copy(struct arena *a, const char *data, size_t len)
{
    char *copy = arena_take(a, len);

    if (copy && len)
        memcpy(copy, data, len);
    return copy;
}

void arena_free(struct arena *a)
{
    struct arena_chunk *chunk;

    while ((chunk = a->chunks)) {
        a->chunks = chunk->next;
        mem_free(chunk);
    }
    a->nbytes = 0;
}
