// SPDX-License-Identifier: MIT
//
// Names: what becomes one and when, what never does, and what a full table does. The table is the
// process's, so each test goes by how many names there are when it begins.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "datatypes/mem.h"
#include "datatypes/names.h"

enum { MEETINGS_MAX = 100 };

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

// The last one: no more names afterwards.
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
        cmocka_unit_test(test_names_are_bounded),
    };
    return cmocka_run_group_tests_name("names", tests, NULL, NULL);
}
