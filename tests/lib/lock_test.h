// SPDX-License-Identifier: MIT
// Helpers of the lock tests: groups of threads, waiting for a condition, random delays at the
// test points inside the locks. Threads must not assert (cmocka jumps out of the main thread only):
// they count errors, and the main thread asserts that there were none.
#pragma once

#include "locks/cpu.h"
#include "locks/spin.h"
#include "locks/testpoint.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#define NS_PER_MS INT64_C(1000000)
#define LIMIT_NS  (20000 * NS_PER_MS)
#define MAX_GROUP 256

// Evaluates to whether the condition came true before a limit that only a hang reaches.
#define WAIT_UNTIL(condition)                                                                      \
    ({                                                                                             \
        int64_t limit_ = clock_monotonic_ns() + LIMIT_NS;                                          \
        bool met_;                                                                                 \
        while (!(met_ = (condition)) && clock_monotonic_ns() < limit_)                             \
            sched_yield();                                                                         \
        met_;                                                                                      \
    })

#define LOAD(variable)         atomic_load_explicit(&(variable), memory_order_acquire)
#define STORE(variable, value) atomic_store_explicit(&(variable), (value), memory_order_release)
#define COUNT(variable)        atomic_fetch_add_explicit(&(variable), 1, memory_order_relaxed)

// xorshift64 of the calling thread.
static inline uint64_t test_random(void)
{
    static _Thread_local uint64_t state;
    if (state == 0)
        state = ((uint64_t)(uintptr_t)&state * UINT64_C(0x9E3779B97F4A7C15)) | 1;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static inline void sleep_ns(int64_t ns)
{
    struct timespec span = {.tv_sec = 0, .tv_nsec = ns};
    nanosleep(&span, NULL);
}

// The hook of the torture tests: mostly nothing, sometimes a short or a long delay.
static inline void delay_at_random(enum lock_point point)
{
    (void)point;
    uint64_t dice = test_random() >> 32;
    if (dice % 32 == 0)
        sched_yield();
    else if (dice % 64 == 1)
        sleep_ns((int64_t)(dice % 100000));
}

// Interference on or off; without KL_DEBUG there is none to be had.
static inline void delays_set(bool on)
{
#ifdef KL_DEBUG
    lock_testpoint_set(on ? delay_at_random : NULL);
#else
    (void)on;
#endif
}

// In debug builds: runs `act` once, when the calling thread next passes the point. Shows that a
// decision taken before the point is taken again after it.
#ifdef KL_DEBUG
static _Atomic(enum lock_point) act_at; // other threads pass points, too
static void (*_Atomic act_once)(void);

static inline void act_hook(enum lock_point point)
{
    void (*act)(void) = LOAD(act_once);
    if (act == NULL || point != LOAD(act_at) ||
        !atomic_compare_exchange_strong_explicit(&act_once, &act, NULL, memory_order_acq_rel,
                                                 memory_order_acquire))
        return;
    lock_testpoint_set(NULL);
    act();
}

static inline void interfere_at(enum lock_point point, void (*act)(void))
{
    STORE(act_at, point);
    STORE(act_once, act);
    lock_testpoint_set(act_hook);
}
#endif

// Without spinning every contended lock parks, as on a machine with one CPU.
static inline void spinning_set(bool on)
{
    STORE(lock_tuning.spins, on ? 16 : 0);
    STORE(lock_tuning.yields, on ? 32 : 0);
}

// A torture test (with setup, teardown of its file), run twice: waiters that spin before they park,
// and waiters that park at once.
#define TORTURE(name)                                                                              \
    {#name, name, setup, teardown, NULL},                                                          \
    {                                                                                              \
#name " (no spinning)", name, setup_no_spinning, teardown, NULL                            \
    }

struct group {
    pthread_t threads[MAX_GROUP];
    size_t n;
};

static inline void group_start(struct group *group, size_t n, void *(*body)(void *), void *arg)
{
    for (size_t i = 0; i < n; i++) {
        if (group->n == MAX_GROUP ||
            pthread_create(&group->threads[group->n], NULL, body, arg) != 0)
            abort();
        group->n++;
    }
}

static inline void group_join(struct group *group)
{
    for (size_t i = 0; i < group->n; i++)
        pthread_join(group->threads[i], NULL);
    group->n = 0;
}

// Runs n threads of one body to their end.
static inline void run_threads(size_t n, void *(*body)(void *), void *arg)
{
    static struct group group;
    group_start(&group, n, body, arg);
    group_join(&group);
}
