// SPDX-License-Identifier: MIT
// Every interleaving of a few threads on a reader-writer lock: the real code of locks/rwlock.c,
// explored (tests/model/explore.h).
#include "tests/model/lot.h"
#include "tests/model/model_test.h"

#include "locks/rwlock.h"

#include <stdio.h>

// Any deadline that may pass: whether it does is the explorer's choice.
enum { SOME_DEADLINE = 1 };

#define SLEPT       LOT_SAW(LOT_SLEPT)
#define TIMED_OUT   LOT_SAW(LOT_TIMED_OUT)
#define HANDED_OVER (LOT_SAW(LOT_FAIR) | LOT_SAW(LOT_HANDED_OVER))

// What else may be seen.
enum { SHARED = LOT_EVENTS, DRAINED_ASLEEP, TRIED_IN_VAIN, TRY_SUCCEEDED, LAST_FREED };

static struct {
    struct rwlock lock;
    uint32_t readers, upgradables, writers; // who is inside; an upgradable hold counts once
    uint32_t users;
} w;

static const void *drain_address(void)
{
    return (const char *)&w.lock + 1;
}

static void begin(void)
{
    memset(&w, 0, sizeof(w));
    lot_open((const void *[]){&w.lock, drain_address(), NULL});
}

static void invariant(void)
{
    uint32_t word = w.lock.state;
    if (lot_quiet(&w.lock))
        explore_check_int((word & RWLOCK_PARKED) != 0, lot_waiters(&w.lock) > 0);
    if (lot_quiet(drain_address()))
        explore_check_int((word & RWLOCK_DRAIN_PARKED) != 0, lot_waiters(drain_address()));
    if (lot_waiters(drain_address()) > 0)
        explore_saw(DRAINED_ASLEEP);
    explore_check(!(word & RWLOCK_WRITER) || !(word & RWLOCK_UPGRADABLE));
    explore_check(!(word & RWLOCK_DRAIN_PARKED) || (word & RWLOCK_WRITER));
    if (w.readers + w.upgradables > 1)
        explore_saw(SHARED);
}

static void finally(void)
{
    explore_check_int(w.lock.state, 0);
    explore_check_int(w.readers + w.upgradables + w.writers, 0);
    explore_check_int(lot_waiters(&w.lock), 0);
    explore_check_int(lot_waiters(drain_address()), 0);
}

static void show(char *text, size_t size)
{
    uint32_t word = w.lock.state;
    snprintf(text, size, "readers %u%s%s%s%s; queued %zu, draining %zu", word / RWLOCK_READER,
             word & RWLOCK_WRITER ? " WRITER" : "", word & RWLOCK_UPGRADABLE ? " UPGRADABLE" : "",
             word & RWLOCK_DRAIN_PARKED ? " DRAIN_PARKED" : "",
             word & RWLOCK_PARKED ? " PARKED" : "", lot_waiters(&w.lock),
             lot_waiters(drain_address()));
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

// ---- holds -------------------------------------------------------------------------------------
// Whoever is inside says so, and looks who else is. What is given up is given up just before.

static void enter_read(void)
{
    explore_check_int(w.writers, 0);
    w.readers++;
    explore_step("reads");
}

static void enter_upgradable(void)
{
    explore_check_int(w.writers, 0);
    explore_check_int(w.upgradables, 0);
    w.upgradables++;
    explore_step("reads, upgradable");
}

static void enter_write(void)
{
    explore_check_int(w.readers, 0);
    explore_check_int(w.upgradables, 0);
    explore_check_int(w.writers, 0);
    w.writers++;
    explore_step("writes");
}

static void unlock_read(void)
{
    w.readers--;
    rwlock_unlock_read(&w.lock);
}

static void unlock_write(void)
{
    w.writers--;
    rwlock_unlock_write(&w.lock);
}

static void unlock_upgradable(void)
{
    w.upgradables--;
    rwlock_unlock_upgradable(&w.lock);
}

static void read_(void)
{
    rwlock_lock_read(&w.lock);
    enter_read();
    unlock_read();
}

static void write_(void)
{
    rwlock_lock_write(&w.lock);
    enter_write();
    unlock_write();
}

static void upgradable(void)
{
    rwlock_lock_upgradable(&w.lock);
    enter_upgradable();
    unlock_upgradable();
}

static void lock_and_upgrade(void)
{
    rwlock_lock_upgradable(&w.lock);
    enter_upgradable();
    rwlock_upgrade(&w.lock);
    w.upgradables--;
    enter_write();
}

static void upgrade(void)
{
    lock_and_upgrade();
    unlock_write();
}

static void read_twice(void)
{
    read_();
    read_();
}

static void write_twice(void)
{
    write_();
    write_();
}

static void test_read_write(void **state)
{
    (void)state;
    uint64_t all = SLEPT | HANDED_OVER | LOT_SAW(DRAINED_ASLEEP);
    EXPLORE(world(), "rwlock: read, write", SLEPT | LOT_SAW(DRAINED_ASLEEP), read_, write_);
    EXPLORE(world(), "rwlock: write x2", SLEPT | HANDED_OVER, write_, write_);
    EXPLORE(world(), "rwlock: write twice, read twice", all, write_twice, read_twice);
    EXPLORE(world(), "rwlock: read x3", LOT_SAW(SHARED), read_, read_, read_);
    EXPLORE(world(), "rwlock: read x2, write", all | LOT_SAW(SHARED), read_, read_, write_);
    EXPLORE(world(), "rwlock: read, write x2", all, read_, write_, write_);
    EXPLORE(world(), "rwlock: write x3", SLEPT | HANDED_OVER, write_, write_, write_);
    if (!model_full())
        return;
    EXPLORE(world(), "rwlock: read twice x2, write", all, read_twice, read_twice, write_);
    EXPLORE(world(), "rwlock: read, write twice x2", all, read_, write_twice, write_twice);
    EXPLORE(world(), "rwlock: read x2, write x2", all, read_, read_, write_, write_);
}

static void test_upgradable(void **state)
{
    (void)state;
    uint64_t all = SLEPT | HANDED_OVER | LOT_SAW(DRAINED_ASLEEP);
    EXPLORE(world(), "rwlock: upgradable x2, read", SLEPT | LOT_SAW(SHARED), upgradable, upgradable,
            read_);
    EXPLORE(world(), "rwlock: upgradable, read, write", all, upgradable, read_, write_);
    EXPLORE(world(), "rwlock: upgradable x2, write", SLEPT | HANDED_OVER, upgradable, upgradable,
            write_);
    EXPLORE(world(), "rwlock: upgrade, read", SLEPT | LOT_SAW(SHARED), upgrade, read_);
    EXPLORE(world(), "rwlock: upgrade x2", SLEPT | HANDED_OVER, upgrade, upgrade);
    EXPLORE(world(), "rwlock: upgrade, read x2", all, upgrade, read_, read_);
    EXPLORE(world(), "rwlock: upgrade, read, write", all, upgrade, read_, write_);
    EXPLORE(world(), "rwlock: upgrade x2, read", all, upgrade, upgrade, read_);
    EXPLORE(world(), "rwlock: upgrade, upgradable, write", SLEPT | HANDED_OVER, upgrade, upgradable,
            write_);
}

// ---- from the stronger hold to the weaker ------------------------------------------------------

static void downgrade(void)
{
    rwlock_lock_write(&w.lock);
    enter_write();
    w.writers--;
    w.readers++;
    rwlock_downgrade(&w.lock);
    explore_step("reads on");
    unlock_read();
}

static void downgrade_to_upgradable(void)
{
    rwlock_lock_write(&w.lock);
    enter_write();
    w.writers--;
    w.upgradables++;
    rwlock_downgrade_to_upgradable(&w.lock);
    explore_step("reads on, upgradable");
    unlock_upgradable();
}

static void downgrade_upgradable(void)
{
    rwlock_lock_upgradable(&w.lock);
    enter_upgradable();
    w.upgradables--;
    w.readers++;
    rwlock_downgrade_upgradable(&w.lock);
    explore_step("reads on");
    unlock_read();
}

static void test_downgrade(void **state)
{
    (void)state;
    EXPLORE(world(), "rwlock: downgrade, read, write", SLEPT, downgrade, read_, write_);
    EXPLORE(world(), "rwlock: downgrade x2, read", SLEPT, downgrade, downgrade, read_);
    EXPLORE(world(), "rwlock: write to upgradable, read, write", SLEPT, downgrade_to_upgradable,
            read_, write_);
    EXPLORE(world(), "rwlock: write to upgradable, upgradable, read", SLEPT,
            downgrade_to_upgradable, upgradable, read_);
    EXPLORE(world(), "rwlock: upgradable to read, read, write", SLEPT, downgrade_upgradable, read_,
            write_);
    EXPLORE(world(), "rwlock: upgradable to read, upgrade, read", SLEPT, downgrade_upgradable,
            upgrade, read_);
}

// ---- with a deadline, without waiting, fairly --------------------------------------------------

static void read_timed(void)
{
    if (!rwlock_lock_read_until(&w.lock, SOME_DEADLINE))
        return;
    enter_read();
    unlock_read();
}

static void write_timed(void)
{
    if (!rwlock_lock_write_until(&w.lock, SOME_DEADLINE))
        return;
    enter_write();
    unlock_write();
}

static void upgradable_timed(void)
{
    if (!rwlock_lock_upgradable_until(&w.lock, SOME_DEADLINE))
        return;
    enter_upgradable();
    unlock_upgradable();
}

// If the deadline comes first the upgradable hold remains.
static void upgrade_timed(void)
{
    rwlock_lock_upgradable(&w.lock);
    enter_upgradable();
    if (!rwlock_upgrade_until(&w.lock, SOME_DEADLINE)) {
        explore_check_int(w.writers, 0);
        explore_step("reads on, upgradable");
        unlock_upgradable();
        return;
    }
    w.upgradables--;
    enter_write();
    unlock_write();
}

static void test_timed(void **state)
{
    (void)state;
    uint64_t see = SLEPT | TIMED_OUT;
    EXPLORE(world(), "rwlock: timed read x2, write", see, read_timed, read_timed, write_);
    EXPLORE(world(), "rwlock: timed read, timed write, write", see, read_timed, write_timed,
            write_);
    EXPLORE(world(), "rwlock: timed write, read x2", see, write_timed, read_, read_);
    EXPLORE(world(), "rwlock: timed write x2, read", see, write_timed, write_timed, read_);
    EXPLORE(world(), "rwlock: timed write x2, timed read", see, write_timed, write_timed,
            read_timed);
    EXPLORE(world(), "rwlock: timed upgradable x2, write", see, upgradable_timed, upgradable_timed,
            write_);
    EXPLORE(world(), "rwlock: timed upgrade, read, write", see, upgrade_timed, read_, write_);
    EXPLORE(world(), "rwlock: timed upgrade x2, read", see, upgrade_timed, upgrade_timed, read_);
    EXPLORE(world(), "rwlock: timed upgrade, timed write, read", see, upgrade_timed, write_timed,
            read_);
}

static void note_try(bool taken)
{
    explore_saw(taken ? TRY_SUCCEEDED : TRIED_IN_VAIN);
}

static void try_read(void)
{
    bool taken = rwlock_try_read(&w.lock);
    note_try(taken);
    if (!taken)
        return;
    enter_read();
    unlock_read();
}

static void try_write(void)
{
    bool taken = rwlock_try_write(&w.lock);
    note_try(taken);
    if (!taken)
        return;
    enter_write();
    unlock_write();
}

static void try_upgrade(void)
{
    if (!rwlock_try_upgradable(&w.lock))
        return;
    enter_upgradable();
    bool taken = rwlock_try_upgrade(&w.lock);
    note_try(taken);
    if (!taken) {
        unlock_upgradable();
        return;
    }
    w.upgradables--;
    enter_write();
    unlock_write();
}

static void test_try(void **state)
{
    (void)state;
    uint64_t see = LOT_SAW(TRY_SUCCEEDED) | LOT_SAW(TRIED_IN_VAIN);
    EXPLORE(world(), "rwlock: try read, read, write", SLEPT | see, try_read, read_, write_);
    EXPLORE(world(), "rwlock: try write, read, write", SLEPT | see, try_write, read_, write_);
    EXPLORE(world(), "rwlock: try upgrade x2, read", see, try_upgrade, try_upgrade, read_);
    EXPLORE(world(), "rwlock: try upgrade, read, write", SLEPT | see, try_upgrade, read_, write_);
}

static void write_fair(void)
{
    rwlock_lock_write(&w.lock);
    enter_write();
    w.writers--;
    rwlock_unlock_write_fair(&w.lock);
}

static void upgradable_fair(void)
{
    rwlock_lock_upgradable(&w.lock);
    enter_upgradable();
    w.upgradables--;
    rwlock_unlock_upgradable_fair(&w.lock);
}

static void begin_never_fair(void)
{
    begin();
    lot_never_fair();
}

// Without the clock all hand-overs come from the fair unlocks.
static void test_fair(void **state)
{
    (void)state;
    uint64_t see = SLEPT | LOT_SAW(LOT_HANDED_OVER);
    struct explore_scenario clockless = world();
    clockless.begin = begin_never_fair;
    EXPLORE(clockless, "rwlock: fair write x2, no clock", see, write_fair, write_fair);
    EXPLORE(clockless, "rwlock: fair upgradable x2, no clock", see, upgradable_fair,
            upgradable_fair);
    EXPLORE(world(), "rwlock: fair write x2, read", see, write_fair, write_fair, read_);
    EXPLORE(world(), "rwlock: fair write, read, upgrade", see, write_fair, read_, upgrade);
    EXPLORE(world(), "rwlock: fair upgradable x2, write", see, upgradable_fair, upgradable_fair,
            write_);
    EXPLORE(world(), "rwlock: fair write, timed write, timed read", see, write_fair, write_timed,
            read_timed);
}

// ---- lifetime ----------------------------------------------------------------------------------

static void leave_for_good(void)
{
    explore_saw(LAST_FREED);
    explore_free(&w.lock);
}

static void write_and_free(void)
{
    rwlock_lock_write(&w.lock);
    enter_write();
    bool last = --w.users == 0;
    unlock_write();
    if (last)
        leave_for_good();
}

// A reader cannot know that it is the last; whoever writes after it can.
static void read_as_user(void)
{
    rwlock_lock_read(&w.lock);
    enter_read();
    w.users--;
    unlock_read();
}

static void write_last_and_free(void)
{
    bool last = false;
    while (!last) {
        rwlock_lock_write(&w.lock);
        enter_write();
        last = w.users == 0;
        unlock_write();
    }
    leave_for_good();
}

// Here a reader may find that the writer it goes to wake has given up, come again and gone.
static void write_timed_last_and_free(void)
{
    bool last = false;
    while (!last) {
        if (!rwlock_lock_write_until(&w.lock, SOME_DEADLINE))
            continue;
        enter_write();
        last = w.users == 0;
        unlock_write();
    }
    leave_for_good();
}

static void begin_three_users(void)
{
    begin();
    w.users = 3;
}

static void begin_two_users(void)
{
    begin();
    w.users = 2;
}

static void test_last_user_frees(void **state)
{
    (void)state;
    struct explore_scenario three = world(), two = world();
    three.begin = begin_three_users;
    two.begin = begin_two_users;
    EXPLORE(three, "rwlock: the last of 3 writers frees it", SLEPT | LOT_SAW(LAST_FREED),
            write_and_free, write_and_free, write_and_free);
    EXPLORE(two, "rwlock: a writer frees it after 2 readers", SLEPT | LOT_SAW(LAST_FREED),
            read_as_user, read_as_user, write_last_and_free);
    EXPLORE(two, "rwlock: a timed writer frees it after 2 readers", SLEPT | LOT_SAW(LAST_FREED),
            read_as_user, read_as_user, write_timed_last_and_free);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read_write),
        cmocka_unit_test(test_upgradable),
        cmocka_unit_test(test_downgrade),
        cmocka_unit_test(test_timed),
        cmocka_unit_test(test_try),
        cmocka_unit_test(test_fair),
        cmocka_unit_test(test_last_user_frees),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
