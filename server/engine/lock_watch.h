// SPDX-License-Identifier: MIT
//
// Who waits for which key, and who holds it: what LOCK WAITERS shows.
//
// A key's lock is four bytes and names nobody. So each thread publishes on a cache line of its own
// which keys it holds, as numbers, and for which client it runs:
//
//     running | id of key 1 | id of key 2 | ... | id of key HELD_SHOWN
//
// A command of one key costs two relaxed stores to that line, one to set and one to clear. What is
// dearer is left to those who are slow anyway: a thread that is about to sleep, a command that is
// parked, and one that holds more keys than fit, leave a pointer to what they wait for or hold,
// under a mutex of their own.
//
// No pointer to an entry is published, and `running` is only compared with the clients on the
// thread's list (under clients_lock), so whoever looks touches nothing that may be gone. What is
// seen is true of a moment: a holder may be missing that has just taken or is just releasing the
// key. Nothing but what is shown depends on it.
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "locks/cpu.h"
#include "locks/mutex.h"
#include "resp/bytes.h"
#include "server/engine/hot_keys.h"

struct client;
struct command_entry;
struct key_table;
struct kl_store;
struct thread;

enum { HELD_SHOWN = 6 };

// A command that waits for a key's lock: its thread sleeps, or it is parked. Owned by whoever
// waits, while it is registered.
struct key_wait {
    struct key_wait *next, *prev; // in the thread's list, under the view's lock
    struct client *client;
    uint64_t id;
    struct bytes name;
    int db;
    bool write;
    int64_t since_ns;
    const struct key_table *table; // whose first `nheld` keys in locking order it holds
    int nheld;
};

// In each struct thread.
struct lock_view {
    // Stored by the owner, relaxed: nothing is read through them.
    _Alignas(CACHE_LINE) _Atomic(struct client *) running;
    _Atomic uint64_t held[HELD_SHOWN]; // lock_watch_id() | LOCK_WATCH_WRITE if so; 0: none
    _Alignas(CACHE_LINE) MUTEX(RANK_LOCK_VIEW) lock;
    struct key_wait *waiting;     // under lock, as are the next two
    const struct key_table *many; // all of its keys are held
    const struct client *moved;   // the client whose command this worker thread runs
};

enum { LOCK_WATCH_WRITE = 1, LOCK_WATCH_KEY = 2 }; // in the low bits of an id

// A number for a key of a database, never 0. Two keys have the same once in 2^62 pairs.
static inline uint64_t lock_watch_id(uint64_t hash, int db)
{
    uint64_t mixed = hash + (uint64_t)db * UINT64_C(0x9E3779B97F4A7C15);
    return (mixed & ~UINT64_C(3)) | LOCK_WATCH_KEY;
}

static inline void lock_watch_run(struct lock_view *view, struct client *client)
{
    if (atomic_load_explicit(&view->running, memory_order_relaxed) != client)
        atomic_store_explicit(&view->running, client, memory_order_relaxed);
}

// The i-th key is held now.
static inline void lock_watch_hold(struct lock_view *view, int i, uint64_t id, bool write)
{
    if (i < HELD_SHOWN)
        atomic_store_explicit(&view->held[i], id | (write ? LOCK_WATCH_WRITE : 0),
                              memory_order_relaxed);
}

// None of the first n is held any more.
static inline void lock_watch_release(struct lock_view *view, int n)
{
    for (int i = 0; i < n && i < HELD_SHOWN; i++)
        atomic_store_explicit(&view->held[i], 0, memory_order_relaxed);
}

// The calling thread holds all keys of the table, more than fit (NULL: no more). The table's
// locking order must not change until then.
void lock_watch_hold_many(struct lock_view *, const struct key_table *);
// A command of the calling thread begins to wait for a key, and has ended that.
void lock_watch_wait(struct lock_view *, struct key_wait *);
void lock_watch_done(struct lock_view *, struct key_wait *);
// The calling thread, which has no clients of its own, runs a command of this one (NULL: no more).
void lock_watch_moved(struct lock_view *, const struct client *);

// ---- looking ----------------------------------------------------------------------------------

// A client that holds a key or waits for it.
struct lock_party {
    uint64_t client_id; // 0: none, or gone meanwhile
    const struct command_entry *cmd;
    bool write;
};

struct lock_waiter {
    struct lock_party party;
    uint64_t id; // of the key
    int db;
    int64_t waited_ns;
    size_t len;
    char name[KEY_SHOWN_CHARS];
};

// Copies the commands that wait for keys, those of one key together, the longest first, to an array
// that the caller frees (mem_free). Returns their number, -1 without memory.
int lock_watch_waiters(struct kl_store *, struct lock_waiter **out);
// Who holds the key; returns how many, at most `max`.
int lock_watch_holders(struct kl_store *, uint64_t id, struct lock_party *out, int max);
