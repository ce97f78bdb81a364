// SPDX-License-Identifier: MIT
#include "locks/keylock.h"

#include "locks/rank.h"
#include "locks/spin.h"
#include "locks/testpoint.h"

#include <assert.h>

#define READERS_MASK (~(uint32_t)(KEYLOCK_READER - 1))
#define HOLDERS_MASK (READERS_MASK | KEYLOCK_WRITER)

// What a wake-up says. A killed lock and a freed one look the same to the waiter: look again.
enum { TOKEN_RETRY, TOKEN_HANDED_OVER };

// Whether a newcomer may take a word that is not dead. Readers do not join others past a queue.
static bool admits(uint32_t word, enum keylock_mode mode)
{
    if (!(word & HOLDERS_MASK))
        return true;
    return mode == KEYLOCK_READ && !(word & (KEYLOCK_WRITER | KEYLOCK_PARKED));
}

// ---- locking ---------------------------------------------------------------------------------

// Tries and spins. KEYLOCK_QUEUED stands for: it is time to queue.
static enum keylock_result attempt(struct keylock *lock, enum keylock_mode mode, struct spin *spin)
{
    uint32_t taken = mode == KEYLOCK_READ ? KEYLOCK_READER : KEYLOCK_WRITER;
    for (;;) {
        // Acquire: if it is dead, the following lookup must not find the entry again.
        uint32_t word = atomic_load_explicit(&lock->word, memory_order_acquire);
        if (word & KEYLOCK_DEAD)
            return KEYLOCK_RETRY;
        if (admits(word, mode)) {
            // Acquire as in keylock_try(). Failing costs no round: somebody else got on.
            if (atomic_compare_exchange_weak_explicit(&lock->word, &word, word + taken,
                                                      memory_order_acquire, memory_order_relaxed))
                return KEYLOCK_HELD;
        } else if ((word & KEYLOCK_PARKED) || !spin_wait(spin)) {
            return KEYLOCK_QUEUED; // behind those who are parked already, without spinning
        }
    }
}

struct wait {
    struct keylock *lock;
    enum keylock_mode mode;
    const struct keylock_hooks *hooks;
    void *arg;
    struct spin spin;
    struct lock_wait *stats;
};

// Under the bucket lock: announces a waiter, unless the lock can be had or is dead (invariant 3).
static bool announce_waiter(void *arg)
{
    const struct wait *wait = arg;
    uint32_t word = atomic_load_explicit(&wait->lock->word, memory_order_relaxed);
    do {
        if ((word & KEYLOCK_DEAD) || admits(word, wait->mode))
            return false;
        // Relaxed: the holder's unlock sees PARKED because both change the same word, and meets
        // the queue under the bucket lock.
    } while (!atomic_compare_exchange_weak_explicit(&wait->lock->word, &word, word | KEYLOCK_PARKED,
                                                    memory_order_relaxed, memory_order_relaxed));
    return true;
}

static void before_sleep(void *arg)
{
    const struct wait *wait = arg;
    lock_wait_sleeps(wait->stats, &wait->spin);
    if (wait->hooks != NULL)
        wait->hooks->before_sleep(wait->arg);
}

static void still_asleep(void *arg)
{
    const struct wait *wait = arg;
    if (wait->hooks != NULL && wait->hooks->still_asleep != NULL)
        wait->hooks->still_asleep(wait->arg);
}

// Every sleep of a thread on a key passes here, as every queued callback passes park_async() in
// keylock_lock_async(). The waits of threads are counted here, see stats.h.
static struct park_result sleep_on(struct wait *wait)
{
    static const struct park_ops ops = {
        .validate = announce_waiter, .before_sleep = before_sleep, .still_asleep = still_asleep};
    struct park_result result = park(wait->lock, &ops, wait, wait->mode, DEADLINE_NONE);
    if (result.status == PARK_UNPARKED && wait->hooks != NULL)
        wait->hooks->after_sleep(wait->arg);
    return result;
}

static enum keylock_result wait_for_key(struct wait *wait)
{
    for (;;) {
        wait->spin = (struct spin){0};
        enum keylock_result tried = attempt(wait->lock, wait->mode, &wait->spin);
        wait->stats->spun |= wait->spin.round > 0;
        if (tried != KEYLOCK_QUEUED)
            return tried;
        struct park_result result = sleep_on(wait);
        if (result.status == PARK_UNPARKED) {
            wait->stats->handed_over = result.token == TOKEN_HANDED_OVER;
            return keylock_wake_result(result.token); // the word may be gone: do not look at it
        }
        // Not slept, so still in the epoch it was found in.
    }
}

enum keylock_result keylock_lock_slow(struct keylock *lock, enum keylock_mode mode,
                                      const struct keylock_hooks *hooks, void *arg,
                                      struct lock_wait *stats)
{
    rank_may_wait(RANK_KEY);
    struct lock_wait own = {0};
    struct wait wait = {lock, mode, hooks, arg, .stats = stats != NULL ? stats : &own};
    wait.stats->kind = mode == KEYLOCK_READ ? LOCK_KIND_KEY_READ : LOCK_KIND_KEY_WRITE;
    enum keylock_result result = wait_for_key(&wait);
    if (stats == NULL)
        lock_wait_ends(&own);
    return result;
}

enum keylock_result keylock_lock_async(struct keylock *lock, enum keylock_mode mode,
                                       struct park_waiter *waiter)
{
    struct wait wait = {.lock = lock, .mode = mode};
    for (;;) {
        struct spin spin = {.pauses_only = true};
        enum keylock_result tried = attempt(lock, mode, &spin);
        if (tried != KEYLOCK_QUEUED)
            return tried;
        if (park_async(lock, waiter, announce_waiter, &wait, mode))
            return KEYLOCK_QUEUED;
    }
}

enum keylock_result keylock_wake_result(uintptr_t token)
{
    return token == TOKEN_HANDED_OVER ? KEYLOCK_HELD : KEYLOCK_RETRY;
}

// ---- unlocking -------------------------------------------------------------------------------

// Releases the hold unless that would free a word with waiters. Returns whether it is released.
static bool release_unless_awaited(struct keylock *lock, enum keylock_mode mode)
{
    // Acquire: a last reader goes on to store the word afresh, and what the readers before it have
    // released must reach the next writer through that store.
    uint32_t word = atomic_load_explicit(&lock->word, memory_order_acquire);
    uint32_t left;
    do {
        left = mode == KEYLOCK_READ ? word - KEYLOCK_READER
                                    : word & ~(uint32_t)(KEYLOCK_WRITER | KEYLOCK_MUTATING);
        if (left == KEYLOCK_PARKED)
            return false;
    } while (!atomic_compare_exchange_weak_explicit(&lock->word, &word, left, memory_order_release,
                                                    memory_order_acquire));
    return true;
}

// One pass over the queue of a word, under its bucket lock. `grant` collects the holds of those
// chosen: some readers, or one writer.
struct pass {
    struct keylock *lock;
    enum keylock_mode mode; // the hold to release
    bool begun;
    bool stop;   // the word is not to be given to anybody
    bool shared; // settle(): read-held, so that only readers may be let in
    uint32_t grant;
};

// The longest waiter, and if it reads, all who read up to the first that writes.
static enum unpark_choice choose(struct pass *pass, enum keylock_mode mode)
{
    if (pass->stop || (pass->grant & KEYLOCK_WRITER))
        return UNPARK_STOP;
    if (mode == KEYLOCK_READ) {
        pass->grant += KEYLOCK_READER;
        return UNPARK_WAKE;
    }
    if (pass->grant != 0 || pass->shared)
        return UNPARK_STOP;
    pass->grant = KEYLOCK_WRITER;
    return UNPARK_WAKE;
}

static enum unpark_choice unlock_filter(void *arg, uintptr_t park_token)
{
    struct pass *pass = arg;
    if (!pass->begun) {
        pass->begun = true;
        // Others may have begun to read while we came here, if a cancel emptied the queue between.
        pass->stop = release_unless_awaited(pass->lock, pass->mode);
    }
    return choose(pass, (enum keylock_mode)park_token);
}

static uintptr_t unlock_callback(void *arg, struct unpark_result result)
{
    struct pass *pass = arg;
    if (pass->stop)
        return TOKEN_RETRY; // released, and nobody chosen
    if (!pass->begun) {
        // The queue is empty, hence no PARKED, hence this releases.
        bool released = release_unless_awaited(pass->lock, pass->mode);
        assert(released);
        (void)released;
        return TOKEN_RETRY;
    }
    // The word is held by us alone, with PARKED: nobody else can change it now (invariant 4), so a
    // plain store will do. Release: as in keylock_unlock(), for those who take a freed word.
    bool hand_over = !(pass->grant & KEYLOCK_WRITER) || result.be_fair;
    atomic_store_explicit(&pass->lock->word,
                          (hand_over ? pass->grant : 0) | (result.have_more ? KEYLOCK_PARKED : 0),
                          memory_order_release);
    return hand_over ? TOKEN_HANDED_OVER : TOKEN_RETRY;
}

void keylock_unlock_slow(struct keylock *lock, enum keylock_mode mode)
{
    if (release_unless_awaited(lock, mode))
        return;
    struct pass pass = {.lock = lock, .mode = mode};
    unpark_filter(lock, unlock_filter, unlock_callback, &pass);
}

// ---- waiters that change their mind ----------------------------------------------------------

static enum unpark_choice settle_filter(void *arg, uintptr_t park_token)
{
    struct pass *pass = arg;
    if (!pass->begun) {
        pass->begun = true;
        uint32_t word = atomic_load_explicit(&pass->lock->word, memory_order_relaxed);
        pass->stop = word & KEYLOCK_WRITER;
        pass->shared = word & READERS_MASK;
    }
    return choose(pass, (enum keylock_mode)park_token);
}

// Adds readers to a word that others read. False: the last of these has become the writer meanwhile
// (keylock_release_last()); it cannot have left, since it would have to come by the bucket lock.
static bool join_readers(struct keylock *lock, uint32_t grant)
{
    lock_testpoint(LOCK_POINT_SETTLE);
    uint32_t word = atomic_load_explicit(&lock->word, memory_order_relaxed);
    do {
        if (word & KEYLOCK_WRITER)
            return false;
        // Acquire: as in keylock_try(); park() passes it on to the readers let in.
    } while (!atomic_compare_exchange_weak_explicit(&lock->word, &word, word + grant,
                                                    memory_order_acquire, memory_order_relaxed));
    return true;
}

static uintptr_t settle_callback(void *arg, struct unpark_result result)
{
    struct pass *pass = arg;
    if (result.unparked == 0)
        return TOKEN_RETRY;
    bool hand_over = pass->shared && join_readers(pass->lock, pass->grant);
    if (!result.have_more)
        // An exchange of bits, not a store: newcomers may take a free word at this moment.
        // Relaxed: PARKED says nothing about the data.
        atomic_fetch_and_explicit(&pass->lock->word, ~(uint32_t)KEYLOCK_PARKED,
                                  memory_order_relaxed);
    return hand_over ? TOKEN_HANDED_OVER : TOKEN_RETRY;
}

// Wakes whoever at the front need not wait any longer: on a free word the first, on a read-held one
// the readers. For when the front of the queue has changed without an unlock.
static void settle(struct keylock *lock)
{
    struct pass pass = {.lock = lock};
    unpark_filter(lock, settle_filter, settle_callback, &pass);
}

void keylock_pass_on(struct keylock *lock)
{
    // Relaxed: when the wake-up that is passed on was sent, PARKED was set, and we come after that.
    if (atomic_load_explicit(&lock->word, memory_order_relaxed) & KEYLOCK_PARKED)
        settle(lock);
}

struct withdrawal {
    struct keylock *lock;
    bool was_last;
};

static void withdrawn(void *arg, const void *addr, bool was_last)
{
    struct withdrawal *withdrawal = arg;
    withdrawal->lock = (struct keylock *)(uintptr_t)addr;
    withdrawal->was_last = was_last;
    if (was_last)
        // Relaxed: takes a bit away that says nothing about the data.
        atomic_fetch_and_explicit(&withdrawal->lock->word, ~(uint32_t)KEYLOCK_PARKED,
                                  memory_order_relaxed);
}

bool keylock_cancel(struct park_waiter *waiter)
{
    struct withdrawal withdrawal = {0};
    if (!park_cancel(waiter, withdrawn, &withdrawal))
        return false;
    // Readers may have stood behind this writer while others read.
    if (!withdrawal.was_last)
        settle(withdrawal.lock);
    return true;
}

// ---- death -----------------------------------------------------------------------------------

static enum unpark_choice choose_all(void *arg, uintptr_t park_token)
{
    (void)arg, (void)park_token;
    return UNPARK_WAKE;
}

static uintptr_t kill_callback(void *arg, struct unpark_result result)
{
    (void)result;
    struct keylock *lock = arg;
    // Release: whoever sees DEAD sees that the entry is unlinked.
    atomic_store_explicit(&lock->word, KEYLOCK_DEAD, memory_order_release);
    return TOKEN_RETRY;
}

void keylock_kill(struct keylock *lock)
{
    uint32_t word = atomic_load_explicit(&lock->word, memory_order_relaxed);
    assert((word & KEYLOCK_WRITER) && !(word & READERS_MASK));
    while (!(word & KEYLOCK_PARKED))
        // Release as in kill_callback().
        if (atomic_compare_exchange_weak_explicit(&lock->word, &word, KEYLOCK_DEAD,
                                                  memory_order_release, memory_order_relaxed))
            return;
    unpark_filter(lock, choose_all, kill_callback, lock);
}

bool keylock_release_last(struct keylock *lock)
{
    uint32_t word = atomic_load_explicit(&lock->word, memory_order_relaxed);
    for (;;) {
        assert(word & READERS_MASK);
        bool last = (word & READERS_MASK) == KEYLOCK_READER;
        uint32_t left = word - KEYLOCK_READER + (last ? KEYLOCK_WRITER : 0);
        // Release as in keylock_unlock(); acquire: a last reader becomes the writer, after the
        // other readers.
        if (atomic_compare_exchange_weak_explicit(&lock->word, &word, left, memory_order_acq_rel,
                                                  memory_order_relaxed))
            return last;
    }
}
