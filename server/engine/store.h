// SPDX-License-Identifier: MIT
//
// A store: databases, threads, configuration, statistics. A process may open several.
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "datatypes/siphash.h"
#include "datatypes/type_ctx.h"
#include "locks/cpu.h"
#include "locks/mutex.h"
#include "server/engine/hot_keys.h"
#include "server/engine/rates.h"
#include "server/engine/thread.h"

struct config;
struct dict;
struct epoch;
struct flushed;

struct db {
    _Atomic(struct dict *) dict;  // of struct entry; replaced only with the gate closed
    _Atomic uint64_t scan_cursor; // of the active expiry, which one thread at a time runs
};

enum { ERROR_CODES_MAX = 128 };

// Error replies by code; beyond ERROR_CODES_MAX codes new ones are not told apart. See stats.h.
struct error_stats {
    struct mutex lock;
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
    struct mutex threads_lock;        // guards adding to `threads` and in_use
    _Atomic(struct thread *) threads; // walked without a lock
    unsigned nthreads;                // records made; under threads_lock
    struct mutex exclusive_lock;      // one closer of the gate at a time
    struct mutex expire_lock;         // one runner of active expiry at a time
    struct mutex flushed_lock;
    _Atomic size_t lazyfree_pending, lazyfreed; // keys of flushed databases, to be freed and freed
    struct flushed *flushed; // emptied databases waiting to be freed in slices; under flushed_lock
    struct error_stats errors;
    struct rates rates;
    struct hot_keys hot_keys;
    _Alignas(CACHE_LINE) _Atomic uint32_t gate; // 1: closed
};

// Opens a store with `config` (borrowed, outlives it); NULL without memory.
struct kl_store *store_open(struct config *config);
// Frees it. All threads must be unregistered and all clients detached.
void store_close(struct kl_store *);

// Runs `fn` while no other thread is inside exec_begin/exec_end. The calling thread is inside; on
// return it is inside again, its epoch section having been left and re-entered (pointers read
// before are stale).
void store_exclusive(struct thread *, void (*fn)(struct kl_store *, void *arg), void *arg);

// Housekeeping, called a few times a second from any one registered thread, outside exec_begin:
// active expiry within `budget_us`, freeing what was dropped, advancing the epoch.
void store_cron(struct thread *, int64_t budget_us);

// Sum of one counter over all threads: store_sum(store, offsetof(struct thread_stats, hits)).
int64_t store_sum(struct kl_store *, size_t offset_in_stats);

// Milliseconds of unix time now.
int64_t store_now_ms(void);
