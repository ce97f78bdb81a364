// SPDX-License-Identifier: MIT
// Epoch reclamation under threads: nothing is freed while somebody can see it, everything is freed
// in the end, whoever comes and goes.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "datatypes/rng.h"
#include "locks/cpu.h"
#include "locks/epoch.h"

enum { THREADS = 4, CELLS = 16, ALIVE = 0x11fe, DEAD = 0xdead };
#define DURATION_NS 1000000000

// Plain fields: the sanitizers see a reader that is too late, and so does the reader.
struct object {
    uint64_t mark, serial;
};

static _Atomic(struct object *) cells[CELLS];
static _Atomic size_t made, freed, failures;
static struct epoch *domain;
static int64_t deadline;

static void free_object(void *ptr)
{
    struct object *o = ptr;
    if (o->mark != ALIVE)
        atomic_fetch_add_explicit(&failures, 1, memory_order_relaxed);
    o->mark = DEAD;
    atomic_fetch_add_explicit(&freed, 1, memory_order_relaxed);
    free(o);
}

static void read_cells(struct rng *rng)
{
    struct object *held[4];
    for (int i = 0; i < 4; i++)
        held[i] = atomic_load_explicit(&cells[rng_below(rng, CELLS)], memory_order_acquire);
    if (rng_below(rng, 64) == 0)
        sched_yield(); // with the pointers in hand
    for (int i = 0; i < 4; i++)
        if (held[i] && held[i]->mark != ALIVE)
            atomic_fetch_add_explicit(&failures, 1, memory_order_relaxed);
}

static void write_cell(struct epoch_thread *t, struct rng *rng)
{
    struct object *o = malloc(sizeof *o);
    if (!o)
        return;
    *o = (struct object){ALIVE, atomic_fetch_add_explicit(&made, 1, memory_order_relaxed)};
    // Release publishes the object; acquire, since the old one is handed on to be freed.
    o = atomic_exchange_explicit(&cells[rng_below(rng, CELLS)], o, memory_order_acq_rel);
    if (o)
        epoch_retire(t, o, free_object, sizeof *o);
}

// Reads and writes until the deadline; `visitor` threads register anew all the time and leave their
// limbo behind.
static void work(uint64_t seed, bool visitor)
{
    struct rng rng;
    rng_seed(&rng, seed);
    struct epoch_thread *t = epoch_register(domain);
    while (t && clock_monotonic_ns() < deadline) {
        for (int i = 0; i < 50; i++) {
            epoch_enter(t);
            unsigned n = (unsigned)rng_below(&rng, 8);
            for (unsigned k = 0; k < n; k++)
                read_cells(&rng);
            if (rng_below(&rng, 2))
                write_cell(t, &rng);
            epoch_exit(t);
        }
        epoch_poll(t, 20);
        if (visitor) {
            epoch_unregister(t);
            t = epoch_register(domain);
        }
    }
    if (!t)
        atomic_fetch_add_explicit(&failures, 1, memory_order_relaxed);
    else
        epoch_unregister(t);
}

static void *worker(void *arg)
{
    uintptr_t i = (uintptr_t)arg;
    work(i, i % 2);
    return NULL;
}

static void test_epoch_torture(void **state)
{
    (void)state;
    pthread_t thread[THREADS];
    domain = epoch_create();
    assert_non_null(domain);
    struct epoch_thread *t = epoch_register(domain);
    assert_non_null(t);
    deadline = clock_monotonic_ns() + DURATION_NS;
    for (uintptr_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, worker, (void *)i), 0);
    while (clock_monotonic_ns() < deadline) {
        epoch_drain(t); // against all the others
        sched_yield();
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(thread[i], NULL);

    epoch_enter(t);
    for (int i = 0; i < CELLS; i++) {
        struct object *o = atomic_exchange_explicit(&cells[i], NULL, memory_order_acq_rel);
        if (o)
            epoch_retire(t, o, free_object, sizeof *o);
    }
    epoch_exit(t);
    epoch_drain(t);
    assert_int_equal(failures, 0);
    assert_int_equal(freed, made);
    assert_in_range(made, 100, SIZE_MAX);
    assert_int_equal(epoch_pending_count(domain), 0);
    assert_int_equal(epoch_pending_bytes(domain), 0);
    epoch_unregister(t);
    epoch_destroy(domain);
}

// Classic litmus of the scheme: a reader that has just entered and a writer that unlinks, retires
// and lets the epoch run as fast as it can.
static _Atomic bool stop;

static void *short_reader(void *arg)
{
    struct epoch_thread *t = arg;
    while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
        epoch_enter(t);
        struct object *o = atomic_load_explicit(&cells[0], memory_order_acquire);
        if (o->mark != ALIVE)
            atomic_fetch_add_explicit(&failures, 1, memory_order_relaxed);
        epoch_exit(t);
    }
    return NULL;
}

static void test_epoch_short_sections(void **state)
{
    (void)state;
    pthread_t thread;
    domain = epoch_create();
    struct epoch_thread *reader = epoch_register(domain), *t = epoch_register(domain);
    struct object *o = malloc(sizeof *o);
    *o = (struct object){ALIVE, 0};
    atomic_store_explicit(&cells[0], o, memory_order_release);
    atomic_store_explicit(&stop, false, memory_order_relaxed);
    assert_int_equal(pthread_create(&thread, NULL, short_reader, reader), 0);
    deadline = clock_monotonic_ns() + DURATION_NS;
    for (uint64_t i = 1; clock_monotonic_ns() < deadline; i++) {
        o = malloc(sizeof *o);
        *o = (struct object){ALIVE, i};
        epoch_enter(t);
        o = atomic_exchange_explicit(&cells[0], o, memory_order_acq_rel);
        epoch_retire(t, o, free_object, sizeof *o);
        epoch_exit(t);
        epoch_poll(t, 10);
        epoch_poll(t, 10);
    }
    atomic_store_explicit(&stop, true, memory_order_relaxed);
    pthread_join(thread, NULL);
    free(atomic_exchange_explicit(&cells[0], NULL, memory_order_acquire));
    assert_int_equal(failures, 0);
    epoch_unregister(reader);
    epoch_unregister(t);
    epoch_destroy(domain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_epoch_torture),
        cmocka_unit_test(test_epoch_short_sections),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
