// SPDX-License-Identifier: MIT
// What surrounds the locks under the explorer: spinning goes on and ends, waits are not counted.
#include "tests/model/lot.h"

#include "locks/handover.h"
#include "locks/spin.h"
#include "locks/stats.h"

static void (*on_sleep)(void);
static bool never_due;

void lot_never_due(bool never)
{
    never_due = never;
}

void lot_on_sleep(void (*hook)(void))
{
    on_sleep = hook;
}

bool spin_wait(struct spin *spin)
{
    (void)spin;
    return explore_choose(2) == 1;
}

bool spin_wait_long(struct spin *spin)
{
    return spin_wait(spin);
}

bool spin_is_long(const struct spin *spin)
{
    (void)spin;
    return explore_choose(2) == 1;
}

unsigned spin_long_most(void)
{
    return 1;
}

// Where nobody spins, a hand-over by the clock is one of mutex_unlock_fair().
bool handover_due(bool look)
{
    if (look || never_due || explore_choose(2) == 0)
        return false;
    explore_saw(LOT_FAIR);
    return true;
}

void handover_slept(void)
{
}

void handover_made(const void *lock)
{
    (void)lock;
}

// Whoever does not spin gives way as well.
int64_t handover_made_last(const void *lock)
{
    (void)lock;
    return 0;
}

void lock_wait_sleeps(struct lock_wait *wait, const struct spin *spin)
{
    (void)wait, (void)spin;
    if (on_sleep != NULL)
        on_sleep();
}

int64_t lock_wait_ends(struct lock_wait *wait)
{
    if (wait->handed_over)
        explore_saw(LOT_HANDED_OVER);
    return 0;
}
