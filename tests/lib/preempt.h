// SPDX-License-Identifier: MIT
//
// Takes the processor away from a thread every few microseconds, wherever it happens to be, so that
// others get to see what it has half done. A window of some instructions, which free running
// threads would meet once in a million rounds, is met in most rounds.
//
// (ThreadSanitizer delivers signals late, at calls that it intercepts: there it changes little.)
#pragma once

#include <time.h>

struct preemption {
    timer_t timer;
};

// For the calling thread, until preempt_end() on it. `period_us` is a mean.
void preempt_begin(struct preemption *, unsigned period_us);
void preempt_end(struct preemption *);
