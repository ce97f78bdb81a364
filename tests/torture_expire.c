// SPDX-License-Identifier: MIT
//
// Expire times from several threads beside active expiry: what is to live lives, what has expired
// is seen by nobody, and in the end what has expired is gone. Run under ThreadSanitizer as well.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sched.h>
#include <stdio.h>

#include "tests/lib/check.h"
#include "tests/lib/crew.h"
#include "tests/lib/preempt.h"

// Sanitizers make everything ten times slower; interleavings do not need the numbers.
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
enum { SCALE = 1 };
#else
enum { SCALE = 8 };
#endif

enum {
    OWNERS = 3,
    KEYS = 2000,      // of each owner
    CROWD = 3000,     // keys that come and go, so that dictionary and index change their sizes
    FAR_MS = 1000000, // what expires so late does not, here
    GONE_S = 20,      // when the last expired key must be gone; sanitizers are slow
};

// Housekeeping on a thread of its own, as in the server but without a rest, and interrupted
// wherever it is.
static void keep_house(struct worker *w)
{
    struct preemption preemption;

    preempt_begin(&preemption, 50);
    while (still_working(w)) {
        store_cron(w->c->thread, 1000);
        sched_yield();
    }
    preempt_end(&preemption);
}

// Housekeeping until so many keys are left in the databases first..last.
static void expect_left(struct inproc_client *c, int first, int last, int64_t want)
{
    int64_t end = store_now_ms() + GONE_S * 1000, left;

    for (;;) {
        left = 0;
        store_cron(c->thread, 5000);
        for (int db = first; db <= last; db++) {
            check_str(inproc_run(c, "SELECT %d", db), "+OK\r\n");
            left += inproc_int(c, "DBSIZE");
        }
        if (left == want)
            return;
        if (left < want || store_now_ms() > end)
            check_int(left, want);
    }
}

// ---- owners who know what their keys must be ---------------------------------------------------

enum { ABSENT = -2, FOREVER = -1 }; // as PEXPIRETIME answers

struct owner {
    struct worker *w;
    int64_t at[KEYS]; // when the key expires, FOREVER or ABSENT
    int64_t before;   // the time before the last command
};

// What the server says must be what the owner knows, at some time since `before`.
static void check_state(const struct owner *o, int i, int64_t said)
{
    if (said == ABSENT && o->at[i] >= 0)
        check(store_now_ms() >= o->at[i]);
    else
        check_int(said, o->at[i]);
    if (said >= 0)
        check(said > o->before);
}

static void look(struct owner *o, int i)
{
    o->before = store_now_ms();
    check_state(o, i, inproc_int(o->w->c, "PEXPIRETIME %d:%d", o->w->index, i));
}

// Notes that a command did (or did not) find the key. True: it did.
static bool found(struct owner *o, int i, bool yes)
{
    if (!yes) {
        check_state(o, i, ABSENT);
        o->at[i] = ABSENT;
    } else {
        check(o->at[i] != ABSENT && (o->at[i] == FOREVER || o->at[i] > o->before));
    }
    return yes;
}

static void come_and_go(struct owner *o)
{
    for (int i = 0; i < CROWD; i++)
        inproc_run(o->w->c, i % 8 ? "SET crowd:%d:%d v" : "SET crowd:%d:%d v PX 30", o->w->index,
                   i);
    for (int i = 0; i < CROWD; i++)
        inproc_run(o->w->c, "DEL crowd:%d:%d", o->w->index, i);
}

// SET with KEEPTTL makes a key for ever of one that has expired.
static void keep_time(struct owner *o, int i)
{
    check_str(inproc_run(o->w->c, "SET %d:%d other KEEPTTL", o->w->index, i), "+OK\r\n");
    int64_t said = inproc_int(o->w->c, "PEXPIRETIME %d:%d", o->w->index, i);
    if (said == FOREVER && o->at[i] != FOREVER)
        check(o->at[i] == ABSENT || store_now_ms() >= o->at[i]);
    else
        check_state(o, i, said);
    o->at[i] = said;
}

// A collection large enough to be freed by the queue, in one transaction with its time.
static void make_set(struct owner *o, int i, int64_t at)
{
    static const char MEMBERS[] = "%d:%d a b c d e f g h i j k l m n o p q r s t u v w x y z"
                                  " 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20";
    char command[sizeof MEMBERS + 64];
    struct inproc_client *c = o->w->c;

    inproc_run(c, "MULTI");
    inproc_run(c, "DEL %d:%d", o->w->index, i);
    snprintf(command, sizeof command, "SADD %s", MEMBERS);
    inproc_run(c, command, o->w->index, i);
    inproc_run(c, "PEXPIREAT %d:%d %lld", o->w->index, i, (long long)at);
    check_str_prefix(inproc_run(c, "EXEC"), "*3\r\n");
    o->at[i] = at;
}

static void change(struct owner *o, int i, int j)
{
    struct inproc_client *c = o->w->c;
    struct rng *rng = &o->w->rng;
    int me = o->w->index;
    int64_t soon, far;

    o->before = store_now_ms();
    soon = o->before + 1 + (int64_t)rng_below(rng, 30);
    far = o->before + FAR_MS;
    switch (rng_below(rng, 12)) {
    case 0:
        check_str(inproc_run(c, "SET %d:%d v PXAT %lld", me, i, (long long)soon), "+OK\r\n");
        o->at[i] = soon;
        break;
    case 1:
        check_str(inproc_run(c, "SET %d:%d v", me, i), "+OK\r\n");
        o->at[i] = FOREVER;
        break;
    case 2:
        if (found(o, i, inproc_int(c, "PEXPIREAT %d:%d %lld", me, i, (long long)soon)))
            o->at[i] = soon;
        break;
    case 3:
        if (found(o, i, inproc_int(c, "PEXPIREAT %d:%d %lld", me, i, (long long)far)))
            o->at[i] = far;
        break;
    case 4:
        if (inproc_int(c, "PERSIST %d:%d", me, i)) {
            check(o->at[i] > o->before);
            o->at[i] = FOREVER;
        } else if (o->at[i] != FOREVER) {
            found(o, i, false);
        }
        break;
    case 5:
        make_set(o, i, soon);
        break;
    case 6:
        if (i != j && found(o, i, inproc_run(c, "RENAME %d:%d %d:%d", me, i, me, j)[0] == '+')) {
            o->at[j] = o->at[i];
            o->at[i] = ABSENT;
        }
        break;
    case 7:
        if (i != j && found(o, i, inproc_int(c, "COPY %d:%d %d:%d REPLACE", me, i, me, j)))
            o->at[j] = o->at[i];
        break;
    case 8:
        found(o, i, inproc_int(c, "DEL %d:%d", me, i));
        o->at[i] = ABSENT;
        break;
    case 9:
        inproc_run(c, "MULTI");
        inproc_run(c, "SET %d:%d v PX 1", me, i);
        inproc_run(c, "PERSIST %d:%d", me, i);
        inproc_run(c, "RENAME %d:%d %d:%d", me, i, me, j);
        check_str(inproc_run(c, "EXEC"), "*3\r\n+OK\r\n:1\r\n+OK\r\n");
        o->at[i] = ABSENT;
        o->at[j] = FOREVER;
        break;
    case 10:
        keep_time(o, i);
        break;
    default:
        look(o, i);
        break;
    }
}

// Expired while it is being read, and so locked, again and again.
static void read_to_the_end(struct owner *o, const char *key)
{
    while (inproc_run(o->w->c, "SMEMBERS %s", key)[1] != '0') {
    }
    for (int i = 0; i < 20; i++)
        check_str(inproc_run(o->w->c, "SMEMBERS %s", key), "*0\r\n");
}

// At last a crowd of keys that stay, and so few among them that expire that each is alone in its
// group: nothing but its own note leads to it. Returns how many stay.
static int64_t last_ones(struct owner *o)
{
    struct inproc_client *c = o->w->c;
    char key[32];

    for (int i = 0; i < CROWD; i++)
        inproc_run(c, i % 8 ? "SET crowd:%d:%d v" : "SADD crowd:%d:%d a b c", o->w->index, i);
    for (int i = 0; i < CROWD; i += 40) { // those are sets
        snprintf(key, sizeof key, "crowd:%d:%d", o->w->index, i);
        switch (i / 40 % 6) {
        case 0:
            inproc_run(c, "SET %s v PX 5", key);
            break;
        case 1:
            check_int(inproc_int(c, "PEXPIRE %s 3", key), 1);
            break;
        case 2:
            check_int(inproc_int(c, "EXPIRE %s 1000", key), 1);
            check_int(inproc_int(c, "PEXPIRE %s 5", key), 1);
            break;
        case 3:
            inproc_run(c, "MULTI"); // else it may be gone before it is renamed
            inproc_run(c, "SET %d:x v PX 4", o->w->index);
            inproc_run(c, "RENAME %d:x %s", o->w->index, key);
            check_str(inproc_run(c, "EXEC"), "*2\r\n+OK\r\n+OK\r\n");
            break;
        case 4:
            check_int(inproc_int(c, "PEXPIRE %s 2", key), 1);
            read_to_the_end(o, key);
            break;
        default:
            inproc_run(c, "MULTI");
            inproc_run(c, "PEXPIRE %s 4", key);
            inproc_run(c, "SET %s v KEEPTTL", key);
            check_str(inproc_run(c, "EXEC"), "*2\r\n:1\r\n+OK\r\n");
            break;
        }
    }
    return CROWD - CROWD / 40;
}

static void own(struct worker *w)
{
    static struct owner owners[OWNERS];
    struct owner *o = &owners[w->index];

    o->w = w;
    for (int i = 0; i < KEYS; i++)
        o->at[i] = ABSENT;
    for (int i = 0; i < 20000 * SCALE; i++) {
        change(o, (int)rng_below(&w->rng, KEYS), (int)rng_below(&w->rng, KEYS));
        if (i % (5000 * SCALE) == 0)
            come_and_go(o);
    }
    int64_t kept = 0;
    for (int i = 0; i < KEYS; i++) {
        look(o, i);
        kept += o->at[i] == FOREVER || o->at[i] > store_now_ms() + FAR_MS / 2;
    }
    check(kept > 0);
    kept += last_ones(o);
    atomic_fetch_add_explicit(&w->crew->added, kept, memory_order_relaxed);
    done_working(w);
}

// Reads everybody's keys, with locks and without, and so removes what has expired wherever its
// owner is.
static void pass_by(struct worker *w)
{
    while (still_working(w)) {
        int a = (int)rng_below(&w->rng, OWNERS), b = (int)rng_below(&w->rng, OWNERS);
        int i = (int)rng_below(&w->rng, KEYS), j = (int)rng_below(&w->rng, KEYS);
        check(inproc_int(w->c, "EXISTS %d:%d", a, i) <= 1);
        check_str_prefix(inproc_run(w->c, "MGET %d:%d %d:%d", a, i, b, j), "*2\r\n");
    }
}

static void test_owners_agree(void **state)
{
    (void)state;
    struct crew crew = {.working = OWNERS};
    void (*work[])(struct worker *) = {own, own, own, keep_house, keep_house, pass_by};

    inproc_open(&crew.p);
    struct inproc_client *c = inproc_client_new(&crew.p);
    run_crew(&crew, OWNERS + 3, work);
    expect_left(c, 0, 0, atomic_load(&crew.added));
    inproc_settle(c);
    inproc_client_free(c);
    inproc_close(&crew.p);
}

// ---- whole databases --------------------------------------------------------------------------

// Databases 0 to 3 are exchanged, and keys without a time move between them; 4 and 5 are flushed.
enum { STAYING = 200, EXCHANGED = 4, DATABASES = 6 };

static void shuffle(struct worker *w)
{
    struct inproc_client *c = w->c;

    for (int i = 0; i < 10000 * SCALE; i++) {
        int key = (int)rng_below(&w->rng, 5000), a = (int)rng_below(&w->rng, EXCHANGED);
        int b = (a + 1) % EXCHANGED, any = (int)rng_below(&w->rng, DATABASES);
        switch (rng_below(&w->rng, 100)) {
        case 0:
            inproc_run(c, "SWAPDB %d %d", a, b);
            break;
        case 1:
            inproc_run(c, "SELECT %d", EXCHANGED + a % 2);
            inproc_run(c, "FLUSHDB");
            inproc_run(c, "SELECT %d", any);
            break;
        case 2: // what was queued finds the database that it was meant for
            inproc_run(c, "MULTI");
            inproc_run(c, "SET k:%d v PX 5", key);
            inproc_run(c, "SWAPDB %d %d", a, b);
            inproc_run(c, "SET k:%d v PX 5", key);
            inproc_run(c, "PEXPIRE k:%d 7", key + 1);
            check_str_prefix(inproc_run(c, "EXEC"), "*4\r\n");
            break;
        default:
            if (i % 16 == 0)
                inproc_run(c, "SELECT %d", any);
            if (i % 4 == 0)
                inproc_run(c, "MOVE k:%d %d", key, any);
            else if (i % 4 == 1 && any < EXCHANGED)
                inproc_run(c, "MOVE stay:%d %d", key % STAYING, any);
            else
                inproc_run(c, "SET k:%d v PX %d", key, 1 + (int)rng_below(&w->rng, 20));
            break;
        }
    }
    done_working(w);
}

static void test_whole_databases(void **state)
{
    (void)state;
    struct crew crew = {.working = 3};
    void (*work[])(struct worker *) = {shuffle, shuffle, shuffle, keep_house};

    inproc_open(&crew.p);
    struct inproc_client *c = inproc_client_new(&crew.p);
    for (int i = 0; i < STAYING; i++)
        inproc_run(c, i % 2 ? "SET stay:%d v" : "SET stay:%d v EX 100000", i);
    run_crew(&crew, 4, work);
    expect_left(c, EXCHANGED, DATABASES - 1, 0);
    expect_left(c, 0, DATABASES - 1, STAYING);
    inproc_settle(c);
    inproc_client_free(c);
    inproc_close(&crew.p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_owners_agree),
        cmocka_unit_test(test_whole_databases),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
