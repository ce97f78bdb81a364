// SPDX-License-Identifier: MIT
//
// Sets: encodings and their thresholds, every operation against a simple model in every encoding,
// and allocation failure at every step. Chance is tested in test_set_pick.c.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datatypes/mem.h"
#include "datatypes/set.h"
#include "datatypes/set_internal.h"
#include "datatypes/str.h"
#include "tests/lib/type_fixture.h"

static struct type_fixture fixture;
#define CTX (&fixture.ctx)

static int open_fixture(void **state)
{
    (void)state;
    type_fixture_open(&fixture, 13);
    return 0;
}

static int close_fixture(void **state)
{
    (void)state;
    type_fixture_close(&fixture);
    return 0;
}

static void set_limit(_Atomic size_t *limit, size_t n)
{
    atomic_store_explicit(limit, n, memory_order_relaxed);
}

static struct value new_set(void)
{
    struct value v;
    assert_int_equal(set_new(CTX, NULL, 0, 0, &v), STATUS_OK);
    return v;
}

static bool add(struct value v, const char *member, size_t len)
{
    bool added = false;
    assert_int_equal(set_add(CTX, v, member, len, &added), STATUS_OK);
    return added;
}

static bool add_text(struct value v, const char *member)
{
    return add(v, member, strlen(member));
}

static bool add_int(struct value v, int64_t n)
{
    char text[STR_I64_MAX];
    return add(v, text, str_format_i64(n, text));
}

static bool has_text(struct value v, const char *member)
{
    return set_contains(CTX, v, member, strlen(member));
}

static bool take(struct value v, const char *member, size_t len)
{
    bool removed = false;
    assert_int_equal(set_remove(CTX, v, member, len, &removed), STATUS_OK);
    return removed;
}

static enum set_body_kind body_of(struct value v)
{
    return set_body_kind(set_body(value_pointer(v)));
}

// ---- encodings -------------------------------------------------------------------------------

static void test_set_of_integers_becomes_a_dictionary_at_513(void **state)
{
    (void)state;
    struct value v = new_set();
    for (int i = 1; i <= 600; i++) {
        assert_true(add_int(v, i * 7 % 601)); // a permutation, so not in order
        assert_false(add_int(v, i * 7 % 601));
        assert_int_equal(set_count(v), i);
        assert_int_equal(body_of(v), i <= 512 ? SET_BODY_INTSET : SET_BODY_DICT);
        assert_string_equal(set_encoding(v), i <= 512 ? "intset" : "hashtable");
    }
    for (int i = 1; i <= 600; i++) {
        char text[STR_I64_MAX];
        assert_true(set_contains(CTX, v, text, str_format_i64(i, text)));
    }
    assert_false(has_text(v, "601"));
    set_free(v);
}

static void test_set_of_strings_becomes_a_dictionary_at_129(void **state)
{
    (void)state;
    struct value v = new_set();
    for (int i = 1; i <= 200; i++) {
        char text[32];
        snprintf(text, sizeof text, "member:%d", i);
        assert_true(add_text(v, text));
        assert_false(add_text(v, text));
        assert_int_equal(set_count(v), i);
        assert_int_equal(body_of(v), i <= 128 ? SET_BODY_PACKED : SET_BODY_DICT);
        assert_string_equal(set_encoding(v), "hashtable");
    }
    set_free(v);
}

static void test_set_with_a_long_member_is_a_dictionary(void **state)
{
    (void)state;
    static char text[70000];
    memset(text, 'x', sizeof text);
    for (size_t len = 60; len <= 70; len++) {
        struct value v = new_set();
        assert_true(add(v, text, len));
        assert_int_equal(body_of(v), len <= 64 ? SET_BODY_PACKED : SET_BODY_DICT);
        assert_true(add_text(v, "1"));
        assert_true(add(v, text, 80));
        assert_int_equal(body_of(v), SET_BODY_DICT);
        assert_true(set_contains(CTX, v, text, len));
        assert_true(has_text(v, "1"));
        set_free(v);
    }
    struct value ints = new_set();
    assert_true(add_text(ints, "1"));
    assert_true(add(ints, text, sizeof text));
    assert_int_equal(body_of(ints), SET_BODY_DICT);
    assert_true(set_contains(CTX, ints, text, sizeof text));
    assert_false(set_contains(CTX, ints, text, sizeof text - 1));
    set_free(ints);
}

static void test_set_tells_similar_members_apart(void **state)
{
    (void)state;
    // Each differs from the first in one byte only, wherever that byte is.
    static const size_t lengths[] = {1, 7, 8, 9, 15, 16, 17, 40, 64};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        char text[64];
        struct value v = new_set();
        memset(text, 'x', sizeof text);
        assert_true(add(v, text, lengths[i]));
        for (size_t at = 0; at < lengths[i]; at++) {
            text[at] = 'y';
            assert_false(set_contains(CTX, v, text, lengths[i]));
            assert_true(add(v, text, lengths[i]));
            text[at] = 'x';
        }
        assert_int_equal(set_count(v), lengths[i] + 1);
        set_free(v);
    }
}

static void test_set_of_integers_takes_a_string(void **state)
{
    (void)state;
    static const struct {
        int ints;
        enum set_body_kind kind;
    } rows[] = {{0, SET_BODY_PACKED},
                {1, SET_BODY_PACKED},
                {127, SET_BODY_PACKED},
                {128, SET_BODY_DICT},
                {512, SET_BODY_DICT}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct value v = new_set();
        for (int n = 0; n < rows[i].ints; n++)
            assert_true(add_int(v, n - 3));
        assert_true(add_text(v, "x"));
        assert_int_equal(body_of(v), rows[i].kind);
        assert_int_equal(set_count(v), rows[i].ints + 1);
        assert_true(has_text(v, "x"));
        for (int n = 0; n < rows[i].ints; n++)
            assert_false(add_int(v, n - 3));
        set_free(v);
    }
}

static void test_set_only_canonical_integers_are_integers(void **state)
{
    (void)state;
    static const char *const texts[] = {"01", "+1", "-0", " 1", "1 ", "", "9223372036854775808"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct value v = new_set();
        assert_true(add_text(v, "1"));
        assert_true(add_text(v, "0"));
        assert_false(has_text(v, texts[i]));
        assert_false(take(v, texts[i], strlen(texts[i])));
        assert_int_equal(body_of(v), SET_BODY_INTSET);
        assert_true(add_text(v, texts[i]));
        assert_int_equal(body_of(v), SET_BODY_PACKED);
        assert_true(has_text(v, texts[i]));
        assert_int_equal(set_count(v), 3);
        set_free(v);
    }
}

static void test_set_integers_widen(void **state)
{
    (void)state;
    static const int64_t numbers[] = {0,
                                      INT16_MAX,
                                      INT16_MIN,
                                      INT16_MAX + 1,
                                      INT16_MIN - 1,
                                      INT32_MAX,
                                      INT32_MIN,
                                      INT64_C(1) + INT32_MAX,
                                      INT64_C(-1) + INT32_MIN,
                                      INT64_MAX,
                                      INT64_MIN,
                                      INT64_MAX - 1,
                                      INT64_MIN + 1};
    enum { N = sizeof numbers / sizeof *numbers };
    for (int first = 0; first < N; first++) { // each order of widths
        struct value v = new_set();
        for (int i = 0; i < N; i++) {
            assert_true(add_int(v, numbers[(first + i * 5) % N]));
            for (int j = 0; j < N; j++) {
                char text[STR_I64_MAX];
                size_t len = str_format_i64(numbers[(first + j * 5) % N], text);
                assert_int_equal(set_contains(CTX, v, text, len), j <= i);
            }
        }
        assert_int_equal(body_of(v), SET_BODY_INTSET);
        struct set_iter iter;
        int64_t last = INT64_MIN, n;
        int seen = 0;
        set_iter_init(&iter, v);
        while (set_iter_next(&iter)) {
            assert_true(str_parse_i64(iter.member.data, iter.member.len, &n));
            assert_true(seen++ == 0 || n > last); // sorted
            last = n;
        }
        assert_int_equal(seen, N);
        set_free(v);
    }
}

static void test_set_limits_are_read_each_time(void **state)
{
    (void)state;
    set_limit(&fixture.limits.set_max_intset_entries, 2);
    set_limit(&fixture.limits.set_max_packed_entries, 2);
    set_limit(&fixture.limits.set_max_packed_value, 3);
    struct value v = new_set();
    assert_true(add_text(v, "1234"));
    assert_true(add_text(v, "1"));
    assert_int_equal(body_of(v), SET_BODY_INTSET);
    assert_true(add_text(v, "2"));
    assert_int_equal(body_of(v), SET_BODY_DICT);
    set_free(v);

    v = new_set(); // an integer that is too long for a packed blob
    assert_true(add_text(v, "1234"));
    assert_true(add_text(v, "a"));
    assert_int_equal(body_of(v), SET_BODY_DICT);
    set_free(v);

    set_limit(&fixture.limits.set_max_intset_entries, 0);
    v = new_set();
    assert_true(add_text(v, "1"));
    assert_string_equal(set_encoding(v), "hashtable");
    assert_true(add_text(v, "2"));
    assert_true(add_text(v, "3"));
    assert_int_equal(body_of(v), SET_BODY_DICT);
    set_free(v);
}

static void test_set_hints_change_nothing_but_the_room(void **state)
{
    (void)state;
    static const struct {
        const char *hint;
        size_t expected;
    } rows[] = {{"1", 0}, {"1", 1},   {"1", 10},     {"1", 1000000},
                {"a", 1}, {"a", 100}, {"a", 1000000}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct value v;
        assert_int_equal(set_new(CTX, rows[i].hint, 1, rows[i].expected, &v), STATUS_OK);
        assert_int_equal(set_count(v), 0);
        assert_false(has_text(v, "1"));
        assert_false(take(v, "1", 1));
        assert_in_range(set_memory(v, 0), 1, 6000);
        assert_true(add_text(v, rows[i].hint));
        assert_true(add_text(v, "b"));
        assert_int_equal(set_count(v), 2);
        set_free(v);
    }
}

static void test_set_of_twenty_members_is_small(void **state)
{
    (void)state;
    struct value v = new_set();
    for (int i = 0; i < 20; i++) {
        char text[32];
        snprintf(text, sizeof text, "member:%03d", i);
        assert_true(add_text(v, text));
    }
    assert_in_range(set_memory(v, 0), 20 * 10, 299);
    set_free(v);
}

static void test_set_memory_is_estimated_from_samples(void **state)
{
    (void)state;
    struct value v = new_set();
    for (int i = 0; i < 5000; i++) {
        char text[64];
        snprintf(text, sizeof text, "%040d", i);
        assert_true(add_text(v, text));
    }
    size_t all = set_memory(v, 0), some = set_memory(v, 5);
    assert_in_range(all, 5000 * 48, 5000 * 100);
    assert_int_equal(some, all); // all members take the same block
    set_free(v);
}

// ---- against a model -------------------------------------------------------------------------

enum {
    UNIVERSE = 700,
};

// The members that a test plays with, and which of them the set should hold.
struct model {
    struct known {
        char *data;
        size_t len;
        bool in;
        int seen;
    } m[UNIVERSE];
    size_t size, count;
    struct known *sorted[UNIVERSE]; // to look a member up
};

enum family { SMALL_INTS, LIMIT_INTS, SHORT_TEXTS, MANY_KINDS, FAMILIES };

static size_t member_text(enum family family, size_t i, char *out)
{
    static const int64_t edges[] = {0,         INT16_MAX,       INT16_MIN,      INT32_MAX,
                                    INT32_MIN, INT64_MAX - 300, INT64_MIN + 300};
    if (family == SMALL_INTS)
        return str_format_i64((int64_t)i - 350, out);
    if (family == LIMIT_INTS)
        return str_format_i64(edges[i % 7] + (int64_t)(i / 7) - 50, out);
    if (family == SHORT_TEXTS)
        return (size_t)sprintf(out, "%.*s%zu", (int)(i % 40),
                               "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopq", i);
    switch (i % 7) {
    case 0:
        return str_format_i64((int64_t)i * (i % 2 ? 1 : -1000000007), out);
    case 1:
        return (size_t)sprintf(out, "0%zu", i);
    case 2: // binary, with a NUL in front
        out[0] = '\0';
        memcpy(out + 1, &i, sizeof i);
        return 1 + sizeof i;
    case 3: // of the lengths about which an entry's length field changes
        memset(out, (int)(i & 255), 300);
        memcpy(out, &i, sizeof i);
        return 250 + i / 7 % 10;
    case 4:
        memset(out, 'q', i);
        return i;
    case 5:
        return i == 5 ? 0 : (size_t)sprintf(out, "-%zu", i);
    default:
        memset(out, 'z', 65536);
        memcpy(out, &i, sizeof i);
        return i < 30 ? 65536 : 64 + i % 3;
    }
}

static int compare(const void *a, const void *b)
{
    const struct known *x = *(struct known *const *)a, *y = *(struct known *const *)b;
    if (x->len != y->len)
        return x->len < y->len ? -1 : 1;
    return x->len == 0 ? 0 : memcmp(x->data, y->data, x->len);
}

static struct model *model_new(enum family family, size_t size)
{
    static char text[65536 + 8];
    struct model *model = calloc(1, sizeof *model);
    assert_non_null(model);
    model->size = size;
    for (size_t i = 0; i < size; i++) {
        model->m[i].len = member_text(family, i, text);
        model->m[i].data = malloc(model->m[i].len + 1);
        memcpy(model->m[i].data, text, model->m[i].len);
        model->sorted[i] = &model->m[i];
    }
    qsort(model->sorted, size, sizeof *model->sorted, compare);
    return model;
}

static void model_free(struct model *model)
{
    for (size_t i = 0; i < model->size; i++)
        free(model->m[i].data);
    free(model);
}

// Callback: counts the member as seen.
static void see(const struct set_member *member, void *arg)
{
    struct model *model = arg;
    struct known key = {.data = (char *)member->data, .len = member->len}, *wanted = &key;
    struct known **found =
        bsearch(&wanted, model->sorted, model->size, sizeof *model->sorted, compare);
    if (found == NULL)
        fail_msg("a member of %zu bytes that was never added", member->len);
    else
        (*found)->seen++;
}

static void forget_seen(struct model *model)
{
    for (size_t i = 0; i < model->size; i++)
        model->m[i].seen = 0;
}

// The set holds exactly what the model says, by every way of asking.
static void check(struct model *model, struct value v)
{
    struct set_iter iter;
    assert_int_equal(set_count(v), model->count);
    forget_seen(model);
    set_iter_init(&iter, v);
    while (set_iter_next(&iter))
        see(&iter.member, model);
    for (size_t i = 0; i < model->size; i++) {
        assert_int_equal(model->m[i].seen, model->m[i].in);
        assert_int_equal(set_contains(CTX, v, model->m[i].data, model->m[i].len), model->m[i].in);
    }
    forget_seen(model);
    uint64_t cursor = 0;
    do {
        cursor = set_scan(v, cursor, see, model);
    } while (cursor != 0);
    for (size_t i = 0; i < model->size; i++)
        assert_int_equal(model->m[i].seen, model->m[i].in); // nothing changed: each once
}

// After n members were to be picked: they are distinct, n of them, and were in the set.
static void check_picked(struct model *model, size_t n, bool taken)
{
    size_t picked = 0;
    for (size_t i = 0; i < model->size; i++) {
        assert_in_range(model->m[i].seen, 0, model->m[i].in);
        picked += (size_t)model->m[i].seen;
        if (taken && model->m[i].seen) {
            model->m[i].in = false;
            model->count--;
        }
    }
    assert_int_equal(picked, n);
}

static void random_step(struct model *model, struct value v, size_t grow_of_ten)
{
    size_t i = rng_below(&fixture.rng, model->size);
    size_t op = rng_below(&fixture.rng, 100);

    if (op < 96) {
        bool changed;
        if (rng_below(&fixture.rng, 10) < grow_of_ten) {
            changed = add(v, model->m[i].data, model->m[i].len);
            assert_int_equal(changed, !model->m[i].in);
            model->m[i].in = true;
            model->count += changed;
        } else {
            changed = take(v, model->m[i].data, model->m[i].len);
            assert_int_equal(changed, model->m[i].in);
            model->m[i].in = false;
            model->count -= changed;
        }
        return;
    }
    if (model->count == 0)
        return;
    forget_seen(model);
    if (op == 96) {
        struct set_member member;
        set_random(CTX, v, &member);
        see(&member, model);
        check_picked(model, 1, false);
        return;
    }
    size_t most = rng_below(&fixture.rng, 4) ? model->count / 8 : model->count;
    size_t n = rng_below(&fixture.rng, most + 1);
    if (op == 97)
        assert_int_equal(set_sample(CTX, v, n, see, model), STATUS_OK);
    else
        assert_int_equal(set_pop(CTX, v, n, see, model), STATUS_OK);
    check_picked(model, n, op != 97);
}

static void test_set_matches_a_model(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 3, 40, 140, 260, 560, UNIVERSE};
    for (int family = 0; family < FAMILIES; family++) {
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            struct model *model = model_new((enum family)family, sizes[i]);
            struct value v = new_set();
            enum set_body_kind before = SET_BODY_NONE;
            for (int step = 0; step < 4000; step++) {
                random_step(model, v, step / 700 % 2 ? 3 : 8);
                if (step % 250 == 249)
                    check(model, v);
                enum set_body_kind now = body_of(v);
                assert_true(now >= before || now == SET_BODY_NONE); // never back, but to empty
                assert_true(now != SET_BODY_NONE || model->count == 0);
                before = now;
                if (step % 64 == 0)
                    type_fixture_drain(&fixture);
            }
            set_retire(CTX, v);
            model_free(model);
            type_fixture_drain(&fixture);
        }
    }
    assert_int_equal(epoch_pending_bytes(fixture.domain), 0);
}

static void test_set_empties_from_every_encoding(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 2, 100, 600};
    for (int family = 0; family < FAMILIES; family++) {
        for (size_t i = 0; i < 4; i++) {
            for (int popping = 0; popping < 2; popping++) {
                struct model *model = model_new((enum family)family, sizes[i]);
                struct value v = new_set();
                for (size_t j = 0; j < sizes[i]; j++) {
                    model->m[j].in = add(v, model->m[j].data, model->m[j].len);
                    model->count++;
                }
                check(model, v);
                if (popping) {
                    assert_int_equal(set_pop(CTX, v, sizes[i], see, model), STATUS_OK);
                } else {
                    for (size_t j = sizes[i]; j-- > 0;)
                        assert_true(take(v, model->m[j].data, model->m[j].len));
                }
                for (size_t j = 0; j < sizes[i]; j++)
                    model->m[j].in = false;
                model->count = 0;
                check(model, v);
                assert_true(add(v, model->m[0].data, model->m[0].len)); // and is usable again
                assert_int_equal(set_count(v), 1);
                set_free(v);
                model_free(model);
            }
        }
    }
}

// ---- without memory --------------------------------------------------------------------------

enum operation {
    OP_ADD,
    OP_REMOVE,
    OP_POP_ONE,
    OP_POP_SOME,
    OP_POP_MOST,
    OP_POP_ALL,
    OP_SAMPLE,
    OP_COPY,
    OPERATIONS
};

// Runs the operation on a set of `model->count` members; the one to add is the next of the
// universe.
static enum status operate(enum operation op, struct model *model, struct value v)
{
    size_t n = model->count;
    bool changed = false;
    struct value copy;
    enum status status;

    switch (op) {
    case OP_ADD:
        status = set_add(CTX, v, model->m[n].data, model->m[n].len, &changed);
        model->m[n].in = status == STATUS_OK;
        model->count += status == STATUS_OK;
        return status;
    case OP_REMOVE:
        status = set_remove(CTX, v, model->m[n / 2].data, model->m[n / 2].len, &changed);
        model->m[n / 2].in = status != STATUS_OK;
        model->count -= status == STATUS_OK;
        return status;
    case OP_POP_ONE:
        return set_pop(CTX, v, 1, see, model);
    case OP_POP_SOME:
        return set_pop(CTX, v, n / 2, see, model);
    case OP_POP_MOST:
        return set_pop(CTX, v, n - n / 10, see, model);
    case OP_POP_ALL:
        return set_pop(CTX, v, n, see, model);
    case OP_SAMPLE:
        return set_sample(CTX, v, n / 5, see, model);
    default:
        status = set_copy(CTX, v, &copy);
        if (status == STATUS_OK)
            set_free(copy);
        return status;
    }
}

// Lets the allocations fail after 0, 1, 2 ... successes until the operation succeeds; each failure
// must leave no trace. Returns the number of failures.
static int operate_without_memory(enum operation op, enum family family, size_t count)
{
    struct model *model = model_new(family, count + 1);
    struct value v = new_set();
    for (size_t i = 0; i < count; i++)
        model->m[i].in = add(v, model->m[i].data, model->m[i].len);
    model->count = count;
    type_fixture_drain(&fixture);

    int failures = 0;
    for (long after = 0;; after += after < 40 ? 1 : 7) {
        uint64_t body = set_body(value_pointer(v));
        forget_seen(model);
        mem_fail_after(after);
        enum status status = operate(op, model, v);
        mem_fail_after(-1);
        if (status == STATUS_OK)
            break;
        failures++;
        assert_int_equal(status, STATUS_NO_MEMORY);
        assert_int_equal(set_body(value_pointer(v)), body);
        check_picked(model, 0, false);
        if (after < 8 || failures % 20 == 0)
            check(model, v);
    }
    if (op >= OP_POP_ONE && op <= OP_POP_ALL) {
        size_t n = count;
        n = op == OP_POP_ONE ? 1 : op == OP_POP_SOME ? n / 2 : op == OP_POP_MOST ? n - n / 10 : n;
        check_picked(model, n, true);
    }
    check(model, v);
    set_retire(CTX, v);
    model_free(model);
    type_fixture_drain(&fixture);
    return failures;
}

static void test_set_failed_operations_change_nothing(void **state)
{
    (void)state;
    // At the edges of the encodings: the first member, widening, 127/128/129, 512/513.
    static const size_t counts[] = {0, 1, 3, 20, 126, 127, 128, 129, 200, 511, 512, 513};
    for (int family = 0; family < FAMILIES; family++)
        for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
            for (int op = 0; op < OPERATIONS; op++)
                if (counts[i] > 0 || op == OP_ADD)
                    operate_without_memory((enum operation)op, (enum family)family, counts[i]);
    assert_int_equal(epoch_pending_bytes(fixture.domain), 0);
}

static void test_set_operations_that_need_memory_fail_without(void **state)
{
    (void)state;
    assert_int_equal(operate_without_memory(OP_ADD, SMALL_INTS, 0), 1);
    assert_true(operate_without_memory(OP_ADD, SMALL_INTS, 512) > 40 + 512 / 7); // a node each
    assert_int_equal(operate_without_memory(OP_REMOVE, SMALL_INTS, 1), 0);
    assert_int_equal(operate_without_memory(OP_REMOVE, SHORT_TEXTS, 1), 0);
    assert_int_equal(operate_without_memory(OP_REMOVE, SMALL_INTS, 2), 1);
    assert_int_equal(operate_without_memory(OP_REMOVE, SHORT_TEXTS, 2), 1);
    assert_int_equal(operate_without_memory(OP_REMOVE, SHORT_TEXTS, 129), 0);
    assert_int_equal(operate_without_memory(OP_POP_ALL, SHORT_TEXTS, 100), 0);
    assert_int_equal(operate_without_memory(OP_POP_SOME, SHORT_TEXTS, 100), 1);
    assert_true(operate_without_memory(OP_POP_MOST, SHORT_TEXTS, 400) > 40);

    struct value v = VALUE_ABSENT;
    for (long after = 0; after < 2; after++) {
        mem_fail_after(after);
        enum status status = set_new(CTX, "a", 1, 20, &v);
        mem_fail_after(-1);
        assert_int_equal(status, STATUS_NO_MEMORY);
    }
    assert_true(value_is_none(v));
}

static void test_set_gives_its_memory_back(void **state)
{
    (void)state;
    size_t before = 0;
    for (int round = 0; round < 3; round++) {
        struct value v = new_set();
        for (int i = 0; i < 50000; i++) {
            char text[32];
            snprintf(text, sizeof text, "member:%d", i);
            assert_true(add_text(v, text));
            if (i % 1000 == 0)
                type_fixture_drain(&fixture);
        }
        for (int i = 0; i < 50000; i += 2) {
            char text[32];
            snprintf(text, sizeof text, "member:%d", i);
            assert_true(take(v, text, strlen(text)));
        }
        set_retire(CTX, v);
        type_fixture_drain(&fixture);
        assert_int_equal(epoch_pending_count(fixture.domain), 0);
        if (round == 0) // buffers that the epoch keeps are there from now on
            before = mem_used();
    }
    // The allocator counts what its thread caches hold, hence the slack.
    assert_in_range(mem_used(), before > 300000 ? before - 300000 : 0, before + 300000);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, open_fixture, close_fixture)
    const struct CMUnitTest tests[] = {
        TEST(test_set_of_integers_becomes_a_dictionary_at_513),
        TEST(test_set_of_strings_becomes_a_dictionary_at_129),
        TEST(test_set_with_a_long_member_is_a_dictionary),
        TEST(test_set_tells_similar_members_apart),
        TEST(test_set_of_integers_takes_a_string),
        TEST(test_set_only_canonical_integers_are_integers),
        TEST(test_set_integers_widen),
        TEST(test_set_limits_are_read_each_time),
        TEST(test_set_hints_change_nothing_but_the_room),
        TEST(test_set_of_twenty_members_is_small),
        TEST(test_set_memory_is_estimated_from_samples),
        TEST(test_set_matches_a_model),
        TEST(test_set_empties_from_every_encoding),
        TEST(test_set_failed_operations_change_nothing),
        TEST(test_set_operations_that_need_memory_fail_without),
        TEST(test_set_gives_its_memory_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
