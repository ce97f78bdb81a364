// SPDX-License-Identifier: MIT
//
// Random command sequences.
#pragma once

#include <stdint.h>

#include "resp/bytes.h"
#include "tests/diff/inline.h"
#include "tests/diff/row.h"

enum { DIFF_ARGS_MAX = 128, DIFF_CONNECTIONS = 2 };

struct diff_command {
    const struct diff_row *row;
    int connection;
    enum diff_form form;
    int argc;
    struct bytes *argv; // names included; each in memory of its own
};

// Commands that begin on empty databases, with encoding limits of few elements or Redis's own.
struct diff_sequence {
    struct diff_command *commands;
    int n;
    bool small_limits;
};

// Makes a sequence of n commands. The same seed makes the same, but for absolute times.
void diff_generate(struct diff_sequence *, uint64_t seed, int n);
void diff_sequence_free(struct diff_sequence *);
// To standard error, as words in quotes.
void diff_command_print(const struct diff_command *);
