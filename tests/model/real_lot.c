// SPDX-License-Identifier: MIT
// The real parking lot under the explorer: its bucket locks, queues, parkers and growth, on futexes
// that are a model. In the same translation unit, because its tables are part of the state.
#include "tests/model/real_lot.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

// Time stands still, so no hand-over comes from the clock. What growth allocates is part of the
// state, too.
static int clock_stands(clockid_t id, struct timespec *now)
{
    (void)id;
    *now = (struct timespec){.tv_sec = 1};
    return 0;
}

static void *pool_alloc(size_t nbytes);
#define clock_gettime(id, now)         clock_stands(id, now)
#define malloc(nbytes)                 pool_alloc(nbytes)
#define aligned_alloc(unused_, nbytes) pool_alloc(nbytes)
#define free(ptr)                      ((void)(ptr))
#include "locks/parking_lot.c"

struct lock_tuning lock_tuning;

enum { FEW_BUCKETS_BITS = 1, POOL_SIZE = 9216 };

static char pool[POOL_SIZE] __attribute__((aligned(CACHE_LINE)));

// Besides the buckets.
static struct {
    const void *asleep_on[EXPLORE_THREADS]; // the word of a futex
    size_t pool_used;
} rest;

// A thread that finds its memory used up grows nothing, as without memory.
static void *pool_alloc(size_t nbytes)
{
    size_t rounded = (nbytes + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
    if (rounded > POOL_SIZE - rest.pool_used)
        return NULL;
    rest.pool_used += rounded;
    return pool + rest.pool_used - rounded;
}

void real_lot_open(void)
{
    memset(&rest, 0, sizeof(rest));
    memset(pool, 0, sizeof(pool));
    memset(initial_buckets, 0, sizeof(initial_buckets));
    initial_table.bits = FEW_BUCKETS_BITS;
    atomic_store_explicit(&current, &initial_table, memory_order_relaxed);
    atomic_store_explicit(&expected_waiters, 0, memory_order_relaxed);
    registered = true; // threads are counted by the tests of growth, and not here
}

void real_lot_regions(struct explore_region regions[REAL_LOT_REGIONS])
{
    regions[0] = (struct explore_region){&rest, sizeof(rest)};
    regions[1] =
        (struct explore_region){initial_buckets, sizeof(initial_buckets[0]) << FEW_BUCKETS_BITS};
    regions[2] = (struct explore_region){&current, sizeof(current)};
    regions[3] = (struct explore_region){&expected_waiters, sizeof(expected_waiters)};
    regions[4] = (struct explore_region){pool, sizeof(pool)};
}

unsigned real_lot_bucket(const void *address)
{
    const struct table few = {.bits = FEW_BUCKETS_BITS};
    return (unsigned)bucket_index(&few, (uintptr_t)address);
}

static size_t waiters_in(const struct table *table)
{
    size_t n = 0;
    for (size_t i = 0; i < (size_t)1 << table->bits; i++)
        for (const struct park_waiter *w = table->buckets[i].head; w != NULL; w = w->next)
            n++;
    return n;
}

static void check_unlocked(const struct table *table)
{
    for (size_t i = 0; i < (size_t)1 << table->bits; i++)
        explore_check_int(table->buckets[i].lock, BUCKET_FREE);
}

void real_lot_check_idle(void)
{
    for (const struct table *t = current; t != NULL; t = t->prev) {
        explore_check_int(waiters_in(t), 0);
        check_unlocked(t);
    }
}

size_t real_lot_waiters(void)
{
    return waiters_in(current);
}

// ---- futexes -----------------------------------------------------------------------------------

static bool is_awake(const void *arg)
{
    return *(const void *const *)arg == NULL;
}

// May wake up for no reason, as the real one.
bool futex_wait(_Atomic uint32_t *word, uint32_t expected, int64_t deadline_ns)
{
    explore_access(word, "futex_wait: compares");
    if (*word != expected || explore_choose(2) == 1)
        return true;
    const void **mine = &rest.asleep_on[explore_self()];
    *mine = word;
    bool woken = explore_wait("futex_wait: sleeps", is_awake, mine, deadline_ns >= 0);
    *mine = NULL;
    return woken;
}

// Whom, if several sleep there, is not ours to know.
void futex_wake(_Atomic uint32_t *word, int n)
{
    explore_step("futex_wake");
    for (; n > 0; n--) {
        unsigned sleepers[EXPLORE_THREADS], found = 0;
        for (unsigned i = 0; i < EXPLORE_THREADS; i++)
            if (rest.asleep_on[i] == word)
                sleepers[found++] = i;
        if (found == 0)
            return;
        rest.asleep_on[sleepers[found > 1 ? explore_choose(found) : 0]] = NULL;
    }
}
