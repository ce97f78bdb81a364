// SPDX-License-Identifier: MIT
//
// Opening and closing, the gate, and operations on whole databases.
//
// The gate. Commands run between exec_begin and exec_end with thread->busy set; that store and the
// load of `gate` behind it face the closer's store of `gate` and loads of `busy`, all seq_cst, so
// either the thread sees the gate closed and steps back or the closer sees the thread and waits. A
// thread that waits for a key lock in the middle of a command stays busy, but the lock's holder is
// busy or in flight as well and is never stopped by the gate before it is done, so the closer's
// wait ends. Readers pay no shared write.
//
// In flight. Parked commands, and those on worker threads, may hold keys for long while nobody else
// should stop. So before the gate closes they are waited for with the gate open: from the store of
// `draining` on no command is parked (it lets its keys go and waits for the gate instead) and no
// worker begins with one that has keys.
#include "server/engine/store.h"

#include <sched.h>
#include <stdio.h>
#include <sys/random.h>
#include <time.h>

#include "datatypes/dict.h"
#include "datatypes/mem.h"
#include "locks/epoch.h"
#include "server/engine/cmd.h"
#include "server/engine/config.h"
#include "server/engine/entry.h"
#include "server/engine/exec.h"
#include "server/engine/client.h"
#include "server/engine/expire.h"
#include "server/engine/expire_index.h"
#include "server/engine/job.h"
#include "server/engine/reclaim.h"
#include "server/engine/key_deadlock.h"
#include "server/engine/ticks.h"
#include "server/engine/watch.h"

enum {
    RANDOM_TRIES = 1000, // misses after which RANDOMKEY looks for a key in order
};

int64_t store_now_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void make_run_id(char *out, size_t nout)
{
    unsigned char raw[20] = {0};

    if (getrandom(raw, sizeof raw, 0) != (ssize_t)sizeof raw)
        raw[0] = 1; // only a name
    for (size_t i = 0; i < sizeof raw && 2 * i + 2 < nout; i++)
        snprintf(out + 2 * i, 3, "%02x", raw[i]);
}

static struct dict *new_keyspace(struct kl_store *store)
{
    return dict_create(&entry_dict_type, DICT_SHARED, &store->seed);
}

struct kl_store *store_open(struct config *config)
{
    if (!registry_init())
        return NULL;
    struct kl_store *store = mem_zalloc_aligned(CACHE_LINE, sizeof *store);
    if (!store)
        return NULL;
    store->config = config;
    config_apply_locks(config);
    store->ndbs = config->databases;
    store->started_ms = store_now_ms();
    atomic_store_explicit(&store->active_expire, true, memory_order_relaxed);
    siphash_seed_random(&store->seed);
    make_run_id(store->run_id, sizeof store->run_id);
    ticks_init();
    config_apply_slowlog(config);
    rates_init(&store->rates);
    store->epoch = epoch_create();
    store->dbs = mem_zalloc((size_t)store->ndbs * sizeof *store->dbs);
    if (!store->epoch || !store->dbs) {
        store_close(store);
        return NULL;
    }
    reclaim_init(store);
    for (int i = 0; i < store->ndbs; i++) {
        struct dict *dict = new_keyspace(store);
        atomic_store_explicit(&store->dbs[i].dict, dict, memory_order_release);
        store->dbs[i].expiry = expire_index_create(store->started_ms);
        if (!dict || !store->dbs[i].expiry) {
            store_close(store);
            return NULL;
        }
    }
    return store;
}

void store_close(struct kl_store *store)
{
    if (!store)
        return;
    store->reclaim_wanted = NULL;
    for (int i = 0; store->dbs && i < store->ndbs; i++) {
        struct dict *dict = atomic_load_explicit(&store->dbs[i].dict, memory_order_acquire);
        if (dict)
            reclaim_keyspace(dict);
        expire_index_free(store->dbs[i].expiry);
    }
    slowlog_reset(store);
    thread_free_all(store);
    if (store->epoch)
        epoch_destroy(store->epoch);
    reclaim_all(store); // what was still retired, too
    mem_free(atomic_load_explicit(&store->watches, memory_order_acquire));
    mem_free(store->dbs);
    mem_free(store);
}

int64_t store_sum(struct kl_store *store, size_t offset_in_stats)
{
    int64_t sum = 0;

    for (struct thread *t = atomic_load_explicit(&store->threads, memory_order_acquire); t;
         t = t->next)
        sum += tally_get((const struct tally *)((const char *)&t->stats + offset_in_stats));
    return sum;
}

// ---- the gate ---------------------------------------------------------------------------------

static void wait_a_moment(unsigned spins)
{
    struct timespec moment = {0, 50 * 1000};

    if (spins < 100)
        cpu_pause();
    else if (spins < 200)
        sched_yield();
    else
        nanosleep(&moment, NULL);
}

static void wait_for_idle(struct kl_store *store)
{
    for (struct thread *t = atomic_load_explicit(&store->threads, memory_order_acquire); t;
         t = t->next) {
        for (unsigned spins = 0; atomic_load_explicit(&t->busy, memory_order_seq_cst); spins++)
            wait_a_moment(spins);
    }
}

void store_wait_gate(struct kl_store *store)
{
    // Acquire: what was done while it was closed is seen.
    for (unsigned spins = 0; atomic_load_explicit(&store->gate, memory_order_acquire); spins++)
        wait_a_moment(spins);
}

bool store_flight_begin(struct kl_store *store)
{
    // Add then load, both seq_cst, against the closer's store of `draining` and loads of
    // `in_flight`: as with `busy` and `gate`.
    atomic_fetch_add_explicit(&store->in_flight, 1, memory_order_seq_cst);
    if (!atomic_load_explicit(&store->draining, memory_order_seq_cst))
        return true;
    store_flight_end(store);
    return false;
}

void store_flight_end(struct kl_store *store)
{
    // Release: who closes the gate sees all that the command did.
    atomic_fetch_sub_explicit(&store->in_flight, 1, memory_order_release);
}

void store_wait_open(struct kl_store *store)
{
    mutex_lock(&store->exclusive_lock);
    mutex_unlock(&store->exclusive_lock);
}

bool store_defer(struct kl_store *store, struct job *job)
{
    bool deferred;

    mutex_lock(&store->deferred_lock);
    // It is set outside the lock, but cleared under it.
    deferred = atomic_load_explicit(&store->draining, memory_order_relaxed);
    if (deferred) {
        job->next = store->deferred;
        store->deferred = job;
    }
    mutex_unlock(&store->deferred_lock);
    return deferred;
}

bool store_undefer(struct kl_store *store, struct job *job)
{
    bool found = false;

    mutex_lock(&store->deferred_lock);
    for (struct job **at = &store->deferred; *at; at = &(*at)->next) {
        if (*at == job) {
            *at = job->next;
            found = true;
            break;
        }
    }
    mutex_unlock(&store->deferred_lock);
    return found;
}

// Commands in flight come to their end, and none begins that would have to wait.
static void drain(struct kl_store *store)
{
    atomic_store_explicit(&store->draining, true, memory_order_seq_cst);
    for (unsigned spins = 0; atomic_load_explicit(&store->in_flight, memory_order_seq_cst); spins++)
        wait_a_moment(spins);
}

static void resume_deferred(struct kl_store *store)
{
    struct job *job, *next;

    mutex_lock(&store->deferred_lock);
    atomic_store_explicit(&store->draining, false, memory_order_relaxed);
    job = store->deferred;
    store->deferred = NULL;
    mutex_unlock(&store->deferred_lock);
    for (; job; job = next) {
        next = job->next; // before its thread has it
        job->client->ops->resume(job->client);
    }
}

void store_exclusive(struct thread *thread, void (*fn)(struct kl_store *, void *arg), void *arg)
{
    struct kl_store *store = thread->store;

    exec_end(thread);
    thread_blocks(thread, true);
    mutex_lock(&store->exclusive_lock);
    drain(store);
    atomic_store_explicit(&store->gate, 1, memory_order_seq_cst);
    wait_for_idle(store);
    fn(store, arg);
    // Release: a thread that finds the gate open sees what fn did.
    atomic_store_explicit(&store->gate, 0, memory_order_release);
    resume_deferred(store);
    mutex_unlock(&store->exclusive_lock);
    thread_blocks(thread, false);
    exec_begin(thread);
}

// For commands on whole databases. In a transaction the gate is closed already.
static void exclusively(struct cmd_ctx *c, void (*fn)(struct kl_store *, void *arg), void *arg)
{
    if (c->exclusive)
        fn(c->store, arg);
    else
        store_exclusive(c->thread, fn, arg);
}

// ---- whole databases --------------------------------------------------------------------------

// Counts are sums over threads: of changes that go on meanwhile each is counted or not.
size_t db_size(struct kl_store *store, int db)
{
    int64_t sum = 0;

    for (struct thread *t = atomic_load_explicit(&store->threads, memory_order_acquire); t;
         t = t->next)
        sum += tally_get(&t->dbs[db].keys);
    return sum > 0 ? (size_t)sum : 0;
}

size_t db_expires(struct kl_store *store, int db)
{
    int64_t sum = 0;

    for (struct thread *t = atomic_load_explicit(&store->threads, memory_order_acquire); t;
         t = t->next)
        sum += tally_get(&t->dbs[db].expires);
    return sum > 0 ? (size_t)sum : 0;
}

struct scan_filter {
    void (*fn)(struct bytes key, struct value, void *arg);
    void *arg;
    int64_t now_ms;
};

static void scan_node(void *node, void *arg)
{
    struct scan_filter *filter = arg;
    const struct entry *e = node;
    struct value v = entry_value(e);

    if (store_expires_soon(v, filter->now_ms))
        filter->now_ms = store_now_ms();

    if (!value_is_none(v) && !value_expired(v, filter->now_ms))
        filter->fn(entry_key(e), v, filter->arg);
}

static struct dict *db_dict(struct kl_store *store, int db)
{
    return atomic_load_explicit(&store->dbs[db].dict, memory_order_acquire);
}

uint64_t db_scan(struct cmd_ctx *c, int db, uint64_t cursor,
                 void (*fn)(struct bytes key, struct value, void *arg), void *arg)
{
    struct scan_filter filter = {fn, arg, c->now_ms};
    return dict_scan(db_dict(c->store, db), cursor, scan_node, &filter);
}

static void take_name(struct bytes name, struct value v, void *arg)
{
    (void)v;
    *(struct bytes *)arg = name;
}

bool db_random_key(struct cmd_ctx *c, struct bytes *key)
{
    const struct dict *dict = db_dict(c->store, c->db);
    uint64_t cursor = 0;

    for (int i = 0; i < RANDOM_TRIES; i++) {
        const struct entry *e = dict_random(dict, &c->thread->rng);
        if (!e)
            return false;
        struct value v = entry_value(e);
        int64_t now_ms = store_expires_soon(v, c->now_ms) ? store_now_ms() : c->now_ms;
        if (value_is_none(v) || value_expired(v, now_ms))
            continue;
        *key = entry_key(e);
        return true;
    }
    // Nearly everything has expired and was not removed yet: any key that is left will do.
    *key = (struct bytes){NULL, 0};
    do {
        cursor = db_scan(c, c->db, cursor, take_name, key);
    } while (!key->data && cursor != 0);
    return key->data != NULL;
}

struct flush_job {
    int first, last;
    struct flushed **fresh; // one for each database, with an empty dictionary to put in
};

static void flush_exclusive(struct kl_store *store, void *arg)
{
    struct flush_job *job = arg;

    for (int db = job->first; db <= job->last; db++) {
        struct flushed *f = job->fresh[db - job->first];
        struct dict *old = db_dict(store, db);
        watch_touch_database(store, db, old, NULL);
        atomic_store_explicit(&store->dbs[db].dict, f->dict, memory_order_release);
        f->dict = old;
        f->nkeys = db_size(store, db);
        for (struct thread *t = atomic_load_explicit(&store->threads, memory_order_acquire); t;
             t = t->next) {
            // Their owners are outside: the gate is closed.
            atomic_store_explicit(&t->dbs[db].keys.n, 0, memory_order_relaxed);
            atomic_store_explicit(&t->dbs[db].expires.n, 0, memory_order_relaxed);
        }
    }
}

static void flush_job_free(struct flush_job *job)
{
    for (int i = 0; job->fresh && i <= job->last - job->first; i++) {
        if (!job->fresh[i])
            continue;
        reclaim_keyspace(job->fresh[i]->dict);
        mem_free(job->fresh[i]);
    }
    mem_free(job->fresh);
}

// Allocates all that the flush needs, so that it cannot fail half-way.
static bool flush_job_prepare(struct kl_store *store, struct flush_job *job)
{
    int n = job->last - job->first + 1;

    job->fresh = mem_zalloc((size_t)n * sizeof(struct flushed *));
    if (!job->fresh)
        return false;
    for (int i = 0; i < n; i++) {
        struct dict *dict = new_keyspace(store);
        struct flushed *f = dict ? mem_zalloc(sizeof *f) : NULL;
        if (!f) {
            if (dict)
                dict_free(dict, NULL, NULL);
            return false;
        }
        f->dict = dict;
        job->fresh[i] = f;
    }
    return true;
}

enum status db_flush(struct cmd_ctx *c, int db, bool sync)
{
    struct kl_store *store = c->store;
    struct flush_job job = {.first = db < 0 ? 0 : db, .last = db < 0 ? store->ndbs - 1 : db};

    if (!flush_job_prepare(store, &job)) {
        flush_job_free(&job);
        return STATUS_NO_MEMORY;
    }
    exclusively(c, flush_exclusive, &job);
    if (sync) {
        cmd_pause_begin(c); // others need not wait in the epoch or at the gate for this
        flush_job_free(&job);
        cmd_pause_end(c);
        return STATUS_OK;
    }
    for (int i = 0; i <= job.last - job.first; i++)
        reclaim_flushed(store, job.fresh[i]);
    mem_free(job.fresh);
    return STATUS_OK;
}

struct swap_job {
    int a, b;
};

static void tally_swap(struct tally *a, struct tally *b)
{
    int64_t n = tally_get(a);
    atomic_store_explicit(&a->n, tally_get(b), memory_order_relaxed);
    atomic_store_explicit(&b->n, n, memory_order_relaxed);
}

static void swap_exclusive(struct kl_store *store, void *arg)
{
    struct swap_job *job = arg;
    struct dict *a = db_dict(store, job->a), *b = db_dict(store, job->b);

    watch_touch_database(store, job->a, a, b);
    watch_touch_database(store, job->b, b, a);
    atomic_store_explicit(&store->dbs[job->a].dict, b, memory_order_release);
    atomic_store_explicit(&store->dbs[job->b].dict, a, memory_order_release);
    struct expire_index *expiry = store->dbs[job->a].expiry;
    store->dbs[job->a].expiry = store->dbs[job->b].expiry;
    store->dbs[job->b].expiry = expiry;
    for (struct thread *t = atomic_load_explicit(&store->threads, memory_order_acquire); t;
         t = t->next) {
        tally_swap(&t->dbs[job->a].keys, &t->dbs[job->b].keys);
        tally_swap(&t->dbs[job->a].expires, &t->dbs[job->b].expires);
    }
}

void db_swap(struct cmd_ctx *c, int a, int b)
{
    struct swap_job job = {a, b};

    if (a != b)
        exclusively(c, swap_exclusive, &job);
}

// ---- housekeeping -----------------------------------------------------------------------------

bool store_cron(struct thread *thread, int64_t budget_us)
{
    int64_t until_ns = clock_monotonic_ns() + budget_us * 1000;

    key_deadlock_look(thread->store);
    rates_sample(thread->store);
    reclaim_retired(thread, until_ns);
    if (!thread->store->reclaim_wanted)
        store_reclaim_step(thread->store, budget_us / 2); // the other half is for expiry
    return expire_cycle(thread, until_ns);
}
