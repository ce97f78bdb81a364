// SPDX-License-Identifier: MIT
// Sleep on a 32-bit word and wake its sleepers: the one place that talks to the kernel.
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

// A deadline that never comes.
#define DEADLINE_NONE ((int64_t)-1)

// Sleeps while *word == expected, until a futex_wake() or the deadline (CLOCK_MONOTONIC, ns;
// negative: none). Returns false only when the deadline has passed; true may be spurious, so the
// caller loops on its own condition. Orders no memory: the caller loads *word again with acquire.
bool futex_wait(_Atomic uint32_t *word, uint32_t expected, int64_t deadline_ns);

// Wakes at most n sleepers of the word, within this process. The word is used as an address only,
// so it may already be gone: some other sleeper there then sees a spurious wake-up, no more.
void futex_wake(_Atomic uint32_t *word, int n);
