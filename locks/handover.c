// SPDX-License-Identifier: MIT
#include "locks/handover.h"

#include "locks/cpu.h"
#include "locks/spin.h"

#include <stddef.h>

// Unlocks from one look at the clock to the next. It is adapted so that a look comes once in 1/32
// to 1/8 of the interval: often enough to notice long holds, and for free where holds are short.
#define LOOK_MOST    64
#define LOOK_SOONEST 32
#define LOOK_LATEST  8

static _Thread_local struct {
    int64_t due_ns;    // the next look after this time finds a hand-over due
    int64_t looked_ns; // at the clock
    uint32_t unlocks;  // since then
    uint32_t interval; // of them, from one look to the next
    uint32_t seed;
    const void *made; // the lock handed over last; NULL: that was asked for
    int64_t made_ns;  // when
} own;

static uint64_t mean_us(void)
{
    return atomic_load_explicit(&lock_tuning.fairness_us, memory_order_relaxed);
}

// Between 3/4 and 3/2 of the mean: the longest wait counts, and goes by the longest interval.
static void begin_interval(int64_t now)
{
    if (own.seed == 0)
        own.seed = (uint32_t)((uintptr_t)&own / sizeof(own)) | 1;
    uint64_t least_us = mean_us() * 3 / 4;
    own.due_ns = now + (int64_t)least_us * HANDOVER_NS_PER_US +
                 handover_interval_ns(&own.seed, least_us / 2);
}

bool handover_due(bool look)
{
    own.unlocks++;
    if (!look && own.unlocks < own.interval)
        return false;
    int64_t now = clock_monotonic_ns(), since = now - own.looked_ns;
    int64_t mean = (int64_t)mean_us() * HANDOVER_NS_PER_US;
    bool long_hold = since / own.unlocks > mean / HANDOVER_LONG_HOLD_PART;
    if (since > mean / LOOK_LATEST)
        own.interval = 1;
    else if (since < mean / LOOK_SOONEST && own.interval < LOOK_MOST)
        own.interval *= 2;
    own.looked_ns = now;
    own.unlocks = 0;
    // More left than could have been drawn: the interval has been shortened since.
    int64_t left = own.due_ns - now;
    if (!long_hold && left > 0 && left <= 2 * mean)
        return false;
    begin_interval(now);
    return true;
}

void handover_slept(void)
{
    own.looked_ns = clock_monotonic_ns();
    own.unlocks = 0;
    own.interval = 1;
    begin_interval(own.looked_ns);
}

void handover_made(const void *lock)
{
    own.made = lock;
    own.made_ns = clock_monotonic_ns();
}

int64_t handover_made_last(const void *lock)
{
    if (own.made != lock)
        return 0;
    own.made = NULL;
    return own.made_ns;
}
