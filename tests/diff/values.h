// SPDX-License-Identifier: MIT
//
// Random arguments: of a kind ("key", "score"), or strange ones that suit no kind.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "datatypes/rng.h"
#include "tests/lib/strbuf.h"

struct diff_values {
    struct rng rng;
    char letter;    // of the keys that the group of the command uses
    bool wide;      // thousands of members instead of a few dozen, for large collections
    int favourite;  // every other key is this one of the group's; 0: none
    int64_t now_ms; // times are counted from here, so that a seed repeats them (but for the date)
};

// Appends an argument of the kind. False: there is no such kind.
bool diff_value(struct diff_values *, const char *kind, size_t kind_len, struct strbuf *);
// Appends an argument that is strange in most places.
void diff_strange(struct diff_values *, struct strbuf *);
// True once in n times on average.
bool diff_chance(struct diff_values *, unsigned n);
