// SPDX-License-Identifier: MIT
//
// HyperLogLog commands over the wire: every command and error, and the bytes of the strings, which
// are those of redis-server 7.0.15.
#include "tests/lib/wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WRONGTYPE "-WRONGTYPE Operation against a key holding the wrong kind of value"
#define NOT_HLL   "-WRONGTYPE Key is not a valid HyperLogLog string value."
#define CORRUPTED "-INVALIDOBJ Corrupted HLL object detected"

#define ARITY(name) "-ERR wrong number of arguments for '" name "' command"

#define EMPTY   "HYLL\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x7f\\xff"
#define UNKNOWN "HYLL\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x80\\x7f\\xff"

// Adds the elements e<from> .. e<to - 1>, a hundred at a time.
static void add(struct wire *w, const char *key, int from, int to)
{
    char command[4096];

    while (from < to) {
        size_t used = (size_t)snprintf(command, sizeof command, "PFADD %s", key);
        for (int i = 0; i < 100 && from < to; i++, from++)
            used += (size_t)snprintf(command + used, sizeof command - used, " e%d", from);
        wire_int(w, "%s", command);
    }
}

// FNV-1a of the key's bytes.
static uint64_t fingerprint(struct wire *w, const char *key)
{
    uint64_t h = UINT64_C(14695981039346656037);
    size_t len;
    const char *text = wire_text(w, &len, "GET %s", key);

    for (size_t i = 0; i < len; i++)
        h = (h ^ (unsigned char)text[i]) * UINT64_C(1099511628211);
    return h;
}

static void test_pfadd(void **state)
{
    struct wire *w = *state;

    expect(w, ":1", "PFADD h");
    expect(w, "\"" UNKNOWN "\"", "GET h");
    expect(w, "\"raw\"", "OBJECT ENCODING h");
    expect(w, ":0", "PFADD h");
    expect(w, ":1", "PFADD h a");
    expect(w, ":0", "PFADD h a a");
    expect(w, ":1", "PFADD h a b ''");
    expect(w, ":3", "PFCOUNT h");
    expect(w, "\"Z:5938 v:2,1 Z:6772 v:2,1 Z:3068 v:1,1 Z:603\"", "PFDEBUG DECODE h");
    expect(w, ":1", "PFADD h c");
    expect(w, ":4", "PFCOUNT h");
    expect(w, ":1", "PEXPIRE h 100000");
    expect(w, ":1", "PFADD h d");
    assert_in_range(wire_int(w, "PTTL h"), 1, 100000);
    expect(w, "string", "TYPE h");
    expect(w, ARITY("pfadd"), "PFADD");
}

static void test_strings_are_those_of_redis(void **state)
{
    static const struct {
        int n; // elements
        const char *encoding;
        int64_t len, count;
        uint64_t fingerprint; // after they were counted
    } rows[] = {
        {1, "sparse", 21, 1, UINT64_C(0x546d16fdfd2c805a)},
        {10, "sparse", 48, 10, UINT64_C(0xd06c25fbeaa23420)},
        {100, "sparse", 285, 100, UINT64_C(0x40dec5e3b1513cfa)},
        {500, "sparse", 1068, 506, UINT64_C(0x4785b546f1b4a8cb)},
        {1000, "sparse", 1906, 1008, UINT64_C(0x4ded8ea0046b668d)},
        {2000, "dense", 12304, 2000, UINT64_C(0xdd4d26f186b57d33)},
        {3000, "dense", 12304, 2979, UINT64_C(0xb581fa7fa1f68d1c)},
        {10000, "dense", 12304, 9973, UINT64_C(0x91141a0852dc0034)},
        {20000, "dense", 12304, 19901, UINT64_C(0x5b776629ffcdd575)},
    };
    struct wire *w = *state;
    int done = 0;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        add(w, "h", done, rows[i].n);
        done = rows[i].n;
        assert_int_equal(wire_int(w, "PFCOUNT h"), rows[i].count);
        assert_int_equal(wire_int(w, "STRLEN h"), rows[i].len);
        expect(w, rows[i].encoding, "PFDEBUG ENCODING h");
        assert_int_equal(fingerprint(w, "h"), rows[i].fingerprint);
    }
}

static void test_pfcount(void **state)
{
    struct wire *w = *state;

    expect(w, ":0", "PFCOUNT none");
    expect(w, ":0", "PFCOUNT none none2");
    expect(w, ":0", "EXISTS none none2");
    add(w, "a", 0, 50);
    add(w, "b", 30, 80);
    expect(w, ":50", "PFCOUNT a");
    expect(w, ":50", "PFCOUNT a"); // kept
    expect(w, ":80", "PFCOUNT a b");
    expect(w, ":80", "PFCOUNT a none b a b");
    add(w, "dense", 0, 20000);
    assert_in_range(wire_int(w, "PFCOUNT dense"), 19400, 20600);
    assert_int_equal(wire_int(w, "PFCOUNT dense a"), wire_int(w, "PFCOUNT dense"));
    // What the header says is believed.
    expect(
        w, "OK",
        "SET said \"HYLL\\x01\\x00\\x00\\x00\\x05\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x7f\\xff\"");
    expect(w, ":261", "PFCOUNT said");
    expect(w, ":0", "PFCOUNT said none"); // but not of several
    expect(w, "OK", "SET k \"" UNKNOWN "\"");
    expect(w, ":1", "PEXPIRE k 100000");
    expect(w, ":0", "PFCOUNT k");
    expect(w, "\"" EMPTY "\"", "GET k");
    assert_in_range(wire_int(w, "PTTL k"), 1, 100000);
    expect(w, ARITY("pfcount"), "PFCOUNT");
}

static void test_pfmerge(void **state)
{
    struct wire *w = *state;

    expect(w, "OK", "PFMERGE d");
    expect(w, "\"" UNKNOWN "\"", "GET d");
    expect(w, "OK", "PFMERGE d none none2");
    add(w, "a", 0, 50);
    add(w, "b", 30, 80);
    expect(w, "OK", "PFMERGE d a b none");
    expect(w, ":80", "PFCOUNT d");
    expect(w, "sparse", "PFDEBUG ENCODING d");
    add(w, "all", 0, 80);
    expect(w, ":80", "PFCOUNT d all");
    expect(w, ":1", "PEXPIRE d 100000");
    add(w, "dense", 60, 20000);
    expect(w, "OK", "PFMERGE d dense");
    expect(w, "dense", "PFDEBUG ENCODING d");
    assert_in_range(wire_int(w, "PTTL d"), 1, 100000);
    add(w, "all", 80, 20000);
    assert_int_equal(wire_int(w, "PFCOUNT d"), wire_int(w, "PFCOUNT all"));
    expect(w, "OK", "PFMERGE d a d b d");
    expect(w, "OK", "PFMERGE a a");
    expect(w, ":50", "PFCOUNT a");
    expect(w, "OK", "PFMERGE fresh d");
    assert_int_equal(wire_int(w, "PFCOUNT fresh"), wire_int(w, "PFCOUNT d"));
    assert_int_equal(fingerprint(w, "fresh"), fingerprint(w, "d"));
    expect(w, ":0", "GETBIT d 120"); // the count that PFCOUNT kept is good
    expect(w, "OK", "PFMERGE d a");
    expect(w, ":1", "GETBIT d 120"); // and now taken for old
    expect(w, ARITY("pfmerge"), "PFMERGE");
}

static void test_sparse_limit(void **state)
{
    struct wire *w = *state;

    expect(w, "[\"hll-sparse-max-bytes\" \"3000\"]", "CONFIG GET hll-sparse-max-bytes");
    expect(w, "OK", "CONFIG SET hll-sparse-max-bytes 30");
    add(w, "h", 0, 1);
    add(w, "h", 1, 2);
    add(w, "h", 2, 3);
    expect(w, "sparse", "PFDEBUG ENCODING h");
    assert_in_range(wire_int(w, "STRLEN h"), 20, 30);
    add(w, "h", 3, 10);
    expect(w, "dense", "PFDEBUG ENCODING h");
    expect(w, ":12304", "STRLEN h");
    expect(w, ":10", "PFCOUNT h");
    expect(w, "OK", "CONFIG SET hll-sparse-max-bytes 0");
    expect(w, ":1", "PFADD at-once a");
    expect(w, "dense", "PFDEBUG ENCODING at-once");
    expect(w, "OK", "CONFIG SET hll-sparse-max-bytes 20000");
    add(w, "long", 0, 5000);
    expect(w, "sparse", "PFDEBUG ENCODING long");
    assert_in_range(wire_int(w, "STRLEN long"), 3001, 20000);
    expect_match(w, "-ERR CONFIG SET failed*must be a memory value",
                 "CONFIG SET hll-sparse-max-bytes -1");
    expect(w, "OK", "CONFIG SET hll-sparse-max-bytes 3000");
}

static void test_pfdebug(void **state)
{
    struct wire *w = *state;

    expect(w, ":1", "PFADD h a b");
    expect(w, "sparse", "PFDEBUG encoding h");
    expect(w, ":2", "PFCOUNT h");
    expect(w, ":1", "PEXPIRE h 100000");
    expect(w, ":1", "PFDEBUG ToDense h");
    expect(w, ":0", "PFDEBUG TODENSE h");
    expect(w, "dense", "PFDEBUG ENCODING h");
    assert_in_range(wire_int(w, "PTTL h"), 1, 100000);
    expect(w, "\"HYLL\\x00\\x00\\x00\\x00\\x02\\x00\"", "GETRANGE h 0 9"); // the count is kept
    expect(w, ":2", "PFCOUNT h");
    expect(w, "-ERR HLL encoding is not sparse", "PFDEBUG DECODE h");
    expect(w, ":1", "PFADD g a");
    expect(w, "\"Z:12711 v:2,1 Z:3672\"", "PFDEBUG DECODE g");
    // GETREG makes it dense, too.
    size_t len = 2 * 16384 + 3 * 16384 + 8, used = 0;
    char *want = malloc(len);
    assert_non_null(want);
    for (int i = 0; i < 16384; i++)
        used +=
            (size_t)snprintf(want + used, len - used, "%s:%d", i ? " " : "[", i == 12711 ? 2 : 0);
    snprintf(want + used, len - used, "]");
    expect(w, want, "PFDEBUG GETREG g");
    free(want);
    expect(w, "dense", "PFDEBUG ENCODING g");
    expect(w, "OK",
           "SET odd \"HYLL\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00"
           "\\x3f\\x00\\xff\\x84\\x41\\x02\"");
    expect(w, "\"z:64 z:1 v:32,4 v:2,1 Z:259\"", "PFDEBUG DECODE odd");
    expect(w, CORRUPTED, "PFDEBUG TODENSE odd");
    expect(w, CORRUPTED, "PFDEBUG GETREG odd");
    expect(w, "sparse", "PFDEBUG ENCODING odd");
    expect(w, "OK",
           "SET bare \"HYLL\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\"");
    expect(w, "\"\"", "PFDEBUG DECODE bare");
    expect(w, "-ERR The specified key does not exist", "PFDEBUG GETREG none");
    expect(w, "-ERR The specified key does not exist", "PFDEBUG nonsense none");
    expect(w, "-ERR Unknown PFDEBUG subcommand 'nonsense'", "PFDEBUG nonsense h");
    expect(w, ":1", "SADD s a");
    expect(w, WRONGTYPE, "PFDEBUG GETREG s");
    expect(w, ARITY("pfdebug"), "PFDEBUG GETREG");
    expect(w, ARITY("pfdebug"), "PFDEBUG GETREG h x");
    expect(w, "OK", "PFSELFTEST");
    expect(w, ARITY("pfselftest"), "PFSELFTEST x");
}

static void test_what_is_not_one(void **state)
{
    static const char *const texts[] = {
        "''",
        "text",
        "12345678901234567",
        "HYLL",
        "\"HYLL\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\"",
        "\"HYLL\\x02\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x7f\\xff\"",
        "\"HYLL\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x7f\\xff\"",
        "\"hyll\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x7f\\xff\"",
    };
    static const char *const commands[] = {"PFADD k a",   "PFADD k",         "PFCOUNT k",
                                           "PFMERGE k",   "PFMERGE d k",     "PFCOUNT h k",
                                           "PFMERGE h k", "PFDEBUG DECODE k"};
    struct wire *w = *state;

    expect(w, ":1", "PFADD h a");
    for (size_t c = 0; c < sizeof commands / sizeof commands[0]; c++) {
        for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
            expect(w, "OK", "SET k %s", texts[i]);
            expect(w, NOT_HLL, "%s", commands[c]);
        }
        expect(w, ":1", "DEL k");
        expect(w, ":1", "SADD k a");
        expect(w, WRONGTYPE, "%s", commands[c]);
    }
    expect(w, ":0", "EXISTS d");
    expect(w, ":1", "PFCOUNT h");
}

static void test_corrupted(void **state)
{
    struct wire *w = *state;

    // One register too few.
    expect(w, "OK",
           "SET k \"HYLL\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x80\\x7f\\xfe\"");
    expect(w, ":1", "PFADD h a");
    expect(w, CORRUPTED, "PFCOUNT k");
    expect(w, CORRUPTED, "PFCOUNT h k");
    expect(w, CORRUPTED, "PFMERGE h k");
    expect(w, CORRUPTED, "PFMERGE d k");
    expect(w, ":0", "EXISTS d");
    expect(w, ":1", "PFADD k a"); // of register 12711, which is there
    // No register at all.
    expect(w, "OK", "SET k \"HYLL\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\"");
    expect(w, ":0", "PFCOUNT k"); // the count that is kept
    expect(w, CORRUPTED, "PFADD k a");
    expect(w, CORRUPTED, "PFMERGE k");
    // A run of ranks across the end.
    expect(w, "OK",
           "SET k "
           "\"HYLL\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x80\\x7f\\xfd\\x83\"");
    expect(w, CORRUPTED, "PFCOUNT k");
    expect(w, CORRUPTED, "PFMERGE d k");
    expect(w, CORRUPTED, "PFDEBUG TODENSE k");
    // The first element fits, the second one has no register: it stays added, as in Redis.
    expect(w, "OK",
           "SET k \"HYLL\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x60\\x00\"");
    expect(w, CORRUPTED, "PFADD k '' a");
    expect(w, "\"Z:5938 v:2,1 Z:2254\"", "PFDEBUG DECODE k");
}

#define CUT "HYLL\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x80"

// A last run whose second byte is missing counts as if that were zero; what takes its place is cut
// as well.
static void test_cut_in_a_run(void **state)
{
    struct wire *w = *state;

    expect(w, "OK", "SET k \"" CUT "\\x7f\"");
    expect(w, CORRUPTED, "PFCOUNT k"); // of 16129 registers
    expect(w, ":1", "PFADD k a");
    expect(w, "\"" CUT "q\\xa6\\x84M\"", "GET k");
    expect(w, "OK", "SET k \"" CUT "q\\xa6@\"");
    expect(w, ":1", "PFADD k a"); // the only register of the run: nothing of it is left
    expect(w, "\"" CUT "q\\xa6\"", "GET k");
    expect(w, "OK", "SET k \"" CUT "q\\xa6\\x7f\"");
    expect(w, ":1", "PFADD k a");
    expect(w, "\"" CUT "q\\xa6\\x84~\"", "GET k");
    expect(w, ":1", "PFADD k '' zz b c d");
    expect(w, "\"" CUT "J\\xd9\\x80LV\\x84EH\\x80Dv\\x80P\\xb1\\x84K\\xfb\\x80r\"", "GET k");
    expect(w, "OK", "SET k \"" CUT "\\x7f\\xfe@\""); // all registers are there
    expect(w, ":0", "PFCOUNT k");
    expect(w, ":1", "PFADD k a ''");
    expect(w, ":2", "PFCOUNT k");
    expect(w, "OK", "SET k \"" CUT "@\""); // one register
    expect(w, CORRUPTED, "PFADD k a");
}

// A string that was set, and is short, shows it until it is taken for a HyperLogLog to be changed
// or counted.
static void test_encoding(void **state)
{
    static const char *const owning[] = {"PFADD k",   "PFADD k a",          "PFCOUNT k",
                                         "PFMERGE k", "PFDEBUG ENCODING k", "PFDEBUG nonsense k"};
    static const char *const looking[] = {"PFCOUNT k k", "PFMERGE d k", "GET k"};
    struct wire *w = *state;

    for (size_t i = 0; i < sizeof owning / sizeof *owning; i++) {
        for (int cached = 0; cached < 2; cached++) {
            expect(w, "OK", "SET k \"%s\" PX 100000", cached ? EMPTY : UNKNOWN);
            expect(w, "\"embstr\"", "OBJECT ENCODING k");
            wire_run(w, "%s", owning[i]);
            expect(w, "\"raw\"", "OBJECT ENCODING k");
            assert_in_range(wire_int(w, "PTTL k"), 1, 100000);
        }
    }
    for (size_t i = 0; i < sizeof looking / sizeof *looking; i++) {
        expect(w, "OK", "SET k \"" UNKNOWN "\"");
        wire_run(w, "%s", looking[i]);
        expect(w, "\"embstr\"", "OBJECT ENCODING k");
    }
    // It is the same string to those who watch it.
    struct wire *other = wire_open(wire_server(w), 2);
    expect(w, "OK", "SET k \"" EMPTY "\"");
    expect(w, "OK", "WATCH k");
    expect(other, ":0", "PFADD k");
    expect(other, ":0", "PFCOUNT k");
    expect(w, "OK", "MULTI");
    expect(w, "[]", "EXEC");
    wire_close(other);
}

static void test_command_info(void **state)
{
    struct wire *w = *state;

    expect_match(w,
                 "*\"pfadd\" :-2 [[]write denyoom fast] :1 :1 :1 [[]@write @hyperloglog @fast] "
                 "[[]] [[][[]\"flags\" [[]RW insert] *\"lastkey\" :0 *",
                 "COMMAND INFO pfadd");
    expect_match(w,
                 "*\"pfcount\" :-2 [[]readonly] :1 :-1 :1 [[]@read @hyperloglog @slow] *"
                 "[[]RW access] *\"lastkey\" :-1 *",
                 "COMMAND INFO pfcount");
    expect_match(w,
                 "*\"pfmerge\" :-2 [[]write denyoom] :1 :-1 :1 [[]@write @hyperloglog @slow] *"
                 "[[]RW access insert] *\"lastkey\" :0 *[[]RO access] *\"lastkey\" :-1 *",
                 "COMMAND INFO pfmerge");
    expect_match(w,
                 "*\"pfdebug\" :3 [[]write denyoom admin] :2 :2 :1 "
                 "[[]@write @hyperloglog @admin @slow @dangerous] *[[]RW access] *",
                 "COMMAND INFO pfdebug");
    expect(w,
           "[[\"pfselftest\" :1 [admin] :0 :0 :0 [@hyperloglog @admin @slow @dangerous] [] [] "
           "[]]]",
           "COMMAND INFO pfselftest");
    expect(w, "[\"a\" \"b\"]", "COMMAND GETKEYS PFCOUNT a b");
    expect(w, "[\"h\"]", "COMMAND GETKEYS PFDEBUG GETREG h");
    // Good to run, but without the sources there is nothing to tell.
    expect(w, "-ERR Invalid arguments specified for command", "COMMAND GETKEYS PFMERGE d");
    expect(w, "-ERR Invalid arguments specified for command", "COMMAND GETKEYSANDFLAGS PFMERGE d");
    expect(w, "[\"d\" \"s\"]", "COMMAND GETKEYS PFMERGE d s");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WIRE_TEST(test_pfadd),           WIRE_TEST(test_strings_are_those_of_redis),
        WIRE_TEST(test_pfcount),         WIRE_TEST(test_pfmerge),
        WIRE_TEST(test_sparse_limit),    WIRE_TEST(test_pfdebug),
        WIRE_TEST(test_what_is_not_one), WIRE_TEST(test_corrupted),
        WIRE_TEST(test_cut_in_a_run),    WIRE_TEST(test_encoding),
        WIRE_TEST(test_command_info),
    };
    return run_modes(tests);
}
