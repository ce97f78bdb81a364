// SPDX-License-Identifier: MIT
//
// Commands that lock keys against the order, or in two steps, and so wait for each other: the
// process ends with a message that names clients, commands and keys. A queue that moves is none.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "datatypes/mem.h"
#include "server/engine/cmd.h"
#include "server/engine/exec.h"
#include "server/engine/key_deadlock.h"
#include "server/engine/keyspace.h"
#include "tests/lib/child.h"
#include "tests/lib/inproc.h"
#include "tests/lib/lock_test.h"

#ifdef KL_DEBUG

// ---- commands that lock one key after the other -----------------------------------------------

struct step {
    const char *command, *key; // NULL: there is no second step
};

struct party {
    struct step steps[2];
    _Atomic bool holds; // the first key
};

static struct inproc store;
static _Atomic bool go_on;   // to the second key
static _Atomic bool go_home; // release the keys

// Locks one key as the dispatcher does for the command, with a table of keys of its own.
static void lock_key(struct cmd_ctx *c, struct inproc_client *client, const struct step *step)
{
    static const struct exec_hint nothing_known;
    struct bytes argv[] = {bytes_of(step->command), bytes_of(step->key), BYTES("x")};
    struct thread *thread = client->thread;

    *c = (struct cmd_ctx){
        .store = thread->store,
        .thread = thread,
        .client = &client->client,
        .reply = &client->client.reply,
        .types = &thread->types,
        .cmd = registry_find(argv[0]),
        .argc = 3,
        .argv = argv,
        .keys = key_table_new(),
        .hint = &nothing_known,
    };
    check(c->keys != NULL);
    atomic_store_explicit(&client->client.last_cmd, c->cmd, memory_order_relaxed);
    check_int(keyspace_collect(c), STATUS_OK);
    check_int(keyspace_lock(c), LOCK_OUTCOME_HELD);
}

static void unlock_key(struct cmd_ctx *c)
{
    keyspace_unlock(c);
    key_table_free(c->keys);
}

static void *party_main(void *arg)
{
    struct party *party = arg;
    struct inproc_client *client = inproc_client_new(&store);
    struct cmd_ctx first, second;
    bool both = party->steps[1].command != NULL;

    exec_begin(client->thread);
    lock_key(&first, client, &party->steps[0]);
    STORE(party->holds, true);
    if (both) {
        check(WAIT_UNTIL(LOAD(go_on)));
        lock_key(&second, client, &party->steps[1]);
    }
    check(WAIT_UNTIL(LOAD(go_home)));
    if (both)
        unlock_key(&second);
    unlock_key(&first);
    exec_end(client->thread);
    inproc_client_free(client);
    return NULL;
}

static void open_store(void)
{
    inproc_open(&store);
    struct inproc_client *c = inproc_client_new(&store);
    inproc_run(c, "MSET a 1 b 1 c 1");
    inproc_client_free(c);
}

static void await_waiters(int want)
{
    struct lock_waiter *waiters;
    int n;

    do {
        n = lock_watch_waiters(store.store, &waiters);
        check(n >= 0);
        mem_free(waiters);
        sched_yield();
    } while (n < want); // the child's limit ends this
}

// Starts them one after the other, so that their clients are 2, 3 and so on. The last `nwait` wait
// for their first key, the others have it.
static void start_parties(struct group *group, struct party *parties, int n, int nwait)
{
    for (int i = 0; i < n; i++) {
        group_start(group, 1, party_main, &parties[i]);
        if (i < n - nwait)
            check(WAIT_UNTIL(LOAD(parties[i].holds)));
    }
    await_waiters(nwait);
}

// ---- deadlocks --------------------------------------------------------------------------------

// Nobody looks but the sleepers themselves, of whom the two others that wait, and have waited
// longest, are not part of the circle.
static void lock_two_keys_both_ways(void *arg)
{
    static struct party parties[] = {{{{"append", "a"}, {"incrby", "b"}}},
                                     {{{"append", "b"}, {"getset", "a"}}},
                                     {{{"append", "a"}}},
                                     {{{"append", "b"}}}};
    static struct group group;

    (void)arg;
    open_store();
    start_parties(&group, parties, 4, 2);
    STORE(go_on, true);
    group_join(&group);
}

static int count_of(const char *text, const char *part)
{
    int n = 0;

    while ((text = strstr(text, part)) != NULL) {
        text += strlen(part);
        n++;
    }
    return n;
}

static void test_two_commands_are_reported(void **state)
{
    (void)state;
    // Client 1 has made the keys.
    const char *text =
        CHILD_ABORTS(lock_two_keys_both_ways, NULL, "deadlock: commands wait for each other's keys",
                     "client 2, command incrby, waits for ",
                     " ms to write key \"b\" of db 0, which client 3 holds\n",
                     "client 3, command getset, waits for ",
                     " ms to write key \"a\" of db 0, which client 2 holds\n");
    assert_int_equal(count_of(text, ", command "), 2);
}

// Client 2 reads a. Client 4 waits to write it, and client 3 to read it, behind that; client 2
// waits for what client 3 holds. Looked at from outside, as for commands that wait without a
// thread.
static void read_behind_a_writer(void *arg)
{
    static struct party parties[] = {{{{"smembers", "a"}, {"append", "c"}}},
                                     {{{"append", "c"}, {"smembers", "a"}}},
                                     {{{"getset", "a"}}}};
    static struct group group;
    struct inproc_client *cron;

    (void)arg;
    open_store();
    start_parties(&group, parties, 3, 1);
    cron = inproc_client_new(&store);
    STORE(go_on, true);
    await_waiters(3);
    store_cron(cron->thread, 0);
    check_fail(__FILE__, __LINE__, "nothing was reported");
}

static void test_reader_behind_a_writer_is_reported(void **state)
{
    (void)state;
    CHILD_ABORTS(read_behind_a_writer, NULL, "client 2, command append, waits for ",
                 " ms to write key \"c\" of db 0, which client 3 holds\n",
                 "client 3, command smembers, waits for ",
                 " ms to read key \"a\" of db 0, which client 4 waits for in front of it\n",
                 "client 4, command getset, waits for ",
                 " ms to write key \"a\" of db 0, which client 2 holds\n");
}

// One holds a, the next b and waits for a, the third waits for b; another reads c twice over.
static void wait_in_a_row(void *arg)
{
    static struct party parties[] = {{{{"append", "a"}}},
                                     {{{"smembers", "c"}}},
                                     {{{"append", "b"}, {"append", "a"}}},
                                     {{{"append", "b"}}}};
    static struct group group;

    (void)arg;
    open_store();
    start_parties(&group, parties, 4, 1);
    STORE(go_on, true);
    await_waiters(2);
    key_deadlock_look(store.store);
    STORE(go_home, true);
    group_join(&group);
    inproc_close(&store);
}

static void test_queue_is_no_deadlock(void **state)
{
    (void)state;
    CHILD_ENDS_WELL(wait_in_a_row, NULL);
}

// ---- the order --------------------------------------------------------------------------------

static void check_order(void *arg)
{
    const struct key_slot *const *slots = arg;
    key_deadlock_order(slots[0], slots[1]);
}

static void test_keys_against_the_order_are_reported(void **state)
{
    struct key_slot slots[] = {{.db = 0, .hash = 7, .name = BYTES("z")},
                               {.db = 1, .hash = 5, .name = BYTES("y")},
                               {.db = 1, .hash = 6, .name = BYTES("a\n")},
                               {.db = 1, .hash = 6, .name = BYTES("b")}};
    enum { N = sizeof(slots) / sizeof(slots[0]) };

    (void)state;
    for (int i = 0; i < N; i++)
        for (int j = i; j < N; j++) {
            if (i < j)
                key_deadlock_order(&slots[i], &slots[j]);
            const struct key_slot *wrong[] = {&slots[j], &slots[i]};
            CHILD_ABORTS(check_order, wrong, "lock order: a command that holds key \"",
                         "may not wait for key \"", "locks/README.md");
        }
    const struct key_slot *last_two[] = {&slots[3], &slots[2]};
    CHILD_ABORTS(check_order, last_two, "holds key \"b\" of db 1",
                 "wait for key \"a\\x0a\" of db 1");
}

// ---- mutexes ----------------------------------------------------------------------------------

static void begin_with_a_mutex(void *arg)
{
    (void)arg;
    open_store();
    struct inproc_client *client = inproc_client_new(&store);
    mutex_lock(&store.store->deferred_lock);
    exec_begin(client->thread);
}

static void lock_key_with_a_mutex(void *arg)
{
    const struct step step = {"append", "a"};
    struct cmd_ctx c;

    (void)arg;
    open_store();
    struct inproc_client *client = inproc_client_new(&store);
    exec_begin(client->thread);
    mutex_lock(&store.store->deferred_lock);
    lock_key(&c, client, &step);
}

static void test_mutexes_are_not_held_by_commands_that_may_wait(void **state)
{
    (void)state;
    CHILD_ABORTS(begin_with_a_mutex, NULL, "may not wait for a lock (RANK_EXCLUSIVE)",
                 "holds &store.store->deferred_lock (RANK_DEFERRED)");
    CHILD_ABORTS(lock_key_with_a_mutex, NULL, "may not wait for a lock (RANK_KEY)",
                 "holds &store.store->deferred_lock (RANK_DEFERRED)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_commands_are_reported),
        cmocka_unit_test(test_reader_behind_a_writer_is_reported),
        cmocka_unit_test(test_queue_is_no_deadlock),
        cmocka_unit_test(test_keys_against_the_order_are_reported),
        cmocka_unit_test(test_mutexes_are_not_held_by_commands_that_may_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

static void test_deadlocks_are_looked_for(void **state)
{
    (void)state;
    print_message("only builds with -DKL_DEBUG look for deadlocks\n");
    skip();
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_deadlocks_are_looked_for)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
