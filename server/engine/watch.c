// SPDX-License-Identifier: MIT
#include "server/engine/watch.h"

#include <string.h>

#include "datatypes/dict.h"
#include "datatypes/mem.h"
#include "server/engine/client.h"
#include "server/engine/entry.h"
#include "server/engine/keyspace.h"
#include "server/engine/store.h"

// The store's table, made by the first who needs it; NULL without memory.
static struct watch_table *table_of(struct kl_store *store)
{
    struct watch_table *made, *t = atomic_load_explicit(&store->watches, memory_order_acquire);

    if (t)
        return t;
    made = mem_zalloc(sizeof *made);
    // Release: publishes the empty table.
    if (made && !atomic_compare_exchange_strong_explicit(
                    &store->watches, &t, made, memory_order_acq_rel, memory_order_acquire)) {
        mem_free(made);
        return t;
    }
    return made;
}

// Of a table that is known to exist.
static struct watch_bucket *bucket_of(struct kl_store *store, const struct watch *w)
{
    struct watch_table *t = atomic_load_explicit(&store->watches, memory_order_acquire);
    return &t->buckets[w->hash % WATCH_BUCKETS];
}

static struct watch *first_of(const struct watch_bucket *b)
{
    return atomic_load_explicit(&b->first, memory_order_relaxed);
}

static bool is_for(const struct watch *w, uint64_t hash, int db, struct bytes name)
{
    return w->hash == hash && w->db == db && bytes_equal(watch_name(w), name);
}

static struct watch *make_watch(struct cmd_ctx *c, int i)
{
    struct bytes name = key_name(c, i);
    struct watch *w = mem_alloc(sizeof *w + name.len);

    if (!w)
        return NULL;
    *w = (struct watch){
        .client = c->client,
        .hash = key_hash(c, i),
        .db = key_db(c, i),
        .expired = key_expired(c, i),
        .len = (uint32_t)name.len,
    };
    memcpy(w->name, name.data, name.len);
    return w;
}

// Puts it into the bucket, unless the client watches that key already.
static bool link_watch(struct watch_bucket *b, struct watch *w)
{
    struct watch *at;

    mutex_lock(&b->lock);
    for (at = first_of(b); at; at = at->next) {
        if (at->client == w->client && is_for(at, w->hash, w->db, watch_name(w)))
            break;
    }
    if (!at) {
        w->next = first_of(b);
        if (w->next)
            w->next->prev = w;
        atomic_store_explicit(&b->first, w, memory_order_relaxed);
    }
    mutex_unlock(&b->lock);
    return !at;
}

static void unlink_watch(struct watch_bucket *b, struct watch *w)
{
    mutex_lock(&b->lock);
    if (w->prev)
        w->prev->next = w->next;
    else
        atomic_store_explicit(&b->first, w->next, memory_order_relaxed);
    if (w->next)
        w->next->prev = w->prev;
    mutex_unlock(&b->lock);
}

bool watch_add(struct cmd_ctx *c, int i)
{
    struct watch *w = table_of(c->store) ? make_watch(c, i) : NULL;

    if (!w)
        return false;
    if (link_watch(bucket_of(c->store, w), w)) {
        w->next_of_own = c->client->watches;
        c->client->watches = w;
    } else {
        mem_free(w);
    }
    return true;
}

void watch_clear(struct client *client)
{
    struct watch *w;

    while ((w = client->watches)) {
        client->watches = w->next_of_own;
        unlink_watch(bucket_of(client->thread->store, w), w);
        mem_free(w);
    }
    if (client_has(client, CLIENT_WATCH_BROKEN))
        client_flag_clear(client, CLIENT_WATCH_BROKEN);
}

void watch_tell(struct watch_bucket *b, uint64_t hash, int db, struct bytes name, bool gone)
{
    mutex_lock(&b->lock);
    for (struct watch *w = first_of(b); w; w = w->next) {
        if (!is_for(w, hash, db, name))
            continue;
        if (w->expired && gone)
            w->expired = false; // it did not exist before, for anybody
        else
            client_flag_set(w->client, CLIENT_WATCH_BROKEN);
    }
    mutex_unlock(&b->lock);
}

static struct value value_in(const struct dict *dict, const struct watch *w)
{
    const struct entry *e = dict ? dict_find(dict, w->hash, w->name, w->len) : NULL;
    return e ? entry_value(e) : VALUE_ABSENT;
}

static void database_changed(struct watch *w, const struct dict *before, const struct dict *after,
                             int64_t now_ms)
{
    struct value old = value_in(before, w), new_value = value_in(after, w);

    if (value_is_none(old) && value_is_none(new_value))
        return;
    if (w->expired ? value_is_none(new_value) || value_expired(new_value, now_ms)
                   : value_is_none(old) && value_expired(new_value, now_ms))
        w->expired = !value_is_none(new_value); // not there before, and not there now
    else
        client_flag_set(w->client, CLIENT_WATCH_BROKEN);
}

void watch_touch_database(struct kl_store *store, int db, const struct dict *before,
                          const struct dict *after)
{
    struct watch_table *t = atomic_load_explicit(&store->watches, memory_order_acquire);
    int64_t now_ms = store_now_ms();

    for (int i = 0; t && i < WATCH_BUCKETS; i++) {
        struct watch_bucket *b = &t->buckets[i];
        if (!first_of(b)) // no command runs that could add one
            continue;
        mutex_lock(&b->lock);
        for (struct watch *w = first_of(b); w; w = w->next) {
            if (w->db == db)
                database_changed(w, before, after, now_ms);
        }
        mutex_unlock(&b->lock);
    }
}

bool watch_expired(struct cmd_ctx *c)
{
    for (const struct watch *w = c->client->watches; w; w = w->next_of_own) {
        const struct dict *dict =
            atomic_load_explicit(&c->store->dbs[w->db].dict, memory_order_acquire);
        struct watch_bucket *b = bucket_of(c->store, w);

        mutex_lock(&b->lock);
        bool before = w->expired;
        mutex_unlock(&b->lock);
        if (!before && value_expired(value_in(dict, w), c->now_ms))
            return true;
    }
    return false;
}
