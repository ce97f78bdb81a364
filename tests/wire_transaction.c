// SPDX-License-Identifier: MIT
//
// MULTI EXEC DISCARD WATCH UNWATCH over the wire. Every text was compared with redis-server 7.0.15.
#include "tests/lib/wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NESTED   "-ERR MULTI calls can not be nested"
#define IN_MULTI "-ERR WATCH inside MULTI is not allowed"
#define ABORTED  "-EXECABORT Transaction discarded because of previous errors."
#define EXEC_ARITY                                                                                 \
    "-EXECABORT Transaction discarded because of: wrong number of arguments for 'exec' command"
#define WRONGTYPE "-WRONGTYPE Operation against a key holding the wrong kind of value"

enum { LIMIT_MS = 30000 };

// MULTI, one command, EXEC: whether the transaction ran.
static void expect_exec(struct wire *w, const char *want)
{
    expect(w, "OK", "MULTI");
    expect(w, "QUEUED", "PING");
    expect(w, want, "EXEC");
}

#define expect_runs(w)   expect_exec(w, "[PONG]")
#define expect_broken(w) expect_exec(w, "(nil-array)")

static void test_multi_exec(void **state)
{
    struct wire *w = *state;

    expect(w, "OK", "MULTI");
    expect(w, "QUEUED", "SET x 1");
    expect(w, "QUEUED", "INCR x");
    expect(w, "QUEUED", "GET x");
    expect(w, "QUEUED", "LPUSH x 1");
    expect(w, "QUEUED", "RENAME x y");
    expect(w, "QUEUED", "EXISTS x y");
    expect(w, "QUEUED", "get y");
    expect(w, "[OK :2 \"2\" " WRONGTYPE " OK :1 \"2\"]", "EXEC");
    expect(w, "\"2\"", "GET y");
    expect(w, "OK", "MULTI");
    expect(w, "[]", "EXEC");
}

static void test_errors(void **state)
{
    struct wire *w = *state;

    expect(w, "-ERR EXEC without MULTI", "EXEC");
    expect(w, "-ERR DISCARD without MULTI", "DISCARD");
    expect(w, "-ERR wrong number of arguments for 'multi' command", "MULTI now");
    expect(w, EXEC_ARITY, "EXEC now");
    expect(w, "-ERR wrong number of arguments for 'discard' command", "DISCARD now");
    expect(w, "-ERR wrong number of arguments for 'watch' command", "WATCH");
    expect(w, "-ERR wrong number of arguments for 'unwatch' command", "UNWATCH now");
    expect(w, "OK", "MULTI");
    expect(w, NESTED, "MULTI");
    expect(w, IN_MULTI, "WATCH x");
    expect(w, "QUEUED", "UNWATCH");
    expect(w, "[OK]", "EXEC");
}

// A command that cannot be queued: nothing runs.
static void test_refused_commands(void **state)
{
    static const char *const REFUSED[][2] = {
        {"-ERR unknown command 'NOSUCH', with args beginning with: 'a' ", "NOSUCH a"},
        {"-ERR wrong number of arguments for 'get' command", "GET"},
        {"-ERR unknown subcommand 'NOSUCH'. Try OBJECT HELP.", "OBJECT NOSUCH"},
        {"-ERR Command not allowed inside a transaction", "SHUTDOWN"},
    };
    struct wire *w = *state;

    for (size_t i = 0; i < sizeof REFUSED / sizeof REFUSED[0]; i++) {
        expect(w, "OK", "MULTI");
        expect(w, "QUEUED", "SET x 1");
        expect(w, REFUSED[i][0], "%s", REFUSED[i][1]);
        expect(w, "QUEUED", "SET y 1");
        expect(w, ABORTED, "EXEC");
        expect(w, "-ERR EXEC without MULTI", "EXEC");
    }
    expect(w, ":0", "EXISTS x y");
}

// EXEC with arguments runs nothing, and ends the transaction and the watch all the same.
static void test_exec_with_arguments(void **state)
{
    struct wire *w = *state;

    expect(w, "OK", "WATCH x");
    expect(w, "OK", "MULTI");
    expect(w, "QUEUED", "SET x 1");
    expect(w, EXEC_ARITY, "EXEC now");
    expect(w, ":0", "EXISTS x");
    expect(w, "-ERR EXEC without MULTI", "EXEC");
    expect(w, "OK", "WATCH x");
    expect(w, EXEC_ARITY, "EXEC now");
    expect(w, "OK", "SET x 1");
    expect_runs(w);
}

static void test_discard(void **state)
{
    struct wire *w = *state;
    struct wire *other = wire_open(wire_server(w), 2);

    expect(w, "OK", "SET x 1");
    expect(w, "OK", "WATCH x");
    expect(w, "OK", "MULTI");
    expect(w, "QUEUED", "SET x 2");
    expect(w, "OK", "DISCARD");
    expect(w, "\"1\"", "GET x");
    expect(w, "-ERR EXEC without MULTI", "EXEC");
    expect(other, "OK", "SET x 3");
    expect_runs(w); // DISCARD has ended the watch
    wire_close(other);
}

static void test_quit_and_reset(void **state)
{
    struct wire *w = *state;
    struct wire *other = wire_open(wire_server(w), 2);

    expect(w, "OK", "WATCH x");
    expect(other, "OK", "SET x 1");
    expect(w, "OK", "MULTI");
    expect(w, "QUEUED", "SET x 2");
    expect(w, "RESET", "RESET");
    expect(w, "-ERR EXEC without MULTI", "EXEC");
    expect_runs(w); // RESET has forgotten that the watch was broken
    expect(w, "OK", "MULTI");
    expect(w, "QUEUED", "SET x 2");
    expect(w, "OK", "QUIT");
    expect_closed(w);
    expect(other, "\"1\"", "GET x");
    wire_close(other);
}

// ---- WATCH --------------------------------------------------------------------------------------

// What another client does to the watched keys "s" (a string), "c" (a set of one member), "t" (a
// string with an expire time) or "none", and whether that is a change.
static void test_watched_changes(void **state)
{
    static const struct {
        const char *command;
        bool broken;
    } CASES[] = {
        {"SET s 1", true},
        {"SET none 1", true},
        {"GET s", false},
        {"GETSET s 1", true},
        {"APPEND s x", true},
        {"SETRANGE s 0 v", true},
        {"INCR none", true},
        {"DEL s", true},
        {"DEL none", false},
        {"UNLINK c", true},
        {"EXPIRE s 100", true},
        {"EXPIRE none 100", false},
        {"PEXPIRE t 1000000", true},
        {"PERSIST t", true},
        {"PERSIST s", false},
        {"GETEX t PERSIST", true},
        {"GETEX t", false},
        {"EXPIRE t -1", true},
        {"RENAME s other", true},
        {"RENAME other s", true},
        {"RENAME other none", true},
        {"RENAMENX s c", false},
        {"COPY other none", true},
        {"COPY s other REPLACE", false},
        {"MOVE s 1", true},
        {"SADD c new", true},
        {"SADD c member", false},
        {"SREM c nobody", false},
        {"SREM c member", true},
        {"SPOP c", true},
        {"SMOVE c d member", true},
        {"SMOVE d c x", true},
        {"SMEMBERS c", false},
        {"SUNIONSTORE none c", true},
        {"SINTERSTORE c d", true},
        {"SDIFFSTORE d c", false},
        {"LPUSH none x", true},
        {"LMOVE l l LEFT RIGHT", true},
        {"LTRIM l 0 -1", true},
        {"LREM l 0 y", false},
        {"ZADD none 1 x", true},
        {"ZUNIONSTORE none 1 nobody", false},
        {"ZRANGESTORE none nobody 0 -1", false},
        {"SUNIONSTORE none nobody", false},
        {"SETRANGE none 0 ''", false},
        {"MSET a 1 s 2", true},
        {"MSETNX a 1 s 2", false},
        {"FLUSHALL", true},
        {"FLUSHDB ASYNC", true},
        {"SWAPDB 0 2", true},
        {"SWAPDB 1 2", false},
        {"SELECT 1", false},
    };
    struct wire *w = *state;
    struct wire *other = wire_open(wire_server(w), 2);

    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        expect(other, "OK", "FLUSHALL");
        expect(other, "OK", "MSET s value other value");
        expect(other, "OK", "SET t value EX 1000");
        expect(other, ":1", "SADD c member");
        expect(other, ":1", "SADD d x");
        expect(other, ":1", "RPUSH l x");
        expect(w, "OK", "WATCH s c none t l");
        wire_run(other, "%s", CASES[i].command);
        expect(w, "OK", "MULTI");
        expect(w, "QUEUED", "PING");
        const char *reply = wire_run(w, "EXEC");
        if (strcmp(reply, CASES[i].broken ? "(nil-array)" : "[PONG]") != 0)
            fail_msg("after %s: %s", CASES[i].command, reply);
        expect(other, "OK", "SELECT 0");
    }
    wire_close(other);
}

// One's own change counts as well, but for those of the transaction.
static void test_watched_by_itself(void **state)
{
    struct wire *w = *state;

    expect(w, "OK", "WATCH x");
    expect(w, "OK", "SET x 1");
    expect_broken(w);
    expect(w, "OK", "WATCH x");
    expect(w, "OK", "MULTI");
    expect(w, "QUEUED", "SET x 2");
    expect(w, "[OK]", "EXEC");
    expect(w, "OK", "SET x 3");
    expect_runs(w); // EXEC has ended the watch
    expect(w, "OK", "WATCH x");
    expect(w, "-ERR EXEC without MULTI", "EXEC");
    expect(w, "OK", "SET x 4");
    expect_broken(w); // which was no EXEC
}

static void test_unwatch(void **state)
{
    struct wire *w = *state;
    struct wire *other = wire_open(wire_server(w), 2);

    expect(w, "OK", "UNWATCH");
    expect(w, "OK", "WATCH x y x");
    expect(w, "OK", "WATCH x");
    expect(other, "OK", "SET x 1");
    expect(w, "OK", "UNWATCH");
    expect_runs(w);
    expect(w, "OK", "WATCH x");
    expect(other, "OK", "SET y 1");
    expect_runs(w);
    wire_close(other);
}

// The same name in another database is another key.
static void test_watch_knows_databases(void **state)
{
    struct wire *w = *state;
    struct wire *other = wire_open(wire_server(w), 2);

    expect(w, "OK", "WATCH x");
    expect(other, "OK", "SELECT 1");
    expect(other, "OK", "SET x 1");
    expect_runs(w);
    expect(w, "OK", "WATCH x");
    expect(w, "OK", "SELECT 1");
    expect(other, ":1", "DEL x");
    expect_runs(w);
    expect(w, "OK", "SELECT 0");
    expect(w, "OK", "WATCH x");
    expect(other, "OK", "SET x 1");
    expect(other, "OK", "SWAPDB 0 1");
    expect_broken(w);
    wire_close(other);
}

static void test_watched_keys_expire(void **state)
{
    struct wire *w = *state;
    struct wire *other = wire_open(wire_server(w), 2);

    // Removed by expiry in the background, or not: nobody sees the difference.
    for (int active = 0; active < 2; active++) {
        expect(w, "OK", "DEBUG SET-ACTIVE-EXPIRE %d", active);
        expect(w, "OK", "SET x 1 PX 1000000");
        expect(w, "OK", "WATCH x");
        expect(w, "OK", "UNWATCH");
        expect(w, "OK", "SET x 1 PX 30");
        expect(w, "OK", "WATCH x");
        wait_until(wire_int(other, "EXISTS x") == 0, LIMIT_MS);
        expect_broken(w);
    }
    expect(w, "OK", "DEBUG SET-ACTIVE-EXPIRE 0");
    // It had expired before, and does not exist afterwards either.
    expect(w, "OK", "SET x 1 PX 1");
    wait_until(wire_int(other, "EXISTS x") == 0, LIMIT_MS);
    expect(w, "OK", "WATCH x");
    expect_runs(w);
    expect(w, "OK", "SET x 1 PX 1");
    wait_until(wire_int(other, "EXISTS x") == 0, LIMIT_MS);
    expect(w, "OK", "WATCH x");
    expect(other, ":0", "DEL x"); // which removes what was left of it
    expect_runs(w);
    expect(w, "OK", "WATCH x");
    expect(other, "OK", "SET x 1");
    expect_broken(w);
    expect(w, "OK", "DEBUG SET-ACTIVE-EXPIRE 1");
    wire_close(other);
}

// A client that goes away takes its watches along.
static void test_watcher_goes(void **state)
{
    struct wire *w = *state;

    for (int i = 0; i < 20; i++) {
        struct wire *other = wire_open(wire_server(w), 2);
        expect(other, "OK", "WATCH x y z");
        expect(other, "OK", "MULTI");
        expect(other, "QUEUED", "SET x 1");
        wire_close(other);
        expect_match(w, "*", "SET x %d", i);
    }
    expect(w, "OK", "SET x end");
}

// ---- databases and the connection's state -------------------------------------------------------

static void test_select(void **state)
{
    struct wire *w = *state;

    expect(w, "OK", "MULTI");
    expect(w, "QUEUED", "SET a zero");
    expect(w, "QUEUED", "SELECT 3");
    expect(w, "QUEUED", "EXISTS a");
    expect(w, "QUEUED", "SET a three");
    expect(w, "QUEUED", "SELECT 99");
    expect(w, "QUEUED", "SELECT x");
    expect(w, "QUEUED", "GET a");
    expect(w, "QUEUED", "SELECT 0");
    expect(w, "QUEUED", "GET a");
    expect(w, "QUEUED", "SELECT 3");
    expect(w,
           "[OK OK :0 OK -ERR DB index is out of range -ERR value is not an integer or out of range"
           " \"three\" OK \"zero\" OK]",
           "EXEC");
    expect(w, "\"three\"", "GET a");
    expect(w, "OK", "SELECT 0");
    expect(w, "\"zero\"", "GET a");
}

// Commands on whole databases stop everything else, and are commands of the transaction as well.
static void test_whole_databases(void **state)
{
    struct wire *w = *state;

    expect(w, "OK", "MSET a 1 b 2");
    expect(w, "OK", "MULTI");
    expect(w, "QUEUED", "SET c 3");
    expect(w, "QUEUED", "DBSIZE");
    expect(w, "QUEUED", "FLUSHALL");
    expect(w, "QUEUED", "EXISTS a b c");
    expect(w, "QUEUED", "SET d 4");
    expect(w, "QUEUED", "SADD s 1 2 3");
    expect(w, "QUEUED", "DBSIZE");
    expect(w, "QUEUED", "SWAPDB 0 1");
    expect(w, "QUEUED", "GET d");
    expect(w, "QUEUED", "SELECT 1");
    expect(w, "QUEUED", "GET d");
    expect(w, "QUEUED", "FLUSHDB SYNC");
    expect(w, "QUEUED", "KEYS *");
    expect(w, "QUEUED", "DEBUG SLEEP 0.01");
    expect(w, "[OK :3 OK :0 OK :3 :2 OK (nil) OK \"4\" OK [] OK]", "EXEC");
    expect(w, ":0", "DBSIZE");
    expect(w, "OK", "SELECT 0");
    expect(w, ":0", "DBSIZE");
    expect(w, "OK", "WATCH x");
    expect(w, "OK", "MULTI");
    expect(w, "QUEUED", "FLUSHALL");
    expect(w, "[OK]", "EXEC"); // the watch sees no change of its own
    expect(w, "OK", "SET x 1");
    expect(w, "OK", "WATCH x");
    expect(w, "OK", "SET x 2");
    expect(w, "OK", "MULTI");
    expect(w, "QUEUED", "FLUSHALL");
    expect(w, "(nil-array)", "EXEC");
    expect(w, "\"2\"", "GET x");
}

static void test_keyless_commands(void **state)
{
    struct wire *w = *state;

    expect(w, "OK", "MULTI");
    expect(w, "QUEUED", "CLIENT SETNAME me");
    expect(w, "QUEUED", "SET k v");
    expect(w, "QUEUED", "CLIENT GETNAME");
    expect(w, "QUEUED", "KEYS *");
    expect(w, "QUEUED", "RANDOMKEY");
    expect(w, "QUEUED", "DBSIZE");
    expect(w, "QUEUED", "CONFIG SET slowlog-max-len 128");
    expect(w, "QUEUED", "OBJECT ENCODING k");
    expect(w, "QUEUED", "DEBUG SLEEP 0.01");
    expect(w, "QUEUED", "ECHO done");
    expect(w, "[OK OK \"me\" [\"k\"] \"k\" :1 OK \"embstr\" OK \"done\"]", "EXEC");
}

static void test_client_list(void **state)
{
    struct wire *w = *state;
    struct wire *other = wire_open(wire_server(w), 2);
    long long id = wire_int(w, "CLIENT ID");

    expect_match(other, "*flags=N*multi=-1*multi-mem=0 *", "CLIENT LIST ID %lld", id);
    expect(w, "OK", "WATCH x");
    expect(w, "OK", "MULTI");
    expect(w, "QUEUED", "PING");
    expect(w, "QUEUED", "PING");
    expect_match(other, "*flags=x *multi=2 *multi-mem=[1-9]*", "CLIENT LIST ID %lld", id);
    expect(other, "OK", "SET x 1");
    expect_match(other, "*flags=xd *", "CLIENT LIST ID %lld", id);
    expect(w, "(nil-array)", "EXEC");
    expect_match(other, "*flags=N*multi=-1*multi-mem=0 *", "CLIENT LIST ID %lld", id);
    wire_close(other);
}

// Commands of a transaction are counted as such; what was only queued is not.
static void test_statistics(void **state)
{
    struct wire *w = *state;

    expect(w, "OK", "CONFIG RESETSTAT");
    expect(w, "OK", "CONFIG SET slowlog-log-slower-than 0");
    expect(w, "OK", "SLOWLOG RESET");
    expect(w, "OK", "MULTI");
    expect(w, "QUEUED", "STRLEN k");
    expect(w, "QUEUED", "STRLEN k");
    expect(w, "QUEUED", "LLEN k");
    expect(w, "QUEUED", "INCR k");
    expect(w, "QUEUED", "LLEN k");
    expect(w, "[:0 :0 :0 :1 " WRONGTYPE "]", "EXEC");
    expect(w, "OK", "CONFIG SET slowlog-log-slower-than 10000");
    expect(w, "OK", "MULTI");
    expect(w, "QUEUED", "STRLEN k");
    expect(w, "OK", "DISCARD");
    const char *stats = wire_text(w, NULL, "INFO commandstats");
    assert_non_null(strstr(stats, "cmdstat_strlen:calls=2,"));
    assert_non_null(strstr(stats, "cmdstat_exec:calls=1,"));
    const char *llen = strstr(stats, "cmdstat_llen:calls=2,");
    assert_non_null(llen);
    assert_non_null(strstr(llen, "failed_calls=1"));
    const char *exec = strstr(stats, "cmdstat_exec:");
    assert_non_null(strstr(exec, "failed_calls=0"));
    const char *log = wire_run(w, "SLOWLOG GET 20");
    assert_non_null(strstr(log, "[\"STRLEN\" \"k\"]"));
    assert_null(strstr(log, "[\"EXEC\"]"));
}

static void test_command_info(void **state)
{
    struct wire *w = *state;

    expect(w,
           "[[\"exec\" :1 [noscript loading stale skip_slowlog] :0 :0 :0 [@slow @transaction] [] "
           "[] []]]",
           "COMMAND INFO exec");
    expect_match(w, "\\[\\[\"watch\" :-2 \\[noscript loading stale fast allow_busy\\] :1 :-1 :1 *",
                 "COMMAND INFO watch");
    expect(w, "[\"a\" \"b\"]", "COMMAND GETKEYS WATCH a b");
    expect(w, "-ERR wrong number of arguments for 'command|getkeys' command",
           "COMMAND GETKEYS EXEC");
}

// The keys that it lists are none of those that the transaction has locked.
static void test_getkeys_in_transaction(void **state)
{
    struct wire *w = *state;
    struct wire *other = wire_open(wire_server(w), 2);

    expect(w, "OK", "MULTI");
    expect(w, "QUEUED", "SET x 1");
    expect(w, "QUEUED", "COMMAND GETKEYS MSET a 1 b 2");
    expect(w, "QUEUED", "RPUSH y 2");
    expect(w, "[OK [\"a\" \"b\"] :1]", "EXEC");
    expect(other, "\"1\"", "GETDEL x");
    expect(other, "[\"2\"]", "LRANGE y 0 -1");
    expect(other, "OK", "MSET x 3 y 4 a 5 b 6");
    wire_close(other);
}

static void test_resp3(void **state)
{
    struct wire *w = *state;

    expect(w, "OK", "WATCH x");
    expect(w, "OK", "SET x 1");
    expect_raw(w, "MULTI\r\nEXEC\r\n", "+OK\r\n_\r\n");
    expect(w, ":2", "SADD s 1 2");
    expect(w, "OK", "MULTI");
    expect(w, "QUEUED", "GET nokey");
    expect(w, "QUEUED", "SMEMBERS s");
    expect(w, "[(nil) ~[\"1\" \"2\"]]", "EXEC");
    expect_raw(w, "MULTI\r\nHELLO 2\r\nGET nokey\r\nEXEC\r\n",
               "+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n*14\r\n");
}

// ---- many and long ------------------------------------------------------------------------------

// Replies come in order, whatever waits in between.
static void test_pipeline(void **state)
{
    struct wire *w = *state;

    for (int i = 0; i < 2000; i++) {
        wire_send(w, "MULTI");
        wire_send(w, "INCR n");
        wire_send(w, i % 3 ? "INCR n" : "SADD set%d %d", i % 7, i);
        wire_send(w, "EXEC");
        wire_send(w, "ECHO %d", i);
    }
    for (int i = 0, n = 0; i < 2000; i++) {
        char want[64];
        expect_reply(w, "OK");
        expect_reply(w, "QUEUED");
        expect_reply(w, "QUEUED");
        if (i % 3) {
            snprintf(want, sizeof want, "[:%d :%d]", n + 1, n + 2);
            n += 2;
        } else {
            snprintf(want, sizeof want, "[:%d :1]", ++n);
        }
        expect_reply(w, want);
        snprintf(want, sizeof want, "\"%d\"", i);
        expect_reply(w, want);
    }
}

static void test_many_commands(void **state)
{
    enum { N = 100 * 1000 };
    struct wire *w = *state;
    char sum[32];
    size_t n = (size_t)snprintf(sum, sizeof sum, "*%d\r\n", N);
    char *replies = malloc(n + (size_t)N * 5);

    assert_non_null(replies);
    wire_send(w, "MULTI");
    expect_reply(w, "OK");
    for (int i = 0; i < N; i += 1000) {
        for (int j = i; j < i + 1000; j++)
            wire_send(w, "SET k%d %d", j, j);
        for (int j = 0; j < 1000; j++)
            expect_reply(w, "QUEUED");
    }
    wire_send(w, "EXEC");
    assert_int_equal(wire_read_raw(w, replies, n + (size_t)N * 5), n + (size_t)N * 5);
    assert_memory_equal(replies, sum, n);
    assert_memory_equal(replies + n + (size_t)(N - 1) * 5, "+OK\r\n", 5);
    expect(w, ":100000", "DBSIZE");
    expect(w, "\"77777\"", "GET k77777");
    free(replies);
    // And as many that are forgotten.
    expect(w, "OK", "MULTI");
    for (int i = 0; i < 1000; i++)
        expect(w, "QUEUED", "DEL k%d", i);
    expect(w, "OK", "DISCARD");
    expect(w, ":100000", "DBSIZE");
}

static void test_large_arguments(void **state)
{
    enum { SIZE = 4 * 1024 * 1024 };
    struct wire *w = *state;
    char *text = malloc(SIZE);
    struct bytes set[] = {BYTES("SET"), BYTES("k"), {text, SIZE}};

    assert_non_null(text);
    memset(text, 'x', SIZE);
    expect(w, "OK", "MULTI");
    expect_argv(w, "QUEUED", 3, set);
    expect(w, "QUEUED", "STRLEN k");
    expect_argv(w, "QUEUED", 3, set);
    expect(w, "[OK :4194304 OK]", "EXEC");
    expect(w, ":4194304", "STRLEN k");
    free(text);
}

// The queue counts as what the client has sent and nobody has answered.
static void test_query_buffer_limit(void **state)
{
    struct wire *w = *state;
    struct wire *other = wire_open(wire_server(w), 2);
    bool open = true;
    int sent = 0;

    expect(w, "OK", "CONFIG SET client-query-buffer-limit 1048576");
    expect(other, "OK", "MULTI");
    for (; sent < 10000 && open; sent++) {
        const char *reply;
        wire_send(other, "SET key:%d %0500d", sent, sent);
        reply = wire_reply(other);
        open = reply && strcmp(reply, "QUEUED") == 0;
    }
    assert_false(open);
    assert_in_range(sent, 1000, 4000);
    wire_close(other);
    expect(w, "OK", "CONFIG SET client-query-buffer-limit 1gb");
    expect(w, ":0", "DBSIZE");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WIRE_TEST(test_multi_exec),
        WIRE_TEST(test_errors),
        WIRE_TEST(test_refused_commands),
        WIRE_TEST(test_exec_with_arguments),
        WIRE_TEST(test_discard),
        WIRE_TEST(test_quit_and_reset),
        WIRE_TEST(test_watched_changes),
        WIRE_TEST(test_watched_by_itself),
        WIRE_TEST(test_unwatch),
        WIRE_TEST(test_watch_knows_databases),
        WIRE_TEST(test_watched_keys_expire),
        WIRE_TEST(test_watcher_goes),
        WIRE_TEST(test_select),
        WIRE_TEST(test_whole_databases),
        WIRE_TEST(test_keyless_commands),
        WIRE_TEST(test_client_list),
        WIRE_TEST(test_statistics),
        WIRE_TEST(test_command_info),
        WIRE_TEST(test_getkeys_in_transaction),
        WIRE_TEST3(test_resp3),
        WIRE_TEST(test_pipeline),
        WIRE_TEST(test_many_commands),
        WIRE_TEST(test_large_arguments),
        WIRE_TEST(test_query_buffer_limit),
    };

    return run_modes(tests);
}
