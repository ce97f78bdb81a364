// SPDX-License-Identifier: MIT
//
// A command that sleeps stands outside the epoch and the gate: operations that need everybody out
// of the way do not wait for it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "server/engine/command.h"
#include "tests/lib/inproc.h"

struct sleeper {
    struct inproc *store;
    _Atomic(struct inproc_client *) client; // set before the command runs
    atomic_bool done;
};

static void *sleep_once(void *arg)
{
    struct sleeper *s = arg;
    struct inproc_client *c = inproc_client_new(s->store);

    // Release and acquire: the test reads what the client holds.
    atomic_store_explicit(&s->client, c, memory_order_release);
    inproc_run(c, "DEBUG SLEEP 0.5");
    atomic_store_explicit(&s->done, true, memory_order_release);
    return c;
}

static void test_gate_is_open_while_one_sleeps(void **state)
{
    struct inproc store;
    struct sleeper s = {.store = &store};
    struct inproc_client *c, *sleeping;
    pthread_t thread;
    bool seen_outside = false;

    (void)state;
    inproc_open(&store);
    c = inproc_client_new(&store);
    assert_int_equal(pthread_create(&thread, NULL, sleep_once, &s), 0);
    while (!(sleeping = atomic_load_explicit(&s.client, memory_order_acquire)))
        sched_yield();
    unsigned id = registry_find(BYTES("debug"))->id;
    while (!seen_outside && !atomic_load_explicit(&s.done, memory_order_acquire)) {
        // The call is counted before the batch ends. So a thread that is not busy although its
        // command has begun (last_cmd) and was not counted is the pause.
        if (atomic_load_explicit(&sleeping->client.last_cmd, memory_order_relaxed) &&
            !atomic_load_explicit(&sleeping->thread->busy, memory_order_acquire) &&
            tally_get(&sleeping->thread->commands[id].calls) == 0)
            seen_outside = true;
        sched_yield();
    }
    assert_true(seen_outside);
    assert_string_equal(inproc_run(c, "FLUSHALL"), "+OK\r\n");
    assert_string_equal(inproc_run(c, "SET k v"), "+OK\r\n");
    void *result;
    pthread_join(thread, &result);
    inproc_client_free(result);
    inproc_client_free(c);
    inproc_close(&store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gate_is_open_while_one_sleeps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
