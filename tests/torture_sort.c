// SPDX-License-Identifier: MIT
//
// SORT beside writers of the keys that it finds in its values, in process: what it sees is one
// instant, and it never waits in a circle. Run under ThreadSanitizer and AddressSanitizer as well.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/lib/check.h"
#include "tests/lib/crew.h"
#include "tests/lib/preempt.h"

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
enum { SCALE = 1 };
#else
enum { SCALE = 2 };
#endif

enum { SETS = 800 * SCALE, MIN_SORTS = 100 };

static _Atomic int sorts;

// All weights are the same after each command, and what is sorted changes as well.
static void weigh_all(struct worker *w)
{
    struct preemption preemption;

    preempt_begin(&preemption, 200);
    for (int i = 1; i <= SETS || atomic_load(&sorts) < MIN_SORTS; i++) {
        check_str(
            inproc_run(w->c, "MSET w:a %d w:b %d w:c %d w:d %d w:e %d w:f %d", i, i, i, i, i, i),
            "+OK\r\n");
        inproc_int(w->c, "%s members %c", i % 3 ? "SADD" : "SREM", (int)('a' + i % 6));
    }
    preempt_end(&preemption);
    done_working(w);
}

// The replied bulk strings, all numbers or nil; returns how many numbers there are.
static int read_numbers(const char *reply, int64_t *numbers, int max)
{
    int n = 0, count;

    check_str_prefix(reply, "*");
    count = atoi(reply + 1);
    for (int i = 0; i < count; i++) {
        reply = strstr(reply, "\r\n$") + 3;
        if (*reply == '-')
            continue;
        check(n < max);
        numbers[n++] = strtoll(strchr(reply, '\n') + 1, NULL, 10);
    }
    return n;
}

static void sort_all(struct worker *w)
{
    int64_t numbers[16];

    while (still_working(w)) {
        bool by_weight = rng_below(&w->rng, 2);
        int n = read_numbers(inproc_run(w->c, "%s members BY %s GET w:*",
                                        rng_below(&w->rng, 2) ? "SORT" : "SORT_RO",
                                        by_weight ? "w:*" : "nosort"),
                             numbers, 16);
        for (int i = 1; i < n; i++)
            check_int(numbers[i], numbers[0]);
        atomic_fetch_add(&sorts, 1);
    }
}

static void test_sort_sees_one_instant(void **state)
{
    (void)state;
    struct crew crew = {.working = 1};
    void (*work[])(struct worker *) = {weigh_all, sort_all, sort_all};

    atomic_store(&sorts, 0);
    inproc_open(&crew.p);
    run_crew(&crew, 3, work);
    inproc_close(&crew.p);
}

// The keys that are sorted, looked up and stored are the same few, in every order.
static void sort_into(struct worker *w)
{
    for (int i = 0; i < 1500 * SCALE; i++) {
        int from = (int)rng_below(&w->rng, 4), to = (int)rng_below(&w->rng, 4);
        switch (rng_below(&w->rng, 6)) {
        case 0:
            inproc_run(w->c, "SADD k:%d 0 1 2 3", from);
            break;
        case 1:
            inproc_run(w->c, "DEL k:%d k:%d", from, to);
            break;
        case 2:
            inproc_run(w->c, "MSET k:%d %d k:%d %d", from, i, to, i);
            break;
        case 3:
            inproc_run(w->c, "MULTI");
            inproc_run(w->c, "SORT k:%d BY k:* STORE k:%d", from, to);
            inproc_run(w->c, "INCR k:%d", from);
            inproc_run(w->c, "EXEC");
            break;
        default:
            inproc_run(w->c, "SORT k:%d BY k:* GET k:* GET # STORE k:%d", from, to);
        }
    }
}

static void test_sort_never_waits_in_a_circle(void **state)
{
    (void)state;
    struct crew crew = {0};
    void (*work[])(struct worker *) = {sort_into, sort_into, sort_into, sort_into};

    inproc_open(&crew.p);
    run_crew(&crew, 4, work);
    struct inproc_client *c = inproc_client_new(&crew.p);
    inproc_run(c, "DEL k:0 k:1 k:2 k:3");
    check_int(inproc_int(c, "DBSIZE"), 0); // no entry was left without a value
    inproc_client_free(c);
    inproc_close(&crew.p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sort_sees_one_instant),
        cmocka_unit_test(test_sort_never_waits_in_a_circle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
