// SPDX-License-Identifier: MIT
#include "server/engine/stats.h"

#include <stdio.h>
#include <string.h>

#include "locks/stats.h"
#include "server/engine/command.h"
#include "server/engine/store.h"

void stats_count_error(struct thread *thread, const char *code)
{
    struct error_stats *s = &thread->store->errors;
    int i = 0;

    tally_add(&thread->stats.errors, 1);
    mutex_lock(&s->lock);
    while (i < s->n && strcmp(s->codes[i].code, code) != 0)
        i++;
    if (i == s->n && s->n < ERROR_CODES_MAX) {
        snprintf(s->codes[i].code, sizeof s->codes[i].code, "%s", code);
        s->codes[i].count = 0; // a reset leaves old counts behind
        s->n++;
    }
    if (i < s->n)
        s->codes[i].count++;
    mutex_unlock(&s->lock);
}

void stats_each_error(struct kl_store *store,
                      void (*fn)(const char *code, int64_t count, void *arg), void *arg)
{
    struct error_stats *s = &store->errors;

    mutex_lock(&s->lock);
    for (int i = 0; i < s->n; i++)
        fn(s->codes[i].code, s->codes[i].count, arg);
    mutex_unlock(&s->lock);
}

// Sets a tally of another thread to zero. A count that its owner adds at this very moment may bring
// the old total back; so a reset is not exact under load, as no later reading hangs on it.
static void tally_zero(struct tally *t)
{
    atomic_store_explicit(&t->n, 0, memory_order_relaxed);
}

void stats_reset(struct kl_store *store)
{
    lock_stats_reset();
    hot_keys_reset(&store->hot_keys);
    mutex_lock(&store->errors.lock);
    store->errors.n = 0;
    mutex_unlock(&store->errors.lock);
    atomic_store_explicit(&store->lazyfree.freed, 0, memory_order_relaxed);
    atomic_store_explicit(&store->expire_stale, 0, memory_order_relaxed);
    for (struct thread *t = atomic_load_explicit(&store->threads, memory_order_acquire); t;
         t = t->next) {
        struct tally *counters = (struct tally *)&t->stats;
        for (size_t i = 0; i < sizeof t->stats / sizeof *counters; i++)
            tally_zero(&counters[i]);
        for (unsigned id = 0; id < registry_count(); id++) {
            tally_zero(&t->commands[id].calls);
            tally_zero(&t->commands[id].ticks);
            tally_zero(&t->commands[id].rejected);
            tally_zero(&t->commands[id].failed);
        }
    }
}
