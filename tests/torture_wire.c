// SPDX-License-Identifier: MIT
//
// Many connections against few keys of one server, for ThreadSanitizer and for what must hold
// whatever the order of things: a member is popped once, a read of several keys sees one instant,
// locks taken in crossed orders never close a circle, a key deleted under waiters takes nothing
// with it, memory comes back. Every reply has a time limit, so that a deadlock is a failure and not
// a hang.
#include "tests/lib/wire.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include <hiredis/hiredis.h>

#include "datatypes/rng.h"

enum { MAX_WORKERS = 12, REPLY_LIMIT_S = 60 };

struct worker {
    pthread_t thread;
    redisContext *c;
    struct rng rng;
    int index;
    void *shared;     // what the test's workers have in common
    int64_t count[4]; // what the test counts
    char error[256];  // the first thing that was wrong; "" nothing
};

static int scaled(int n)
{
    return server_sanitized() ? n / 4 : n;
}

// ---- workers ------------------------------------------------------------------------------------

static void worker_fail(struct worker *, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void worker_fail(struct worker *worker, const char *format, ...)
{
    va_list ap;

    if (worker->error[0])
        return;
    va_start(ap, format);
    vsnprintf(worker->error, sizeof(worker->error), format, ap);
    va_end(ap);
}

static bool worker_ok(const struct worker *worker)
{
    return !worker->error[0];
}

// Notes the failure that a missing reply or an error reply (none is allowed) is; returns the reply.
static redisReply *check_reply(struct worker *worker, redisReply *reply, const char *format)
{
    if (!reply)
        worker_fail(worker, "no reply to '%s': %s", format, worker->c->errstr);
    else if (reply->type == REDIS_REPLY_ERROR)
        worker_fail(worker, "'%s' answered: %s", format, reply->str);
    return reply;
}

// Runs a command that may not fail; NULL when it did.
static redisReply *run(struct worker *worker, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    redisReply *reply = redisvCommand(worker->c, format, ap);
    va_end(ap);
    check_reply(worker, reply, format);
    if (!worker_ok(worker) && reply) {
        freeReplyObject(reply);
        reply = NULL;
    }
    return reply;
}

// The same for an integer.
static int64_t run_int(struct worker *worker, const char *format, ...)
{
    int64_t n = -1;
    va_list ap;

    va_start(ap, format);
    redisReply *reply = redisvCommand(worker->c, format, ap);
    va_end(ap);
    check_reply(worker, reply, format);
    if (reply) {
        if (worker_ok(worker) && reply->type != REDIS_REPLY_INTEGER)
            worker_fail(worker, "'%s' answered no integer", format);
        n = reply->integer;
        freeReplyObject(reply);
    }
    return n;
}

// Runs a command of which only an answer of any kind is wanted, errors included.
static void run_any(struct worker *worker, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    redisReply *reply = redisvCommand(worker->c, format, ap);
    va_end(ap);
    if (!reply)
        worker_fail(worker, "no reply to '%s': %s", format, worker->c->errstr);
    else
        freeReplyObject(reply);
}

static unsigned draw(struct worker *worker, unsigned n)
{
    return (unsigned)rng_below(&worker->rng, n);
}

// Runs fn[i % nfn] as worker i, each on a thread and connection of its own, and reports their
// failures.
static void run_workers(struct test_server *server, struct worker *workers, int n,
                        void *(*const *fn)(void *), int nfn, void *shared)
{
    int failed = 0;

    memset(workers, 0, (size_t)n * sizeof(*workers));
    for (int i = 0; i < n; i++) {
        struct timeval limit = {REPLY_LIMIT_S, 0};

        workers[i].c = server_connect(server);
        assert_non_null(workers[i].c);
        redisSetTimeout(workers[i].c, limit);
        rng_seed(&workers[i].rng, (uint64_t)i + 1);
        workers[i].index = i;
        workers[i].shared = shared;
    }
    for (int i = 0; i < n; i++)
        assert_int_equal(pthread_create(&workers[i].thread, NULL, fn[i % nfn], &workers[i]), 0);
    for (int i = 0; i < n; i++) {
        pthread_join(workers[i].thread, NULL);
        redisFree(workers[i].c);
        if (!worker_ok(&workers[i])) {
            print_error("worker %d: %s\n", i, workers[i].error);
            failed++;
        }
    }
    assert_int_equal(failed, 0);
}

// ---- every member is popped exactly once --------------------------------------------------------

enum { POP_ADDERS = 4, POP_KEYS = 3, POP_MAX = 5000 };

struct pop_shared {
    int per_adder;
    _Atomic int adding;                                 // adders at work
    _Atomic unsigned char popped[POP_ADDERS * POP_MAX]; // how often each member was popped
};

static void *pop_add(void *arg)
{
    struct worker *worker = arg;
    struct pop_shared *shared = worker->shared;
    int adder = worker->index / 3;

    for (int i = 0; i < shared->per_adder && worker_ok(worker); i++) {
        int64_t added =
            run_int(worker, "SADD set:%u %d", draw(worker, POP_KEYS), adder * POP_MAX + i);
        if (added != 1)
            worker_fail(worker, "SADD of a new member answered %" PRId64, added);
        worker->count[0]++;
    }
    // Release: whoever sees it knows that the members are there.
    atomic_fetch_sub_explicit(&shared->adding, 1, memory_order_release);
    return NULL;
}

static void pop_note(struct worker *worker, const redisReply *member)
{
    struct pop_shared *shared = worker->shared;
    long n = strtol(member->str, NULL, 10);

    if (n < 0 || n >= POP_ADDERS * POP_MAX)
        worker_fail(worker, "popped '%s', which nobody added", member->str);
    else if (atomic_fetch_add_explicit(&shared->popped[n], 1, memory_order_relaxed) != 0)
        worker_fail(worker, "popped %ld twice", n);
    worker->count[1]++;
}

// Pops one member, or a few; returns how many came.
static size_t pop_some(struct worker *worker, unsigned key, unsigned limit)
{
    redisReply *reply =
        limit == 1 ? run(worker, "SPOP set:%u", key) : run(worker, "SPOP set:%u %u", key, limit);
    size_t n = 0;

    if (!reply)
        return 0;
    if (reply->type == REDIS_REPLY_STRING) {
        pop_note(worker, reply);
        n = 1;
    }
    for (; reply->type == REDIS_REPLY_ARRAY && n < reply->elements; n++)
        pop_note(worker, reply->element[n]);
    freeReplyObject(reply);
    return n;
}

static void *pop_take(void *arg)
{
    struct worker *worker = arg;
    struct pop_shared *shared = worker->shared;
    int misses = 0;

    // Acquire: pairs with the adders' release.
    while (worker_ok(worker) &&
           (misses < 100 || atomic_load_explicit(&shared->adding, memory_order_acquire) > 0)) {
        unsigned limit = draw(worker, 4) ? 1 : 1 + draw(worker, 5);
        misses = pop_some(worker, draw(worker, POP_KEYS), limit) ? 0 : misses + 1;
    }
    return NULL;
}

// Reads, and moves members and whole sets about without destroying any.
static void *pop_stir(void *arg)
{
    struct worker *worker = arg;
    struct pop_shared *shared = worker->shared;
    int64_t total = (int64_t)POP_ADDERS * shared->per_adder;

    while (worker_ok(worker) && atomic_load_explicit(&shared->adding, memory_order_acquire) > 0) {
        unsigned a = draw(worker, POP_KEYS), b = draw(worker, POP_KEYS);
        int64_t n;

        switch (draw(worker, 9)) {
        case 0:
            n = run_int(worker, "SCARD set:%u", a);
            if (n < 0 || n > total)
                worker_fail(worker, "SCARD is %" PRId64, n);
            break;
        case 1:
            run_any(worker, "SMOVE set:%u set:%u %u", a, b,
                    draw(worker, POP_ADDERS) * POP_MAX + draw(worker, (unsigned)shared->per_adder));
            break;
        case 2:
            run_any(worker, "RENAMENX set:%u set:%u", a, b);
            break;
        case 3:
            run_any(worker, "SMEMBERS set:%u", a);
            break;
        case 4:
            n = run_int(worker, "SUNIONSTORE union set:%u set:%u", a, b);
            if (n < 0 || n > total)
                worker_fail(worker, "SUNIONSTORE made %" PRId64 " members", n);
            break;
        case 5:
            run_any(worker, "SCAN 0 COUNT 100");
            break;
        case 6:
            run_any(worker, "SRANDMEMBER set:%u 3", a);
            break;
        case 7:
            run_any(worker, "SISMEMBER set:%u %u", a, draw(worker, POP_MAX));
            break;
        default:
            run_any(worker, "EXISTS set:%u set:%u union", a, b);
        }
    }
    return NULL;
}

static void test_each_member_is_popped_once(void **state)
{
    void *(*const fn[])(void *) = {pop_add, pop_take, pop_stir};
    static struct pop_shared shared;
    static struct worker workers[3 * POP_ADDERS];
    struct wire *w = wire_open(*state, 2);
    int64_t added = 0, popped = 0;

    expect(w, "OK", "FLUSHALL");
    memset(&shared, 0, sizeof(shared));
    shared.per_adder = scaled(POP_MAX);
    atomic_store_explicit(&shared.adding, POP_ADDERS, memory_order_relaxed);
    run_workers(*state, workers, 3 * POP_ADDERS, fn, 3, &shared);
    for (int i = 0; i < 3 * POP_ADDERS; i++) {
        added += workers[i].count[0];
        popped += workers[i].count[1];
    }
    // RENAMENX may have left something where nobody looked last.
    for (int key = 0; key < POP_KEYS; key++)
        popped += wire_int(w, "SCARD set:%d", key);
    assert_int_equal(added, (int64_t)POP_ADDERS * shared.per_adder);
    assert_int_equal(popped, added);
    wire_close(w);
}

// ---- a key that is made and deleted by everybody ------------------------------------------------

// The set has one possible member, so SADD answers 1 exactly when it made the key, and SPOP and DEL
// something exactly when they ended it.
static void *birth_and_death(void *arg)
{
    struct worker *worker = arg;
    int ops = scaled(5000);

    for (int i = 0; i < ops && worker_ok(worker); i++) {
        switch (draw(worker, 5)) {
        case 0:
        case 1:
            worker->count[0] += run_int(worker, "SADD key member");
            break;
        case 2:
            worker->count[1] += run_int(worker, "DEL key");
            break;
        case 3:
            worker->count[1] += run_int(worker, "SREM key member");
            break;
        default: {
            redisReply *reply = run(worker, "SPOP key");
            if (reply) {
                worker->count[1] += reply->type == REDIS_REPLY_STRING;
                freeReplyObject(reply);
            }
        }
        }
    }
    return NULL;
}

static void test_births_and_deaths_balance(void **state)
{
    void *(*const fn[])(void *) = {birth_and_death};
    static struct worker workers[8];
    struct wire *w = wire_open(*state, 2);
    int64_t births = 0, deaths = 0;

    expect(w, "OK", "FLUSHALL");
    run_workers(*state, workers, 8, fn, 1, NULL);
    for (int i = 0; i < 8; i++) {
        births += workers[i].count[0];
        deaths += workers[i].count[1];
    }
    assert_true(births > 0);
    assert_int_equal(births - deaths, wire_int(w, "EXISTS key"));
    assert_int_equal(wire_int(w, "DBSIZE"), wire_int(w, "EXISTS key"));
    wire_close(w);
}

// ---- several keys change at one instant ---------------------------------------------------------

struct instant_shared {
    _Atomic bool done;
};

enum { INSTANT_BATCH = 50 };

static redisReply *next_reply(struct worker *worker)
{
    void *reply = NULL;

    if (redisGetReply(worker->c, &reply) != REDIS_OK)
        worker_fail(worker, "no reply: %s", worker->c->errstr);
    return reply;
}

static void skip_replies(struct worker *worker, int n)
{
    for (int i = 0; i < n && worker_ok(worker); i++) {
        redisReply *reply = next_reply(worker);
        if (reply)
            freeReplyObject(reply);
    }
}

// MSET gives all strings the same number, rising; the token goes from one name to the other.
static void *instant_write(void *arg)
{
    struct worker *worker = arg;
    struct instant_shared *shared = worker->shared;
    int ops = scaled(16000);

    for (int i = 1; i <= ops && worker_ok(worker); i++) {
        redisAppendCommand(worker->c, "MSET x %d m1 %d m2 %d m3 %d m4 %d m5 %d y %d", i, i, i, i, i,
                           i, i);
        redisAppendCommand(worker->c, i % 2 ? "RENAME token:a token:b" : "RENAME token:b token:a");
        if (i % INSTANT_BATCH == 0)
            skip_replies(worker, 2 * INSTANT_BATCH);
    }
    atomic_store_explicit(&shared->done, true, memory_order_relaxed);
    return NULL;
}

static long reply_number(const redisReply *reply)
{
    return reply->type == REDIS_REPLY_STRING ? strtol(reply->str, NULL, 10) : 0;
}

// The next reply as a number that may not be below `least`.
static long next_number(struct worker *worker, long least)
{
    redisReply *reply = next_reply(worker);
    long n = reply ? reply_number(reply) : 0;

    if (reply && n < least)
        worker_fail(worker, "read %ld, then %ld of the same MSET's other key", least, n);
    if (reply)
        freeReplyObject(reply);
    return n;
}

static void instant_check(struct worker *worker)
{
    redisReply *both, *tokens;
    long n = 0;

    // Single reads one after the other: no key can be behind what another one showed before.
    for (int i = 0; i < 4 && worker_ok(worker); i++)
        n = next_number(worker, n);
    both = worker_ok(worker) ? next_reply(worker) : NULL;
    if (both) {
        long x = reply_number(both->element[0]), y = reply_number(both->element[1]);
        if (x != y || x < n)
            worker_fail(worker, "after %ld MGET answered %ld and %ld", n, x, y);
        freeReplyObject(both);
    }
    tokens = worker_ok(worker) ? next_reply(worker) : NULL;
    if (tokens) {
        if (tokens->integer != 1)
            worker_fail(worker, "EXISTS found %lld of the token's two names", tokens->integer);
        freeReplyObject(tokens);
    }
}

static void *instant_read(void *arg)
{
    struct worker *worker = arg;
    struct instant_shared *shared = worker->shared;

    while (worker_ok(worker) && !atomic_load_explicit(&shared->done, memory_order_relaxed)) {
        for (int i = 0; i < INSTANT_BATCH; i++) {
            for (int k = 0; k < 4; k++)
                redisAppendCommand(worker->c, k % 2 == i % 2 ? "GET x" : "GET y");
            redisAppendCommand(worker->c, "MGET x y");
            redisAppendCommand(worker->c, "EXISTS token:a token:b");
        }
        for (int i = 0; i < INSTANT_BATCH && worker_ok(worker); i++)
            instant_check(worker);
    }
    return NULL;
}

static void test_several_keys_change_at_one_instant(void **state)
{
    void *(*const fn[])(void *) = {instant_write, instant_read, instant_read, instant_read};
    static struct instant_shared shared;
    static struct worker workers[4];
    struct wire *w = wire_open(*state, 2);

    expect(w, "OK", "FLUSHALL");
    expect(w, "OK", "SET token:a here");
    atomic_store_explicit(&shared.done, false, memory_order_relaxed);
    run_workers(*state, workers, 4, fn, 4, &shared);
    wire_close(w);
}

// ---- a renamed value's later life
// -----------------------------------------------------------------

enum { LATER_BATCH = 100 };

// Adds up n replies: integers, and lengths of strings.
static bool later_replies(struct worker *worker, int n, long long *sum)
{
    for (int i = 0; i < n; i++) {
        void *reply = NULL;
        if (redisGetReply(worker->c, &reply) != REDIS_OK) {
            worker_fail(worker, "no reply: %s", worker->c->errstr);
            return false;
        }
        *sum += ((redisReply *)reply)->integer + (long long)((redisReply *)reply)->len;
        freeReplyObject(reply);
    }
    return true;
}

static void *later_write(void *arg)
{
    struct worker *worker = arg;
    struct instant_shared *shared = worker->shared;
    int rounds = server_sanitized() ? 30 : 300;
    long long ignored = 0;

    for (int round = 0; round < rounds; round++) {
        for (int i = 0; i < LATER_BATCH; i++) {
            redisAppendCommand(worker->c, "SADD old early");
            redisAppendCommand(worker->c, "RENAME old new");
            redisAppendCommand(worker->c, "SADD new late");
            redisAppendCommand(worker->c, "DEL new");
            redisAppendCommand(worker->c, "SET text ea");
            redisAppendCommand(worker->c, "APPEND text rly"); // makes room for what comes later
            redisAppendCommand(worker->c, "RENAME text new");
            redisAppendCommand(worker->c, "APPEND new late");
        }
        if (!later_replies(worker, 8 * LATER_BATCH, &ignored))
            break;
    }
    atomic_store_explicit(&shared->done, true, memory_order_relaxed);
    return NULL;
}

static void *later_read(void *arg)
{
    struct worker *worker = arg;
    struct instant_shared *shared = worker->shared;
    long long found = 0;

    while (worker_ok(worker) && !atomic_load_explicit(&shared->done, memory_order_relaxed)) {
        for (int i = 0; i < LATER_BATCH; i++) {
            redisAppendCommand(worker->c, "SISMEMBER old late");
            redisAppendCommand(worker->c, "GETRANGE text 5 -1");
        }
        if (later_replies(worker, 2 * LATER_BATCH, &found) && found > 0)
            worker_fail(worker, "a renamed value's later life was seen under the old name");
    }
    return NULL;
}

// Lock-free readers that were looking at the old name's set see nothing that is added under the
// new.
static void test_a_renamed_value_is_the_new_names(void **state)
{
    void *(*const fn[])(void *) = {later_write, later_read, later_read,
                                   later_read,  later_read, later_read};
    static struct instant_shared shared;
    static struct worker workers[6];
    struct wire *w = wire_open(*state, 2);

    expect(w, "OK", "FLUSHALL");
    atomic_store_explicit(&shared.done, false, memory_order_relaxed);
    run_workers(*state, workers, 6, fn, 6, &shared);
    wire_close(w);
}

// ---- crossed orders -----------------------------------------------------------------------------

static void *cross(void *arg)
{
    struct worker *worker = arg;
    int ops = scaled(3000);

    for (int i = 0; i < ops && worker_ok(worker); i++) {
        unsigned a = draw(worker, 3), b = draw(worker, 3), c = draw(worker, 3);
        unsigned member = draw(worker, 40);

        switch (draw(worker, 16)) {
        case 0:
            run_any(worker, "SUNIONSTORE k%u k%u k%u", a, b, c);
            break;
        case 1:
            run_any(worker, "SINTERSTORE k%u k%u k%u", a, b, c);
            break;
        case 2:
            run_any(worker, "RENAME k%u k%u", a, b);
            break;
        case 3:
            run_any(worker, "RENAMENX k%u k%u", a, b);
            break;
        case 4:
            run_any(worker, "SMOVE k%u k%u %u", a, b, member);
            break;
        case 5:
            run_any(worker, "DEL k%u k%u k%u", a, b, c);
            break;
        case 6:
            run_any(worker, "COPY k%u k%u REPLACE", a, b);
            break;
        case 7:
            run_any(worker, "MOVE k%u 1", a);
            break;
        case 8:
            run_any(worker, "COPY k%u k%u DB 1 REPLACE", a, b);
            break;
        case 9:
            run_any(worker, "EXISTS k%u k%u k%u", a, b, c);
            break;
        case 10:
            run_any(worker, "SDIFF k%u k%u k%u", a, b, c);
            break;
        case 11:
            run_any(worker, draw(worker, 20) ? "TTL k0" : "FLUSHALL");
            break;
        case 12:
            run_any(worker, draw(worker, 20) ? "DBSIZE" : "SWAPDB 0 1");
            break;
        case 13:
            run_any(worker, "PEXPIRE k%u %u", a, 1 + draw(worker, 20));
            break;
        case 14:
            run_any(worker, "SCAN 0");
            break;
        default:
            run_any(worker, "SADD k%u %u %u x%u", a, member, member + 1, member);
        }
    }
    return NULL;
}

static void test_crossed_orders_never_deadlock(void **state)
{
    void *(*const fn[])(void *) = {cross};
    static struct worker workers[MAX_WORKERS];
    struct wire *w = wire_open(*state, 2);

    expect(w, "OK", "FLUSHALL");
    run_workers(*state, workers, MAX_WORKERS, fn, 1, NULL);
    // Counting and walking agree when all is quiet; nothing was left behind half-way. Keys whose
    // time has come are counted until they are removed.
    for (int db = 0; db < 2; db++) {
        expect(w, "OK", "SELECT %d", db);
        for (int key = 0; key < 3; key++)
            wire_run(w, "PERSIST k%d", key);
        int64_t there = wire_int(w, "EXISTS k0 k1 k2");
        wait_until(wire_int(w, "DBSIZE") == there, 10000);
    }
    expect(w, "OK", "FLUSHALL");
    expect(w, ":0", "DBSIZE");
    wire_close(w);
}

// ---- memory comes back --------------------------------------------------------------------------

enum { CYCLE_BATCH = 200 };

static void *cycle(void *arg)
{
    struct worker *worker = arg;
    int cycles = *(int *)worker->shared;

    for (int i = 0; i < cycles && worker_ok(worker); i += CYCLE_BATCH) {
        for (int k = i; k < i + CYCLE_BATCH; k++) {
            if (k % 2)
                redisAppendCommand(worker->c, "SET key:%d:%d a-value-in-a-block-of-its-own",
                                   worker->index, k);
            else
                redisAppendCommand(worker->c, "SADD key:%d:%d %d member", worker->index, k, k);
            redisAppendCommand(worker->c, "DEL key:%d:%d", worker->index, k);
        }
        for (int k = 0; k < 2 * CYCLE_BATCH; k++) {
            void *reply = NULL;
            if (redisGetReply(worker->c, &reply) != REDIS_OK) {
                worker_fail(worker, "no reply: %s", worker->c->errstr);
                return NULL;
            }
            freeReplyObject(reply);
        }
    }
    return NULL;
}

static void test_a_million_keys_give_their_memory_back(void **state)
{
    void *(*const fn[])(void *) = {cycle};
    static struct worker workers[2];
    struct wire *w = wire_open(*state, 2);
    int warm_up = scaled(20000), cycles = server_sanitized() ? 10000 : 250000;

    expect(w, "OK", "FLUSHALL");
    run_workers(*state, workers, 2, fn, 1, &warm_up);
    long before_kb = server_status_kb(*state, "VmRSS");
    run_workers(*state, workers, 2, fn, 1, &cycles);
    long after_kb = server_status_kb(*state, "VmRSS");
    expect(w, ":0", "DBSIZE");
    // A million entries of 40 bytes, or as many locks, would show. (Sanitizers keep freed memory.)
    if (!server_sanitized())
        assert_in_range(after_kb, 1, before_kb + 16 * 1024);
    wire_close(w);
}

static const struct wire_mode torture_modes[] = {
    {"connection-threads auto", .args = {"--connection-threads", "auto"}},
    {"slow-command-threshold 0",
     .args = {"--connection-threads", "2", "--slow-command-threshold", "0"}},
#ifdef KL_DEBUG
    {"forced contention", .args = {"--connection-threads", "2"},
     .commands = {"DEBUG FAIL-LOCKS 1"}},
#endif
    {NULL},
};

int main(void)
{
    const struct CMUnitTest tests[] = {
        SERVER_TEST(test_each_member_is_popped_once),
        SERVER_TEST(test_births_and_deaths_balance),
        SERVER_TEST(test_several_keys_change_at_one_instant),
        SERVER_TEST(test_a_renamed_value_is_the_new_names),
        SERVER_TEST(test_crossed_orders_never_deadlock),
        SERVER_TEST(test_a_million_keys_give_their_memory_back),
    };

    return run_in_modes(tests, torture_modes);
}
