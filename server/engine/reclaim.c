// SPDX-License-Identifier: MIT
#include "server/engine/reclaim.h"

#include "datatypes/dict.h"
#include "datatypes/mem.h"
#include "locks/cpu.h"
#include "locks/epoch.h"
#include "server/engine/entry.h"
#include "server/engine/store.h"

enum { POLL_BUDGET = 64 }; // retired objects freed between two looks at the clock

static void tell_wanted(void *arg)
{
    struct kl_store *store = arg;

    if (store->reclaim_wanted)
        store->reclaim_wanted(store, store->reclaim_wanted_arg);
}

void reclaim_init(struct kl_store *store)
{
    store->lazyfree.wanted = tell_wanted;
    store->lazyfree.wanted_arg = store;
    epoch_set_reclaimer(store->epoch, &store->lazyfree);
}

void reclaim_all(struct kl_store *store)
{
    lazyfree_step(&store->lazyfree, INT64_MAX);
}

bool store_reclaim_step(struct kl_store *store, int64_t budget_us)
{
    return lazyfree_step(&store->lazyfree, clock_monotonic_ns() + budget_us * 1000);
}

void reclaim_retired(struct thread *thread, int64_t until_ns)
{
    struct thread *t = atomic_load_explicit(&thread->store->threads, memory_order_acquire);

    // Each poll looks after one other thread, in turn: so once round, and again where there was
    // something.
    while (t && clock_monotonic_ns() < until_ns) {
        if (epoch_poll(thread->epoch, POLL_BUDGET) == 0)
            t = t->next;
    }
}

// ---- databases --------------------------------------------------------------------------------

static void free_entry(void *node, void *arg)
{
    struct entry *e = node;

    (void)arg;
    value_free(entry_value(e));
    entry_free(e);
}

void reclaim_keyspace(struct dict *dict)
{
    dict_free(dict, free_entry, NULL);
}

struct slice {
    struct flushed *flushed;
    struct lazyfree *lazyfree;
};

static void free_flushed_entry(void *node, void *arg)
{
    struct slice *slice = arg;
    struct entry *e = node;

    // A large value is an object of its own from here on.
    if (value_free_lazily(slice->lazyfree, entry_value(e)))
        slice->flushed->nkeys--;
    entry_free(e);
}

static bool free_slice(struct lazyfree_item *item, struct lazyfree *lf)
{
    struct flushed *f = (struct flushed *)item;
    struct slice slice = {f, lf};

    if (dict_free_step(f->dict, LAZYFREE_SLICE, free_flushed_entry, &slice))
        return true;
    lazyfree_done(lf, f->nkeys);
    mem_free(f);
    return false;
}

void reclaim_flushed(struct kl_store *store, struct flushed *f)
{
    f->item.free_slice = free_slice;
    lazyfree_expect(&store->lazyfree, f->nkeys);
    lazyfree_add(&store->lazyfree, &f->item);
}
