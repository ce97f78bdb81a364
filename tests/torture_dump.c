// SPDX-License-Identifier: MIT
//
// DUMP and RESTORE beside writers of the same keys: what is dumped is one state of the value, and
// what is restored appears at once.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "locks/epoch.h"
#include "tests/lib/check.h"
#include "tests/lib/crew.h"

// Sanitizers make everything ten times slower; interleavings do not need the numbers.
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
enum { SCALE = 1 };
#else
enum { SCALE = 8 };
#endif

// Every writer keeps to what check_key() checks, in each of its commands.
static const char *const KEYS[] = {"few", "many", "list", "zset", "text"};
enum { NKEYS = sizeof KEYS / sizeof *KEYS, CHANGES = 1500 * SCALE, FILLERS = 1000 };

// ---- states ----------------------------------------------------------------------------------

// Three bulks that are the same.
static void check_trio(const char *reply)
{
    const char *at = strchr(reply, '\n') + 1, *first = at;
    size_t len = 0;

    check_str_prefix(reply, "*3\r\n");
    for (int i = 0; i < 3; i++) {
        const char *end = strchr(at, '\n') + 1;
        if (at[1] != '-') // its second line
            end = strchr(end, '\n') + 1;
        len = i == 0 ? (size_t)(end - at) : len;
        check((size_t)(end - at) == len && memcmp(at, first, len) == 0);
        at = end;
    }
}

// What holds in each state of the key that has the value of KEYS[kind].
static void check_key(struct inproc_client *c, int kind, const char *key)
{
    const char *reply;
    int64_t n;

    switch (kind) {
    case 0:
    case 1: // a hash whose fields a, b, c have one value
        check_trio(inproc_run(c, "HMGET %s a b c", key));
        n = inproc_int(c, "HLEN %s", key);
        check_int(n % FILLERS, 3);
        break;
    case 2: // a list that begins with three of the same
        check_trio(inproc_run(c, "LRANGE %s 0 2", key));
        check_int(inproc_int(c, "LLEN %s", key) % 3, 0);
        break;
    case 3: // members of one score
        check_trio(inproc_run(c, "ZMSCORE %s a b c", key));
        check_int(inproc_int(c, "ZCARD %s", key) % FILLERS, 3);
        break;
    default: // the same text twice
        reply = strchr(inproc_run(c, "GET %s", key), '\n') + 1;
        size_t half = (strlen(reply) - 2) / 2;
        check(half > 0 && memcmp(reply, reply + half, half) == 0);
        break;
    }
}

static void change_key(struct worker *w, int kind, int i)
{
    switch (kind) {
    case 0:
    case 1:
        inproc_run(w->c, "HSET %s a %d b %d c %d", KEYS[kind], i, i, i);
        break;
    case 2:
        if (i % 5 == 0)
            inproc_run(w->c, "LTRIM list 0 299");
        else
            inproc_run(w->c, "LPUSH list %d %d %d", i, i, i);
        break;
    case 3:
        inproc_run(w->c, "ZADD zset %d a %d b %d c", i, i, i);
        break;
    default:
        inproc_run(w->c, "SET text %d:%0*d.%d:%0*d.", i, i % 3000, 1, i, i % 3000, 1);
        break;
    }
}

// ---- the threads -----------------------------------------------------------------------------

static void change(struct worker *w)
{
    for (int i = 1; i <= CHANGES; i++) {
        change_key(w, (int)rng_below(&w->rng, NKEYS), i);
        if (i % 100 == 0)
            store_cron(w->c->thread, 100);
    }
    done_working(w);
}

// Dumps a key and restores it under another name.
static void dump_to(struct worker *w, const char *from, const char *to)
{
    struct bytes dump[] = {BYTES("DUMP"), bytes_of(from)};
    size_t len;
    const char *reply = inproc_argv(w->c, 2, dump, &len);

    check_str_prefix(reply, "$");
    const char *bytes = strchr(reply, '\n') + 1;
    len -= (size_t)(bytes - reply) + 2;
    char *payload = malloc(len);
    check(payload != NULL);
    memcpy(payload, bytes, len);
    struct bytes restore[] = {
        BYTES("RESTORE"), bytes_of(to), BYTES("0"), {payload, len}, BYTES("REPLACE")};
    reply = inproc_argv(w->c, 5, restore, &len);
    check_str(reply, "+OK\r\n");
    free(payload);
}

static void dump_and_check(struct worker *w)
{
    char copy[32];

    snprintf(copy, sizeof copy, "copy:%d", w->index);
    while (still_working(w)) {
        int kind = (int)rng_below(&w->rng, NKEYS);
        dump_to(w, KEYS[kind], copy);
        check_key(w->c, kind, copy);
        if (rng_below(&w->rng, 4) == 0) // and what was an earlier state comes back
            dump_to(w, copy, KEYS[kind]);
    }
}

static void read_and_check(struct worker *w)
{
    while (still_working(w)) {
        int kind = (int)rng_below(&w->rng, NKEYS);
        inproc_run(w->c, "COPY %s seen REPLACE", KEYS[kind]);
        check_key(w->c, kind, "seen");
        if (kind == 2)
            check_trio(inproc_run(w->c, "LRANGE list 0 2"));
        else if (kind != 4)
            check_trio(
                inproc_run(w->c, "%s %s a b c", kind == 3 ? "ZMSCORE" : "HMGET", KEYS[kind]));
        else
            check_key(w->c, kind, "text");
    }
}

static void torture_dump_is_one_instant(void **state)
{
    struct crew crew = {.working = 2};
    void (*work[])(struct worker *) = {change, change, dump_and_check, dump_and_check,
                                       read_and_check};

    (void)state;
    inproc_open(&crew.p);
    struct inproc_client *c = inproc_client_new(&crew.p);
    for (int i = 0; i < FILLERS; i++) {
        inproc_int(c, "HSET many filler:%d x", i);
        inproc_int(c, "ZADD zset %d filler:%d", i, i);
    }
    inproc_int(c, "HSET few a 0 b 0 c 0");
    inproc_int(c, "HSET many a 0 b 0 c 0");
    inproc_int(c, "ZADD zset 0 a 0 b 0 c");
    inproc_int(c, "RPUSH list 0 0 0");
    inproc_run(c, "SET text 0:1.0:1.");
    run_crew(&crew, 5, work);
    for (int kind = 0; kind < NKEYS; kind++)
        check_key(c, kind, KEYS[kind]);
    inproc_run(c, "FLUSHALL");
    inproc_settle(c);
    check_int((int64_t)epoch_pending_count(crew.p.store->epoch), 0);
    inproc_client_free(c);
    inproc_close(&crew.p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(torture_dump_is_one_instant)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
