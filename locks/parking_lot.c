// SPDX-License-Identifier: MIT
#include "locks/parking_lot.h"

#include "locks/cpu.h"
#include "locks/deadlock.h"
#include "locks/handover.h"
#include "locks/rank.h"
#include "locks/spin.h"
#include "locks/testpoint.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

// Buckets for each waiter there may be: few strangers share a queue.
#define LOAD_FACTOR  3
#define INITIAL_BITS 6
#define MAX_BITS     24

// ---- buckets and tables ----------------------------------------------------------------------

// The bucket lock: a futex. It cannot park, being what parking is made of.
enum { BUCKET_FREE, BUCKET_LOCKED, BUCKET_CONTENDED };

struct bucket {
    _Atomic uint32_t lock;
    uint32_t seed;          // of the fairness timer; 0: not started
    int64_t fair_at_ns;     // the next unpark after this time is fair
    int64_t quiet_since_ns; // the last unpark, or when somebody came to the empty queue
    struct park_waiter *head, *tail;
} __attribute__((aligned(CACHE_LINE)));

struct table {
    struct table *prev; // the one it replaced, kept (invariant 6)
    unsigned bits;
    struct bucket *buckets;
};

static struct bucket initial_buckets[1 << INITIAL_BITS];
static struct table initial_table = {.bits = INITIAL_BITS, .buckets = initial_buckets};
static struct table *_Atomic current = &initial_table;

// Threads that have parked and live, plus reserved callback waiters.
static _Atomic size_t expected_waiters;

static size_t bucket_index(const struct table *table, uintptr_t key)
{
    // Multiplying by 2^64 / golden ratio spreads neighbouring addresses; the top bits are best.
    return (size_t)(((uint64_t)key * UINT64_C(0x9E3779B97F4A7C15)) >> (64 - table->bits));
}

static void bucket_lock(struct bucket *bucket)
{
    rank_bucket_wait(bucket);
    struct spin spin = {0};
    do {
        uint32_t expected = BUCKET_FREE;
        // Acquire: sees the queue as the last holder left it.
        if (atomic_compare_exchange_weak_explicit(&bucket->lock, &expected, BUCKET_LOCKED,
                                                  memory_order_acquire, memory_order_relaxed))
            return;
    } while (spin_wait(&spin));
    // From here on this thread may sleep, so it always locks as CONTENDED: whoever it overtook may
    // be asleep still, and must be woken by the unlock.
    while (atomic_exchange_explicit(&bucket->lock, BUCKET_CONTENDED, memory_order_acquire) !=
           BUCKET_FREE)
        futex_wait(&bucket->lock, BUCKET_CONTENDED, DEADLINE_NONE);
}

static void bucket_unlock(struct bucket *bucket)
{
    // Release: publishes the queue to the next holder.
    if (atomic_exchange_explicit(&bucket->lock, BUCKET_FREE, memory_order_release) ==
        BUCKET_CONTENDED)
        futex_wake(&bucket->lock, 1);
    rank_bucket_drop();
}

// The locked bucket of a key in the table that is current while it is locked.
static struct bucket *lock_bucket_of(uintptr_t key)
{
    for (;;) {
        // Acquire: sees the table's contents. The address alone would not do on every machine.
        struct table *table = atomic_load_explicit(&current, memory_order_acquire);
        struct bucket *bucket = &table->buckets[bucket_index(table, key)];
        bucket_lock(bucket);
        // Relaxed is enough: growth stores `current` while it holds this lock, so having the lock
        // after growth means seeing its store.
        if (atomic_load_explicit(&current, memory_order_relaxed) == table)
            return bucket;
        bucket_unlock(bucket);
    }
}

// The locked bucket a waiter stands in, or NULL when it stands in none.
static struct bucket *lock_bucket_of_waiter(const struct park_waiter *waiter)
{
    for (;;) {
        // Relaxed: only a hint until confirmed under the lock, under which alone it changes. And
        // 0 tells no more than that somebody else has decided.
        uintptr_t key = atomic_load_explicit(&waiter->key, memory_order_relaxed);
        if (key == 0)
            return NULL;
        struct bucket *bucket = lock_bucket_of(key);
        if (atomic_load_explicit(&waiter->key, memory_order_relaxed) == key)
            return bucket;
        bucket_unlock(bucket);
    }
}

struct bucket_pair {
    struct bucket *from, *to; // may be the same
};

static struct bucket_pair lock_bucket_pair(uintptr_t from, uintptr_t to)
{
    for (;;) {
        struct table *table = atomic_load_explicit(&current, memory_order_acquire);
        struct bucket_pair pair = {&table->buckets[bucket_index(table, from)],
                                   &table->buckets[bucket_index(table, to)]};
        struct bucket *low = pair.from < pair.to ? pair.from : pair.to;
        struct bucket *high = pair.from < pair.to ? pair.to : pair.from;
        bucket_lock(low);
        if (high != low)
            bucket_lock(high);
        if (atomic_load_explicit(&current, memory_order_relaxed) == table)
            return pair;
        if (high != low)
            bucket_unlock(high);
        bucket_unlock(low);
    }
}

static void append_locked(struct bucket *bucket, struct park_waiter *waiter)
{
    waiter->next = NULL;
    if (bucket->tail != NULL)
        bucket->tail->next = waiter;
    else
        bucket->head = waiter;
    bucket->tail = waiter;
}

// Queues a waiter of the key behind the last one that it does not go before.
static void insert_locked(struct bucket *bucket, struct park_waiter *waiter, uintptr_t key,
                          bool (*goes_before)(void *, uintptr_t), void *arg)
{
    struct park_waiter *prev = NULL, *passed = NULL, *tail = bucket->tail;
    bool behind_tail = tail != NULL &&
                       atomic_load_explicit(&tail->key, memory_order_relaxed) == key &&
                       !goes_before(arg, tail->park_token);
    // passed: the first of those at the end that it goes before; prev: the one ahead of that. They
    // are found from the head; mostly there is no need to look.
    for (struct park_waiter *w = behind_tail ? NULL : bucket->head, *last = NULL; w != NULL;
         last = w, w = w->next) {
        if (atomic_load_explicit(&w->key, memory_order_relaxed) != key)
            continue;
        if (!goes_before(arg, w->park_token)) {
            passed = NULL;
        } else if (passed == NULL) {
            passed = w;
            prev = last;
        }
    }
    if (passed == NULL) {
        append_locked(bucket, waiter);
        return;
    }
    waiter->next = passed;
    if (prev != NULL)
        prev->next = waiter;
    else
        bucket->head = waiter;
}

// Takes out the waiter behind prev (NULL: the first) and returns it.
static struct park_waiter *unlink_locked(struct bucket *bucket, struct park_waiter *prev)
{
    struct park_waiter *waiter = prev != NULL ? prev->next : bucket->head;
    if (prev != NULL)
        prev->next = waiter->next;
    else
        bucket->head = waiter->next;
    if (bucket->tail == waiter)
        bucket->tail = prev;
    return waiter;
}

static bool waits_locked(const struct bucket *bucket, uintptr_t key)
{
    for (const struct park_waiter *w = bucket->head; w != NULL; w = w->next)
        if (atomic_load_explicit(&w->key, memory_order_relaxed) == key)
            return true;
    return false;
}

// ---- growth ----------------------------------------------------------------------------------

static struct table *table_new(unsigned bits, struct table *prev)
{
    struct table *table = malloc(sizeof(*table));
    size_t n = (size_t)1 << bits;
    struct bucket *buckets = aligned_alloc(CACHE_LINE, n * sizeof(*buckets));
    if (table == NULL || buckets == NULL) {
        free(table);
        free(buckets);
        return NULL;
    }
    for (size_t i = 0; i < n; i++)
        buckets[i] = (struct bucket){0};
    *table = (struct table){.prev = prev, .bits = bits, .buckets = buckets};
    return table;
}

static void table_free(struct table *table)
{
    free(table->buckets);
    free(table);
}

static void unlock_all(struct table *table)
{
    for (size_t i = 0; i < (size_t)1 << table->bits; i++)
        bucket_unlock(&table->buckets[i]);
}

// Locks every bucket, in order, if the table is still the current one.
static bool lock_all(struct table *table)
{
    for (size_t i = 0; i < (size_t)1 << table->bits; i++)
        bucket_lock(&table->buckets[i]);
    if (atomic_load_explicit(&current, memory_order_relaxed) == table)
        return true;
    unlock_all(table);
    return false;
}

// Moves all waiters, keeping the order within each address. Both tables are ours alone.
static void rehash(struct table *from, struct table *to)
{
    for (size_t i = 0; i < (size_t)1 << from->bits; i++) {
        struct park_waiter *next;
        for (struct park_waiter *w = from->buckets[i].head; w != NULL; w = next) {
            next = w->next;
            uintptr_t key = atomic_load_explicit(&w->key, memory_order_relaxed);
            append_locked(&to->buckets[bucket_index(to, key)], w);
        }
        from->buckets[i].head = from->buckets[i].tail = NULL;
    }
}

static unsigned bits_for(size_t waiters)
{
    unsigned bits = INITIAL_BITS;
    while (bits < MAX_BITS && ((size_t)1 << bits) / LOAD_FACTOR < waiters)
        bits++;
    return bits;
}

static void grow(size_t waiters)
{
    unsigned bits = bits_for(waiters);
    for (;;) {
        struct table *old = atomic_load_explicit(&current, memory_order_acquire);
        if (old->bits >= bits)
            return;
        struct table *table = table_new(bits, old);
        if (table == NULL)
            return; // longer queues are slower, not wrong
        if (!lock_all(old)) {
            table_free(table); // somebody else grew it
            continue;
        }
        lock_testpoint(LOCK_POINT_REHASH);
        rehash(old, table);
        // Release: whoever finds the table sees its buckets. Before the unlocks, see
        // lock_bucket_of().
        atomic_store_explicit(&current, table, memory_order_release);
        unlock_all(old);
        return;
    }
}

void parking_lot_reserve(size_t waiters)
{
    // Relaxed: a number for sizing the table, nothing hangs on its order.
    size_t before = atomic_fetch_add_explicit(&expected_waiters, waiters, memory_order_relaxed);
    grow(before + waiters);
}

void parking_lot_unreserve(size_t waiters)
{
    atomic_fetch_sub_explicit(&expected_waiters, waiters, memory_order_relaxed);
}

size_t parking_lot_buckets(void)
{
    return (size_t)1 << atomic_load_explicit(&current, memory_order_acquire)->bits;
}

// ---- threads ---------------------------------------------------------------------------------

static pthread_once_t exit_key_once = PTHREAD_ONCE_INIT;
static pthread_key_t exit_key;
static bool have_exit_key;
static _Thread_local bool registered;

static void thread_exits(void *unused)
{
    (void)unused;
    registered = false; // a later destructor of this thread may park, and registers again
    parking_lot_unreserve(1);
}

static void make_exit_key(void)
{
    have_exit_key = pthread_key_create(&exit_key, thread_exits) == 0;
}

static void register_thread(void)
{
    if (registered)
        return;
    registered = true;
    pthread_once(&exit_key_once, make_exit_key);
    // Without a destructor the thread would be counted for ever; then rather not at all.
    if (have_exit_key && pthread_setspecific(exit_key, &registered) == 0)
        parking_lot_reserve(1);
}

// A parked thread: on its own stack, which stands still until `state` says WOKEN.
struct parker {
    struct park_waiter waiter;
    _Atomic uint32_t state;
};

enum { PARKER_WOKEN, PARKER_AWAKE, PARKER_ASLEEP };

#ifdef KL_DEBUG
#define LOOK_NS INT64_C(1000000000)

// As futex_wait(), but after a second the sleeper gets up to look for a deadlock.
static bool sleep_once(struct parker *parker, const struct park_ops *ops, void *arg,
                       int64_t deadline_ns)
{
    int64_t look_ns = clock_monotonic_ns() + LOOK_NS;
    if (deadline_ns >= 0 && deadline_ns <= look_ns)
        return futex_wait(&parker->state, PARKER_ASLEEP, deadline_ns);
    if (!futex_wait(&parker->state, PARKER_ASLEEP, look_ns)) {
        deadlock_look();
        if (ops->still_asleep != NULL)
            ops->still_asleep(arg);
    }
    return true;
}
#else
static bool sleep_once(struct parker *parker, const struct park_ops *ops, void *arg,
                       int64_t deadline_ns)
{
    (void)ops, (void)arg;
    return futex_wait(&parker->state, PARKER_ASLEEP, deadline_ns);
}
#endif

// False: the deadline came first (and the state is still ASLEEP).
static bool parker_sleep(struct parker *parker, const struct park_ops *ops, void *arg,
                         int64_t deadline_ns)
{
    uint32_t expected = PARKER_AWAKE;
    // ASLEEP tells the waker that a system call is needed. Acquire on failure (WOKEN): the waker's
    // token and everything before it are visible.
    atomic_compare_exchange_strong_explicit(&parker->state, &expected, PARKER_ASLEEP,
                                            memory_order_acquire, memory_order_acquire);
    while (atomic_load_explicit(&parker->state, memory_order_acquire) != PARKER_WOKEN)
        if (!sleep_once(parker, ops, arg, deadline_ns))
            return atomic_load_explicit(&parker->state, memory_order_acquire) == PARKER_WOKEN;
    return true;
}

static void parker_wake(struct parker *parker)
{
    // Release: with the acquire in parker_sleep(). After this the thread may return and its stack
    // change, so the word may only be named, not read (futex_wake() allows that).
    if (atomic_exchange_explicit(&parker->state, PARKER_WOKEN, memory_order_release) ==
        PARKER_ASLEEP)
        futex_wake(&parker->state, 1);
}

// ---- parking ---------------------------------------------------------------------------------

static bool enqueue(const void *addr, struct park_waiter *waiter, bool (*validate)(void *arg),
                    bool (*goes_before)(void *arg, uintptr_t park_token), void *arg,
                    uintptr_t park_token)
{
    lock_testpoint(LOCK_POINT_BEFORE_QUEUE);
    struct bucket *bucket = lock_bucket_of((uintptr_t)addr);
    bool valid = validate(arg);
    if (valid) {
        if (bucket->head == NULL)
            bucket->quiet_since_ns = clock_monotonic_ns();
        waiter->park_token = park_token;
        atomic_store_explicit(&waiter->key, (uintptr_t)addr, memory_order_relaxed);
        if (goes_before == NULL)
            append_locked(bucket, waiter);
        else
            insert_locked(bucket, waiter, (uintptr_t)addr, goes_before, arg);
    }
    bucket_unlock(bucket);
    return valid;
}

bool park_cancel(struct park_waiter *waiter,
                 void (*cancelled)(void *arg, const void *addr, bool was_last), void *arg)
{
    struct bucket *bucket = lock_bucket_of_waiter(waiter);
    if (bucket == NULL)
        return false;
    struct park_waiter *prev = NULL;
    for (struct park_waiter *w = bucket->head; w != waiter; w = w->next)
        prev = w;
    unlink_locked(bucket, prev);
    uintptr_t key = atomic_load_explicit(&waiter->key, memory_order_relaxed);
    atomic_store_explicit(&waiter->key, 0, memory_order_relaxed);
    if (cancelled != NULL)
        cancelled(arg, (const void *)key, !waits_locked(bucket, key));
    bucket_unlock(bucket);
    return true;
}

struct park_result park(const void *addr, const struct park_ops *ops, void *arg,
                        uintptr_t park_token, int64_t deadline_ns)
{
    register_thread();
    struct parker self = {.state = PARKER_AWAKE};
    if (!enqueue(addr, &self.waiter, ops->validate, ops->goes_before, arg, park_token))
        return (struct park_result){.status = PARK_INVALID};
    lock_testpoint(LOCK_POINT_QUEUED);
    if (ops->before_sleep != NULL)
        ops->before_sleep(arg);
    if (!parker_sleep(&self, ops, arg, deadline_ns)) {
        lock_testpoint(LOCK_POINT_TIMED_OUT);
        if (park_cancel(&self.waiter, ops->timed_out, arg))
            return (struct park_result){.status = PARK_TIMED_OUT};
        // A wake is on its way, and needs the waiter.
        parker_sleep(&self, ops, arg, DEADLINE_NONE);
    }
    return (struct park_result){.status = PARK_UNPARKED, .token = self.waiter.unpark_token};
}

bool park_async(const void *addr, struct park_waiter *waiter, bool (*validate)(void *arg),
                void *arg, uintptr_t park_token)
{
    assert(waiter->wake != NULL);
    return enqueue(addr, waiter, validate, NULL, arg, park_token);
}

// ---- unparking -------------------------------------------------------------------------------

// Those whose wake is decided, in order, linked through their next fields.
struct wake_list {
    struct park_waiter *head, *tail;
};

// Moves the waiter behind prev from its queue to the list. Key 0 is the decision: from here on a
// cancel comes too late.
static void decide_locked(struct bucket *bucket, struct park_waiter *prev, struct wake_list *list)
{
    struct park_waiter *waiter = unlink_locked(bucket, prev);
    atomic_store_explicit(&waiter->key, 0, memory_order_relaxed);
    waiter->next = NULL;
    if (list->tail != NULL)
        list->tail->next = waiter;
    else
        list->head = waiter;
    list->tail = waiter;
}

static void deliver(struct wake_list *list, uintptr_t token)
{
    struct park_waiter *next;
    for (struct park_waiter *w = list->head; w != NULL; w = next) {
        lock_testpoint(LOCK_POINT_BEFORE_WAKE);
        next = w->next; // now: w is gone once woken
        w->unpark_token = token;
        if (w->wake != NULL)
            w->wake(w, token);
        else
            parker_wake((struct parker *)w);
    }
}

_Static_assert(offsetof(struct parker, waiter) == 0,
               "deliver() goes from the waiter to its parker");

// Whether it is time for a hand-off; called at each unpark that wakes somebody. Two reasons:
//   - The clock says so.
//   - Somebody has been waiting here, and nobody let go, for a good part of the interval. So the
//     lock is held for long times, and to wait for one wake-up costs little beside them, while
//     each time that the waiter is passed over costs it one more of them.
static bool fair_now_locked(struct bucket *bucket)
{
    uint64_t mean_us = atomic_load_explicit(&lock_tuning.fairness_us, memory_order_relaxed);
    int64_t mean_ns = (int64_t)mean_us * HANDOVER_NS_PER_US;
    int64_t now = clock_monotonic_ns();
    int64_t left = bucket->fair_at_ns - now, quiet = now - bucket->quiet_since_ns;
    bucket->quiet_since_ns = now;
    bool started = bucket->seed != 0;
    if (!started)
        bucket->seed = (uint32_t)((uintptr_t)bucket / sizeof(*bucket)) | 1;
    // More left than could have been drawn: the interval has been shortened since.
    bool due = left <= 0 || left > 2 * mean_ns;
    if (started && !due && quiet < mean_ns / HANDOVER_LONG_HOLD_PART)
        return false;
    bucket->fair_at_ns = now + handover_interval_ns(&bucket->seed, mean_us);
    return started;
}

// Completes the result and asks for the token.
static uintptr_t conclude_locked(struct bucket *bucket, uintptr_t key, struct unpark_result *result,
                                 uintptr_t (*callback)(void *, struct unpark_result), void *arg)
{
    result->have_more = waits_locked(bucket, key);
    result->be_fair = result->unparked > 0 && fair_now_locked(bucket);
    return callback(arg, *result);
}

struct unpark_result unpark_filter(const void *addr,
                                   enum unpark_choice (*filter)(void *arg, uintptr_t park_token),
                                   uintptr_t (*callback)(void *arg, struct unpark_result result),
                                   void *arg)
{
    uintptr_t key = (uintptr_t)addr;
    lock_testpoint(LOCK_POINT_BEFORE_UNPARK);
    struct bucket *bucket = lock_bucket_of(key);
    struct wake_list list = {0};
    struct unpark_result result = {0};
    struct park_waiter *prev = NULL, *next;
    for (struct park_waiter *w = bucket->head; w != NULL; w = next) {
        next = w->next;
        enum unpark_choice choice = UNPARK_SKIP;
        if (atomic_load_explicit(&w->key, memory_order_relaxed) == key)
            choice = filter(arg, w->park_token);
        if (choice == UNPARK_STOP)
            break;
        if (choice == UNPARK_WAKE) {
            decide_locked(bucket, prev, &list);
            result.unparked++;
        } else {
            prev = w;
        }
    }
    uintptr_t token = conclude_locked(bucket, key, &result, callback, arg);
    bucket_unlock(bucket);
    deliver(&list, token);
    return result;
}

struct unpark_result unpark_one(const void *addr,
                                uintptr_t (*callback)(void *arg, struct unpark_result result),
                                void *arg)
{
    uintptr_t key = (uintptr_t)addr;
    lock_testpoint(LOCK_POINT_BEFORE_UNPARK);
    struct bucket *bucket = lock_bucket_of(key);
    struct wake_list list = {0};
    struct unpark_result result = {0};
    struct park_waiter *prev = NULL;
    for (struct park_waiter *w = bucket->head; w != NULL; prev = w, w = w->next) {
        if (atomic_load_explicit(&w->key, memory_order_relaxed) == key) {
            decide_locked(bucket, prev, &list);
            result.unparked = 1;
            result.park_token = w->park_token;
            break;
        }
    }
    uintptr_t token = conclude_locked(bucket, key, &result, callback, arg);
    bucket_unlock(bucket);
    deliver(&list, token);
    return result;
}

static enum unpark_choice choose_all(void *arg, uintptr_t park_token)
{
    (void)arg, (void)park_token;
    return UNPARK_WAKE;
}

static uintptr_t token_from(void *arg, struct unpark_result result)
{
    (void)result;
    return *(uintptr_t *)arg;
}

size_t unpark_all(const void *addr, uintptr_t token)
{
    return unpark_filter(addr, choose_all, token_from, &token).unparked;
}

struct unpark_result unpark_requeue(const void *from, const void *to,
                                    struct requeue_plan (*plan)(void *arg),
                                    uintptr_t (*callback)(void *arg, struct unpark_result result),
                                    void *arg)
{
    uintptr_t key = (uintptr_t)from;
    lock_testpoint(LOCK_POINT_BEFORE_UNPARK);
    struct bucket_pair pair = lock_bucket_pair(key, (uintptr_t)to);
    struct requeue_plan todo = plan(arg);
    struct wake_list list = {0};
    struct unpark_result result = {0};
    struct park_waiter *prev = NULL, *next;
    for (struct park_waiter *w = pair.from->head; w != NULL; w = next) {
        next = w->next;
        if (result.unparked == todo.wake && result.requeued == todo.requeue)
            break;
        if (atomic_load_explicit(&w->key, memory_order_relaxed) != key) {
            prev = w;
        } else if (result.unparked < todo.wake) {
            decide_locked(pair.from, prev, &list);
            result.unparked++;
        } else {
            // Within one bucket this walks into waiters just moved; their key is no longer `from`.
            unlink_locked(pair.from, prev);
            append_locked(pair.to, w);
            atomic_store_explicit(&w->key, (uintptr_t)to, memory_order_relaxed);
            result.requeued++;
        }
    }
    uintptr_t token = conclude_locked(pair.from, key, &result, callback, arg);
    if (pair.to != pair.from)
        bucket_unlock(pair.to);
    bucket_unlock(pair.from);
    deliver(&list, token);
    return result;
}
