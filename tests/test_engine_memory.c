// SPDX-License-Identifier: MIT
//
// What the engine allocates for commands of several keys, running out of memory: transactions,
// watched keys, SORT. As in test_command_memory.c.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "datatypes/mem.h"
#include "tests/lib/starved.h"

// A transaction does not run at all when its MULTI, or one of its commands, was not accepted.
static void test_transactions_without_memory(void **state)
{
    static char before[STATE_CHARS], after[STATE_CHARS];
    int failures = 0;

    (void)state;
    starved_describe(before);
    for (long n = 0;; n++) {
        assert_true(n < ALLOCATIONS_MAX);
        mem_fail_after(n);
        bool began = inproc_run(starved, "MULTI")[0] == '+';
        bool queued = began && inproc_run(starved, "SET a 1")[0] == '+';
        queued = queued && inproc_run(starved, "SET b %s%s", LONG_A, LONG_B)[0] == '+';
        mem_fail_after(-1);
        const char *reply = inproc_run(starved, "EXEC");
        if (queued)
            break;
        failures++;
        assert_string_equal(
            reply, began ? "-EXECABORT Transaction discarded because of previous errors.\r\n"
                         : "-ERR EXEC without MULTI\r\n");
        starved_describe(after);
        assert_string_equal(after, before);
    }
    assert_true(failures >= 2);
}

static void queue_additions(void)
{
    inproc_run(starved, "MULTI");
    for (int i = 0; i < 100; i++) // more keys than a table has room for at first
        inproc_run(starved, "SADD %c member:%d", i < 50 ? 'a' : 'b', i);
}

static void test_exec_without_memory(void **state)
{
    static char before[STATE_CHARS], after[STATE_CHARS];
    const char *reply;
    long n = 0;

    (void)state;
    starved_describe(before);
    // As long as the keys cannot be locked nothing happens.
    for (;; n++) {
        assert_true(n < ALLOCATIONS_MAX);
        queue_additions();
        mem_fail_after(n);
        reply = inproc_run(starved, "EXEC");
        mem_fail_after(-1);
        if (reply[0] != '-')
            break;
        assert_true(strncmp(reply, "-OOM ", 5) == 0);
        starved_describe(after);
        assert_string_equal(after, before);
        assert_string_equal(inproc_run(starved, "EXEC"), "-ERR EXEC without MULTI\r\n");
    }
    assert_true(n >= 2);
    // From there on single commands fail, which is told in their places.
    for (; strstr(reply, "-OOM "); n++) {
        assert_true(n < ALLOCATIONS_MAX);
        assert_true(strncmp(reply, "*100\r\n", 6) == 0);
        inproc_run(starved, "FLUSHALL");
        queue_additions();
        mem_fail_after(n);
        reply = inproc_run(starved, "EXEC");
        mem_fail_after(-1);
    }
    assert_int_equal(inproc_int(starved, "SCARD b"), 50);
}

static void test_watch_without_memory(void **state)
{
    (void)state;
    assert_true(run_short_of_memory("WATCH a b c", "+OK\r\n") >= 3);
    inproc_run(starved, "SET b 1");
    inproc_run(starved, "MULTI");
    assert_string_equal(inproc_run(starved, "EXEC"), "*-1\r\n");
}

// SORT allocates for the elements, for what they are sorted by, for the keys that it finds and for
// what it stores.
static void test_sort_without_memory(void **state)
{
    static const char INTO[] = "SORT a BY c:* GET # GET c:* GET d:*->f STORE d";

    (void)state;
    for (int i = 0; i < 100; i++) {
        inproc_run(starved, "RPUSH a %d", i * 37 % 100);
        inproc_run(starved, "SET c:%d %d", i, 100 - i);
        inproc_run(starved, "HSET d:%d f %d%s", i, i, LONG_A);
    }
    inproc_run(starved, "RPUSH b %0100d", 1);
    assert_true(run_short_of_memory("SORT a", NULL) >= 3);
    assert_true(run_short_of_memory("SORT_RO a ALPHA GET c:*", NULL) >= 10);
    assert_true(run_short_of_memory("SORT b", NULL) >= 4); // a long number is copied
    assert_true(run_short_of_memory(INTO, ":300\r\n") >= 10);
    assert_int_equal(inproc_int(starved, "DBSIZE"), 203); // no entry was left without a value
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_sort_without_memory, starved_setup),
        cmocka_unit_test_setup(test_transactions_without_memory, starved_setup),
        cmocka_unit_test_setup(test_exec_without_memory, starved_setup),
        cmocka_unit_test_setup(test_watch_without_memory, starved_setup),
    };
    starved_open();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    starved_close();
    return failed;
}
