// SPDX-License-Identifier: MIT
// Every interleaving of a few threads on a mutex, a condition variable, a once: the real code of
// locks/, explored (tests/model/explore.h).
#include "tests/model/lot.h"
#include "tests/model/model_test.h"

#include "locks/condvar.h"
#include "locks/mutex.h"
#include "locks/once.h"

#include <stdio.h>

// Any deadline that may pass: whether it does is the explorer's choice.
enum { SOME_DEADLINE = 1 };

#define SLEPT       LOT_SAW(LOT_SLEPT)
#define TIMED_OUT   (LOT_SAW(LOT_TIMED_OUT) | LOT_SAW(LOT_TIMED_OUT_LATE))
#define HANDED_OVER (LOT_SAW(LOT_FAIR) | LOT_SAW(LOT_HANDED_OVER))

// What else may be seen.
enum { LOCKED_IN_TIME = LOT_EVENTS, NOT_IN_TIME, TRIED_IN_VAIN, NOTIFIED_IN_TIME, LAST_FREED };

static struct {
    struct mutex mutex;
    struct condvar condvar;
    struct once once;
    uint32_t holders, users, sleeps; // of the mutex; sleeps of the first thread for it
    uint32_t permits, waiting;       // for the condition variable
    uint32_t runs, failures;         // of what is done once
} w;

static void begin(void)
{
    memset(&w, 0, sizeof(w));
    lot_open((const void *[]){&w.mutex, &w.condvar, &w.once, NULL});
    lot_never_fair(); // a mutex goes by the intervals of threads
}

static void invariant(void)
{
    if (lot_quiet(&w.mutex))
        explore_check_int((w.mutex.state & MUTEX_PARKED) != 0, lot_waiters(&w.mutex) > 0);
    if (lot_quiet(&w.condvar))
        explore_check_int(w.condvar.mutex != NULL, lot_waiters(&w.condvar) > 0);
}

static void finally(void)
{
    explore_check_int(w.mutex.state, 0);
    explore_check_int(w.holders, 0);
    explore_check_int(lot_waiters(&w.mutex), 0);
    explore_check_int(lot_waiters(&w.condvar), 0);
    explore_check_int(lot_waiters(&w.once), 0);
}

static void show(char *text, size_t size)
{
    snprintf(text, size, "mutex %u, once %u; queued %zu, on condvar %zu, on once %zu",
             w.mutex.state, w.once.state, lot_waiters(&w.mutex), lot_waiters(&w.condvar),
             lot_waiters(&w.once));
}

static struct explore_scenario world(void)
{
    return (struct explore_scenario){
        .regions = {{&w, sizeof(w)}, lot_region()},
        .begin = begin,
        .invariant = invariant,
        .finally = finally,
        .show = show,
    };
}

// ---- mutex -------------------------------------------------------------------------------------

static void inside(void)
{
    explore_check_int(w.holders, 0);
    w.holders++;
    explore_step("inside");
    w.holders--;
}

static void lock(void)
{
    mutex_lock(&w.mutex);
    inside();
    mutex_unlock(&w.mutex);
}

static void lock_twice(void)
{
    lock();
    lock();
}

static void lock_fair(void)
{
    mutex_lock(&w.mutex);
    inside();
    mutex_unlock_fair(&w.mutex);
}

static void lock_timed(void)
{
    bool locked = mutex_lock_until(&w.mutex, SOME_DEADLINE);
    explore_saw(locked ? LOCKED_IN_TIME : NOT_IN_TIME);
    if (!locked)
        return;
    inside();
    mutex_unlock(&w.mutex);
}

static void try_lock(void)
{
    if (!mutex_try_lock(&w.mutex)) {
        explore_saw(TRIED_IN_VAIN);
        return;
    }
    inside();
    mutex_unlock(&w.mutex);
}

static void test_lock(void **state)
{
    (void)state;
    EXPLORE(world(), "mutex: lock x2", SLEPT, lock, lock);
    EXPLORE(world(), "mutex: lock twice x2", SLEPT, lock_twice, lock_twice);
    EXPLORE(world(), "mutex: lock x3", SLEPT | HANDED_OVER, lock, lock, lock);
    EXPLORE(world(), "mutex: lock twice, lock x2", SLEPT | HANDED_OVER, lock_twice, lock, lock);
    if (model_full())
        EXPLORE(world(), "mutex: lock twice x3", SLEPT, lock_twice, lock_twice, lock_twice);
}

static void test_try(void **state)
{
    (void)state;
    EXPLORE(world(), "mutex: try x3", LOT_SAW(TRIED_IN_VAIN), try_lock, try_lock, try_lock);
    EXPLORE(world(), "mutex: try, lock x2", SLEPT | LOT_SAW(TRIED_IN_VAIN), try_lock, lock, lock);
}

static void begin_never_fair(void)
{
    begin();
    lot_never_due(true);
}

// Without the clock all hand-overs come from the fair unlock.
static void test_fair(void **state)
{
    (void)state;
    struct explore_scenario clockless = world();
    clockless.begin = begin_never_fair;
    EXPLORE(clockless, "mutex: fair unlock x2, no clock", SLEPT | LOT_SAW(LOT_HANDED_OVER),
            lock_fair, lock_fair);
    EXPLORE(world(), "mutex: fair unlock x3", SLEPT | HANDED_OVER, lock_fair, lock_fair, lock_fair);
    EXPLORE(world(), "mutex: fair unlock, lock x2", SLEPT | HANDED_OVER, lock_fair, lock, lock);
}

static void test_timed(void **state)
{
    (void)state;
    uint64_t see = SLEPT | TIMED_OUT | LOT_SAW(LOCKED_IN_TIME) | LOT_SAW(NOT_IN_TIME);
    EXPLORE(world(), "mutex: timed x2", see, lock_timed, lock_timed);
    EXPLORE(world(), "mutex: timed, lock x2", see, lock_timed, lock, lock);
    EXPLORE(world(), "mutex: timed x2, lock", see, lock_timed, lock_timed, lock);
    EXPLORE(world(), "mutex: timed x2, fair unlock", see, lock_timed, lock_timed, lock_fair);
    EXPLORE(world(), "mutex: timed x3", see, lock_timed, lock_timed, lock_timed);
}

// Whoever was woken only to find the mutex taken is not passed over again.
static void count_sleep(void)
{
    if (explore_self() == 0)
        explore_check_int(w.sleeps++ < 2, true);
}

static void begin_counting(void)
{
    begin();
    lot_on_sleep(count_sleep);
}

static void test_passed_over_once(void **state)
{
    (void)state;
    struct explore_scenario counting = world();
    counting.begin = begin_counting;
    EXPLORE(counting, "mutex: lock sleeps twice at most, x2", SLEPT, lock, lock_twice);
    EXPLORE(counting, "mutex: lock sleeps twice at most", SLEPT, lock, lock_twice, lock);
    if (model_full())
        EXPLORE(counting, "mutex: the same, others twice", SLEPT, lock, lock_twice, lock_twice);
}

// The last user frees the memory, however the others are still on their way out.
static void use_and_free(void)
{
    mutex_lock(&w.mutex);
    inside();
    bool last = --w.users == 0;
    mutex_unlock(&w.mutex);
    if (last) {
        explore_saw(LAST_FREED);
        explore_free(&w.mutex);
    }
}

static void begin_three_users(void)
{
    begin();
    w.users = 3;
}

static void test_last_user_frees(void **state)
{
    (void)state;
    struct explore_scenario users = world();
    users.begin = begin_three_users;
    EXPLORE(users, "mutex: the last of 3 users frees it", SLEPT | LOT_SAW(LAST_FREED), use_and_free,
            use_and_free, use_and_free);
}

// ---- condition variable ------------------------------------------------------------------------

static void wait_for_permit(void)
{
    mutex_lock(&w.mutex);
    while (w.permits == 0)
        condvar_wait(&w.condvar, &w.mutex);
    w.permits--;
    inside();
    mutex_unlock(&w.mutex);
}

static void wait_for_permit_timed(void)
{
    mutex_lock(&w.mutex);
    bool in_time = true;
    while (w.permits == 0 && in_time)
        in_time = condvar_wait_until(&w.condvar, &w.mutex, SOME_DEADLINE);
    explore_saw(in_time ? NOTIFIED_IN_TIME : NOT_IN_TIME);
    if (w.permits > 0)
        w.permits--;
    inside();
    mutex_unlock(&w.mutex);
}

static void permit_one(void)
{
    mutex_lock(&w.mutex);
    inside();
    w.permits++;
    mutex_unlock(&w.mutex);
    condvar_notify_one(&w.condvar);
}

static void permit_two(void)
{
    mutex_lock(&w.mutex);
    inside();
    w.permits += 2;
    condvar_notify_all(&w.condvar);
    mutex_unlock(&w.mutex);
}

static void permit_two_late(void)
{
    mutex_lock(&w.mutex);
    w.permits += 2;
    mutex_unlock(&w.mutex);
    condvar_notify_all(&w.condvar);
}

static void permit_one_twice(void)
{
    permit_one();
    permit_one();
}

// A waiter about to return does not touch the condition variable.
static void permit_two_and_free(void)
{
    mutex_lock(&w.mutex);
    w.permits += 2;
    while (w.waiting < 2) { // until both wait, so that nobody comes afterwards
        mutex_unlock(&w.mutex);
        explore_step("lets waiters come");
        mutex_lock(&w.mutex);
    }
    condvar_notify_all(&w.condvar);
    mutex_unlock(&w.mutex);
    explore_free(&w.condvar);
}

static void wait_once(void)
{
    mutex_lock(&w.mutex);
    w.waiting++;
    condvar_wait(&w.condvar, &w.mutex);
    inside();
    mutex_unlock(&w.mutex);
}

static void wait_once_timed(void)
{
    mutex_lock(&w.mutex);
    w.waiting++;
    condvar_wait_until(&w.condvar, &w.mutex, SOME_DEADLINE);
    inside();
    mutex_unlock(&w.mutex);
}

static void test_condvar(void **state)
{
    (void)state;
    EXPLORE(world(), "condvar: wait, notify one", SLEPT, wait_for_permit, permit_one);
    EXPLORE(world(), "condvar: wait x2, notify all", SLEPT, wait_for_permit, wait_for_permit,
            permit_two);
    EXPLORE(world(), "condvar: wait x2, notify all unlocked", SLEPT, wait_for_permit,
            wait_for_permit, permit_two_late);
    if (!model_full())
        return;
    EXPLORE(world(), "condvar: wait x2, notify one twice", SLEPT, wait_for_permit, wait_for_permit,
            permit_one_twice);
    EXPLORE(world(), "condvar: wait x2, notify all, free", SLEPT, wait_once, wait_once,
            permit_two_and_free);
}

static void test_condvar_timed(void **state)
{
    (void)state;
    uint64_t see = SLEPT | TIMED_OUT | LOT_SAW(NOTIFIED_IN_TIME) | LOT_SAW(NOT_IN_TIME);
    EXPLORE(world(), "condvar: timed, notify one", see, wait_for_permit_timed, permit_one);
    if (!model_full())
        return;
    EXPLORE(world(), "condvar: timed, wait, notify all", see, wait_for_permit_timed,
            wait_for_permit, permit_two);
    EXPLORE(world(), "condvar: timed x2, notify all unlocked", see, wait_for_permit_timed,
            wait_for_permit_timed, permit_two_late);
    EXPLORE(world(), "condvar: timed, wait, notify all, free", SLEPT | TIMED_OUT, wait_once_timed,
            wait_once, permit_two_and_free);
}

// ---- once --------------------------------------------------------------------------------------

static bool run_and_fail_first(void *arg)
{
    (void)arg;
    explore_check_int(w.holders, 0);
    w.holders++;
    explore_step("runs");
    w.holders--;
    w.runs++;
    return w.runs > w.failures;
}

static void run_once(void)
{
    bool done = once_run(&w.once, run_and_fail_first, NULL);
    explore_check(!done || w.runs == w.failures + 1);
    explore_check(done || w.failures > 0);
}

static void begin_failing(void)
{
    begin();
    w.failures = 1;
}

static void test_once(void **state)
{
    (void)state;
    struct explore_scenario failing = world();
    failing.begin = begin_failing;
    EXPLORE(world(), "once: run x3", SLEPT, run_once, run_once, run_once);
    EXPLORE(failing, "once: run x3, the first fails", SLEPT, run_once, run_once, run_once);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lock),
        cmocka_unit_test(test_try),
        cmocka_unit_test(test_fair),
        cmocka_unit_test(test_timed),
        cmocka_unit_test(test_passed_over_once),
        cmocka_unit_test(test_last_user_frees),
        cmocka_unit_test(test_condvar),
        cmocka_unit_test(test_condvar_timed),
        cmocka_unit_test(test_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
