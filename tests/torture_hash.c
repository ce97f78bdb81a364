// SPDX-License-Identifier: MIT
//
// Hashes under concurrency. First the type alone: one writer that takes hashes through both
// encodings against readers that take no lock, whose answers count when object.seq was even and the
// same before and after, as the dispatcher does it. Then the commands, from several threads.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "datatypes/hash.h"
#include "datatypes/str.h"
#include "tests/lib/check.h"
#include "tests/lib/crew.h"
#include "tests/lib/type_fixture.h"

// Sanitizers make everything ten times slower; interleavings do not need the numbers.
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
enum { SCALE = 1 };
#else
enum { SCALE = 8 };
#endif

enum {
    READERS = 3,
    LIVES = 30,  // hashes, each built up, changed and replaced
    PAIRS = 200, // fields "<n>" and "-<n>" come, change and go in one section
    MIN_READS = 2000,
    VALUE_CHARS = 64,
};

static struct type_fixture fixture; // the writer's; the readers use its domain and seed
static _Atomic uint64_t key_word;   // as in an entry of the keyspace
static _Atomic bool stop;
static _Atomic unsigned validated; // readers' answers that counted
static int64_t version;            // of the values: the writer's, ever rising

// The writer lets others advance the epoch, as a connection thread does between its commands.
static void next_section(void)
{
    epoch_exit(fixture.ctx.epoch);
    epoch_poll(fixture.ctx.epoch, 1000);
    epoch_enter(fixture.ctx.epoch);
}

static void publish(struct value v)
{
    atomic_store_explicit(&key_word, v.bits, memory_order_release);
}

static struct value published(void)
{
    return (struct value){atomic_load_explicit(&key_word, memory_order_acquire)};
}

// ---- readers -----------------------------------------------------------------------------------

// The version in the value of a field, -1 when it is not there. A value is its version any number
// of times with a dot behind each, so a torn one is found out.
static int64_t read_version(struct value v, const char *field, size_t nfield)
{
    const char *value;
    size_t len, piece;
    int64_t n;

    if (!hash_get(v, field, nfield, &value, &len))
        return -1;
    piece = (size_t)((const char *)memchr(value, '.', len) - value);
    check(piece < len && str_parse_i64(value, piece, &n));
    for (size_t at = 0; at < len; at += piece + 1)
        check(len - at > piece && memcmp(value + at, value, piece + 1) == 0);
    return n;
}

static int64_t read_number(struct value v, int64_t n, bool negative)
{
    char text[1 + STR_I64_MAX] = "-";
    size_t len = str_format_i64(n, text + negative) + negative;
    return read_version(v, text, len);
}

static void read_hash_once(struct rng *rng, int64_t *newest)
{
    struct value v = published();
    const struct object *o = value_object(v);
    int64_t pair = 1 + (int64_t)rng_below(rng, PAIRS);

    // Acquire, and every load between is one too: see rules 3 and 4 of value.h.
    uint64_t before = atomic_load_explicit(&o->seq, memory_order_acquire);
    int64_t plus = read_number(v, pair, false);
    size_t count = hash_count(v);
    int64_t minus = read_number(v, pair, true);
    int64_t clock = read_version(v, "clock", 5);
    int64_t never = read_version(v, "never", 5);
    uint64_t after = atomic_load_explicit(&o->seq, memory_order_acquire);

    // One field is one instant, whatever happens meanwhile.
    check(clock >= *newest);
    *newest = clock;
    if (before != after || before % 2 != 0)
        return;
    atomic_fetch_add_explicit(&validated, 1, memory_order_relaxed);
    check_int(plus, minus);
    check(plus <= clock);
    check_int(never, -1);
    check(count % 2 == 1 && count <= 1 + 2 * PAIRS); // the clock is the only field without a twin
}

static void *read_hashes(void *arg)
{
    struct rng rng;
    int64_t newest = 0;
    struct epoch_thread *epoch = epoch_register(fixture.domain);

    rng_seed(&rng, (uint64_t)(intptr_t)arg);
    // Relaxed: only ends the loop; joining the threads orders the rest.
    while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
        epoch_enter(epoch);
        for (int i = 0; i < 20; i++)
            read_hash_once(&rng, &newest);
        epoch_exit(epoch);
        epoch_poll(epoch, 100);
    }
    epoch_unregister(epoch);
    return NULL;
}

// ---- the writer --------------------------------------------------------------------------------

// Sets a field in v to the present version, of a length that varies.
static struct value write_version(struct value v, const char *field, size_t nfield)
{
    char value[VALUE_CHARS], piece[STR_I64_MAX + 2];
    struct hash_pair pair = {field, nfield, value, 0};
    struct value now;
    bool added;
    size_t len = (size_t)sprintf(piece, "%lld.", (long long)version);

    for (uint64_t times = 1 + rng_below(fixture.ctx.rng, 3); times > 0; times--) {
        memcpy(value + pair.nvalue, piece, len);
        pair.nvalue += len;
    }
    check_int(hash_set(&fixture.ctx, v, &pair, &now, &added), STATUS_OK);
    return now;
}

static struct value drop_field(struct value v, const char *field, size_t nfield)
{
    struct value now;
    bool removed;

    check_int(hash_remove(&fixture.ctx, v, field, nfield, &now, &removed), STATUS_OK);
    return now;
}

// One command that sets or removes a pair and sets the clock: in place in a dictionary; in a packed
// hash aside, where a block that took the place of a private one leaves that to be freed.
static void change_pair(int64_t n, bool setting)
{
    static const struct hash_room no_more;
    struct value old = published(), v = old;

    version++;
    object_write_begin(value_object(old));
    if (hash_is_packed(old))
        check_int(hash_aside(&fixture.ctx, old, &no_more, &v), STATUS_OK);
    for (int step = 0; step < 3; step++) {
        char text[1 + STR_I64_MAX] = "-";
        size_t len = str_format_i64(n, text + (step == 1)) + (step == 1);
        struct value now = step == 2 ? write_version(v, "clock", 5)
                           : setting ? write_version(v, text, len)
                                     : drop_field(v, text, len);
        if (now.bits != v.bits)
            hash_free(v);
        v = now;
    }
    if (v.bits != old.bits) {
        publish(v);
        value_retire(&fixture.ctx, old);
    } else {
        object_write_end(value_object(v));
    }
    next_section();
}

// One command that sets one field.
static void tick(void)
{
    struct value old = published(), now;

    version++;
    object_write_begin(value_object(old));
    now = write_version(old, "clock", 5);
    if (now.bits != old.bits) {
        publish(now);
        value_retire(&fixture.ctx, old);
    } else {
        object_write_end(value_object(now));
    }
    next_section();
}

static struct value new_hash(void)
{
    version++;
    return write_version(VALUE_ABSENT, "clock", 5);
}

// From one field to many, through both encodings, and back to few.
static void write_life(int life)
{
    struct rng *rng = fixture.ctx.rng;
    size_t most = life % 3 == 0 ? 30 : life % 3 == 1 ? 150 : 1000; // fields while packed

    atomic_store_explicit(&fixture.limits.hash_max_packed_entries, most, memory_order_relaxed);
    for (int i = 1; i <= PAIRS; i++) {
        change_pair(i, true);
        change_pair(1 + (int64_t)rng_below(rng, (uint64_t)i), rng_below(rng, 3) > 0);
        tick();
    }
    for (int i = 0; i < PAIRS; i++)
        change_pair(1 + (int64_t)rng_below(rng, PAIRS), rng_below(rng, 4) == 0);
}

static void torture_hash_readers_see_whole_states(void **state)
{
    (void)state;
    pthread_t threads[READERS];

    type_fixture_open(&fixture, 35);
    atomic_store_explicit(&stop, false, memory_order_relaxed);
    publish(new_hash());
    for (intptr_t i = 0; i < READERS; i++)
        check_int(pthread_create(&threads[i], NULL, read_hashes, (void *)(i + 1)), 0);
    for (int life = 0; life < LIVES; life++) {
        write_life(life);
        struct value old = published();
        publish(new_hash());
        value_retire(&fixture.ctx, old);
        next_section();
    }
    while (atomic_load_explicit(&validated, memory_order_relaxed) < MIN_READS)
        sched_yield();
    atomic_store_explicit(&stop, true, memory_order_relaxed);
    for (int i = 0; i < READERS; i++)
        pthread_join(threads[i], NULL);
    hash_free(published());
    type_fixture_close(&fixture);
}

// ---- commands: several fields change at one instant --------------------------------------------

// "few" stays packed, "many" is a dictionary.
static void write_trios(struct worker *w)
{
    for (int i = 0; i < 1000; i++)
        inproc_int(w->c, "HSET many filler:%d x", i);
    inproc_int(w->c, "HSET few filler x");
    for (int i = 1; i <= 3000 * SCALE; i++) {
        const char *key = i % 2 ? "few" : "many";
        inproc_int(w->c, "HSET %s a %d b %d c %d", key, i, i, i);
        if (i % 5 == 0)
            check_int(inproc_int(w->c, "HDEL %s c nothing a b", key), 3);
    }
    done_working(w);
}

// The reply of HMGET key a b c: three times the same.
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
    check_int(*at, '\0');
}

static void read_trios(struct worker *w)
{
    while (still_working(w)) {
        check_trio(inproc_run(w->c, "HMGET few a b c"));
        check_trio(inproc_run(w->c, "HMGET many a b c"));
        int64_t n = inproc_int(w->c, "HLEN few");
        check(n == 0 || n == 1 || n == 4);
        const char *reply = inproc_run(w->c, "HVALS few");
        check(!strncmp(reply, "*0", 2) || !strncmp(reply, "*1", 2) || !strncmp(reply, "*4", 2));
    }
}

// The same by a transaction: a packed hash becomes another block with each of its commands.
static void exec_trios(struct worker *w)
{
    for (int i = 1; i <= 1500 * SCALE; i++) {
        const char *key = i % 2 ? "few" : "many";
        inproc_run(w->c, "MULTI");
        inproc_run(w->c, "HSET %s a %d", key, i);
        inproc_run(w->c, "HDEL %s b nothing", key);
        inproc_run(w->c, "HSET %s b %d c x", key, i);
        inproc_run(w->c, "HMSET %s c %d", key, i);
        if (i % 7 == 0)
            inproc_run(w->c, "HDEL %s c a b", key);
        check_str_prefix(inproc_run(w->c, "EXEC"), i % 7 == 0 ? "*5\r\n" : "*4\r\n");
    }
    done_working(w);
}

static void test_exec_is_one_instant(void **state)
{
    (void)state;
    struct crew crew = {.working = 2};
    void (*work[])(struct worker *) = {exec_trios, exec_trios, read_trios, read_trios};

    inproc_open(&crew.p);
    struct inproc_client *c = inproc_client_new(&crew.p);
    inproc_int(c, "HSET few other x");
    for (int i = 0; i < 1000; i++)
        inproc_int(c, "HSET many filler:%d x", i);
    run_crew(&crew, 4, work);
    inproc_client_free(c);
    inproc_close(&crew.p);
}

static void test_hset_of_several_is_one_instant(void **state)
{
    (void)state;
    struct crew crew = {.working = 1};
    void (*work[])(struct worker *) = {write_trios, read_trios, read_trios};

    inproc_open(&crew.p);
    run_crew(&crew, 3, work);
    inproc_close(&crew.p);
}

// ---- no increment is lost ----------------------------------------------------------------------

enum { COUNTERS = 3, INCREMENTS = 3000 * SCALE };

static void increment(struct worker *w)
{
    for (int i = 0; i < INCREMENTS; i++) {
        const char *key = i % 2 ? "few" : "many";
        check(inproc_int(w->c, "HINCRBY %s n:%d 1", key, i / 2 % COUNTERS) > 0);
        switch (rng_below(&w->rng, 8)) {
        case 0:
            inproc_run(w->c, "HSET few other:%d x%d", w->index, i);
            break;
        case 1:
            inproc_run(w->c, "HDEL few other:%d", w->index);
            break;
        case 2:
            inproc_run(w->c, "HSET many filler:%d y filler:%d z", i % 1000, i % 700);
            break;
        case 3:
            inproc_run(w->c, "HDEL many filler:%d", i % 1000);
            break;
        case 4:
            inproc_run(w->c, "HRANDFIELD many 5 WITHVALUES");
            break;
        case 5:
            inproc_run(w->c, "HSCAN many 0 COUNT 100");
            break;
        default:
            inproc_run(w->c, "HGETALL few");
            break;
        }
    }
}

static void test_hincrby_loses_nothing(void **state)
{
    (void)state;
    struct crew crew = {0};
    void (*work[])(struct worker *) = {increment, increment, increment};

    inproc_open(&crew.p);
    struct inproc_client *c = inproc_client_new(&crew.p);
    for (int i = 0; i < 1000; i++)
        inproc_int(c, "HSET many filler:%d x", i);
    run_crew(&crew, 3, work);
    int64_t sum = 0;
    for (int i = 0; i < COUNTERS; i++)
        sum +=
            inproc_bulk_int(c, 0, "HGET few n:%d", i) + inproc_bulk_int(c, 0, "HGET many n:%d", i);
    check_int(sum, 3 * INCREMENTS);
    inproc_client_free(c);
    inproc_close(&crew.p);
}

// ---- everything at once on few keys ------------------------------------------------------------

static void mixed(struct worker *w)
{
    static const char *const commands[] = {
        "HSET h%d f%d %d g x",
        "HSETNX h%d f%d v%d",
        "HDEL h%d f%d g",
        "HGET h%d f%d",
        "HMGET h%d f%d g x",
        "HINCRBY h%d n%d %d",
        "HINCRBYFLOAT h%d n%d 0.5",
        "HGETALL h%d",
        "HSTRLEN h%d f%d",
        "HRANDFIELD h%d -3",
        "HSCAN h%d 0",
        "PEXPIRE h%d %d",
        "RENAME h%d h1",
        "COPY h%d h2 REPLACE",
        "DEL h%d",
        "OBJECT ENCODING h%d",
        "MEMORY USAGE h%d",
        "PERSIST h%d",
        "HLEN h%d",
    };
    enum { N = sizeof commands / sizeof *commands };
    char command[128];

    for (int i = 0; i < 6000 * SCALE; i++) {
        size_t pick = rng_below(&w->rng, N + 10); // HSET is what makes hashes large
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(command, sizeof command, commands[pick < N ? pick : 0], (int)rng_below(&w->rng, 3),
                 (int)rng_below(&w->rng, 900), i);
#pragma GCC diagnostic pop
        inproc_run(w->c, "%s", command);
        if (i % 100 == 0)
            store_cron(w->c->thread, 100);
    }
}

static void test_mixed_load(void **state)
{
    (void)state;
    struct crew crew = {0};
    void (*work[])(struct worker *) = {mixed, mixed, mixed, mixed};

    inproc_open(&crew.p);
    struct inproc_client *c = inproc_client_new(&crew.p);
    inproc_run(c, "CONFIG SET hash-max-listpack-entries 8"); // both encodings often
    run_crew(&crew, 4, work);
    inproc_run(c, "FLUSHALL");
    inproc_settle(c);
    check_int((int64_t)epoch_pending_count(crew.p.store->epoch), 0);
    inproc_client_free(c);
    inproc_close(&crew.p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(torture_hash_readers_see_whole_states),
        cmocka_unit_test(test_hset_of_several_is_one_instant),
        cmocka_unit_test(test_exec_is_one_instant),
        cmocka_unit_test(test_hincrby_loses_nothing),
        cmocka_unit_test(test_mixed_load),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
