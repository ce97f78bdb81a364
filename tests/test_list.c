// SPDX-License-Identifier: MIT
//
// Lists: how elements are stored, and every operation against a simple model, with chunks of every
// kind of limit, at every step of growing and shrinking, and with allocations failing.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datatypes/list.h"
#include "datatypes/list_internal.h"
#include "datatypes/mem.h"
#include "datatypes/str.h"
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

static void set_fill(int fill)
{
    atomic_store_explicit(&fixture.limits.list_max_packed_size, fill, memory_order_relaxed);
}

static size_t below(size_t n)
{
    return rng_below(&fixture.rng, n);
}

static struct value new_list(void)
{
    struct value v;
    assert_int_equal(list_new(CTX, 0, CHUNK_BACK, &v), STATUS_OK);
    return v;
}

static void push(struct value v, enum chunk_side side, const char *data, size_t len)
{
    assert_int_equal(list_push(CTX, v, side, data, len), STATUS_OK);
}

static const struct list *inside(struct value v)
{
    return value_pointer(v);
}

// ---- the model ----------------------------------------------------------------------------------

enum { MODEL_MAX = 4000, LONGEST = 10000 };

struct text {
    char *data;
    size_t len;
};

static struct {
    struct text at[MODEL_MAX];
    size_t n;
} model;

static void model_insert(size_t i, const char *data, size_t len)
{
    assert_true(model.n < MODEL_MAX);
    memmove(model.at + i + 1, model.at + i, (model.n - i) * sizeof *model.at);
    model.at[i] = (struct text){malloc(len + 1), len};
    memcpy(model.at[i].data, data, len);
    model.n++;
}

static void model_remove(size_t i)
{
    free(model.at[i].data);
    memmove(model.at + i, model.at + i + 1, (model.n - i - 1) * sizeof *model.at);
    model.n--;
}

static void model_clear(void)
{
    while (model.n > 0)
        model_remove(model.n - 1);
}

static bool model_is(size_t i, const char *data, size_t len)
{
    return model.at[i].len == len && memcmp(model.at[i].data, data, len) == 0;
}

static void assert_element(const struct chunk_element *element, size_t i)
{
    if (element->len != model.at[i].len ||
        memcmp(element->data, model.at[i].data, element->len) != 0)
        fail_msg("element %zu is \"%.*s\" (%zu bytes), not \"%.*s\" (%zu)", i,
                 (int)(element->len < 40 ? element->len : 40), element->data, element->len,
                 (int)(model.at[i].len < 40 ? model.at[i].len : 40), model.at[i].data,
                 model.at[i].len);
}

// The list is what the model is, read in both directions.
static void assert_contents(struct value v)
{
    struct list_iter it;
    size_t seen = 0;

    assert_int_equal(list_count(v), model.n);
    list_iter_init(&it, v, 0, false);
    for (; list_iter_next(&it); seen++) {
        assert_int_equal(it.index, seen);
        assert_element(&it.element, seen);
    }
    assert_int_equal(seen, model.n);
    list_iter_init(&it, v, model.n - 1, true); // of an empty list: no such index
    for (; list_iter_next(&it); seen--) {
        assert_int_equal(it.index, seen - 1);
        assert_element(&it.element, seen - 1);
    }
    assert_int_equal(seen, 0);
}

// What list.c promises about the inside.
static void assert_sound(struct value v)
{
    const struct list *l = inside(v);
    const struct list_chain *chain = list_chain(l);
    size_t n = list_chunks(l), count = 0;

    assert_true(chain == NULL || n >= 2);
    for (size_t i = 0; i < n; i++) {
        const struct chunk *c = list_chunk(l, i);
        size_t entries = 0;
        assert_true(c->begin <= c->end);
        assert_true(c->end <= c->cap);
        for (struct chunk_place p = chunk_first(c); p.at < c->end; entries++) {
            struct chunk_place next = chunk_next(c, p), back = chunk_prev(c, next);
            assert_int_equal(back.at, p.at);
            assert_int_equal(back.code, p.code);
            p = next;
        }
        assert_int_equal(chunk_code_before(c, chunk_first(c)), 0);
        assert_int_equal(c->count, entries);
        assert_true(c->count > 0 || n == 1);
        if (chain != NULL)
            assert_int_equal(chain->links[chain->begin + i].count, entries);
        count += entries;
    }
    assert_int_equal(count, list_count(v));
}

// ---- how elements are stored
// ---------------------------------------------------------------------

static void assert_round_trip(const char *data, size_t len, size_t size)
{
    struct value v = new_list();
    struct chunk_element element;

    assert_int_equal(list_element_size(data, len), size);
    for (int i = 0; i < 3; i++)
        push(v, i == 0 ? CHUNK_BACK : CHUNK_FRONT, data, len);
    assert_int_equal(chunk_used(list_chunk(inside(v), 0)), 3 * size);
    for (int i = 0; i < 2; i++) {
        list_end(v, i ? CHUNK_FRONT : CHUNK_BACK, &element);
        assert_int_equal(element.len, len);
        assert_memory_equal(element.data, data, len);
    }
    assert_sound(v);
    list_free(v);
}

static void test_list_numbers_are_stored_as_such(void **state)
{
    (void)state;
    static const struct {
        int64_t n;
        size_t width;
    } rows[] = {{10, 1},           {127, 1},           {128, 2},          {-1, 1},
                {-128, 1},         {-129, 2},          {32767, 2},        {32768, 3},
                {-32768, 2},       {-32769, 3},        {8388607, 3},      {8388608, 4},
                {-8388608, 3},     {-8388609, 4},      {INT32_MAX, 4},    {INT32_MIN, 4},
                {1LL << 31, 5},    {1LL << 39, 6},     {1LL << 47, 7},    {1LL << 55, 8},
                {-(1LL << 39), 5}, {-(1LL << 47), 6},  {-(1LL << 55), 7}, {(1LL << 39) - 1, 5},
                {INT64_MAX, 8},    {INT64_MAX - 1, 8}, {INT64_MIN, 8},    {INT64_MIN + 1, 8}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[STR_I64_MAX];
        assert_round_trip(text, str_format_i64(rows[i].n, text), rows[i].width + 1);
    }
}

static void test_list_other_texts_stay_texts(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        "0",
                                        "7",
                                        "a",
                                        "-",
                                        "01",
                                        "-0",
                                        "+1",
                                        " 1",
                                        "1 ",
                                        "00",
                                        "1.5",
                                        "9223372036854775808",
                                        "-9223372036854775809"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_round_trip(texts[i], strlen(texts[i]), strlen(texts[i]) + 1);
    static const char binary[] = {0, '\r', '\n', (char)240, (char)255, 0};
    assert_round_trip(binary, sizeof binary, sizeof binary + 1);
}

static void test_list_long_texts(void **state)
{
    (void)state;
    static char text[300000];
    static const size_t lengths[] = {238, 239, 240, 241, 247, 248, 254, 255, 256, 257, 2000};
    memset(text, (char)255, sizeof text);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
        assert_round_trip(text, lengths[i], lengths[i] + (lengths[i] <= 239 ? 1 : 9));
}

static void test_list_equal_elements_are_found_however_they_came(void **state)
{
    (void)state;
    static const char *const texts[] = {"12", "012", "1", "-12", "12 ", "1212", "x12", "12"};
    struct value v = new_list();
    struct chunk_item item;
    struct list_iter it;
    size_t looked;

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        push(v, CHUNK_BACK, texts[i], strlen(texts[i]));
    chunk_item(&item, "12", 2);
    list_iter_init(&it, v, 1, false);
    assert_false(list_iter_seek(&it, &item, 3, &looked));
    assert_int_equal(looked, 3);
    assert_true(list_iter_seek(&it, &item, 100, &looked));
    assert_int_equal(looked, 4);
    assert_int_equal(it.index, 7);
    assert_false(list_iter_seek(&it, &item, 100, &looked));
    assert_int_equal(looked, 0);
    list_iter_init(&it, v, 6, true);
    assert_true(list_iter_seek(&it, &item, 100, &looked));
    assert_int_equal(it.index, 0);
    assert_int_equal(looked, 7);
    list_free(v);
}

// ---- chunks ------------------------------------------------------------------------------------

// Bytes that a chunk's block takes.
static size_t block_of(const struct chunk *c)
{
    return CHUNK_OVERHEAD + c->cap;
}

static void test_list_chunks_have_a_limit(void **state)
{
    (void)state;
    static const struct {
        int fill;
        size_t block, count;
    } rows[] = {{-1, 4096, 0},  {-2, 8192, 0},    {-3, 16384, 0},   {-4, 32768, 0},
                {-5, 65536, 0}, {-6, 65536, 0},   {0, 8192, 1},     {1, 8192, 1},
                {2, 8192, 2},   {100, 8192, 100}, {100000, 8192, 0}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (int side = 0; side < 2; side++) {
            struct value v = new_list();
            set_fill(rows[i].fill);
            for (int n = 0; n < 3000; n++)
                push(v, (enum chunk_side)side, "an element of 30 bytes, or so..", 30);
            size_t per_chunk =
                rows[i].count ? rows[i].count : (rows[i].block - CHUNK_OVERHEAD) / 31;
            assert_int_equal(list_chunks(inside(v)), (3000 + per_chunk - 1) / per_chunk);
            for (size_t k = 0; k < list_chunks(inside(v)); k++)
                assert_true(block_of(list_chunk(inside(v), k)) <= rows[i].block);
            assert_sound(v);
            list_free(v);
        }
    }
}

static void test_list_large_elements_have_chunks_of_their_own(void **state)
{
    (void)state;
    static char text[100000];
    struct value v = new_list();

    push(v, CHUNK_BACK, "a", 1);
    push(v, CHUNK_BACK, text, sizeof text);
    push(v, CHUNK_BACK, "b", 1);
    push(v, CHUNK_BACK, "c", 1);
    assert_int_equal(list_chunks(inside(v)), 3);
    assert_int_equal(list_chunk(inside(v), 1)->count, 1);
    assert_int_equal(list_chunk(inside(v), 2)->count, 2);
    assert_sound(v);
    list_free(v);
    v = new_list();
    push(v, CHUNK_FRONT, text, sizeof text);
    assert_int_equal(list_chunks(inside(v)), 1);
    push(v, CHUNK_FRONT, "a", 1);
    assert_int_equal(list_chunks(inside(v)), 2);
    list_free(v);
}

static void test_list_short_lists_have_little_room(void **state)
{
    (void)state;
    struct value v = new_list();

    for (int i = 1; i <= 200; i++) {
        push(v, i % 2 ? CHUNK_BACK : CHUNK_FRONT, "element", 7);
        size_t used = chunk_used(list_chunk(inside(v), 0));
        assert_true(list_memory(v, 0) <= 32 + 64 + used * 3 / 2);
    }
    list_free(v);
}

static void test_list_expected_bytes_spare_copies(void **state)
{
    (void)state;
    for (int side = 0; side < 2; side++) {
        struct value v;
        assert_int_equal(
            list_new(CTX, 20 * list_element_size("element", 7), (enum chunk_side)side, &v),
            STATUS_OK);
        mem_fail_after(0);
        for (int i = 0; i < 20; i++)
            push(v, (enum chunk_side)side, "element", 7);
        mem_fail_after(-1);
        assert_sound(v);
        list_free(v);
    }
}

static void test_list_queue_stays_small(void **state)
{
    (void)state;
    for (int side = 0; side < 2; side++) { // in at one side, out at the other
        struct value v = new_list();
        for (int i = 0; i < 50; i++)
            push(v, (enum chunk_side)side, "element", 7);
        for (int i = 0; i < 100000; i++) {
            push(v, (enum chunk_side)side, "element", 7);
            list_drop(CTX, v, (enum chunk_side) !side, 1);
        }
        assert_int_equal(list_chunks(inside(v)), 1);
        assert_true(list_memory(v, 0) < 1500);
        assert_sound(v);
        list_free(v);
    }
}

static void test_list_gives_memory_back(void **state)
{
    (void)state;
    for (int side = 0; side < 2; side++) {
        struct value v = new_list();
        for (int i = 0; i < 50000; i++)
            push(v, CHUNK_BACK, "element", 7);
        size_t full = list_memory(v, 0);
        assert_true(full > 50000 * 8);
        assert_true(full < 50000 * 9);
        list_drop(CTX, v, (enum chunk_side)side, 49000);
        assert_true(list_memory(v, 0) < 1000 * 8 * 3);
        list_drop(CTX, v, (enum chunk_side)side, 990);
        assert_true(list_memory(v, 0) < 500);
        assert_sound(v);
        list_free(v);
    }
}

static void test_list_memory_is_estimated_from_samples(void **state)
{
    (void)state;
    struct value v = new_list();
    for (int i = 0; i < 50000; i++)
        push(v, CHUNK_BACK, "element", 7);
    size_t exact = list_memory(v, 0);
    assert_in_range(list_memory(v, 2000), exact * 9 / 10, exact * 11 / 10);
    list_free(v);
}

// ---- against the model --------------------------------------------------------------------------

// A random element: short and long texts, numbers, some often.
static size_t random_element(char *out)
{
    size_t kind = below(20), len;

    if (kind < 6)
        return str_format_i64((int64_t)below(5), out);
    if (kind < 10)
        return str_format_i64((int64_t)rng_next(&fixture.rng) >> below(63), out);
    if (kind < 18)
        len = below(30);
    else
        len = kind == 18 ? 230 + below(30) : below(LONGEST);
    memset(out, (int)('a' + below(3)), len);
    return len;
}

static void do_push(struct value v, const char *data, size_t len)
{
    enum chunk_side side = below(2) ? CHUNK_FRONT : CHUNK_BACK;
    push(v, side, data, len);
    model_insert(side == CHUNK_FRONT ? 0 : model.n, data, len);
}

static void do_drop(struct value v)
{
    enum chunk_side side = below(2) ? CHUNK_FRONT : CHUNK_BACK;
    size_t n = below(20) ? below(3) : below(model.n + 1);
    struct chunk_element element;

    n = n < model.n ? n : model.n;
    if (model.n > 0) {
        list_end(v, side, &element);
        assert_element(&element, side == CHUNK_FRONT ? 0 : model.n - 1);
    }
    list_drop(CTX, v, side, n);
    while (n-- > 0)
        model_remove(side == CHUNK_FRONT ? 0 : model.n - 1);
}

// Goes to a random element, from either direction.
static size_t go_somewhere(struct list_iter *it, struct value v)
{
    size_t i = below(model.n);
    list_iter_init(it, v, i, below(2));
    assert_true(list_iter_next(it));
    assert_int_equal(it->index, i);
    assert_element(&it->element, i);
    return i;
}

static void do_insert(struct value v, const char *data, size_t len)
{
    struct list_iter it;
    bool after = below(2);
    size_t i = go_somewhere(&it, v);
    assert_int_equal(list_insert(CTX, v, &it, after, data, len), STATUS_OK);
    model_insert(i + after, data, len);
}

static void do_replace(struct value v, const char *data, size_t len)
{
    struct list_iter it;
    size_t i = go_somewhere(&it, v);
    assert_int_equal(list_replace(CTX, v, &it, data, len), STATUS_OK);
    model_remove(i);
    model_insert(i, data, len);
}

static size_t model_sweep(const char *data, size_t len, bool backwards, size_t most)
{
    size_t removed = 0;
    for (size_t i = backwards ? model.n : 0; removed < most && (backwards ? i > 0 : i < model.n);) {
        if (backwards)
            i--;
        if (model_is(i, data, len)) {
            model_remove(i);
            removed++;
        } else if (!backwards) {
            i++;
        }
    }
    return removed;
}

static void do_sweep(struct value v, const char *data, size_t len)
{
    bool backwards = below(2);
    size_t most = below(2) ? SIZE_MAX : 1 + below(4), looked;
    struct chunk_item item;
    struct list_iter it;
    struct list_sweep s;

    chunk_item(&item, data, len);
    list_iter_init(&it, v, backwards ? model.n - 1 : 0, backwards);
    size_t expected = model_sweep(data, len, backwards, most);
    assert_int_equal(list_iter_seek(&it, &item, SIZE_MAX, &looked), expected > 0);
    if (expected == 0)
        return;
    mem_fail_after(0);
    list_sweep_init(&s, CTX, &it, &item, most);
    while (list_sweep_step(&s, &looked))
        assert_true(looked > 0);
    assert_int_equal(list_sweep_end(&s), expected);
    mem_fail_after(-1);
}

static void do_something(struct value v)
{
    static char text[LONGEST + 1];
    size_t len = random_element(text), op = below(100);

    if (model.n == 0 || (op < 40 && model.n < MODEL_MAX - 1))
        do_push(v, text, len);
    else if (op < 65)
        do_drop(v);
    else if (op < 80 && model.n < MODEL_MAX - 1)
        do_insert(v, text, len);
    else if (op < 95)
        do_replace(v, text, len);
    else
        do_sweep(v, text, len);
}

static void test_list_does_what_the_model_does(void **state)
{
    (void)state;
    static const int fills[] = {-2, -1, -5, 1, 2, 5, 50};
    for (size_t f = 0; f < sizeof fills / sizeof *fills; f++) {
        struct value v = new_list(), copy;
        set_fill(fills[f]);
        for (int i = 0; i < 3000; i++) {
            do_something(v);
            assert_sound(v);
            if (i % 20 == 0)
                assert_contents(v);
        }
        assert_int_equal(list_copy(CTX, v, &copy), STATUS_OK);
        list_free(v);
        assert_sound(copy);
        assert_contents(copy);
        list_free(copy);
        model_clear();
    }
}

// Grows to thousands of elements, changes, and empties from both sides: many chunks come and go.
static void test_list_of_many_chunks_does_what_the_model_does(void **state)
{
    (void)state;
    static char text[LONGEST + 1];
    static const int fills[] = {-1, 3, 40};
    for (size_t f = 0; f < sizeof fills / sizeof *fills; f++) {
        struct value v = new_list();
        set_fill(fills[f]);
        while (model.n < 3000)
            do_push(v, text, random_element(text) % 40);
        assert_sound(v);
        for (int i = 0; i < 600; i++) {
            size_t len = random_element(text);
            if (i % 2)
                do_insert(v, text, len);
            else if (i % 50 == 0)
                do_sweep(v, text, len);
            else
                do_replace(v, text, len);
            assert_sound(v);
        }
        assert_contents(v);
        set_fill(-2); // a limit that changes while the list is there
        while (model.n > 0) {
            do_drop(v);
            assert_sound(v);
            if (model.n % 64 == 0)
                assert_contents(v);
        }
        assert_int_equal(list_count(v), 0);
        list_free(v);
    }
}

static void test_list_sweeps_everything(void **state)
{
    (void)state;
    for (int kept = 0; kept < 3; kept++) {
        struct value v = new_list();
        set_fill(-1);
        for (int i = 0; i < 3900; i++) {
            char text[32];
            bool stays = kept && i % (kept == 1 ? 10 : 1300) == 7;
            size_t len = stays ? (size_t)snprintf(text, sizeof text, "kept %d", i)
                               : (size_t)snprintf(text, sizeof text, "gone, every one of them");
            push(v, CHUNK_BACK, text, len);
            model_insert(model.n, text, len);
        }
        struct chunk_item item;
        struct list_iter it;
        struct list_sweep s;
        size_t looked;
        chunk_item(&item, "gone, every one of them", 23);
        list_iter_init(&it, v, kept == 2 ? model.n - 1 : 0, kept == 2);
        assert_true(list_iter_seek(&it, &item, 1, &looked));
        list_sweep_init(&s, CTX, &it, &item, SIZE_MAX);
        while (list_sweep_step(&s, &looked))
            assert_true(looked < 200); // one chunk at a time
        assert_int_equal(list_sweep_end(&s),
                         model_sweep("gone, every one of them", 23, false, SIZE_MAX));
        assert_sound(v);
        assert_contents(v);
        assert_true(list_chunks(inside(v)) <= 4); // small neighbours were put together
        list_free(v);
        model_clear();
    }
}

// ---- without memory
// ------------------------------------------------------------------------------

// One operation that needs memory; the status instead of an assertion.
static enum status try_change(struct value v, int op, const char *data, size_t len, size_t i)
{
    struct list_iter it;
    struct value copy;
    enum status status;

    if (op < 2)
        return list_push(CTX, v, op ? CHUNK_FRONT : CHUNK_BACK, data, len);
    if (op == 4) {
        status = list_copy(CTX, v, &copy);
        if (status == STATUS_OK)
            list_free(copy);
        return status;
    }
    list_iter_init(&it, v, i, false);
    assert_true(list_iter_next(&it));
    if (op == 2)
        return list_insert(CTX, v, &it, false, data, len);
    return list_replace(CTX, v, &it, data, len);
}

static void do_to_model(int op, const char *data, size_t len, size_t i)
{
    if (op == 3)
        model_remove(i);
    if (op < 4)
        model_insert(op == 0 ? model.n : op == 1 ? 0 : i, data, len);
}

static void test_list_changes_nothing_without_memory(void **state)
{
    (void)state;
    static char text[LONGEST + 1];
    static const int fills[] = {-1, 2, 20};
    int failures = 0;
    for (size_t f = 0; f < sizeof fills / sizeof *fills; f++) {
        struct value v = new_list();
        set_fill(fills[f]);
        for (int i = 0; i < 40; i++)
            do_push(v, text, random_element(text) % 300);
        for (int n = 0; n < 500; n++) {
            int op = (int)below(5);
            size_t len = random_element(text), i = below(model.n);
            enum status status = STATUS_NO_MEMORY;
            for (long allocations = 0; status == STATUS_NO_MEMORY; allocations++) {
                mem_fail_after(allocations);
                status = try_change(v, op, text, len, i);
                mem_fail_after(-1);
                failures += status != STATUS_OK;
                assert_sound(v);
                if (status != STATUS_OK)
                    assert_contents(v);
            }
            assert_int_equal(status, STATUS_OK);
            do_to_model(op, text, len, i);
        }
        assert_contents(v);
        list_free(v);
        model_clear();
    }
    assert_true(failures > 500);
    struct value none;
    mem_fail_after(1);
    assert_int_equal(list_new(CTX, 100, CHUNK_BACK, &none), STATUS_NO_MEMORY);
    mem_fail_after(-1);
}

static void test_list_removes_without_memory(void **state)
{
    (void)state;
    static char text[LONGEST + 1];
    struct value v = new_list();
    for (int i = 0; i < 2000; i++)
        do_push(v, text, random_element(text) % 50);
    mem_fail_after(0);
    while (model.n > 0) {
        do_drop(v);
        assert_sound(v);
    }
    mem_fail_after(-1);
    list_free(v);
}

static void test_list_refuses_elements_beyond_all_bounds(void **state)
{
    (void)state;
    struct value v = new_list();
    struct list_iter it;
    push(v, CHUNK_BACK, "a", 1);
    list_iter_init(&it, v, 0, false);
    assert_true(list_iter_next(&it));
    // The bytes are not looked at.
    assert_int_equal(list_push(CTX, v, CHUNK_BACK, "x", CHUNK_ELEMENT_MAX + 1), STATUS_TOO_LONG);
    assert_int_equal(list_insert(CTX, v, &it, true, "x", CHUNK_ELEMENT_MAX + 1), STATUS_TOO_LONG);
    assert_int_equal(list_replace(CTX, v, &it, "x", CHUNK_ELEMENT_MAX + 1), STATUS_TOO_LONG);
    assert_int_equal(list_count(v), 1);
    list_free(v);
}

// ---- as a value
// ------------------------------------------------------------------------------------

static void test_list_as_a_value(void **state)
{
    (void)state;
    struct value v = new_list(), copy, same;
    for (int i = 0; i < 5000; i++)
        push(v, CHUNK_BACK, "element", 7);
    assert_true(value_is_object(v));
    assert_int_equal(value_type(v), TYPE_LIST);
    assert_string_equal(value_type_name(v), "list");
    assert_string_equal(value_encoding(v), "quicklist");
    assert_int_equal(value_weight(v), 5000);
    assert_int_equal(value_expires_at(v), NO_EXPIRE);
    assert_int_equal(value_set_expire(CTX, v, 70, &same), STATUS_OK);
    assert_true(same.bits == v.bits);
    assert_int_equal(value_copy(CTX, v, &copy), STATUS_OK);
    assert_int_equal(value_expires_at(copy), 70);
    assert_int_equal(value_weight(copy), 5000);
    assert_int_equal(value_prefetch(v, "x", 1), 0);
    assert_true(value_memory(v, 0) > 40000);

    type_fixture_drain(&fixture);
    size_t before = epoch_pending_bytes(fixture.domain);
    value_retire(CTX, v);
    assert_in_range(epoch_pending_bytes(fixture.domain), before + 40000, before + 60000);
    type_fixture_drain(&fixture);
    assert_int_equal(epoch_pending_bytes(fixture.domain), before);
    value_free(copy);
    value_free(new_list());
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, open_fixture, close_fixture)
    const struct CMUnitTest tests[] = {
        TEST(test_list_numbers_are_stored_as_such),
        TEST(test_list_other_texts_stay_texts),
        TEST(test_list_long_texts),
        TEST(test_list_equal_elements_are_found_however_they_came),
        TEST(test_list_chunks_have_a_limit),
        TEST(test_list_large_elements_have_chunks_of_their_own),
        TEST(test_list_short_lists_have_little_room),
        TEST(test_list_expected_bytes_spare_copies),
        TEST(test_list_queue_stays_small),
        TEST(test_list_gives_memory_back),
        TEST(test_list_memory_is_estimated_from_samples),
        TEST(test_list_does_what_the_model_does),
        TEST(test_list_of_many_chunks_does_what_the_model_does),
        TEST(test_list_sweeps_everything),
        TEST(test_list_changes_nothing_without_memory),
        TEST(test_list_removes_without_memory),
        TEST(test_list_refuses_elements_beyond_all_bounds),
        TEST(test_list_as_a_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
