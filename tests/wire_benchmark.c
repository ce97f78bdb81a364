// SPDX-License-Identifier: MIT
//
// redis-benchmark as a client: every run completes without an error reply, the server lives on, and
// the data set is what the requests add up to. Rates are not looked at.
#include "tests/lib/wire.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

enum {
    MAX_ARGS = 32,
    OUTPUT_CHARS = 16384,
    RUN_LIMIT_MS = 120 * 1000,
    RANGE = 10000,
};

// Requests of a run.
static int many(void)
{
    return server_sanitized() ? 10000 : 100000;
}

// Reads all that the child prints, then waits for it; the exit status.
static int collect_output(pid_t pid, int fd, char *output)
{
    size_t used = 0;
    ssize_t n;
    int status;

    while ((n = read(fd, output + used, OUTPUT_CHARS - 1 - used)) > 0 || (n < 0 && errno == EINTR))
        used += n > 0 ? (size_t)n : 0;
    output[used] = '\0';
    close(fd);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// Runs `timeout 120 redis-benchmark -q --csv -p PORT ` and the blank-separated `options`. Fails
// unless it ends well and reports `ntests` tests.
static void benchmark(struct wire *w, int ntests, int nrequests, const char *options)
{
    static char output[OUTPUT_CHARS];
    char line[512], *argv[MAX_ARGS], *save = NULL;
    posix_spawn_file_actions_t actions;
    int argc = 0, fds[2], rows = 0;
    pid_t pid;

    snprintf(line, sizeof(line), "timeout %d redis-benchmark --csv -p %d -n %d %s",
             RUN_LIMIT_MS / 1000, server_port(wire_server(w)), nrequests, options);
    for (char *word = strtok_r(line, " ", &save); word && argc < MAX_ARGS - 1;
         word = strtok_r(NULL, " ", &save))
        argv[argc++] = word;
    argv[argc] = NULL;
    assert_int_equal(pipe(fds), 0);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, fds[1], STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, fds[1], STDERR_FILENO);
    posix_spawn_file_actions_addclose(&actions, fds[0]);
    assert_int_equal(posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    close(fds[1]);

    int status = collect_output(pid, fds[0], output);
    for (const char *p = output; p; p = strchr(p, '\n') ? strchr(p, '\n') + 1 : NULL)
        rows += p[0] == '"';
    rows--; // the header
    if (status != 0 || rows != ntests || strstr(output, "rror"))
        print_error("redis-benchmark %s: exit %d\n%s\n", options, status, output);
    assert_int_equal(status, 0);
    assert_int_equal(rows, ntests);
    assert_null(strstr(output, "rror"));
    expect(w, "PONG", "PING");
}

static void test_sadd_spop(void **state)
{
    struct wire *w = *state;

    // One member, added again and again, then popped by whoever came first.
    benchmark(w, 2, many(), "-c 25 -t sadd,spop");
    expect(w, ":0", "EXISTS myset");
    benchmark(w, 2, many(), "-c 50 -t sadd,spop");
    expect(w, ":0", "EXISTS myset");
    expect(w, ":0", "DBSIZE");
}

static void test_sadd_then_spop_of_many_members(void **state)
{
    struct wire *w = *state;
    int64_t added;

    benchmark(w, 1, many(), "-c 50 -r 10000 -t sadd");
    added = wire_int(w, "SCARD myset");
    assert_in_range(added, RANGE / 2, RANGE);
    expect(w, ":1", "SISMEMBER myset \"%s\"", wire_text(w, NULL, "SRANDMEMBER myset"));
    expect(w, ":1", "DBSIZE");
    benchmark(w, 1, many(), "-c 50 -t spop"); // more pops than members
    expect(w, ":0", "DBSIZE");
    benchmark(w, 2, many(), "-c 25 -r 10000 -P 16 -t sadd,spop");
    expect(w, ":0", "EXISTS myset");
}

static void test_zadd_zpopmin(void **state)
{
    struct wire *w = *state;

    benchmark(w, 1, many(), "-c 50 -r 10000 -P 16 -t zadd");
    int64_t added = wire_int(w, "ZCARD myzset");
    assert_in_range(added, RANGE / 2, RANGE);
    assert_int_equal(wire_int(w, "ZCOUNT myzset -inf +inf"), added);
    benchmark(w, 1, many(), "-c 50 -t zpopmin"); // more pops than members
    expect(w, ":0", "DBSIZE");
}

static void test_strings(void **state)
{
    struct wire *w = *state;

    benchmark(w, 6, many(), "-c 50 -t set,get,incr,mset,ping_inline,ping_mbulk");
    assert_int_equal(wire_int(w, "INCR counter:__rand_int__"), many() + 1);
    assert_int_equal(wire_int(w, "STRLEN key:__rand_int__"), 3);
    expect(w, ":2", "DBSIZE");
}

static void test_strings_pipelined(void **state)
{
    struct wire *w = *state;

    benchmark(w, 6, many(), "-c 50 -P 16 -t set,get,incr,mset,ping_inline,ping_mbulk");
    assert_int_equal(wire_int(w, "INCR counter:__rand_int__"), many() + 1);
    benchmark(w, 2, many(), "-c 25 -P 16 -d 4000 -t set,get");
    expect(w, ":4000", "STRLEN key:__rand_int__");
}

static void test_strings_of_many_keys(void **state)
{
    struct wire *w = *state;
    int64_t sum = 0;

    benchmark(w, 2, many(), "-c 50 -r 10000 -t set,get");
    assert_in_range(wire_int(w, "DBSIZE"), RANGE / 2, RANGE);
    expect(w, "OK", "FLUSHALL");
    benchmark(w, 1, many(), "-c 50 -r 10000 -P 16 -t incr");
    assert_in_range(wire_int(w, "DBSIZE"), RANGE / 2, RANGE);
    // Every increment was kept.
    for (int i = 0; i < RANGE; i++)
        wire_send(w, "INCRBY counter:%012d 0", i);
    for (int i = 0; i < RANGE; i++)
        sum += strtol(wire_reply(w) + 1, NULL, 10);
    assert_int_equal(sum, many());
    benchmark(w, 1, many(), "-c 50 -r 10000 -P 16 -t mset");
    assert_in_range(wire_int(w, "DBSIZE"), RANGE + 1, 2 * RANGE);
}

static const struct wire_mode benchmark_modes[] = {
    {"connection-threads auto", .args = {"--connection-threads", "auto"}},
    {"connection-threads 0", .args = {"--connection-threads", "0"}},
    {NULL},
};

int main(void)
{
    const struct CMUnitTest tests[] = {
        WIRE_TEST(test_sadd_spop),         WIRE_TEST(test_sadd_then_spop_of_many_members),
        WIRE_TEST(test_zadd_zpopmin),      WIRE_TEST(test_strings),
        WIRE_TEST(test_strings_pipelined), WIRE_TEST(test_strings_of_many_keys),
    };

    return run_in_modes(tests, benchmark_modes);
}
