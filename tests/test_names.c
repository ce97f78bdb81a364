// SPDX-License-Identifier: MIT
//
// Names: what becomes one and when, what never does, what hashes make of them, and what a full
// table does. The table is the process's, so each test goes by how many names there are when it
// begins.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "datatypes/hash.h"
#include "datatypes/mem.h"
#include "datatypes/names.h"
#include "tests/lib/type_fixture.h"

enum { MEETINGS_MAX = 100 };

static struct type_fixture fixture;

static int setup(void **state)
{
    (void)state;
    type_fixture_open(&fixture, 64);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    type_fixture_close(&fixture);
    return 0;
}

// Meets the text until it is a name; returns how often, 0: it has not become one.
static int meet(const char *text, size_t len)
{
    for (int i = 1; i <= MEETINGS_MAX; i++)
        if (name_meet(text, len) != NAME_NONE)
            return i;
    return 0;
}

static void assert_name(const char *text, size_t len)
{
    int number = name_find(text, len);

    assert_in_range(number, 0, NAME_SLOTS - 1);
    assert_int_equal(name_meet(text, len), number);
    assert_int_equal(name_of((unsigned)number)->len, len);
    assert_memory_equal(name_of((unsigned)number)->text, text, len);
}

static void test_names_are_met_often(void **state)
{
    (void)state;
    size_t before = names_known();

    assert_int_equal(name_find("created", 7), NAME_NONE);
    assert_int_equal(meet("created", 7), 64);
    assert_name("created", 7);
    assert_int_equal(names_known(), before + 1);
    assert_int_equal(name_find("create", 6), NAME_NONE);
    assert_int_equal(name_find("createD", 7), NAME_NONE);
}

static void test_names_have_every_length_that_pays(void **state)
{
    (void)state;
    static char text[NAME_MAX_LEN + 1];

    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)(200 + i);
    for (size_t len = NAME_MIN_LEN; len <= NAME_MAX_LEN; len++) {
        assert_int_not_equal(meet(text, len), 0);
        assert_name(text, len);
    }
    assert_int_equal(meet("", 0), 0);
    assert_int_equal(meet("f", 1), 0);
    assert_int_equal(meet(text, NAME_MAX_LEN + 1), 0);
    assert_int_equal(meet("\0\0", 2), 64);
    assert_name("\0\0", 2);
    assert_int_equal(name_find("\0\0\0", 3), NAME_NONE);
}

// Texts that differ in one byte, wherever it is, are different names.
static void test_names_differ_in_any_byte(void **state)
{
    (void)state;
    char text[NAME_MAX_LEN];

    for (size_t len = NAME_MIN_LEN; len <= 20; len++) {
        for (size_t i = 0; i < len; i++) {
            memset(text, 'x', len);
            text[i] = 'y';
            assert_int_equal(name_find(text, len), NAME_NONE);
            assert_int_not_equal(meet(text, len), 0);
            assert_name(text, len);
        }
    }
}

// However many texts are met once, they do not become names, nor keep one from it that is met in
// between.
static void test_names_are_not_met_by_chance(void **state)
{
    (void)state;
    size_t before = names_known();
    char text[32];

    for (int i = 0; i < 1000000; i++) {
        assert_int_equal(name_meet(text, (size_t)sprintf(text, "once:%d", i)), NAME_NONE);
        if (i % 100 == 0)
            (void)name_meet("often", 5);
    }
    assert_name("often", 5);
    assert_int_equal(names_known(), before + 1);
}

static void test_names_without_memory(void **state)
{
    (void)state;
    size_t before = names_known();

    mem_fail_after(0);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(name_meet("no memory", 9), NAME_NONE);
    mem_fail_after(-1);
    assert_int_equal(names_known(), before);
    assert_int_equal(meet("no memory", 9), 1);
    assert_name("no memory", 9);
}

// ---- in hashes -------------------------------------------------------------------------------

// As a key does it: what is replaced is retired.
static void replace(struct value *v, struct value now)
{
    if (now.bits != v->bits && !value_is_none(*v))
        value_retire(&fixture.ctx, *v);
    *v = now;
}

static bool set(struct value *v, const char *field, const char *value)
{
    struct hash_pair pair = {field, strlen(field), value, strlen(value)};
    struct value now;
    bool added;

    assert_int_equal(hash_set(&fixture.ctx, *v, &pair, &now, &added), STATUS_OK);
    replace(v, now);
    return added;
}

static void unset(struct value *v, const char *field)
{
    struct value now;
    bool removed;

    assert_int_equal(hash_remove(&fixture.ctx, *v, field, strlen(field), &now, &removed),
                     STATUS_OK);
    assert_true(removed);
    replace(v, now);
}

static void assert_field(struct value v, const char *field, const char *want)
{
    const char *value;
    size_t nvalue;

    assert_true(hash_get(v, field, strlen(field), &value, &nvalue));
    assert_int_equal(nvalue, strlen(want));
    assert_memory_equal(value, want, nvalue);
}

// Hashes that are alike hold the names of their fields in common. One that is older has them
// written out, and takes part when it is changed.
static void test_names_of_hashes(void **state)
{
    (void)state;
    enum { ALIKE = 100, FIELDS = 10 };
    static const char *const fields[FIELDS] = {"name",     "email",   "joined", "last-login",
                                               "country",  "balance", "orders", "avatar",
                                               "language", "x"};
    struct value v[ALIKE];
    size_t written_out = 0, names = 0;

    for (int i = 0; i < ALIKE; i++) {
        v[i] = VALUE_ABSENT;
        for (int f = 0; f < FIELDS; f++)
            assert_true(set(&v[i], fields[f], "value"));
    }
    for (int f = 0; f < FIELDS; f++) {
        if (name_find(fields[f], strlen(fields[f])) == NAME_NONE)
            continue;
        written_out += strlen(fields[f]) - 1;
        names++;
    }
    // One is too short, and two that share a counter hold each other up: one process in a hundred.
    assert_in_range(names, FIELDS - 3, FIELDS - 1);
    assert_int_equal(hash_bytes(v[0]), hash_bytes(v[ALIKE - 1]) + written_out);
    for (int f = 0; f < FIELDS; f++) {
        assert_false(set(&v[0], fields[f], "other"));
        assert_field(v[0], fields[f], "other");
        assert_field(v[ALIKE - 1], fields[f], "value");
    }
    assert_int_equal(hash_bytes(v[0]), hash_bytes(v[ALIKE - 1]));
    assert_int_equal(hash_count(v[0]), FIELDS);
    for (int i = 0; i < ALIKE; i++) {
        for (int f = 0; f < FIELDS; f++)
            unset(&v[i], fields[f]);
        assert_true(value_is_none(v[i]));
    }
}

// ---- the last test: no more names afterwards -------------------------------------------------

static void test_names_are_bounded(void **state)
{
    (void)state;
    char text[32];

    for (int i = 0; names_known() < NAMES_MAX; i++) {
        assert_true(i < 2 * NAMES_MAX);
        meet(text, (size_t)sprintf(text, "name %d", i));
    }
    assert_int_equal(meet("one more", 8), 0);
    assert_int_equal(names_known(), NAMES_MAX);
    assert_name("created", 7);
    assert_name("name 0", 6);
    assert_int_equal(name_find("one more", 8), NAME_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_are_met_often),
        cmocka_unit_test(test_names_have_every_length_that_pays),
        cmocka_unit_test(test_names_differ_in_any_byte),
        cmocka_unit_test(test_names_are_not_met_by_chance),
        cmocka_unit_test(test_names_without_memory),
        cmocka_unit_test(test_names_of_hashes),
        cmocka_unit_test(test_names_are_bounded),
    };
    return cmocka_run_group_tests_name("names", tests, setup, teardown);
}
