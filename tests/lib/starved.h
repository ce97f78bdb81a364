// SPDX-License-Identifier: MIT
//
// Commands that run out of memory at each of their allocations in turn, in process.
#pragma once

#include "resp/bytes.h"
#include "tests/lib/inproc.h"

enum {
    STATE_CHARS = 1 << 17,
    ALLOCATIONS_MAX = 3000, // more than any of these commands makes
    LONG_CHARS = 74,        // longer than what packed collections hold by default
};

extern const char LONG_A[LONG_CHARS + 1], LONG_B[LONG_CHARS + 1];

// Who runs the commands, from starved_open() on.
extern struct inproc_client *starved;

void starved_open(void);
void starved_close(void);
// Before each test: no keys.
int starved_setup(void **state);

// All that the keys a, b, c and d hold, as text of less than STATE_CHARS.
void starved_describe(char *state);

// Runs a command with no memory after the n-th allocation for n = 0, 1, ... until it succeeds; each
// failure must answer -OOM, and nothing else, and change nothing. Returns how often it failed.
// `want` is what it answers in the end, NULL: whatever is no error.
int run_argv_short_of_memory(int argc, struct bytes *argv, const char *want);
// The same for a command as words with blanks between.
int run_short_of_memory(const char *command, const char *want);
