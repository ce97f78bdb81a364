// SPDX-License-Identifier: MIT
//
// Freeing in slices: what counts as large, that slices end, and when the owner of spare time is
// told. That everything is freed in the end is for AddressSanitizer to say.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "datatypes/hash.h"
#include "datatypes/lazyfree.h"
#include "datatypes/mem.h"
#include "datatypes/set.h"
#include "datatypes/set_internal.h"
#include "datatypes/str.h"
#include "tests/lib/type_fixture.h"

static struct type_fixture fixture;
#define CTX (&fixture.ctx)

static struct lazyfree queue;
static int told; // how often the queue called for somebody

static void tell(void *arg)
{
    assert_ptr_equal(arg, &queue);
    told++;
}

static int open_fixture(void **state)
{
    (void)state;
    type_fixture_open(&fixture, 16);
    // Sets of strings are dictionaries from the first member on.
    atomic_store_explicit(&fixture.limits.set_max_packed_entries, 0, memory_order_relaxed);
    queue = (struct lazyfree){.wanted = tell, .wanted_arg = &queue};
    told = 0;
    epoch_set_reclaimer(fixture.domain, &queue);
    return 0;
}

static int close_fixture(void **state)
{
    (void)state;
    type_fixture_close(&fixture);
    assert_false(lazyfree_step(&queue, INT64_MAX));
    return 0;
}

static size_t pending(void)
{
    return atomic_load_explicit(&queue.pending, memory_order_acquire);
}

static size_t freed(void)
{
    return atomic_load_explicit(&queue.freed, memory_order_relaxed);
}

// Frees slice by slice; returns their number.
static size_t count_slices(void)
{
    size_t n = 0;
    bool left;
    do {
        left = lazyfree_step(&queue, 0);
        n++;
    } while (left);
    return n;
}

static struct value make_set(const char *prefix, size_t members)
{
    struct value v;
    assert_int_equal(set_new(CTX, NULL, 0, 0, &v), STATUS_OK);
    for (size_t i = 0; i < members; i++) {
        char member[32];
        bool added;
        size_t len = strlen(prefix);
        memcpy(member, prefix, len);
        len += str_format_i64((int64_t)i, member + len);
        assert_int_equal(set_add(CTX, v, member, len, &added), STATUS_OK);
    }
    return v;
}

// A set that is one array of 64-bit integers.
static struct value make_array(size_t members)
{
    struct intset *is = intset_new(INT64_MAX, members);
    assert_non_null(is);
    for (size_t i = 0; i < members; i++)
        intset_push(is, (int64_t)i);
    struct set *s = set_handle_new(NO_EXPIRE, set_body_make(SET_BODY_INTSET, is), members);
    assert_non_null(s);
    return value_make(VALUE_SET, s);
}

static struct value make_str(size_t len)
{
    char *text = mem_zalloc(len);
    struct value v;
    assert_non_null(text);
    assert_int_equal(str_new(text, len, NO_EXPIRE, &v), STATUS_OK);
    mem_free(text);
    return v;
}

// Retires the value and waits until nobody can see it; returns whether it was queued then.
static bool is_queued(struct value v)
{
    size_t before = pending();
    value_retire(CTX, v);
    size_t retired = pending() - before;
    assert_in_range(retired, 0, 1);
    type_fixture_drain(&fixture);
    assert_int_equal(pending(), before + retired);
    assert_int_equal(queue.items != NULL, before + retired > 0);
    return retired > 0;
}

static void test_lazyfree_of_sets_goes_by_nodes(void **state)
{
    (void)state;
    for (size_t n = LAZYFREE_NODES - 2; n <= LAZYFREE_NODES + 2; n++) {
        assert_int_equal(is_queued(make_set("m", n)), n > LAZYFREE_NODES);
        assert_false(lazyfree_step(&queue, INT64_MAX));
        assert_int_equal(pending(), 0);
    }
    assert_int_equal(freed(), 2);
}

// One block, however many members it has: an array of integers.
static void test_lazyfree_of_arrays_goes_by_bytes(void **state)
{
    (void)state;
    assert_false(is_queued(make_array(LAZYFREE_BYTES / sizeof(int64_t) / 2)));
    assert_true(is_queued(make_array(LAZYFREE_BYTES / sizeof(int64_t))));
    assert_false(lazyfree_step(&queue, INT64_MAX));
    assert_int_equal(freed(), 1);
}

static void test_lazyfree_of_strings_goes_by_bytes(void **state)
{
    (void)state;
    assert_false(is_queued(make_str(5)));
    assert_false(is_queued(make_str(LAZYFREE_BYTES / 2)));
    assert_true(is_queued(make_str(LAZYFREE_BYTES)));
    assert_true(is_queued(make_str(5 * LAZYFREE_BYTES)));
    size_t slices = count_slices();
    assert_in_range(slices, 2 + 10, 3 + 12); // of half a megabyte
    assert_int_equal(freed(), 2);
}

// A member that was removed from a set is a block of its own.
static void test_lazyfree_of_a_large_member(void **state)
{
    (void)state;
    char *text = mem_zalloc(2 * LAZYFREE_BYTES);
    struct value set = make_set("m", 3);
    bool done;
    assert_non_null(text);
    assert_int_equal(set_add(CTX, set, text, 2 * LAZYFREE_BYTES, &done), STATUS_OK);
    assert_int_equal(set_remove(CTX, set, text, 2 * LAZYFREE_BYTES, &done), STATUS_OK);
    assert_true(done);
    mem_free(text);
    assert_int_equal(pending(), 1);
    type_fixture_drain(&fixture);
    assert_false(lazyfree_step(&queue, INT64_MAX));
    assert_int_equal(freed(), 1);
    set_free(set);
}

// Few members that are long make a set large as well.
static void test_lazyfree_of_few_long_members(void **state)
{
    (void)state;
    char *text = mem_zalloc(2 * LAZYFREE_BYTES);
    struct value set = make_set("m", 0);
    bool done;
    assert_non_null(text);
    assert_int_equal(set_add(CTX, set, text, 2 * LAZYFREE_BYTES, &done), STATUS_OK);
    mem_free(text);
    assert_true(is_queued(set));
}

static void test_lazyfree_slices_are_small_and_end(void **state)
{
    (void)state;
    enum { N = 10000 };
    assert_true(is_queued(make_set("member:", N)));
    size_t slices = count_slices();
    // A slice takes whole buckets of five or so, and counts these, too.
    assert_in_range(slices, N / (LAZYFREE_SLICE + 20), 2 * N / LAZYFREE_SLICE);
    assert_int_equal(pending(), 0);
    assert_int_equal(freed(), 1);
    assert_false(lazyfree_step(&queue, 0)); // nothing to do
}

static void test_lazyfree_tells_when_the_queue_fills(void **state)
{
    (void)state;
    assert_true(is_queued(make_set("a", 1000)));
    assert_int_equal(told, 1);
    assert_true(is_queued(make_set("b", 1000)));
    assert_int_equal(told, 1);
    assert_true(lazyfree_step(&queue, 0)); // takes one and puts it back
    assert_int_equal(told, 1);
    assert_false(lazyfree_step(&queue, INT64_MAX));
    assert_int_equal(freed(), 2);
    assert_true(is_queued(make_set("c", 1000)));
    assert_int_equal(told, 2);
}

// While the time has passed, and one item is done, there is more to come back for.
static void test_lazyfree_step_reports_what_others_left(void **state)
{
    (void)state;
    assert_true(is_queued(make_str(LAZYFREE_BYTES)));
    assert_true(is_queued(make_str(LAZYFREE_BYTES)));
    while (freed() < 1)
        assert_true(lazyfree_step(&queue, 0));
    assert_int_equal(pending(), 1);
    while (lazyfree_step(&queue, 0))
        assert_int_equal(freed(), 1);
    assert_int_equal(freed(), 2);
}

static void test_lazyfree_without_a_reclaimer_frees_at_once(void **state)
{
    (void)state;
    epoch_set_reclaimer(fixture.domain, NULL);
    value_retire(CTX, make_set("m", 1000));
    value_retire(CTX, make_str(2 * LAZYFREE_BYTES));
    type_fixture_drain(&fixture);
    assert_int_equal(epoch_pending_count(fixture.domain), 0);
    assert_int_equal(pending(), 0);
    assert_null(queue.items);
}

// What is still retired at the end of the domain comes to the queue as well.
static void test_lazyfree_gets_what_the_domain_leaves(void **state)
{
    (void)state;
    value_retire(CTX, make_set("m", 1000));
    assert_null(queue.items);
    type_fixture_close(&fixture);
    assert_non_null(queue.items);
    assert_false(lazyfree_step(&queue, INT64_MAX));
    assert_int_equal(freed(), 1);
    type_fixture_open(&fixture, 16); // for the teardown
}

static void ignore(const struct set_member *member, void *arg)
{
    (void)member;
    (void)arg;
}

// SPOP of nearly all moves the rest to a new dictionary; the old one is as large as it was.
static void test_lazyfree_of_a_replaced_dictionary(void **state)
{
    (void)state;
    struct value set = make_set("m", 1000);
    assert_int_equal(set_pop(CTX, set, 995, ignore, NULL), STATUS_OK);
    assert_int_equal(pending(), 1);
    type_fixture_drain(&fixture);
    assert_non_null(queue.items);
    assert_false(lazyfree_step(&queue, INT64_MAX));
    assert_int_equal(freed(), 1);
    assert_int_equal(set_count(set), 5);
    set_free(set);
}

// It needs a handle for that; without memory for one it is freed in one piece.
static void test_lazyfree_of_a_replaced_dictionary_without_memory(void **state)
{
    (void)state;
    struct value set = make_set("m", 1000);
    mem_fail_after(0);
    enum status status = set_pop(CTX, set, 1000, ignore, NULL);
    mem_fail_after(-1);
    assert_int_equal(status, STATUS_OK);
    assert_int_equal(pending(), 0);
    type_fixture_drain(&fixture);
    assert_int_equal(epoch_pending_count(fixture.domain), 0);
    assert_null(queue.items);
    set_free(set);
}

// A hash with that many fields; packed while `nvalue` and their number are within the limits.
static struct value make_hash(int fields, size_t nvalue)
{
    struct value v = VALUE_ABSENT;
    char *text = mem_zalloc(nvalue);
    char field[16];
    bool added;

    assert_non_null(text);
    for (int i = 0; i < fields; i++) {
        struct hash_pair pair = {field, (size_t)snprintf(field, sizeof field, "f%d", i), text,
                                 nvalue};
        struct value old = v;
        assert_int_equal(hash_set(CTX, old, &pair, &v, &added), STATUS_OK);
        if (v.bits != old.bits)
            value_free(old);
    }
    mem_free(text);
    return v;
}

static void test_lazyfree_of_hashes(void **state)
{
    (void)state;
    atomic_store_explicit(&fixture.limits.hash_max_packed_entries, 8, memory_order_relaxed);
    atomic_store_explicit(&fixture.limits.hash_max_packed_value, LAZYFREE_BYTES,
                          memory_order_relaxed);
    assert_false(value_free_lazily(&queue, make_hash(8, 1)));
    assert_false(value_free_lazily(&queue, make_hash(LAZYFREE_NODES, 1)));
    struct value block = make_hash(2, LAZYFREE_BYTES / 2);
    assert_true(hash_is_packed(block));
    lazyfree_expect(&queue, 2);
    assert_true(value_free_lazily(&queue, block));
    assert_true(value_free_lazily(&queue, make_hash(LAZYFREE_NODES + 1, 1)));
    assert_false(lazyfree_step(&queue, INT64_MAX));
    assert_int_equal(freed(), 2);
    assert_false(is_queued(make_hash(8, 1)));
    assert_true(is_queued(make_hash(2, LAZYFREE_BYTES / 2)));
    assert_false(lazyfree_step(&queue, INT64_MAX));
    assert_true(is_queued(make_hash(10 * LAZYFREE_SLICE, 1)));
    assert_in_range(count_slices(), 5, 20);
    assert_int_equal(freed(), 4);
}

static void test_lazyfree_of_private_values(void **state)
{
    (void)state;
    assert_false(value_free_lazily(&queue, VALUE_ABSENT));
    assert_false(value_free_lazily(&queue, make_set("m", LAZYFREE_NODES)));
    assert_false(value_free_lazily(&queue, make_str(100)));
    lazyfree_expect(&queue, 3);
    assert_true(value_free_lazily(&queue, make_set("m", LAZYFREE_NODES + 1)));
    assert_true(value_free_lazily(&queue, make_str(LAZYFREE_BYTES)));
    assert_true(value_free_lazily(&queue, make_array(LAZYFREE_BYTES / sizeof(int64_t))));
    assert_false(lazyfree_step(&queue, INT64_MAX));
    assert_int_equal(pending(), 0);
    assert_int_equal(freed(), 3);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, open_fixture, close_fixture)
    const struct CMUnitTest tests[] = {
        TEST(test_lazyfree_of_sets_goes_by_nodes),
        TEST(test_lazyfree_of_arrays_goes_by_bytes),
        TEST(test_lazyfree_of_strings_goes_by_bytes),
        TEST(test_lazyfree_of_a_large_member),
        TEST(test_lazyfree_of_few_long_members),
        TEST(test_lazyfree_slices_are_small_and_end),
        TEST(test_lazyfree_tells_when_the_queue_fills),
        TEST(test_lazyfree_step_reports_what_others_left),
        TEST(test_lazyfree_without_a_reclaimer_frees_at_once),
        TEST(test_lazyfree_gets_what_the_domain_leaves),
        TEST(test_lazyfree_of_a_replaced_dictionary),
        TEST(test_lazyfree_of_a_replaced_dictionary_without_memory),
        TEST(test_lazyfree_of_hashes),
        TEST(test_lazyfree_of_private_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
