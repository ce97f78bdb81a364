// SPDX-License-Identifier: MIT
//
// The value word: kinds and names, expire times, copies, and the write section of collections.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "datatypes/hash.h"
#include "datatypes/mem.h"
#include "datatypes/set.h"
#include "datatypes/str.h"
#include "tests/lib/type_fixture.h"

static struct type_fixture fixture;
#define CTX (&fixture.ctx)

static int open_fixture(void **state)
{
    (void)state;
    type_fixture_open(&fixture, 12);
    return 0;
}

static int close_fixture(void **state)
{
    (void)state;
    type_fixture_close(&fixture);
    return 0;
}

static struct value make_str(const char *text)
{
    struct value v;
    assert_int_equal(str_new(text, strlen(text), NO_EXPIRE, &v), STATUS_OK);
    return v;
}

static struct value make_set(const char *prefix, int members)
{
    struct value v;
    assert_int_equal(set_new(CTX, NULL, 0, 0, &v), STATUS_OK);
    for (int i = 0; i < members; i++) {
        char member[32];
        size_t len = strlen(prefix);
        bool added;
        memcpy(member, prefix, len);
        len += str_format_i64(i, member + len);
        assert_int_equal(set_add(CTX, v, member, len, &added), STATUS_OK);
        assert_true(added);
    }
    return v;
}

static struct value make_hash(int fields)
{
    struct value v = VALUE_ABSENT, now;
    for (int i = 0; i < fields; i++) {
        char field[STR_I64_MAX];
        struct hash_pair pair = {field, str_format_i64(i, field), "value", 5};
        bool added;
        assert_int_equal(hash_set(CTX, v, &pair, &now, &added), STATUS_OK);
        if (now.bits != v.bits && !value_is_none(v))
            value_free(v);
        v = now;
    }
    return v;
}

static void test_value_absent_is_nothing(void **state)
{
    (void)state;
    assert_true(value_is_none(VALUE_ABSENT));
    assert_int_equal(value_type(VALUE_ABSENT), TYPE_NONE);
    assert_string_equal(value_type_name(VALUE_ABSENT), "none");
    assert_int_equal(value_expires_at(VALUE_ABSENT), NO_EXPIRE);
    assert_false(value_expired(VALUE_ABSENT, INT64_MAX));
    assert_int_equal(value_memory(VALUE_ABSENT, 0), 0);
    value_free(VALUE_ABSENT);
    value_retire(CTX, VALUE_ABSENT);
}

static void test_value_names_its_type(void **state)
{
    (void)state;
    static const char *const texts[] = {"12", "tiny", "a text of more than seven bytes"};
    for (size_t i = 0; i < 3; i++) {
        struct value v = make_str(texts[i]);
        assert_false(value_is_none(v));
        assert_true(value_is_string(v));
        assert_false(value_is_object(v));
        assert_int_equal(value_type(v), TYPE_STRING);
        assert_string_equal(value_type_name(v), "string");
        assert_int_equal(value_weight(v), 1);
        value_free(v);
    }
    struct value set = make_set("m", 3);
    assert_true(value_is_object(set));
    assert_false(value_is_string(set));
    assert_string_equal(value_type_name(set), "set");
    assert_string_equal(value_encoding(set), "hashtable");
    assert_int_equal(value_weight(set), 3);
    value_free(set);
    for (int packed = 0; packed < 2; packed++) {
        struct value hash = make_hash(packed ? 3 : 600);
        assert_int_equal(value_kind(hash), packed ? VALUE_HASH_PACKED : VALUE_HASH);
        assert_true(value_is_object(hash));
        assert_false(value_is_string(hash));
        assert_string_equal(value_type_name(hash), "hash");
        assert_string_equal(value_encoding(hash), packed ? "listpack" : "hashtable");
        assert_int_equal(value_weight(hash), packed ? 3 : 600);
        value_free(hash);
    }
}

static void test_value_expire_time_keeps_the_text(void **state)
{
    (void)state;
    static const char *const texts[] = {"12", "tiny", "01", "a text of more than seven bytes",
                                        "9223372036854775807"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct value plain = make_str(texts[i]), timed, same;
        assert_int_equal(value_set_expire(CTX, plain, NO_EXPIRE, &same), STATUS_OK);
        assert_true(same.bits == plain.bits);
        assert_int_equal(value_set_expire(CTX, plain, 1000, &timed), STATUS_OK);
        assert_true(timed.bits != plain.bits);
        assert_string_equal(value_encoding(timed), value_encoding(plain));

        assert_false(value_expired(plain, INT64_MAX));
        assert_false(value_expired(timed, 999));
        assert_true(value_expired(timed, 1000));
        assert_int_equal(value_set_expire(CTX, timed, 2000, &same), STATUS_OK);
        assert_true(same.bits == timed.bits); // in place from the second time on
        assert_int_equal(value_expires_at(timed), 2000);
        assert_int_equal(value_set_expire(CTX, timed, NO_EXPIRE, &same), STATUS_OK);
        assert_true(same.bits == timed.bits);
        assert_false(value_expired(timed, INT64_MAX));

        struct str_view view;
        str_view(timed, &view);
        assert_int_equal(view.len, strlen(texts[i]));
        assert_memory_equal(view.data, texts[i], view.len);
        value_free(plain);
        value_free(timed);
    }
}

static void test_value_expire_time_of_long_strings_is_in_place(void **state)
{
    (void)state;
    char text[1024];
    memset(text, 'a', sizeof text);
    struct value v, same;
    assert_int_equal(str_new(text, sizeof text, NO_EXPIRE, &v), STATUS_OK);
    assert_false(value_expired(v, INT64_MAX));
    mem_fail_after(0);
    enum status status = value_set_expire(CTX, v, 50, &same);
    mem_fail_after(-1);
    assert_int_equal(status, STATUS_OK);
    assert_true(same.bits == v.bits);
    assert_true(value_expired(v, 50));
    value_free(v);
}

static void test_value_expire_time_without_memory(void **state)
{
    (void)state;
    struct value v = make_str("5"), out = VALUE_ABSENT;
    mem_fail_after(0);
    enum status status = value_set_expire(CTX, v, 50, &out);
    mem_fail_after(-1);
    assert_int_equal(status, STATUS_NO_MEMORY);
    assert_true(value_is_none(out));
    assert_int_equal(value_expires_at(v), NO_EXPIRE);
}

static void test_value_expire_time_of_a_set(void **state)
{
    (void)state;
    struct value set = make_set("", 5), same, copy;
    assert_int_equal(value_expires_at(set), NO_EXPIRE);
    assert_int_equal(value_set_expire(CTX, set, 70, &same), STATUS_OK);
    assert_true(same.bits == set.bits);
    assert_true(value_expired(set, 70));
    assert_false(value_expired(set, 69));
    assert_int_equal(value_copy(CTX, set, &copy), STATUS_OK);
    assert_int_equal(value_expires_at(copy), 70);
    assert_int_equal(value_set_expire(CTX, set, NO_EXPIRE, &same), STATUS_OK);
    assert_false(value_expired(set, INT64_MAX));
    value_free(set);
    value_free(copy);
}

static void test_value_copy_shares_nothing(void **state)
{
    (void)state;
    static const int sizes[] = {3, 100, 1000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        for (int strings = 0; strings < 2; strings++) {
            struct value set = make_set(strings ? "member:" : "", sizes[i]), copy;
            assert_int_equal(value_copy(CTX, set, &copy), STATUS_OK);
            assert_string_equal(value_encoding(copy), value_encoding(set));
            value_free(set);
            assert_int_equal(set_count(copy), sizes[i]);
            const char *first = strings ? "member:0" : "0";
            assert_true(set_contains(CTX, copy, first, strlen(first)));
            value_retire(CTX, copy);
        }
    }
}

static void test_value_copy_of_a_hash(void **state)
{
    (void)state;
    for (int fields = 3; fields < 1000; fields += 900) {
        struct value hash = make_hash(fields), copy, timed;
        const char *value;
        size_t nvalue;
        assert_int_equal(value_set_expire(CTX, hash, 70, &timed), STATUS_OK);
        assert_true(timed.bits == hash.bits);
        assert_true(value_expired(hash, 70));
        assert_int_equal(value_copy(CTX, hash, &copy), STATUS_OK);
        assert_string_equal(value_encoding(copy), value_encoding(hash));
        value_free(hash);
        assert_int_equal(value_expires_at(copy), 70);
        assert_int_equal(hash_count(copy), fields);
        assert_true(hash_get(copy, "2", 1, &value, &nvalue));
        assert_int_equal(nvalue, 5);
        value_retire(CTX, copy);
    }
}

static void test_value_write_section_makes_seq_odd(void **state)
{
    (void)state;
    struct value set = make_set("", 1);
    struct object *o = value_object(set);
    uint64_t before = atomic_load_explicit(&o->seq, memory_order_relaxed);
    assert_int_equal(before % 2, 0);
    object_write_end(o); // outside a section: no change
    assert_int_equal(atomic_load_explicit(&o->seq, memory_order_relaxed), before);
    object_write_begin(o);
    assert_int_equal(atomic_load_explicit(&o->seq, memory_order_relaxed), before + 1);
    object_write_begin(o); // inside one: no change
    assert_int_equal(atomic_load_explicit(&o->seq, memory_order_relaxed), before + 1);
    object_write_end(o);
    assert_int_equal(atomic_load_explicit(&o->seq, memory_order_relaxed), before + 2);
    value_free(set);
}

static void test_value_retired_memory_is_freed(void **state)
{
    (void)state;
    type_fixture_drain(&fixture);
    size_t before = epoch_pending_bytes(fixture.domain);
    value_retire(CTX, make_str("a text of more than seven bytes"));
    value_retire(CTX, make_set("member:", 1000));
    value_retire(CTX, make_hash(1000));
    value_retire(CTX, make_hash(5));
    assert_true(epoch_pending_bytes(fixture.domain) > before + 2 * 1000 * 8);
    type_fixture_drain(&fixture);
    assert_int_equal(epoch_pending_bytes(fixture.domain), before);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, open_fixture, close_fixture)
    const struct CMUnitTest tests[] = {
        TEST(test_value_absent_is_nothing),
        TEST(test_value_names_its_type),
        TEST(test_value_expire_time_keeps_the_text),
        TEST(test_value_expire_time_of_long_strings_is_in_place),
        TEST(test_value_expire_time_without_memory),
        TEST(test_value_expire_time_of_a_set),
        TEST(test_value_copy_shares_nothing),
        TEST(test_value_copy_of_a_hash),
        TEST(test_value_write_section_makes_seq_odd),
        TEST(test_value_retired_memory_is_freed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
