// SPDX-License-Identifier: MIT
#include "locks/spin.h"

#include "locks/cpu.h"

#include <sched.h>

#define MAX_BACKOFF_STEPS 16

struct lock_tuning lock_tuning = {
    .spins = 16,
    .backoff_steps = 4,
    .yields = 32,
    .fairness_us = 500,
};

// Asked once; 0 until then. Relaxed: every thread computes the same number.
static _Atomic uint32_t cpus;

static bool single_cpu(void)
{
    uint32_t n = atomic_load_explicit(&cpus, memory_order_relaxed);
    if (n == 0) {
        n = cpu_count_online();
        atomic_store_explicit(&cpus, n, memory_order_relaxed);
    }
    return n == 1;
}

bool spin_wait(struct spin *spin)
{
    if (single_cpu())
        return false;
    uint32_t round = spin->round;
    uint32_t spins = atomic_load_explicit(&lock_tuning.spins, memory_order_relaxed);
    if (round < spins) {
        uint32_t steps = atomic_load_explicit(&lock_tuning.backoff_steps, memory_order_relaxed);
        if (steps > MAX_BACKOFF_STEPS)
            steps = MAX_BACKOFF_STEPS;
        uint32_t pauses = (uint32_t)1 << (round < steps ? round : steps);
        while (pauses-- > 0)
            cpu_pause();
    } else if (round < atomic_load_explicit(&lock_tuning.yields, memory_order_relaxed)) {
        sched_yield();
    } else {
        return false;
    }
    spin->round = round + 1;
    return true;
}
