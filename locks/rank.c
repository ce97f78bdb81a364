// SPDX-License-Identifier: MIT
#include "locks/rank.h"

#ifdef KL_DEBUG

#include "locks/rank_record.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// ---- the order -------------------------------------------------------------------------------

#define BIT(rank) (UINT32_C(1) << (rank))
// Whoever runs a command has its keys; whoever has closed the gate may look at all that is listed.
#define COMMAND (BIT(RANK_KEY) | BIT(RANK_EXCLUSIVE))
#define CHANGE  (COMMAND | BIT(RANK_EXPIRE))

#define ROW(rank, under) [rank] = {#rank, under}

// What may be held by who waits for a lock of the rank. Parking-lot buckets are taken inside the
// functions of all other locks.
static const struct {
    const char *name;
    uint32_t under;
} ranks[LOCK_RANKS] = {
    ROW(RANK_EXPIRE, 0),
    ROW(RANK_EXCLUSIVE, BIT(RANK_EXPIRE)),
    ROW(RANK_KEY, COMMAND),
    ROW(RANK_DICT_RESIZE, CHANGE),
    ROW(RANK_DICT_BUCKET, CHANGE | BIT(RANK_DICT_RESIZE)),
    ROW(RANK_DICT_BUCKET_HIGH, CHANGE | BIT(RANK_DICT_RESIZE) | BIT(RANK_DICT_BUCKET)),
    ROW(RANK_STREAM, COMMAND),
    ROW(RANK_WORKERS, COMMAND | BIT(RANK_EXPIRE) | BIT(RANK_DICT_RESIZE) | BIT(RANK_STREAM)),
    ROW(RANK_THREADS, COMMAND | BIT(RANK_STREAM) | BIT(RANK_WORKERS)),
    ROW(RANK_CLIENTS, COMMAND),
    ROW(RANK_INBOX, COMMAND | BIT(RANK_CLIENTS)),
    ROW(RANK_DEFERRED, COMMAND),
    ROW(RANK_LAZYFREE, COMMAND | BIT(RANK_EXPIRE) | BIT(RANK_DICT_RESIZE)),
    ROW(RANK_WATCH, CHANGE),
    ROW(RANK_ERRORS, COMMAND),
    ROW(RANK_RATES, COMMAND),
    ROW(RANK_CONFIG, COMMAND),
    ROW(RANK_LOCK_VIEW, COMMAND),
    ROW(RANK_HOT_KEYS, COMMAND),
    ROW(RANK_SLOWLOG, COMMAND),
    ROW(RANK_PARKING_LOT, UINT32_MAX),
};

const char *lock_rank_name(enum lock_rank rank)
{
    return ranks[rank].name;
}

bool lock_rank_allows(enum lock_rank held, enum lock_rank wanted)
{
    return ranks[wanted].under & BIT(held);
}

// ---- records ---------------------------------------------------------------------------------

static struct rank_thread *_Atomic newest;
static _Thread_local struct rank_thread *mine;
static pthread_once_t exit_key_once = PTHREAD_ONCE_INIT;
static pthread_key_t exit_key;

_Noreturn static void fail(const struct lock_site *site, const char *what);

static void thread_exits(void *record)
{
    mine = record;
    if (mine->state.n != 0)
        fail(NULL, "ends while it holds a lock");
    mine = NULL; // a later destructor of this thread may lock, and begins a record anew
    // Release: the next owner finds the record as this one has left it.
    atomic_store_explicit(&((struct rank_thread *)record)->in_use, false, memory_order_release);
}

static void make_exit_key(void)
{
    if (pthread_key_create(&exit_key, thread_exits) != 0)
        abort();
}

struct rank_thread *rank_threads(void)
{
    // Acquire: sees the records complete.
    return atomic_load_explicit(&newest, memory_order_acquire);
}

static struct rank_thread *claim_used(void)
{
    for (struct rank_thread *t = rank_threads(); t != NULL; t = t->next) {
        bool in_use = false;
        if (atomic_compare_exchange_strong_explicit(&t->in_use, &in_use, true, memory_order_acquire,
                                                    memory_order_relaxed))
            return t;
    }
    return NULL;
}

static struct rank_thread *add_new(void)
{
    struct rank_thread *t = calloc(1, sizeof(*t));
    if (t == NULL)
        abort();
    atomic_store_explicit(&t->in_use, true, memory_order_relaxed);
    atomic_flag_clear_explicit(&t->guard, memory_order_relaxed);
    t->next = atomic_load_explicit(&newest, memory_order_relaxed);
    // Release: publishes the record.
    while (!atomic_compare_exchange_weak_explicit(&newest, &t->next, t, memory_order_release,
                                                  memory_order_relaxed))
        continue;
    return t;
}

// Acquire and release: others see the state as a whole, the owner's changes one by one.
static void guard(struct rank_thread *t)
{
    while (atomic_flag_test_and_set_explicit(&t->guard, memory_order_acquire))
        sched_yield();
}

static void unguard(struct rank_thread *t)
{
    atomic_flag_clear_explicit(&t->guard, memory_order_release);
}

struct rank_thread *rank_self(void)
{
    if (mine != NULL)
        return mine;
    pthread_once(&exit_key_once, make_exit_key);
    struct rank_thread *t = claim_used();
    if (t == NULL)
        t = add_new();
    guard(t);
    t->state.tid = gettid();
    unguard(t);
    mine = t;
    if (pthread_setspecific(exit_key, t) != 0)
        abort();
    return t;
}

void rank_look(struct rank_thread *t, struct rank_state *out)
{
    guard(t);
    *out = t->state;
    unguard(t);
}

static void begin_change(struct rank_thread *t)
{
    guard(t);
    t->state.changes++;
}

static void end_change(struct rank_thread *t)
{
    unguard(t);
}

// ---- complaints ------------------------------------------------------------------------------

static void print_site(FILE *out, const struct lock_site *site)
{
    if (site == NULL)
        return (void)fputc('\n', out);
    fprintf(out, "%s (%s) at %s:%d\n", site->lock, lock_rank_name(site->rank), site->file,
            site->line);
}

void rank_print(FILE *out, const struct rank_state *state)
{
    static const char *const holds[] = {
        [HOLD_READ] = "reads", [HOLD_UPGRADABLE] = "reads (upgradable)", [HOLD_WRITE] = "holds"};
    fprintf(out, "thread %d\n", state->tid);
    for (int i = 0; i < state->n; i++) {
        const struct rank_entry *e = &state->entries[i];
        fprintf(out, "    %s ", e->wanted != HOLD_NONE ? "waits for" : holds[e->holds]);
        print_site(out, e->site);
    }
}

_Noreturn static void fail(const struct lock_site *site, const char *what)
{
    const struct rank_thread *t = rank_self();
    flockfile(stderr);
    fprintf(stderr, "lock order: a thread %s ", what);
    print_site(stderr, site);
    if (t->nbuckets != 0)
        fprintf(stderr, "inside a bucket of the parking lot\n");
    rank_print(stderr, &t->state);
    fprintf(stderr, "locks/README.md has the order\n");
    funlockfile(stderr);
    abort();
}

// ---- taking and releasing --------------------------------------------------------------------

// `except` is an entry that does not count, being the one that is taken again.
static void check_wait(const struct rank_thread *t, const void *lock, const struct lock_site *site,
                       const struct rank_entry *except)
{
    if (t->nbuckets != 0)
        fail(site, "may not wait for");
    for (int i = 0; i < t->state.n; i++) {
        const struct rank_entry *e = &t->state.entries[i];
        if (e == except)
            continue;
        if (lock != NULL && e->lock == lock)
            fail(site, "holds already, and waits for,");
        if (!lock_rank_allows(e->site->rank, site->rank))
            fail(site, "may not wait for");
    }
}

void rank_may_wait_at(const struct lock_site *site)
{
    check_wait(rank_self(), NULL, site, NULL);
}

void *rank_wait(void *lock, const struct lock_site *site, enum lock_hold hold,
                enum rank_patience patience)
{
    struct rank_thread *t = rank_self();
    if (patience != RANK_TRIES)
        check_wait(t, lock, site, NULL);
    if (t->state.n == HELD_MAX)
        fail(site, "holds too many locks to take");
    begin_change(t);
    t->state.entries[t->state.n++] = (struct rank_entry){
        .lock = lock, .site = site, .wanted = hold, .timed = patience != RANK_WAITS};
    end_change(t);
    return lock;
}

// The thread's latest hold of the lock of that kind; ends the process if there is none.
static struct rank_entry *find_hold(struct rank_thread *t, const void *lock,
                                    const struct lock_site *site, enum lock_hold hold)
{
    for (int i = t->state.n - 1; i >= 0; i--) {
        struct rank_entry *e = &t->state.entries[i];
        if (e->lock == lock && e->holds == hold && e->wanted == HOLD_NONE)
            return e;
    }
    fail(site, "releases, without holding it so,");
}

// Makes a hold wait for a hold to write, being what `meanwhile` says in between.
static void *wait_again(void *lock, const struct lock_site *site, enum lock_hold from,
                        enum lock_hold meanwhile, enum rank_patience patience)
{
    struct rank_thread *t = rank_self();
    struct rank_entry *e = find_hold(t, lock, site, from);
    if (patience != RANK_TRIES)
        check_wait(t, lock, site, e);
    begin_change(t);
    *e = (struct rank_entry){.lock = lock,
                             .site = site,
                             .holds = meanwhile,
                             .wanted = HOLD_WRITE,
                             .before = from,
                             .timed = patience != RANK_WAITS};
    end_change(t);
    return lock;
}

void *rank_wait_upgrade(void *lock, const struct lock_site *site, enum rank_patience patience)
{
    return wait_again(lock, site, HOLD_UPGRADABLE, HOLD_UPGRADABLE, patience);
}

void *rank_lend(void *lock, const struct lock_site *site)
{
    // Timed, as far as deadlocks go: who will end the wait is not known.
    return wait_again(lock, site, HOLD_WRITE, HOLD_NONE, RANK_WAITS_TIMED);
}

static void remove_entry(struct rank_thread *t, struct rank_entry *e)
{
    struct rank_entry *end = &t->state.entries[t->state.n--];
    memmove(e, e + 1, (size_t)(end - e - 1) * sizeof(*e));
}

// The latest entry that waits: locks may be used, and taken, inside the slow path of another.
static struct rank_entry *find_wait(struct rank_thread *t)
{
    for (int i = t->state.n - 1; i >= 0; i--)
        if (t->state.entries[i].wanted != HOLD_NONE)
            return &t->state.entries[i];
    return NULL;
}

bool rank_taken(bool success)
{
    struct rank_thread *t = rank_self();
    struct rank_entry *e = find_wait(t);
    begin_change(t);
    e->holds = success ? e->wanted : e->before;
    e->wanted = e->before = HOLD_NONE;
    if (e->holds == HOLD_NONE)
        remove_entry(t, e);
    end_change(t);
    return success;
}

void *rank_lessen(void *lock, const struct lock_site *site, enum lock_hold from, enum lock_hold to)
{
    struct rank_thread *t = rank_self();
    struct rank_entry *e = find_hold(t, lock, site, from);
    begin_change(t);
    e->holds = to;
    if (to == HOLD_NONE)
        remove_entry(t, e);
    end_change(t);
    return lock;
}

void rank_drains(const void *lock)
{
    struct rank_thread *t = rank_self();
    struct rank_entry *e = find_wait(t);
    if (e == NULL || e->lock != lock)
        return; // taken without a rank
    begin_change(t);
    e->holds = HOLD_WRITE;
    end_change(t);
}

// ---- buckets of the parking lot ----------------------------------------------------------------

// Their number has no limit, so they are counted, not listed.
void rank_bucket_wait(const void *bucket)
{
    static const struct lock_site site = {"a bucket", __FILE__, __LINE__, RANK_PARKING_LOT};
    struct rank_thread *t = rank_self();
    if (t->nbuckets != 0 && bucket <= t->highest_bucket)
        fail(&site, "may not wait for");
    t->nbuckets++;
    t->highest_bucket = bucket;
}

void rank_bucket_drop(void)
{
    rank_self()->nbuckets--;
}

#endif
