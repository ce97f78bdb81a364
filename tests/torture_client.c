// SPDX-License-Identifier: MIT
//
// Connections that come, go, rename themselves, look at each other and kill each other, while
// statistics are read and reset: for ThreadSanitizer, and for lists that stay whole.
#include "tests/lib/server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>

#include "tests/lib/check.h"

enum { WORKERS = 6, ROUNDS = 1500, REPLY_LIMIT_S = 60 };

struct worker {
    pthread_t thread;
    int index, port;
    unsigned random; // state of rand_r
    redisContext *c;
    int64_t killed, lost; // connections of others that it ended, own ones that ended
};

static void dial(struct worker *w)
{
    struct timeval limit = {REPLY_LIMIT_S, 0};

    w->c = redisConnectWithTimeout("127.0.0.1", w->port, limit);
    check(w->c && !w->c->err);
    check_int(redisSetTimeout(w->c, limit), REDIS_OK);
}

// The reply, or NULL when somebody has killed the connection, which is then dialled again.
static redisReply *run(struct worker *w, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    redisReply *reply = redisvCommand(w->c, format, args);
    va_end(args);
    if (reply) {
        if (reply->type == REDIS_REPLY_ERROR)
            check_str(reply->str, "no error");
        return reply;
    }
    if (w->c->err != REDIS_ERR_EOF && w->c->err != REDIS_ERR_IO)
        check_fail(__FILE__, __LINE__, w->c->errstr);
    redisFree(w->c);
    dial(w);
    w->lost++;
    return NULL;
}

static void run_only(struct worker *w, const char *command)
{
    freeReplyObject(run(w, command));
}

// Whole lines, ids in ascending order, and this connection among them.
static void check_list(struct worker *w)
{
    redisReply *mine = run(w, "CLIENT ID"), *list = mine ? run(w, "CLIENT LIST") : NULL;
    long long last = 0;
    bool found = false;

    if (list) {
        for (char *line = list->str, *end; *line; line = end + 1) {
            end = strchr(line, '\n');
            check(end != NULL);
            *end = '\0';
            long long id = 0;
            check_int(sscanf(line, "id=%lld addr=127.0.0.1:", &id), 1);
            check(id > last);
            check(strstr(line, " resp=2") != NULL);
            last = id;
            found = found || id == mine->integer;
        }
        check(found);
    }
    freeReplyObject(mine);
    freeReplyObject(list);
}

static void kill_somebody(struct worker *w)
{
    redisReply *mine = run(w, "CLIENT ID");

    if (!mine)
        return;
    long long near = mine->integer - 3 + rand_r(&w->random) % 7;
    redisReply *reply = near > 0 ? run(w, "CLIENT KILL ID %lld", near) : NULL;
    if (reply)
        w->killed += reply->integer;
    freeReplyObject(mine);
    freeReplyObject(reply);
}

static void *work(void *arg)
{
    static const char *const COMMANDS[] = {"CLIENT SETNAME a-name-of-some-length",
                                           "CLIENT SETNAME b",
                                           "CLIENT SETINFO lib-name x",
                                           "CLIENT INFO",
                                           "CLIENT LIST TYPE normal",
                                           "CLIENT LIST ID 1 2 3 4 5 6 7 8 9",
                                           "CLIENT NO-EVICT on",
                                           "RESET",
                                           "INFO everything",
                                           "INFO",
                                           "CONFIG RESETSTAT",
                                           "CONFIG GET *",
                                           "CONFIG SET timeout 1000 hz 50",
                                           "COMMAND DOCS sadd set get",
                                           "COMMAND GETKEYS mset a 1 b 2",
                                           "MEMORY STATS",
                                           "SET k v",
                                           "GET k",
                                           "MEMORY USAGE k",
                                           "FLUSHALL",
                                           "DEBUG SLEEP 0.001"};
    struct worker *w = arg;

    dial(w);
    for (int i = 0; i < ROUNDS; i++) {
        unsigned what = (unsigned)rand_r(&w->random) % (sizeof COMMANDS / sizeof *COMMANDS + 3);
        if (what < sizeof COMMANDS / sizeof *COMMANDS) {
            run_only(w, COMMANDS[what]);
        } else if (what == sizeof COMMANDS / sizeof *COMMANDS) {
            kill_somebody(w);
        } else if (what == sizeof COMMANDS / sizeof *COMMANDS + 1) {
            redisFree(w->c);
            dial(w);
        } else {
            check_list(w);
        }
    }
    redisFree(w->c);
    return NULL;
}

static void torture(const char *connection_threads)
{
    const char *const args[] = {"--connection-threads", connection_threads, NULL};
    struct test_server *server = server_start(args);
    static struct worker workers[WORKERS];
    int64_t killed = 0, lost = 0;

    for (int i = 0; i < WORKERS; i++) {
        workers[i] =
            (struct worker){.index = i, .port = server_port(server), .random = (unsigned)i + 1};
        check_int(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    for (int i = 0; i < WORKERS; i++) {
        pthread_join(workers[i].thread, NULL);
        killed += workers[i].killed;
        lost += workers[i].lost;
    }
    // A connection may be counted as killed twice, or be closed by its owner at the same moment.
    assert_true(killed >= lost);
    assert_true(lost > 0);
    server_stop(server);
}

static void torture_shared_threads(void **state)
{
    (void)state;
    torture("2");
}

static void torture_thread_each(void **state)
{
    (void)state;
    torture("0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(torture_shared_threads),
        cmocka_unit_test(torture_thread_each),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
