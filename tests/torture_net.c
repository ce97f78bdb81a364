// SPDX-License-Identifier: MIT
//
// Connections that come, go, are killed and are listed from many threads at once, in both threading
// modes, and a server that is told to end in the middle of it. What is checked: every reply that
// comes is the right one, nothing of a connection outlives it, and the server ends with status 0
// (the sanitizers' reports and leaks included).
#include <hiredis/hiredis.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "tests/lib/wire.h"

enum { THREADS = 4, PIPELINE = 50 };

struct torture {
    int port;
    int rounds;              // of each thread; negative: until the server is gone
    _Atomic int64_t last_id; // of some connection that was there a moment ago
    _Atomic int64_t wrong;   // replies that were not what they should be
    _Atomic int64_t served;  // pipelines answered in full
    _Atomic int64_t refused; // connections that could not be made
};

static void count(_Atomic int64_t *counter)
{
    // Relaxed: read after the threads have been joined, or only as a hint.
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

// Runs a command for its integer reply; -1 when the connection was killed.
static int64_t ask(redisContext *c, const char *format, int64_t arg)
{
    redisReply *reply = redisCommand(c, format, (long long)arg);
    int64_t n = reply && reply->type == REDIS_REPLY_INTEGER ? reply->integer : -1;

    if (reply) {
        freeReplyObject(reply);
    }
    return n;
}

// A pipeline of ECHOs of numbers: they must come back in order, as far as the connection lives.
static void run_pipeline(struct torture *t, redisContext *c)
{
    void *got;
    int i;

    for (i = 0; i < PIPELINE; i++) {
        redisAppendCommand(c, "ECHO %d", i);
    }
    for (i = 0; i < PIPELINE && redisGetReply(c, &got) == REDIS_OK; i++) {
        redisReply *reply = got;

        if (reply->type != REDIS_REPLY_STRING || atoi(reply->str) != i) {
            count(&t->wrong);
        }
        freeReplyObject(reply);
    }
    if (i == PIPELINE) {
        count(&t->served);
    }
}

// One connection's life; `n` chooses what happens in it.
static void live(struct torture *t, redisContext *c, unsigned n)
{
    int64_t id = ask(c, "CLIENT ID", 0), other;

    other = atomic_exchange_explicit(&t->last_id, id, memory_order_relaxed);
    run_pipeline(t, c);
    if (n % 3 == 0 && other > 0) {
        ask(c, "CLIENT KILL ID %lld", other);
    }
    if (n % 5 == 0) {
        void *reply = redisCommand(c, "CLIENT LIST");

        if (reply) {
            freeReplyObject(reply);
        }
    }
    for (int i = 0; n % 7 == 0 && i < PIPELINE; i++) {
        redisAppendCommand(c, "CLIENT LIST");
    }
    for (int sent = 0; n % 7 == 0 && !sent && redisBufferWrite(c, &sent) == REDIS_OK;) {
        continue; // the replies are left behind
    }
}

static void *client_thread(void *arg)
{
    struct torture *t = arg;
    struct linger reset = {.l_onoff = 1, .l_linger = 0};

    for (unsigned n = 1; t->rounds < 0 || n <= (unsigned)t->rounds; n++) {
        redisContext *c = redisConnect("127.0.0.1", t->port);
        bool gone = !c || c->err;

        if (gone) {
            count(&t->refused);
        } else {
            live(t, c, n);
        }
        if (!gone && n % 4 == 0) {
            setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
        }
        if (c) {
            redisFree(c);
        }
        if (gone && t->rounds < 0) {
            break;
        }
    }
    return NULL;
}

static struct test_server *start(struct torture *t, const char *threads, pthread_t *ids)
{
    const char *const args[] = {"--connection-threads", threads, "--timeout", "3", NULL};
    struct test_server *s = server_start(args);

    t->port = server_port(s);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&ids[i], NULL, client_thread, t), 0);
    }
    return s;
}

static void come_and_go(const char *threads)
{
    struct torture t = {.rounds = server_sanitized() ? 60 : 300};
    pthread_t ids[THREADS];
    struct test_server *s = start(&t, threads, ids);

    for (int i = 0; i < THREADS; i++) {
        pthread_join(ids[i], NULL);
    }
    assert_int_equal(t.wrong, 0);
    assert_int_equal(t.refused, 0);
    assert_true(t.served > t.rounds);
    // All connections are gone but the one that asks.
    struct wire *w = wire_open(s, 2);
    wait_until(strstr(wire_text(w, NULL, "INFO clients"), "connected_clients:1\r\n"), 20000);
    wire_close(w);
    server_stop(s);
}

static void end_amid(const char *threads)
{
    struct torture t = {.rounds = -1};
    pthread_t ids[THREADS];
    struct test_server *s = start(&t, threads, ids);

    wait_until(atomic_load_explicit(&t.served, memory_order_relaxed) > 20, 20000);
    server_stop(s);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(ids[i], NULL);
    }
    assert_int_equal(t.wrong, 0);
}

static void test_net_come_and_go(void **state)
{
    (void)state;
    come_and_go("auto");
    come_and_go("0");
}

static void test_net_end_amid(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        end_amid("auto");
        end_amid("0");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_net_come_and_go),
        cmocka_unit_test(test_net_end_amid),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
