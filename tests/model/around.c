// SPDX-License-Identifier: MIT
// What surrounds the locks under the explorer: spinning goes on and ends, waits are not counted.
#include "tests/model/lot.h"

#include "locks/spin.h"
#include "locks/stats.h"

static void (*on_sleep)(void);

void lot_on_sleep(void (*hook)(void))
{
    on_sleep = hook;
}

bool spin_wait(struct spin *spin)
{
    (void)spin;
    return explore_choose(2) == 1;
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
