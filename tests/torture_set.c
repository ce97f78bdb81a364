// SPDX-License-Identifier: MIT
//
// One writer that takes a set through every encoding inside write sections, and another that
// appends to a string, against readers that take no lock. A reader's answer counts only when
// object.seq was even and the same before and after, as the dispatcher does it; then it must be one
// of the set's states.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "datatypes/set.h"
#include "datatypes/str.h"
#include "tests/lib/type_fixture.h"

enum {
    READERS = 3,
    PERMANENT = 8, // members "0".."7" are in every state of the set
    LIVES = 60,    // sets, each built up, changed and replaced
    PAIRS = 400,   // "<n>" and "-<n>" are added and removed in one section
    MIN_READS = 2000,
    TEXT_MAX = 20000,
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

static void start_readers(pthread_t *threads, void *(*run)(void *))
{
    atomic_store_explicit(&stop, false, memory_order_relaxed);
    atomic_store_explicit(&validated, 0, memory_order_relaxed);
    atomic_store_explicit(&complaint, NULL, memory_order_relaxed);
    for (intptr_t i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run, (void *)(i + 1)), 0);
}

static void stop_readers(pthread_t *threads)
{
    atomic_store_explicit(&stop, true, memory_order_relaxed);
    for (int i = 0; i < READERS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    const char *what = atomic_load_explicit(&complaint, memory_order_relaxed);
    if (what != NULL)
        fail_msg("%s", what);
    assert_true(atomic_load_explicit(&validated, memory_order_relaxed) >= MIN_READS);
}

static struct type_ctx reader_ctx(struct rng *rng, intptr_t seed)
{
    struct type_ctx ctx = fixture.ctx;
    rng_seed(rng, (uint64_t)seed);
    ctx.rng = rng;
    ctx.epoch = epoch_register(fixture.domain);
    return ctx;
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

// ---- sets ------------------------------------------------------------------------------------

static bool contains_number(struct type_ctx *ctx, struct value v, int64_t n, bool negative)
{
    char text[1 + STR_I64_MAX] = "-";
    size_t len = str_format_i64(n, text + negative) + negative;
    return set_contains(ctx, v, text, len);
}

static void read_set_once(struct type_ctx *ctx)
{
    struct value v = published();
    const struct object *o = value_object(v);
    int64_t permanent = (int64_t)rng_below(ctx->rng, PERMANENT);
    int64_t pair = PERMANENT + (int64_t)rng_below(ctx->rng, PAIRS);

    // Acquire, and every load between is one too: see rules 3 and 4 of value.h.
    uint64_t before = atomic_load_explicit(&o->seq, memory_order_acquire);
    bool there = contains_number(ctx, v, permanent, false);
    bool plus = contains_number(ctx, v, pair, false);
    size_t count = set_count(v);
    bool minus = contains_number(ctx, v, pair, true);
    bool text = set_contains(ctx, v, "text", 4);
    bool never = set_contains(ctx, v, "never", 5);
    uint64_t after = atomic_load_explicit(&o->seq, memory_order_acquire);
    if (before != after || before % 2 != 0)
        return;

    atomic_fetch_add_explicit(&validated, 1, memory_order_relaxed);
    if (!there)
        complain("a permanent member was missing");
    if (plus != minus)
        complain("half of a pair was seen");
    if (never)
        complain("a member that never was");
    if (count < PERMANENT || count > PERMANENT + 2 * PAIRS + 1)
        complain("the count left its range");
    if ((count - text) % 2 != 0) // "text" is the only member that is not one of two
        complain("the count does not fit the members");
}

static void *read_sets(void *arg)
{
    struct rng rng;
    struct type_ctx ctx = reader_ctx(&rng, (intptr_t)arg);
    while (!stopped()) {
        epoch_enter(ctx.epoch);
        for (int i = 0; i < 20; i++)
            read_set_once(&ctx);
        epoch_exit(ctx.epoch);
        epoch_poll(ctx.epoch, 100);
    }
    epoch_unregister(ctx.epoch);
    return NULL;
}

static void change_pair(struct value v, int64_t n, bool adding)
{
    for (int negative = 0; negative < 2; negative++) {
        char text[1 + STR_I64_MAX] = "-";
        size_t len = str_format_i64(n, text + negative) + (size_t)negative;
        bool changed;
        if (adding)
            assert_int_equal(set_add(&fixture.ctx, v, text, len, &changed), STATUS_OK);
        else
            assert_int_equal(set_remove(&fixture.ctx, v, text, len, &changed), STATUS_OK);
    }
}

static void write_section(struct value v, int64_t n, bool adding)
{
    object_write_begin(value_object(v));
    change_pair(v, n, adding);
    object_write_end(value_object(v));
    next_section();
}

static void add_text(struct value v)
{
    bool added;
    object_write_begin(value_object(v));
    assert_int_equal(set_add(&fixture.ctx, v, "text", 4, &added), STATUS_OK);
    object_write_end(value_object(v));
}

static struct value new_set(void)
{
    struct value v;
    assert_int_equal(set_new(&fixture.ctx, NULL, 0, 0, &v), STATUS_OK);
    for (int64_t n = 0; n < PERMANENT; n++) {
        char text[STR_I64_MAX];
        bool added;
        assert_int_equal(set_add(&fixture.ctx, v, text, str_format_i64(n, text), &added),
                         STATUS_OK);
    }
    return v;
}

// From a few integers to the dictionary, through the packed blob in every other life; then shrinks
// and grows at random. The permanent members are never touched.
static void write_life(struct value v, int life)
{
    struct rng *rng = fixture.ctx.rng;
    int text_at = life % 2 ? 20 : 300;
    for (int i = 0; i < PAIRS; i++) {
        write_section(v, PERMANENT + i, true);
        if (i == text_at)
            add_text(v);
        if (i % 3 == 0)
            write_section(v, PERMANENT + (int64_t)rng_below(rng, PAIRS), false);
    }
    for (int i = 0; i < PAIRS; i++)
        write_section(v, PERMANENT + (int64_t)rng_below(rng, PAIRS), rng_below(rng, 4) == 0);
}

static void count_popped(const struct set_member *member, void *arg)
{
    size_t *popped = arg;
    *popped += member->len > 0;
}

// The life's end: as DEL, or as SPOP of everything, which leaves seq odd for ever.
static void end_life(struct value v, int life)
{
    struct value next = new_set();
    if (life % 3 == 0) {
        size_t popped = 0;
        object_write_begin(value_object(v));
        assert_int_equal(set_pop(&fixture.ctx, v, set_count(v), count_popped, &popped), STATUS_OK);
        assert_true(popped >= PERMANENT);
        assert_int_equal(set_count(v), 0);
    }
    publish(next);
    value_retire(&fixture.ctx, v);
    next_section();
}

static void torture_set_readers_see_whole_states(void **state)
{
    (void)state;
    pthread_t threads[READERS];
    type_fixture_open(&fixture, 15);
    publish(new_set());
    start_readers(threads, read_sets);
    for (int life = 0; life < LIVES && !stopped(); life++) {
        write_life(published(), life);
        end_life(published(), life);
    }
    while (atomic_load_explicit(&validated, memory_order_relaxed) < MIN_READS && !stopped())
        sched_yield();
    stop_readers(threads);
    set_free(published());
    type_fixture_close(&fixture);
}

// ---- strings ---------------------------------------------------------------------------------

// The byte that every string of this test has at that place.
static char text_at(size_t i)
{
    return (char)('a' + i * 7 % 26);
}

static void check_text(const struct str_view *view, size_t from, size_t to)
{
    for (size_t i = from; i < to && i < view->len; i++)
        if (view->data[i] != text_at(i))
            complain("a string held a byte that nobody wrote there");
}

static void *read_strings(void *arg)
{
    struct rng rng;
    struct type_ctx ctx = reader_ctx(&rng, (intptr_t)arg);
    while (!stopped()) {
        epoch_enter(ctx.epoch);
        for (int i = 0; i < 20; i++) {
            struct value v = published();
            struct str_view view;
            str_view(v, &view);
            check_text(&view, view.len > 100 ? view.len - 100 : 0, view.len); // the newest bytes
            size_t from = rng_below(&rng, view.len + 1);
            check_text(&view, from, from + 50);
            if (str_len(v) < view.len)
                complain("a string became shorter");
            int64_t at_ms = value_expires_at(v);
            if (at_ms != NO_EXPIRE && at_ms != 1000 && at_ms != 2000)
                complain("an expire time that nobody set");
            atomic_fetch_add_explicit(&validated, 1, memory_order_relaxed);
        }
        epoch_exit(ctx.epoch);
        epoch_poll(ctx.epoch, 100);
    }
    epoch_unregister(ctx.epoch);
    return NULL;
}

// One change that keeps every byte what text_at() says: append, overwrite with the same, or a new
// expire time. Returns the new length.
static size_t write_string(size_t len)
{
    struct rng *rng = fixture.ctx.rng;
    struct value old = published(), now = old;
    size_t op = rng_below(rng, 20), n = 1 + rng_below(rng, 60), new_len = len;
    size_t at = op == 0 ? rng_below(rng, len) : len;
    char piece[60];
    for (size_t i = 0; i < n; i++)
        piece[i] = text_at(at + i);
    if (op == 1) {
        int64_t at_ms = rng_below(rng, 2) ? 1000 : 2000;
        assert_int_equal(value_set_expire(&fixture.ctx, old, at_ms, &now), STATUS_OK);
    } else if (op == 0 || op == 2) {
        assert_int_equal(str_set_range(&fixture.ctx, old, at, piece, n, &now, &new_len), STATUS_OK);
    } else {
        assert_int_equal(str_append(&fixture.ctx, old, piece, n, &now, &new_len), STATUS_OK);
    }
    if (now.bits != old.bits) {
        publish(now);
        value_retire(&fixture.ctx, old);
    }
    next_section();
    return new_len;
}

static void torture_str_readers_see_whole_appends(void **state)
{
    (void)state;
    pthread_t threads[READERS];
    struct value first;
    type_fixture_open(&fixture, 16);
    assert_int_equal(str_new((char[]){text_at(0)}, 1, NO_EXPIRE, &first), STATUS_OK);
    publish(first);
    start_readers(threads, read_strings);
    for (int life = 0; life < LIVES && !stopped(); life++) {
        for (size_t len = 1; len < TEXT_MAX && !stopped();)
            len = write_string(len);
        struct value old = published();
        publish(first); // a word without a block
        value_retire(&fixture.ctx, old);
        next_section();
    }
    while (atomic_load_explicit(&validated, memory_order_relaxed) < MIN_READS && !stopped())
        sched_yield();
    stop_readers(threads);
    type_fixture_close(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(torture_set_readers_see_whole_states),
        cmocka_unit_test(torture_str_readers_see_whole_appends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
