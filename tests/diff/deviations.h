// SPDX-License-Identifier: MIT
//
// Where Keylot differs from Redis on purpose: one table (deviations.c), each row with its reason.
#pragma once

#include <stdbool.h>

#include "tests/diff/row.h"

// Whether this difference of two replies to a command is in the table.
bool diff_deviates(const struct diff_row *, const char *keylot, const char *redis);
