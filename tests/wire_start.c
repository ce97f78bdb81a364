// SPDX-License-Identifier: MIT
//
// Starting and ending: the command line, the file, the log, what stops a start; signals and the
// replies that are on their way when one comes.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "tests/lib/wire.h"

// ---- the command line -------------------------------------------------------------------------

static void test_start_version_and_help(void **state)
{
    static const char *const version[] = {"--version", NULL}, *const v[] = {"-v", NULL};
    static const char *const help[] = {"--help", NULL};
    struct server_run run;

    (void)state;
    server_run(&run, version);
    assert_int_equal(run.exit_status, 0);
    assert_memory_equal(run.out, "keylot-server ", 14);
    assert_string_equal(run.err, "");
    server_run(&run, v);
    assert_memory_equal(run.out, "keylot-server ", 14);
    server_run(&run, help);
    assert_int_equal(run.exit_status, 0);
    assert_memory_equal(run.out, "Usage: keylot-server", 20);
}

// Each is one sentence on standard error, and status 1.
static void test_start_refused(void **state)
{
    static const struct {
        const char *const args[4];
        const char *error;
    } cases[] = {
        {{"--prt", "1"}, "keylot-server: unknown parameter 'prt'\n"},
        {{"--port"}, "keylot-server: port: wrong number of arguments\n"},
        {{"--port", "x"}, "keylot-server: port: argument couldn't be parsed into an integer\n"},
        {{"--port", "1", "2"}, "keylot-server: port: wrong number of arguments\n"},
        {{"-x"}, "keylot-server: '-x' is not an option (see --help)\n"},
        {{"/nonexistent"},
         "keylot-server: cannot read '/nonexistent': No such file or directory\n"},
        {{"--logfile", "/nonexistent/log"},
         "keylot-server: cannot write the logfile '/nonexistent/log': No such file or directory\n"},
        {{"--bind", "192.0.2.1"},
         "keylot-server: cannot listen on 192.0.2.1 port 6379: Cannot assign requested address\n"},
        {{"--appendonly", "yes"}, "keylot-server: appendonly: only 'no' is supported\n"},
    };
    struct server_run run;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        server_run(&run, cases[i].args);
        assert_string_equal(run.err, cases[i].error);
        assert_string_equal(run.out, "");
        assert_int_equal(run.exit_status, 1);
    }
}

static void test_start_port_in_use(void **state)
{
    struct test_server *s = server_start(NULL);
    struct server_run run;
    char port[16], want[128];
    const char *const args[] = {"--port", port, NULL};

    (void)state;
    snprintf(port, sizeof(port), "%d", server_port(s));
    server_run(&run, args);
    snprintf(want, sizeof(want),
             "keylot-server: cannot listen on 127.0.0.1 port %s: Address already in use\n", port);
    assert_string_equal(run.err, want);
    assert_int_equal(run.exit_status, 1);
    server_stop(s);
}

static void write_file(const char *path, const char *content)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    fputs(content, file);
    fclose(file);
}

static void test_start_file_and_options(void **state)
{
    char path[] = "/tmp/keylot-start-XXXXXX", want[128];
    const char *const args[] = {path, "--maxclients", "2", NULL}, *const alone[] = {path, NULL};
    struct test_server *s;
    struct wire *w[3];
    struct server_run run;

    (void)state;
    close(mkstemp(path));
    write_file(path, "# a comment\nmaxclients 1\ndatabases 3\n");
    s = server_start(args); // the option comes after the file
    for (int i = 0; i < 3; i++) {
        w[i] = wire_open(s, 2);
        wire_send(w[i], "DBSIZE");
        expect_reply(w[i], i < 2 ? ":0" : "-ERR max number of clients reached");
    }
    for (int i = 0; i < 3; i++) {
        wire_close(w[i]);
    }
    server_stop(s);
    write_file(path, "port 7000\nhz often\n");
    server_run(&run, alone);
    snprintf(want, sizeof(want),
             "keylot-server: %s:2: hz: argument couldn't be parsed into an integer\n", path);
    assert_string_equal(run.err, want);
    assert_int_equal(run.exit_status, 1);
    unlink(path);
}

static void test_start_banner(void **state)
{
    struct test_server *s = server_start(NULL);
    char want[64];

    (void)state;
    snprintf(want, sizeof(want), "redis-cli -p %d\n", server_port(s));
    assert_non_null(strstr(server_output(s), want));
    assert_non_null(strstr(server_output(s), "Keylot "));
    server_stop(s);
}

// The first number after `words` in a file; -1 while it is not there.
static long number_in_file(const char *path, const char *words)
{
    char text[4096];
    const char *at = NULL;
    FILE *file = fopen(path, "r");

    if (file) {
        text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
        at = strstr(text, words);
        fclose(file);
    }
    return at && strchr(at, '\n') ? atol(at + strlen(words)) : -1;
}

static void test_start_daemonize(void **state)
{
    char folder[] = "/tmp/keylot-daemon-XXXXXX", log[64], pidfile[64];
    const char *const args[] = {"--daemonize", "yes",       "--port", "0", "--logfile",
                                log,           "--pidfile", pidfile,  NULL};
    static const char ready[] = "Ready to accept connections on port ";
    struct server_run run;
    struct wire *w;
    long pid;

    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(log, sizeof(log), "%s/log", folder);
    snprintf(pidfile, sizeof(pidfile), "%s/pid", folder);
    server_run(&run, args);
    assert_string_equal(run.err, "");
    assert_int_equal(run.exit_status, 0);
    wait_until(number_in_file(log, ready) > 0, 20000);
    pid = number_in_file(pidfile, "");
    assert_true(pid > 1);
    w = wire_dial((int)number_in_file(log, ready));
    assert_non_null(w);
    expect(w, ":0", "DBSIZE");
    assert_int_equal(kill((pid_t)pid, SIGTERM), 0);
    expect_closed(w);
    wire_close(w);
    wait_until(access(pidfile, F_OK) != 0, 20000);
    unlink(log);
    rmdir(folder);
}

// ---- the end ----------------------------------------------------------------------------------

enum { VALUE = 50000, N = 500 };

// Leaves N large replies on their way: all requests have been received (one read takes them), and
// far more is to be sent than sockets hold.
static struct wire *replies_in_flight(struct test_server *s)
{
    struct wire *w = wire_open(s, 2);
    char *all = malloc(N * 16), *at = all;

    assert_non_null(all);
    expect(w, "OK", "SET big %0*d", VALUE, 1);
    for (int i = 0; i < N; i++) {
        at += sprintf(at, "GET big\r\n");
    }
    assert_true(wire_send_raw(w, all, (size_t)(at - all)));
    free(all);
    assert_int_equal(strlen(wire_reply(w)), VALUE + 2);
    return w;
}

static void finishes_replies(const char *threads, int signum)
{
    const char *const args[] = {"--connection-threads", threads, NULL};
    struct test_server *s = server_start(args);
    struct wire *idle = wire_open(s, 2), *w = replies_in_flight(s);

    expect(idle, ":1", "DBSIZE");
    kill(server_pid(s), signum);
    wait_until(strstr(server_output(s), "Received SIG"), 20000);
    for (int i = 1; i < N; i++) {
        const char *got = wire_reply(w);

        if (!got) {
            fail_msg("the connection ended after %d of %d replies", i, N);
        }
        assert_int_equal(strlen(got), VALUE + 2);
    }
    expect_closed(w);
    expect_closed(idle);
    assert_null(wire_dial(server_port(s)));
    wire_close(idle);
    wire_close(w);
    assert_int_equal(server_wait(s, 20000), 0);
}

static void test_stop_finishes_replies(void **state)
{
    (void)state;
    finishes_replies("auto", SIGTERM);
    finishes_replies("0", SIGINT);
}

// A client that does not read does not hold the server up for ever.
static void test_stop_does_not_wait_for_ever(void **state)
{
    struct test_server *s = server_start(NULL);
    struct wire *w = replies_in_flight(s);

    (void)state;
    kill(server_pid(s), SIGTERM);
    assert_int_equal(server_wait(s, 20000), 0);
    wire_close(w);
}

static void test_stop_second_signal_ends_at_once(void **state)
{
    struct test_server *s = server_start(NULL);
    struct wire *w = replies_in_flight(s);
    int status;

    (void)state;
    kill(server_pid(s), SIGTERM);
    wait_until(strstr(server_output(s), "Received SIGTERM"), 20000);
    kill(server_pid(s), SIGTERM);
    wait_until(strstr(server_output(s), "exiting at once"), 20000);
    status = server_wait(s, 20000);
    assert_int_equal(status, 1);
    wire_close(w);
}

// The command that runs when the signal comes ends, and so do those received with it.
static void test_stop_lets_commands_end(void **state)
{
    struct test_server *s = server_start(NULL);
    struct wire *w = wire_open(s, 2), *other = wire_open(s, 2);

    (void)state;
    assert_true(wire_send_literal(w, "SET k 1\r\nDEBUG SLEEP 0.5\r\nINCR k\r\n"));
    wait_until(strcmp(wire_run(other, "EXISTS k"), ":1") == 0, 20000);
    kill(server_pid(s), SIGTERM);
    expect_reply(w, "OK");
    expect_reply(w, "OK");
    expect_reply(w, ":2");
    expect_closed(w);
    wire_close(other);
    wire_close(w);
    assert_int_equal(server_wait(s, 20000), 0);
}

static void test_stop_by_command(void **state)
{
    static const char *const modes[] = {"auto", "0"};

    (void)state;
    for (int i = 0; i < 2; i++) {
        const char *const args[] = {"--connection-threads", modes[i], NULL};
        struct test_server *s = server_start(args);
        struct wire *w = wire_open(s, 2), *idle = wire_open(s, 2);

        assert_true(wire_send_literal(w, "SET k 1\r\nSHUTDOWN NOSAVE\r\nSET k 2\r\n"));
        expect_reply(w, "OK");
        expect_closed(w);
        expect_closed(idle);
        wire_close(idle);
        wire_close(w);
        assert_int_equal(server_wait(s, 20000), 0);
    }
}

static void test_stop_with_unfinished_requests(void **state)
{
    struct test_server *s = server_start(NULL);
    struct wire *w = wire_open(s, 2);

    (void)state;
    expect(w, ":0", "DBSIZE");
    assert_true(wire_send_literal(w, "*3\r\n$3\r\nSET\r\n$1"));
    server_stop(s);
    expect_closed(w);
    wire_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_start_version_and_help),
        cmocka_unit_test(test_start_refused),
        cmocka_unit_test(test_start_port_in_use),
        cmocka_unit_test(test_start_file_and_options),
        cmocka_unit_test(test_start_banner),
        cmocka_unit_test(test_start_daemonize),
        cmocka_unit_test(test_stop_finishes_replies),
        cmocka_unit_test(test_stop_does_not_wait_for_ever),
        cmocka_unit_test(test_stop_second_signal_ends_at_once),
        cmocka_unit_test(test_stop_lets_commands_end),
        cmocka_unit_test(test_stop_by_command),
        cmocka_unit_test(test_stop_with_unfinished_requests),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
