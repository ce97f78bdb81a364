// SPDX-License-Identifier: MIT
//
// WATCH: clients that want to know whether a key has changed when they call EXEC.
//
// A table of the store lists the watches by key; whoever changes a key sets CLIENT_WATCH_BROKEN in
// the clients that watch it. Why no change is missed: WATCH adds its entries while it holds the
// keys, missing ones too, for reading; a change is told while its key is held for writing; and EXEC
// asks while it holds the watched keys again. So each change is told between the two, before the
// first, where nobody minds, or after the second. The locks of the keys order all this, and who
// writes a key loads one word more in a store where nobody has watched anything, else two.
//
// Locks: a bucket of the table has a mutex, taken under locks of keys.
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "locks/mutex.h"
#include "resp/bytes.h"

struct client;
struct cmd_ctx;
struct dict;
struct kl_store;
struct watch;

enum { WATCH_BUCKETS = 4096 };

struct watch_bucket {
    _Atomic(struct watch *) first; // changed under lock
    MUTEX(RANK_WATCH) lock;
};

struct watch_table {
    struct watch_bucket buckets[WATCH_BUCKETS];
};

// A key that a client watches. The client's own but for the bucket's list and `expired`, which are
// under the lock of the bucket.
struct watch {
    struct watch *next, *prev; // in the bucket
    struct watch *next_of_own; // of the client's
    struct client *client;
    uint64_t hash;
    int db;
    bool expired; // it had expired, and was still there, when WATCH came
    uint32_t len;
    char name[];
};

static inline struct bytes watch_name(const struct watch *w)
{
    return (struct bytes){w->name, w->len};
}

// The command's client watches its key number i from now on; the key is locked. False without
// memory.
bool watch_add(struct cmd_ctx *, int i);
// The client watches nothing any more, and nothing is broken. On its thread, or on the worker that
// runs its command.
void watch_clear(struct client *);

// Private: tells the clients of a bucket that is not empty.
void watch_tell(struct watch_bucket *, uint64_t hash, int db, struct bytes name, bool gone);

// The key has changed; `gone`: it does not exist any more. Under its write lock.
static inline void watch_touch(struct watch_table *t, uint64_t hash, int db, struct bytes name,
                               bool gone)
{
    // Relaxed, as was the load of `t`: the lock of the key orders this after the watch_add() that
    // matters.
    if (t && atomic_load_explicit(&t->buckets[hash % WATCH_BUCKETS].first, memory_order_relaxed))
        watch_tell(&t->buckets[hash % WATCH_BUCKETS], hash, db, name, gone);
}

// A database gets other contents (`after` NULL: none), with the gate closed.
void watch_touch_database(struct kl_store *, int db, const struct dict *before,
                          const struct dict *after);

// Whether a key that the client watches has expired since. Its keys are locked, or the gate is
// closed.
bool watch_expired(struct cmd_ctx *);
