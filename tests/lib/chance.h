// SPDX-License-Identifier: MIT
//
// Whether chance is fair.
#pragma once

#include <stddef.h>

// Fails the test unless the frequencies can come from `cells` equally likely outcomes: chi-square
// below what chance exceeds once in a few million runs.
void assert_uniform(const unsigned *frequency, size_t cells, const char *what);
