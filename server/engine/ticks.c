// SPDX-License-Identifier: MIT
//
// The rate of cpu_ticks() is constant but unknown. It is measured over the time that has passed
// since ticks_init(): the error of reading two clocks one after the other, well below a
// microsecond, is nothing against seconds of uptime.
#include "server/engine/ticks.h"

#include <pthread.h>

#include "locks/cpu.h"

enum { BASELINE_NS = 1000 * 1000 }; // at least this much between the two readings

static struct {
    pthread_once_t once;
    uint64_t ticks;
    int64_t ns;
} reference = {.once = PTHREAD_ONCE_INIT};

static void take_reference(void)
{
    reference.ns = clock_monotonic_ns();
    reference.ticks = cpu_ticks();
}

void ticks_init(void)
{
    pthread_once(&reference.once, take_reference);
}

// Microseconds of one tick; 0 when the counter stands still.
static double us_per_tick(void)
{
    int64_t elapsed_ns;
    uint64_t elapsed_ticks;

    ticks_init();
    while ((elapsed_ns = clock_monotonic_ns() - reference.ns) < BASELINE_NS)
        cpu_pause();
    elapsed_ticks = cpu_ticks() - reference.ticks;
    return elapsed_ticks ? (double)elapsed_ns / 1000.0 / (double)elapsed_ticks : 0;
}

double ticks_to_us(int64_t ticks)
{
    return (double)ticks * us_per_tick();
}

double ticks_from_us(double us)
{
    double rate = us_per_tick();
    return rate > 0 ? us / rate : 0;
}
