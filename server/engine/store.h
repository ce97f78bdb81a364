// SPDX-License-Identifier: MIT
//
// A store: databases, threads, configuration, statistics. A process may open several.
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "datatypes/lazyfree.h"
#include "datatypes/siphash.h"
#include "datatypes/type_ctx.h"
#include "datatypes/value.h"
#include "locks/cpu.h"
#include "locks/mutex.h"
#include "server/engine/hot_keys.h"
#include "server/engine/rates.h"
#include "server/engine/slowlog.h"
#include "server/engine/thread.h"

struct config;
struct dict;
struct epoch;
struct expire_index;
struct job;
struct watch_table;

struct db {
    _Atomic(struct dict *) dict; // of struct entry; replaced only with the gate closed
    struct expire_index *expiry; // likewise
};

enum { ERROR_CODES_MAX = 128 };

// Keys are divided into so many classes by their hashes; see `rewrites`.
enum { REWRITE_CLASSES = 64 };

struct rewrites {
    _Alignas(CACHE_LINE) _Atomic uint64_t n;
};

// Error replies by code; beyond ERROR_CODES_MAX codes new ones are not told apart. See stats.h.
struct error_stats {
    MUTEX(RANK_ERRORS) lock;
    int n; // all under lock
    struct {
        char code[32];
        int64_t count;
    } codes[ERROR_CODES_MAX];
};

struct kl_store {
    struct siphash_seed seed;
    struct epoch *epoch;
    struct config *config;
    int ndbs;
    struct db *dbs;
    int64_t started_ms; // unix time
    char run_id[41];
    _Atomic uint64_t next_client_id;
    _Atomic bool active_expire; // DEBUG SET-ACTIVE-EXPIRE
    // What commands may ask of the program around the store; NULL: not possible.
    void (*request_shutdown)(struct kl_store *, bool nosave, void *arg);
    void *request_shutdown_arg;
    // Tells that store_reclaim_step() has something to do, where nothing was left before; NULL:
    // store_cron() does it. On any thread, which may hold locks of keys: it signals and does not
    // wait. Set before there are threads.
    void (*reclaim_wanted)(struct kl_store *, void *arg);
    void *reclaim_wanted_arg;
    MUTEX(RANK_THREADS) threads_lock;     // guards adding to `threads` and in_use
    _Atomic(struct thread *) threads;     // walked without a lock
    unsigned nthreads;                    // records made; under threads_lock
    MUTEX(RANK_EXCLUSIVE) exclusive_lock; // one closer of the gate at a time
    MUTEX(RANK_EXPIRE) expire_lock;       // one runner of active expiry at a time
    int expire_db;                        // where it goes on; under expire_lock
    _Atomic double expire_stale;          // for INFO; changed under expire_lock
    struct lazyfree lazyfree;             // large values and emptied databases that are to be freed
    MUTEX(RANK_DEFERRED) deferred_lock;
    struct job *deferred; // parked until the gate opens; under deferred_lock
    struct error_stats errors;
    struct rates rates;
    struct hot_keys hot_keys;
    struct slowlog slowlog;
    _Atomic(struct watch_table *) watches; // NULL until somebody watches a key
    // Transactions that have published more than one value of a key of the class; for readers
    // without locks (keyspace.c).
    struct rewrites rewrites[REWRITE_CLASSES];
    _Atomic uint32_t fail_locks; // DEBUG FAIL-LOCKS, in debug builds
    // Commands that may hold keys while no thread is busy with them (job.h, invariant 5). Commands
    // that never wait do not come here.
    _Alignas(CACHE_LINE) _Atomic uint64_t in_flight;
    _Alignas(CACHE_LINE) _Atomic uint32_t gate; // 1: closed
    _Atomic bool draining;                      // the gate is about to close: nothing takes off
};

// Opens a store with `config` (borrowed, outlives it); NULL without memory.
struct kl_store *store_open(struct config *config);
// Frees it. All threads must be unregistered and all clients detached.
void store_close(struct kl_store *);

// Runs `fn` while no other thread is inside exec_begin/exec_end and no command is in flight; waits
// for both. The calling thread is inside, and no command of its clients is parked; on return it is
// inside again, its epoch section having been left and re-entered (pointers read before are stale).
void store_exclusive(struct thread *, void (*fn)(struct kl_store *, void *arg), void *arg);

// Counts a command as in flight; false: the gate is about to close, and it must not hold keys while
// it waits. Each success is ended once.
bool store_flight_begin(struct kl_store *);
void store_flight_end(struct kl_store *);
// Waits until no whole-keyspace operation is under way, which may take as long as the commands that
// it waits for. Outside exec_begin.
void store_wait_open(struct kl_store *);
// Waits until the gate is open: a moment. Outside exec_begin. Not through exclusive_lock, where the
// next closer may be ahead and wait for commands in flight.
void store_wait_gate(struct kl_store *);
// Keeps the job until the gate is open, then resumes it; false: it is open. And takes it back, if
// it has not been resumed yet.
bool store_defer(struct kl_store *, struct job *);
bool store_undefer(struct kl_store *, struct job *);

// Housekeeping, called a few times a second from any one registered thread, outside exec_begin:
// active expiry, freeing what was dropped, advancing the epoch. True: `budget_us` was not enough
// for what has expired, and it should be called again soon.
bool store_cron(struct thread *, int64_t budget_us);

// Sum of one counter over all threads: store_sum(store, offsetof(struct thread_stats, hits)).
int64_t store_sum(struct kl_store *, size_t offset_in_stats);

// Milliseconds of unix time now.
int64_t store_now_ms(void);

// Whether the value, which has not expired by a clock that was read for this batch of commands, may
// have done so since. Then the clock must be read again, or somebody to whom the key is gone could
// tell another client, who would still find it.
static inline bool store_expires_soon(struct value v, int64_t now_ms)
{
    enum { LAG_MS = 10 }; // more than the clock of a batch may be behind (exec.c)

    if (value_kind(v) < VALUE_STR_TTL)
        return false;
    int64_t at = value_expires_at(v);
    return at > now_ms && at - now_ms <= LAG_MS; // not NO_EXPIRE, which is -1
}
