// SPDX-License-Identifier: MIT
//
// Packed blobs against an array of records: one and two texts a record, with and without a head,
// with keys that are names, every kind of change at every place, and what readers saw before a
// change stays as it was.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "datatypes/mem.h"
#include "datatypes/names.h"
#include "datatypes/packed.h"
#include "datatypes/rng.h"

enum { MOST = 60, TEXT_CHARS = 600 };

// Sanitizers make everything ten times slower.
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
enum { ROUNDS = 1 };
#else
enum { ROUNDS = 5 };
#endif

// What a blob should hold, in its order.
struct model {
    const struct packed_layout *layout;
    size_t count, nbytes;
    struct packed_text records[MOST][PACKED_MAX_WIDTH];
};

static const struct packed_layout layouts[] = {{0, 1, false},  {0, 2, false},  {16, 1, false},
                                               {16, 2, false}, {48, 2, false}, {0, 1, true},
                                               {16, 2, true}};
enum { LAYOUTS = sizeof layouts / sizeof *layouts };

static struct rng rng;
static char letters[TEXT_CHARS];

static int setup(void **state)
{
    (void)state;
    rng_seed(&rng, 21);
    for (size_t i = 0; i < sizeof letters; i++)
        letters[i] = (char)('a' + i % 26);
    return 0;
}

// A text of a random length, often one about which the form of the length changes.
static struct packed_text random_text(void)
{
    static const size_t edges[] = {0, 1, 253, 254, 255, 256, 500};
    size_t len = rng_below(&rng, 3) ? rng_below(&rng, 20) : edges[rng_below(&rng, 7)];
    return (struct packed_text){.data = letters + rng_below(&rng, 26), .len = len};
}

// Keys begin with their number, so that each is there once. Of every four one is as long as the
// form of the length changes, and one a name, in layouts that have them; one more has become a name
// but is written out all the same.
static struct packed_text key_text(const struct packed_layout *layout, size_t n)
{
    static const size_t edges[] = {239, 240, 253, 254, 255, 256};
    static char keys[1000][300];
    struct packed_text key = {.data = keys[n], .len = (size_t)sprintf(keys[n], "k%zu", n)};

    if (n % 4 == 0) {
        memset(keys[n] + key.len, '.', sizeof keys[n] - key.len);
        key.len = edges[n / 4 % (sizeof edges / sizeof *edges)];
    }
    for (int i = 0; n % 4 >= 2 && i < 100 && name_find(key.data, key.len) == NAME_NONE; i++)
        (void)name_meet(key.data, key.len);
    if (layout->names && n % 4 == 2)
        key.name = (unsigned)(name_find(key.data, key.len) - NAME_NONE);
    return key;
}

static void check_text(struct packed_text text, struct packed_text want)
{
    assert_int_equal(text.len, want.len);
    assert_memory_equal(text.data, want.data, want.len);
}

// The blob holds what the model says, by every way of looking.
static void check(const struct model *m, const struct packed_blob *p)
{
    static const struct packed_text nothing = {.data = "nothing", .len = 7};
    struct packed_text record[PACKED_MAX_WIDTH];
    struct packed_view view;
    struct packed_place place;
    size_t at = 0;

    view = packed_blob_view(p);
    assert_int_equal(view.count, m->count);
    assert_int_equal(view.nbytes, m->nbytes);
    for (size_t i = 0; i < m->count; i++) {
        size_t next = packed_next(m->layout, &view, at, record);
        for (unsigned t = 0; t < m->layout->width; t++)
            check_text(record[t], m->records[i][t]);
        assert_int_equal(record[0].name, m->records[i][0].name);
        assert_int_equal(next - at, packed_record_size(m->layout, record));

        place = packed_at(m->layout, &view, i, record);
        assert_int_equal(place.from, at);
        assert_int_equal(place.to, next);
        place = (struct packed_place){0, 0};
        assert_true(packed_find(m->layout, &view, &m->records[i][0], &place));
        assert_int_equal(place.from, at);
        assert_int_equal(place.to, next);
        struct packed_text unnamed = {.data = record[0].data, .len = record[0].len};
        assert_true(packed_find(m->layout, &view, &unnamed, &place));
        assert_int_equal(place.from, at);
        at = next;
    }
    assert_int_equal(at, view.nbytes);
    assert_false(packed_find(m->layout, &view, &nothing, &place));
}

static void model_splice(struct model *m, size_t i, bool cut, const struct packed_text *record)
{
    size_t gone = cut ? packed_record_size(m->layout, m->records[i]) : 0;

    if (cut && !record)
        memmove(&m->records[i], &m->records[i + 1], (m->count - i - 1) * sizeof m->records[0]);
    else if (!cut)
        memmove(&m->records[i + 1], &m->records[i], (m->count - i) * sizeof m->records[0]);
    if (record)
        memcpy(m->records[i], record, m->layout->width * sizeof *record);
    m->count = m->count + (record != NULL) - cut;
    m->nbytes = m->nbytes + (record ? packed_record_size(m->layout, record) : 0) - gone;
}

static void free_blob(const struct packed_layout *layout, struct packed_blob *p)
{
    mem_free(packed_blob_block(p, layout->head));
}

// One random change; the blob before it is checked to be as it was, and freed if it is another one.
static struct packed_blob *change(struct model *m, struct packed_blob *p, size_t *next_key)
{
    struct packed_text record[2] = {key_text(m->layout, *next_key), random_text()};
    struct packed_text unused[PACKED_MAX_WIDTH];
    struct model before = *m;
    struct packed_view view;
    struct packed_blob *now;
    size_t op = rng_below(&rng, 5), i = m->count ? rng_below(&rng, m->count) : 0;

    view = packed_blob_view(p);
    if (m->count == 0 || (op < 2 && m->count < MOST)) {
        now = packed_add(m->layout, p, record);
        model_splice(m, m->count, false, record);
        ++*next_key;
    } else {
        struct packed_place place = packed_at(m->layout, &view, i, unused);
        bool cut = op != 2, put = op != 3 && (cut || m->count < MOST);
        if (!cut)
            place.to = place.from;
        now = packed_replace(m->layout, p, place, put ? record : NULL);
        assert_true(now != p);
        if (cut || put)
            model_splice(m, i, cut, put ? record : NULL);
        *next_key += put;
    }
    assert_non_null(now);
    check(m, now);
    if (now != p) {
        check(&before, p);
        free_blob(m->layout, p);
    }
    return now;
}

static void test_packed_matches_a_model(void **state)
{
    (void)state;
    for (size_t l = 0; l < LAYOUTS; l++) {
        for (int round = 0; round < ROUNDS; round++) {
            static struct model m;
            size_t next_key = 0;
            m = (struct model){.layout = &layouts[l]};
            struct packed_blob *p = packed_blob_new(m.layout->head, rng_below(&rng, 100));
            assert_non_null(p);
            check(&m, p);
            while (next_key < 900)
                p = change(&m, p, &next_key);
            struct packed_blob *copy = packed_blob_copy(p, m.layout->head);
            free_blob(m.layout, p);
            check(&m, copy);
            free_blob(m.layout, copy);
        }
    }
}

// Within its room a blob grows in place, and the bytes that were there do not move.
static void test_packed_adds_in_place(void **state)
{
    (void)state;
    struct packed_text record[2] = {{.data = letters, .len = 300}, {.data = "value", .len = 5}};
    size_t nbytes = packed_record_size(&layouts[3], record);
    struct packed_blob *p = packed_blob_new(layouts[3].head, 10 * nbytes);
    struct packed_view first, last;

    first = packed_blob_view(p);
    for (int i = 0; i < 10; i++) {
        struct packed_text numbered[2] = {key_text(&layouts[3], (size_t)i), record[1]};
        assert_ptr_equal(packed_add(&layouts[3], p, numbered), p);
    }
    last = packed_blob_view(p);
    assert_ptr_equal(first.data, last.data);
    assert_int_equal(last.count, 10);

    struct packed_blob *roomy = packed_blob_grown(p, layouts[3].head, 100 * nbytes);
    free_blob(&layouts[3], p);
    for (int i = 10; i < 100; i++) {
        struct packed_text numbered[2] = {key_text(&layouts[3], (size_t)i), record[1]};
        packed_push(&layouts[3], roomy, numbered);
    }
    last = packed_blob_view(roomy);
    assert_int_equal(last.count, 100);
    free_blob(&layouts[3], roomy);
}

static void test_packed_leaves_the_head_alone(void **state)
{
    (void)state;
    struct packed_text record[2] = {{.data = "f", .len = 1}, {.data = "v", .len = 1}};
    struct packed_blob *p = packed_blob_new(layouts[4].head, 100);

    memset(packed_blob_block(p, layouts[4].head), 0x5a, 48);
    packed_push(&layouts[4], p, record);
    for (int i = 0; i < 48; i++)
        assert_int_equal(((unsigned char *)packed_blob_block(p, layouts[4].head))[i], 0x5a);
    free_blob(&layouts[4], p);
}

static void test_packed_without_memory(void **state)
{
    (void)state;
    struct packed_text record[2] = {{.data = "field", .len = 5}, {.data = letters, .len = 500}};
    struct packed_blob *p = packed_blob_new(layouts[1].head, 1);
    struct packed_view view;

    mem_fail_after(0);
    assert_null(packed_blob_new(layouts[1].head, 1));
    assert_null(packed_add(&layouts[1], p, record));
    assert_null(packed_replace(&layouts[1], p, (struct packed_place){0, 0}, record));
    assert_null(packed_blob_copy(p, layouts[1].head));
    mem_fail_after(-1);
    view = packed_blob_view(p);
    assert_int_equal(view.count, 0);
    free_blob(&layouts[1], p);
}

// A blob with room to spare gets a block that fits, its head with it; one that fits stays.
static void test_packed_gives_room_back(void **state)
{
    (void)state;
    const struct packed_layout *layout = &layouts[6];
    struct packed_text record[2] = {{.data = "field", .len = 5}, {.data = "value", .len = 5}};
    struct packed_blob *p = packed_blob_new(layout->head, 1000), *fitting;

    assert_non_null(p);
    memset(packed_blob_block(p, layout->head), 0x5a, layout->head);
    packed_push(layout, p, record);
    mem_fail_after(0);
    assert_ptr_equal(packed_fit(layout, p), p);
    mem_fail_after(-1);
    fitting = packed_fit(layout, p);
    assert_true(fitting->cap < 100);
    assert_int_equal(*(unsigned char *)packed_blob_block(fitting, layout->head), 0x5a);
    assert_int_equal(packed_blob_view(fitting).count, 1);
    assert_true(packed_find(layout, &(struct packed_view){fitting->data, 12, 1}, &record[0], NULL));
    assert_ptr_equal(packed_fit(layout, fitting), fitting);
    free_blob(layout, fitting);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_packed_matches_a_model),
        cmocka_unit_test(test_packed_adds_in_place),
        cmocka_unit_test(test_packed_leaves_the_head_alone),
        cmocka_unit_test(test_packed_without_memory),
        cmocka_unit_test(test_packed_gives_room_back),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
