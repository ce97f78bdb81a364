// SPDX-License-Identifier: MIT
// What the locks need to know of the processor and its clocks.
#pragma once

#include <sched.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

// Size of the unit in which cores pass memory to each other; data that different threads write
// belongs in different lines.
#define CACHE_LINE 64

// Tells the core that this is a spin loop: saves power and frees the sibling hyper-thread.
static inline void cpu_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ __volatile__("isb" ::: "memory");
#else
    __asm__ __volatile__("" ::: "memory");
#endif
}

// The time as nanoseconds of CLOCK_MONOTONIC: the clock of every deadline in locks/.
static inline int64_t clock_monotonic_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

// A cheap counter of constant but unspecified rate, for measuring short spans on one thread.
static inline uint64_t cpu_ticks(void)
{
#if defined(__x86_64__) || defined(__i386__)
    return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
    uint64_t ticks;
    __asm__ __volatile__("mrs %0, cntvct_el0" : "=r"(ticks));
    return ticks;
#else
    return (uint64_t)clock_monotonic_ns();
#endif
}

// How many CPUs this process may run on, at least 1. A system call: callers keep the answer.
static inline unsigned cpu_count_online(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) > 0)
        return (unsigned)CPU_COUNT(&set);
    // More CPUs than cpu_set_t has bits for.
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n > 0 ? (unsigned)n : 1;
}
