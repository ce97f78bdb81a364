// SPDX-License-Identifier: MIT
//
// Epoch-based memory reclamation.
//
// What it is
// ----------
// A domain has one counter g, the epoch. A participant that enters a section pins itself at the
// epoch it read; g can move on by one while somebody is pinned, but not by two. Memory retired at
// epoch t is freed once g has reached t + 3, which no thread that could still see it can have
// outlived.
//
// Nothing waits: entering and leaving touch only the participant's own line, retiring appends to
// the participant's own queue (its limbo), and whoever happens to poll moves g and frees. The limbo
// of a thread that has gone to sleep is emptied by the others, so an idle connection holds nothing
// back.
//
// Invariants
// ----------
//  1. `state` is 0 outside any section, else epoch << 1 | 1. Only its owner writes it.
//  2. g changes only from e to e + 1, by compare-and-swap, and only by a thread that has loaded g
//     == e and after that found every participant's state to be 0 or e << 1 | 1.
//  3. While a participant is pinned at e (it has loaded g == e after having stored its state), g
//     <= e + 1. All of these accesses are seq_cst, so they have one order S. Suppose that
//     somebody moves g from e + 1 to e + 2 after a scan of the states. In S: store of state, load
//     of g == e, the swap that made g e + 1, the scanner's load of g == e + 1, its load of our
//     state. So that load sees the pin, or what our thread stored later; the pin forbids the
//     step.
//  4. Stamps in one limbo never decrease, so a limbo is freed from its head until the first young
//     one.
//  5. The producer side of a limbo belongs to the participant's owner, the consumer side to the
//     holder of `reaping`. They meet in chunk->filled, chunk->next, first and spare only.
//  6. The record of a participant is not freed before the domain is; `claimed` says whether
//     somebody owns it. What a thread leaves in its limbo when it unregisters is freed by the
//     others, or under the next owner of the record.
//
// Why t + 3 is safe
// -----------------
// Thread R unlinks an object with a release store in a section pinned at r, then loads the stamp
// t = g; by 3, r <= t <= r + 1. Let S be any section of any thread, pinned at e.
//  - e >= t + 2 >= r + 2: g left r + 1 only after somebody saw R's section over, by an acquire
//    load of R's state or of a later one in the release sequence of R's exit (re-entering is an
//    exchange, which continues it). All changes of g are read-modify-writes, so S's load of g ==
//    e synchronises with that step: the unlink happens before everything in S, and S cannot read
//    the older, linked value.
//  - e <= t + 1: g has left e + 1 by the time it is t + 3, so somebody saw S over in the same
//    way, and everything S did with the object happens before the load of g that lets it be
//    freed.
// With the customary t + 2 the case e == t + 1 is left, where S may have begun before the end of
// R's section and only a fence in S would forbid the older value. One epoch more costs nothing on
// the read side, and leaves a proof that needs acquire and release only outside this file.
//
// Layout
// ------
//     epoch ──> participants, newest first; the list only grows
//
//     epoch_thread   | state ............................ |  a line that scanners read
//                    | owner: depth, tail, retired ...... |  a line of the owner's
//                    | reaper: head, taken, freed ....... |  a line of whoever reaps
//
//     limbo, a queue of chunks of about 1 KB:
//        head                                   tail
//        [ x x x x r r r r ] -> [ r r r r r ] -> [ r r . . . ]      x freed, r retired
//                 taken                             filled
//
// References
// ----------
// K. Fraser, "Practical lock-freedom" (2004), chapter 5; T. E. Hart et al., "Performance of memory
// reclamation for lockless synchronization" (2007); the C11 memory model, ISO/IEC
// 9899:2011, 5.1.2.4 and 7.17.3.
#include "locks/epoch.h"

#include <assert.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

#include "locks/cpu.h"

enum {
    CHUNK_RECORDS = 31, // makes a chunk 1008 bytes
    GRACE_EPOCHS = 3,
    RETIRE_POLL_BASE = 64,    // retires between two polls, plus one for each participant
    RETIRE_POLL_BUDGET = 128, // more than are retired meanwhile, or the limbo would never empty
    SCAN_SHARE = 64           // participants a poll pays for: n are scanned in 1 of n / 64 polls
};

struct record {
    void *ptr;
    union {
        void (*free_fn)(void *ptr);
        void (*give_fn)(void *ptr, void *reclaimer); // to_reclaimer
    };
    uint64_t nbytes : 63, to_reclaimer : 1;
    uint64_t stamp;
};

struct chunk {
    _Atomic(struct chunk *) next; // set by the producer once the chunk is full
    _Atomic uint64_t filled;      // records written; a release store publishes each
    struct record records[CHUNK_RECORDS];
};

struct epoch_thread {
    // Read by every scanner.
    _Alignas(CACHE_LINE) _Atomic uint64_t state;
    _Atomic(struct epoch_thread *) next; // fixed once the record is on the list
    struct epoch *domain;
    unsigned index;
    _Atomic bool claimed;

    // Owner's side. The counters are written by the owner alone, by load and store.
    _Alignas(CACHE_LINE) unsigned depth;
    unsigned until_poll; // retires before the next poll
    unsigned until_scan; // polls before the next attempt to move g
    struct chunk *tail;
    struct epoch_thread *neighbour; // whose limbo to look after at the next poll
    _Atomic size_t retired_count, retired_bytes, leaked_bytes;

    // Reaper's side.
    _Alignas(CACHE_LINE) atomic_flag reaping;
    struct chunk *head;
    uint64_t taken; // records of `head` that are freed
    _Atomic size_t freed_count, freed_bytes;
    _Atomic(struct chunk *) first; // the very first chunk, where the reaper starts
    _Atomic(struct chunk *) spare; // an empty chunk, passed back to the producer
};

struct epoch {
    _Alignas(CACHE_LINE) _Atomic uint64_t g;
    _Alignas(CACHE_LINE) _Atomic(struct epoch_thread *) threads;
    _Atomic unsigned nthreads; // records on the list, in use or not
    void *reclaimer;           // fixed before there are participants
};

static void *alloc_lines(size_t nbytes)
{
    return aligned_alloc(CACHE_LINE, (nbytes + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE);
}

// Adds to a counter that this thread alone writes. Relaxed: counters order nothing.
static inline void own_add(_Atomic size_t *counter, size_t n)
{
    size_t value = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, value + n, memory_order_relaxed);
}

struct epoch *epoch_create(void)
{
    struct epoch *ep = alloc_lines(sizeof *ep);
    if (!ep)
        return NULL;
    atomic_init(&ep->g, 1);
    atomic_init(&ep->threads, NULL);
    atomic_init(&ep->nthreads, 0);
    ep->reclaimer = NULL;
    return ep;
}

// The list of participants, newest first. Acquire: the records' fixed fields were written before.
static inline struct epoch_thread *threads_of(const struct epoch *ep)
{
    return atomic_load_explicit(&ep->threads, memory_order_acquire);
}

static inline struct epoch_thread *next_of(const struct epoch_thread *t)
{
    // Relaxed: written before the record was published, and never after.
    return atomic_load_explicit(&t->next, memory_order_relaxed);
}

// Takes over a record that nobody uses.
static struct epoch_thread *claim_unused(struct epoch *ep)
{
    for (struct epoch_thread *t = threads_of(ep); t; t = next_of(t)) {
        bool claimed = atomic_load_explicit(&t->claimed, memory_order_relaxed);
        // Acquire pairs with the release in epoch_unregister(): the owner's side is ours from here.
        if (!claimed &&
            atomic_compare_exchange_strong_explicit(&t->claimed, &claimed, true,
                                                    memory_order_acquire, memory_order_relaxed))
            return t;
    }
    return NULL;
}

struct epoch_thread *epoch_register(struct epoch *ep)
{
    struct epoch_thread *t = claim_unused(ep);
    if (t)
        return t;

    t = alloc_lines(sizeof *t);
    if (!t)
        return NULL;
    *t = (struct epoch_thread){.domain = ep, .until_poll = RETIRE_POLL_BASE};
    atomic_flag_clear_explicit(&t->reaping, memory_order_relaxed);
    atomic_init(&t->claimed, true);
    t->index = atomic_fetch_add_explicit(&ep->nthreads, 1, memory_order_relaxed);

    struct epoch_thread *newest = atomic_load_explicit(&ep->threads, memory_order_relaxed);
    do
        atomic_store_explicit(&t->next, newest, memory_order_relaxed);
    // Release publishes the record; seq_cst besides, so that a scanner that starts after our first
    // validated load of g (invariant 3) finds us on the list.
    while (!atomic_compare_exchange_weak_explicit(&ep->threads, &newest, t, memory_order_seq_cst,
                                                  memory_order_relaxed));
    return t;
}

void epoch_unregister(struct epoch_thread *t)
{
    assert(t->depth == 0);
    atomic_store_explicit(&t->claimed, false, memory_order_release);
}

unsigned epoch_thread_index(const struct epoch_thread *t)
{
    return t->index;
}

void epoch_enter(struct epoch_thread *t)
{
    if (t->depth++ > 0)
        return;
    uint64_t e = atomic_load_explicit(&t->domain->g, memory_order_seq_cst);
    for (;;) {
        // An exchange rather than a store: it continues the release sequence of our last exit, and
        // on x86 it costs the same.
        atomic_exchange_explicit(&t->state, e << 1 | 1, memory_order_seq_cst);
        uint64_t now = atomic_load_explicit(&t->domain->g, memory_order_seq_cst);
        if (now == e)
            return;
        e = now;
    }
}

void epoch_exit(struct epoch_thread *t)
{
    assert(t->depth > 0);
    // Release: what the section read and wrote happens before whoever sees that it is over.
    if (--t->depth == 0)
        atomic_store_explicit(&t->state, 0, memory_order_release);
}

bool epoch_active(const struct epoch_thread *t)
{
    return t->depth > 0;
}

// Moves g from e to e + 1 when every participant allows it. Returns the epoch as known after.
static uint64_t try_advance(struct epoch *ep)
{
    uint64_t e = atomic_load_explicit(&ep->g, memory_order_seq_cst);
    // Seq_cst for the list's head and the states: see invariant 3.
    struct epoch_thread *t = atomic_load_explicit(&ep->threads, memory_order_seq_cst);
    for (; t; t = next_of(t)) {
        uint64_t state = atomic_load_explicit(&t->state, memory_order_seq_cst);
        if (state != 0 && state != (e << 1 | 1))
            return e;
    }
    // On failure e becomes the value that somebody else has moved g to.
    if (atomic_compare_exchange_strong_explicit(&ep->g, &e, e + 1, memory_order_seq_cst,
                                                memory_order_seq_cst))
        e++;
    return e;
}

// Makes room for one more record at the tail of the limbo; false without memory.
static bool grow_limbo_slow(struct epoch_thread *t)
{
    // Acquire: the reaper is done with the chunk it passes back.
    struct chunk *c = atomic_exchange_explicit(&t->spare, NULL, memory_order_acquire);
    if (!c)
        c = malloc(sizeof *c);
    if (!c)
        return false;
    atomic_store_explicit(&c->next, NULL, memory_order_relaxed);
    atomic_store_explicit(&c->filled, 0, memory_order_relaxed);
    // Release: the reaper sees an empty chunk before it sees the link.
    atomic_store_explicit(t->tail ? &t->tail->next : &t->first, c, memory_order_release);
    t->tail = c;
    return true;
}

void epoch_set_reclaimer(struct epoch *ep, void *reclaimer)
{
    ep->reclaimer = reclaimer;
}

void *epoch_reclaimer(const struct epoch_thread *t)
{
    return t->domain->reclaimer;
}

// Appends a record, which gets its stamp here, to the limbo; false without memory.
static inline bool retire(struct epoch_thread *t, struct record r)
{
    assert(t->depth > 0);
    uint64_t filled =
        t->tail ? atomic_load_explicit(&t->tail->filled, memory_order_relaxed) : CHUNK_RECORDS;
    if (filled == CHUNK_RECORDS) {
        if (!grow_limbo_slow(t)) {
            own_add(&t->leaked_bytes, r.nbytes);
            return false;
        }
        filled = 0;
    }
    r.stamp = atomic_load_explicit(&t->domain->g, memory_order_seq_cst);
    t->tail->records[filled] = r;
    own_add(&t->retired_count, 1);
    own_add(&t->retired_bytes, r.nbytes);
    atomic_store_explicit(&t->tail->filled, filled + 1, memory_order_release);

    if (--t->until_poll == 0)
        epoch_poll(t, RETIRE_POLL_BUDGET);
    return true;
}

void epoch_retire(struct epoch_thread *t, void *ptr, void (*free_fn)(void *ptr), size_t nbytes)
{
    (void)retire(t, (struct record){.ptr = ptr, .free_fn = free_fn, .nbytes = nbytes});
}

bool epoch_retire_to_reclaimer(struct epoch_thread *t, void *ptr,
                               void (*give_fn)(void *ptr, void *reclaimer), size_t nbytes)
{
    return retire(
        t, (struct record){.ptr = ptr, .give_fn = give_fn, .nbytes = nbytes, .to_reclaimer = 1});
}

// Goes on to the next chunk of a limbo when `head` is used up. False when there is nothing to take.
static bool next_record_locked(struct epoch_thread *t)
{
    if (!t->head) {
        t->head = atomic_load_explicit(&t->first, memory_order_acquire);
        if (!t->head)
            return false;
    }
    if (t->taken == CHUNK_RECORDS) {
        struct chunk *next = atomic_load_explicit(&t->head->next, memory_order_acquire);
        if (!next)
            return false;
        // The producer has left this chunk for good. Release: our reads of it come before its
        // reuse.
        free(atomic_exchange_explicit(&t->spare, t->head, memory_order_acq_rel));
        t->head = next;
        t->taken = 0;
    }
    return t->taken < atomic_load_explicit(&t->head->filled, memory_order_acquire);
}

// Frees up to `budget` records of t's limbo whose stamp is at most `limit`. Caller holds
// t->reaping.
static size_t reap_locked(struct epoch_thread *t, uint64_t limit, size_t budget)
{
    size_t n = 0;
    while (n < budget && next_record_locked(t)) {
        struct record r = t->head->records[t->taken];
        if (r.stamp > limit)
            break;
        t->taken++;
        if (r.to_reclaimer)
            r.give_fn(r.ptr, t->domain->reclaimer);
        else
            r.free_fn(r.ptr);
        own_add(&t->freed_count, 1);
        own_add(&t->freed_bytes, r.nbytes);
        n++;
    }
    return n;
}

// The same for anyone; 0 when somebody else is at it.
static size_t reap_try(struct epoch_thread *t, uint64_t now, size_t budget)
{
    if (now < 1 + GRACE_EPOCHS ||
        atomic_flag_test_and_set_explicit(&t->reaping, memory_order_acquire))
        return 0;
    size_t n = reap_locked(t, now - GRACE_EPOCHS, budget);
    atomic_flag_clear_explicit(&t->reaping, memory_order_release);
    return n;
}

// Records of t that are not freed yet. Freed is read first: acquire keeps the order, and since
// neither ever decreases the difference cannot come out negative by more than what the stores still
// hide.
static size_t pending_of(const struct epoch_thread *t)
{
    size_t freed = atomic_load_explicit(&t->freed_count, memory_order_acquire);
    size_t retired = atomic_load_explicit(&t->retired_count, memory_order_relaxed);
    return retired > freed ? retired - freed : 0;
}

size_t epoch_poll(struct epoch_thread *t, size_t budget)
{
    unsigned nthreads = atomic_load_explicit(&t->domain->nthreads, memory_order_relaxed);
    t->until_poll = RETIRE_POLL_BASE + nthreads;

    // One other participant's limbo each time, in turn: those who sleep need somebody to do it.
    struct epoch_thread *other = t->neighbour ? next_of(t->neighbour) : NULL;
    t->neighbour = other = other ? other : threads_of(t->domain);
    bool own_work = pending_of(t) > 0, other_work = other != t && pending_of(other) > 0;
    if (!own_work && !other_work)
        return 0;

    uint64_t now;
    if (t->until_scan == 0) {
        t->until_scan = nthreads / SCAN_SHARE;
        now = try_advance(t->domain);
    } else {
        t->until_scan--;
        // Acquire: synchronises with the step that reached this epoch, as try_advance() would.
        now = atomic_load_explicit(&t->domain->g, memory_order_acquire);
    }
    size_t n = own_work ? reap_try(t, now, budget) : 0;
    if (other_work && n < budget)
        n += reap_try(other, now, budget - n);
    return n;
}

void epoch_drain(struct epoch_thread *t)
{
    assert(t->depth == 0);
    struct epoch *ep = t->domain;
    // Whatever was retired before this call carries at most this stamp.
    uint64_t last = atomic_load_explicit(&ep->g, memory_order_seq_cst);
    while (try_advance(ep) < last + GRACE_EPOCHS)
        sched_yield();
    for (struct epoch_thread *p = threads_of(ep); p; p = next_of(p)) {
        while (atomic_flag_test_and_set_explicit(&p->reaping, memory_order_acquire))
            sched_yield();
        reap_locked(p, last, SIZE_MAX);
        atomic_flag_clear_explicit(&p->reaping, memory_order_release);
    }
}

void epoch_destroy(struct epoch *ep)
{
    if (!ep)
        return;
    struct epoch_thread *next;
    for (struct epoch_thread *t = threads_of(ep); t; t = next) {
        assert(!atomic_load_explicit(&t->claimed, memory_order_acquire));
        next = next_of(t);
        reap_locked(t, UINT64_MAX, SIZE_MAX);
        // The last chunk never leaves the reaper's hands; without a head there never was one.
        free(t->head);
        free(atomic_load_explicit(&t->spare, memory_order_relaxed));
        free(t);
    }
    free(ep);
}

size_t epoch_pending_count(const struct epoch *ep)
{
    size_t sum = 0;
    for (const struct epoch_thread *t = threads_of(ep); t; t = next_of(t))
        sum += pending_of(t);
    return sum;
}

size_t epoch_pending_bytes(const struct epoch *ep)
{
    size_t sum = 0;
    for (const struct epoch_thread *t = threads_of(ep); t; t = next_of(t)) {
        size_t freed = atomic_load_explicit(&t->freed_bytes, memory_order_acquire);
        size_t retired = atomic_load_explicit(&t->retired_bytes, memory_order_relaxed);
        sum += retired > freed ? retired - freed : 0;
    }
    return sum;
}

size_t epoch_leaked_bytes(const struct epoch *ep)
{
    size_t sum = 0;
    for (const struct epoch_thread *t = threads_of(ep); t; t = next_of(t))
        sum += atomic_load_explicit(&t->leaked_bytes, memory_order_relaxed);
    return sum;
}
