// SPDX-License-Identifier: MIT
//
// Limits of the network layer: clients, file descriptors, query and output buffers, idle time.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "tests/lib/wire.h"

enum { VALUE = 100000 };

// Starts a server in one of the modes with these arguments (at most 6).
static struct test_server *start(const char *threads, const char *const *args)
{
    const char *all[16] = {"--connection-threads", threads};

    for (int n = 2; args && *args; n++) {
        all[n] = *args++;
    }
    return server_start(all);
}

static void set_big(struct wire *w)
{
    expect(w, "OK", "SET big %0*d", VALUE, 1);
}

// Asks for the big value that often and reads nothing; false when the server closed the connection.
static bool ask_without_reading(struct wire *w, int times)
{
    bool ok = true;

    for (int i = 0; ok && i < times; i++) {
        ok = wire_send_literal(w, "GET big\r\n");
    }
    return ok;
}

static void ask_in_one_command(struct wire *w, int times)
{
    char *line = malloc((size_t)times * 4 + 8), *end = line;

    assert_non_null(line);
    end += sprintf(end, "MGET");
    for (int i = 0; i < times; i++) {
        end += sprintf(end, " big");
    }
    end += sprintf(end, "\r\n");
    wire_send_raw(w, line, (size_t)(end - line));
    free(line);
}

static void read_big(struct wire *w, int times)
{
    for (int i = 0; i < times; i++) {
        const char *got = wire_reply(w);

        if (!got) {
            fail_msg("the connection ended after %d of %d replies", i, times);
        }
        assert_int_equal(strlen(got), VALUE + 2);
    }
}

// Whether the server has dropped this connection (sending fails at last).
static bool dropped(struct wire *w)
{
    char byte;

    return send(wire_fd(w), "\r\n", 2, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 &&
           recv(wire_fd(w), &byte, 0, MSG_DONTWAIT) <= 0;
}

static void output_limit(const char *threads)
{
    static const char *const args[] = {
        "--client-output-buffer-limit", "normal", "8mb", "0", "0", NULL};
    struct test_server *s = start(threads, args);
    struct wire *w = wire_open(s, 2), *slow = wire_open(s, 2);
    long rss;

    set_big(w);
    rss = server_status_kb(s, "VmRSS");
    ask_without_reading(slow, 1000);
    wait_until(dropped(slow), 20000);
    expect(w, ":1", "EXISTS big");
    if (!server_sanitized()) {
        // 100 MB were asked for; the limit, the value and some room for growing are all there is.
        assert_in_range(server_status_kb(s, "VmHWM"), 1, rss + 40 * 1024);
    }
    assert_non_null(strstr(server_output(s), "exceeds client-output-buffer-limit"));
    wire_close(slow);
    // The same by one command, which would reply 500 MB.
    slow = wire_open(s, 2);
    ask_in_one_command(slow, 5000);
    wait_until(dropped(slow), 20000);
    expect(w, ":1", "EXISTS big");
    if (!server_sanitized()) {
        assert_in_range(server_status_kb(s, "VmHWM"), 1, rss + 40 * 1024);
    }
    wire_close(slow);
    // Below the limit everything arrives, however late it is read.
    slow = wire_open(s, 2);
    assert_true(ask_without_reading(slow, 60));
    read_big(slow, 60);
    wire_close(slow);
    wire_close(w);
    server_stop(s);
}

static void test_limits_output(void **state)
{
    (void)state;
    output_limit("auto");
    output_limit("0");
}

// A limit below what is sent in one go holds too, for what the socket does not take.
static void test_limits_small_output(void **state)
{
    static const char *const args[] = {
        "--client-output-buffer-limit", "normal", "1kb", "0", "0", NULL};
    struct test_server *s = start("auto", args);
    struct wire *w = wire_open(s, 2), *slow = wire_open(s, 2);

    (void)state;
    set_big(w);
    expect_match(w, "*1\"", "GET big");
    for (int i = 0; !dropped(slow); i++) {
        assert_true(i < 20000);
        ask_without_reading(slow, 1);
        usleep(100);
    }
    wire_close(slow);
    wire_close(w);
    server_stop(s);
}

static void test_limits_soft_output(void **state)
{
    static const char *const args[] = {
        "--client-output-buffer-limit", "normal", "0", "1mb", "1", NULL};
    struct test_server *s = start("auto", args);
    struct wire *w = wire_open(s, 2), *slow = wire_open(s, 2);

    (void)state;
    set_big(w);
    assert_true(ask_without_reading(slow, 300));
    wait_until(dropped(slow), 20000);
    assert_non_null(strstr(server_output(s), "soft client-output-buffer-limit"));
    wire_close(slow);
    wire_close(w);
    server_stop(s);
}

// A large output buffer is given back when it has been read.
static void test_limits_output_memory_returns(void **state)
{
    struct test_server *s;
    struct wire *w;
    long rss;

    (void)state;
    if (server_sanitized()) {
        skip(); // the sanitizers keep freed memory
    }
    s = start("auto", NULL);
    w = wire_open(s, 2);
    set_big(w);
    rss = server_status_kb(s, "VmRSS");
    assert_true(ask_without_reading(w, 1000));
    read_big(w, 1000);
    wait_until(server_status_kb(s, "VmRSS") < rss + 20 * 1024, 20000);
    wire_close(w);
    server_stop(s);
}

static void test_limits_announced_bulk_takes_no_memory(void **state)
{
    enum { CLIENTS = 20 };
    static const char *const args[] = {"--proto-max-bulk-len", "2gb", NULL};
    struct test_server *s = start("auto", args);
    struct wire *w[CLIENTS];
    long rss = server_status_kb(s, "VmRSS");
    char part[1000];

    (void)state;
    memset(part, 'x', sizeof(part));
    for (int i = 0; i < CLIENTS; i++) {
        w[i] = wire_open(s, 2);
        assert_true(wire_send_literal(w[i], "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1073741824\r\n"));
        assert_true(wire_send_raw(w[i], part, sizeof(part)));
    }
    struct wire *other = wire_open(s, 2);
    expect(other, ":0", "DBSIZE");
    assert_in_range(server_status_kb(s, "VmRSS"), 1, rss + 30 * 1024);
    wire_close(other);
    for (int i = 0; i < CLIENTS; i++) {
        wire_close(w[i]);
    }
    server_stop(s);
}

static void test_limits_query_buffer(void **state)
{
    static const char *const args[] = {"--client-query-buffer-limit", "1mb", NULL};
    struct test_server *s = start("auto", args);
    struct wire *w = wire_open(s, 2);
    char *big = calloc(1, 3 << 20);

    (void)state;
    assert_non_null(big);
    wire_send_literal(w, "*2\r\n$3\r\nGET\r\n$3000000\r\n");
    wire_send_raw(w, big, 3000000);
    free(big);
    wait_until(dropped(w), 20000);
    assert_non_null(strstr(server_output(s), "exceeds client-query-buffer-limit"));
    wire_close(w);
    server_stop(s);
}

static void maxclients(const char *threads)
{
    static const char *const args[] = {"--maxclients", "5", NULL};
    struct test_server *s = start(threads, args);
    struct wire *w[5], *more;

    for (int i = 0; i < 5; i++) {
        w[i] = wire_open(s, 2);
        expect(w[i], ":0", "DBSIZE");
    }
    for (int i = 0; i < 3; i++) {
        more = wire_dial(server_port(s));
        assert_non_null(more);
        expect_reply(more, "-ERR max number of clients reached");
        expect_closed(more);
        wire_close(more);
    }
    wire_close(w[0]);
    // The server has to notice that it went.
    for (bool served = false; !served;) {
        const char *got;

        more = wire_open(s, 2);
        wire_send(more, "DBSIZE");
        got = wire_reply(more);
        assert_non_null(got);
        served = strcmp(got, ":0") == 0;
        wire_close(more);
    }
    for (int i = 1; i < 5; i++) {
        expect(w[i], ":0", "DBSIZE");
        wire_close(w[i]);
    }
    server_stop(s);
}

static void test_limits_maxclients(void **state)
{
    (void)state;
    maxclients("auto");
    maxclients("0");
}

static void test_limits_open_files_lower_maxclients(void **state)
{
    struct test_server *s = server_start_limited(NULL, 100);
    struct wire *w = wire_open(s, 2);
    struct rlimit limit;

    (void)state;
    assert_int_equal(prlimit(server_pid(s), RLIMIT_NOFILE, NULL, &limit), 0);
    if (limit.rlim_cur <= 100) { // a privileged server raises the hard limit instead
        assert_non_null(strstr(server_output(s), "maxclients lowered from 10000"));
    }
    expect(w, ":0", "DBSIZE");
    wire_close(w);
    server_stop(s);
}

// Descriptors run out though maxclients is not reached: who comes too much is refused, the rest is
// served.
static void files_run_out(const char *threads)
{
    enum { CLIENTS = 40 };
    struct test_server *s = start(threads, NULL);
    struct wire *first = wire_open(s, 2), *w[CLIENTS];
    struct rlimit limit;
    int refused = 0, served = 0;

    expect(first, ":0", "DBSIZE");
    limit.rlim_cur = limit.rlim_max = (rlim_t)server_files(s) + 15;
    assert_int_equal(prlimit(server_pid(s), RLIMIT_NOFILE, &limit, NULL), 0);
    for (int i = 0; i < CLIENTS; i++) {
        const char *got;

        w[i] = wire_dial(server_port(s));
        assert_non_null(w[i]);
        wire_send(w[i], "DBSIZE");
        got = wire_reply(w[i]);
        assert_non_null(got);
        refused += strcmp(got, "-ERR max number of clients reached") == 0;
        served += strcmp(got, ":0") == 0;
    }
    assert_int_equal(refused + served, CLIENTS);
    assert_in_range(refused, 20, CLIENTS - 1);
    expect(first, ":0", "DBSIZE");
    for (int i = 0; i < CLIENTS; i++) {
        wire_close(w[i]);
    }
    for (bool again = false; !again;) {
        struct wire *more = wire_dial(server_port(s));
        const char *got;

        assert_non_null(more);
        wire_send(more, "DBSIZE");
        got = wire_reply(more);
        again = got && strcmp(got, ":0") == 0;
        wire_close(more);
    }
    wire_close(first);
    server_stop(s);
}

static void test_limits_files_run_out(void **state)
{
    (void)state;
    files_run_out("auto");
    files_run_out("0");
}

static void idle_timeout(const char *threads)
{
    static const char *const args[] = {"--timeout", "1", NULL};
    struct test_server *s = start(threads, args);
    struct wire *idle = wire_open(s, 2), *busy = wire_open(s, 2);
    int64_t end = wire_clock_ms() + 20000;
    char byte;

    expect(idle, ":0", "DBSIZE");
    while (recv(wire_fd(idle), &byte, 1, MSG_DONTWAIT | MSG_PEEK) < 0) {
        expect(busy, ":0", "DBSIZE");
        assert_true(wire_clock_ms() < end);
        usleep(10000);
    }
    expect_closed(idle);
    expect(busy, ":0", "DBSIZE");
    wire_close(idle);
    wire_close(busy);
    server_stop(s);
}

static void test_limits_idle_timeout(void **state)
{
    (void)state;
    idle_timeout("1");
    idle_timeout("0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limits_output),
        cmocka_unit_test(test_limits_small_output),
        cmocka_unit_test(test_limits_soft_output),
        cmocka_unit_test(test_limits_output_memory_returns),
        cmocka_unit_test(test_limits_announced_bulk_takes_no_memory),
        cmocka_unit_test(test_limits_query_buffer),
        cmocka_unit_test(test_limits_maxclients),
        cmocka_unit_test(test_limits_open_files_lower_maxclients),
        cmocka_unit_test(test_limits_files_run_out),
        cmocka_unit_test(test_limits_idle_timeout),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
