// SPDX-License-Identifier: MIT
//
// Hashes: encodings and their thresholds, every operation against a simple model in both encodings,
// fair chance, and allocation failure at every step.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datatypes/hash.h"
#include "datatypes/mem.h"
#include "datatypes/names.h"
#include "tests/lib/chance.h"
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

static void set_limits(size_t entries, size_t value)
{
    atomic_store_explicit(&fixture.limits.hash_max_packed_entries, entries, memory_order_relaxed);
    atomic_store_explicit(&fixture.limits.hash_max_packed_value, value, memory_order_relaxed);
}

// As a key does it: what is replaced is retired.
static void replace(struct value *v, struct value now)
{
    if (now.bits != v->bits && !value_is_none(*v))
        value_retire(CTX, *v);
    *v = now;
}

static bool put(struct value *v, const char *field, size_t nfield, const char *value, size_t nvalue)
{
    struct hash_pair pair = {field, nfield, value, nvalue};
    struct value now;
    bool added = false;
    assert_int_equal(hash_set(CTX, *v, &pair, &now, &added), STATUS_OK);
    replace(v, now);
    return added;
}

static bool put_text(struct value *v, const char *field, const char *value)
{
    return put(v, field, strlen(field), value, strlen(value));
}

static bool take(struct value *v, const char *field, size_t nfield)
{
    struct value now;
    bool removed = false;
    assert_int_equal(hash_remove(CTX, *v, field, nfield, &now, &removed), STATUS_OK);
    replace(v, now);
    return removed;
}

// The value of a field is that text; NULL: there is no such field.
static void check_field(struct value v, const char *field, const char *want)
{
    const char *value;
    size_t nvalue;
    bool there = hash_get(v, field, strlen(field), &value, &nvalue);

    assert_int_equal(there, want != NULL);
    if (!there)
        return;
    assert_int_equal(nvalue, strlen(want));
    assert_memory_equal(value, want, nvalue);
}

// A hash of `n` fields f0 .. with values v0 .., whatever the limits say it is.
static struct value numbered(int n)
{
    struct value v = VALUE_ABSENT;
    for (int i = 0; i < n; i++) {
        char field[16], value[16];
        snprintf(field, sizeof field, "f%d", i);
        snprintf(value, sizeof value, "v%d", i);
        assert_true(put_text(&v, field, value));
    }
    return v;
}

// ---- encodings -------------------------------------------------------------------------------

static void test_hash_becomes_a_dictionary_at_513(void **state)
{
    (void)state;
    struct value v = VALUE_ABSENT;
    for (int i = 1; i <= 600; i++) {
        char field[16];
        snprintf(field, sizeof field, "f%d", i);
        assert_true(put_text(&v, field, "old"));
        assert_false(put_text(&v, field, "value"));
        assert_int_equal(hash_count(v), i);
        assert_int_equal(hash_is_packed(v), i <= 512);
        assert_string_equal(value_encoding(v), i <= 512 ? "listpack" : "hashtable");
    }
    for (int i = 600; i > 0; i--) { // and stays one
        char field[16];
        snprintf(field, sizeof field, "f%d", i);
        check_field(v, field, "value");
        assert_false(hash_is_packed(v));
        assert_true(take(&v, field, strlen(field)));
    }
    assert_true(value_is_none(v));
}

static void test_hash_with_a_long_text_is_a_dictionary(void **state)
{
    (void)state;
    static char text[70000];
    memset(text, 'x', sizeof text);
    for (size_t len = 62; len <= 67; len++) {
        for (int which = 0; which < 4; which++) {
            bool first = which & 1, as_field = which & 2;
            struct value v = first ? VALUE_ABSENT : numbered(3);
            assert_true(
                put(&v, as_field ? text : "f", as_field ? len : 1, text, as_field ? 1 : len));
            assert_int_equal(hash_is_packed(v), len <= 64);
            assert_int_equal(hash_count(v), first ? 1 : 4);
            if (!first)
                check_field(v, "f2", "v2");
            hash_free(v);
        }
    }
    struct value v = numbered(3); // in the place of a short value
    assert_false(put(&v, "f1", 2, text, sizeof text));
    assert_false(hash_is_packed(v));
    const char *value;
    size_t nvalue;
    assert_true(hash_get(v, "f1", 2, &value, &nvalue));
    assert_int_equal(nvalue, sizeof text);
    assert_memory_equal(value, text, nvalue);
    assert_false(put_text(&v, "f1", "short"));
    check_field(v, "f1", "short");
    check_field(v, "f0", "v0");
    hash_free(v);
}

static void test_hash_limits_are_read_each_time(void **state)
{
    (void)state;
    set_limits(3, 4);
    struct value v = numbered(3);
    assert_true(hash_is_packed(v));
    assert_false(put_text(&v, "f0", "1234"));
    assert_true(hash_is_packed(v));
    set_limits(2, 4); // any change finds out
    assert_true(take(&v, "f1", 2));
    assert_true(hash_is_packed(v));
    assert_false(put_text(&v, "f0", "new"));
    assert_true(hash_is_packed(v));
    set_limits(1, 4);
    assert_false(put_text(&v, "f0", "newer"));
    assert_false(hash_is_packed(v));
    check_field(v, "f0", "newer");
    check_field(v, "f2", "v2");
    hash_free(v);

    set_limits(0, 64);
    v = numbered(1);
    assert_false(hash_is_packed(v));
    hash_free(v);
}

static void test_hash_packed_changes_in_place_or_in_a_copy(void **state)
{
    (void)state;
    struct value v, now, old = numbered(2);
    struct hash_room room = {.count = 5, .nbytes = 20, .longest = 2};
    struct hash_pair more = {"f2", 2, "v2", 2}, other = {"f0", 2, "new", 3};
    bool flag;

    assert_int_equal(hash_aside(CTX, old, &room, &v), STATUS_OK);
    assert_true(v.bits != old.bits);
    assert_int_equal(hash_set(CTX, v, &more, &now, &flag), STATUS_OK);
    assert_true(now.bits == v.bits); // there was room
    assert_int_equal(hash_set(CTX, v, &other, &now, &flag), STATUS_OK);
    assert_true(now.bits != v.bits);
    check_field(v, "f0", "v0"); // who still reads it sees the old value
    check_field(now, "f0", "new");
    check_field(now, "f2", "v2");
    check_field(old, "f2", NULL);
    hash_free(now);
    assert_int_equal(hash_remove(CTX, v, "f1", 2, &now, &flag), STATUS_OK);
    assert_true(flag && now.bits != v.bits);
    check_field(v, "f1", "v1");
    check_field(now, "f1", NULL);
    hash_free(now);
    assert_int_equal(hash_remove(CTX, v, "none", 4, &now, &flag), STATUS_OK);
    assert_true(!flag && now.bits == v.bits);
    hash_free(v);
    hash_free(old);
}

static void test_hash_dictionary_changes_in_place(void **state)
{
    (void)state;
    set_limits(0, 64);
    struct value v = numbered(50), before = v;
    assert_false(put_text(&v, "f7", "new"));
    assert_true(put_text(&v, "g", "w"));
    assert_true(take(&v, "f8", 2));
    assert_false(take(&v, "f8", 2));
    assert_true(v.bits == before.bits);
    check_field(v, "f7", "new");
    hash_free(v);
}

static void test_hash_keeps_its_expire_time(void **state)
{
    (void)state;
    static const struct hash_room none;
    struct value v = numbered(3), same, copy;
    assert_int_equal(value_expires_at(v), NO_EXPIRE);
    assert_int_equal(value_set_expire(CTX, v, 1234, &same), STATUS_OK);
    assert_true(same.bits == v.bits);
    assert_false(put_text(&v, "f1", "another"));
    assert_int_equal(value_expires_at(v), 1234);
    assert_true(put_text(&v, "f9", "v"));
    assert_int_equal(value_expires_at(v), 1234);
    assert_true(take(&v, "f0", 2));
    assert_int_equal(value_expires_at(v), 1234);
    assert_int_equal(hash_aside(CTX, v, &none, &copy), STATUS_OK);
    assert_int_equal(value_expires_at(copy), 1234);
    hash_free(copy);
    set_limits(0, 64);
    assert_true(put_text(&v, "f10", "v")); // becomes a dictionary
    assert_int_equal(value_expires_at(v), 1234);
    assert_int_equal(value_copy(CTX, v, &copy), STATUS_OK);
    assert_int_equal(value_expires_at(copy), 1234);
    assert_string_equal(value_encoding(copy), "hashtable");
    hash_free(copy);
    hash_free(v);
}

static void test_hash_room_is_a_hint(void **state)
{
    (void)state;
    static const struct hash_room rooms[] = {{0, 0, 0},       {1, 10, 5},
                                             {600, 6000, 10}, {1, SIZE_MAX / 4, 64},
                                             {1000000, 0, 0}, {2, 200, 100}};
    for (size_t i = 0; i < sizeof rooms / sizeof *rooms; i++) {
        for (int n = 0; n < 20; n += 10) {
            struct value old = numbered(n), v;
            assert_int_equal(hash_aside(CTX, old, &rooms[i], &v), STATUS_OK);
            assert_int_equal(hash_count(v), n);
            assert_int_equal(hash_is_packed(v), rooms[i].longest <= 64);
            assert_in_range(value_memory(v, 0), 32, 20000);
            assert_true(put_text(&v, "more", "value"));
            check_field(v, "more", "value");
            check_field(v, "f0", n > 0 ? "v0" : NULL);
            hash_free(v);
            if (n > 0)
                hash_free(old);
        }
    }
}

static void test_hash_of_ten_fields_is_one_small_block(void **state)
{
    (void)state;
    static const struct hash_room room = {.count = 10, .nbytes = 170, .longest = 10};
    struct value v;
    assert_int_equal(hash_aside(CTX, VALUE_ABSENT, &room, &v), STATUS_OK);
    for (int i = 0; i < 10; i++) {
        char field[16], value[16];
        snprintf(field, sizeof field, "field:%d", i);
        snprintf(value, sizeof value, "val%07d", i);
        assert_true(put_text(&v, field, value));
    }
    assert_in_range(value_memory(v, 0), 170 + 20 + 28, 240);
    hash_free(v);
}

static void test_hash_memory_is_estimated_from_samples(void **state)
{
    (void)state;
    set_limits(0, 64);
    struct value v = VALUE_ABSENT;
    for (int i = 0; i < 5000; i++) {
        char field[64];
        snprintf(field, sizeof field, "%030d", i);
        assert_true(put_text(&v, field, "0123456789"));
    }
    size_t all = value_memory(v, 0), some = value_memory(v, 5);
    assert_in_range(all, 5000 * 48, 5000 * 100);
    assert_int_equal(some, all); // all nodes take the same block
    hash_free(v);
}

// ---- against a model -------------------------------------------------------------------------

enum { UNIVERSE = 700, VALUES = 50 };

// The fields that a test plays with; `value` is what the hash should hold, -1 nothing.
struct model {
    struct known {
        char *data;
        size_t len;
        int value;
        int seen;
    } f[UNIVERSE];
    size_t size, count;
    struct known *sorted[UNIVERSE]; // to look a field up
};

enum family { SHORT_TEXTS, MANY_KINDS, FAMILIES };

static size_t field_text(enum family family, size_t i, char *out)
{
    if (family == SHORT_TEXTS)
        return (size_t)sprintf(out, "%.*s%zu", (int)(i % 40),
                               "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopq", i);
    switch (i % 4) {
    case 0: // binary, with a NUL in front
        out[0] = '\0';
        memcpy(out + 1, &i, sizeof i);
        return 1 + sizeof i;
    case 1: // of the lengths about which a text's length changes its form
        memset(out, (int)(i & 255), 300);
        memcpy(out, &i, sizeof i);
        return 250 + i / 4 % 10;
    case 2:
        memset(out, 'q', i);
        return i == 2 ? 0 : i;
    default:
        memset(out, 'z', 65536);
        memcpy(out, &i, sizeof i);
        return i < 30 ? 65536 : 64 + i % 3;
    }
}

// The texts that serve as values: some short, and for MANY_KINDS long ones, too.
static size_t value_text(enum family family, int i, char *out)
{
    size_t len = (size_t)i % 9;
    if (family == MANY_KINDS && i % 3 == 0)
        len = 60 + (size_t)i * 5;
    memset(out, 'a' + i % 26, len);
    return len + (size_t)sprintf(out + len, "%d", i);
}

static int compare(const void *a, const void *b)
{
    const struct known *x = *(struct known *const *)a, *y = *(struct known *const *)b;
    if (x->len != y->len)
        return x->len < y->len ? -1 : 1;
    return x->len == 0 ? 0 : memcmp(x->data, y->data, x->len);
}

static enum family family_now; // of the model in use

static struct model *model_new(enum family family, size_t size)
{
    static char text[65536 + 8];
    struct model *model = calloc(1, sizeof *model);
    assert_non_null(model);
    family_now = family;
    model->size = size;
    for (size_t i = 0; i < size; i++) {
        struct known *k = &model->f[i];
        k->len = field_text(family, i, text);
        k->data = malloc(k->len + 1);
        memcpy(k->data, text, k->len);
        k->value = -1;
        model->sorted[i] = k;
    }
    qsort(model->sorted, size, sizeof *model->sorted, compare);
    return model;
}

static void model_free(struct model *model)
{
    for (size_t i = 0; i < model->size; i++)
        free(model->f[i].data);
    free(model);
}

// Counts the pair as seen; its value must be the right one.
static void see(const struct hash_pair *pair, void *arg)
{
    char text[512];
    struct model *model = arg;
    struct known key = {.data = (char *)pair->field, .len = pair->nfield}, *wanted = &key;
    struct known **found =
        bsearch(&wanted, model->sorted, model->size, sizeof *model->sorted, compare);
    if (found == NULL || (*found)->value < 0)
        fail_msg("a field of %zu bytes that is not there", pair->nfield);
    (*found)->seen++;
    assert_int_equal(pair->nvalue, value_text(family_now, (*found)->value, text));
    assert_memory_equal(pair->value, text, pair->nvalue);
}

static void forget_seen(struct model *model)
{
    for (size_t i = 0; i < model->size; i++)
        model->f[i].seen = 0;
}

static void check_seen_once(const struct model *model)
{
    for (size_t i = 0; i < model->size; i++)
        assert_int_equal(model->f[i].seen, model->f[i].value >= 0);
}

// The hash holds exactly what the model says, by every way of asking.
static void check(struct model *model, struct value v)
{
    struct hash_iter iter;
    uint64_t cursor = 0;

    assert_int_equal(hash_count(v), model->count);
    forget_seen(model);
    hash_iter_init(&iter, v);
    while (hash_iter_next(&iter))
        see(&iter.pair, model);
    check_seen_once(model);
    forget_seen(model);
    do {
        cursor = hash_scan(v, cursor, see, model);
    } while (cursor != 0);
    check_seen_once(model); // nothing changed: each once
    forget_seen(model);
    for (size_t i = 0; i < model->size; i++) {
        struct hash_pair pair = {.field = model->f[i].data, .nfield = model->f[i].len};
        if (hash_get(v, pair.field, pair.nfield, &pair.value, &pair.nvalue))
            see(&pair, model);
    }
    check_seen_once(model);
}

static void step_set(struct model *model, struct value *v)
{
    char text[512];
    struct known *k = &model->f[rng_below(&fixture.rng, model->size)];
    int value = (int)rng_below(&fixture.rng, VALUES);
    bool added = put(v, k->data, k->len, text, value_text(family_now, value, text));

    assert_int_equal(added, k->value < 0);
    model->count += added;
    k->value = value;
}

static void step_remove(struct model *model, struct value *v)
{
    struct known *k = &model->f[rng_below(&fixture.rng, model->size)];
    bool removed = take(v, k->data, k->len);

    assert_int_equal(removed, k->value >= 0);
    model->count -= removed;
    k->value = -1;
}

// Several changes of a dictionary, the same field more than once, all of which are undone.
static void step_undo(struct model *model, struct value v)
{
    struct known *changed[12];
    void *before[12];
    int n = 1 + (int)rng_below(&fixture.rng, 12);

    for (int i = 0; i < n; i++) {
        changed[i] = i > 0 && rng_below(&fixture.rng, 3) == 0
                         ? changed[i - 1]
                         : &model->f[rng_below(&fixture.rng, model->size)];
        struct hash_pair pair = {changed[i]->data, changed[i]->len, "undone", 6};
        assert_int_equal(hash_exchange(CTX, v, &pair, &before[i]), STATUS_OK);
    }
    while (n-- > 0)
        hash_put_back(CTX, v, changed[n]->data, changed[n]->len, before[n]);
}

// Picking `n`: distinct ones, all of which were there.
static void step_sample(struct model *model, struct value v)
{
    size_t most = rng_below(&fixture.rng, 4) ? model->count / 8 : model->count;
    size_t n = rng_below(&fixture.rng, most + 1), picked = 0;
    struct hash_pair pair;

    forget_seen(model);
    hash_random(CTX, v, &pair);
    see(&pair, model);
    forget_seen(model);
    assert_int_equal(hash_sample(CTX, v, n, see, model), STATUS_OK);
    for (size_t i = 0; i < model->size; i++) {
        assert_in_range(model->f[i].seen, 0, 1);
        picked += (size_t)model->f[i].seen;
    }
    assert_int_equal(picked, n);
}

static void random_step(struct model *model, struct value *v, size_t grow_of_ten)
{
    size_t op = rng_below(&fixture.rng, 100);

    if (op < 95 && (value_is_none(*v) || rng_below(&fixture.rng, 10) < grow_of_ten))
        step_set(model, v);
    else if (value_is_none(*v))
        return;
    else if (op < 95)
        step_remove(model, v);
    else if (op < 97 && !hash_is_packed(*v))
        step_undo(model, *v);
    else
        step_sample(model, *v);
}

static void test_hash_matches_a_model(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 3, 40, 140, 260, 560, UNIVERSE};
    for (int family = 0; family < FAMILIES; family++) {
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            struct model *model = model_new((enum family)family, sizes[i]);
            struct value v = VALUE_ABSENT, before = v;
            for (int step = 0; step < 6000; step++) {
                random_step(model, &v, step / 900 % 2 ? 3 : 8);
                assert_int_equal(value_is_none(v), model->count == 0);
                if (!value_is_none(v) && !value_is_none(before) && !hash_is_packed(before))
                    assert_false(hash_is_packed(v)); // never back
                if (step % 250 == 249 && !value_is_none(v))
                    check(model, v);
                before = v;
                if (step % 64 == 0)
                    type_fixture_drain(&fixture);
            }
            if (!value_is_none(v))
                value_retire(CTX, v);
            model_free(model);
            type_fixture_drain(&fixture);
        }
    }
    assert_int_equal(epoch_pending_bytes(fixture.domain), 0);
}

// ---- chance ----------------------------------------------------------------------------------

static size_t number_of(const struct hash_pair *pair)
{
    return strtoul(pair->field + 1, NULL, 10); // the texts are followed by a length or a letter
}

static void mark(const struct hash_pair *pair, void *arg)
{
    unsigned *mask = arg;
    assert_int_equal(*mask >> number_of(pair) & 1, 0);
    *mask |= 1U << number_of(pair);
}

static void test_hash_chance_is_fair(void **state)
{
    (void)state;
    enum { N = 6, TRIALS = 8000 };
    for (int packed = 0; packed < 2; packed++) {
        set_limits(packed ? 512 : 0, 64);
        struct value v = numbered(N);
        unsigned drawn[N] = {0};
        struct hash_pair pair;
        for (int i = 0; i < TRIALS; i++) {
            hash_random(CTX, v, &pair);
            drawn[number_of(&pair)]++;
        }
        assert_uniform(drawn, N, "random");
        for (size_t k = 1; k < N; k++) { // every choice of k of them
            unsigned frequency[1 << N] = {0}, choices[1 << N], cells = 0;
            for (int i = 0; i < TRIALS; i++) {
                unsigned mask = 0;
                assert_int_equal(hash_sample(CTX, v, k, mark, &mask), STATUS_OK);
                frequency[mask]++;
            }
            for (unsigned mask = 0; mask < 1U << N; mask++)
                if (__builtin_popcount(mask) == (int)k)
                    choices[cells++] = frequency[mask];
            assert_uniform(choices, cells, "sample");
        }
        hash_free(v);
    }
}

// ---- sizes -----------------------------------------------------------------------------------

static void test_hash_knows_its_bytes(void **state)
{
    (void)state;
    static char big[5000];
    memset(big, 'b', sizeof big);
    for (int packed = 0; packed < 2; packed++) {
        set_limits(packed ? 512 : 0, sizeof big);
        struct value v = numbered(3), old;
        struct hash_pair pair = {"long", 4, big, sizeof big};
        size_t before = hash_bytes(v);
        bool added, removed;
        assert_in_range(hash_longest(v), 2, packed ? NAME_MAX_LEN : 3);
        old = v;
        assert_int_equal(hash_set(CTX, old, &pair, &v, &added), STATUS_OK);
        if (v.bits != old.bits)
            hash_free(old);
        assert_int_equal(hash_is_packed(v), packed);
        assert_in_range(hash_bytes(v), before + sizeof big, before + sizeof big + 16);
        assert_in_range(hash_longest(v), sizeof big, 2 * sizeof big);
        old = v;
        assert_int_equal(hash_remove(CTX, old, "long", 4, &v, &removed), STATUS_OK);
        if (v.bits != old.bits)
            hash_free(old);
        assert_int_equal(hash_bytes(v), before);
        hash_free(v);
    }
}

// ---- without memory --------------------------------------------------------------------------

enum operation { OP_SET_NEW, OP_SET_OLD, OP_REMOVE, OP_COPY, OP_ASIDE, OP_SAMPLE, OPERATIONS };

static enum status operate(enum operation op, struct model *model, struct value *v)
{
    static const struct hash_room room = {.count = 3, .nbytes = 60, .longest = 20};
    struct known *k = &model->f[op == OP_SET_NEW ? model->count : model->count / 2];
    struct hash_pair pair = {k->data, k->len, "2", 1};
    struct value now = VALUE_ABSENT;
    enum status status;
    bool flag;

    switch (op) {
    case OP_SET_NEW:
    case OP_SET_OLD:
        pair.nvalue = value_text(family_now, 7, (char[512]){0});
        pair.value = (char[]){"hhhhhhh7"};
        status = hash_set(CTX, *v, &pair, &now, &flag);
        if (status == STATUS_OK) {
            replace(v, now);
            k->value = 7;
            model->count += flag;
        }
        return status;
    case OP_REMOVE:
        status = hash_remove(CTX, *v, k->data, k->len, &now, &flag);
        if (status == STATUS_OK) {
            replace(v, now);
            k->value = -1;
            model->count--;
        }
        return status;
    case OP_SAMPLE:
        return hash_sample(CTX, *v, model->count / 5, see, model);
    default:
        status = op == OP_COPY
                     ? value_copy(CTX, *v, &now)
                     : hash_aside(CTX, hash_is_packed(*v) ? *v : VALUE_ABSENT, &room, &now);
        if (status == STATUS_OK)
            hash_free(now);
        return status;
    }
}

// Lets the allocations fail after 0, 1, 2 ... successes until the operation succeeds; each failure
// must leave no trace. Returns the number of failures.
static int operate_without_memory(enum operation op, enum family family, size_t count)
{
    char text[512];
    struct model *model = model_new(family, count + 1);
    struct value v = VALUE_ABSENT;
    for (size_t i = 0; i < count; i++) {
        model->f[i].value = (int)(i % VALUES);
        put(&v, model->f[i].data, model->f[i].len, text,
            value_text(family, model->f[i].value, text));
    }
    model->count = count;
    type_fixture_drain(&fixture);

    int failures = 0;
    for (long after = 0;; after += after < 40 ? 1 : 7) {
        struct value before = v;
        mem_fail_after(after);
        enum status status = operate(op, model, &v);
        mem_fail_after(-1);
        if (status == STATUS_OK)
            break;
        failures++;
        assert_int_equal(status, STATUS_NO_MEMORY);
        assert_true(v.bits == before.bits);
        if ((after < 8 || failures % 20 == 0) && !value_is_none(v))
            check(model, v);
    }
    assert_int_equal(value_is_none(v), model->count == 0);
    if (!value_is_none(v)) {
        check(model, v);
        value_retire(CTX, v);
    }
    model_free(model);
    type_fixture_drain(&fixture);
    return failures;
}

static void test_hash_failed_operations_change_nothing(void **state)
{
    (void)state;
    static const size_t counts[] = {0, 1, 3, 20, 128, 511, 512, 513};
    for (int family = 0; family < FAMILIES; family++)
        for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
            for (int op = 0; op < OPERATIONS; op++)
                if (counts[i] > 0 || op == OP_SET_NEW)
                    operate_without_memory((enum operation)op, (enum family)family, counts[i]);
    assert_int_equal(epoch_pending_bytes(fixture.domain), 0);
}

static void test_hash_operations_that_need_memory_fail_without(void **state)
{
    (void)state;
    assert_int_equal(operate_without_memory(OP_SET_NEW, SHORT_TEXTS, 0), 1);
    assert_int_equal(operate_without_memory(OP_SET_OLD, SHORT_TEXTS, 20), 1);
    assert_true(operate_without_memory(OP_SET_NEW, SHORT_TEXTS, 512) > 40 + 512 / 7); // nodes
    assert_int_equal(operate_without_memory(OP_SET_OLD, SHORT_TEXTS, 513), 1);
    assert_int_equal(operate_without_memory(OP_REMOVE, SHORT_TEXTS, 1), 0);
    assert_int_equal(operate_without_memory(OP_REMOVE, SHORT_TEXTS, 2), 1);
    assert_int_equal(operate_without_memory(OP_REMOVE, SHORT_TEXTS, 513), 0);
    assert_int_equal(operate_without_memory(OP_COPY, SHORT_TEXTS, 20), 1);
    assert_int_equal(operate_without_memory(OP_SAMPLE, SHORT_TEXTS, 513), 1);
    assert_int_equal(operate_without_memory(OP_SAMPLE, SHORT_TEXTS, 20), 0);
}

static void test_hash_gives_its_memory_back(void **state)
{
    (void)state;
    size_t before = 0;
    for (int round = 0; round < 3; round++) {
        struct value v = VALUE_ABSENT;
        for (int i = 0; i < 50000; i++) {
            char field[32];
            snprintf(field, sizeof field, "field:%d", i / 2); // each is set twice
            assert_int_equal(put_text(&v, field, i % 2 ? "second" : "first"), i % 2 == 0);
            if (i % 1000 == 0)
                type_fixture_drain(&fixture);
        }
        for (int i = 0; i < 25000; i += 2) {
            char field[32];
            snprintf(field, sizeof field, "field:%d", i);
            assert_true(take(&v, field, strlen(field)));
        }
        value_retire(CTX, v);
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
        TEST(test_hash_becomes_a_dictionary_at_513),
        TEST(test_hash_with_a_long_text_is_a_dictionary),
        TEST(test_hash_limits_are_read_each_time),
        TEST(test_hash_packed_changes_in_place_or_in_a_copy),
        TEST(test_hash_dictionary_changes_in_place),
        TEST(test_hash_keeps_its_expire_time),
        TEST(test_hash_room_is_a_hint),
        TEST(test_hash_of_ten_fields_is_one_small_block),
        TEST(test_hash_memory_is_estimated_from_samples),
        TEST(test_hash_matches_a_model),
        TEST(test_hash_chance_is_fair),
        TEST(test_hash_knows_its_bytes),
        TEST(test_hash_failed_operations_change_nothing),
        TEST(test_hash_operations_that_need_memory_fail_without),
        TEST(test_hash_gives_its_memory_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
