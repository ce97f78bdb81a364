// SPDX-License-Identifier: MIT
//
// Bitmap commands over the wire: every command, option and error. redis-server 7.0.15 answers all
// of this alike but for one line, which says so.
#include "tests/lib/wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WRONGTYPE  "-WRONGTYPE Operation against a key holding the wrong kind of value"
#define NOT_INT    "-ERR value is not an integer or out of range"
#define SYNTAX     "-ERR syntax error"
#define BAD_OFFSET "-ERR bit offset is not an integer or out of range"
#define BAD_BIT    "-ERR bit is not an integer or out of range"
#define BAD_TYPE                                                                                   \
    "-ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but "   \
    "i64 is."

#define ARITY(name) "-ERR wrong number of arguments for '" name "' command"

static void test_setbit_getbit(void **state)
{
    struct wire *w = *state;

    expect(w, ":0", "SETBIT k 7 1");
    expect(w, "\"\\x01\"", "GET k");
    expect(w, "\"raw\"", "OBJECT ENCODING k");
    expect(w, ":1", "GETBIT k 7");
    expect(w, ":0", "GETBIT k 6");
    expect(w, ":0", "GETBIT k 8");
    expect(w, ":0", "GETBIT k 4294967295");
    expect(w, ":0", "GETBIT none 5");
    expect(w, ":0", "EXISTS none");
    expect(w, ":1", "SETBIT k 7 0");
    expect(w, ":0", "SETBIT k 0 1");
    expect(w, ":0", "SETBIT k 23 0"); // longer, though the bit is zero
    expect(w, "\"\\x80\\x00\\x00\"", "GET k");
    expect(w, ":1", "PEXPIRE k 100000");
    expect(w, ":1", "SETBIT k 0 1");
    assert_in_range(wire_int(w, "PTTL k"), 1, 100000);
    expect(w, "OK", "SET n 123"); // stored as a number
    expect(w, ":1", "GETBIT n 2");
    expect(w, ":0", "SETBIT n 0 1");
    expect(w, "\"\\xb123\"", "GET n");
    expect(w, ":0", "SETBIT zero 100 0");
    expect(w, ":13", "STRLEN zero");
}

// Who watches the key does not notice a command that changes no bit of it.
static void test_no_change_breaks_no_watch(void **state)
{
    struct wire *w = *state;
    static const struct {
        const char *command, *want;
        bool changes;
    } CASES[] = {
        {"SETBIT k 7 1", ":1", false},
        {"SETBIT k 6 0", ":0", false},
        {"BITFIELD k SET u8 0 1 GET u8 0", "[:1 :1]", false},
        {"BITFIELD k INCRBY u8 0 0", "[:1]", false},
        {"BITFIELD k OVERFLOW FAIL INCRBY u1 7 1", "[(nil)]", false},
        {"SETBIT n 2 1", ":1", false},
        {"SETBIT k 8 0", ":0", true}, // it grows
        {"SETBIT k 6 1", ":0", true},
        {"BITFIELD k SET u8 0 3 SET u8 0 4", "[:3 :3]", true},
        {"BITFIELD k SET u8 16 0", "[:0]", true},
    };

    expect(w, ":0", "SETBIT k 7 1");
    expect(w, "OK", "SET n 17");
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        expect(w, "OK", "WATCH k n");
        expect(w, CASES[i].want, "%s", CASES[i].command);
        expect(w, "OK", "MULTI");
        expect(w, "QUEUED", "PING");
        expect_match(w, CASES[i].changes ? "(nil*" : "?PONG?", "EXEC");
    }
    expect(w, "\"raw\"", "OBJECT ENCODING n");
    expect(w, "\"17\"", "GET n");
}

static void test_setbit_getbit_errors(void **state)
{
    struct wire *w = *state;
    static const char *const offsets[] = {"-1",   "4294967296",           "x", "''", "1.5", "01",
                                          "'1 '", "99999999999999999999", "#1"};

    for (size_t i = 0; i < sizeof offsets / sizeof offsets[0]; i++) {
        expect(w, BAD_OFFSET, "SETBIT k %s 1", offsets[i]);
        expect(w, BAD_OFFSET, "GETBIT k %s", offsets[i]);
    }
    expect(w, BAD_OFFSET, "SETBIT k x y");
    expect(w, BAD_BIT, "SETBIT k 1 2");
    expect(w, BAD_BIT, "SETBIT k 1 -1");
    expect(w, BAD_BIT, "SETBIT k 1 x");
    expect(w, ":0", "EXISTS k");
    expect(w, ":1", "SADD s a");
    expect(w, BAD_BIT, "SETBIT s 1 2");
    expect(w, WRONGTYPE, "SETBIT s 1 1");
    expect(w, WRONGTYPE, "GETBIT s 1");
    expect(w, BAD_OFFSET, "GETBIT s -1");
    expect(w, ARITY("setbit"), "SETBIT k 1");
    expect(w, ARITY("getbit"), "GETBIT k");
    expect(w, "OK", "CONFIG SET proto-max-bulk-len 1mb");
    expect(w, BAD_OFFSET, "SETBIT k 8388608 1");
    expect(w, BAD_OFFSET, "GETBIT k 8388608");
    expect(w, BAD_OFFSET, "BITFIELD k GET u8 8388608");
    expect(w, ":0", "SETBIT k 8388607 1");
    expect(w, ":1048576", "STRLEN k");
    expect(w, "OK", "CONFIG SET proto-max-bulk-len 512mb");
}

// A large string is changed in place; whatever reads or writes it then must take it for a string.
static void test_every_string_command_takes_a_large_bitmap(void **state)
{
    struct wire *w = *state;

    for (int bits = 7000; bits <= 70000; bits *= 3) {
        int bytes = bits / 8, at = bits - 1;
        expect(w, "OK", "FLUSHALL");
        expect(w, ":0", "SETBIT k %d 1", at);
        expect(w, ":0", "SETBIT k 1 1");
        expect(w, ":0", "SETBIT k 9 1");
        expect(w, ":1", "SETBIT k 9 0");
        expect(w, ":1", "GETBIT k 1");
        expect(w, ":1", "GETBIT k %d", at);
        expect(w, "string", "TYPE k");
        expect(w, "\"raw\"", "OBJECT ENCODING k");
        expect(w, ":1", "OBJECT REFCOUNT k");
        char want[32];
        snprintf(want, sizeof want, ":%d", bytes);
        expect(w, want, "STRLEN k");
        expect(w, "\"@\\x00\\x00\"", "GETRANGE k 0 2");
        expect(w, "\"\\x01\"", "GETRANGE k -1 -1");
        size_t len;
        const char *text = wire_text(w, &len, "GET k");
        assert_int_equal(len, bytes);
        assert_memory_equal(text, "@\0\0", 3);
        assert_int_equal(text[bytes - 1], 1);
        expect(w, ":-1", "TTL k");
        expect(w, ":1", "PEXPIRE k 100000");
        assert_in_range(wire_int(w, "PTTL k"), 1, 100000);
        snprintf(want, sizeof want, ":%d", bytes + 1);
        expect(w, want, "APPEND k x");
        expect(w, ":0", "GETBIT k %d", bytes * 8);
        expect(w, ":1", "GETBIT k %d", bytes * 8 + 1);
        expect(w, ":0", "SETBIT k 2 1");
        assert_in_range(wire_int(w, "PTTL k"), 1, 100000);
        expect(w, want, "SETRANGE k 0 abc");
        expect(w, ":1", "SETBIT k 1 0");
        expect(w, "\"!bc\"", "GETRANGE k 0 2");
        expect(w, ":1", "COPY k c");
        expect(w, ":0", "SETBIT k 0 1");
        expect(w, "\"!bc\"", "GETRANGE c 0 2");
        expect(w, "\"\\xa1bc\"", "GETRANGE k 0 2");
        expect(w, "OK", "RENAME k r");
        expect(w, ":0", "GETBIT k 0");
        expect(w, ":1", "GETBIT r 0");
        expect(w, ":1", "SETBIT r 0 0");
        expect(w, ":1", "PERSIST r");
        expect(w, NOT_INT, "INCR r");
        expect(w, "OK", "SET r new");
        expect(w, "\"new\"", "GETDEL r");
        expect(w, ":0", "EXISTS r k");
        expect(w, ":1", "PEXPIRE c 1");
        wait_until(wire_int(w, "EXISTS c") == 0, 5000);
        expect(w, ":0", "GETBIT c 1");
        expect(w, ":0", "SETBIT c 1 1");
        expect(w, ":1", "STRLEN c");
    }
}

// Byte by byte, over every size at which a string is stored in another way.
static void test_growing_bitmap(void **state)
{
    enum { BYTES = 5000 };
    static char model[BYTES];
    struct wire *w = *state;

    memset(model, 0, sizeof model);
    for (int i = 0; i < BYTES; i++) {
        int bit = i * 7 % 8;
        wire_send(w, "SETBIT k %d 1", i * 8 + bit);
        model[i] = (char)(0x80 >> bit);
    }
    for (int i = 0; i < BYTES; i++) {
        expect_reply(w, ":0");
    }
    size_t len;
    const char *text = wire_text(w, &len, "GET k");
    assert_int_equal(len, BYTES);
    assert_memory_equal(text, model, BYTES);
    expect(w, ":5000", "BITCOUNT k");
}

static void test_bitcount(void **state)
{
    struct wire *w = *state;

    expect(w, ":0", "BITCOUNT none");
    expect(w, ":0", "BITCOUNT none x y z"); // nothing else matters then
    expect(w, "OK", "SET k foobar");
    expect(w, ":26", "BITCOUNT k");
    expect(w, ":26", "BITCOUNT k 0 -1");
    expect(w, ":4", "BITCOUNT k 0 0");
    expect(w, ":6", "BITCOUNT k 1 1 byte");
    expect(w, ":6", "BITCOUNT k -5 1 BYTE");
    expect(w, ":17", "BITCOUNT k 5 30 BIT");
    expect(w, ":26", "BITCOUNT k 0 -1 bit");
    expect(w, ":1", "BITCOUNT k 1 1 BIT");
    expect(w, ":0", "BITCOUNT k 0 0 BIT");
    expect(w, ":4", "BITCOUNT k -8 -1 BIT");
    expect(w, ":26", "BITCOUNT k -1000 1000 BIT");
    expect(w, ":0", "BITCOUNT k 1000 2000");
    expect(w, ":0", "BITCOUNT k 3 1");
    expect(w, ":0", "BITCOUNT k -1 -3");
    expect(w, ":0", "BITCOUNT k -1 -3 nonsense");
    expect(w, ":0", "BITCOUNT k 9223372036854775807 9223372036854775807 BIT");
    expect(w, ":4", "BITCOUNT k -9223372036854775808 -9223372036854775808"); // both clip to 0
    expect(w, "OK", "SET n 12");
    expect(w, ":6", "BITCOUNT n");
    expect(w, "OK", "SET e ''");
    expect(w, ":0", "BITCOUNT e");
    expect(w, ":0", "BITCOUNT e 0 0 BIT");
    expect(w, SYNTAX, "BITCOUNT k 1");
    expect(w, SYNTAX, "BITCOUNT k 1 2 BYTES");
    expect(w, SYNTAX, "BITCOUNT k 1 2 BIT x");
    expect(w, NOT_INT, "BITCOUNT k x 2");
    expect(w, NOT_INT, "BITCOUNT k 1 x nonsense");
    expect(w, ":1", "SADD s a");
    expect(w, WRONGTYPE, "BITCOUNT s");
    expect(w, WRONGTYPE, "BITCOUNT s x");
    expect(w, ARITY("bitcount"), "BITCOUNT");
}

static void test_bitpos(void **state)
{
    struct wire *w = *state;

    expect(w, ":-1", "BITPOS none 1");
    expect(w, ":0", "BITPOS none 0");
    expect(w, ":-1", "BITPOS none 1 5 6 nonsense x");
    expect(w, "OK", "SET k \"\\xff\\xf0\\x00\"");
    expect(w, ":12", "BITPOS k 0");
    expect(w, ":0", "BITPOS k 1");
    expect(w, ":8", "BITPOS k 1 1");
    expect(w, ":16", "BITPOS k 0 2");
    expect(w, ":-1", "BITPOS k 1 2");
    expect(w, ":-1", "BITPOS k 0 0 0");
    expect(w, ":12", "BITPOS k 0 0 -1 byte");
    expect(w, ":12", "BITPOS k 0 9 15 BIT");
    expect(w, ":-1", "BITPOS k 0 9 11 BIT");
    expect(w, ":11", "BITPOS k 1 11 11 BIT");
    expect(w, ":-1", "BITPOS k 1 12 -1 bit");
    expect(w, ":-1", "BITPOS k 1 5 4");
    expect(w, ":-1", "BITPOS k 1 100");
    expect(w, "OK", "SET k \"\\xff\\xff\\xff\"");
    expect(w, ":24", "BITPOS k 0"); // behind the end there are zeros
    expect(w, ":24", "BITPOS k 0 1");
    expect(w, ":24", "BITPOS k 0 -1");
    expect(w, ":-1", "BITPOS k 0 0 -1");
    expect(w, ":-1", "BITPOS k 0 0 -1 BIT");
    expect(w, ":-1", "BITPOS k 0 3");
    expect(w, "OK", "SET e ''");
    expect(w, ":-1", "BITPOS e 0");
    expect(w, ":-1", "BITPOS e 1");
    expect(w, ":0", "SETBIT far 1000003 1");
    expect(w, ":1000003", "BITPOS far 1");
    expect(w, ":1000003", "BITPOS far 1 77 -1");
    expect(w, ":1000003", "BITPOS far 1 1000001 1000004 BIT");
    expect(w, ":1000004", "BITPOS far 0 1000003 1000004 BIT");
    expect(w, "-ERR The bit argument must be 1 or 0.", "BITPOS k 2");
    expect(w, NOT_INT, "BITPOS k x");
    expect(w, NOT_INT, "BITPOS k 1 x");
    expect(w, NOT_INT, "BITPOS k 1 0 x");
    expect(w, NOT_INT, "BITPOS k 1 0 x BIT");
    expect(w, SYNTAX, "BITPOS k 1 0 x nonsense");
    expect(w, SYNTAX, "BITPOS k 1 0 1 BIT x");
    expect(w, ":1", "SADD s a");
    expect(w, WRONGTYPE, "BITPOS s 1");
    expect(w, "-ERR The bit argument must be 1 or 0.", "BITPOS s 3");
    expect(w, ARITY("bitpos"), "BITPOS k");
}

static void test_bitop(void **state)
{
    struct wire *w = *state;

    expect(w, "OK", "SET a \"\\xf0\\x0f\"");
    expect(w, "OK", "SET b \"\\xcc\\xcc\\xcc\"");
    expect(w, ":3", "BITOP AND d a b");
    expect(w, "\"\\xc0\\x0c\\x00\"", "GET d");
    expect(w, ":3", "BITOP or d a b");
    expect(w, "\"\\xfc\\xcf\\xcc\"", "GET d");
    expect(w, ":3", "BITOP Xor d a b");
    expect(w, "\"<\\xc3\\xcc\"", "GET d");
    expect(w, ":2", "BITOP NOT d a");
    expect(w, "\"\\x0f\\xf0\"", "GET d");
    expect(w, "\"raw\"", "OBJECT ENCODING d");
    expect(w, ":3", "BITOP AND d b");
    expect(w, "\"\\xcc\\xcc\\xcc\"", "GET d");
    expect(w, ":3", "BITOP AND d none b"); // what is not there is zeros
    expect(w, "\"\\x00\\x00\\x00\"", "GET d");
    expect(w, ":3", "BITOP XOR b b b"); // into one of the sources
    expect(w, "\"\\x00\\x00\\x00\"", "GET b");
    expect(w, "OK", "SET n 12");
    expect(w, ":2", "BITOP XOR d n a n");
    expect(w, "\"\\xf0\\x0f\"", "GET d");
    expect(w, ":1", "PEXPIRE d 100000");
    expect(w, ":2", "BITOP OR d n");
    expect(w, ":-1", "PTTL d");
    expect(w, ":1", "SADD s x");
    expect(w, ":2", "BITOP OR s n");
    expect(w, "string", "TYPE s");
    expect(w, ":0", "BITOP OR s none none");
    expect(w, ":0", "EXISTS s");
    expect(w, "OK", "SET e ''");
    expect(w, ":0", "BITOP NOT d e");
    expect(w, ":0", "EXISTS d");
    expect(w, ":2", "BITOP OR d n n n n n n n n n n n n n n n n n n n n n n n n");
    expect(w, "\"12\"", "GET d");
    expect(w, ":1", "SADD s a");
    expect(w, WRONGTYPE, "BITOP OR d n s");
    expect(w, WRONGTYPE, "BITOP NOT d s");
    expect(w, "\"12\"", "GET d");
    expect(w, SYNTAX, "BITOP NAND d n s");
    expect(w, "-ERR BITOP NOT must be called with a single source key.", "BITOP NOT d n s");
    expect(w, ARITY("bitop"), "BITOP AND d");
}

// A bitmap that is changed in place is a source and a destination like any other.
static void test_bitop_of_large_strings(void **state)
{
    enum { LEN = 200000 };
    static char a[LEN], b[LEN / 2], want[LEN];
    struct wire *w = *state;
    size_t len;

    for (int i = 0; i < LEN; i++)
        a[i] = (char)(i * 31 + i / 256);
    for (int i = 0; i < LEN / 2; i++)
        b[i] = (char)(i * 17);
    expect_argv(w, "OK", 3, ((struct bytes[]){BYTES("SET"), BYTES("a"), {a, LEN}}));
    expect_argv(w, "OK", 3, ((struct bytes[]){BYTES("SET"), BYTES("b"), {b, LEN / 2}}));
    expect(w, ":0", "SETBIT a 0 1");
    expect(w, ":0", "SETBIT b 8 1");
    a[0] |= (char)0x80;
    b[1] |= (char)0x80;
    for (int op = 0; op < 4; op++) {
        static const char *const names[] = {"AND", "OR", "XOR", "NOT"};
        for (int i = 0; i < LEN; i++) {
            char y = i < LEN / 2 ? b[i] : 0;
            want[i] = op == 0 ? a[i] & y : op == 1 ? a[i] | y : op == 2 ? a[i] ^ y : (char)~a[i];
        }
        expect(w, ":200000", "BITOP %s d a%s", names[op], op == 3 ? "" : " b");
        const char *got = wire_text(w, &len, "GET d");
        assert_int_equal(len, LEN);
        assert_memory_equal(got, want, LEN);
    }
}

static void test_bitfield(void **state)
{
    struct wire *w = *state;

    expect(w, "[]", "BITFIELD k");
    expect(w, "[:0]", "BITFIELD k GET u8 0");
    expect(w, ":0", "EXISTS k");
    expect(w, "[:0 :255 :-1]", "BITFIELD k SET u8 8 255 get u8 8 Get i8 8");
    expect(w, "\"\\x00\\xff\"", "GET k");
    expect(w, "\"raw\"", "OBJECT ENCODING k");
    expect(w, "[:15 :240 :1 :0]", "BITFIELD k GET u8 4 GET u8 12 GET u1 15 GET i64 16");
    expect(w, "[:255 :10]", "BITFIELD k SET u8 #1 10 GET u8 #1");
    expect(w, "[:11 :9]", "BITFIELD k INCRBY u8 #1 1 INCRBY u8 #1 -2");
    expect(w, "[:20266198323167232 :-1]", "BITFIELD k SET i64 3 -1 GET i64 3");
    expect(w, "[:-9223372036854775808]", "BITFIELD wide INCRBY i64 1 -9223372036854775808");
    expect(w, "[:9223372036854775807]", "BITFIELD wide INCRBY i64 1 -1");
    expect(w, "[:0 :9223372036854775807]", "BITFIELD u63 SET u63 5 9223372036854775807 GET u63 5");
    expect(w, ":1", "PEXPIRE k 100000");
    expect(w, "[:0]", "BITFIELD k INCRBY u2 1000 4");
    expect(w, ":126", "STRLEN k");
    assert_in_range(wire_int(w, "PTTL k"), 1, 100000);
    expect(w, "OK", "SET n 12");
    expect(w, "[:49 :50 :3]", "BITFIELD n GET u8 0 GET u8 8 INCRBY u4 0 0");
    expect(w, "[:3]", "BITFIELD_RO n GET u4 0");
    expect(w, "[:49 :12594]", "bitfield_ro n get u8 0 get i16 0");
    expect(w, "[:0]", "BITFIELD_RO none OVERFLOW SAT GET u8 0");
    expect(w, "[]", "BITFIELD_RO none");
    // In a string that is changed in place.
    expect(w, ":0", "SETBIT k 80000 1");
    expect(w, "[:1 :1 :0 :3]", "BITFIELD k SET u2 79999 2 GET u1 79999 SET i2 #2000 3 GET u2 4000");
    expect(w, "[:2]", "BITFIELD_RO k GET u2 79999");
}

static void test_bitfield_overflow(void **state)
{
    struct wire *w = *state;

    expect(w, "[:250 :4]", "BITFIELD k INCRBY u8 0 250 INCRBY u8 0 10");
    expect(w, "[:255]", "BITFIELD k OVERFLOW SAT INCRBY u8 0 300");
    expect(w, "[:0]", "BITFIELD k overflow sat INCRBY u8 0 -300");
    expect(w, "[(nil) :255 :0]",
           "BITFIELD k OVERFLOW FAIL INCRBY u8 0 256 INCRBY u8 0 255 OVERFLOW WRAP INCRBY u8 0 1");
    expect(w, "[:0 (nil) :0]", "BITFIELD k OVERFLOW FAIL SET u8 0 0 SET u8 0 256 GET u8 0");
    expect(w, "[:127 :-128 :127]",
           "BITFIELD i OVERFLOW SAT INCRBY i8 0 1000 INCRBY i8 0 -1000 INCRBY i8 0 300");
    expect(w, "[:-128 (nil)]", "BITFIELD i INCRBY i8 0 1 OVERFLOW FAIL INCRBY i8 0 -1");
    expect(w, "[:-128 :127]", "BITFIELD i OVERFLOW SAT SET i8 0 1000 GET i8 0");
    expect(w, "[:127 :127]", "BITFIELD i OVERFLOW SAT SET i8 0 -9223372036854775808 GET i8 0");
    expect(w, "[:255]", "BITFIELD k2 OVERFLOW FAIL OVERFLOW SAT INCRBY u8 0 999");
    // The string is made or grows even if nothing can be stored.
    expect(w, "[(nil)]", "BITFIELD fails OVERFLOW FAIL INCRBY u2 100 4");
    expect(w, ":13", "STRLEN fails");
}

static void test_bitfield_resp3(void **state)
{
    struct wire *w = *state;

    expect(w, "[:1 (nil)]", "BITFIELD k OVERFLOW FAIL INCRBY u1 0 1 INCRBY u1 0 1");
}

static void test_bitfield_errors(void **state)
{
    struct wire *w = *state;
    static const char *const types[] = {"u64", "i65", "u0", "i0",  "x8",  "8",
                                        "i",   "''",  "U8", "i08", "u-1", "u8x"};

    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        expect(w, BAD_TYPE, "BITFIELD k GET %s 0", types[i]);
        expect(w, BAD_TYPE, "BITFIELD k SET u8 0 1 INCRBY %s x 1", types[i]);
    }
    static const char *const offsets[] = {"-1", "#-1", "#", "x", "##1", "4294967296", "#536870912"};
    for (size_t i = 0; i < sizeof offsets / sizeof offsets[0]; i++) {
        expect(w, BAD_OFFSET, "BITFIELD k GET u8 %s", offsets[i]);
        expect(w, BAD_OFFSET, "BITFIELD k SET u8 %s x", offsets[i]);
    }
    expect(w, BAD_OFFSET, "BITFIELD k GET u8 #2305843009213693955"); // Redis takes it for #3
    expect(w, NOT_INT, "BITFIELD k SET u8 0 x");
    expect(w, NOT_INT, "BITFIELD k INCRBY u8 0 9223372036854775808");
    expect(w, "-ERR Invalid OVERFLOW type specified", "BITFIELD k OVERFLOW none");
    expect(w, SYNTAX, "BITFIELD k OVERFLOW");
    expect(w, SYNTAX, "BITFIELD k GET u8");
    expect(w, SYNTAX, "BITFIELD k SET u8 0");
    expect(w, SYNTAX, "BITFIELD k INCRBY u8 0");
    expect(w, SYNTAX, "BITFIELD k SET u8 0 1 NONSENSE u8 0");
    expect(w, ":0", "EXISTS k"); // all is read before anything is done
    expect(w, "-ERR BITFIELD_RO only supports the GET subcommand", "BITFIELD_RO k SET u8 0 1");
    expect(w, "-ERR BITFIELD_RO only supports the GET subcommand",
           "BITFIELD_RO k GET u8 0 INCRBY u8 0 1");
    expect(w, SYNTAX, "BITFIELD_RO k nonsense");
    expect(w, ":1", "SADD s a");
    expect(w, WRONGTYPE, "BITFIELD s GET u8 0");
    expect(w, WRONGTYPE, "BITFIELD s SET u8 0 1");
    expect(w, WRONGTYPE, "BITFIELD_RO s GET u8 0");
    expect(w, "-ERR BITFIELD_RO only supports the GET subcommand", "BITFIELD_RO s SET u8 0 1");
    expect(w, BAD_TYPE, "BITFIELD s GET u99 0");
    expect(w, ARITY("bitfield"), "BITFIELD");
    expect(w, ARITY("bitfield_ro"), "BITFIELD_RO");
}

// Long enough for a worker thread.
static void test_huge_bitmap(void **state)
{
    struct wire *w = *state;

    expect(w, ":0", "SETBIT k 160000000 1"); // 20 MB
    expect(w, ":0", "SETBIT k 5 1");
    expect(w, ":2", "BITCOUNT k");
    expect(w, ":1", "BITCOUNT k 6 -1 BIT");
    expect(w, ":160000000", "BITPOS k 1 1");
    expect(w, ":20000001", "BITOP NOT d k");
    expect(w, ":160000006", "BITCOUNT d");
    expect(w, ":5", "BITPOS d 0");
    expect(w, ":160000000", "BITPOS d 0 1");
    expect(w, "[:1 :0]", "BITFIELD k GET u1 160000000 INCRBY u8 #21000000 256");
    expect(w, ":21000001", "STRLEN k");
    expect(w, ":2", "DEL k d");
}

static void test_command_info(void **state)
{
    struct wire *w = *state;

    expect_match(w,
                 "[[][[]\"bitop\" :-4 [[]write denyoom] :2 :-1 :1 [[]@write @bitmap @slow] [[]] "
                 "[[][[]\"flags\" [[]OW update] *\"index\" :2]]*\"lastkey\" :0 *"
                 "[[]\"flags\" [[]RO access] *\"index\" :3]]*\"lastkey\" :-1 *",
                 "COMMAND INFO bitop");
    expect_match(w, "*\"getbit\" :3 [[]readonly fast] :1 :1 :1 [[]@read @bitmap @fast] *",
                 "COMMAND INFO getbit");
    expect_match(w, "*\"bitcount\" :-2 [[]readonly] :1 :1 :1 [[]@read @bitmap @slow] *",
                 "COMMAND INFO bitcount");
    expect_match(w, "*\"bitfield\" :-2 [[]write denyoom] *[[]RW access update variable_flags] *",
                 "COMMAND INFO bitfield");
    expect_match(w, "*\"bitfield_ro\" :-2 [[]readonly fast] *", "COMMAND INFO bitfield_ro");
    expect_match(w, "*\"setbit\" :4 [[]write denyoom] *[[]RW access update] *",
                 "COMMAND INFO setbit");
    expect(w, "[\"d\" \"a\" \"b\"]", "COMMAND GETKEYS BITOP AND d a b");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WIRE_TEST(test_setbit_getbit),
        WIRE_TEST(test_setbit_getbit_errors),
        WIRE_TEST(test_no_change_breaks_no_watch),
        WIRE_TEST(test_every_string_command_takes_a_large_bitmap),
        WIRE_TEST(test_growing_bitmap),
        WIRE_TEST(test_bitcount),
        WIRE_TEST(test_bitpos),
        WIRE_TEST(test_bitop),
        WIRE_TEST(test_bitop_of_large_strings),
        WIRE_TEST(test_bitfield),
        WIRE_TEST(test_bitfield_overflow),
        WIRE_TEST3(test_bitfield_resp3),
        WIRE_TEST(test_bitfield_errors),
        WIRE_TEST(test_huge_bitmap),
        WIRE_TEST(test_command_info),
    };
    return run_modes(tests);
}
