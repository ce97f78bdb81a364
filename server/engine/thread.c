// SPDX-License-Identifier: MIT
#include "server/engine/thread.h"

#include "datatypes/mem.h"
#include "locks/epoch.h"
#include "server/engine/command.h"
#include "server/engine/config.h"
#include "server/engine/keyspace.h"
#include "server/engine/store.h"

static void thread_destroy(struct thread *t)
{
    key_table_free(t->keys);
    mem_free(t->dbs);
    mem_free(t->commands);
    mem_free(t);
}

static struct thread *thread_create(struct kl_store *store)
{
    struct thread *t = mem_zalloc_aligned(CACHE_LINE, sizeof *t);

    if (!t)
        return NULL;
    t->store = store;
    t->keys = key_table_new();
    t->dbs = mem_zalloc((size_t)store->ndbs * sizeof *t->dbs);
    t->commands = mem_zalloc(registry_count() * sizeof *t->commands);
    if (!t->keys || !t->dbs || !t->commands) {
        thread_destroy(t);
        return NULL;
    }
    rng_seed_random(&t->rng);
    return t;
}

// A record that nobody uses, or NULL; caller holds threads_lock.
static struct thread *find_free_locked(struct kl_store *store)
{
    struct thread *t = atomic_load_explicit(&store->threads, memory_order_relaxed);

    while (t && t->in_use)
        t = t->next;
    return t;
}

struct thread *thread_register(struct kl_store *store)
{
    struct epoch_thread *epoch = epoch_register(store->epoch);
    struct thread *t = NULL;

    if (!epoch)
        return NULL;
    mutex_lock(&store->threads_lock);
    t = find_free_locked(store);
    if (!t && (t = thread_create(store))) {
        t->index = store->nthreads++;
        t->next = atomic_load_explicit(&store->threads, memory_order_relaxed);
        // Release: who walks the list sees a complete record.
        atomic_store_explicit(&store->threads, t, memory_order_release);
    }
    if (t) {
        t->in_use = true;
        t->epoch = epoch;
        t->types = (struct type_ctx){epoch, &store->seed, &t->rng, &store->config->limits};
    }
    mutex_unlock(&store->threads_lock);
    if (!t)
        epoch_unregister(epoch);
    return t;
}

void thread_unregister(struct thread *t)
{
    struct kl_store *store = t->store;

    epoch_unregister(t->epoch);
    mutex_lock(&store->threads_lock);
    t->epoch = NULL;
    t->in_use = false;
    mutex_unlock(&store->threads_lock);
}

void thread_free_all(struct kl_store *store)
{
    struct thread *t = atomic_load_explicit(&store->threads, memory_order_acquire);

    while (t) {
        struct thread *next = t->next;
        thread_destroy(t);
        t = next;
    }
    atomic_store_explicit(&store->threads, NULL, memory_order_relaxed);
}
