// SPDX-License-Identifier: MIT
//
// List commands over the wire: every command, option and error, short lists and such of many
// chunks.
#include "tests/lib/wire.h"

#include <stdio.h>
#include <string.h>

#define WRONGTYPE "-WRONGTYPE Operation against a key holding the wrong kind of value"
#define NOT_INT   "-ERR value is not an integer or out of range"
#define NOT_COUNT "-ERR value is out of range, must be positive"
#define SYNTAX    "-ERR syntax error"
#define NO_RANK                                                                                    \
    "-ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use "  \
    "negative to start from the end of the list"

#define ARITY(name) "-ERR wrong number of arguments for '" name "' command"

#define MAX_I64 "9223372036854775807"
#define MIN_I64 "-9223372036854775808"

enum { BATCH = 500, NAME_CHARS = 32 };

// Pushes format(from) .. format(to - 1) to the back of a list; the format has one %d.
static void fill(struct wire *w, const char *key, const char *format, int from, int to)
{
    static char names[BATCH][NAME_CHARS];
    struct bytes args[2 + BATCH] = {BYTES("RPUSH"), bytes_of(key)};

    while (from < to) {
        int n = 0;
        for (; n < BATCH && from < to; n++, from++) {
            snprintf(names[n], sizeof names[n], format, from);
            args[2 + n] = bytes_of(names[n]);
        }
        wire_send_argv(w, 2 + n, args);
        assert_int_equal(wire_reply(w)[0], ':');
    }
}

// ---- pushing and popping
// --------------------------------------------------------------------------

static void test_push(void **state)
{
    struct wire *w = *state;

    expect(w, ":0", "LLEN l");
    expect(w, ":1", "RPUSH l b");
    expect(w, ":2", "LPUSH l a");
    expect(w, ":5", "RPUSH l c d e");
    expect(w, ":8", "LPUSH l 1 2 3");
    expect(w, "[\"3\" \"2\" \"1\" \"a\" \"b\" \"c\" \"d\" \"e\"]", "LRANGE l 0 -1");
    expect(w, ":8", "LLEN l");
    expect(w, "list", "TYPE l");
    expect(w, "\"quicklist\"", "OBJECT ENCODING l");
    expect(w, ":3", "LPUSH new a b c");
    expect(w, "[\"c\" \"b\" \"a\"]", "LRANGE new 0 -1");
    expect(w, "OK", "SET str x");
    expect(w, WRONGTYPE, "LPUSH str a");
    expect(w, WRONGTYPE, "RPUSH str a b");
    expect(w, WRONGTYPE, "LLEN str");
    expect(w, ARITY("lpush"), "LPUSH l");
    expect(w, ARITY("rpush"), "RPUSH l");
    expect(w, ARITY("llen"), "LLEN");
    expect(w, ARITY("llen"), "LLEN l l");
}

static void test_pushx(void **state)
{
    struct wire *w = *state;

    expect(w, ":0", "LPUSHX l a");
    expect(w, ":0", "RPUSHX l a b");
    expect(w, ":0", "EXISTS l");
    expect(w, ":1", "RPUSH l m");
    expect(w, ":3", "LPUSHX l b a");
    expect(w, ":5", "RPUSHX l y z");
    expect(w, "[\"a\" \"b\" \"m\" \"y\" \"z\"]", "LRANGE l 0 -1");
    expect(w, "OK", "SET str x");
    expect(w, WRONGTYPE, "LPUSHX str a");
    expect(w, WRONGTYPE, "RPUSHX str a");
    expect(w, ARITY("lpushx"), "LPUSHX l");
    expect(w, ARITY("rpushx"), "RPUSHX l");
}

static void test_elements_are_any_bytes(void **state)
{
    struct wire *w = *state;

    expect(w, ":5", "RPUSH l '' \"\\x00\\r\\n\\xff\" 0 -1 007");
    expect(w, "[\"\" \"\\x00\\r\\n\\xff\" \"0\" \"-1\" \"007\"]", "LRANGE l 0 -1");
    expect(w, ":0", "LPOS l ''");
    expect(w, ":1", "LPOS l \"\\x00\\r\\n\\xff\"");
    expect(w, ":1", "LREM l 0 ''");
    expect(w, "\"\\x00\\r\\n\\xff\"", "LPOP l");
    expect(w, ":3", "RPUSH n " MAX_I64 " " MIN_I64 " 9223372036854775808");
    expect(w, "[\"" MAX_I64 "\" \"" MIN_I64 "\" \"9223372036854775808\"]", "LRANGE n 0 -1");
    expect(w, ":1", "LPOS n " MIN_I64);
}

static void test_pop(void **state)
{
    struct wire *w = *state;

    expect(w, "(nil)", "LPOP l");
    expect(w, "(nil)", "RPOP l");
    expect(w, ":3", "RPUSH l a b c");
    expect(w, "\"a\"", "LPOP l");
    expect(w, "\"c\"", "RPOP l");
    expect(w, "\"b\"", "RPOP l");
    expect(w, ":0", "EXISTS l");
    expect(w, "(nil)", "LPOP l");
    expect(w, ":1", "LPUSH l x");
    expect(w, "\"x\"", "LPOP l");
    expect(w, ":0", "EXISTS l");
    expect(w, "OK", "SET str x");
    expect(w, WRONGTYPE, "LPOP str");
    expect(w, WRONGTYPE, "RPOP str");
    expect(w, ARITY("lpop"), "LPOP");
    expect(w, ARITY("rpop"), "RPOP");
    expect(w, ARITY("lpop"), "LPOP l 1 2");
    expect(w, ARITY("rpop"), "RPOP str 1 2");
}

static void test_pop_count(void **state)
{
    struct wire *w = *state;

    expect(w, "(nil-array)", "LPOP l 1");
    expect(w, "(nil-array)", "RPOP l 0");
    expect(w, ":6", "RPUSH l a b c d e f");
    expect(w, "[]", "LPOP l 0");
    expect(w, "[\"a\" \"b\"]", "LPOP l 2");
    expect(w, "[\"f\"]", "RPOP l 1");
    expect(w, "[\"e\" \"d\"]", "RPOP l 2");
    expect(w, "[\"c\"]", "RPOP l " MAX_I64);
    expect(w, ":0", "EXISTS l");
    expect(w, NOT_COUNT, "LPOP l -1");
    expect(w, NOT_COUNT, "RPOP l x");
    expect(w, NOT_COUNT, "LPOP l 9223372036854775808");
    expect(w, NOT_COUNT, "LPOP l " MIN_I64);
    expect(w, "OK", "SET str x");
    expect(w, NOT_COUNT, "LPOP str -1");
    expect(w, WRONGTYPE, "LPOP str 0");
    expect(w, WRONGTYPE, "RPOP str 5");
    fill(w, "long", "%d", 0, 10000);
    assert_true(strlen(wire_run(w, "LPOP long 4999")) > 4999 * 4);
    expect(w, "\"4999\"", "LPOP long");
    assert_true(strlen(wire_run(w, "RPOP long 4998")) > 4998 * 7);
    expect(w, "[\"5001\" \"5000\"]", "RPOP long 100");
    expect(w, ":0", "EXISTS long");
}

static void test_expire_time_stays(void **state)
{
    struct wire *w = *state;

    expect(w, ":3", "RPUSH l 1 2 3");
    expect(w, ":1", "PEXPIRE l 100000");
    expect(w, ":4", "LPUSH l 0");
    expect(w, "\"0\"", "LPOP l");
    expect(w, "OK", "LSET l 0 x");
    expect(w, ":4", "LINSERT l BEFORE x y");
    expect(w, ":1", "LREM l 0 x");
    expect(w, "OK", "LTRIM l 0 1");
    expect(w, "\"y\"", "LMOVE l l LEFT RIGHT");
    expect(w, "\"2\"", "LMOVE l other LEFT RIGHT");
    assert_in_range(wire_int(w, "PTTL l"), 90000, 100000);
    expect(w, ":-1", "PTTL other");
    expect(w, "\"y\"", "RPOPLPUSH l other");
    expect(w, ":-2", "PTTL l");
    expect(w, ":1", "PEXPIRE other 1");
    wait_until(wire_int(w, "EXISTS other") == 0, 5000);
    expect(w, ":0", "LLEN other");
    expect(w, "(nil)", "LPOP other");
    expect(w, ":0", "LPUSHX other x");
    expect(w, ":1", "LPUSH other x");
    expect(w, ":-1", "PTTL other");
}

// ---- looking
// ----------------------------------------------------------------------------------------

static void test_lindex(void **state)
{
    struct wire *w = *state;

    expect(w, "(nil)", "LINDEX l 0");
    expect(w, "(nil)", "LINDEX l x");
    expect(w, ":3", "RPUSH l a b c");
    expect(w, "\"a\"", "LINDEX l 0");
    expect(w, "\"c\"", "LINDEX l 2");
    expect(w, "(nil)", "LINDEX l 3");
    expect(w, "\"c\"", "LINDEX l -1");
    expect(w, "\"a\"", "LINDEX l -3");
    expect(w, "(nil)", "LINDEX l -4");
    expect(w, "(nil)", "LINDEX l " MAX_I64);
    expect(w, "(nil)", "LINDEX l " MIN_I64);
    expect(w, NOT_INT, "LINDEX l x");
    expect(w, NOT_INT, "LINDEX l 9223372036854775808");
    expect(w, "OK", "SET str x");
    expect(w, WRONGTYPE, "LINDEX str 0");
    expect(w, WRONGTYPE, "LINDEX str x");
    expect(w, ARITY("lindex"), "LINDEX l");
    fill(w, "long", "element:%d", 0, 20000);
    for (int i = 0; i < 20000; i += 777) {
        char want[NAME_CHARS];
        snprintf(want, sizeof want, "\"element:%d\"", i);
        expect(w, want, "LINDEX long %d", i);
        expect(w, want, "LINDEX long %d", i - 20000);
    }
}

static void test_lrange(void **state)
{
    struct wire *w = *state;

    expect(w, "[]", "LRANGE l 0 -1");
    expect(w, ":5", "RPUSH l a b c d e");
    expect(w, "[\"a\" \"b\" \"c\" \"d\" \"e\"]", "LRANGE l 0 -1");
    expect(w, "[\"b\" \"c\"]", "LRANGE l 1 2");
    expect(w, "[\"d\" \"e\"]", "LRANGE l -2 -1");
    expect(w, "[\"a\"]", "LRANGE l -100 0");
    expect(w, "[\"e\"]", "LRANGE l 4 100");
    expect(w, "[]", "LRANGE l 5 100");
    expect(w, "[]", "LRANGE l 3 2");
    expect(w, "[]", "LRANGE l -1 -2");
    expect(w, "[]", "LRANGE l 0 -6");
    expect(w, "[\"a\" \"b\" \"c\" \"d\" \"e\"]", "LRANGE l " MIN_I64 " " MAX_I64);
    expect(w, "[]", "LRANGE l " MAX_I64 " " MIN_I64);
    expect(w, NOT_INT, "LRANGE l x 0");
    expect(w, NOT_INT, "LRANGE l 0 1.5");
    expect(w, NOT_INT, "LRANGE none 0 x");
    expect(w, "OK", "SET str x");
    expect(w, NOT_INT, "LRANGE str 0 x");
    expect(w, WRONGTYPE, "LRANGE str 0 -1");
    expect(w, ARITY("lrange"), "LRANGE l 0");
    expect(w, ARITY("lrange"), "LRANGE l 0 1 2");
}

static void test_lrange_of_many_chunks(void **state)
{
    struct wire *w = *state;
    char want[200];

    fill(w, "long", "element:%d", 0, 20000);
    for (int i = 0; i < 19990; i += 613) {
        snprintf(want, sizeof want, "[\"element:%d\" \"element:%d\" \"element:%d\"]", i, i + 1,
                 i + 2);
        expect(w, want, "LRANGE long %d %d", i, i + 2);
        expect(w, want, "LRANGE long %d %d", i - 20000, i + 2 - 20000);
    }
    size_t len = strlen(wire_run(w, "LRANGE long 0 -1"));
    assert_int_equal(len, 1 + 20000 * 11 + 10 + 90 * 2 + 900 * 3 + 9000 * 4 + 10000 * 5);
}

static void test_lpos(void **state)
{
    struct wire *w = *state;

    expect(w, "(nil)", "LPOS l a");
    expect(w, "[]", "LPOS l a COUNT 0");
    expect(w, ":8", "RPUSH l a b c 1 2 3 c c");
    expect(w, ":2", "LPOS l c");
    expect(w, "(nil)", "LPOS l x");
    expect(w, ":2", "LPOS l c RANK 1");
    expect(w, ":6", "LPOS l c RANK 2");
    expect(w, "(nil)", "LPOS l c RANK 4");
    expect(w, ":7", "LPOS l c RANK -1");
    expect(w, ":6", "LPOS l c rank -2");
    expect(w, "(nil)", "LPOS l c RANK -4");
    expect(w, "(nil)", "LPOS l c RANK " MAX_I64);
    expect(w, "[:2 :6]", "LPOS l c COUNT 2");
    expect(w, "[:2 :6 :7]", "LPOS l c count 0");
    expect(w, "[:2 :6 :7]", "LPOS l c COUNT " MAX_I64);
    expect(w, "[:7 :6]", "LPOS l c COUNT 2 RANK -1");
    expect(w, "[:6 :2]", "LPOS l c COUNT 0 RANK -2");
    expect(w, "[]", "LPOS l x COUNT 0");
    expect(w, "[]", "LPOS l c COUNT 5 RANK 4");
    expect(w, "(nil)", "LPOS l c MAXLEN 2");
    expect(w, ":2", "LPOS l c MAXLEN 3");
    expect(w, "[:2]", "LPOS l c COUNT 0 MAXLEN 6");
    expect(w, "[:7 :6]", "LPOS l c COUNT 0 RANK -1 MAXLEN 2");
    expect(w, "[:2 :6 :7]", "LPOS l c COUNT 0 MAXLEN 0");
    expect(w, "[:2 :6 :7]", "LPOS l c COUNT 0 maxlen " MAX_I64);
    expect(w, ":3", "LPOS l 1");
    expect(w, "(nil)", "LPOS l 01");
    expect(w, "[:6 :7]", "LPOS l c RANK 9 RANK 2 COUNT 1 COUNT 0"); // the last one counts
}

static void test_lpos_errors(void **state)
{
    struct wire *w = *state;

    expect(w, ":1", "RPUSH l a");
    expect(w, NO_RANK, "LPOS l a RANK 0");
    expect(w, NO_RANK, "LPOS none a RANK 0");
    expect(w, NOT_INT, "LPOS l a RANK x");
    expect(w, "-ERR value is out of range, value must between -" MAX_I64 " and " MAX_I64,
           "LPOS l a RANK " MIN_I64);
    expect(w, "-ERR COUNT can't be negative", "LPOS l a COUNT -1");
    expect(w, "-ERR COUNT can't be negative", "LPOS l a COUNT x");
    expect(w, "-ERR MAXLEN can't be negative", "LPOS l a MAXLEN -1");
    expect(w, "-ERR MAXLEN can't be negative", "LPOS l a MAXLEN x");
    expect(w, SYNTAX, "LPOS l a RANK");
    expect(w, SYNTAX, "LPOS l a COUNT 1 MAXLEN");
    expect(w, SYNTAX, "LPOS l a WHAT 1");
    expect(w, "OK", "SET str x");
    expect(w, WRONGTYPE, "LPOS str a");
    expect(w, SYNTAX, "LPOS str a WHAT");
    expect(w, ARITY("lpos"), "LPOS l");
}

static void test_lpos_of_many_chunks(void **state)
{
    struct wire *w = *state;

    fill(w, "long", "%d", 0, 30000);
    expect(w, ":29999", "LPOS long 29999");
    expect(w, ":0", "LPOS long 0 RANK -1");
    expect(w, "OK", "LSET long 29998 0");
    expect(w, "[:0 :29998]", "LPOS long 0 COUNT 0");
    expect(w, "[:29998 :0]", "LPOS long 0 COUNT 0 RANK -1");
    expect(w, "[:0]", "LPOS long 0 COUNT 0 MAXLEN 29998");
    expect(w, "(nil)", "LPOS long 29998");
}

// ---- changing in the middle
// -----------------------------------------------------------------------

static void test_linsert(void **state)
{
    struct wire *w = *state;

    expect(w, ":0", "LINSERT l BEFORE a b");
    expect(w, ":0", "EXISTS l");
    expect(w, ":2", "RPUSH l a b");
    expect(w, ":3", "LINSERT l BEFORE a 0");
    expect(w, ":4", "LINSERT l after a 5");
    expect(w, ":5", "LINSERT l AFTER b z");
    expect(w, ":6", "LINSERT l before b ''");
    expect(w, "[\"0\" \"a\" \"5\" \"\" \"b\" \"z\"]", "LRANGE l 0 -1");
    expect(w, ":-1", "LINSERT l BEFORE nothing x");
    expect(w, ":7", "LINSERT l BEFORE 5 5");
    expect(w, ":8", "LINSERT l BEFORE 5 first");
    expect(w, "\"first\"", "LINDEX l 2");
    expect(w, SYNTAX, "LINSERT l x a b");
    expect(w, SYNTAX, "LINSERT none x a b");
    expect(w, "OK", "SET str x");
    expect(w, WRONGTYPE, "LINSERT str BEFORE a b");
    expect(w, SYNTAX, "LINSERT str x a b");
    expect(w, ARITY("linsert"), "LINSERT l BEFORE a");
}

static void test_linsert_into_full_chunks(void **state)
{
    struct wire *w = *state;

    fill(w, "long", "element:%d", 0, 5000);
    for (int i = 4999; i >= 0; i -= 3)
        assert_int_equal(
            wire_int(w, "LINSERT long %s element:%d new:%d", i % 2 ? "BEFORE" : "AFTER", i, i),
            5000 + (4999 - i) / 3 + 1);
    expect(w, "\"new:1\"", "LINDEX long 1");
    int at = 0;
    for (int i = 0; i < 5000; i++) {
        bool inserted = i % 3 == 4999 % 3;
        if (inserted && i % 2)
            at++;
        if (i % 97 == 0)
            assert_int_equal(wire_int(w, "LPOS long element:%d", i), at);
        at += 1 + (inserted && i % 2 == 0);
    }
    assert_int_equal(wire_int(w, "LLEN long"), at);
}

static void test_lset(void **state)
{
    struct wire *w = *state;

    expect(w, "-ERR no such key", "LSET l 0 x");
    expect(w, "-ERR no such key", "LSET l x x");
    expect(w, ":3", "RPUSH l a b c");
    expect(w, "OK", "LSET l 0 first");
    expect(w, "OK", "LSET l -1 1234567");
    expect(w, "OK", "LSET l 1 ''");
    expect(w, "[\"first\" \"\" \"1234567\"]", "LRANGE l 0 -1");
    expect(w, "-ERR index out of range", "LSET l 3 x");
    expect(w, "-ERR index out of range", "LSET l -4 x");
    expect(w, "-ERR index out of range", "LSET l " MAX_I64 " x");
    expect(w, "-ERR index out of range", "LSET l " MIN_I64 " x");
    expect(w, NOT_INT, "LSET l x x");
    expect(w, "OK", "SET str x");
    expect(w, WRONGTYPE, "LSET str 0 x");
    expect(w, WRONGTYPE, "LSET str x x");
    expect(w, ARITY("lset"), "LSET l 0");
}

static void test_large_elements(void **state)
{
    enum { LARGE = 100000 };
    static char large[LARGE];
    struct wire *w = *state;
    struct bytes set[] = {BYTES("LSET"), BYTES("l"), BYTES("2"), {large, LARGE}};
    struct bytes insert[] = {
        BYTES("LINSERT"), BYTES("l"), BYTES("AFTER"), BYTES("b"), {large, LARGE}};
    struct bytes find[] = {BYTES("LPOS"), BYTES("l"), {large, LARGE}, BYTES("COUNT"), BYTES("0")};
    struct bytes rem[] = {BYTES("LREM"), BYTES("l"), BYTES("-1"), {large, LARGE}};

    memset(large, 'x', LARGE);
    expect(w, ":5", "RPUSH l a b c d e");
    expect_argv(w, "OK", 4, set);
    expect(w, "\"d\"", "LINDEX l 3");
    expect_argv(w, ":6", 5, insert);
    expect_argv(w, "[:2 :3]", 5, find);
    large[LARGE - 1] = 'y';
    expect_argv(w, "[]", 5, find);
    large[LARGE - 1] = 'x';
    expect(w, "OK", "LSET l 2 small");
    expect_argv(w, "[:3]", 5, find);
    size_t len;
    assert_int_equal((wire_text(w, &len, "LMOVE l l RIGHT LEFT"), len), 1);
    expect(w, "OK", "LTRIM l 4 -1");
    assert_int_equal((wire_text(w, &len, "LMOVE l l LEFT RIGHT"), len), LARGE);
    assert_int_equal((wire_text(w, &len, "LMOVE l m RIGHT LEFT"), len), LARGE);
    expect(w, "[\"d\"]", "LRANGE l 0 -1");
    assert_int_equal((wire_text(w, &len, "LPOP m"), len), LARGE);
    expect_argv(w, ":0", 4, rem);
}

static void test_lrem(void **state)
{
    struct wire *w = *state;

    expect(w, ":0", "LREM l 0 a");
    expect(w, ":7", "RPUSH l a b a c a 1 a");
    expect(w, ":0", "LREM l 0 nothing");
    expect(w, ":1", "LREM l 1 a");
    expect(w, "[\"b\" \"a\" \"c\" \"a\" \"1\" \"a\"]", "LRANGE l 0 -1");
    expect(w, ":2", "LREM l -2 a");
    expect(w, "[\"b\" \"a\" \"c\" \"1\"]", "LRANGE l 0 -1");
    expect(w, ":1", "LREM l 0 1");
    expect(w, ":1", "LREM l 100 a");
    expect(w, ":1", "LREM l " MAX_I64 " b");
    expect(w, ":1", "LREM l -" MAX_I64 " c");
    expect(w, ":0", "EXISTS l");
    expect(w, ":3", "RPUSH l a a a");
    expect(w, ":3", "LREM l " MIN_I64 " a");
    expect(w, ":0", "EXISTS l");
    expect(w, NOT_INT, "LREM l x a");
    expect(w, "OK", "SET str x");
    expect(w, NOT_INT, "LREM str x a");
    expect(w, WRONGTYPE, "LREM str 0 a");
    expect(w, ARITY("lrem"), "LREM l 0");
}

static void test_lrem_of_many_chunks(void **state)
{
    struct wire *w = *state;

    for (int i = 0; i < 40; i++)
        fill(w, "long", i % 2 ? "gone" : "element:%d", 0, 500);
    expect(w, ":20000", "LLEN long");
    expect(w, ":7", "LREM long 7 gone");
    expect(w, ":8", "LREM long -8 gone");
    expect(w, "\"element:0\"", "LINDEX long 993");
    expect(w, ":9985", "LREM long 0 gone");
    expect(w, ":10000", "LLEN long");
    for (int i = 0; i < 10000; i += 373) {
        char want[32];
        snprintf(want, sizeof want, "\"element:%d\"", i % 500);
        expect(w, want, "LINDEX long %d", i);
    }
    expect(w, ":5", "LREM long -5 element:77");
    expect(w, ":15", "LREM long 0 element:77");
    expect(w, "(nil)", "LPOS long element:77");
}

static void test_ltrim(void **state)
{
    struct wire *w = *state;

    expect(w, "OK", "LTRIM l 0 -1");
    expect(w, ":5", "RPUSH l a b c d e");
    expect(w, "OK", "LTRIM l 0 -1");
    expect(w, ":5", "LLEN l");
    expect(w, "OK", "LTRIM l 1 -2");
    expect(w, "[\"b\" \"c\" \"d\"]", "LRANGE l 0 -1");
    expect(w, "OK", "LTRIM l -100 1");
    expect(w, "[\"b\" \"c\"]", "LRANGE l 0 -1");
    expect(w, "OK", "LTRIM l 1 " MAX_I64);
    expect(w, "[\"c\"]", "LRANGE l 0 -1");
    expect(w, "OK", "LTRIM l 1 2");
    expect(w, ":0", "EXISTS l");
    expect(w, ":2", "RPUSH l a b");
    expect(w, "OK", "LTRIM l 1 0");
    expect(w, ":0", "EXISTS l");
    expect(w, NOT_INT, "LTRIM l x 0");
    expect(w, NOT_INT, "LTRIM l 0 x");
    expect(w, "OK", "SET str x");
    expect(w, NOT_INT, "LTRIM str 0 x");
    expect(w, WRONGTYPE, "LTRIM str 0 0");
    expect(w, ARITY("ltrim"), "LTRIM l 0");
    fill(w, "long", "%d", 0, 20000);
    expect(w, "OK", "LTRIM long 7000 -7001");
    expect(w, ":6000", "LLEN long");
    expect(w, "\"7000\"", "LINDEX long 0");
    expect(w, "\"12999\"", "LINDEX long -1");
}

// ---- several keys
// -----------------------------------------------------------------------------------

static void test_lmove(void **state)
{
    struct wire *w = *state;

    expect(w, "(nil)", "LMOVE a b LEFT RIGHT");
    expect(w, ":4", "RPUSH a 1 2 3 4");
    expect(w, "\"1\"", "LMOVE a b LEFT RIGHT");
    expect(w, "\"2\"", "LMOVE a b LEFT LEFT");
    expect(w, "\"4\"", "LMOVE a b right left");
    expect(w, "[\"4\" \"2\" \"1\"]", "LRANGE b 0 -1");
    expect(w, "\"3\"", "LMOVE a b RIGHT RIGHT");
    expect(w, ":0", "EXISTS a");
    expect(w, "[\"4\" \"2\" \"1\" \"3\"]", "LRANGE b 0 -1");
    expect(w, SYNTAX, "LMOVE a b UP DOWN");
    expect(w, SYNTAX, "LMOVE a b LEFT DOWN");
    expect(w, ARITY("lmove"), "LMOVE a b LEFT");
    expect(w, "OK", "SET str x");
    expect(w, WRONGTYPE, "LMOVE str b LEFT LEFT");
    expect(w, WRONGTYPE, "LMOVE b str LEFT LEFT");
    expect(w, "(nil)", "LMOVE none str LEFT LEFT");
    expect(w, SYNTAX, "LMOVE str str LEFT x");
    expect(w, ":4", "LLEN b");
    expect(w, ":0", "EXISTS none");
}

static void test_lmove_within_a_list(void **state)
{
    struct wire *w = *state;

    expect(w, ":3", "RPUSH l a b c");
    expect(w, "\"a\"", "LMOVE l l LEFT RIGHT");
    expect(w, "[\"b\" \"c\" \"a\"]", "LRANGE l 0 -1");
    expect(w, "\"a\"", "LMOVE l l RIGHT LEFT");
    expect(w, "\"c\"", "RPOPLPUSH l l");
    expect(w, "[\"c\" \"a\" \"b\"]", "LRANGE l 0 -1");
    expect(w, "\"c\"", "LMOVE l l LEFT LEFT");
    expect(w, "\"b\"", "LMOVE l l RIGHT RIGHT");
    expect(w, "[\"c\" \"a\" \"b\"]", "LRANGE l 0 -1");
    expect(w, ":1", "RPUSH one x");
    expect(w, "\"x\"", "LMOVE one one LEFT RIGHT");
    expect(w, ":1", "LLEN one");
    fill(w, "long", "element:%d", 0, 3000);
    for (int i = 0; i < 3000; i++) {
        char want[NAME_CHARS];
        snprintf(want, sizeof want, "\"element:%d\"", i);
        expect(w, want, "LMOVE long long LEFT RIGHT");
    }
    expect(w, "\"element:0\"", "LINDEX long 0");
    expect(w, "\"element:2999\"", "LINDEX long -1");
}

static void test_rpoplpush(void **state)
{
    struct wire *w = *state;

    expect(w, "(nil)", "RPOPLPUSH a b");
    expect(w, ":2", "RPUSH a 1 2");
    expect(w, "\"2\"", "RPOPLPUSH a b");
    expect(w, "\"1\"", "RPOPLPUSH a b");
    expect(w, "[\"1\" \"2\"]", "LRANGE b 0 -1");
    expect(w, ":0", "EXISTS a");
    expect(w, "OK", "SET str x");
    expect(w, WRONGTYPE, "RPOPLPUSH b str");
    expect(w, WRONGTYPE, "RPOPLPUSH str b");
    expect(w, "(nil)", "RPOPLPUSH none str");
    expect(w, ":2", "LLEN b");
    expect(w, ARITY("rpoplpush"), "RPOPLPUSH a");
}

static void test_lmpop(void **state)
{
    struct wire *w = *state;

    expect(w, "(nil-array)", "LMPOP 2 a b LEFT");
    expect(w, ":4", "RPUSH b 1 2 3 4");
    expect(w, "[\"b\" [\"1\"]]", "LMPOP 2 a b LEFT");
    expect(w, "[\"b\" [\"4\" \"3\"]]", "LMPOP 3 a b a right COUNT 2");
    expect(w, ":1", "RPUSH a x");
    expect(w, "[\"a\" [\"x\"]]", "LMPOP 2 a b LEFT count 10");
    expect(w, ":0", "EXISTS a");
    expect(w, "[\"b\" [\"2\"]]", "LMPOP 2 b b RIGHT COUNT " MAX_I64);
    expect(w, ":0", "EXISTS b");
    expect(w, "OK", "SET str x");
    expect(w, WRONGTYPE, "LMPOP 2 a str LEFT");
    expect(w, ":1", "RPUSH a x");
    expect(w, "[\"a\" [\"x\"]]", "LMPOP 2 a str LEFT");
}

static void test_lmpop_errors(void **state)
{
    struct wire *w = *state;
    static const char *const numbers[] = {"0", "-1", "x", "9223372036854775808", "1.5", "''"};

    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        expect(w, "-ERR numkeys should be greater than 0", "LMPOP %s a LEFT", numbers[i]);
        expect(w, "-ERR count should be greater than 0", "LMPOP 1 a LEFT COUNT %s", numbers[i]);
    }
    expect(w, SYNTAX, "LMPOP 1 a UP");
    expect(w, SYNTAX, "LMPOP 1 a b LEFT");
    expect(w, SYNTAX, "LMPOP 2 a LEFT");
    expect(w, SYNTAX, "LMPOP 3 a LEFT");
    expect(w, SYNTAX, "LMPOP " MAX_I64 " a LEFT");
    expect(w, SYNTAX, "LMPOP 1 a LEFT COUNT");
    expect(w, SYNTAX, "LMPOP 1 a LEFT WHAT 1");
    expect(w, SYNTAX, "LMPOP 1 a LEFT COUNT 1 COUNT 2");
    expect(w, SYNTAX, "LMPOP 1 a LEFT COUNT 1 x");
    expect(w, ARITY("lmpop"), "LMPOP 1 a");
    expect(w, "[\"a\" \"b\"]", "COMMAND GETKEYS LMPOP 2 a b LEFT");
    expect(w, "[\"a\" \"b\"]", "COMMAND GETKEYS LMOVE a b LEFT LEFT");
}

// ---- as any key
// ---------------------------------------------------------------------------------------

static void test_generic_commands(void **state)
{
    struct wire *w = *state;

    fill(w, "l", "element:%d", 0, 3000);
    expect(w, ":1", "COPY l copy");
    expect(w, "\"element:0\"", "LPOP l");
    expect(w, ":3000", "LLEN copy");
    expect(w, "\"element:2999\"", "LINDEX copy -1");
    expect(w, "OK", "RENAME l other");
    expect(w, ":2999", "LLEN other");
    expect(w, ":0", "LLEN l");
    expect(w, ":1", "MOVE other 1");
    expect(w, ":0", "EXISTS other");
    expect(w, "[\"0\" [\"copy\"]]", "SCAN 0 TYPE list");
    assert_in_range(wire_int(w, "MEMORY USAGE copy"), 3000 * 12, 3000 * 18);
    assert_in_range(wire_int(w, "MEMORY USAGE copy SAMPLES 0"), 3000 * 12, 3000 * 18);
    expect(w, "\"quicklist\"", "OBJECT ENCODING copy");
    expect(w, ":1", "OBJECT REFCOUNT copy");
    expect(w, "OK", "SET copy x");
    expect(w, "OK", "SET s x");
    expect(w, WRONGTYPE, "LLEN s");
    expect(w, ":1", "RPUSH again x");
    expect(w, WRONGTYPE, "GET again");
    expect(w, WRONGTYPE, "SADD again x");
    expect(w, ":1", "DEL again");
    expect(w, ":1", "RPUSH again x");
    expect(w, ":1", "UNLINK again");
    expect(w, "none", "TYPE again");
}

static void test_chunk_limits(void **state)
{
    struct wire *w = *state;
    static const char *const limits[] = {"-1", "-5", "1", "3", "0", "100000"};

    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        expect(w, "OK", "CONFIG SET list-max-listpack-size %s", limits[i]);
        fill(w, "l", "element:%d", 0, 1000);
        expect(w, "\"element:500\"", "LINDEX l 500");
        expect(w, ":1001", "LINSERT l AFTER element:500 new");
        expect(w, "\"new\"", "LINDEX l 501");
        expect(w, "OK", "LTRIM l 499 503");
        expect(w, "[\"element:499\" \"element:500\" \"new\" \"element:501\" \"element:502\"]",
               "LRANGE l 0 -1");
        expect(w, ":1", "DEL l");
    }
    expect(w, "OK", "CONFIG SET list-max-ziplist-size -2 list-compress-depth 1");
    expect(w, "[\"list-max-listpack-size\" \"-2\"]", "CONFIG GET list-max-listpack-size");
    expect(w, "[\"list-max-ziplist-size\" \"-2\"]", "CONFIG GET list-max-ziplist-size");
    expect(w, "[\"list-compress-depth\" \"1\"]", "CONFIG GET list-compress-depth");
    expect(w, "OK", "CONFIG SET list-compress-depth 0");
}

static void test_push_many_arguments(void **state)
{
    enum { ELEMENTS = 5000 };
    static char names[ELEMENTS][NAME_CHARS];
    static struct bytes args[2 + ELEMENTS];
    struct wire *w = *state;

    args[1] = BYTES("l");
    for (int i = 0; i < ELEMENTS; i++) {
        int len = snprintf(names[i], sizeof names[i], "%d", i);
        args[2 + i] = (struct bytes){names[i], (size_t)len};
    }
    args[0] = BYTES("LPUSH");
    expect_argv(w, ":5000", 2 + ELEMENTS, args);
    args[0] = BYTES("RPUSH");
    expect_argv(w, ":10000", 2 + ELEMENTS, args);
    expect(w, "[\"4999\" \"4998\"]", "LRANGE l 0 1");
    expect(w, "[\"1\" \"0\" \"0\" \"1\"]", "LRANGE l 4998 5001");
    expect(w, "[\"4998\" \"4999\"]", "LRANGE l -2 -1");
    expect(w, ":2", "LREM l 0 2500");
}

// ---- RESP3
// --------------------------------------------------------------------------------------------

static void test_resp3(void **state)
{
    struct wire *w = *state;

    expect(w, "(nil)", "LPOP l");
    expect(w, "(nil)", "LPOP l 1");
    expect(w, "(nil)", "LINDEX l 0");
    expect(w, "(nil)", "LPOS l a");
    expect(w, "[]", "LPOS l a COUNT 0");
    expect(w, "[]", "LRANGE l 0 -1");
    expect(w, "(nil)", "LMPOP 1 l LEFT");
    expect(w, "(nil)", "LMOVE l m LEFT LEFT");
    expect(w, "(nil)", "RPOPLPUSH l m");
    expect(w, ":2", "RPUSH l a b");
    expect(w, "[\"a\" \"b\"]", "LRANGE l 0 -1");
    expect(w, "[\"a\"]", "LPOP l 1");
    expect(w, "[\"l\" [\"b\"]]", "LMPOP 1 l LEFT");
    expect_raw(w, "LPOP l 1\r\n", "_\r\n");
    expect_raw(w, "LPOP l\r\n", "_\r\n");
    expect_raw(w, "RPUSH l a\r\nLRANGE l 0 0\r\n", ":1\r\n*1\r\n$1\r\na\r\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WIRE_TEST(test_push),
        WIRE_TEST(test_pushx),
        WIRE_TEST(test_elements_are_any_bytes),
        WIRE_TEST(test_pop),
        WIRE_TEST(test_pop_count),
        WIRE_TEST(test_expire_time_stays),
        WIRE_TEST(test_lindex),
        WIRE_TEST(test_lrange),
        WIRE_TEST(test_lrange_of_many_chunks),
        WIRE_TEST(test_lpos),
        WIRE_TEST(test_lpos_errors),
        WIRE_TEST(test_lpos_of_many_chunks),
        WIRE_TEST(test_linsert),
        WIRE_TEST(test_linsert_into_full_chunks),
        WIRE_TEST(test_lset),
        WIRE_TEST(test_large_elements),
        WIRE_TEST(test_lrem),
        WIRE_TEST(test_lrem_of_many_chunks),
        WIRE_TEST(test_ltrim),
        WIRE_TEST(test_lmove),
        WIRE_TEST(test_lmove_within_a_list),
        WIRE_TEST(test_rpoplpush),
        WIRE_TEST(test_lmpop),
        WIRE_TEST(test_lmpop_errors),
        WIRE_TEST(test_generic_commands),
        WIRE_TEST(test_chunk_limits),
        WIRE_TEST(test_push_many_arguments),
        WIRE_TEST3(test_resp3),
    };
    return run_modes(tests);
}
