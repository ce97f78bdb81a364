// SPDX-License-Identifier: MIT
// The explorer itself (tests/model/explore.h), on problems whose answer is known: that it meets
// every interleaving, and that it finds what there is to find.
#include "tests/model/model_test.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdio.h>

static struct {
    _Atomic uint32_t number, flags[2], turn;
    uint32_t log_len;
    uint8_t log[8];
    uint32_t awake, inside;
} w;

static void begin(void)
{
    memset(&w, 0, sizeof(w));
}

static void show(char *text, size_t size)
{
    snprintf(text, size, "number %u", w.number);
}

static struct explore_scenario world(void)
{
    return (struct explore_scenario){.regions = {{&w, sizeof(w)}}, .begin = begin, .show = show};
}

static struct explore_result result;

// As EXPLORE(), but leaves it to the caller to judge.
#define EXPLORE_ONLY(world, limit, ...)                                                            \
    do {                                                                                           \
        struct explore_scenario scenario_ = world;                                                 \
        void (*const threads_[])(void) = {__VA_ARGS__};                                            \
        memcpy(scenario_.threads, threads_, sizeof(threads_));                                     \
        scenario_.max_states = limit;                                                              \
        model_skip_if_sanitized();                                                                 \
        explore(&scenario_, &result);                                                              \
    } while (0)

static void assert_failed_with(const char *part)
{
    if (strstr(result.failure, part) == NULL)
        fail_msg("failure is \"%.500s\", expected to contain \"%s\"", result.failure, part);
    assert_false(result.complete);
}

// ---- that it meets everything ------------------------------------------------------------------

// Two steps, each remembered for ever: no two interleavings end alike.
static void log_two(void)
{
    for (int i = 0; i < 2; i++) {
        explore_step("logs");
        w.log[w.log_len++] = (uint8_t)explore_self();
    }
}

static void test_meets_every_interleaving(void **state)
{
    (void)state;
    EXPLORE_ONLY(world(), 10000, log_two, log_two);
    assert_string_equal(result.failure, "");
    assert_int_equal(result.ends, 6); // 4! / (2! 2!)
    EXPLORE_ONLY(world(), 10000, log_two, log_two, log_two);
    assert_true(result.complete);
    assert_int_equal(result.ends, 90); // 6! / (2! 2! 2!)
    EXPLORE_ONLY(world(), 100000, log_two, log_two, log_two, log_two);
    assert_int_equal(result.ends, 2520); // 8! / (2! 2! 2! 2!)
}

static void choose_twice(void)
{
    unsigned first = explore_choose(3);
    w.log[0] = (uint8_t)(4 * first + explore_choose(4));
}

static void test_chooses_every_way(void **state)
{
    (void)state;
    EXPLORE_ONLY(world(), 10000, choose_twice);
    assert_true(result.complete);
    assert_int_equal(result.ends, 12);
}

static void increment_in_two_steps(void)
{
    uint32_t number = atomic_load_explicit(&w.number, memory_order_relaxed);
    atomic_store_explicit(&w.number, number + 1, memory_order_relaxed);
}

static void see_number(void)
{
    explore_saw(w.number);
}

static void test_meets_a_lost_update(void **state)
{
    (void)state;
    struct explore_scenario seeing = world();
    seeing.finally = see_number;
    EXPLORE_ONLY(seeing, 10000, increment_in_two_steps, increment_in_two_steps,
                 increment_in_two_steps);
    assert_true(result.complete);
    assert_int_equal(result.seen, 1 << 1 | 1 << 2 | 1 << 3);
}

// One attempt may fail though the value is the expected one, a loop of them succeeds and ends.
static void add_weakly(void)
{
    uint32_t number = 0;
    w.awake = atomic_compare_exchange_weak_explicit(&w.number, &number, 1, memory_order_relaxed,
                                                    memory_order_relaxed);
    explore_saw(w.awake);
    while (!atomic_compare_exchange_weak_explicit(&w.number, &number, number + 1,
                                                  memory_order_relaxed, memory_order_relaxed))
        ;
    explore_saw(2 + w.number);
}

static void test_weak_exchanges_fail_at_will(void **state)
{
    (void)state;
    EXPLORE_ONLY(world(), 10000, add_weakly);
    assert_true(result.complete);
    assert_int_equal(result.seen, 1 << 0 | 1 << 1 | 1 << (2 + 1) | 1 << (2 + 2));
}

// ---- that it finds what is wrong ---------------------------------------------------------------

static void check_alone(void)
{
    explore_check_int(w.inside, 0);
    w.inside++;
    explore_step("inside");
    w.inside--;
}

// Peterson's lock for two; with `careless` the turn is not given away.
static void peterson(bool careless)
{
    unsigned self = explore_self();
    atomic_store_explicit(&w.flags[self], 1, memory_order_seq_cst);
    if (!careless)
        atomic_store_explicit(&w.turn, 1 - self, memory_order_seq_cst);
    while (atomic_load_explicit(&w.flags[1 - self], memory_order_seq_cst) &&
           atomic_load_explicit(&w.turn, memory_order_seq_cst) == 1 - self)
        ;
    check_alone();
    atomic_store_explicit(&w.flags[self], 0, memory_order_seq_cst);
}

static void peterson_right(void)
{
    peterson(false);
}

static void peterson_wrong(void)
{
    peterson(true);
}

static void test_two_inside_are_found(void **state)
{
    (void)state;
    EXPLORE_ONLY(world(), 10000, peterson_right, peterson_right);
    assert_string_equal(result.failure, "");
    assert_true(result.complete);
    EXPLORE_ONLY(world(), 10000, peterson_wrong, peterson_wrong);
    assert_failed_with("w.inside is 1, expected 0");
}

static bool is_awake(const void *arg)
{
    (void)arg;
    return w.awake;
}

// Looks, then sleeps: what comes between is lost.
static void sleep_carelessly(bool timed)
{
    if (atomic_load_explicit(&w.number, memory_order_relaxed) != 0)
        return;
    explore_step("is about to sleep");
    w.awake = 0;
    explore_wait("sleeps", is_awake, NULL, timed);
}

static void sleeper(void)
{
    sleep_carelessly(false);
}

static void timed_sleeper(void)
{
    sleep_carelessly(true);
}

static void waker(void)
{
    atomic_store_explicit(&w.number, 1, memory_order_relaxed);
    explore_step("wakes");
    w.awake = 1;
}

static void test_lost_wakeups_are_found(void **state)
{
    (void)state;
    EXPLORE_ONLY(world(), 10000, sleeper, waker);
    assert_failed_with("nobody can go on\n");
    EXPLORE_ONLY(world(), 10000, timed_sleeper, waker);
    assert_failed_with("nobody can go on, but by a deadline");
}

static void free_number(void)
{
    if (atomic_exchange_explicit(&w.number, 1, memory_order_relaxed) == 1)
        explore_free(&w.number);
}

static void touch_late(void)
{
    free_number();
    (void)atomic_load_explicit(&w.number, memory_order_relaxed);
}

static void test_late_accesses_are_found(void **state)
{
    (void)state;
    EXPLORE_ONLY(world(), 10000, free_number, free_number);
    assert_string_equal(result.failure, "");
    EXPLORE_ONLY(world(), 10000, free_number, touch_late);
    assert_failed_with("accesses memory that is gone");
}

static void assert_number_is_zero(void)
{
    assert(atomic_load_explicit(&w.number, memory_order_relaxed) == 0);
}

static void invariant_number(void)
{
    explore_check(w.number < 3);
}

static void test_assertions_and_invariants_are_heard(void **state)
{
    (void)state;
    EXPLORE_ONLY(world(), 10000, increment_in_two_steps, assert_number_is_zero);
    assert_failed_with("assert_number_is_zero: assertion is false");
    struct explore_scenario watched = world();
    watched.invariant = invariant_number;
    EXPLORE_ONLY(watched, 10000, increment_in_two_steps, increment_in_two_steps);
    assert_string_equal(result.failure, "");
    EXPLORE_ONLY(watched, 10000, increment_in_two_steps, increment_in_two_steps,
                 increment_in_two_steps);
    assert_failed_with("is false: w.number < 3");
    watched.invariant = NULL;
    watched.finally = invariant_number;
    EXPLORE_ONLY(watched, 10000, increment_in_two_steps, increment_in_two_steps,
                 increment_in_two_steps);
    assert_failed_with("is false: w.number < 3");
}

static void follow_number(void)
{
    uint32_t *pointers[] = {&w.inside, NULL};
    uint32_t *volatile pointer = pointers[atomic_load_explicit(&w.number, memory_order_relaxed)];
    *pointer = 1;
}

static void test_faults_are_found(void **state)
{
    (void)state;
    EXPLORE_ONLY(world(), 10000, follow_number, increment_in_two_steps);
    assert_failed_with("no memory there");
}

static void count_outside(void)
{
    static uint32_t outside;
    for (int i = 0; i < 4; i++) {
        explore_step("counts");
        w.number = ++outside;
    }
}

static void test_forgotten_regions_are_found(void **state)
{
    (void)state;
    EXPLORE_ONLY(world(), 100000, count_outside, count_outside);
    assert_failed_with("one step led to two states");
}

static void test_too_many_states_are_not_called_complete(void **state)
{
    (void)state;
    EXPLORE_ONLY(world(), 50, log_two, log_two, log_two);
    assert_string_equal(result.failure, "");
    assert_false(result.complete);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_meets_every_interleaving),
        cmocka_unit_test(test_chooses_every_way),
        cmocka_unit_test(test_meets_a_lost_update),
        cmocka_unit_test(test_weak_exchanges_fail_at_will),
        cmocka_unit_test(test_two_inside_are_found),
        cmocka_unit_test(test_lost_wakeups_are_found),
        cmocka_unit_test(test_late_accesses_are_found),
        cmocka_unit_test(test_assertions_and_invariants_are_heard),
        cmocka_unit_test(test_faults_are_found),
        cmocka_unit_test(test_forgotten_regions_are_found),
        cmocka_unit_test(test_too_many_states_are_not_called_complete),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
