// SPDX-License-Identifier: MIT
// Something that is done once, by whoever comes first, while the others wait; 1 byte.
//
//   state              meaning
//   0                  not done
//   RUNNING            somebody is doing it
//   RUNNING | PARKED   and others sleep until then
//   DONE               done, for ever
//
// Invariant: PARKED is set only under the parking lot's bucket lock of the byte, and only beside
// RUNNING. Leaving RUNNING clears it and wakes all.
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct once {
    _Atomic uint8_t state;
};

#define ONCE_INIT                                                                                  \
    {                                                                                              \
        0                                                                                          \
    }

enum { ONCE_DONE = 1, ONCE_RUNNING = 2, ONCE_PARKED = 4 };

bool once_run_slow(struct once *once, bool (*fn)(void *arg), void *arg);

// Whether it is done. Acquire: true means that all fn did is visible.
static inline bool once_done(const struct once *once)
{
    return atomic_load_explicit(&once->state, memory_order_acquire) == ONCE_DONE;
}

// Returns true once fn(arg) has returned true, now or earlier, here or on another thread. If the fn
// called here returns false the matter stays undone, this returns false and the next caller (or one
// that waits) tries. fn must not call once_run() on the same struct.
static inline bool once_run(struct once *once, bool (*fn)(void *arg), void *arg)
{
    return __builtin_expect(once_done(once), 1) || once_run_slow(once, fn, arg);
}
