// SPDX-License-Identifier: MIT
//
// One writer that takes a sorted set through both encodings inside write sections, against readers
// that take no lock. A reader's answer counts only when object.seq was even and the same before and
// after, as the dispatcher does it; then it must be one of the set's states.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "datatypes/zset.h"
#include "tests/lib/type_fixture.h"

enum {
    READERS = 3,
    PERMANENT = 8, // members "p0".."p7" are in every state of the set, all with one score
    LIVES = 60,    // sets, each built up, changed and replaced
    PAIRS = 300,   // "a<n>" and "b<n>" come and go in one section, with opposite scores
    MIN_READS = 2000,
};

static struct type_fixture fixture; // the writer's; the readers use its domain and seed
static _Atomic uint64_t key_word;   // as in an entry of the keyspace
static _Atomic bool stop;
static _Atomic unsigned validated; // readers' answers that counted

// Readers report here: cmocka's assertions work on the main thread only.
static _Atomic(const char *) complaint;

static void complain(const char *what)
{
    atomic_store_explicit(&complaint, what, memory_order_relaxed);
}

// Relaxed: only ends the loops; joining the threads orders the rest.
static bool stopped(void)
{
    return atomic_load_explicit(&stop, memory_order_relaxed) ||
           atomic_load_explicit(&complaint, memory_order_relaxed) != NULL;
}

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

// ---- readers ---------------------------------------------------------------------------------

static bool look(struct value v, char kind, unsigned n, double *score)
{
    struct zset_place place;
    char text[16];
    int len = snprintf(text, sizeof text, "%c%u", kind, n);
    if (!zset_find(v, text, (size_t)len, &place))
        return false;
    *score = place.score;
    return true;
}

static void read_once(struct rng *rng)
{
    struct value v = published();
    const struct object *o = value_object(v);
    unsigned one = (unsigned)rng_below(rng, PERMANENT), two = (one + 1) % PERMANENT;
    unsigned pair = (unsigned)rng_below(rng, PAIRS);
    double p = 0, q = 0, a = 0, b = 0, none;

    // Acquire, and every load between is one too: see rules 3 and 4 of value.h.
    uint64_t before = atomic_load_explicit(&o->seq, memory_order_acquire);
    bool there = look(v, 'p', one, &p);
    bool plus = look(v, 'a', pair, &a);
    size_t count = zset_count(v);
    bool minus = look(v, 'b', pair, &b);
    there = look(v, 'p', two, &q) && there;
    bool never = look(v, 'x', pair, &none);
    uint64_t after = atomic_load_explicit(&o->seq, memory_order_acquire);
    if (before != after || before % 2 != 0)
        return;

    atomic_fetch_add_explicit(&validated, 1, memory_order_relaxed);
    if (!there)
        complain("a permanent member was missing");
    if (p != q)
        complain("two scores of different states were seen");
    if (plus != minus)
        complain("half of a pair was seen");
    if (plus && a != -b)
        complain("the scores of a pair did not fit");
    if (never)
        complain("a member that never was");
    if (count < PERMANENT || count > PERMANENT + 2 * PAIRS || count % 2 != 0)
        complain("the count does not fit the members");
}

static void *read_zsets(void *arg)
{
    struct rng rng;
    struct epoch_thread *epoch = epoch_register(fixture.domain);
    rng_seed(&rng, (uint64_t)(intptr_t)arg);
    while (!stopped()) {
        epoch_enter(epoch);
        for (int i = 0; i < 20; i++)
            read_once(&rng);
        epoch_exit(epoch);
        epoch_poll(epoch, 100);
    }
    epoch_unregister(epoch);
    return NULL;
}

// ---- the writer ------------------------------------------------------------------------------

static void put(struct value v, char kind, unsigned n, double score)
{
    struct zset_place place;
    char text[16];
    size_t len = (size_t)snprintf(text, sizeof text, "%c%u", kind, n);
    zset_find(v, text, len, &place);
    assert_int_equal(zset_put(&fixture.ctx, v, &place, text, len, score), STATUS_OK);
}

static void take(struct value v, char kind, unsigned n)
{
    struct zset_place place;
    char text[16];
    size_t len = (size_t)snprintf(text, sizeof text, "%c%u", kind, n);
    if (zset_find(v, text, len, &place))
        assert_int_equal(zset_remove(&fixture.ctx, v, &place), STATUS_OK);
}

// One of: a pair comes or gets other scores, a pair goes, all permanent scores change.
static void change(struct value v, unsigned n, unsigned op)
{
    double score = (double)rng_below(fixture.ctx.rng, 1000) + 0.5;

    object_write_begin(value_object(v));
    if (op == 0) {
        for (unsigned i = 0; i < PERMANENT; i++)
            put(v, 'p', i, score);
    } else if (op == 1) {
        take(v, 'a', n);
        take(v, 'b', n);
    } else {
        put(v, 'a', n, score);
        put(v, 'b', n, -score);
    }
    object_write_end(value_object(v));
    next_section();
}

static struct value new_zset(void)
{
    struct value v;
    assert_int_equal(zset_new(&fixture.ctx, &v), STATUS_OK);
    for (unsigned n = 0; n < PERMANENT; n++)
        put(v, 'p', n, 3);
    return v;
}

// From a packed blob to an index, then shrinks and grows at random.
static void write_life(struct value v)
{
    struct rng *rng = fixture.ctx.rng;
    for (unsigned i = 0; i < PAIRS; i++) {
        change(v, i, 2);
        change(v, (unsigned)rng_below(rng, PAIRS), i % 5 < 2 ? i % 5 : 2);
    }
    for (int i = 0; i < PAIRS; i++)
        change(v, (unsigned)rng_below(rng, PAIRS), (unsigned)rng_below(rng, 3));
}

// The life's end: as DEL, or as ZREMRANGEBYRANK of everything, which leaves seq odd for ever.
static void end_life(struct value v, int life)
{
    struct value next = new_zset();
    if (life % 3 == 0) {
        object_write_begin(value_object(v));
        assert_int_equal(zset_remove_range(&fixture.ctx, v, 0, zset_count(v)), STATUS_OK);
        assert_int_equal(zset_count(v), 0);
    }
    publish(next);
    value_retire(&fixture.ctx, v);
    next_section();
}

static void torture_zset_readers_see_whole_states(void **state)
{
    (void)state;
    pthread_t threads[READERS];

    type_fixture_open(&fixture, 18);
    publish(new_zset());
    for (intptr_t i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, read_zsets, (void *)(i + 1)), 0);
    for (int life = 0; life < LIVES && !stopped(); life++) {
        write_life(published());
        end_life(published(), life);
    }
    while (atomic_load_explicit(&validated, memory_order_relaxed) < MIN_READS && !stopped())
        sched_yield();
    atomic_store_explicit(&stop, true, memory_order_relaxed);
    for (int i = 0; i < READERS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    const char *what = atomic_load_explicit(&complaint, memory_order_relaxed);
    if (what != NULL)
        fail_msg("%s", what);
    assert_true(atomic_load_explicit(&validated, memory_order_relaxed) >= MIN_READS);
    zset_free(published());
    type_fixture_close(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(torture_zset_readers_see_whole_states),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
