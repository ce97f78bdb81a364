// SPDX-License-Identifier: MIT
//
// Estimates of how much work a command will be, for the `work` field of its row: see command.h.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "datatypes/value.h"

struct cmd_ctx;

// Bytes that `n` elements of a value may have at most, n <= value_weight(); a string is one
// element. Those of a list are known once it is locked, and 0 before (CMD_LOOK_AGAIN).
size_t work_bytes_most(const struct cmd_ctx *, struct value, size_t n);
// Of `n` elements of a value that are walked and copied; with fewer, of all.
uint64_t work_of_elements(const struct cmd_ctx *, struct value, uint64_t n);
// Of `n` elements drawn from a value, perhaps the same ones again and again.
uint64_t work_of_draws(const struct cmd_ctx *, struct value, uint64_t n);
// Of one value.
uint64_t work_of_value(const struct cmd_ctx *, struct value);

// The command handles each argument once, and may copy it: SADD, MSET, DEL.
uint64_t work_args(struct cmd_ctx *);
// It walks the value of its first key, or copies it: SMEMBERS, GET.
uint64_t work_first_key(struct cmd_ctx *);
// It walks all of its keys' values: SUNION, MGET.
uint64_t work_all_keys(struct cmd_ctx *);
// It copies its value before it changes it, and its arguments: APPEND.
uint64_t work_copy_on_write(struct cmd_ctx *);
// It takes as long as it takes, and waits for other commands to end: FLUSHALL.
uint64_t work_exclusive(struct cmd_ctx *);
// Of a number of bytes that are copied.
uint64_t work_of_bytes(size_t nbytes);
