// SPDX-License-Identifier: MIT
//
// Sorted sets: encodings and their thresholds, every operation against a simple model in both
// encodings, building from many, and allocation failure at every step.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datatypes/mem.h"
#include "datatypes/zset.h"
#include "datatypes/zset_build.h"
#include "datatypes/zset_internal.h"
#include "tests/lib/type_fixture.h"

static struct type_fixture fixture;
#define CTX (&fixture.ctx)

static int open_fixture(void **state)
{
    (void)state;
    type_fixture_open(&fixture, 17);
    return 0;
}

static int close_fixture(void **state)
{
    (void)state;
    type_fixture_close(&fixture);
    return 0;
}

static void set_limits(size_t entries, size_t value)
{
    atomic_store_explicit(&fixture.limits.zset_max_packed_entries, entries, memory_order_relaxed);
    atomic_store_explicit(&fixture.limits.zset_max_packed_value, value, memory_order_relaxed);
}

static struct value new_zset(void)
{
    struct value v;
    assert_int_equal(zset_new(CTX, &v), STATUS_OK);
    return v;
}

static enum status put(struct value v, const char *member, size_t len, double score)
{
    struct zset_place place;
    zset_find(v, member, len, &place);
    return zset_put(CTX, v, &place, member, len, score);
}

static void put_text(struct value v, const char *member, double score)
{
    assert_int_equal(put(v, member, strlen(member), score), STATUS_OK);
}

static enum status take(struct value v, const char *member, size_t len)
{
    struct zset_place place;
    assert_true(zset_find(v, member, len, &place));
    return zset_remove(CTX, v, &place);
}

static double score_of(struct value v, const char *member)
{
    struct zset_place place;
    assert_true(zset_find(v, member, strlen(member), &place));
    return place.score;
}

static enum zset_body_kind body_of(struct value v)
{
    return zset_body_kind(zset_body(value_pointer(v)));
}

// ---- encodings -------------------------------------------------------------------------------

static void test_zset_becomes_an_index_at_129(void **state)
{
    (void)state;
    struct value v = new_zset();
    assert_string_equal(zset_encoding(v), "listpack");
    for (int i = 1; i <= 200; i++) {
        char text[32];
        snprintf(text, sizeof text, "member:%d", i * 7 % 211);
        put_text(v, text, i % 10);
        assert_int_equal(zset_count(v), i);
        assert_string_equal(zset_encoding(v), i <= 128 ? "listpack" : "skiplist");
        put_text(v, text, i % 11); // another score is no other member
        assert_int_equal(zset_count(v), i);
    }
    for (int i = 1; i < 200; i++) {
        char text[32];
        snprintf(text, sizeof text, "member:%d", i * 7 % 211);
        assert_true(score_of(v, text) == i % 11);
        assert_int_equal(take(v, text, strlen(text)), STATUS_OK);
    }
    assert_string_equal(zset_encoding(v), "skiplist"); // never back
    zset_free(v);
}

static void test_zset_with_a_long_member_is_an_index(void **state)
{
    (void)state;
    static char text[70000];
    memset(text, 'x', sizeof text);
    for (size_t len = 60; len <= 70; len++) {
        struct value v = new_zset();
        assert_int_equal(put(v, text, len, 1), STATUS_OK);
        assert_int_equal(body_of(v), len <= 64 ? ZSET_BODY_PACKED : ZSET_BODY_INDEX);
        put_text(v, "a", 2);
        assert_int_equal(put(v, text, sizeof text, 1), STATUS_OK);
        assert_int_equal(body_of(v), ZSET_BODY_INDEX);
        assert_int_equal(zset_count(v), 3);
        struct zset_place place;
        assert_true(zset_find(v, text, len, &place));
        assert_int_equal(zset_rank(v, &place), 0);
        assert_true(zset_find(v, text, sizeof text, &place));
        assert_int_equal(zset_rank(v, &place), 1); // a prefix comes before its extensions
        assert_false(zset_find(v, text, sizeof text - 1, &place));
        zset_free(v);
    }
}

static void test_zset_limits_are_read_when_a_member_comes(void **state)
{
    (void)state;
    struct value v = new_zset();
    for (int i = 0; i < 10; i++)
        put_text(v, (char[]){(char)('a' + i), 0}, i);
    set_limits(5, 64);
    put_text(v, "a", 100); // no new member
    assert_int_equal(take(v, "b", 1), STATUS_OK);
    assert_int_equal(body_of(v), ZSET_BODY_PACKED);
    put_text(v, "b", 1);
    assert_int_equal(body_of(v), ZSET_BODY_INDEX);
    assert_int_equal(zset_count(v), 10);
    zset_free(v);
    set_limits(0, 64);
    v = new_zset();
    put_text(v, "a", 1);
    assert_int_equal(body_of(v), ZSET_BODY_INDEX);
    zset_free(v);
}

static void test_zset_keeps_every_score_exactly(void **state)
{
    (void)state;
    static const double scores[] = {
        0,         1,       -1,       127,         128,        -128,         -129,         32767,
        32768,     -32768,  -32769,   2147483647., 2147483648, -2147483648., -2147483649., 0.5,
        0.1,       1e10,    1.5e300,  -1e-300,     5e-324,     3.4e38,       3.5e38,       INFINITY,
        -INFINITY, 1. / 3., 16777217, 0.25,        1e17,       123456789.25};
    enum { N = sizeof scores / sizeof *scores };
    for (int packed = 0; packed < 2; packed++) {
        set_limits(packed ? 128 : 0, 64);
        struct value v = new_zset();
        for (int i = 0; i < N; i++) {
            char text[8];
            snprintf(text, sizeof text, "m%d", i);
            put_text(v, text, scores[i]);
            for (int j = 0; j <= i; j++) {
                snprintf(text, sizeof text, "m%d", j);
                assert_true(score_of(v, text) == scores[j]);
            }
        }
        assert_int_equal(body_of(v), packed ? ZSET_BODY_PACKED : ZSET_BODY_INDEX);
        zset_free(v);
    }
}

static void test_zset_of_one_score_has_minus_zero_and_zero(void **state)
{
    (void)state;
    for (int packed = 0; packed < 2; packed++) {
        set_limits(packed ? 128 : 0, 64);
        struct value v = new_zset();
        put_text(v, "b", -0.0);
        put_text(v, "a", 0.0);
        put_text(v, "c", 0.0);
        struct zset_member m;
        for (size_t i = 0; i < 3; i++) { // equal scores: by member
            zset_at(v, i, &m);
            assert_int_equal(*m.data, 'a' + (int)i);
        }
        assert_int_equal(signbit(score_of(v, "b")) != 0, !packed); // as in Redis
        zset_free(v);
    }
}

static void test_zset_of_200_members_is_small(void **state)
{
    (void)state;
    struct value v = new_zset();
    for (int i = 0; i < 200; i++) {
        char text[32];
        snprintf(text, sizeof text, "member:%d", i);
        put_text(v, text, (double)rng_below(&fixture.rng, 100000));
    }
    assert_in_range(zset_memory(v, 0), 200 * 40, 17600);
    assert_in_range(zset_memory(v, 5), 200 * 40, 17600);
    zset_free(v);
}

// ---- against a model -------------------------------------------------------------------------

enum { UNIVERSE = 400 };

// The members that a test plays with, and which of them the set should hold.
struct known {
    char *data;
    size_t len;
    bool in;
    double score;
    int seen;
};
struct model {
    struct known m[UNIVERSE];
    size_t size, count;
    struct known *order[UNIVERSE]; // the first `count`: those that are in, in order
};

enum family { WHOLE_SCORES, FEW_SCORES, ANY_SCORES, FAMILIES };

static size_t member_text(size_t i, char *out)
{
    switch (i % 6) {
    case 0: // binary, with a NUL in front
        out[0] = '\0';
        memcpy(out + 1, &i, sizeof i);
        return 1 + sizeof i;
    case 1: // of the lengths about which the length field changes
        memset(out, (int)(i & 255), 300);
        memcpy(out, &i, sizeof i);
        return i < 40 ? 250 + i / 6 : 60 + i / 6 % 8;
    case 2:
        return i == 2 ? 0 : (size_t)sprintf(out, "%zu", i);
    default:
        return (size_t)sprintf(out, "member:%zu", i);
    }
}

static double random_score(enum family family)
{
    static const double odd[] = {INFINITY, -INFINITY, 0, -0.0, 1e300, -1e300, 5e-324};
    if (family == FEW_SCORES)
        return (double)rng_below(&fixture.rng, 3);
    if (family == WHOLE_SCORES)
        return (double)rng_below(&fixture.rng, 100000) - 50000;
    if (rng_below(&fixture.rng, 5) == 0)
        return odd[rng_below(&fixture.rng, 7)];
    return ((double)rng_below(&fixture.rng, 1u << 30) - (1 << 29)) / 1024;
}

static int by_order(const void *a, const void *b)
{
    const struct known *x = *(struct known *const *)a, *y = *(struct known *const *)b;
    if (x->score != y->score)
        return x->score < y->score ? -1 : 1;
    size_t shared = x->len < y->len ? x->len : y->len;
    int order = shared == 0 ? 0 : memcmp(x->data, y->data, shared);
    return order != 0 ? order : (x->len > y->len) - (x->len < y->len);
}

static struct model *model_new(size_t size)
{
    static char text[512];
    struct model *model = calloc(1, sizeof *model);
    assert_non_null(model);
    model->size = size;
    for (size_t i = 0; i < size; i++) {
        model->m[i].len = member_text(i, text);
        model->m[i].data = malloc(model->m[i].len + 1);
        memcpy(model->m[i].data, text, model->m[i].len);
    }
    return model;
}

static void model_free(struct model *model)
{
    for (size_t i = 0; i < model->size; i++)
        free(model->m[i].data);
    free(model);
}

static void model_sort(struct model *model)
{
    model->count = 0;
    for (size_t i = 0; i < model->size; i++) {
        model->m[i].seen = 0;
        if (model->m[i].in)
            model->order[model->count++] = &model->m[i];
    }
    qsort(model->order, model->count, sizeof *model->order, by_order);
}

static void check_member(const struct zset_member *m, const struct known *k)
{
    assert_int_equal(m->len, k->len);
    assert_memory_equal(m->data, k->data, k->len);
    assert_true(m->score == k->score);
}

// Callback: counts the member as seen.
static void see(const struct zset_member *m, void *arg)
{
    struct model *model = arg;
    for (size_t i = 0; i < model->size; i++) {
        struct known *k = &model->m[i];
        if (k->len == m->len && (k->len == 0 || memcmp(k->data, m->data, k->len) == 0)) {
            check_member(m, k);
            k->seen++;
            return;
        }
    }
    fail_msg("a member of %zu bytes that was never added", m->len);
}

static void check_walks(const struct model *model, struct value v)
{
    struct zset_iter iter;
    struct zset_member m;
    size_t from = model->count > 0 ? rng_below(&fixture.rng, model->count) : 0, i = from;

    zset_iter_init(&iter, v, from, false);
    while (zset_iter_next(&iter))
        check_member(&iter.member, model->order[i++]);
    assert_int_equal(i, model->count);
    if (model->count == 0)
        return;
    i = from + 1;
    zset_iter_init(&iter, v, from, true);
    while (zset_iter_next(&iter))
        check_member(&iter.member, model->order[--i]);
    assert_int_equal(i, 0);
    zset_at(v, from, &m);
    check_member(&m, model->order[from]);
}

static void check_score_span(const struct model *model, struct value v, double min, double max)
{
    for (int open = 0; open < 4; open++) {
        struct zset_score_range range = {min, max, open & 1, open & 2};
        size_t first = 0, n = 0;
        for (size_t i = 0; i < model->count; i++) {
            double s = model->order[i]->score;
            bool above = range.min_open ? s > min : s >= min;
            bool below = range.max_open ? s < max : s <= max;
            first += !above;
            n += above && below;
        }
        struct zset_span span = zset_score_span(v, &range);
        assert_int_equal(span.n, n);
        if (n > 0)
            assert_int_equal(span.first, first);
    }
}

// The set holds exactly what the model says, by every way of asking.
static void check(struct model *model, struct value v)
{
    model_sort(model);
    assert_int_equal(zset_count(v), model->count);
    check_walks(model, v);
    check_score_span(model, v, random_score(ANY_SCORES), random_score(WHOLE_SCORES));
    if (model->count > 0)
        check_score_span(model, v, model->order[model->count / 3]->score,
                         model->order[model->count / 2]->score);
    for (size_t i = 0; i < model->size; i++) {
        struct zset_place place;
        assert_int_equal(zset_find(v, model->m[i].data, model->m[i].len, &place), model->m[i].in);
        if (place.found)
            assert_true(place.score == model->m[i].score);
    }
    for (size_t i = 0; i < model->count; i++) {
        struct zset_place place;
        zset_find(v, model->order[i]->data, model->order[i]->len, &place);
        assert_int_equal(zset_rank(v, &place), i);
    }
    uint64_t cursor = 0;
    do {
        cursor = zset_scan(v, cursor, see, model);
    } while (cursor != 0);
    for (size_t i = 0; i < model->size; i++)
        assert_int_equal(model->m[i].seen, model->m[i].in);
}

static void check_sample(struct model *model, struct value v)
{
    model_sort(model);
    size_t most = rng_below(&fixture.rng, 4) ? model->count / 6 : model->count, picked = 0;
    size_t n = rng_below(&fixture.rng, most + 1);
    assert_int_equal(zset_sample(CTX, v, n, see, model), STATUS_OK);
    for (size_t i = 0; i < model->size; i++) {
        assert_in_range(model->m[i].seen, 0, model->m[i].in);
        picked += (size_t)model->m[i].seen;
    }
    assert_int_equal(picked, n);
}

static void take_span(struct model *model, struct value v)
{
    model_sort(model);
    size_t first = rng_below(&fixture.rng, model->count + 1);
    size_t n = rng_below(&fixture.rng, (model->count - first) / 4 + 1);
    assert_int_equal(zset_remove_range(CTX, v, first, n), STATUS_OK);
    for (size_t i = first; i < first + n; i++)
        model->order[i]->in = false;
}

static void random_step(struct model *model, struct value v, enum family family, size_t grow)
{
    struct known *k = &model->m[rng_below(&fixture.rng, model->size)];
    size_t op = rng_below(&fixture.rng, 100);
    if (op == 0) {
        check_sample(model, v);
    } else if (op == 1) {
        take_span(model, v);
    } else if (rng_below(&fixture.rng, 10) < grow) {
        double score = random_score(family);
        assert_int_equal(put(v, k->data, k->len, score), STATUS_OK);
        k->in = true;
        k->score = score;
    } else if (k->in) {
        assert_int_equal(take(v, k->data, k->len), STATUS_OK);
        k->in = false;
    }
}

static void test_zset_matches_a_model(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 3, 40, 120, 140, UNIVERSE};
    for (int family = 0; family < FAMILIES; family++) {
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            // With long members, and with a limit that lets them be packed.
            set_limits(128, i % 2 ? 64 : 400);
            struct model *model = model_new(sizes[i]);
            struct value v = new_zset();
            enum zset_body_kind before = ZSET_BODY_NONE;
            for (int step = 0; step < 3000; step++) {
                random_step(model, v, (enum family)family, step / 700 % 2 ? 3 : 8);
                if (step % 150 == 149)
                    check(model, v);
                enum zset_body_kind now = body_of(v);
                assert_true(now >= before || now == ZSET_BODY_NONE); // never back, but to empty
                before = now;
                if (step % 64 == 0)
                    type_fixture_drain(&fixture);
            }
            zset_retire(CTX, v);
            model_free(model);
            type_fixture_drain(&fixture);
        }
    }
    assert_int_equal(epoch_pending_bytes(fixture.domain), 0);
}

static void test_zset_copies_are_independent(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 50, UNIVERSE};
    set_limits(128, 400);
    for (size_t i = 0; i < 3; i++) {
        struct model *model = model_new(sizes[i]);
        struct value v = new_zset(), copy;
        for (int step = 0; step < 500; step++)
            random_step(model, v, ANY_SCORES, 9);
        assert_int_equal(value_set_expire(CTX, v, 12345, &v), STATUS_OK);
        assert_int_equal(value_copy(CTX, v, &copy), STATUS_OK);
        assert_int_equal(value_expires_at(copy), 12345);
        assert_string_equal(value_encoding(copy), value_encoding(v));
        while (zset_count(v) > 0)
            assert_int_equal(zset_remove_range(CTX, v, 0, 1), STATUS_OK);
        zset_free(v);
        check(model, copy);
        value_retire(CTX, copy);
        model_free(model);
        type_fixture_drain(&fixture);
    }
}

static void test_zset_lex_spans(void **state)
{
    (void)state;
    static const char *const names[] = {"", "a", "aa", "ab", "b", "ba", "c"};
    enum { N = sizeof names / sizeof *names };
    for (int packed = 0; packed < 2; packed++) {
        set_limits(packed ? 128 : 0, 64);
        struct value v = new_zset();
        for (int i = 0; i < N; i++)
            put_text(v, names[i], 7);
        for (int i = 0; i < N * N * 4; i++) {
            int min = i / 4 / N, max = i / 4 % N;
            struct zset_lex_range range = {
                {ZSET_LEX_MEMBER, i & 1, names[min], strlen(names[min])},
                {ZSET_LEX_MEMBER, i & 2, names[max], strlen(names[max])}};
            int first = min + (i & 1), end = max + !(i & 2);
            struct zset_span span = zset_lex_span(v, &range);
            assert_int_equal(span.n, end > first ? end - first : 0);
            if (end > first)
                assert_int_equal(span.first, first);
        }
        struct zset_lex_range all = {{ZSET_LEX_LOWEST}, {ZSET_LEX_HIGHEST}};
        struct zset_lex_range none = {{ZSET_LEX_HIGHEST}, {ZSET_LEX_LOWEST}};
        assert_int_equal(zset_lex_span(v, &all).n, N);
        assert_int_equal(zset_lex_span(v, &none).n, 0);
        zset_free(v);
    }
}

// ---- building --------------------------------------------------------------------------------

static enum status build(struct zset_build *b, struct model *model, int rounds, struct value *out)
{
    enum status status = zset_build_begin(b, CTX);
    *out = VALUE_ABSENT;
    if (status != STATUS_OK)
        return status;
    for (int round = 0; round < rounds && status == STATUS_OK; round++)
        for (size_t i = 0; i < model->size && status == STATUS_OK; i++)
            status = zset_build_add(b, model->m[i].data, model->m[i].len, (double)i, ZSET_SUM);
    if (status != STATUS_OK) {
        zset_build_abort(b);
        return status;
    }
    while (zset_build_order(b, 30))
        ;
    return zset_build_finish(b, true, out);
}

static void test_zset_build_adds_up_and_chooses_the_encoding(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 128, 129, UNIVERSE};
    set_limits(128, 400);
    for (size_t k = 0; k < 5; k++) {
        struct model *model = model_new(sizes[k]);
        struct zset_build b;
        struct value v;
        assert_int_equal(build(&b, model, 3, &v), STATUS_OK);
        if (sizes[k] == 0) {
            assert_true(value_is_none(v));
        } else {
            for (size_t i = 0; i < sizes[k]; i++) {
                model->m[i].in = true;
                model->m[i].score = 3 * (double)i;
            }
            check(model, v);
            assert_int_equal(body_of(v), sizes[k] <= 128 ? ZSET_BODY_PACKED : ZSET_BODY_INDEX);
            zset_free(v);
        }
        model_free(model);
    }
}

static void test_zset_aggregates(void **state)
{
    (void)state;
    assert_true(zset_aggregate(ZSET_SUM, 1, 2.5) == 3.5);
    assert_true(zset_aggregate(ZSET_SUM, INFINITY, -INFINITY) == 0);
    assert_true(zset_aggregate(ZSET_MIN, 1, 2) == 1);
    assert_true(zset_aggregate(ZSET_MIN, 2, -1) == -1);
    assert_true(zset_aggregate(ZSET_MAX, 1, 2) == 2);
    assert_true(zset_aggregate(ZSET_MAX, 2, -INFINITY) == 2);
}

// ---- without memory --------------------------------------------------------------------------

enum operation { OP_ADD, OP_CHANGE, OP_REMOVE, OP_REMOVE_RANGE, OP_SAMPLE, OP_COPY, OPERATIONS };

// Runs the operation on a set of the model's first `n` members.
static enum status operate(enum operation op, struct model *model, struct value v, size_t n)
{
    struct known *k = &model->m[op == OP_ADD ? n : n / 2];
    struct value copy;
    enum status status;

    switch (op) {
    case OP_ADD:
    case OP_CHANGE:
        status = put(v, k->data, k->len, 1e6);
        if (status == STATUS_OK) {
            k->in = true;
            k->score = 1e6;
        }
        return status;
    case OP_REMOVE:
        status = take(v, k->data, k->len);
        k->in = status != STATUS_OK;
        return status;
    case OP_REMOVE_RANGE:
        status = zset_remove_range(CTX, v, n / 3, n / 2);
        for (size_t i = n / 3; status == STATUS_OK && i < n / 3 + n / 2; i++)
            model->order[i]->in = false;
        return status;
    case OP_SAMPLE:
        return zset_sample(CTX, v, n / 5, see, model);
    default:
        status = zset_copy(CTX, v, &copy);
        if (status == STATUS_OK)
            zset_free(copy);
        return status;
    }
}

// Lets the allocations fail after 0, 1, 2 ... successes until the operation succeeds; each failure
// must leave no trace. Returns the number of failures.
static int operate_without_memory(enum operation op, size_t count)
{
    struct model *model = model_new(count + 1);
    struct value v = new_zset();
    int failures = 0;

    set_limits(128, 400);
    for (size_t i = 0; i < count; i++) {
        model->m[i].in = true;
        model->m[i].score = (double)(i * 7 % 50);
        assert_int_equal(put(v, model->m[i].data, model->m[i].len, model->m[i].score), STATUS_OK);
    }
    type_fixture_drain(&fixture);
    for (long after = 0;; after += after < 20 ? 1 : 7) {
        uint64_t body = zset_body(value_pointer(v));
        model_sort(model);
        mem_fail_after(after);
        enum status status = operate(op, model, v, count);
        mem_fail_after(-1);
        if (status == STATUS_OK)
            break;
        failures++;
        assert_int_equal(status, STATUS_NO_MEMORY);
        assert_int_equal(zset_body(value_pointer(v)), body);
        if (after < 20)
            check(model, v);
    }
    check(model, v);
    zset_retire(CTX, v);
    model_free(model);
    type_fixture_drain(&fixture);
    return failures;
}

static void test_zset_failed_operations_change_nothing(void **state)
{
    (void)state;
    static const size_t counts[] = {0, 1, 2, 20, 127, 128, 129, 200, UNIVERSE - 1};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        for (int op = 0; op < OPERATIONS; op++)
            if (counts[i] > 0 || op == OP_ADD)
                operate_without_memory((enum operation)op, counts[i]);
    assert_int_equal(epoch_pending_bytes(fixture.domain), 0);
}

static void test_zset_operations_that_need_memory_fail_without(void **state)
{
    (void)state;
    assert_int_equal(operate_without_memory(OP_ADD, 0), 1);
    assert_true(operate_without_memory(OP_ADD, 128) > 20); // a node for each and more
    assert_int_equal(operate_without_memory(OP_CHANGE, 50), 1);
    assert_int_equal(operate_without_memory(OP_REMOVE, 1), 0);
    assert_int_equal(operate_without_memory(OP_REMOVE, 50), 1);
    assert_int_equal(operate_without_memory(OP_REMOVE, 300), 0);
    assert_int_equal(operate_without_memory(OP_REMOVE_RANGE, 300), 0);
    assert_int_equal(operate_without_memory(OP_SAMPLE, 300), 1);
}

static void test_zset_failed_builds_leave_nothing(void **state)
{
    (void)state;
    struct model *model = model_new(200);
    struct zset_build b;
    struct value v;
    int failures = 0;

    set_limits(128, 400);
    for (model->size = 100;; failures++) {
        mem_fail_after(failures);
        enum status status = build(&b, model, 2, &v);
        mem_fail_after(-1);
        if (status == STATUS_OK)
            break;
        assert_int_equal(status, STATUS_NO_MEMORY);
        assert_true(value_is_none(v));
    }
    assert_true(failures > 100);
    assert_int_equal(zset_count(v), 100);
    zset_free(v);
    model->size = 200;
    model_free(model);
    type_fixture_drain(&fixture);
}

static void test_zset_gives_its_memory_back(void **state)
{
    (void)state;
    size_t before = 0;
    for (int round = 0; round < 3; round++) {
        struct value v = new_zset();
        for (int i = 0; i < 30000; i++) {
            char text[32];
            snprintf(text, sizeof text, "member:%d", i);
            put_text(v, text, (double)rng_below(&fixture.rng, 1000));
            if (i % 1000 == 0)
                type_fixture_drain(&fixture);
        }
        assert_int_equal(zset_remove_range(CTX, v, 5000, 15000), STATUS_OK);
        assert_int_equal(zset_count(v), 15000);
        zset_retire(CTX, v);
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
        TEST(test_zset_becomes_an_index_at_129),
        TEST(test_zset_with_a_long_member_is_an_index),
        TEST(test_zset_limits_are_read_when_a_member_comes),
        TEST(test_zset_keeps_every_score_exactly),
        TEST(test_zset_of_one_score_has_minus_zero_and_zero),
        TEST(test_zset_of_200_members_is_small),
        TEST(test_zset_matches_a_model),
        TEST(test_zset_copies_are_independent),
        TEST(test_zset_lex_spans),
        TEST(test_zset_build_adds_up_and_chooses_the_encoding),
        TEST(test_zset_aggregates),
        TEST(test_zset_failed_operations_change_nothing),
        TEST(test_zset_operations_that_need_memory_fail_without),
        TEST(test_zset_failed_builds_leave_nothing),
        TEST(test_zset_gives_its_memory_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
