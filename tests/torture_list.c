// SPDX-License-Identifier: MIT
//
// Lists under several threads: readers of the count that take no lock, whose answers count only
// when object.seq was even and the same before and after, as the dispatcher does it; walks under
// the read lock; and whole commands that push, pop and move.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "datatypes/list.h"
#include "datatypes/str.h"
#include "locks/rwlock.h"
#include "tests/lib/check.h"
#include "tests/lib/inproc.h"
#include "tests/lib/type_fixture.h"

// Sanitizers make everything ten times slower; interleavings do not need the numbers.
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
enum { SCALE = 1 };
#else
enum { SCALE = 8 };
#endif

// ---- the type -----------------------------------------------------------------------------------

// The list is a run of ascending numbers, changed two at a time.
enum {
    READERS = 2, // of each kind
    LIVES = 30,  // lists, each changed and replaced
    SECTIONS = 1500,
    LEAST = 4, // elements that are always left
    MOST = 3000,
    MIN_READS = 2000,
};

static struct type_fixture fixture; // the writer's; the readers use its domain
static RWLOCK(RANK_KEY) key_lock;
static _Atomic uint64_t key_word; // as in an entry of the keyspace
static _Atomic bool stop;
static _Atomic unsigned validated, walked; // readers' answers that counted

static struct value published(void)
{
    return (struct value){atomic_load_explicit(&key_word, memory_order_acquire)};
}

static void publish(struct value v)
{
    atomic_store_explicit(&key_word, v.bits, memory_order_release);
}

// Relaxed: only ends the loops; joining the threads orders the rest.
static bool stopped(void)
{
    return atomic_load_explicit(&stop, memory_order_relaxed);
}

static void count_once(void)
{
    struct value v = published();
    const struct object *o = value_object(v);
    // Acquire, and every load between is one too: see rules 3 and 4 of value.h.
    uint64_t before = atomic_load_explicit(&o->seq, memory_order_acquire);
    size_t count = list_count(v);
    list_prefetch(v);
    check_str(value_encoding(v), "quicklist");
    check(value_weight(v) <= MOST + 2);
    uint64_t after = atomic_load_explicit(&o->seq, memory_order_acquire);
    if (before != after || before % 2 != 0)
        return;
    atomic_fetch_add_explicit(&validated, 1, memory_order_relaxed);
    check(count >= LEAST && count <= MOST);
    check_int(count % 2, 0);
}

static void *count_without_lock(void *arg)
{
    struct epoch_thread *epoch = epoch_register(fixture.domain);
    (void)arg;
    while (!stopped()) {
        epoch_enter(epoch);
        for (int i = 0; i < 20; i++)
            count_once();
        epoch_exit(epoch);
        epoch_poll(epoch, 100);
    }
    epoch_unregister(epoch);
    return NULL;
}

static int64_t number_of(const struct chunk_element *element)
{
    int64_t n = 0;
    check(str_parse_i64(element->data, element->len, &n));
    return n;
}

static void walk(struct value v, struct rng *rng)
{
    size_t count = list_count(v), from = rng_below(rng, count), seen = 0;
    struct chunk_element first;
    struct list_iter it;

    check_int(count % 2, 0);
    list_end(v, CHUNK_FRONT, &first);
    list_iter_init(&it, v, from, false);
    for (; seen < 100 && list_iter_next(&it); seen++)
        check_int(number_of(&it.element), number_of(&first) + (int64_t)(from + seen));
    check_int(seen, count - from < 100 ? count - from : 100);
}

static void *walk_with_lock(void *arg)
{
    struct epoch_thread *epoch = epoch_register(fixture.domain);
    struct rng rng;
    rng_seed(&rng, (uint64_t)(intptr_t)arg);
    while (!stopped()) {
        epoch_enter(epoch);
        rwlock_lock_read(&key_lock);
        walk(published(), &rng);
        rwlock_unlock_read(&key_lock);
        epoch_exit(epoch);
        epoch_poll(epoch, 100);
        atomic_fetch_add_explicit(&walked, 1, memory_order_relaxed);
    }
    epoch_unregister(epoch);
    return NULL;
}

static void push_number(struct value v, enum chunk_side side, int64_t n)
{
    char text[STR_I64_MAX];
    size_t len = str_format_i64(n, text);
    check_int(list_push(&fixture.ctx, v, side, text, len), STATUS_OK);
}

// Two more or two fewer at one side, now and then many fewer.
static void change(struct value v, bool growing)
{
    enum chunk_side side = rng_below(&fixture.rng, 2) ? CHUNK_FRONT : CHUNK_BACK;
    size_t count = list_count(v);
    struct chunk_element end;

    if (count + 2 <= MOST &&
        (count < LEAST + 2 || rng_below(&fixture.rng, 8) < (growing ? 6 : 2))) {
        list_end(v, side, &end);
        int64_t n = number_of(&end), step = side == CHUNK_FRONT ? -1 : 1;
        push_number(v, side, n + step);
        push_number(v, side, n + 2 * step);
    } else {
        size_t most = (count - LEAST) / 2, few = rng_below(&fixture.rng, 100) ? 1 : most;
        list_drop(&fixture.ctx, v, side, 2 * (few < most ? few : most));
    }
}

static struct value new_run(void)
{
    struct value v;
    check_int(list_new(&fixture.ctx, 0, CHUNK_BACK, &v), STATUS_OK);
    for (int64_t n = 1000000; n < 1000000 + LEAST; n++)
        push_number(v, CHUNK_BACK, n);
    return v;
}

// The writer lets others advance the epoch, as a connection thread does between its commands.
static void next_section(void)
{
    epoch_exit(fixture.ctx.epoch);
    epoch_poll(fixture.ctx.epoch, 1000);
    epoch_enter(fixture.ctx.epoch);
}

static void write_life(int fill)
{
    struct value v = published();
    atomic_store_explicit(&fixture.limits.list_max_packed_size, fill, memory_order_relaxed);
    for (int i = 0; i < SECTIONS; i++) {
        rwlock_lock_write(&key_lock);
        object_write_begin(value_object(v));
        change(v, i < SECTIONS * 2 / 3);
        object_write_end(value_object(v));
        rwlock_unlock_write(&key_lock);
        next_section();
    }
    rwlock_lock_write(&key_lock);
    publish(new_run());
    value_retire(&fixture.ctx, v);
    rwlock_unlock_write(&key_lock);
    next_section();
}

static void torture_list_readers_see_whole_states(void **state)
{
    (void)state;
    pthread_t threads[2 * READERS];
    type_fixture_open(&fixture, 18);
    rwlock_init(&key_lock);
    publish(new_run());
    for (intptr_t i = 0; i < 2 * READERS; i++)
        check_int(pthread_create(&threads[i], NULL, i % 2 ? walk_with_lock : count_without_lock,
                                 (void *)(i + 1)),
                  0);
    static const int fills[] = {-2, 4, -1, 100};
    for (int life = 0; life < LIVES; life++)
        write_life(fills[life % 4]);
    while (atomic_load_explicit(&validated, memory_order_relaxed) < MIN_READS ||
           atomic_load_explicit(&walked, memory_order_relaxed) < MIN_READS)
        sched_yield();
    atomic_store_explicit(&stop, true, memory_order_relaxed);
    for (int i = 0; i < 2 * READERS; i++)
        check_int(pthread_join(threads[i], NULL), 0);
    list_free(published());
    type_fixture_close(&fixture);
}

// ---- commands: a queue --------------------------------------------------------------------------

enum {
    PRODUCERS = 2,
    TRIPLES = 1000 * SCALE, // that each producer pushes
    SPAN = 1000000,         // element = producer * SPAN + number
};

struct queue {
    struct inproc p;
    _Atomic bool done;
};

struct worker {
    struct queue *queue;
    int index;
};

// Each RPUSH is of three numbers that follow each other.
static void *produce(void *arg)
{
    struct worker *w = arg;
    struct inproc_client *c = inproc_client_new(&w->queue->p);

    for (int i = 0; i < TRIPLES; i++) {
        int n = w->index * SPAN + 3 * i;
        int64_t len = inproc_int(c, "RPUSH queue %d %d %d", n, n + 1, n + 2);
        check(len > 0);
        check_int(len % 3, 0);
    }
    inproc_client_free(c);
    return NULL;
}

// Reads an array of bulk numbers; returns how many.
static int parse_numbers(const char *reply, int *out, int most)
{
    int n = atoi(reply + 1);

    check_int(reply[0], '*');
    check(n <= most);
    reply = strstr(reply, "\r\n") + 2;
    for (int i = 0; i < n; i++) {
        check_int(reply[0], '$');
        reply = strstr(reply, "\r\n") + 2;
        out[i] = atoi(reply);
        reply = strstr(reply, "\r\n") + 2;
    }
    return n;
}

// What is in the queue is whole triples, those of each producer in the order of pushing.
static void check_order(const int *numbers, int n)
{
    int last[PRODUCERS] = {-1, -1};

    check_int(n % 3, 0);
    for (int i = 0; i < n; i++) {
        int producer = numbers[i] / SPAN;
        check(producer < PRODUCERS);
        check(numbers[i] > last[producer]);
        check(i % 3 == 0 || numbers[i] == numbers[i - 1] + 1);
        last[producer] = numbers[i];
    }
}

static void *look(void *arg)
{
    enum { RANGE = 300 };
    int numbers[RANGE];
    struct worker *w = arg;
    struct inproc_client *c = inproc_client_new(&w->queue->p);

    while (!atomic_load_explicit(&w->queue->done, memory_order_acquire)) {
        for (int i = 0; i < 50; i++)
            check_int(inproc_int(c, "LLEN queue") % 3, 0);
        int n = parse_numbers(inproc_run(c, "LRANGE queue 0 %d", RANGE - 1), numbers, RANGE);
        check_order(numbers, n);
        inproc_bulk_int(c, -1, "LINDEX queue -1");
    }
    inproc_client_free(c);
    return NULL;
}

// One consumer gets everything, each producer's in order.
static void consume(struct queue *q)
{
    struct inproc_client *c = inproc_client_new(&q->p);
    int next[PRODUCERS] = {0};

    for (int got = 0; got < 3 * PRODUCERS * TRIPLES;) {
        int numbers[30], most = got % 2 ? 3 : 30;
        const char *reply = inproc_run(c, "LPOP queue %d", most);
        int n = strcmp(reply, "*-1\r\n") == 0 ? 0 : parse_numbers(reply, numbers, most);
        check_order(numbers, n);
        for (int i = 0; i < n; i++) {
            int producer = numbers[i] / SPAN;
            check_int(numbers[i] % SPAN, next[producer]++);
        }
        got += n;
        if (n == 0)
            sched_yield();
    }
    check_int(inproc_int(c, "EXISTS queue"), 0);
    inproc_client_free(c);
}

static void torture_list_queue_keeps_order(void **state)
{
    (void)state;
    struct queue q = {.done = false};
    pthread_t threads[PRODUCERS + 1];
    struct worker workers[PRODUCERS + 1];

    inproc_open(&q.p);
    for (int i = 0; i <= PRODUCERS; i++) {
        workers[i] = (struct worker){&q, i};
        check_int(pthread_create(&threads[i], NULL, i < PRODUCERS ? produce : look, &workers[i]),
                  0);
    }
    consume(&q);
    atomic_store_explicit(&q.done, true, memory_order_release);
    for (int i = 0; i <= PRODUCERS; i++)
        check_int(pthread_join(threads[i], NULL), 0);
    inproc_close(&q.p);
}

// ---- commands: moving
// -----------------------------------------------------------------------------

enum { MOVERS = 3, RINGS = 4, TOKENS = 50, MOVES = 4000 * SCALE };

// Moves tokens round four lists, which become empty now and then.
static void *move_tokens(void *arg)
{
    static const char *const sides[] = {"LEFT", "RIGHT"};
    struct worker *w = arg;
    struct inproc_client *c = inproc_client_new(&w->queue->p);
    struct rng rng;

    rng_seed(&rng, (uint64_t)w->index + 1);
    for (int i = 0; i < MOVES; i++) {
        int from = (int)rng_below(&rng, RINGS), to = (int)rng_below(&rng, RINGS);
        int64_t token = inproc_bulk_int(c, -1, "LMOVE ring%d ring%d %s %s", from, to,
                                        sides[rng_below(&rng, 2)], sides[rng_below(&rng, 2)]);
        check(token >= -1 && token < TOKENS);
        check(inproc_int(c, "LLEN ring%d", to) <= TOKENS);
    }
    inproc_client_free(c);
    return NULL;
}

static void torture_list_moved_tokens_are_never_lost(void **state)
{
    (void)state;
    struct queue q = {.done = false};
    pthread_t threads[MOVERS];
    struct worker workers[MOVERS];
    int seen[TOKENS] = {0}, numbers[TOKENS];

    inproc_open(&q.p);
    struct inproc_client *c = inproc_client_new(&q.p);
    for (int i = 0; i < TOKENS; i++)
        inproc_int(c, "RPUSH ring%d %d", i % RINGS, i);
    for (int i = 0; i < MOVERS; i++) {
        workers[i] = (struct worker){&q, i};
        check_int(pthread_create(&threads[i], NULL, move_tokens, &workers[i]), 0);
    }
    for (int i = 0; i < MOVERS; i++)
        check_int(pthread_join(threads[i], NULL), 0);
    for (int ring = 0; ring < RINGS; ring++) {
        int n = parse_numbers(inproc_run(c, "LRANGE ring%d 0 -1", ring), numbers, TOKENS);
        for (int i = 0; i < n; i++)
            seen[numbers[i]]++;
    }
    for (int i = 0; i < TOKENS; i++)
        check_int(seen[i], 1);
    inproc_client_free(c);
    inproc_close(&q.p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(torture_list_readers_see_whole_states),
        cmocka_unit_test(torture_list_queue_keeps_order),
        cmocka_unit_test(torture_list_moved_tokens_are_never_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
