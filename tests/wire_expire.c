// SPDX-License-Identifier: MIT
//
// EXPIRE PEXPIRE EXPIREAT PEXPIREAT, EXPIRETIME PEXPIRETIME, TTL PTTL and PERSIST over the wire.
// Every text was compared with redis-server 7.0.15.
#include "tests/lib/wire.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define NOT_INT "-ERR value is not an integer or out of range"

static int64_t unix_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

// The command answers an integer within [low, high].
#define expect_range(w, low, high, ...)                                                            \
    do {                                                                                           \
        int64_t n_ = wire_int(w, __VA_ARGS__);                                                     \
        if (n_ < (low) || n_ > (high)) {                                                           \
            print_error("%" PRId64 " not in [%" PRId64 ", %" PRId64 "]\n", n_, (int64_t)(low),     \
                        (int64_t)(high));                                                          \
            _fail(__FILE__, __LINE__);                                                             \
        }                                                                                          \
    } while (0)

static void test_no_key(void **state)
{
    struct wire *w = *state;

    expect(w, ":0", "EXPIRE nokey 10");
    expect(w, ":0", "PEXPIRE nokey 10");
    expect(w, ":0", "EXPIREAT nokey 10");
    expect(w, ":0", "PEXPIREAT nokey 10");
    expect(w, ":0", "PERSIST nokey");
    expect(w, ":-2", "TTL nokey");
    expect(w, ":-2", "PTTL nokey");
    expect(w, ":-2", "EXPIRETIME nokey");
    expect(w, ":-2", "PEXPIRETIME nokey");
}

static void test_set_and_ask(void **state)
{
    struct wire *w = *state;
    int64_t before = unix_ms();

    expect(w, "OK", "SET a 1");
    expect(w, ":-1", "TTL a");
    expect(w, ":-1", "PTTL a");
    expect(w, ":-1", "EXPIRETIME a");
    expect(w, ":-1", "PEXPIRETIME a");
    expect(w, ":1", "EXPIRE a 100");
    expect_range(w, 90, 100, "TTL a");
    expect_range(w, 90000, 100000, "PTTL a");
    expect_range(w, before / 1000 + 99, unix_ms() / 1000 + 102, "EXPIRETIME a");
    expect_range(w, before + 99000, unix_ms() + 100000, "PEXPIRETIME a");
    expect(w, ":1", "PEXPIRE a 200000");
    expect_range(w, 190, 200, "TTL a");
    expect(w, ":1", "EXPIREAT a 33177117420");
    expect(w, ":33177117420", "EXPIRETIME a");
    expect(w, ":33177117420000", "PEXPIRETIME a");
    expect(w, ":1", "PEXPIREAT a 33177117420499");
    expect(w, ":33177117420", "EXPIRETIME a");
    expect(w, ":1", "PEXPIREAT a 33177117420500");
    expect(w, ":33177117421", "EXPIRETIME a");
    expect(w, ":33177117420500", "PEXPIRETIME a");
    expect(w, "\"1\"", "GET a");
}

static void test_persist(void **state)
{
    struct wire *w = *state;

    expect(w, "OK", "SET a 1");
    expect(w, ":0", "PERSIST a");
    expect(w, ":1", "EXPIRE a 100");
    expect(w, ":1", "PERSIST a");
    expect(w, ":-1", "TTL a");
    expect(w, ":0", "PERSIST a");
    expect(w, "\"1\"", "GET a");
    expect(w, ":1", "SADD s m");
    expect(w, ":1", "EXPIRE s 100");
    expect(w, ":1", "PERSIST s");
    expect(w, ":-1", "TTL s");
}

// Values of every kind and size keep what they hold while expire times come and go.
static void test_every_kind_of_value(void **state)
{
    static const char *const values[] = {"12",
                                         "-576460752303423488",
                                         "9223372036854775807",
                                         "short",
                                         "exactly8",
                                         "a string that needs a block of its own"};
    struct wire *w = *state;
    char want[64];

    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        expect(w, "OK", "SET k '%s'", values[i]);
        snprintf(want, sizeof(want), "\"%s\"", values[i]);
        for (int round = 0; round < 3; round++) {
            expect(w, ":1", "EXPIRE k 100");
            expect(w, want, "GET k");
            expect(w, ":1", "PEXPIRE k 200000");
            expect_range(w, 190, 200, "TTL k");
            expect(w, ":1", "PERSIST k");
            expect(w, want, "GET k");
        }
    }
    expect(w, ":2", "SADD s a b");
    expect(w, ":1", "EXPIRE s 100");
    expect(w, ":1", "SADD s c");
    expect_range(w, 90, 100, "TTL s");
    expect(w, ":3", "SCARD s");
    expect(w, "OK", "SET k v EX 100");
    expect(w, ":2", "APPEND k w");
    expect_range(w, 90, 100, "TTL k");
    expect(w, "OK", "SET k v");
    expect(w, ":-1", "TTL k");
}

static void test_past_deletes(void **state)
{
    struct wire *w = *state;
    static const char *const commands[] = {
        "EXPIRE k 0",
        "EXPIRE k -1",
        "PEXPIRE k 0",
        "PEXPIRE k -100",
        "EXPIREAT k 0",
        "EXPIREAT k 1700000000",
        "EXPIREAT k -1",
        "PEXPIREAT k 0",
        "PEXPIREAT k 1700000000000",
        "PEXPIREAT k -1",
        "EXPIRE k -9223372036854775",
        "PEXPIRE k -9223372036854775808",
        "PEXPIREAT k -9223372036854775808",
    };

    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        expect(w, "OK", "SET k 1");
        expect(w, ":1", "%s", commands[i]);
        expect(w, ":0", "EXISTS k");
        expect(w, ":0", "DBSIZE");
        expect(w, ":1", "SADD k m");
        expect(w, ":1", "%s", commands[i]);
        expect(w, "none", "TYPE k");
        expect(w, ":-2", "TTL k");
        expect(w, ":0", "DBSIZE");
    }
}

static void test_options(void **state)
{
    struct wire *w = *state;

    expect(w, "OK", "SET a 1");
    expect(w, ":0", "EXPIRE a 100 XX");
    expect(w, ":0", "EXPIRE a 100 GT"); // no expire time counts as endless
    expect(w, ":-1", "TTL a");
    expect(w, ":1", "EXPIRE a 100 NX");
    expect(w, ":0", "EXPIRE a 200 NX");
    expect_range(w, 90, 100, "TTL a");
    expect(w, ":1", "EXPIRE a 200 XX");
    expect_range(w, 190, 200, "TTL a");
    expect(w, ":0", "EXPIRE a 100 GT");
    expect(w, ":1", "EXPIRE a 300 gt");
    expect(w, ":0", "EXPIRE a 400 LT");
    expect_range(w, 290, 300, "TTL a");
    expect(w, ":1", "EXPIRE a 100 lt");
    expect_range(w, 90, 100, "TTL a");
    expect(w, ":1", "PERSIST a");
    expect(w, ":1", "EXPIRE a 100 LT");
    expect_range(w, 90, 100, "TTL a");
    // Equal times are neither greater nor less.
    expect(w, ":1", "PEXPIREAT a 33177117420000");
    expect(w, ":0", "PEXPIREAT a 33177117420000 GT");
    expect(w, ":0", "PEXPIREAT a 33177117420000 LT");
    expect(w, ":1", "PEXPIREAT a 33177117420000 XX");
    expect(w, ":1", "EXPIREAT a 33177117421 GT");
    expect(w, ":33177117421", "EXPIRETIME a");
    expect(w, ":1", "PEXPIRE a 100000 XX LT");
    expect(w, ":1", "PEXPIRE a 200000 GT XX");
    expect(w, ":1", "EXPIRE a 300 XX XX GT");
    expect_range(w, 290, 300, "TTL a");
    // The options decide before the past deletes.
    expect(w, ":0", "EXPIRE a -1 NX");
    expect(w, ":0", "EXPIRE a -1 GT");
    expect(w, ":1", "EXISTS a");
    expect(w, ":1", "EXPIRE a -1 LT");
    expect(w, ":0", "EXISTS a");
    expect(w, ":0", "EXPIRE a 10 NX");
}

static void test_option_errors(void **state)
{
    struct wire *w = *state;
    const char *nx_and = "-ERR NX and XX, GT or LT options at the same time are not compatible";
    const char *gt_lt = "-ERR GT and LT options at the same time are not compatible";

    expect(w, nx_and, "EXPIRE a 10 NX XX");
    expect(w, nx_and, "EXPIRE a 10 GT NX");
    expect(w, nx_and, "PEXPIRE a 10 NX LT");
    expect(w, nx_and, "EXPIRE a 10 NX GT LT");
    expect(w, gt_lt, "EXPIREAT a 10 GT LT");
    expect(w, gt_lt, "PEXPIREAT a x LT XX GT");
    expect(w, "-ERR Unsupported option foo", "EXPIRE a 10 foo");
    expect(w, "-ERR Unsupported option Bar", "EXPIRE a x NX XX Bar");
    expect(w, "-ERR Unsupported option ", "EXPIRE a 10 ''");
    expect(w, NOT_INT, "EXPIRE a x");
    expect(w, NOT_INT, "EXPIRE a 1.5");
    expect(w, NOT_INT, "EXPIRE a ''");
    expect(w, NOT_INT, "PEXPIREAT a 9223372036854775808");
}

static void test_time_errors(void **state)
{
    static const char *const names[] = {"expire", "pexpire", "expireat"};
    struct wire *w = *state;
    char want[96];

    expect(w, "OK", "SET a 1");
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(want, sizeof(want), "-ERR invalid expire time in '%s' command", names[i]);
        expect(w, want, "%s a 9223372036854775807", names[i]);
        expect(w, want, "%s nokey 9223372036854775807", names[i]);
    }
    expect(w, "-ERR invalid expire time in 'expire' command", "EXPIRE a -9223372036854775808");
    expect(w, "-ERR invalid expire time in 'expireat' command", "EXPIREAT a -9223372036854776");
    expect(w, ":-1", "TTL a");
    expect(w, ":1", "EXPIREAT a 9223372036854775");
    expect(w, ":9223372036854775", "EXPIRETIME a");
    expect(w, ":1", "PEXPIREAT a 9223372036854775807");
    expect(w, ":9223372036854775807", "PEXPIRETIME a");
    expect(w, ":9223372036854776", "EXPIRETIME a");
    expect(w, "\"1\"", "GET a");
}

static void test_arity(void **state)
{
    static const char *const short_ones[] = {"expire a", "pexpire a", "expireat a", "pexpireat a"};
    static const char *const exact[] = {"ttl", "pttl", "expiretime", "pexpiretime", "persist"};
    struct wire *w = *state;
    char want[96];

    for (size_t i = 0; i < sizeof(short_ones) / sizeof(short_ones[0]); i++) {
        snprintf(want, sizeof(want), "-ERR wrong number of arguments for '%.*s' command",
                 (int)strlen(short_ones[i]) - 2, short_ones[i]);
        expect(w, want, "%s", short_ones[i]);
    }
    for (size_t i = 0; i < sizeof(exact) / sizeof(exact[0]); i++) {
        snprintf(want, sizeof(want), "-ERR wrong number of arguments for '%s' command", exact[i]);
        expect(w, want, "%s", exact[i]);
        expect(w, want, "%s a b", exact[i]);
    }
}

static int64_t server_ms(struct wire *w)
{
    long long s, us;

    assert_int_equal(sscanf(wire_run(w, "TIME"), "[\"%lld\" \"%lld\"]", &s, &us), 2);
    return s * 1000 + us / 1000;
}

enum { SOON_MS = 1500 }; // enough to make a few keys that expire together

// A key whose time has come is not there for any command, although it has not been removed.
static void test_expired_key_is_gone(void **state)
{
    struct wire *w = *state;

    expect(w, "OK", "DEBUG SET-ACTIVE-EXPIRE 0");
    expect(w, "OK", "MSET a 1 b 1 c 1 d 1 e 1 f 1 g 1 h 1 live 1");
    expect(w, ":1", "SADD s m");
    int64_t at_ms = server_ms(w) + SOON_MS;
    for (const char *k = "abcdefghs"; *k; k++)
        expect(w, ":1", "PEXPIREAT %c %" PRId64, *k, at_ms);
    wait_until(server_ms(w) >= at_ms, 20000);
    expect(w, ":10", "DBSIZE");
    expect(w, "(nil)", "GET a");
    expect(w, "none", "TYPE b");
    expect(w, ":-2", "TTL c");
    expect(w, ":0", "DEL d");
    expect(w, ":0", "PERSIST e");
    expect(w, ":0", "EXPIRE f 100");
    expect(w, "-ERR no such key", "RENAME g x");
    expect(w, ":0", "SCARD s");
    expect(w, "(nil)", "OBJECT ENCODING h");
    expect(w, ":0", "COPY h x");
    expect(w, ":0", "MOVE h 1");
    expect(w, "[\"live\"]", "KEYS *");
    expect(w, "[\"0\" [\"live\"]]", "SCAN 0 COUNT 1000");
    expect(w, "\"live\"", "RANDOMKEY");
    expect(w, ":1", "SADD a now-a-set");
    expect(w, ":-1", "TTL a");
    expect(w, ":1", "RENAMENX live b");
    expect(w, "OK", "DEBUG SET-ACTIVE-EXPIRE 1");
}

// Who reads a key whose time has come removes it, with and without locks.
static void test_read_removes_what_has_expired(void **state)
{
    static const char *const reads[][2] = {{"GET k0", "(nil)"},
                                           {"EXISTS k1 none", ":0"},
                                           {"MGET k2 other", "[(nil) \"1\"]"},
                                           {"TTL k3", ":-2"},
                                           {"STRLEN k4", ":0"},
                                           {"TYPE k5", "none"},
                                           {"GETRANGE k6 0 -1", "\"\""},
                                           {"OBJECT IDLETIME k7", "(nil)"},
                                           {"SUNION k8", "[]"},
                                           {"SMEMBERS s", "[]"}};
    enum { READS = sizeof reads / sizeof *reads };
    struct wire *w = *state;
    int64_t at_ms = server_ms(w) + SOON_MS;

    expect(w, "OK", "DEBUG SET-ACTIVE-EXPIRE 0");
    expect(w, "OK", "SET other 1");
    for (int i = 0; i < READS - 1; i++)
        expect(w, "OK", "SET k%d 1 PXAT %" PRId64, i, at_ms);
    expect(w, ":2", "SADD s a b");
    expect(w, ":1", "PEXPIREAT s %" PRId64, at_ms);
    wait_until(server_ms(w) >= at_ms, 20000);
    for (int i = 0; i < READS; i++) {
        assert_int_equal(wire_int(w, "DBSIZE"), 1 + READS - i);
        expect(w, reads[i][1], "%s", reads[i][0]);
    }
    expect(w, ":1", "DBSIZE");
    expect(w, "OK", "DEBUG SET-ACTIVE-EXPIRE 1");
}

// Nobody asks for the keys: the server finds them by itself.
static void test_active_expiry(void **state)
{
    struct wire *w = *state;

    for (int i = 0; i < 500; i++)
        expect(w, "OK", "SET k%d v PX 50", i);
    expect(w, "OK", "SET keep v");
    wait_until(wire_int(w, "DBSIZE") == 1, 20000);
    expect(w, "\"v\"", "GET keep");
}

static void test_resp3(void **state)
{
    struct wire *w = *state;

    expect(w, "OK", "SET a 1");
    expect(w, ":1", "EXPIRE a 100 NX");
    expect_range(w, 90, 100, "TTL a");
    expect(w, ":1", "PERSIST a");
    expect(w, ":-1", "PEXPIRETIME a");
    expect(w, ":-2", "PTTL nokey");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WIRE_TEST(test_no_key),        WIRE_TEST(test_set_and_ask),
        WIRE_TEST(test_persist),       WIRE_TEST(test_every_kind_of_value),
        WIRE_TEST(test_past_deletes),  WIRE_TEST(test_options),
        WIRE_TEST(test_option_errors), WIRE_TEST(test_time_errors),
        WIRE_TEST(test_arity),         WIRE_TEST(test_expired_key_is_gone),
        WIRE_TEST(test_arity),         WIRE_TEST(test_read_removes_what_has_expired),
        WIRE_TEST(test_active_expiry), WIRE_TEST3(test_resp3),
    };

    return run_modes(tests);
}
