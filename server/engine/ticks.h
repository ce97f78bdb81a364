// SPDX-License-Identifier: MIT
//
// From cpu_ticks() to microseconds.
#pragma once

#include <stdint.h>

// Takes the reference point against which the rate is measured; idempotent, thread-safe. The
// earlier before the first ticks_to_us(), the cheaper and the more exact that is.
void ticks_init(void);
// So many ticks in microseconds. Waits up to a millisecond if ticks_init() was just now.
double ticks_to_us(int64_t ticks);
// The other way; likewise.
double ticks_from_us(double us);
