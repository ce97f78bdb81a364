// SPDX-License-Identifier: MIT
//
// Operations on large collections whose time has no bound let others go on in between: they call
// type_ctx.step as they go. Here each step leaves the epoch section and frees all that is retired,
// so that a sanitizer sees whatever is used across one.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "datatypes/hash.h"
#include "datatypes/list.h"
#include "datatypes/mem.h"
#include "datatypes/set.h"
#include "datatypes/zset.h"
#include "datatypes/zset_build.h"
#include "tests/lib/type_fixture.h"

enum {
    MEMBERS = 3000,
    UNITS_BETWEEN = 256, // most units between two steps that are acted on
};

static struct type_fixture fixture;
#define CTX (&fixture.ctx)

static size_t steps, units, pending;

static void step(void *arg, size_t n)
{
    steps++;
    units += n;
    pending += n;
    if (pending < UNITS_BETWEEN)
        return;
    pending = 0;
    type_fixture_drain(arg);
}

static int open_fixture(void **state)
{
    (void)state;
    type_fixture_open(&fixture, 29);
    fixture.ctx.step = step;
    fixture.ctx.step_arg = &fixture;
    return 0;
}

static int close_fixture(void **state)
{
    (void)state;
    type_fixture_close(&fixture);
    return 0;
}

static void forget_steps(void)
{
    steps = units = pending = 0;
}

// Since forget_steps() there was a step at least for every `n`-th of `elements`.
static void assert_steps(size_t elements, size_t n)
{
    assert_true(steps >= elements / n);
    assert_true(units >= elements / n);
    forget_steps();
}

static size_t format_member(char text[32], int i)
{
    return (size_t)snprintf(text, 32, "member:%d", i);
}

// What a function hands over: each of the members once.
struct picked {
    size_t n;
    bool seen[MEMBERS];
};

static void pick(struct picked *to, const char *data, size_t len)
{
    char text[32];
    int i;

    memcpy(text, data, len);
    text[len] = '\0';
    assert_int_equal(sscanf(text, "member:%d", &i), 1);
    assert_in_range(i, 0, MEMBERS - 1);
    assert_false(to->seen[i]);
    to->seen[i] = true;
    to->n++;
}

static void pick_set(const struct set_member *m, void *arg)
{
    pick(arg, m->data, m->len);
}

static void pick_zset(const struct zset_member *m, void *arg)
{
    pick(arg, m->data, m->len);
}

static void pick_hash(const struct hash_pair *pair, void *arg)
{
    pick(arg, pair->field, pair->nfield);
    assert_int_equal(pair->nvalue, pair->nfield);
    assert_memory_equal(pair->value, pair->field, pair->nfield);
}

// Each value is its field's name.
static struct value full_hash(void)
{
    struct value v = VALUE_ABSENT;
    char text[32];
    bool added;

    for (int i = 0; i < MEMBERS; i++) {
        size_t len = format_member(text, i);
        struct hash_pair pair = {text, len, text, len};
        struct value old = v;
        assert_int_equal(hash_set(CTX, old, &pair, &v, &added), STATUS_OK);
        assert_true(added);
        if (v.bits != old.bits)
            value_free(old);
    }
    forget_steps();
    return v;
}

static struct value full_set(void)
{
    struct value v;
    char text[32];
    bool added;

    assert_int_equal(set_new(CTX, NULL, 0, 0, &v), STATUS_OK);
    for (int i = 0; i < MEMBERS; i++) {
        size_t len = format_member(text, i);
        assert_int_equal(set_add(CTX, v, text, len, &added), STATUS_OK);
        assert_true(added);
    }
    forget_steps();
    return v;
}

static struct value full_zset(void)
{
    struct zset_place place;
    struct value v;
    char text[32];

    assert_int_equal(zset_new(CTX, &v), STATUS_OK);
    for (int i = 0; i < MEMBERS; i++) {
        size_t len = format_member(text, i);
        zset_find(v, text, len, &place);
        assert_int_equal(zset_put(CTX, v, &place, text, len, i % 100), STATUS_OK);
    }
    forget_steps();
    return v;
}

static void test_set_copy(void **state)
{
    struct picked left = {.n = 0};
    struct value v = full_set(), copy;

    (void)state;
    assert_int_equal(set_copy(CTX, v, &copy), STATUS_OK);
    assert_steps(MEMBERS, 1);
    assert_int_equal(set_count(copy), MEMBERS);
    assert_int_equal(set_sample(CTX, copy, MEMBERS, pick_set, &left), STATUS_OK);
    assert_steps(MEMBERS, 1);
    assert_int_equal(left.n, MEMBERS);
    set_free(copy);
    set_free(v);
}

// Drawn one by one, rebuilt from what is left, and from an intset and a packed blob as large as the
// limits allow.
static void test_set_pop(void **state)
{
    static const int parts[] = {MEMBERS / 10, MEMBERS / 2, MEMBERS - MEMBERS / 10, MEMBERS - 1};
    static const size_t limits[] = {128, MEMBERS + 1};

    (void)state;
    for (size_t k = 0; k < 2; k++) {
        atomic_store(&fixture.limits.set_max_packed_entries, limits[k]);
        for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
            struct picked taken = {.n = 0};
            struct value v = full_set();
            size_t n = (size_t)parts[i];
            assert_int_equal(set_pop(CTX, v, n, pick_set, &taken), STATUS_OK);
            assert_steps(n, 1);
            assert_int_equal(taken.n, n);
            assert_int_equal(set_count(v), MEMBERS - n);
            assert_int_equal(set_sample(CTX, v, MEMBERS, pick_set, &taken), STATUS_OK);
            assert_int_equal(taken.n, MEMBERS); // the others, and none twice
            set_free(v);
        }
    }
}

static void test_set_sample(void **state)
{
    static const int parts[] = {MEMBERS / 10, MEMBERS / 2, MEMBERS};
    struct value v = full_set();

    (void)state;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        struct picked taken = {.n = 0};
        assert_int_equal(set_sample(CTX, v, (size_t)parts[i], pick_set, &taken), STATUS_OK);
        assert_steps((size_t)parts[i], 1);
        assert_int_equal(taken.n, parts[i]);
    }
    set_free(v);
}

static void test_zset_copy_and_sample(void **state)
{
    static const int parts[] = {MEMBERS / 10, MEMBERS / 2, MEMBERS};
    struct value v = full_zset(), copy;

    (void)state;
    assert_int_equal(zset_copy(CTX, v, &copy), STATUS_OK);
    assert_steps(MEMBERS, 1);
    zset_free(v);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        struct picked taken = {.n = 0};
        assert_int_equal(zset_sample(CTX, copy, (size_t)parts[i], pick_zset, &taken), STATUS_OK);
        assert_steps((size_t)parts[i], 1);
        assert_int_equal(taken.n, parts[i]);
    }
    zset_free(copy);
}

// In a dictionary and in a blob as large as the limits allow.
static void test_hash_copy_and_sample(void **state)
{
    static const int parts[] = {MEMBERS / 10, MEMBERS / 2, MEMBERS};
    static const size_t limits[] = {512, MEMBERS};

    (void)state;
    for (size_t k = 0; k < 2; k++) {
        atomic_store(&fixture.limits.hash_max_packed_entries, limits[k]);
        struct value v = full_hash(), copy;
        assert_int_equal(hash_is_packed(v), k);
        assert_int_equal(hash_copy(CTX, v, &copy), STATUS_OK);
        if (!hash_is_packed(v)) // else it is one block
            assert_steps(MEMBERS, 1);
        hash_free(v);
        for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
            struct picked taken = {.n = 0};
            assert_int_equal(hash_sample(CTX, copy, (size_t)parts[i], pick_hash, &taken),
                             STATUS_OK);
            assert_steps((size_t)parts[i], 1);
            assert_int_equal(taken.n, parts[i]);
        }
        hash_free(copy);
    }
}

// A blob as large as the limits allow moves to a dictionary, and what is half done is thrown away.
static void test_hash_moves(void **state)
{
    struct hash_pair pair = {"one", 3, "more", 4};
    struct picked all = {.n = 0};
    struct value v, moved, failed;
    bool added, removed;

    (void)state;
    atomic_store(&fixture.limits.hash_max_packed_entries, MEMBERS);
    v = full_hash();
    assert_true(hash_is_packed(v));
    mem_fail_after(MEMBERS);
    assert_int_equal(hash_set(CTX, v, &pair, &failed, &added), STATUS_NO_MEMORY);
    mem_fail_after(-1);
    assert_steps(MEMBERS, 2);
    assert_int_equal(hash_count(v), MEMBERS);
    assert_int_equal(hash_set(CTX, v, &pair, &moved, &added), STATUS_OK);
    assert_steps(MEMBERS, 1);
    assert_false(hash_is_packed(moved));
    hash_free(v);
    assert_int_equal(hash_remove(CTX, moved, "one", 3, &v, &removed), STATUS_OK);
    assert_true(removed);
    assert_int_equal(hash_sample(CTX, moved, MEMBERS, pick_hash, &all), STATUS_OK);
    assert_int_equal(all.n, MEMBERS);
    hash_free(moved);
}

static void test_zset_build_abort(void **state)
{
    struct zset_build b;
    char text[32];

    (void)state;
    assert_int_equal(zset_build_begin(&b, CTX), STATUS_OK);
    for (int i = 0; i < MEMBERS; i++) {
        size_t len = format_member(text, i);
        assert_int_equal(zset_build_add(&b, text, len, i, ZSET_SUM), STATUS_OK);
    }
    while (zset_build_order(&b, 100)) {
    }
    forget_steps();
    zset_build_abort(&b);
    assert_steps(MEMBERS, 64);
}

static void test_list_copy(void **state)
{
    struct value v, copy;
    char text[1000];

    (void)state;
    memset(text, 'x', sizeof text);
    assert_int_equal(list_new(CTX, 0, CHUNK_BACK, &v), STATUS_OK);
    for (int i = 0; i < MEMBERS; i++)
        assert_int_equal(list_push(CTX, v, CHUNK_BACK, text, sizeof text), STATUS_OK);
    forget_steps();
    assert_int_equal(list_copy(CTX, v, &copy), STATUS_OK);
    assert_true(units >= MEMBERS); // a unit for every 512 bytes
    assert_steps(MEMBERS, 16);
    assert_int_equal(list_count(copy), MEMBERS);
    list_free(copy);
    list_free(v);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, open_fixture, close_fixture)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_set_copy),
        TEST(test_set_pop),
        TEST(test_set_sample),
        TEST(test_zset_copy_and_sample),
        TEST(test_zset_build_abort),
        TEST(test_list_copy),
        TEST(test_hash_copy_and_sample),
        TEST(test_hash_moves),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
