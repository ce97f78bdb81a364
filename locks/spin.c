// SPDX-License-Identifier: MIT
#include "locks/spin.h"

#include "locks/cpu.h"

#include <sched.h>

#define MAX_BACKOFF_STEPS 16
// A yield that takes longer has let other work run on this CPU, for a whole time slice or more.
#define LONG_YIELD_NS      50000
#define LONG_SPINNERS_MOST 8
#define LONG_REPEATS       8

const struct lock_parameters lock_presets[LOCK_PRESETS] = {
    [LOCK_PRESET_DEFAULT] = {16, 4, 32, 500},
    [LOCK_PRESET_THROUGHPUT] = {32, 8, 64, 1000},
    [LOCK_PRESET_FAIRNESS] = {8, 2, 16, 250},
};

// As LOCK_PRESET_DEFAULT says: an initialiser cannot refer to the table.
struct lock_tuning lock_tuning = {
    .spins = 16,
    .backoff_steps = 4,
    .yields = 32,
    .fairness_us = 500,
    .starvation_ms = 100,
};

void lock_tuning_set(const struct lock_parameters *parameters)
{
    atomic_store_explicit(&lock_tuning.spins, parameters->spins, memory_order_relaxed);
    atomic_store_explicit(&lock_tuning.backoff_steps, parameters->backoff_steps,
                          memory_order_relaxed);
    atomic_store_explicit(&lock_tuning.yields, parameters->yields, memory_order_relaxed);
    atomic_store_explicit(&lock_tuning.fairness_us, parameters->fairness_us, memory_order_relaxed);
}

struct lock_parameters lock_tuning_get(void)
{
    return (struct lock_parameters){
        atomic_load_explicit(&lock_tuning.spins, memory_order_relaxed),
        atomic_load_explicit(&lock_tuning.backoff_steps, memory_order_relaxed),
        atomic_load_explicit(&lock_tuning.yields, memory_order_relaxed),
        atomic_load_explicit(&lock_tuning.fairness_us, memory_order_relaxed),
    };
}

// Asked once; 0 until then. Relaxed: every thread computes the same number.
static _Atomic uint32_t cpus;

static uint32_t cpu_count(void)
{
    uint32_t n = atomic_load_explicit(&cpus, memory_order_relaxed);
    if (n == 0) {
        n = cpu_count_online();
        atomic_store_explicit(&cpus, n, memory_order_relaxed);
    }
    return n;
}

bool spin_wait(struct spin *spin)
{
    if (cpu_count() == 1)
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
    } else if (!spin->pauses_only &&
               round < atomic_load_explicit(&lock_tuning.yields, memory_order_relaxed)) {
        int64_t start = clock_monotonic_ns();
        if (spin->yielding_ns == 0)
            spin->yielding_ns = start;
        sched_yield();
        // The CPUs are busy: each further yield may cost milliseconds, and a thread that wakes
        // from sleep is scheduled sooner than one that yields. Look once more, then park.
        if (clock_monotonic_ns() - start > LONG_YIELD_NS)
            round = UINT32_MAX - 1;
    } else {
        return false;
    }
    spin->round = round + 1;
    return true;
}

bool spin_is_long(const struct spin *spin)
{
    return spin->round >= atomic_load_explicit(&lock_tuning.spins, memory_order_relaxed) / 2;
}

unsigned spin_long_most(void)
{
    uint32_t n = cpu_count();
    return n == 1 ? 0 : n < LONG_SPINNERS_MOST ? n : LONG_SPINNERS_MOST;
}

bool spin_wait_long(struct spin *spin)
{
    if (spin_wait(spin))
        return true;
    if (cpu_count() == 1 || spin->repeats == LONG_REPEATS)
        return false;
    spin->repeats++;
    spin->round = 0;
    return true;
}
