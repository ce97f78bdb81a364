// SPDX-License-Identifier: MIT
#define LOCKS_UNRANKED // this file is below the ranks
#include "locks/rwlock.h"

#include "locks/parking_lot.h"
#include "locks/spin.h"
#include "locks/stats.h"

#include <assert.h>

#define READERS_MASK (~(uint32_t)(RWLOCK_READER - 1))

// The bits of the three holds. They double as park tokens.
#define HOLD_READ       ((uint32_t)RWLOCK_READER)
#define HOLD_UPGRADABLE ((uint32_t)(RWLOCK_READER | RWLOCK_UPGRADABLE))
#define HOLD_WRITE      ((uint32_t)RWLOCK_WRITER)

enum { TOKEN_TRY_AGAIN, TOKEN_HANDED_OVER };

// The bits that keep a hold from being taken.
static uint32_t conflicts(uint32_t hold)
{
    return hold == HOLD_READ ? RWLOCK_WRITER : RWLOCK_WRITER | RWLOCK_UPGRADABLE;
}

// Where the draining writer parks: an address that nothing else can have.
static const void *drain_addr(const struct rwlock *lock)
{
    return (const char *)lock + 1;
}

// ---- releasing -------------------------------------------------------------------------------

// One change of a hold into a lesser one or none, with a pass over the queue.
struct release {
    struct rwlock *lock;
    uint32_t hold; // what is given up
    uint32_t keep; // what the caller holds afterwards
    bool fair;
    uint32_t grant; // the holds of those woken, if the lock is handed over
};

// All that fit together from the front: readers, one upgradable, and at most one writer, which will
// drain the others. Passing over a writer that does not fit harms it not: what it waits for is
// UPGRADABLE, and readers cannot keep it from WRITER.
static enum unpark_choice choose(void *arg, uintptr_t park_token)
{
    struct release *release = arg;
    uint32_t held = release->keep | release->grant;
    if (held & RWLOCK_WRITER)
        return UNPARK_STOP;
    if (held & conflicts((uint32_t)park_token))
        return UNPARK_SKIP;
    release->grant += (uint32_t)park_token;
    return UNPARK_WAKE;
}

static uintptr_t let_go(void *arg, struct unpark_result result)
{
    const struct release *release = arg;
    bool hand_over = result.unparked > 0 && (release->fair || result.be_fair);
    uint32_t add = release->keep + (hand_over ? release->grant : 0);
    uint32_t state = atomic_load_explicit(&release->lock->state, memory_order_relaxed);
    uint32_t next;
    // A loop, since readers come and go beside an upgradable hold, and go beside a draining writer.
    do {
        next = (state - release->hold + add) & ~(uint32_t)RWLOCK_PARKED;
        if (result.have_more)
            next |= RWLOCK_PARKED;
        // Release: as in the unlocks of the header.
    } while (!atomic_compare_exchange_weak_explicit(&release->lock->state, &state, next,
                                                    memory_order_release, memory_order_relaxed));
    return hand_over ? TOKEN_HANDED_OVER : TOKEN_TRY_AGAIN;
}

// Changes `hold` into `keep`, and wakes those who then fit. For every change that takes WRITER or
// UPGRADABLE away.
static void lessen(struct rwlock *lock, uint32_t hold, uint32_t keep, bool fair)
{
    uint32_t state = atomic_load_explicit(&lock->state, memory_order_relaxed);
    while (!(state & RWLOCK_PARKED))
        if (atomic_compare_exchange_weak_explicit(&lock->state, &state, state - hold + keep,
                                                  memory_order_release, memory_order_relaxed))
            return;
    struct release release = {.lock = lock, .hold = hold, .keep = keep, .fair = fair};
    unpark_filter(lock, choose, let_go, &release);
}

static uintptr_t drainer_woken(void *arg, struct unpark_result result)
{
    struct rwlock *lock = arg;
    // Without a drainer in the queue the lock may already be gone: the writer was not asleep.
    if (result.unparked > 0)
        atomic_fetch_and_explicit(&lock->state, ~(uint32_t)RWLOCK_DRAIN_PARKED,
                                  memory_order_relaxed);
    return TOKEN_TRY_AGAIN;
}

void rwlock_unlock_read_slow(struct rwlock *lock)
{
    unpark_one(drain_addr(lock), drainer_woken, lock);
}

void rwlock_unlock_write_slow(struct rwlock *lock, bool fair)
{
    assert(atomic_load_explicit(&lock->state, memory_order_relaxed) & RWLOCK_WRITER);
    lessen(lock, HOLD_WRITE, 0, fair);
}

void rwlock_unlock_upgradable(struct rwlock *lock)
{
    lessen(lock, HOLD_UPGRADABLE, 0, false);
}

void rwlock_unlock_upgradable_fair(struct rwlock *lock)
{
    lessen(lock, HOLD_UPGRADABLE, 0, true);
}

void rwlock_downgrade(struct rwlock *lock)
{
    lessen(lock, HOLD_WRITE, HOLD_READ, false);
}

void rwlock_downgrade_to_upgradable(struct rwlock *lock)
{
    lessen(lock, HOLD_WRITE, HOLD_UPGRADABLE, false);
}

void rwlock_downgrade_upgradable(struct rwlock *lock)
{
    lessen(lock, HOLD_UPGRADABLE, HOLD_READ, false);
}

// ---- locking ---------------------------------------------------------------------------------

// Takes the bits of a hold, if nothing conflicts. A writer has to drain afterwards.
static bool try_bits(struct rwlock *lock, uint32_t hold)
{
    uint32_t state = atomic_load_explicit(&lock->state, memory_order_relaxed);
    while (!(state & conflicts(hold)))
        // Acquire: sees what earlier writers did.
        if (atomic_compare_exchange_weak_explicit(&lock->state, &state, state + hold,
                                                  memory_order_acquire, memory_order_relaxed))
            return true;
    return false;
}

struct wait {
    struct rwlock *lock;
    uint32_t blockers; // waiting makes sense while any of these is set
    uint32_t bit;      // announces the waiter
    struct spin spin;
    struct lock_wait *stats;
};

// Under the bucket lock: announces a waiter, unless there is nothing to wait for any more.
static bool announce_waiter(void *arg)
{
    const struct wait *wait = arg;
    uint32_t state = atomic_load_explicit(&wait->lock->state, memory_order_relaxed);
    while (state & wait->blockers)
        // Relaxed: whoever clears the blockers sees the bit because both are in one word, and
        // meets the queue under the bucket lock.
        if (atomic_compare_exchange_weak_explicit(&wait->lock->state, &state, state | wait->bit,
                                                  memory_order_relaxed, memory_order_relaxed))
            return true;
    return false;
}

static void before_sleep(void *arg)
{
    const struct wait *wait = arg;
    lock_wait_sleeps(wait->stats, &wait->spin);
}

// Under the bucket lock: the last waiter has given up.
static void waiter_gave_up(void *arg, const void *addr, bool was_last)
{
    (void)addr;
    const struct wait *wait = arg;
    if (was_last)
        // Relaxed: takes a bit away that says nothing about the data.
        atomic_fetch_and_explicit(&wait->lock->state, ~wait->bit, memory_order_relaxed);
}

static const struct park_ops park_ops = {
    .validate = announce_waiter, .before_sleep = before_sleep, .timed_out = waiter_gave_up};

// Spins and sleeps until the bits are taken or the deadline has passed.
static bool wait_for_bits(struct wait *wait, uint32_t hold, int64_t deadline_ns)
{
    struct rwlock *lock = wait->lock;
    for (;;) {
        if (try_bits(lock, hold))
            return true;
        uint32_t state = atomic_load_explicit(&lock->state, memory_order_relaxed);
        if (!(state & RWLOCK_PARKED) && spin_wait(&wait->spin))
            continue;
        struct park_result result = park(lock, &park_ops, wait, hold, deadline_ns);
        if (result.status == PARK_TIMED_OUT)
            return false;
        if (result.status == PARK_UNPARKED && result.token == TOKEN_HANDED_OVER) {
            wait->stats->handed_over = true;
            return true;
        }
        spin_reset(&wait->spin);
    }
}

static bool lock_bits_slow(struct rwlock *lock, uint32_t hold, int64_t deadline_ns,
                           struct lock_wait *stats)
{
    struct wait wait = {
        .lock = lock, .blockers = conflicts(hold), .bit = RWLOCK_PARKED, .stats = stats};
    bool taken = wait_for_bits(&wait, hold, deadline_ns);
    stats->spun |= wait.spin.round > 0;
    return taken;
}

// The caller has taken WRITER. Waits until the readers have left; if the deadline comes first,
// turns WRITER into `fallback` and returns false.
static bool drain(struct rwlock *lock, uint32_t fallback, int64_t deadline_ns,
                  struct lock_wait *stats)
{
    struct wait wait = {
        .lock = lock, .blockers = READERS_MASK, .bit = RWLOCK_DRAIN_PARKED, .stats = stats};
    rank_drains(lock);
    // Acquire: with the release of the readers' unlocks, all of which head a release sequence that
    // only read-modify-writes continue.
    while (atomic_load_explicit(&lock->state, memory_order_acquire) & READERS_MASK) {
        if (spin_wait(&wait.spin))
            continue;
        struct park_result result = park(drain_addr(lock), &park_ops, &wait, 0, deadline_ns);
        if (result.status == PARK_TIMED_OUT) {
            lessen(lock, HOLD_WRITE, fallback, false);
            return false;
        }
    }
    stats->spun |= wait.spin.round > 0;
    return true;
}

bool rwlock_lock_read_slow(struct rwlock *lock, int64_t deadline_ns)
{
    struct lock_wait stats = {.kind = LOCK_KIND_RWLOCK_READ};
    bool locked = lock_bits_slow(lock, HOLD_READ, deadline_ns, &stats);
    lock_wait_ends(&stats);
    return locked;
}

bool rwlock_lock_write_slow(struct rwlock *lock, int64_t deadline_ns)
{
    struct lock_wait stats = {.kind = LOCK_KIND_RWLOCK_WRITE};
    bool locked = lock_bits_slow(lock, HOLD_WRITE, deadline_ns, &stats) &&
                  drain(lock, 0, deadline_ns, &stats);
    lock_wait_ends(&stats);
    return locked;
}

bool rwlock_try_upgradable(struct rwlock *lock)
{
    return try_bits(lock, HOLD_UPGRADABLE);
}

bool rwlock_lock_upgradable_until(struct rwlock *lock, int64_t deadline_ns)
{
    if (try_bits(lock, HOLD_UPGRADABLE))
        return true;
    struct lock_wait stats = {.kind = LOCK_KIND_RWLOCK_WRITE};
    bool locked = lock_bits_slow(lock, HOLD_UPGRADABLE, deadline_ns, &stats);
    lock_wait_ends(&stats);
    return locked;
}

bool rwlock_try_upgrade(struct rwlock *lock)
{
    uint32_t state = atomic_load_explicit(&lock->state, memory_order_relaxed);
    assert(state & RWLOCK_UPGRADABLE);
    while ((state & READERS_MASK) == RWLOCK_READER)
        // Acquire: the readers that left are done.
        if (atomic_compare_exchange_weak_explicit(&lock->state, &state,
                                                  state - HOLD_UPGRADABLE + HOLD_WRITE,
                                                  memory_order_acquire, memory_order_relaxed))
            return true;
    return false;
}

bool rwlock_upgrade_until(struct rwlock *lock, int64_t deadline_ns)
{
    assert(atomic_load_explicit(&lock->state, memory_order_relaxed) & RWLOCK_UPGRADABLE);
    // Nobody else can hold or take WRITER beside UPGRADABLE. Relaxed: drain() acquires.
    atomic_fetch_add_explicit(&lock->state, HOLD_WRITE - HOLD_UPGRADABLE, memory_order_relaxed);
    struct lock_wait stats = {.kind = LOCK_KIND_RWLOCK_WRITE};
    bool drained = drain(lock, HOLD_UPGRADABLE, deadline_ns, &stats);
    lock_wait_ends(&stats);
    return drained;
}
