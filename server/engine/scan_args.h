// SPDX-License-Identifier: MIT
//
// What the commands that walk in steps (SCAN, SSCAN, HSCAN, ZSCAN) have in common.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "resp/bytes.h"

struct cmd_ctx;

struct scan_args {
    uint64_t cursor;
    uint64_t count; // elements wanted, at least 1
    bool by_name;   // only elements that match `pattern`
    bool by_type;   // only keys of the type `type` (SCAN)
    struct bytes pattern;
    struct bytes type;
};

// Reads the cursor from argument `arg` and presets the rest; false: "ERR invalid cursor" was
// replied.
bool scan_args_cursor(struct cmd_ctx *, int arg, struct scan_args *);

// Reads [MATCH pattern] [COUNT count] from argument `first` on; false: an error was replied. Redis
// looks at these only when the key exists and is of the right type.
bool scan_args_options(struct cmd_ctx *, int first, struct scan_args *);

// The same with [TYPE type] as a third option, which only SCAN has.
bool scan_args_options_typed(struct cmd_ctx *, int first, struct scan_args *);

// True when an element of that name is asked for.
bool scan_args_match(const struct scan_args *, const char *name, size_t len);

// How many steps to try at most, so that one call ends although the collection is sparse.
uint64_t scan_args_steps(const struct scan_args *);

// The work estimate of the commands that take these options: their COUNT.
uint64_t scan_args_work(struct cmd_ctx *);
