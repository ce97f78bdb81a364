// SPDX-License-Identifier: MIT
//
// A thread that runs commands, as the engine sees it: its place in the epoch and the gate, its
// share of the statistics, its clients. Everything that commands count is counted here, by the one
// thread, and summed by whoever asks; so no two threads write the same cache line.
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "datatypes/rng.h"
#include "datatypes/type_ctx.h"
#include "locks/cpu.h"
#include "locks/mutex.h"
#include "server/engine/lock_watch.h"

struct client;
struct key_table;
struct kl_store;

// A counter with one writing thread; others read it whenever they like.
struct tally {
    _Atomic int64_t n;
};

static inline void tally_add(struct tally *t, int64_t delta)
{
    // One writer: a plain load and store, no locked instruction.
    int64_t n = atomic_load_explicit(&t->n, memory_order_relaxed);
    atomic_store_explicit(&t->n, n + delta, memory_order_relaxed);
}

static inline int64_t tally_get(const struct tally *t)
{
    return atomic_load_explicit(&t->n, memory_order_relaxed);
}

struct db_tally {
    struct tally keys, expires;
};

struct command_tally {
    struct tally calls, ticks, rejected, failed; // ticks: cpu_ticks() units
};

struct thread_stats {
    struct tally commands, connections, rejected_connections, net_in, net_out;
    struct tally hits, misses, expired, evicted, errors;
    struct tally expire_cut, expire_ns;    // cycles of active expiry without time enough; all time
    struct tally lock_waits, read_retries; // key locks waited for; LOCK_NONE commands run again
    struct tally parked;                   // of the former: the command was parked, not the thread
    // Commands begun and ended by worker threads, microseconds that they waited for one and ran,
    // and how many of them were cancelled because their client had gone.
    struct tally moved_begun, moved, moved_wait_us, moved_run_us, moved_cancelled;
};

struct thread {
    struct kl_store *store;
    struct thread *next; // in the store's list, which only grows; under threads_lock
    struct epoch_thread *epoch;
    struct type_ctx types;
    struct rng rng;
    struct key_table *keys; // scratch of the command being run
    unsigned index;
    int64_t now_ms;      // unix time as of now_ticks; inside exec_begin/exec_end
    uint64_t now_ticks;  // cpu_ticks()
    uint64_t done_ticks; // cpu_ticks() at the end of the last command, or at exec_begin
    bool in_use;         // under the store's threads_lock
    MUTEX(RANK_CLIENTS) clients_lock;
    struct client *clients; // under clients_lock
    struct thread_stats stats;
    struct db_tally *dbs;           // one a database
    struct command_tally *commands; // one a command id
    // Of a worker thread (NULL: another thread): it goes to sleep in the middle of a command, or
    // has woken up. Called by the thread itself, with key locks held.
    void (*blocks)(struct thread *, bool begins);
    void *blocks_arg;
    struct lock_view view;
    _Alignas(CACHE_LINE) _Atomic uint32_t
        busy; // between exec_begin and exec_end; the gate's closer waits
};

static inline void thread_blocks(struct thread *t, bool begins)
{
    if (t->blocks)
        t->blocks(t, begins);
}

// Registers the calling thread with the store; NULL without memory. Records are reused, so that
// their statistics stay counted after thread_unregister().
struct thread *thread_register(struct kl_store *);
void thread_unregister(struct thread *);
// Frees every record; for store_close().
void thread_free_all(struct kl_store *);
