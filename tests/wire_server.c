// SPDX-License-Identifier: MIT
//
// INFO TIME ROLE SHUTDOWN LOLWUT and MEMORY over the wire.
#include "tests/lib/wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SYNTAX         "-ERR syntax error"
#define ARITY(command) "-ERR wrong number of arguments for '" command "' command"

// The value of an INFO field, up to the end of its line; NULL when it is not there. Valid until the
// next call.
static const char *find_field(const char *info, const char *name)
{
    static char value[256];
    size_t n = strlen(name);

    for (const char *line = info; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, name, n) == 0 && line[n] == ':') {
            snprintf(value, sizeof value, "%.*s", (int)strcspn(line + n + 1, "\r\n"), line + n + 1);
            return value;
        }
    }
    return NULL;
}

static const char *info_field(struct wire *w, const char *section, const char *name)
{
    const char *value = find_field(wire_text(w, NULL, "INFO %s", section), name);

    if (!value)
        fail_msg("INFO %s has no %s", section, name);
    return value;
}

static long long info_number(struct wire *w, const char *section, const char *name)
{
    return atoll(info_field(w, section, name));
}

// ---- INFO -------------------------------------------------------------------------------------

static void test_info_sections(void **state)
{
    struct wire *w = *state;
    const char *text = wire_text(w, NULL, "INFO");

    static const char *const DEFAULT[] = {
        "# Server", "# Clients", "# Memory",     "# Persistence", "# Stats",   "# Replication",
        "# CPU",    "# Modules", "# Errorstats", "# Cluster",     "# Keyspace"};
    const char *at = text;
    assert_ptr_equal(strstr(text, "# Server\r\n"), text);
    for (size_t i = 0; i < sizeof DEFAULT / sizeof *DEFAULT; i++) {
        at = strstr(at, DEFAULT[i]);
        if (!at)
            fail_msg("%s is missing or out of order", DEFAULT[i]);
    }
    assert_null(strstr(text, "# Commandstats"));
    text = wire_text(w, NULL, "INFO default");
    assert_null(strstr(text, "# Commandstats"));
    text = wire_text(w, NULL, "INFO all");
    assert_non_null(strstr(text, "# Commandstats"));
    assert_null(strstr(text, "# Modules"));
    text = wire_text(w, NULL, "INFO EVERYTHING");
    assert_non_null(strstr(text, "# Commandstats"));
    assert_non_null(strstr(text, "# Modules"));
    expect(w, "\"# Cluster\\r\\ncluster_enabled:0\\r\\n\"", "INFO cluster");
    expect(w, "\"# Modules\\r\\n\\r\\n# Cluster\\r\\ncluster_enabled:0\\r\\n\"",
           "INFO cluster MODULES nosuch cluster");
    expect(w, "\"\"", "INFO nosuch");
}

static void test_info_resp3(void **state)
{
    struct wire *w = *state;

    expect(w, "=txt:\"# Cluster\\r\\ncluster_enabled:0\\r\\n\"", "INFO cluster");
    expect(w, "=txt:\"\"", "INFO nosuch");
}

static void test_info_lines_are_well_formed(void **state)
{
    struct wire *w = *state;
    const char *line = wire_text(w, NULL, "INFO everything");

    while (*line) {
        const char *end = strstr(line, "\r\n");
        assert_non_null(end);
        if (end != line && *line != '#') {
            const char *colon = memchr(line, ':', (size_t)(end - line));
            if (!colon || colon == line)
                fail_msg("no field: %.*s", (int)(end - line), line);
        }
        assert_null(memchr(line, '\n', (size_t)(end - line)));
        line = end + 2;
    }
}

static void test_info_server(void **state)
{
    struct wire *w = *state;

    assert_string_equal(info_field(w, "server", "redis_version"), "7.0.15");
    assert_non_null(info_field(w, "server", "keylot_version"));
    assert_string_equal(info_field(w, "server", "redis_mode"), "standalone");
    assert_int_equal(info_number(w, "server", "tcp_port"), server_port(wire_server(w)));
    assert_int_equal(info_number(w, "server", "process_id"), server_pid(wire_server(w)));
    assert_int_equal(strlen(info_field(w, "server", "run_id")), 40);
    assert_true(info_number(w, "server", "uptime_in_seconds") >= 0);
    assert_string_equal(info_field(w, "replication", "role"), "master");
    assert_string_equal(info_field(w, "replication", "connected_slaves"), "0");
    assert_string_equal(info_field(w, "persistence", "loading"), "0");
    assert_int_equal(strlen(info_field(w, "replication", "master_replid2")), 40);
}

static void test_info_clients(void **state)
{
    struct wire *w = *state;
    struct wire *others[5];

    // Connections of the tests before this one may still be closing.
    wait_until(info_number(w, "clients", "connected_clients") == 1, 10000);
    for (int i = 0; i < 5; i++) {
        others[i] = wire_open(wire_server(w), 2);
        expect(others[i], "PONG", "PING");
    }
    assert_int_equal(info_number(w, "clients", "connected_clients"), 6);
    for (int i = 0; i < 5; i++)
        wire_close(others[i]);
    wait_until(info_number(w, "clients", "connected_clients") == 1, 10000);
}

static void test_info_stats(void **state)
{
    struct wire *w = *state;

    expect(w, "OK", "CONFIG RESETSTAT");
    expect(w, "OK", "SET k v");
    expect(w, "\"v\"", "GET k");
    expect(w, "(nil)", "GET none");
    expect(w, "-ERR value is not an integer or out of range", "INCR k");
    expect_match(w, "-WRONGTYPE *", "SADD k m");
    expect(w, ARITY("get"), "GET");
    expect_match(w, "-ERR unknown command*", "nosuch");
    const char *stats = wire_text(w, NULL, "INFO stats");
    assert_string_equal(find_field(stats, "keyspace_misses"), "1");
    assert_string_equal(find_field(stats, "total_error_replies"), "4");
    assert_true(atoll(find_field(stats, "total_commands_processed")) >= 7);
    assert_true(atoll(find_field(stats, "total_net_input_bytes")) > 100);
    assert_true(atoll(find_field(stats, "total_net_output_bytes")) > 0);
    const char *errors = wire_text(w, NULL, "INFO errorstats");
    assert_string_equal(find_field(errors, "errorstat_ERR"), "count=3");
    assert_string_equal(find_field(errors, "errorstat_WRONGTYPE"), "count=1");
    const char *commands = wire_text(w, NULL, "INFO commandstats");
    assert_ptr_equal(strstr(find_field(commands, "cmdstat_get"), "calls=2,usec="),
                     find_field(commands, "cmdstat_get"));
    assert_non_null(strstr(find_field(commands, "cmdstat_get"), "rejected_calls=1,failed_calls=0"));
    assert_non_null(
        strstr(find_field(commands, "cmdstat_sadd"), "rejected_calls=0,failed_calls=1"));
    assert_non_null(find_field(commands, "cmdstat_config|resetstat"));
    assert_null(find_field(commands, "cmdstat_lpush"));
    expect(w, "OK", "CONFIG RESETSTAT");
    assert_null(find_field(wire_text(w, NULL, "INFO errorstats"), "errorstat_ERR"));
    assert_null(find_field(wire_text(w, NULL, "INFO commandstats"), "cmdstat_get"));
    expect_match(w, "-ERR *", "nosuch");
    assert_string_equal(info_field(w, "errorstats", "errorstat_ERR"), "count=1");
}

// The microseconds of a command that sleeps: the ticks are calibrated.
static void test_info_commandstats_microseconds(void **state)
{
    struct wire *w = *state;

    expect(w, "OK", "CONFIG RESETSTAT");
    int64_t begun_ms = wire_clock_ms();
    expect(w, "OK", "DEBUG SLEEP 0.05");
    int64_t took_ms = wire_clock_ms() - begun_ms + 1;
    const char *usec = strstr(info_field(w, "commandstats", "cmdstat_debug"), "usec=");
    assert_non_null(usec);
    assert_in_range(atoll(usec + sizeof "usec=" - 1), 49000, took_ms * 1100);
}

// A code that an error brings along may not break INFO's lines.
static void test_info_errorstats_is_safe(void **state)
{
    struct wire *w = *state;

    expect(w, "-A:B#C x", "DEBUG ERROR 'A:B#C x'");
    assert_non_null(info_field(w, "errorstats", "errorstat_A_B_C"));
    test_info_lines_are_well_formed(state);
}

static void test_info_ops_per_second(void **state)
{
    struct wire *w = *state;

    expect(w, "OK", "CONFIG RESETSTAT");
    // Every look is a command, so sooner or later some are seen.
    wait_until(info_number(w, "stats", "instantaneous_ops_per_sec") > 0, 10000);
}

static void test_info_memory(void **state)
{
    struct wire *w = *state;
    long long before = info_number(w, "memory", "used_memory");

    expect(w, "OK", "SET big '%0*d'", 1000000, 0);
    // Memory of the sanitizers' allocator is not counted.
    if (!server_sanitized())
        assert_true(info_number(w, "memory", "used_memory") >= before + 1000000);
    assert_true(info_number(w, "memory", "used_memory_peak") >=
                info_number(w, "memory", "used_memory"));
    assert_true(info_number(w, "memory", "used_memory_rss") > 0);
    assert_string_equal(info_field(w, "memory", "maxmemory_policy"), "noeviction");
}

static void test_info_keyspace(void **state)
{
    struct wire *w = *state;

    expect(w, "\"# Keyspace\\r\\n\"", "INFO keyspace");
    expect(w, "OK", "MSET a 1 b 2");
    expect(w, ":1", "EXPIRE a 1000");
    expect(w, "OK", "SELECT 9");
    expect(w, "OK", "SET c 3");
    expect(w,
           "\"# Keyspace\\r\\ndb0:keys=2,expires=1,avg_ttl=0\\r\\n"
           "db9:keys=1,expires=0,avg_ttl=0\\r\\n\"",
           "INFO keyspace");
}

// ---- TIME, ROLE, LOLWUT -----------------------------------------------------------------------

static void test_time_role_lolwut(void **state)
{
    struct wire *w = *state;
    long long seconds = 0, micros = -1;

    assert_int_equal(sscanf(wire_run(w, "TIME"), "[\"%lld\" \"%lld\"]", &seconds, &micros), 2);
    assert_in_range(seconds, time(NULL) - 2, time(NULL) + 2);
    assert_in_range(micros, 0, 999999);
    expect(w, ARITY("time"), "TIME x");
    expect(w, "[\"master\" :0 []]", "ROLE");
    expect(w, ARITY("role"), "ROLE x");
    expect_match(w, "*Keylot ver.*", "LOLWUT");
    expect_match(w, "*Keylot ver.*", "LOLWUT VERSION 5 1 1 1");
    expect(w, "-ERR value is not an integer or out of range", "LOLWUT VERSION x");
    expect(w, "-ERR value is not an integer or out of range", "LOLWUT VERSION 5 99");
}

// ---- MEMORY -----------------------------------------------------------------------------------

static void test_memory_usage(void **state)
{
    struct wire *w = *state;

    expect(w, "(nil)", "MEMORY USAGE nokey");
    expect(w, "OK", "SET k '%0*d'", 5000, 0);
    assert_in_range(wire_int(w, "MEMORY USAGE k"), 5000, 7000);
    expect(w, "OK", "SET i 1");
    assert_in_range(wire_int(w, "MEMORY USAGE i"), 16, 100);
    expect(w, "OK", "SET '%01000d' 1", 0);
    assert_in_range(wire_int(w, "MEMORY USAGE '%01000d'", 0), 1016, 1500);
    for (int i = 0; i < 1000; i++)
        wire_int(w, "SADD s member-%d", i);
    int64_t all = wire_int(w, "MEMORY USAGE s SAMPLES 0");
    assert_in_range(all, 10000, 200000);
    assert_in_range(wire_int(w, "MEMORY USAGE s"), all / 2, all * 2);
    assert_in_range(wire_int(w, "memory usage s samples 10 samples 5"), all / 2, all * 2);
    expect(w, ARITY("memory|usage"), "MEMORY USAGE");
    expect(w, SYNTAX, "MEMORY USAGE nokey SAMPLES");
    expect(w, SYNTAX, "MEMORY USAGE nokey SAMPLES -1");
    expect(w, SYNTAX, "MEMORY USAGE nokey FOO 1");
    expect(w, "-ERR value is not an integer or out of range", "MEMORY USAGE nokey SAMPLES x");
}

static void test_memory_stats(void **state)
{
    struct wire *w = *state;

    expect(w, "OK", "MSET a 1 b 2");
    expect_match(w, "*\"keys.count\" :2 *", "MEMORY STATS");
    expect_match(w, "*\"peak.allocated\" :*\"total.allocated\" :*", "MEMORY STATS");
    expect_match(w, "[[]MEMORY <subcommand> *USAGE*", "MEMORY HELP");
    expect(w, "-ERR unknown subcommand 'foo'. Try MEMORY HELP.", "MEMORY foo");
    expect(w, ARITY("memory"), "MEMORY");
}

// ---- SHUTDOWN ---------------------------------------------------------------------------------

static void test_shutdown_errors(void **state)
{
    struct wire *w = *state;

    expect(w, SYNTAX, "SHUTDOWN foo");
    expect(w, SYNTAX, "SHUTDOWN SAVE NOSAVE");
    expect(w, SYNTAX, "SHUTDOWN ABORT NOW");
    expect(w, "-ERR No shutdown in progress.", "SHUTDOWN ABORT");
    expect(w, "-ERR No shutdown in progress.", "SHUTDOWN ABORT ABORT");
    expect_match(w, "-ERR Errors trying to SHUTDOWN. *", "SHUTDOWN SAVE");
    expect(w, "PONG", "PING");
}

static void test_shutdown(void **state)
{
    static const char *const WAYS[] = {"SHUTDOWN", "SHUTDOWN NOSAVE", "shutdown nosave now force",
                                       "SHUTDOWN SAVE FORCE"};
    (void)state;
    for (size_t i = 0; i < sizeof WAYS / sizeof *WAYS; i++) {
        struct test_server *server = server_start(NULL);
        struct wire *w = wire_open(server, 2), *other = wire_open(server, 2);
        expect(other, "PONG", "PING");
        wire_send(w, "%s", WAYS[i]);
        expect_closed(w); // without a word
        expect_closed(other);
        assert_int_equal(server_wait(server, 20000), 0);
        wire_close(w);
        wire_close(other);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WIRE_TEST(test_info_sections),
        WIRE_TEST3(test_info_resp3),
        WIRE_TEST(test_info_lines_are_well_formed),
        WIRE_TEST(test_info_server),
        WIRE_TEST(test_info_clients),
        WIRE_TEST(test_info_stats),
        WIRE_TEST(test_info_commandstats_microseconds),
        WIRE_TEST(test_info_errorstats_is_safe),
        WIRE_TEST(test_info_ops_per_second),
        WIRE_TEST(test_info_memory),
        WIRE_TEST(test_info_keyspace),
        WIRE_TEST(test_time_role_lolwut),
        WIRE_TEST(test_memory_usage),
        WIRE_TEST(test_memory_stats),
        WIRE_TEST(test_shutdown_errors),
        SERVER_TEST(test_shutdown),
    };
    return run_modes(tests);
}
