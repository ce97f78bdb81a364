// SPDX-License-Identifier: MIT
//
// Random commands on few keys, all known to kv_model.h, for histories that linearize.h checks. The
// same seed gives the same commands. Values that are written are written once, so that what is read
// tells who wrote it.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "datatypes/rng.h"

enum { LINEAR_LOAD_KEYS = 8, LINEAR_LOAD_LINE = 1600 };

// The first ones are of one type: reads without a lock against writes of several keys, and values
// in all encodings if the server's limits are small.
enum linear_mix {
    LINEAR_STRINGS,
    LINEAR_SETS,
    LINEAR_HASHES,
    LINEAR_LISTS,
    LINEAR_ZSETS,
    LINEAR_MIXED,  // all types on the same keys, and FLUSHALL
    LINEAR_SINGLE, // commands of one key: each key can be checked apart
    LINEAR_MIXES,
};

struct linear_load {
    struct rng rng;
    enum linear_mix mix;
    int client, nkeys;
    unsigned reads_percent; // a writer, a reader or both: reads see what writers who wait cannot
    int nvalues;            // written so far
    bool gambled;           // a command of this transaction depends on chance
};

void linear_load_init(struct linear_load *, uint64_t seed, enum linear_mix, int client, int nkeys);
// Writes the next command, terminated, its words separated by blanks; or a transaction of several,
// separated by line feeds. Returns `line`.
const char *linear_load_next(struct linear_load *, char line[LINEAR_LOAD_LINE]);
// Calls fn with each command to be sent for what that wrote: a transaction's between MULTI and
// EXEC. Returns how many there were; the reply to the last one is what counts.
int linear_load_each(const char *line, void (*fn)(void *arg, const char *command), void *arg);
