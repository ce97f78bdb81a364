// SPDX-License-Identifier: MIT
//
// For each database an index knows which small groups of keys have one whose time has come
// (expire_index.h). These are looked at, a few at a time in one epoch section, in rounds, so that
// what they read comes into the cache together. Never waits for a key: one that is locked stays
// due.
#include "server/engine/expire.h"

#include "datatypes/dict.h"
#include "locks/cpu.h"
#include "server/engine/cmd.h"
#include "server/engine/entry.h"
#include "server/engine/exec.h"
#include "server/engine/expire_index.h"
#include "server/engine/keyspace.h"
#include "server/engine/store.h"

enum {
    BATCH_GROUPS = 16, // looked at in one epoch section
    BATCH_KEYS = 256,  // and about so many keys
    CHAIN_MAX = 64,    // keys that one step of a walk may pass
};

// What is done in one epoch section.
struct batch {
    struct thread *thread;
    int db;
    struct dict *dict;
    struct expire_index *index;
    int64_t now_ms;
    int64_t met; // keys that had expired
    int n;
    bool full; // keys were left out
    struct entry *keys[BATCH_KEYS];
};

static void collect(void *node, void *arg)
{
    struct batch *b = arg;

    if (b->n == BATCH_KEYS) {
        b->full = true;
        return;
    }
    __builtin_prefetch(node);
    b->keys[b->n++] = node;
}

// Removes the key if it has expired; else, or if it is locked, its time stays noted.
static void look_at(struct batch *b, struct entry *e)
{
    int64_t at = value_expires_at(entry_value(e));
    bool expired = at != NO_EXPIRE && at <= b->now_ms;

    b->met += expired;
    if (at == NO_EXPIRE || (expired && keyspace_expire_try(b->thread, b->db, e, b->now_ms)))
        return;
    struct bytes key = entry_key(e);
    expire_index_note(b->index, dict_hash(b->dict, key.data, key.len), at);
}

static void look_at_all(struct batch *b)
{
    for (int i = 0; i < b->n; i++) {
        struct value v = entry_value(b->keys[i]);
        if (value_kind(v) >= VALUE_STR_TTL)
            __builtin_prefetch(value_pointer(v));
    }
    for (int i = 0; i < b->n; i++)
        look_at(b, b->keys[i]);
    b->n = 0;
}

// A group is an interval of the walk: the cursors whose low bits are its number.
static void walk_group(struct batch *b, uint32_t group, unsigned bits)
{
    uint64_t mask = (UINT64_C(1) << bits) - 1, cursor = group;

    do {
        if (b->n > BATCH_KEYS - CHAIN_MAX)
            look_at_all(b);
        cursor = dict_scan(b->dict, cursor, collect, b);
    } while (cursor != 0 && (cursor & mask) == group);
    if (b->full)
        expire_index_note(b->index, group, b->now_ms);
    b->full = false;
}

// Looks at some groups that are due. Returns whether there may be more; *met: adds the expired keys
// that were met.
static bool expire_batch(struct thread *thread, int db, int64_t *met)
{
    struct kl_store *store = thread->store;
    struct batch b = {.thread = thread, .db = db, .now_ms = store_now_ms()};
    uint32_t groups[BATCH_GROUPS];
    bool end = false;

    exec_begin(thread);
    b.dict = atomic_load_explicit(&store->dbs[db].dict, memory_order_acquire);
    b.index = store->dbs[db].expiry;
    bool any = db_expires(store, db) > 0;
    if (!any && expire_index_bits(b.index) == EXPIRE_INDEX_MIN_BITS) {
        end = true; // as in most databases
    } else if (expire_index_fit(b.index, thread->epoch, db_size(store, db))) {
        unsigned bits = expire_index_bits(b.index);
        size_t n = expire_index_take(b.index, b.now_ms, groups, BATCH_GROUPS, &end);
        for (size_t i = 0; i < n; i++)
            dict_prefetch(b.dict, groups[i]);
        for (size_t i = 0; i < n; i++)
            walk_group(&b, groups[i], bits);
        look_at_all(&b);
    }
    exec_end(thread);
    *met += b.met;
    return !end;
}

// Goes through the databases once; false: there was no time, and the next call goes on there.
static bool expire_all(struct thread *thread, int64_t until_ns, int64_t *met)
{
    struct kl_store *store = thread->store;

    for (int i = 0; i < store->ndbs; i++) {
        int db = store->expire_db;
        while (expire_batch(thread, db, met)) {
            if (clock_monotonic_ns() >= until_ns)
                return false;
        }
        store->expire_db = db + 1 < store->ndbs ? db + 1 : 0;
    }
    return true;
}

// The share of keys with an expire time that have expired and are still there, a running mean as
// redis-server's. Under expire_lock.
static void note_share(struct kl_store *store, int64_t met, size_t expires)
{
    double share = atomic_load_explicit(&store->expire_stale, memory_order_relaxed);
    double now = expires > 0 ? (double)met / (double)expires : 0;

    atomic_store_explicit(&store->expire_stale, 0.95 * share + 0.05 * (now < 1 ? now : 1),
                          memory_order_relaxed);
}

bool expire_cycle(struct thread *thread, int64_t until_ns)
{
    struct kl_store *store = thread->store;
    int64_t begun_ns = clock_monotonic_ns(), met = 0;
    size_t expires = 0;

    if (!atomic_load_explicit(&store->active_expire, memory_order_relaxed) ||
        !mutex_try_lock(&store->expire_lock))
        return false;
    for (int i = 0; i < store->ndbs; i++)
        expires += db_expires(store, i);
    bool cut = !expire_all(thread, until_ns, &met);
    note_share(store, met, expires);
    mutex_unlock(&store->expire_lock);
    tally_add(&thread->stats.expire_cut, cut);
    tally_add(&thread->stats.expire_ns, clock_monotonic_ns() - begun_ns);
    return cut;
}
