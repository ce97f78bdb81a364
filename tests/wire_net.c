// SPDX-License-Identifier: MIT
//
// The network layer as clients see it: pipelines, half-open and vanishing peers, both kinds of
// requests, protocol errors, addresses and threads.
#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "tests/lib/wire.h"

// ---- pipelines --------------------------------------------------------------------------------

static void test_net_split_anywhere(void **state)
{
    static const char requests[] = "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$3\r\na\r\n\r\nGET k\r\n"
                                   "*1\r\n$6\r\nDBSIZE\r\n";
    static const char replies[] = "+OK\r\n$3\r\na\r\n\r\n:1\r\n";
    struct wire *w = *state;

    for (size_t at = 1; at < sizeof(requests) - 1; at++) {
        char got[sizeof(replies)] = "";

        assert_true(wire_send_raw(w, requests, at));
        assert_true(wire_send_raw(w, requests + at, sizeof(requests) - 1 - at));
        assert_int_equal(wire_read_raw(w, got, sizeof(replies) - 1), sizeof(replies) - 1);
        assert_string_equal(got, replies);
    }
    for (size_t i = 0; i < sizeof(requests) - 1; i++) {
        assert_true(wire_send_raw(w, requests + i, 1));
    }
    expect_raw(w, "", "+OK\r\n$3\r\na\r\n\r\n:1\r\n");
}

static void test_net_inline_mixed_with_resp(void **state)
{
    struct wire *w = *state;

    expect_raw(w,
               "SET k \"a b\\x41\"\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\n\r\n\r\nGET k\n*0\r\n*-1\r\n"
               "get nothing\r\n",
               "+OK\r\n$4\r\na bA\r\n$4\r\na bA\r\n$-1\r\n");
}

// All requests are sent before the first reply is read; replies are many times what the sockets
// hold.
static void test_net_pipeline_of_100k(void **state)
{
    enum { N = 100000, VALUE = 1000 };
    struct wire *w = *state;
    char *all, *at, value[VALUE + 1], line[16];

    memset(value, 'v', VALUE);
    value[VALUE] = '\0';
    expect(w, "OK", "SET big %s", value);
    all = at = malloc((size_t)N * 32);
    assert_non_null(all);
    for (int i = 0; i < N; i++) {
        at += sprintf(at, i % 4 ? "INCR n\r\n" : "*2\r\n$3\r\nGET\r\n$3\r\nbig\r\n");
    }
    assert_true(wire_send_raw(w, all, (size_t)(at - all)));
    free(all);
    for (int i = 0, n = 0; i < N; i++) {
        const char *got = wire_reply(w);

        assert_non_null(got);
        if (i % 4) {
            snprintf(line, sizeof(line), ":%d", ++n);
            assert_string_equal(got, line);
        } else {
            assert_int_equal(strlen(got), VALUE + 2);
        }
    }
    expect(w, "\"75000\"", "GET n");
}

// Requests of one read are looked at together before the first one runs; what an earlier one
// changes (the database, the key, its type) must be seen by the later ones all the same.
static void test_net_pipeline_changes_its_own_ground(void **state)
{
    struct wire *w = *state;

    assert_true(wire_send_literal(
        w,
        "SADD s a\r\nSELECT 1\r\nSISMEMBER s a\r\nSADD s b\r\nDEL s\r\nSET s text\r\nSADD s c\r\n"
        "SELECT 0\r\nSISMEMBER s a\r\nRENAME s t\r\nSREM t a\r\nSCARD t\r\nCLIENT GETNAME\r\n"
        "nonsense\r\nSADD\r\nFLUSHALL\r\nSADD s d\r\nSPOP s\r\nEXISTS s t\r\n"));
    static const char *const replies[] = {
        ":1",
        "OK",
        ":0",
        ":1",
        ":1",
        "OK",
        "-WRONGTYPE Operation against a key holding the wrong kind of value",
        "OK",
        ":1",
        "OK",
        ":1",
        ":0",
        "(nil)",
        "-ERR unknown command 'nonsense', with args beginning with: ",
        "-ERR wrong number of arguments for 'sadd' command",
        "OK",
        ":1",
        "\"d\"",
        ":0",
    };
    for (size_t i = 0; i < sizeof(replies) / sizeof(replies[0]); i++) {
        expect_reply(w, replies[i]);
    }
}

static void test_net_many_clients(void **state)
{
    enum { CLIENTS = 50, ROUNDS = 20 };
    struct wire *first = *state, *w[CLIENTS];

    for (int i = 0; i < CLIENTS; i++) {
        w[i] = wire_open(wire_server(first), i % 2 ? 3 : 2);
    }
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < CLIENTS; i++) {
            wire_send(w[i], "INCR shared");
            wire_send(w[i], "INCR own:%d", i);
        }
        for (int i = 0; i < CLIENTS; i++) {
            char want[16];

            assert_non_null(wire_reply(w[i]));
            snprintf(want, sizeof(want), ":%d", round + 1);
            expect_reply(w[i], want);
        }
    }
    expect(first, "\"1000\"", "GET shared");
    for (int i = 0; i < CLIENTS; i++) {
        wire_close(w[i]);
    }
}

// ---- peers that leave -------------------------------------------------------------------------

static void test_net_half_close(void **state)
{
    enum { N = 20000 };
    struct wire *w = *state;

    for (int i = 0; i < N; i++) {
        assert_true(wire_send_literal(w, "INCR n\r\n"));
    }
    assert_true(wire_send_literal(w, "INCR")); // never completed
    wire_shutdown(w);
    for (int i = 1; i <= N; i++) {
        char want[16];

        snprintf(want, sizeof(want), ":%d", i);
        expect_reply(w, want);
    }
    expect_closed(w);
}

static void test_net_half_close_at_once(void **state)
{
    struct wire *w = *state;

    wire_shutdown(w);
    expect_closed(w);
}

static void test_net_vanishing_peers(void **state)
{
    struct wire *w = *state;
    long files = server_files(wire_server(w));

    expect(w, "OK", "SET big %01000d", 7);
    for (int i = 0; i < 50; i++) {
        struct wire *gone = wire_open(wire_server(w), 2);

        for (int j = 0; j < 200; j++) {
            wire_send(gone, "GET big");
        }
        wire_send_literal(gone, "*3\r\n$3\r\nSET\r\n$100000\r\nabc");
        if (i % 2) {
            wire_abort(gone);
        } else {
            wire_close(gone);
        }
    }
    wait_until(server_files(wire_server(w)) <= files, 20000);
    expect(w, ":1", "DBSIZE");
}

// ---- what ends a connection -------------------------------------------------------------------

static void test_net_protocol_errors(void **state)
{
    static const struct {
        const char *sent, *error;
    } cases[] = {
        {"*abc\r\n", "invalid multibulk length"},
        {"*2000000000\r\n", "invalid multibulk length"},
        {"*2\r\n+GET\r\n", "expected '$', got '+'"},
        {"*1\r\n$-5\r\n", "invalid bulk length"},
        {"*1\r\n$600000000\r\n", "invalid bulk length"},
        {"SET k \"unbalanced\r\n", "unbalanced quotes in request"},
    };
    struct wire *w = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct wire *bad = wire_open(wire_server(w), 2);
        char all[256], want[128];

        // What stands before the error is answered, what follows it is not run.
        snprintf(all, sizeof(all), "SET k before\r\n%sSET k after\r\n", cases[i].sent);
        assert_true(wire_send_raw(bad, all, strlen(all)));
        expect_reply(bad, "OK");
        snprintf(want, sizeof(want), "-ERR Protocol error: %s", cases[i].error);
        expect_reply(bad, want);
        expect_closed(bad);
        wire_close(bad);
        expect(w, "\"before\"", "GET k");
    }
}

// The error reaches a peer that goes on sending.
static void test_net_protocol_error_amid_a_flood(void **state)
{
    struct wire *w = *state;
    char waste[4096];

    memset(waste, '\n', sizeof(waste));
    assert_true(wire_send_literal(w, "*x\r\n"));
    for (int i = 0; i < 100; i++) {
        if (!wire_send_raw(w, waste, sizeof(waste))) {
            break;
        }
    }
    expect_reply(w, "-ERR Protocol error: invalid multibulk length");
    expect_closed(w);
}

static void test_net_quit_in_a_pipeline(void **state)
{
    struct wire *w = *state, *other = wire_open(wire_server(w), 2);

    assert_true(wire_send_literal(w, "SET k 1\r\nQUIT\r\nSET k 2\r\n"));
    expect_reply(w, "OK");
    expect_reply(w, "OK");
    expect_closed(w);
    expect(other, "\"1\"", "GET k");
    wire_close(other);
}

// Replies on their way survive the close although the server leaves bytes behind QUIT unread.
static void test_net_quit_with_much_behind(void **state)
{
    enum { N = 100, VALUE = 100000, JUNK = 200000 };
    struct wire *w = *state;
    char *junk = calloc(1, JUNK);

    assert_non_null(junk);
    expect(w, "OK", "SET big %0*d", VALUE, 1);
    for (int i = 0; i < N; i++) {
        assert_true(wire_send_literal(w, "GET big\r\n"));
    }
    assert_true(wire_send_literal(w, "QUIT\r\n"));
    wire_send_raw(w, junk, JUNK);
    free(junk);
    for (int i = 0; i < N; i++) {
        const char *got = wire_reply(w);

        if (!got) {
            fail_msg("the connection ended after %d of %d replies", i, N);
        }
        assert_int_equal(strlen(got), VALUE + 2);
    }
    expect_reply(w, "OK");
    expect_closed(w);
}

// Whether the connection is over, by an end or a reset; throws away what comes before that.
static bool has_ended(struct wire *w)
{
    char waste[65536];
    ssize_t n;

    while ((n = recv(wire_fd(w), waste, sizeof(waste), MSG_DONTWAIT)) > 0) {
        continue;
    }
    return n == 0 || (errno != EAGAIN && errno != EINTR);
}

// Killed from another connection, on the same thread or another one, while idle and amid replies.
static void test_net_kill(void **state)
{
    enum { VICTIMS = 8 };
    struct wire *w = *state, *victim[VICTIMS];

    expect(w, "OK", "SET big %0100000d", 1);
    for (int i = 0; i < VICTIMS; i++) {
        int64_t id;

        victim[i] = wire_open(wire_server(w), 2);
        id = wire_int(victim[i], "CLIENT ID");
        for (int j = 0; j < 100 * (i % 2); j++) {
            wire_send(victim[i], "GET big");
        }
        expect(w, ":1", "CLIENT KILL ID %lld", (long long)id);
        expect(w, ":0", "CLIENT KILL ID 999999999");
        wait_until(has_ended(victim[i]), 20000);
        wire_close(victim[i]);
    }
    expect(w, ":1", "DBSIZE");
}

// ---- addresses --------------------------------------------------------------------------------

// Connects to an address; -1 when that fails.
static int dial(const char *host, int port)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
    bool v6 = inet_pton(AF_INET6, host, &in6.sin6_addr) == 1;
    int fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM, 0);

    inet_pton(AF_INET, host, &in.sin_addr);
    if (fd >= 0 && connect(fd, v6 ? (struct sockaddr *)&in6 : (struct sockaddr *)&in,
                           v6 ? sizeof(in6) : sizeof(in)) != 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

// What the server answers to a command there, up to the first line's end.
static void ask(const char *host, int port, char *answer, size_t size)
{
    int fd = dial(host, port);
    ssize_t n;

    answer[0] = '\0';
    if (fd < 0) {
        return;
    }
    if (send(fd, "DBSIZE\r\n", 8, MSG_NOSIGNAL) > 0 && (n = recv(fd, answer, size - 1, 0)) > 0) {
        answer[n] = '\0';
    }
    close(fd);
}

static void test_net_several_addresses(void **state)
{
    static const char *const args[] = {"--bind", "127.0.0.1",  "127.0.0.2",
                                       "-::1",   "-192.0.2.1", NULL}; // the last one is nobody's
    struct test_server *s = server_start(args);
    char answer[64];

    (void)state;
    ask("127.0.0.2", server_port(s), answer, sizeof(answer));
    assert_string_equal(answer, ":0\r\n");
    ask("127.0.0.1", server_port(s), answer, sizeof(answer));
    assert_string_equal(answer, ":0\r\n");
    int fd = socket(AF_INET6, SOCK_STREAM, 0);
    struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
    if (fd >= 0 && bind(fd, (struct sockaddr *)&any, sizeof(any)) == 0) {
        ask("::1", server_port(s), answer, sizeof(answer));
        assert_string_equal(answer, ":0\r\n");
    }
    close(fd);
    server_stop(s);
}

// An address of this machine that is not a loopback one; false when there is none.
static bool find_outer_address(char *out, size_t size)
{
    struct ifaddrs *all, *i;
    bool found = false;

    if (getifaddrs(&all) != 0) {
        return false;
    }
    for (i = all; i && !found; i = i->ifa_next) {
        if (i->ifa_addr && i->ifa_addr->sa_family == AF_INET && i->ifa_flags & IFF_UP &&
            !(i->ifa_flags & IFF_LOOPBACK)) {
            struct sockaddr_in *in = (struct sockaddr_in *)i->ifa_addr;

            found = inet_ntop(AF_INET, &in->sin_addr, out, (socklen_t)size) != NULL;
        }
    }
    freeifaddrs(all);
    return found;
}

static void test_net_protected_mode(void **state)
{
    static const char *const protected[] = {"--bind", "* -::*", NULL};
    static const char *const open[] = {"--bind", "* -::*", "--protected-mode", "no", NULL};
    char host[64], answer[64];
    struct test_server *s;

    (void)state;
    if (!find_outer_address(host, sizeof(host))) {
        skip();
    }
    s = server_start(protected);
    ask(host, server_port(s), answer, sizeof(answer));
    answer[strcspn(answer, " ")] = '\0';
    assert_string_equal(answer, "-DENIED");
    ask("127.0.0.1", server_port(s), answer, sizeof(answer));
    assert_string_equal(answer, ":0\r\n");
    server_stop(s);
    s = server_start(open);
    ask(host, server_port(s), answer, sizeof(answer));
    assert_string_equal(answer, ":0\r\n");
    server_stop(s);
}

// ---- threads ----------------------------------------------------------------------------------

static void open_and_close(struct test_server *s, int n, long *threads_meanwhile)
{
    struct wire *w[64];

    for (int i = 0; i < n; i++) {
        w[i] = wire_open(s, 2);
        expect(w[i], ":0", "DBSIZE");
    }
    *threads_meanwhile = server_connection_threads(s);
    for (int i = 0; i < n; i++) {
        wire_close(w[i]);
    }
}

static void test_net_threads_on_demand(void **state)
{
    static const char *const args[] = {"--connection-threads", "3", NULL};
    struct test_server *s = server_start(args);
    long before = server_connection_threads(s), meanwhile;

    (void)state;
    open_and_close(s, 1, &meanwhile);
    assert_int_equal(meanwhile, before + 1);
    open_and_close(s, 2, &meanwhile);
    assert_in_range(meanwhile, before + 2, before + 3);
    open_and_close(s, 20, &meanwhile);
    assert_int_equal(meanwhile, before + 3);
    server_stop(s);
}

static void test_net_thread_per_connection(void **state)
{
    static const char *const args[] = {"--connection-threads", "0", NULL};
    struct test_server *s = server_start(args);
    long before = server_connection_threads(s), files = server_files(s), meanwhile;

    (void)state;
    for (int i = 0; i < 3; i++) {
        open_and_close(s, 30, &meanwhile);
        assert_int_equal(meanwhile, before + 30);
        wait_until(server_connection_threads(s) == before && server_files(s) == files, 20000);
    }
    server_stop(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WIRE_TEST(test_net_split_anywhere),
        WIRE_TEST(test_net_inline_mixed_with_resp),
        WIRE_TEST(test_net_pipeline_of_100k),
        WIRE_TEST(test_net_pipeline_changes_its_own_ground),
        WIRE_TEST(test_net_many_clients),
        WIRE_TEST(test_net_half_close),
        WIRE_TEST(test_net_half_close_at_once),
        WIRE_TEST(test_net_vanishing_peers),
        WIRE_TEST(test_net_protocol_errors),
        WIRE_TEST(test_net_protocol_error_amid_a_flood),
        WIRE_TEST(test_net_quit_in_a_pipeline),
        WIRE_TEST(test_net_quit_with_much_behind),
        WIRE_TEST(test_net_kill),
    };
    const struct CMUnitTest alone[] = {
        cmocka_unit_test(test_net_several_addresses),
        cmocka_unit_test(test_net_protected_mode),
        cmocka_unit_test(test_net_threads_on_demand),
        cmocka_unit_test(test_net_thread_per_connection),
    };

    return run_modes(tests) + cmocka_run_group_tests(alone, NULL, NULL);
}
