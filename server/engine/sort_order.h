// SPDX-License-Identifier: MIT
//
// Putting elements into the order that SORT asks for, in steps.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "datatypes/status.h"
#include "resp/bytes.h"

struct cmd_ctx;

// What an element is sorted by when the key that SORT ... BY names for it is missing: such elements
// come first.
#define SORT_BY_NOTHING ((struct bytes){NULL, SIZE_MAX})

struct sort_item {
    struct bytes element;
    union {
        double score;    // not a NaN; elements of the same score are ordered by their bytes
        struct bytes by; // with `alpha`; elements by the same text stay in the order they came in
    };
};

// Reads a number as strtod() does, with leading space, up to a zero byte or the end; an empty text
// is 0. STATUS_NOT_FLOAT: it is none, is NaN or out of range. STATUS_NO_MEMORY.
enum status sort_number(struct bytes text, double *out);

// Sorts pointers to the `n` items into order[]. Only the first `wanted` <= n of them need be in
// their place; what is behind is undefined. False: there is no memory, or the client has gone
// (cmd_step()); order[] is then of no use.
bool sort_items(struct cmd_ctx *, const struct sort_item *items, size_t n, size_t wanted,
                bool alpha, bool descending, const struct sort_item **order);
// The work of that (command.h), without reading the items.
uint64_t sort_items_work(uint64_t n, uint64_t wanted);
