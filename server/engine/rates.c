// SPDX-License-Identifier: MIT
#include "server/engine/rates.h"

#include "datatypes/mem.h"
#include "locks/cpu.h"
#include "server/engine/store.h"

enum { SAMPLE_NS = 100 * 1000 * 1000 };

static void read_counters(struct kl_store *store, int64_t now[RATE_KINDS])
{
    now[RATE_COMMANDS] = store_sum(store, offsetof(struct thread_stats, commands));
    now[RATE_NET_IN] = store_sum(store, offsetof(struct thread_stats, net_in));
    now[RATE_NET_OUT] = store_sum(store, offsetof(struct thread_stats, net_out));
}

void rates_init(struct rates *r)
{
    r->last_ns = clock_monotonic_ns();
    r->memory_startup = r->memory_peak = mem_used();
}

static void note_peak_locked(struct rates *r)
{
    size_t used = mem_used();

    if (used > r->memory_peak)
        r->memory_peak = used;
}

void rates_sample(struct kl_store *store)
{
    struct rates *r = &store->rates;

    if (!mutex_try_lock(&r->lock))
        return; // another thread is at it
    int64_t ns = clock_monotonic_ns();
    if (ns - r->last_ns >= SAMPLE_NS) {
        int64_t now[RATE_KINDS];
        read_counters(store, now);
        double seconds = (double)(ns - r->last_ns) / 1e9;
        for (int i = 0; i < RATE_KINDS; i++) {
            // A counter that fell was reset in between.
            int64_t grown = now[i] > r->last[i] ? now[i] - r->last[i] : 0;
            r->per_second[r->nsamples % RATE_SAMPLES][i] = (double)grown / seconds;
            r->last[i] = now[i];
        }
        r->nsamples++;
        r->last_ns = ns;
        note_peak_locked(r);
    }
    mutex_unlock(&r->lock);
}

double rates_get(struct kl_store *store, enum rate kind)
{
    struct rates *r = &store->rates;
    double sum = 0;

    mutex_lock(&r->lock);
    unsigned n = r->nsamples < RATE_SAMPLES ? r->nsamples : RATE_SAMPLES;
    for (unsigned i = 0; i < n; i++)
        sum += r->per_second[i][kind];
    mutex_unlock(&r->lock);
    return n ? sum / n : 0;
}

size_t rates_memory_startup(struct kl_store *store)
{
    mutex_lock(&store->rates.lock);
    size_t n = store->rates.memory_startup;
    mutex_unlock(&store->rates.lock);
    return n;
}

size_t rates_memory_peak(struct kl_store *store)
{
    mutex_lock(&store->rates.lock);
    note_peak_locked(&store->rates);
    size_t n = store->rates.memory_peak;
    mutex_unlock(&store->rates.lock);
    return n;
}

void rates_reset(struct kl_store *store)
{
    struct rates *r = &store->rates;

    mutex_lock(&r->lock);
    read_counters(store, r->last);
    r->last_ns = clock_monotonic_ns();
    r->nsamples = 0;
    r->memory_peak = mem_used();
    mutex_unlock(&r->lock);
}
