// SPDX-License-Identifier: MIT
//
// Longest common subsequence against the textbook table, and without memory.
#include "datatypes/lcs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "datatypes/mem.h"
#include "datatypes/rng.h"

enum { LONGEST = 200, MATCHES = LONGEST + 1 };

struct match {
    size_t a, b, len;
};

struct match_list {
    size_t n;
    struct match matches[MATCHES];
};

static void note_match(size_t a_start, size_t b_start, size_t len, void *arg)
{
    struct match_list *list = arg;
    assert_true(list->n < MATCHES);
    list->matches[list->n++] = (struct match){a_start, b_start, len};
}

static unsigned table[LONGEST + 1][LONGEST + 1];

static size_t fill_table(const char *a, size_t a_len, const char *b, size_t b_len)
{
    for (size_t i = 0; i <= a_len; i++) {
        for (size_t j = 0; j <= b_len; j++) {
            if (i == 0 || j == 0)
                table[i][j] = 0;
            else if (a[i - 1] == b[j - 1])
                table[i][j] = table[i - 1][j - 1] + 1;
            else
                table[i][j] = table[i - 1][j] > table[i][j - 1] ? table[i - 1][j] : table[i][j - 1];
        }
    }
    return table[a_len][b_len];
}

// The walk over the whole table, as its definition says: up only where that is strictly longer.
static void walk_table(const char *a, size_t i, const char *b, size_t j, struct match_list *list)
{
    size_t run = 0;

    list->n = 0;
    while (i > 0 && j > 0) {
        if (a[i - 1] == b[j - 1]) {
            run++, i--, j--;
            continue;
        }
        if (run > 0)
            note_match(i, j, run, list);
        run = 0;
        if (table[i - 1][j] > table[i][j - 1])
            i--;
        else
            j--;
    }
    if (run > 0)
        note_match(i, j, run, list);
}

static void check(const char *a, size_t a_len, const char *b, size_t b_len)
{
    struct match_list want, got = {.n = 0};
    size_t length = fill_table(a, a_len, b, b_len);
    struct lcs *lcs;

    walk_table(a, a_len, b, b_len, &want);
    assert_int_equal(lcs_new(a, a_len, b, b_len, true, &lcs), STATUS_OK);
    assert_int_equal(lcs_length(lcs), length);
    lcs_walk(lcs, note_match, &got);
    assert_int_equal(got.n, want.n);
    for (size_t i = 0; i < got.n; i++) {
        assert_int_equal(got.matches[i].a, want.matches[i].a);
        assert_int_equal(got.matches[i].b, want.matches[i].b);
        assert_int_equal(got.matches[i].len, want.matches[i].len);
    }
    lcs_free(lcs);
    assert_int_equal(lcs_new(a, a_len, b, b_len, false, &lcs), STATUS_OK);
    assert_int_equal(lcs_length(lcs), length);
    lcs_free(lcs);
}

static void test_lcs_known(void **state)
{
    (void)state;
    check("ohmytext", 8, "mynewtext", 9);
    check("", 0, "", 0);
    check("abc", 3, "", 0);
    check("", 0, "abc", 3);
    check("a", 1, "a", 1);
    check("a\0b", 3, "\0ab", 3);
}

static void test_lcs_random_equals_table(void **state)
{
    struct rng rng;

    (void)state;
    rng_seed(&rng, 7);
    for (int round = 0; round < 1500; round++) {
        char a[LONGEST], b[LONGEST];
        size_t a_len = rng_below(&rng, LONGEST + 1), b_len = rng_below(&rng, LONGEST + 1);
        uint64_t letters = 1 + rng_below(&rng, round % 3 ? 4 : 256);
        for (size_t i = 0; i < a_len; i++)
            a[i] = (char)rng_below(&rng, letters);
        for (size_t i = 0; i < b_len; i++)
            b[i] = (char)rng_below(&rng, letters);
        check(a, a_len, b, b_len);
    }
}

// The carry of the addition runs through many words.
static void test_lcs_word_borders(void **state)
{
    char a[LONGEST], b[LONGEST];

    (void)state;
    memset(a, 'x', sizeof a);
    memset(b, 'x', sizeof b);
    static const size_t lengths[] = {1, 63, 64, 65, 127, 128, 129, 192, LONGEST};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        for (size_t j = 0; j < sizeof lengths / sizeof lengths[0]; j++)
            check(a, lengths[i], b, lengths[j]);
    }
}

static void test_lcs_without_memory(void **state)
{
    enum status status = STATUS_NO_MEMORY;
    struct lcs *lcs = NULL;
    size_t before = mem_used();
    int failures = 0;

    (void)state;
    for (long n = 0; status == STATUS_NO_MEMORY; n++) {
        mem_fail_after(n);
        status = lcs_new("abcd", 4, "bxd", 3, true, &lcs);
        mem_fail_after(-1);
        failures += status == STATUS_NO_MEMORY;
    }
    assert_int_equal(status, STATUS_OK);
    assert_int_equal(failures, 3);
    assert_int_equal(lcs_length(lcs), 2);
    lcs_free(lcs);
    assert_int_equal(mem_used(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lcs_known),
        cmocka_unit_test(test_lcs_random_equals_table),
        cmocka_unit_test(test_lcs_word_borders),
        cmocka_unit_test(test_lcs_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
