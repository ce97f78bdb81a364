// SPDX-License-Identifier: MIT
// The order of locks: the table is that of the README, right orders pass, each kind of violation
// and a deadlock end the process with a message that names locks, ranks and places.
#include "locks/rank.h"

#include "locks/condvar.h"
#include "locks/keylock.h"
#include "locks/mutex.h"
#include "locks/parking_lot.h"
#include "locks/rwlock.h"
#include "tests/lib/child.h"
#include "tests/lib/lock_test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static MUTEX(RANK_CLIENTS) clients;
static RWLOCK(RANK_ERRORS) errors;

static void test_ranks_take_no_room(void **state)
{
    (void)state;
    assert_int_equal(sizeof(clients), 1);
    assert_int_equal(sizeof(struct mutex), 1);
    assert_int_equal(sizeof(errors), 4);
    assert_int_equal(sizeof(struct rwlock), 4);
}

#ifdef KL_DEBUG

static MUTEX(RANK_INBOX) inbox;
static MUTEX(RANK_CONFIG) config;
static struct condvar condvar;

// ---- the table -------------------------------------------------------------------------------

// Only these are kept in order among themselves by other means.
static bool repeats(int rank)
{
    return rank == RANK_KEY || rank == RANK_PARKING_LOT;
}

static void test_no_path_leads_back(void **state)
{
    (void)state;
    for (int held = 1; held < LOCK_RANKS; held++)
        for (int wanted = 1; wanted <= held; wanted++)
            assert_int_equal(lock_rank_allows((enum lock_rank)held, (enum lock_rank)wanted),
                             held == wanted && repeats(held));
}

// Cuts the next cell off a row of a table in Markdown.
static char *next_cell(char **row)
{
    return strsep(row, "|");
}

static bool readme_allows(const char *cell, enum lock_rank held)
{
    char name[64];
    snprintf(name, sizeof(name), "`%s`", lock_rank_name(held));
    return strstr(cell, name) != NULL || strncmp(cell, " all,", 5) == 0;
}

static void test_readme_has_the_table(void **state)
{
    (void)state;
    FILE *readme = fopen("locks/README.md", "r");
    if (readme == NULL)
        fail_msg("no locks/README.md: run me at the root of the source tree");
    char line[1024];
    int wanted = 0;
    while (fgets(line, sizeof(line), readme) != NULL) {
        char *row = line;
        if (strncmp(line, "| `RANK_", 8) != 0)
            continue;
        next_cell(&row);
        const char *name = next_cell(&row);
        next_cell(&row);
        const char *under = next_cell(&row);
        assert_true(++wanted < LOCK_RANKS);
        assert_non_null(under);
        char expected[64];
        snprintf(expected, sizeof(expected), " `%s` ", lock_rank_name((enum lock_rank)wanted));
        assert_string_equal(name, expected);
        for (int held = 1; held < LOCK_RANKS; held++)
            if (readme_allows(under, (enum lock_rank)held) !=
                lock_rank_allows((enum lock_rank)held, (enum lock_rank)wanted))
                fail_msg("README and rank.c differ: %s under %s", name,
                         lock_rank_name((enum lock_rank)held));
    }
    fclose(readme);
    assert_int_equal(wanted, LOCK_RANKS - 1);
}

// ---- all pairs -------------------------------------------------------------------------------

struct pair {
    enum lock_rank held, wanted;
};

static void take_pair(void *arg)
{
    const struct pair *pair = arg;
    static char locks[2];
    struct lock_site sites[2] = {{"outer", "here", 1, pair->held},
                                 {"inner", "there", 2, pair->wanted}};
    for (int i = 0; i < 2; i++) {
        rank_wait(&locks[i], &sites[i], HOLD_WRITE, RANK_WAITS);
        rank_taken(true);
    }
    for (int i = 0; i < 2; i++)
        rank_lessen(&locks[i], &sites[i], HOLD_WRITE, HOLD_NONE);
}

static void test_allowed_pairs_pass_and_others_abort(void **state)
{
    (void)state;
    for (int held = 1; held < LOCK_RANKS; held++)
        for (int wanted = 1; wanted < LOCK_RANKS; wanted++) {
            struct pair pair = {(enum lock_rank)held, (enum lock_rank)wanted};
            if (lock_rank_allows(pair.held, pair.wanted)) {
                take_pair(&pair);
                continue;
            }
            char holds[64], waits[64];
            snprintf(holds, sizeof(holds), "holds outer (%s) at here:1", lock_rank_name(pair.held));
            snprintf(waits, sizeof(waits), "may not wait for inner (%s) at there:2",
                     lock_rank_name(pair.wanted));
            CHILD_ABORTS(take_pair, &pair, holds, waits);
        }
}

// ---- right uses ------------------------------------------------------------------------------

static void test_right_uses_pass(void **state)
{
    (void)state;
    mutex_lock(&clients);
    mutex_lock(&inbox);
    mutex_unlock(&clients); // in any order
    mutex_unlock_fair(&inbox);
    assert_true(mutex_lock_until(&inbox, 0));
    assert_true(mutex_try_lock(&clients)); // against the order, but without waiting
    assert_false(mutex_try_lock(&clients));
    assert_true(mutex_is_locked(&clients));
    mutex_unlock(&inbox);
    mutex_unlock(&clients);
    mutex_lock(&config);
    assert_false(condvar_wait_until(&condvar, &config, clock_monotonic_ns() + NS_PER_MS));
    mutex_unlock(&config);
}

static void test_right_uses_of_rwlocks_pass(void **state)
{
    (void)state;
    rwlock_lock_read(&errors);
    assert_true(rwlock_try_read(&errors));
    assert_true(rwlock_try_upgradable(&errors));
    assert_false(rwlock_try_write(&errors));
    assert_false(rwlock_try_upgrade(&errors));
    rwlock_unlock_read(&errors);
    rwlock_unlock_read(&errors);
    rwlock_upgrade(&errors);
    rwlock_downgrade_to_upgradable(&errors);
    assert_true(rwlock_upgrade_until(&errors, -1));
    rwlock_downgrade(&errors);
    rwlock_unlock_read(&errors);
    rwlock_lock_upgradable(&errors);
    rwlock_downgrade_upgradable(&errors);
    rwlock_unlock_read(&errors);
    rwlock_lock_write(&errors);
    rwlock_unlock_write_fair(&errors);
    assert_true(rwlock_try_write(&errors));
    rwlock_unlock_write(&errors);
    rwlock_lock_upgradable(&errors);
    rwlock_unlock_upgradable_fair(&errors);
    mutex_lock(&clients); // nothing is left on the record that would forbid it
    mutex_unlock(&clients);
}

// ---- violations ------------------------------------------------------------------------------

static void wait_under_one_tried(void *arg)
{
    (void)arg;
    mutex_lock(&clients);
    if (mutex_try_lock(&config))
        mutex_lock(&inbox);
}

static void wait_in_time_against_the_order(void *arg)
{
    (void)arg;
    mutex_lock(&inbox);
    (void)mutex_lock_until(&clients, clock_monotonic_ns() + NS_PER_MS);
}

static void lock_twice(void *arg)
{
    (void)arg;
    mutex_lock(&clients);
    mutex_lock(&clients);
}

static void read_twice(void *arg)
{
    (void)arg;
    rwlock_lock_read(&errors);
    rwlock_lock_read(&errors);
}

static void unlock_what_is_not_held(void *arg)
{
    (void)arg;
    mutex_lock(&clients);
    mutex_unlock(&config);
}

static void unlock_as_another(void *arg)
{
    (void)arg;
    rwlock_lock_write(&errors);
    rwlock_unlock_read(&errors);
}

static void *unlock_clients(void *arg)
{
    (void)arg;
    mutex_unlock(&clients);
    return NULL;
}

static void unlock_for_another_thread(void *arg)
{
    (void)arg;
    mutex_lock(&clients);
    run_threads(1, unlock_clients, NULL);
}

static void *lock_clients(void *arg)
{
    (void)arg;
    mutex_lock(&clients);
    return NULL;
}

static void end_thread_with_a_lock(void *arg)
{
    (void)arg;
    run_threads(1, lock_clients, NULL);
}

static void upgrade_under_another(void *arg)
{
    (void)arg;
    rwlock_lock_upgradable(&errors);
    (void)mutex_try_lock(&config);
    rwlock_upgrade(&errors);
}

static void sleep_on_condvar_under_another(void *arg)
{
    (void)arg;
    mutex_lock(&clients);
    mutex_lock(&inbox);
    (void)condvar_wait_until(&condvar, &clients, clock_monotonic_ns() + NS_PER_MS);
}

static void wait_for_a_key(void *arg)
{
    static struct keylock key;
    (void)arg;
    keylock_init(&key, true);
    mutex_lock(&config);
    (void)keylock_lock(&key, KEYLOCK_READ, NULL, NULL);
}

static uintptr_t lock_in_callback(void *arg, struct unpark_result result)
{
    (void)arg, (void)result;
    mutex_lock(&config);
    return 0;
}

static void lock_under_a_bucket(void *arg)
{
    (void)arg;
    unpark_one(&condvar, lock_in_callback, NULL);
}

static uintptr_t unpark_in_callback(void *arg, struct unpark_result result)
{
    (void)arg, (void)result;
    unpark_all(&condvar, 0);
    return 0;
}

static void unpark_under_a_bucket(void *arg)
{
    (void)arg;
    unpark_one(&condvar, unpark_in_callback, NULL);
}

#define HERE "tests/test_rank.c:"

static void test_waits_against_the_order_abort(void **state)
{
    (void)state;
    CHILD_ABORTS(wait_under_one_tried, NULL, "may not wait for &inbox (RANK_INBOX) at " HERE,
                 "holds &clients (RANK_CLIENTS) at " HERE, "holds &config (RANK_CONFIG) at " HERE,
                 "locks/README.md");
    CHILD_ABORTS(wait_in_time_against_the_order, NULL, "may not wait for &clients");
    CHILD_ABORTS(upgrade_under_another, NULL, "may not wait for &errors (RANK_ERRORS)",
                 "reads (upgradable) &errors", "holds &config");
    CHILD_ABORTS(sleep_on_condvar_under_another, NULL, "may not wait for &clients", "holds &inbox");
    CHILD_ABORTS(wait_for_a_key, NULL, "may not wait for a lock (RANK_KEY)", "holds &config");
    CHILD_ABORTS(lock_under_a_bucket, NULL, "may not wait for &config",
                 "inside a bucket of the parking lot");
    CHILD_ABORTS(unpark_under_a_bucket, NULL, "may not wait for a bucket (RANK_PARKING_LOT)",
                 "inside a bucket of the parking lot");
}

static void test_locking_twice_aborts(void **state)
{
    (void)state;
    CHILD_ABORTS(lock_twice, NULL,
                 "holds already, and waits for, &clients (RANK_CLIENTS) at " HERE);
    CHILD_ABORTS(read_twice, NULL, "holds already, and waits for, &errors", "reads &errors");
}

static void test_wrong_releases_abort(void **state)
{
    (void)state;
    CHILD_ABORTS(unlock_what_is_not_held, NULL,
                 "releases, without holding it so, &config (RANK_CONFIG) at " HERE,
                 "holds &clients");
    CHILD_ABORTS(unlock_as_another, NULL, "releases, without holding it so, &errors",
                 "holds &errors");
    CHILD_ABORTS(unlock_for_another_thread, NULL, "releases, without holding it so, &clients");
    CHILD_ABORTS(end_thread_with_a_lock, NULL, "ends while it holds a lock", "holds &clients");
}

// ---- deadlocks -------------------------------------------------------------------------------
// The order forbids them, so one of the threads lies about a rank.

static _Atomic int ready;

// Waits until so many threads have come as far.
static void meet(int n)
{
    COUNT(ready);
    if (!WAIT_UNTIL(LOAD(ready) >= n))
        abort();
}

static void *inbox_then_clients(void *arg)
{
    (void)arg;
    mutex_lock_as(&inbox, RANK_EXPIRE);
    meet(2);
    mutex_lock_as(&clients, RANK_EXCLUSIVE);
    return NULL;
}

static void *clients_then_inbox(void *arg)
{
    (void)arg;
    mutex_lock(&clients);
    meet(2);
    mutex_lock(&inbox);
    return NULL;
}

static void lock_two_mutexes_both_ways(void *arg)
{
    static struct group group;
    (void)arg;
    group_start(&group, 1, inbox_then_clients, NULL);
    group_start(&group, 1, clients_then_inbox, NULL);
    group_join(&group);
}

static void test_deadlock_of_two_mutexes_is_reported(void **state)
{
    (void)state;
    CHILD_ABORTS(lock_two_mutexes_both_ways, NULL,
                 "deadlock: ", "    holds &clients (RANK_CLIENTS) at " HERE,
                 "    waits for &inbox (RANK_INBOX) at " HERE,
                 "    holds &inbox (RANK_EXPIRE) at " HERE,
                 "    waits for &clients (RANK_EXCLUSIVE) at " HERE);
}

// A reader that waits for a mutex, whose holder wants to read, too, but not before the writer that
// waits for the reader.
static void *read_then_config(void *arg)
{
    (void)arg;
    rwlock_lock_read(&errors);
    meet(2);
    mutex_lock_as(&config, RANK_PARKING_LOT);
    return NULL;
}

static void *write_errors(void *arg)
{
    (void)arg;
    rwlock_lock_write(&errors);
    return NULL;
}

static bool writer_waits(void)
{
    return atomic_load_explicit(&errors.lock.state, memory_order_relaxed) & RWLOCK_WRITER;
}

static void *config_then_read(void *arg)
{
    (void)arg;
    mutex_lock_as(&config, RANK_EXCLUSIVE);
    meet(2);
    if (!WAIT_UNTIL(writer_waits()))
        abort();
    rwlock_lock_read(&errors);
    return NULL;
}

static void read_behind_a_writer(void *arg)
{
    static struct group group;
    (void)arg;
    group_start(&group, 1, read_then_config, NULL);
    group_start(&group, 1, config_then_read, NULL);
    if (!WAIT_UNTIL(LOAD(ready) == 2))
        abort();
    group_start(&group, 1, write_errors, NULL);
    group_join(&group);
}

static void test_deadlock_through_a_waiting_writer_is_reported(void **state)
{
    (void)state;
    CHILD_ABORTS(read_behind_a_writer, NULL, "deadlock: ", "reads &errors (RANK_ERRORS)",
                 "holds &config (RANK_EXCLUSIVE)", "waits for &config (RANK_PARKING_LOT)");
}

// A circle that one of them will leave by itself is none.
static void *inbox_then_clients_in_time(void *arg)
{
    (void)arg;
    mutex_lock_as(&inbox, RANK_EXCLUSIVE);
    meet(2);
    if (mutex_lock_until(&clients, clock_monotonic_ns() + 2500 * NS_PER_MS))
        abort();
    mutex_unlock(&inbox);
    return NULL;
}

static void *clients_then_inbox_at_last(void *arg)
{
    clients_then_inbox(arg);
    mutex_unlock(&inbox);
    mutex_unlock(&clients);
    return NULL;
}

static void lock_both_ways_in_time(void *arg)
{
    static struct group group;
    (void)arg;
    group_start(&group, 1, inbox_then_clients_in_time, NULL);
    group_start(&group, 1, clients_then_inbox_at_last, NULL);
    group_join(&group);
}

static void test_wait_with_a_deadline_is_no_deadlock(void **state)
{
    (void)state;
    CHILD_ENDS_WELL(lock_both_ways_in_time, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ranks_take_no_room),
        cmocka_unit_test(test_no_path_leads_back),
        cmocka_unit_test(test_readme_has_the_table),
        cmocka_unit_test(test_allowed_pairs_pass_and_others_abort),
        cmocka_unit_test(test_right_uses_pass),
        cmocka_unit_test(test_right_uses_of_rwlocks_pass),
        cmocka_unit_test(test_waits_against_the_order_abort),
        cmocka_unit_test(test_locking_twice_aborts),
        cmocka_unit_test(test_wrong_releases_abort),
        cmocka_unit_test(test_deadlock_of_two_mutexes_is_reported),
        cmocka_unit_test(test_deadlock_through_a_waiting_writer_is_reported),
        cmocka_unit_test(test_wait_with_a_deadline_is_no_deadlock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

static void test_ranks_are_checked(void **state)
{
    (void)state;
    print_message("only builds with -DKL_DEBUG check the order of locks\n");
    skip();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ranks_take_no_room),
        cmocka_unit_test(test_ranks_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
