// SPDX-License-Identifier: MIT
//
// A walk over the keyspace by dict_scan, database by database; those without a key that expires are
// passed over. It leaves the gate and the epoch after every few buckets, and never waits for a key.
#include "server/engine/expire.h"

#include "datatypes/dict.h"
#include "locks/cpu.h"
#include "server/engine/cmd.h"
#include "server/engine/entry.h"
#include "server/engine/exec.h"
#include "server/engine/keyspace.h"
#include "server/engine/store.h"

enum {
    BATCH_BUCKETS = 64, // looked at in one epoch section
    BATCH_EXPIRED = 256,
};

struct batch {
    int64_t now_ms;
    int n;
    struct entry *expired[BATCH_EXPIRED];
};

static void collect(void *node, void *arg)
{
    struct batch *batch = arg;
    struct entry *e = node;

    if (batch->n < BATCH_EXPIRED && value_expired(entry_value(e), batch->now_ms))
        batch->expired[batch->n++] = e;
}

// Looks at some buckets from `cursor` on; returns where to go on, 0 at the end.
static uint64_t expire_batch(struct thread *thread, int db, uint64_t cursor)
{
    struct batch batch = {.now_ms = store_now_ms()};

    exec_begin(thread);
    const struct dict *dict =
        atomic_load_explicit(&thread->store->dbs[db].dict, memory_order_acquire);
    for (int i = 0; i < BATCH_BUCKETS && batch.n < BATCH_EXPIRED / 2; i++) {
        cursor = dict_scan(dict, cursor, collect, &batch);
        if (!cursor)
            break;
    }
    for (int i = 0; i < batch.n; i++)
        keyspace_expire_try(thread, db, batch.expired[i], batch.now_ms);
    exec_end(thread);
    return cursor;
}

void expire_cycle(struct thread *thread, int64_t until_ns)
{
    struct kl_store *store = thread->store;

    if (!atomic_load_explicit(&store->active_expire, memory_order_relaxed) ||
        !mutex_try_lock(&store->expire_lock))
        return;
    for (int db = 0; db < store->ndbs; db++) {
        _Atomic uint64_t *position = &store->dbs[db].scan_cursor;
        if (db_expires(store, db) == 0)
            continue;
        do {
            uint64_t cursor = atomic_load_explicit(position, memory_order_relaxed);
            cursor = expire_batch(thread, db, cursor);
            atomic_store_explicit(position, cursor, memory_order_relaxed);
            if (!cursor)
                break;
        } while (clock_monotonic_ns() < until_ns);
    }
    mutex_unlock(&store->expire_lock);
}
