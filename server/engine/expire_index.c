// SPDX-License-Identifier: MIT
//
// Why nothing is lost
// A number is only changed by atomic read-modify-write operations, also where it stays the same.
//
// 1. A key against who takes its group. The key is published before its number is lowered; the
//    group is taken by an exchange before its keys are looked at. If the lowering came first, the
//    exchange has read what it wrote, and so the key is seen. Else the lowering finds the number
//    of a taken group, and what it writes stays.
// 2. A key against another number of groups. The new table is published before the numbers of the
//    old one are taken over, each by an exchange. If the lowering of an old number came first, it
//    is taken over. Else the lowering has read what the exchange wrote, so that the table is found
//    to be another one, and the new number is lowered as well.
#include "server/engine/expire_index.h"

#include <stdatomic.h>

#include "datatypes/mem.h"
#include "locks/epoch.h"

enum {
    TICK_MS = 64, // in which times are counted here; a key is found so much late
    MAX_BITS = 30,
    KEYS_PER_GROUP = 4,     // at least that many when the table is made
    KEYS_PER_GROUP_MAX = 8, // more make it grow
    LOOK_BATCH = 65536,     // numbers looked at, set or taken over in a call
    SLOW_BITS = 21,         // of a table for which a pass takes a millisecond
};

#define NEVER UINT32_MAX

// How far the clock may be set back before all times are the same here.
static const int64_t BACK_MS = INT64_C(1) << 36;

struct groups {
    unsigned bits;
    _Atomic uint32_t due[]; // the first tick at which the group is to be looked at
};

struct expire_index {
    _Atomic(struct groups *) groups;
    int64_t base_ms;
    struct groups *fresh; // about to take the place of `groups`: its numbers are being set; or NULL
    struct groups *old;   // whose numbers are being taken over; or NULL
    size_t done;          // how many of fresh's or old's
    size_t position;      // of the next group to look at
    int64_t pass_ms;      // when the first group was looked at
};

static size_t group_count(const struct groups *g)
{
    return (size_t)1 << g->bits;
}

static struct groups *groups_new(unsigned bits)
{
    struct groups *g = mem_alloc(sizeof *g + sizeof g->due[0] * ((size_t)1 << bits));

    if (g)
        g->bits = bits;
    return g;
}

// Sets some of the numbers of a new table; true when those were the last.
static bool set_some(struct groups *g, size_t *done)
{
    size_t end = *done + LOOK_BATCH;

    for (; *done < end && *done < group_count(g); ++*done)
        atomic_init(&g->due[*done], NEVER);
    return *done == group_count(g);
}

static size_t groups_memory(const struct groups *g)
{
    return sizeof *g + sizeof g->due[0] * group_count(g);
}

// The groups now; acquire, as their numbers were written before they were published.
static struct groups *groups_of(const struct expire_index *x)
{
    return atomic_load_explicit(&x->groups, memory_order_acquire);
}

struct expire_index *expire_index_create(int64_t now_ms)
{
    struct expire_index *x = mem_zalloc(sizeof *x);
    struct groups *g = x ? groups_new(EXPIRE_INDEX_MIN_BITS) : NULL;

    if (!g) {
        mem_free(x);
        return NULL;
    }
    while (!set_some(g, &x->done)) {
    }
    x->base_ms = now_ms - BACK_MS;
    x->pass_ms = x->base_ms;
    atomic_init(&x->groups, g);
    return x;
}

void expire_index_free(struct expire_index *x)
{
    if (!x)
        return;
    mem_free(groups_of(x));
    mem_free(x->fresh);
    mem_free(x->old);
    mem_free(x);
}

// The tick in which `ms` is. Never NEVER: what is that far away is looked at in 6 years.
static uint32_t tick_of(const struct expire_index *x, int64_t ms)
{
    // Unsigned: the difference may be larger than INT64_MAX.
    uint64_t tick = ms <= x->base_ms ? 0 : ((uint64_t)ms - (uint64_t)x->base_ms) / TICK_MS;

    return tick < NEVER - 1 ? (uint32_t)tick : NEVER - 1;
}

// Release: with the key that was published before. Acquire: with who took the number last.
static void lower(_Atomic uint32_t *due, uint32_t tick)
{
    uint32_t was = atomic_load_explicit(due, memory_order_relaxed);

    while (!atomic_compare_exchange_weak_explicit(due, &was, was < tick ? was : tick,
                                                  memory_order_acq_rel, memory_order_relaxed)) {
    }
}

// Acquire: the keys whose times are taken are seen. Release: so is who took them.
static uint32_t take(_Atomic uint32_t *due)
{
    return atomic_exchange_explicit(due, NEVER, memory_order_acq_rel);
}

void expire_index_note(struct expire_index *x, uint64_t hash, int64_t at_ms)
{
    struct groups *g;
    uint32_t tick = tick_of(x, at_ms);

    // The first tick in which it has expired from the beginning on. But the clock may never get
    // beyond the first of all.
    tick += tick > 0 && tick < NEVER - 1;
    do {
        g = groups_of(x);
        lower(&g->due[hash & (group_count(g) - 1)], tick);
    } while (groups_of(x) != g);
}

// ---- the number of groups ---------------------------------------------------------------------

static unsigned bits_for(size_t nkeys)
{
    unsigned bits = EXPIRE_INDEX_MIN_BITS;

    while (bits < MAX_BITS && nkeys >> bits >= 2 * KEYS_PER_GROUP)
        bits++;
    return bits;
}

static bool fits(const struct groups *g, size_t nkeys)
{
    if (nkeys >> g->bits > KEYS_PER_GROUP_MAX)
        return g->bits == MAX_BITS;
    return g->bits == EXPIRE_INDEX_MIN_BITS || nkeys >= group_count(g);
}

// Takes over some numbers of the old table; true when that was the last.
static bool take_over(struct expire_index *x, struct groups *to)
{
    struct groups *from = x->old;
    size_t end = x->done + LOOK_BATCH;

    for (; x->done < end && x->done < group_count(from); x->done++) {
        uint32_t tick = take(&from->due[x->done]);
        if (tick == NEVER)
            continue;
        // The groups that it has become, or the one that it is a part of.
        size_t i = x->done & (group_count(to) - 1);
        for (; i < group_count(to); i += group_count(from))
            lower(&to->due[i], tick);
    }
    return x->done == group_count(from);
}

bool expire_index_fit(struct expire_index *x, struct epoch_thread *epoch, size_t nkeys)
{
    struct groups *g = groups_of(x);

    if (!x->old && !x->fresh) {
        if (fits(g, nkeys))
            return true;
        x->fresh = groups_new(bits_for(nkeys));
        if (!x->fresh)
            return true; // goes on with what there is
        x->done = 0;
    }
    if (x->fresh) {
        if (!set_some(x->fresh, &x->done))
            return false;
        x->old = g;
        g = x->fresh;
        x->fresh = NULL;
        x->done = x->position = 0;
        x->pass_ms = x->base_ms;
        atomic_store_explicit(&x->groups, g, memory_order_release);
    }
    if (!take_over(x, g))
        return false;
    epoch_retire(epoch, x->old, mem_free, groups_memory(x->old));
    x->old = NULL;
    return true;
}

// ---- looking ----------------------------------------------------------------------------------

size_t expire_index_take(struct expire_index *x, int64_t now_ms, uint32_t *groups, size_t max,
                         bool *end)
{
    struct groups *g = groups_of(x);
    size_t last = x->position + LOOK_BATCH, n = 0;
    uint32_t now = tick_of(x, now_ms);

    if (x->position == 0) {
        int64_t rest_ms = TICK_MS + TICK_MS * (int64_t)(group_count(g) >> SLOW_BITS);
        // In milliseconds and not ticks, as those end; and not beside a clock that was set back.
        *end = now_ms >= x->pass_ms && now_ms - x->pass_ms < rest_ms;
        if (*end)
            return 0;
        x->pass_ms = now_ms;
    }
    if (last > group_count(g))
        last = group_count(g);
    for (; x->position < last && n < max; x->position++) {
        // Relaxed: a number that is lowered now is seen the next time.
        if (atomic_load_explicit(&g->due[x->position], memory_order_relaxed) > now)
            continue;
        take(&g->due[x->position]);
        groups[n++] = (uint32_t)x->position;
    }
    *end = x->position == group_count(g);
    if (*end)
        x->position = 0;
    return n;
}

unsigned expire_index_bits(const struct expire_index *x)
{
    return groups_of(x)->bits;
}
