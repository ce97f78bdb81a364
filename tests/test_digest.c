// SPDX-License-Identifier: MIT
//
// Digests of values: those of redis-server 7.0.15, made in steps that may be the last ones. (All
// types: wire_debug.c.)
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "datatypes/digest.h"
#include "datatypes/list.h"
#include "datatypes/set.h"
#include "datatypes/str.h"
#include "tests/lib/type_fixture.h"

static struct type_fixture fixture;
#define CTX (&fixture.ctx)

static int open_fixture(void **state)
{
    (void)state;
    type_fixture_open(&fixture, 31);
    return 0;
}

static int close_fixture(void **state)
{
    (void)state;
    type_fixture_close(&fixture);
    return 0;
}

// What the steps hashed, and how many more are allowed. Each frees all that is retired.
struct steps {
    size_t n, nbytes, most;
};

static bool step(void *arg, size_t nbytes)
{
    struct steps *s = arg;

    s->n++;
    s->nbytes += nbytes;
    type_fixture_drain(&fixture);
    return s->n < s->most;
}

static bool digest(struct value v, struct steps *s, char text[2 * DIGEST_BYTES + 1])
{
    const struct digest_caller caller = {step, s};
    unsigned char bytes[DIGEST_BYTES];
    bool done = digest_value(v, &caller, bytes);

    for (size_t i = 0; i < DIGEST_BYTES; i++)
        snprintf(text + 2 * i, 3, "%02x", bytes[i]);
    return done;
}

static void assert_digest(struct value v, const char *want)
{
    struct steps s = {.most = SIZE_MAX};
    char text[2 * DIGEST_BYTES + 1];

    assert_true(digest(v, &s, text));
    assert_string_equal(text, want);
}

static void test_strings(void **state)
{
    struct value v;

    (void)state;
    assert_digest(VALUE_ABSENT, "0000000000000000000000000000000000000000");
    assert_int_equal(str_new("hello", 5, NO_EXPIRE, &v), STATUS_OK);
    assert_digest(v, "36b23a1456b2dce2c3ed252c456761301dba8060");
    value_free(v);
    assert_int_equal(str_new("hello", 5, 1000, &v), STATUS_OK);
    assert_digest(v, "d037c4eb8a8b36b602fbced4000daeab0714c1e3");
    value_free(v);
    assert_int_equal(str_new("12345", 5, NO_EXPIRE, &v), STATUS_OK);
    assert_digest(v, "e1cf90774e995ae03de66e8109dc5cb9d9c2dc83");
    value_free(v);
}

// A long text is hashed piece by piece, and what was made so far is no digest.
static void test_long_text(void **state)
{
    enum { LEN = 1000000, PIECES = 10 };
    char *text = malloc(LEN), whole[2 * DIGEST_BYTES + 1], part[2 * DIGEST_BYTES + 1];
    struct steps all = {.most = SIZE_MAX}, few = {.most = 3};
    struct value v;

    (void)state;
    assert_non_null(text);
    memset(text, 'x', LEN);
    assert_int_equal(str_new(text, LEN, NO_EXPIRE, &v), STATUS_OK);
    assert_true(digest(v, &all, whole));
    assert_string_equal(whole, "ffca949b0827b1a0fc47beb29ebd095c3ce402d8");
    assert_in_range(all.n, PIECES, 4 * PIECES);
    assert_in_range(all.nbytes, LEN, LEN + 1000);
    assert_in_range(digest_value_bytes(v, LEN), LEN, LEN + 1000);
    assert_false(digest(v, &few, part));
    assert_int_equal(few.n, 3);
    assert_string_not_equal(part, whole);
    value_free(v);
    free(text);
}

// It stops between two elements.
static void test_many_elements(void **state)
{
    enum { ELEMENTS = 2000 };
    struct steps all = {.most = SIZE_MAX}, few = {.most = 100};
    char text[2 * DIGEST_BYTES + 1];
    struct value list, set;
    bool added;

    (void)state;
    assert_int_equal(list_new(CTX, 0, CHUNK_BACK, &list), STATUS_OK);
    assert_int_equal(set_new(CTX, NULL, 0, 0, &set), STATUS_OK);
    for (int i = 0; i < ELEMENTS; i++) {
        size_t len = (size_t)snprintf(text, sizeof text, "%d", i);
        assert_int_equal(list_push(CTX, list, CHUNK_BACK, text, len), STATUS_OK);
        assert_int_equal(set_add(CTX, set, text, len, &added), STATUS_OK);
    }
    assert_true(digest(list, &all, text));
    assert_string_equal(text, "a039bced2102ecd3a1e0e88dd22183710bd28a4e");
    assert_true(all.nbytes <= digest_value_bytes(list, 0) + 1000);
    assert_false(digest(list, &few, text));
    assert_int_equal(few.n, 100);
    assert_digest(set, "5121a4c5ef5953fe1e6b61b67e282affadc3a026");
    value_free(list);
    value_free(set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_long_text),
        cmocka_unit_test(test_many_elements),
    };
    return cmocka_run_group_tests(tests, open_fixture, close_fixture);
}
