// SPDX-License-Identifier: MIT
#include "locks/stats.h"

#include "locks/cpu.h"

#include <string.h>

#define STRIPES   32
#define NS_PER_MS 1000000

// The histogram: steps of 256 ns up to 8 of them, then four steps for each doubling, to 78 hours.
#define STEP_BITS    8
#define LINEAR       8
#define LINEAR_BITS  3
#define PER_DOUBLING 4
#define BUCKETS      160

// Of one kind in one stripe. `waiters` may be negative in one stripe (a wait that ends on another
// thread than it began on); the sum is not.
struct counters {
    _Atomic uint64_t waits, spins, handoffs, starved, wait_ns, max_ns, waiters;
    _Atomic uint64_t buckets[BUCKETS];
};

struct stripe {
    struct counters kinds[LOCK_KINDS];
} __attribute__((aligned(CACHE_LINE)));

static struct stripe stripes[STRIPES];

static const char *const names[LOCK_KINDS] = {"mutex", "rwlock-read", "rwlock-write", "key-read",
                                              "key-write"};

const char *lock_kind_name(enum lock_kind kind)
{
    return names[kind];
}

static void add(_Atomic uint64_t *counter, uint64_t n)
{
    atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

static uint64_t get(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

// The calling thread's stripe: threads are dealt out in turn.
static struct counters *mine(enum lock_kind kind)
{
    static _Atomic uint32_t next;
    static _Thread_local uint32_t own; // its number + 1
    if (own == 0)
        own = atomic_fetch_add_explicit(&next, 1, memory_order_relaxed) % STRIPES + 1;
    return &stripes[own - 1].kinds[kind];
}

// ---- the histogram ---------------------------------------------------------------------------

static unsigned bucket_of(uint64_t ns)
{
    uint64_t steps = ns >> STEP_BITS;
    if (steps < LINEAR)
        return (unsigned)steps;
    unsigned doubling = 63 - (unsigned)__builtin_clzll(steps);
    unsigned quarter = (unsigned)(steps >> (doubling - 2)) % PER_DOUBLING;
    unsigned bucket = LINEAR + (doubling - LINEAR_BITS) * PER_DOUBLING + quarter;
    return bucket < BUCKETS ? bucket : BUCKETS - 1;
}

// The first time beyond the bucket.
static uint64_t bucket_end_ns(unsigned bucket)
{
    if (bucket < LINEAR)
        return (uint64_t)(bucket + 1) << STEP_BITS;
    unsigned doubling = LINEAR_BITS + (bucket - LINEAR) / PER_DOUBLING;
    uint64_t quarter = (bucket - LINEAR) % PER_DOUBLING;
    return (PER_DOUBLING + quarter + 1) << (doubling - 2) << STEP_BITS;
}

// The time that so many percent of the waits did not exceed.
static uint64_t percentile(const uint64_t *buckets, uint64_t max_ns, unsigned percent)
{
    uint64_t total = 0, below = 0;
    for (unsigned i = 0; i < BUCKETS; i++)
        total += buckets[i];
    if (total == 0)
        return 0;
    uint64_t rank = (total * percent + 99) / 100; // at least 1
    unsigned bucket = 0;
    while ((below += buckets[bucket]) < rank)
        bucket++;
    uint64_t end = bucket_end_ns(bucket);
    return end < max_ns ? end : max_ns;
}

// ---- counting --------------------------------------------------------------------------------

void lock_wait_sleeps(struct lock_wait *wait, const struct spin *spin)
{
    if (wait->begun_ns != 0)
        return;
    wait->begun_ns = spin->yielding_ns != 0 ? spin->yielding_ns : clock_monotonic_ns();
    add(&mine(wait->kind)->waiters, 1);
}

static void count_wait(struct counters *counters, uint64_t ns, bool handed_over)
{
    uint64_t limit_ms = atomic_load_explicit(&lock_tuning.starvation_ms, memory_order_relaxed);
    add(&counters->waiters, (uint64_t)-1);
    add(&counters->waits, 1);
    add(&counters->wait_ns, ns);
    add(&counters->buckets[bucket_of(ns)], 1);
    if (handed_over)
        add(&counters->handoffs, 1);
    if (ns > limit_ms * NS_PER_MS)
        add(&counters->starved, 1);
    uint64_t max = get(&counters->max_ns);
    while (ns > max && !atomic_compare_exchange_weak_explicit(
                           &counters->max_ns, &max, ns, memory_order_relaxed, memory_order_relaxed))
        continue;
}

// The caller holds a lock that others are spinning for, so this must cost next to nothing: a load
// and a store, no locked instruction. Of two threads with one stripe one may lose its count.
static void count_spin(struct counters *counters)
{
    atomic_store_explicit(&counters->spins, get(&counters->spins) + 1, memory_order_relaxed);
}

int64_t lock_wait_ends(struct lock_wait *wait)
{
    int64_t ns = 0;
    if (wait->begun_ns != 0) {
        ns = clock_monotonic_ns() - wait->begun_ns;
        if (ns < 1)
            ns = 1;
        count_wait(mine(wait->kind), (uint64_t)ns, wait->handed_over);
    } else if (wait->spun) {
        count_spin(mine(wait->kind));
    }
    *wait = (struct lock_wait){.kind = wait->kind};
    return ns;
}

// ---- reading ---------------------------------------------------------------------------------

void lock_stats_read(unsigned kinds, struct lock_summary *out)
{
    uint64_t buckets[BUCKETS] = {0};
    *out = (struct lock_summary){0};
    for (unsigned i = 0; i < STRIPES * LOCK_KINDS; i++) {
        unsigned kind = i % LOCK_KINDS;
        const struct counters *c = &stripes[i / LOCK_KINDS].kinds[kind];
        if (!(kinds >> kind & 1))
            continue;
        out->waits += get(&c->waits);
        out->spins += get(&c->spins);
        out->handoffs += get(&c->handoffs);
        out->starved += get(&c->starved);
        out->waiters += get(&c->waiters);
        out->wait_ns += get(&c->wait_ns);
        uint64_t max = get(&c->max_ns);
        if (max > out->max_ns)
            out->max_ns = max;
        for (unsigned b = 0; b < BUCKETS; b++)
            buckets[b] += get(&c->buckets[b]);
    }
    // A waiter that came and left while the stripes were added up may have been seen leaving only.
    if ((int64_t)out->waiters < 0)
        out->waiters = 0;
    out->p50_ns = percentile(buckets, out->max_ns, 50);
    out->p99_ns = percentile(buckets, out->max_ns, 99);
}

void lock_stats_reset(void)
{
    for (unsigned i = 0; i < STRIPES * LOCK_KINDS; i++) {
        struct counters *c = &stripes[i / LOCK_KINDS].kinds[i % LOCK_KINDS];
        _Atomic uint64_t *all[] = {&c->waits,   &c->spins,   &c->handoffs,
                                   &c->starved, &c->wait_ns, &c->max_ns};
        for (unsigned n = 0; n < sizeof(all) / sizeof(*all); n++)
            atomic_store_explicit(all[n], 0, memory_order_relaxed);
        for (unsigned b = 0; b < BUCKETS; b++)
            atomic_store_explicit(&c->buckets[b], 0, memory_order_relaxed);
    }
}
