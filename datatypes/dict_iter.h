// SPDX-License-Identifier: MIT
//
// Walking over and drawing from a dictionary that nobody changes meanwhile: what the collections
// that are one inside have in common. The caller holds at least the key's read lock, or the
// dictionary is private. Epoch sections may end and begin in between.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "datatypes/status.h"

struct dict;
struct type_ctx;

// A walk that passes each node once.
enum { DICT_ITER_NODES = 12 };
struct dict_iter {
    const struct dict *dict;
    uint64_t cursor;    // of the next bucket
    uint32_t skip;      // nodes of that bucket that were passed already
    uint16_t next, end; // those of `nodes` that are still to come
    bool last;          // no bucket comes after
    const void *nodes[DICT_ITER_NODES];
};
void dict_iter_init(struct dict_iter *, const struct dict *);
// The next node, NULL at the end.
const void *dict_iter_next(struct dict_iter *);

// Draws `n` distinct nodes, every choice equally likely, and passes them to fn in random order. For
// n well below the number of nodes: draws that repeat themselves are thrown away.
// STATUS_NO_MEMORY: fn was not called.
enum { DICT_DRAW_WORK = 2 }; // for each node that is drawn, see type_step()
enum status dict_draw(struct type_ctx *, const struct dict *, size_t n,
                      void (*fn)(const void *node, void *arg), void *arg);

// Bytes of the table and its nodes, each of which is a block from mem_alloc(); estimated from
// `samples` of them (0: all).
size_t dict_memory_with_nodes(const struct dict *, size_t samples);
