// SPDX-License-Identifier: MIT
//
// Names that several threads meet at once: all of them get the same number, which stands for the
// right text wherever it is seen, and no text has two.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "datatypes/names.h"
#include "tests/lib/check.h"

enum {
    ROUNDS = 20, // each a process, since a name is one for ever
    THREADS = 4,
    TEXTS = NAMES_MAX - THREADS,
    MEETINGS_MAX = 10000, // with a text
};

static _Atomic size_t arrived;      // at all texts, all threads together
static int numbers[THREADS][TEXTS]; // what each thread got

static size_t text_of(size_t i, char *text)
{
    return (size_t)sprintf(text, "field number %zu", i);
}

// A barrier that lets all go on within the same few nanoseconds.
static void meet_others(size_t i)
{
    atomic_fetch_add_explicit(&arrived, 1, memory_order_relaxed);
    while (atomic_load_explicit(&arrived, memory_order_relaxed) < (i + 1) * THREADS)
        sched_yield();
}

// All threads meet the same text at one time, until it is a name.
static void *meet_names(void *index)
{
    int *got = numbers[(uintptr_t)index];
    char text[32];

    for (size_t i = 0; i < TEXTS; i++) {
        size_t len = text_of(i, text);
        got[i] = NAME_NONE;
        meet_others(i);
        for (int n = 0; n < MEETINGS_MAX && got[i] == NAME_NONE; n++)
            got[i] = name_meet(text, len);
        check(got[i] != NAME_NONE);
        check_int(name_find(text, len), got[i]);
        const struct name *name = name_of((unsigned)got[i]);
        check_int(name->len, (int64_t)len);
        check(memcmp(name->text, text, len) == 0);
    }
    return NULL;
}

static void meet_all_names(void)
{
    pthread_t threads[THREADS];

    for (size_t t = 0; t < THREADS; t++)
        check_int(pthread_create(&threads[t], NULL, meet_names, (void *)(uintptr_t)t), 0);
    for (size_t t = 0; t < THREADS; t++)
        pthread_join(threads[t], NULL);
    for (size_t t = 1; t < THREADS; t++)
        check(memcmp(numbers[t], numbers[0], sizeof numbers[0]) == 0);
    check_int((int64_t)names_known(), TEXTS); // none of them twice
}

static void test_names_met_by_several_threads(void **state)
{
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        int status;
        pid_t child = fork();
        if (child == 0) {
            meet_all_names();
            _exit(0);
        }
        assert_true(child > 0);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_names_met_by_several_threads)};
    return cmocka_run_group_tests_name("names", tests, NULL, NULL);
}
