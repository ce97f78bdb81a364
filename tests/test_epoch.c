// SPDX-License-Identifier: MIT
// Epoch reclamation on one thread: when memory is freed, and when it is not.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "locks/epoch.h"

static int freed;

static void count_free(void *ptr)
{
    (*(int *)ptr)++;
    freed++;
}

struct fixture {
    struct epoch *ep;
    struct epoch_thread *a, *b;
};

static int setup(void **state)
{
    static struct fixture f;
    freed = 0;
    f.ep = epoch_create();
    f.a = epoch_register(f.ep);
    f.b = epoch_register(f.ep);
    *state = &f;
    return f.ep && f.a && f.b ? 0 : -1;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    epoch_unregister(f->a);
    epoch_unregister(f->b);
    epoch_destroy(f->ep);
    return 0;
}

static void retire_one(struct epoch_thread *t, int *object)
{
    epoch_enter(t);
    epoch_retire(t, object, count_free, 100);
    epoch_exit(t);
}

static size_t poll_often(struct epoch_thread *t)
{
    size_t n = 0;
    for (int i = 0; i < 20; i++)
        n += epoch_poll(t, 1000);
    return n;
}

static void test_epoch_frees_once_all_left(void **state)
{
    struct fixture *f = *state;
    int object = 0;
    retire_one(f->a, &object);
    assert_int_equal(epoch_pending_count(f->ep), 1);
    assert_int_equal(epoch_pending_bytes(f->ep), 100);
    assert_int_equal(object, 0);
    assert_int_equal(poll_often(f->a), 1);
    assert_int_equal(object, 1);
    assert_int_equal(epoch_pending_count(f->ep), 0);
    assert_int_equal(epoch_pending_bytes(f->ep), 0);
    assert_int_equal(epoch_leaked_bytes(f->ep), 0);
    assert_int_equal(poll_often(f->a), 0);
}

static void test_epoch_waits_for_a_reader_of_the_time(void **state)
{
    struct fixture *f = *state;
    int object = 0;
    epoch_enter(f->b);
    retire_one(f->a, &object);
    assert_int_equal(poll_often(f->a), 0);
    // Others that come and go do not hide it.
    for (int i = 0; i < 10; i++) {
        epoch_enter(f->a);
        epoch_exit(f->a);
        assert_int_equal(epoch_poll(f->a, 10), 0);
    }
    assert_int_equal(object, 0);
    epoch_exit(f->b);
    assert_int_equal(poll_often(f->a), 1);
    assert_int_equal(object, 1);
}

static void test_epoch_own_section_protects(void **state)
{
    struct fixture *f = *state;
    int object = 0;
    epoch_enter(f->a);
    epoch_retire(f->a, &object, count_free, 1);
    assert_int_equal(poll_often(f->a), 0);
    assert_int_equal(poll_often(f->b), 0);
    epoch_exit(f->a);
    assert_int_equal(poll_often(f->a), 1);
}

static void test_epoch_sections_nest(void **state)
{
    struct fixture *f = *state;
    int object = 0;
    assert_false(epoch_active(f->b));
    epoch_enter(f->b);
    epoch_enter(f->b);
    epoch_exit(f->b);
    assert_true(epoch_active(f->b));
    retire_one(f->a, &object);
    assert_int_equal(poll_often(f->a), 0);
    epoch_exit(f->b);
    assert_false(epoch_active(f->b));
    assert_int_equal(poll_often(f->a), 1);
}

static void test_epoch_poll_keeps_to_its_budget(void **state)
{
    struct fixture *f = *state;
    enum { N = 50 };
    int object[N] = {0};
    for (int i = 0; i < N; i++)
        retire_one(f->a, &object[i]);
    size_t n, sum = 0;
    for (int i = 0; i < 100; i++) {
        n = epoch_poll(f->a, 7);
        assert_in_range(n, 0, 7);
        sum += n;
    }
    assert_int_equal(sum, N);
    for (int i = 0; i < N; i++)
        assert_int_equal(object[i], 1);
}

static void test_epoch_others_free_for_a_sleeper(void **state)
{
    struct fixture *f = *state;
    int object = 0;
    retire_one(f->a, &object);
    assert_int_equal(poll_often(f->b), 1);
    assert_int_equal(object, 1);
}

static void test_epoch_unregistered_limbo_is_freed(void **state)
{
    struct fixture *f = *state;
    int object[3] = {0};
    struct epoch_thread *t = epoch_register(f->ep);
    assert_non_null(t);
    unsigned index = epoch_thread_index(t);
    assert_int_not_equal(index, epoch_thread_index(f->a));
    retire_one(t, &object[0]);
    epoch_unregister(t);
    // The record is used again, with what is left in it.
    t = epoch_register(f->ep);
    assert_int_equal(epoch_thread_index(t), index);
    retire_one(t, &object[1]);
    epoch_drain(f->a);
    assert_int_equal(object[0] + object[1], 2);
    retire_one(t, &object[2]); // for epoch_destroy()
    epoch_unregister(t);
    assert_int_equal(epoch_pending_count(f->ep), 1);
}

static void test_epoch_drain_frees_everything(void **state)
{
    struct fixture *f = *state;
    enum { N = 1000 };
    static int object[N];
    for (int i = 0; i < N; i++)
        object[i] = 0;
    for (int i = 0; i < N; i++)
        retire_one(i % 3 ? f->a : f->b, &object[i]);
    epoch_drain(f->b);
    for (int i = 0; i < N; i++)
        assert_int_equal(object[i], 1);
    assert_int_equal(freed, N);
    assert_int_equal(epoch_pending_bytes(f->ep), 0);
}

// Retiring alone, without any poll, keeps the limbo bounded as long as sections end.
static void test_epoch_retire_bounds_the_limbo(void **state)
{
    struct fixture *f = *state;
    static int object;
    size_t most = 0;
    for (int i = 0; i < 100000; i++) {
        retire_one(f->a, &object);
        size_t pending = epoch_pending_count(f->ep);
        most = pending > most ? pending : most;
    }
    assert_in_range(most, 1, 1000);
}

static void give(void *ptr, void *reclaimer)
{
    *(void **)ptr = reclaimer;
    freed++;
}

// What is for the reclaimer reaches it when other memory would have been freed, with the rest of
// the domain at the latest.
static void test_epoch_passes_on_to_the_reclaimer(void **state)
{
    struct fixture *f = *state;
    int reclaimer;
    void *object[2] = {NULL, NULL};
    epoch_unregister(f->b); // there is to be nobody while it is set
    epoch_unregister(f->a);
    epoch_set_reclaimer(f->ep, &reclaimer);
    f->a = epoch_register(f->ep);
    f->b = epoch_register(f->ep);
    assert_ptr_equal(epoch_reclaimer(f->a), &reclaimer);

    epoch_enter(f->b);
    epoch_enter(f->a);
    assert_true(epoch_retire_to_reclaimer(f->a, &object[0], give, 100));
    epoch_exit(f->a);
    assert_int_equal(epoch_pending_bytes(f->ep), 100);
    assert_int_equal(poll_often(f->a), 0);
    assert_null(object[0]);
    epoch_exit(f->b);
    assert_int_equal(poll_often(f->a), 1);
    assert_ptr_equal(object[0], &reclaimer);
    assert_int_equal(epoch_pending_bytes(f->ep), 0);

    epoch_enter(f->a);
    assert_true(epoch_retire_to_reclaimer(f->a, &object[1], give, 100));
    epoch_exit(f->a);
    epoch_unregister(f->a);
    epoch_unregister(f->b);
    epoch_destroy(f->ep);
    assert_ptr_equal(object[1], &reclaimer);
    assert_int_equal(freed, 2);
    setup(state); // for the teardown
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_epoch_frees_once_all_left, setup, teardown),
        cmocka_unit_test_setup_teardown(test_epoch_waits_for_a_reader_of_the_time, setup, teardown),
        cmocka_unit_test_setup_teardown(test_epoch_own_section_protects, setup, teardown),
        cmocka_unit_test_setup_teardown(test_epoch_sections_nest, setup, teardown),
        cmocka_unit_test_setup_teardown(test_epoch_poll_keeps_to_its_budget, setup, teardown),
        cmocka_unit_test_setup_teardown(test_epoch_others_free_for_a_sleeper, setup, teardown),
        cmocka_unit_test_setup_teardown(test_epoch_unregistered_limbo_is_freed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_epoch_drain_frees_everything, setup, teardown),
        cmocka_unit_test_setup_teardown(test_epoch_retire_bounds_the_limbo, setup, teardown),
        cmocka_unit_test_setup_teardown(test_epoch_passes_on_to_the_reclaimer, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
