// SPDX-License-Identifier: MIT
//
// Concurrent dictionary.
//
// What it is
// ----------
// A hash table of pointers to nodes, grown and shrunk by linear hashing: a table of n buckets
// becomes one of n + 1 by splitting one bucket, n - 1 by merging two. There is never a second
// table, never a rehash that somebody has to pay for, and never a moment at which a lookup has two
// places to go to. Lookups, scans and random draws take no lock and write nothing. Writers lock the
// bucket they change.
//
// With n buckets, 2^L <= n < 2^(L+1), a hash belongs to the bucket that its low L+1 bits name, or,
// where there is no such bucket yet, to the one that its low L bits name:
//
//         0 ........ n - 2^L ........ 2^L ........ n ........ 2^(L+1)
//         | split: L+1 bits | L bits  |  L+1 bits  | not there yet
//           ^                           ^
//           b, when split into .......  b + 2^L = n, the next one
//
// Layout
// ------
//     dict ──> directory ──> segments of 2 .. 4096 buckets (dict_internal.h has the sizes)
//
//     bucket, 64 bytes  | lock | 7 hints | slot 0 | ... | slot 5 | slot 6 |──> overflow bucket
//     slot, 8 bytes     | tag: top 16 bits of the hash | 48-bit pointer to the node |  0: empty
//
// A bucket that 7 slots are not enough for keeps in the last one a link to an overflow bucket; that
// chain is as long as it must be. At the usual 5 nodes a bucket one bucket in seven has one. A
// lookup costs one cache line of buckets and, the tag being right by chance once in 65536, one
// node.
//
// Invariants
// ----------
//  1. While the state (number of buckets, change counter) stays the same, a node that is in the
//     table can be reached through the chain of the bucket that index_of() names for that state,
//     by every reader, from wherever the reader is in that chain.
//  2. The slots of one chain change only under the lock of its first bucket; in a DICT_OWNED
//     dictionary by the one writer. A split or merge holds the locks of both chains from before
//     the first copy to after the last clearing. So a node is in two places only while nobody can
//     remove it.
//  3. Before a slot is cleared (or gets other contents) from which a node has moved elsewhere,
//     the state is changed by a release store. Removing a node is not a move.
//  4. Making and dropping an overflow bucket for its last node is not a move either: the new
//     bucket is complete, with the node whose slot the link takes, before it is linked; and a
//     bucket that is unlinked keeps its contents and its own link for the readers inside until it
//     is freed.
//  5. Overflow buckets, segments and directories that readers may be in are retired to the epoch
//     module.
//  6. Only one thread at a time changes the state: the holder of `resizing`, or the one writer.
//
// Concurrency contract
// --------------------
//  - Readers: inside an epoch section, otherwise nothing. A lookup starts over only when the table
//    was resized under it, so readers are lock-free, not wait-free.
//  - Writers: inside an epoch section. DICT_SHARED: any number; a bucket lock is held for one probe
//    of its chain and one store, never over an allocation, a callback other than type->key, or a
//    retirement.
//  - Lock order: `resizing` (tried only), bucket with the lower number, bucket with the higher one.
//    Writers hold one bucket at a time and never ask for `resizing` while they hold it.
//
// Lookups (proof sketch)
// ----------------------
// A reader loads the state, reads the chain, and if it has not found the key loads the state again;
// it answers "absent" only if both are the same, and starts over otherwise.
//
// No false negative. Let the node be in the table during the whole lookup. The first load reads the
// state s from some release store, which comes after all that s promises (a split copies before it
// publishes). By 1 the reader finds the node unless it reads a slot that the node has left. By 3
// that slot's new contents were stored after a newer state, by the same thread or by a later holder
// of the same lock; the reader's acquire load of the slot therefore makes the second load of the
// state return something newer than s. (The counter has 32 bits; it would have to wrap within one
// lookup.) A bucket whose segment is NULL has been merged away, which changed the state in the same
// way.
//
// No false positive. A slot that holds a node of the table proves it present when the slot was
// read. A slot that holds a node no longer in the table is either in an unlinked overflow bucket
// (4), where the node was still in the table when the bucket was unlinked, which is after the
// reader came in through the link; or not there, since by 2 a node is removed only when it has one
// place. So the node was present at some instant of the lookup, which is all that "no lock" can
// mean.
//
// A writer re-computes its bucket after having locked it. The chain that it then holds is the one
// of its hash for as long as it holds the lock, because splitting or merging the bucket needs that
// lock, and other changes of the state do not touch its hashes; the pointers must be compared, not
// the numbers, because a segment can go and come back in other memory.
//
// Scans
// -----
// Order all hashes by their bits reversed. Then a bucket with k bits in use owns one interval of
// 2^(64-k) hashes, whatever n is; splitting it cuts the interval in half, merging joins two
// neighbours. A cursor is the point up to which everything has been passed (bits reversed once
// more, so that it is a small number). A call finds the bucket whose interval contains the point,
// passes those of its nodes that do not lie before the point (there are such after a merge: the
// point is then the old border between two buckets), and returns the interval's end. The points of
// one scan rise from 0 to 2^64 without a gap, and a node that stays lies in the stretch of exactly
// one call, whose bucket is read as a lookup reads it: again if the state changed.
//
// References
// ----------
// W. Litwin, "Linear hashing: a new tool for file and table addressing" (VLDB 1980); P.-A. Larson,
// "Dynamic hash tables" (CACM 1988); J. Triplett et al., "Resizable, scalable, concurrent hash
// tables via relativistic programming" (USENIX ATC 2011); P. Noordhuis's cursor of reversed bits in
// Redis's SCAN.
#include "datatypes/dict.h"

#include <assert.h>
#include <string.h>

#include "datatypes/dict_internal.h"
#include "datatypes/mem.h"
#include "datatypes/rng.h"
#include "locks/epoch.h"

enum {
    SCAN_BATCH = 64,     // nodes that are collected before any is passed on
    DRAWS = 4,           // random places that are fetched from memory together
    DRAW_ROUNDS = 64,    // before dict_random takes the next node instead
    WALK_BUCKETS = 4096, // that it looks for one in a shared dictionary
    FOLD_SHIFT = 7 // a stripe is folded at each 1/128 of the number of buckets, 1 .. FOLD_MOST
};
#define FOLD_MOST 32

#ifdef KL_DEBUG
_Thread_local void (*dict_on_read)(void), (*dict_on_write)(void);
#endif

static struct bucket *alloc_bucket(void)
{
    return mem_zalloc_aligned(CACHE_LINE, sizeof(struct bucket));
}

struct dict *dict_create(const struct dict_type *type, enum dict_mode mode,
                         const struct siphash_seed *seed)
{
    const size_t capacity = 4;
    struct dict *d = mem_zalloc_aligned(CACHE_LINE, sizeof *d);
    struct directory *dir =
        mem_zalloc(sizeof(struct directory) + capacity * sizeof(struct bucket *));
    struct bucket *segment = mem_zalloc_aligned(CACHE_LINE, MIN_BUCKETS * sizeof *segment);
    struct shared *shared = NULL;
    if (mode == DICT_SHARED)
        shared = mem_zalloc_aligned(CACHE_LINE, sizeof *shared);
    if (!d || !dir || !segment || (mode == DICT_SHARED && !shared)) {
        mem_free(d);
        mem_free(dir);
        mem_free(segment);
        mem_free(shared);
        return NULL;
    }
    dir->capacity = capacity;
    atomic_init(&dir->segment[0], segment);
    d->type = type;
    d->seed = seed;
    d->shared = shared;
    d->round_level = 1; // of MIN_BUCKETS
    atomic_init(&d->directory, dir);
    atomic_init(&d->state, state_make(MIN_BUCKETS, 0));
    atomic_init(&d->chains, UINT64_C(1) << 32 | 1);
    return d;
}

uint64_t dict_hash(const struct dict *d, const char *key, size_t nkey)
{
    return siphash_bytes(d->seed, key, nkey);
}

// The first bucket for a hash as things stand; NULL when they are just changing.
static inline struct bucket *bucket_of(const struct dict *d, uint64_t hash)
{
    return bucket_at(d, index_of(hash, state_buckets(state_load(d))));
}

void dict_prefetch(const struct dict *d, uint64_t hash)
{
    __builtin_prefetch(bucket_of(d, hash));
}

const void *dict_prefetch_node(const struct dict *d, uint64_t hash)
{
    const struct bucket *b = bucket_of(d, hash);
    uint64_t tag = hash_tag(hash);

    for (unsigned i = 0; b && i < SLOTS; i++) {
        uint64_t word = slot_load(b, i);
        if (word >> TAG_SHIFT == tag) {
            __builtin_prefetch(word_pointer(word));
            return word_pointer(word);
        }
    }
    return NULL;
}

// ---- lookups -----------------------------------------------------------------------------------
static inline bool node_has_key(const struct dict *d, const void *node, const char *key,
                                size_t nkey)
{
    const char *its;
    size_t nits;
    d->type->key(node, &its, &nits);
    return nits == nkey && memcmp(its, key, nkey) == 0;
}

static inline void *find_in_chain(const struct dict *d, const struct bucket *b, uint64_t tag,
                                  const char *key, size_t nkey)
{
    for (;;) {
        uint64_t word = 0;
        for (unsigned i = 0; i < SLOTS; i++) {
            point_read();
            word = slot_load(b, i);
            if (word >> TAG_SHIFT == tag && node_has_key(d, word_pointer(word), key, nkey))
                return word_pointer(word);
        }
        if (!word_is_link(word)) // of the last slot: read once, as the node or as the link
            return NULL;
        b = word_pointer(word);
    }
}

void *dict_find(const struct dict *d, uint64_t hash, const char *key, size_t nkey)
{
    uint64_t state = state_load(d), tag = hash_tag(hash);
    for (;;) {
        point_read();
        const struct bucket *b = bucket_at(d, index_of(hash, state_buckets(state)));
        void *node = b ? find_in_chain(d, b, tag, key, nkey) : NULL;
        if (node)
            return node;
        point_read();
        // The acquire loads above keep this one behind them.
        uint64_t again = state_load(d);
        if (again == state && b)
            return NULL;
        state = again;
    }
}

// ---- counting ----------------------------------------------------------------------------------
// Changes of the number of nodes collect in a stripe, so that writers share no line; the resizer
// goes by the sum of what has been folded in, which lags by less than one part in 128 of the
// buckets for each stripe. All relaxed: a count orders nothing, and the resizer's decision may be a
// little late.
static void count_shared(struct dict *d, struct epoch_thread *et, int64_t change)
{
    struct shared *sh = d->shared;
    _Atomic int64_t *delta = &sh->stripe[epoch_thread_index(et) % STRIPES].delta;
    int64_t now = atomic_fetch_add_explicit(delta, change, memory_order_relaxed) + change;
    uint64_t n = state_buckets(atomic_load_explicit(&d->state, memory_order_relaxed));
    int64_t batch = (int64_t)(n >> FOLD_SHIFT);
    batch = batch < 1 ? 1 : batch > FOLD_MOST ? FOLD_MOST : batch;
    if (now < batch && now > -batch)
        return;
    // Another thread of the same stripe may do this at the same time; what is taken out here is put
    // in there, so the sum stays right.
    atomic_fetch_sub_explicit(delta, now, memory_order_relaxed);
    int64_t total = atomic_fetch_add_explicit(&sh->folded, now, memory_order_relaxed) + now;
    dict_adjust(d, et, total > 0 ? (size_t)total : 0);
}

// After an insert (+1) or a remove (-1), without locks.
static void count_change(struct dict *d, struct epoch_thread *et, int change)
{
    if (d->shared) {
        count_shared(d, et, change);
        return;
    }
    size_t count = atomic_load_explicit(&d->count, memory_order_relaxed) + (size_t)change;
    // Release: see value.h, rule 4. Who sees the count sees what was changed before it.
    atomic_store_explicit(&d->count, count, memory_order_release);
    dict_adjust(d, et, count);
}

void dict_note_length(struct dict *d, size_t len)
{
    uint8_t bits = len > 0 ? (uint8_t)(64 - __builtin_clzll(len)) : 0;

    // Only the owner stores it; relaxed, since it is for estimates.
    if (bits > atomic_load_explicit(&d->longest, memory_order_relaxed))
        atomic_store_explicit(&d->longest, bits, memory_order_relaxed);
}

size_t dict_longest(const struct dict *d)
{
    unsigned bits = atomic_load_explicit(&d->longest, memory_order_relaxed);
    return bits < 64 ? ((size_t)1 << bits) - 1 : SIZE_MAX;
}

size_t dict_bytes_most(const struct dict *d, size_t n)
{
    size_t nbytes;
    return __builtin_mul_overflow(dict_longest(d), n, &nbytes) ? SIZE_MAX : nbytes;
}

size_t dict_count(const struct dict *d)
{
    if (!d->shared)
        return atomic_load_explicit(&d->count, memory_order_acquire);
    int64_t sum = atomic_load_explicit(&d->shared->folded, memory_order_relaxed);
    for (int i = 0; i < STRIPES; i++)
        sum += atomic_load_explicit(&d->shared->stripe[i].delta, memory_order_relaxed);
    return sum > 0 ? (size_t)sum : 0;
}

// ---- changes -----------------------------------------------------------------------------------
// The chain of a hash, locked (DICT_SHARED) and certain to be the right one until it is unlocked.
static struct bucket *lock_chain(const struct dict *d, uint64_t hash)
{
    for (;;) {
        struct bucket *b = bucket_of(d, hash);
        if (!d->shared)
            return b; // the one writer is the resizer, too
        if (!b)
            continue;
        mutex_lock(&b->lock);
        if (bucket_of(d, hash) == b)
            return b;
        mutex_unlock(&b->lock);
    }
}

static void unlock_chain(const struct dict *d, struct bucket *b)
{
    if (d->shared)
        mutex_unlock(&b->lock);
}

// Outcome of looking through a chain before an insert: the node that has the key already, or the
// first hole; when there is none, the last bucket with i == SLOTS.
struct probe {
    void *found;
    struct bucket *b;
    unsigned i;
    uint32_t len; // buckets in the chain, if there is no hole
};

static struct probe probe_locked(const struct dict *d, struct bucket *b, uint64_t tag,
                                 const char *key, size_t nkey)
{
    struct probe p = {NULL, NULL, SLOTS, 1};
    for (;; p.len++) {
        uint64_t word = 0;
        for (unsigned i = 0; i < SLOTS; i++) {
            word = slot_load(b, i);
            if (word == 0 && !p.b) {
                p.b = b;
                p.i = i;
            } else if (word >> TAG_SHIFT == tag && node_has_key(d, word_pointer(word), key, nkey)) {
                p.found = word_pointer(word);
                return p;
            }
        }
        if (!word_is_link(word))
            break;
        b = word_pointer(word);
    }
    if (!p.b)
        p.b = b;
    return p;
}

// Stores the word where the probe says. A full chain needs *spare, which is taken. False: it is
// NULL.
static bool place_locked(struct dict *d, const struct probe *p, uint64_t word, uint8_t hint,
                         struct bucket **spare)
{
    if (p->i < SLOTS) {
        p->b->hint[p->i] = hint;
        slot_store(p->b, p->i, word);
        return true;
    }
    struct bucket *b = *spare;
    if (!b)
        return false;
    *spare = NULL;
    b->hint[0] = p->b->hint[LAST];
    slot_store(b, 0, slot_load(p->b, LAST));
    b->hint[1] = hint;
    slot_store(b, 1, word);
    dict_note_chain(d, p->len + 1);
    atomic_fetch_add_explicit(&d->noverflow, 1, memory_order_relaxed);
    slot_store(p->b, LAST, word_make(TAG_LINK, b));
    return true;
}

enum status dict_insert(struct dict *d, struct epoch_thread *et, uint64_t hash, void *node,
                        void **existing)
{
    assert(epoch_active(et));
    const char *key;
    size_t nkey;
    d->type->key(node, &key, &nkey);
    uint64_t tag = hash_tag(hash);
    struct bucket *spare = NULL;

    for (;;) {
        struct bucket *b = lock_chain(d, hash);
        struct probe p = probe_locked(d, b, tag, key, nkey);
        bool done = p.found != NULL;
        if (!done) {
            // Of this state or a later one: for the bucket that is locked they agree.
            uint64_t n = state_buckets(state_load(d));
            uint8_t hint = hint_of(hash, bucket_bits(index_of(hash, n), n));
            done = place_locked(d, &p, word_make(tag, node), hint, &spare);
        }
        unlock_chain(d, b);
        if (done) {
            mem_free(spare); // needed no more if others have made room meanwhile
            *existing = p.found;
            if (!p.found)
                count_change(d, et, 1);
            return STATUS_OK;
        }
        spare = alloc_bucket(); // not under the lock; so look again after it
        if (!spare) {
            *existing = NULL;
            return STATUS_NO_MEMORY;
        }
    }
}

// The place of a word in a chain: bucket and slot, and the bucket before it. b is NULL: not there.
struct place {
    struct bucket *before, *b;
    unsigned i;
};

static struct place locate_locked(struct bucket *b, uint64_t word)
{
    struct place p = {NULL, b, 0};
    while (p.b) {
        for (p.i = 0; p.i < SLOTS; p.i++)
            if (slot_load(p.b, p.i) == word)
                return p;
        p.before = p.b;
        p.b = bucket_next(p.b);
    }
    return p;
}

// Unlinks the overflow bucket p.b if no node, or at its end only one, is left in it: the one moves
// into the place of the link. The bucket keeps its contents. Returns it, to be retired, or NULL.
static struct bucket *drop_overflow_locked(struct place p)
{
    uint64_t end = slot_load(p.b, LAST), only = 0;
    uint8_t hint = 0;
    unsigned n = 0;
    for (unsigned i = 0; i < SLOTS; i++) {
        uint64_t word = slot_load(p.b, i);
        if (word != 0 && !word_is_link(word)) {
            only = word;
            hint = p.b->hint[i];
            n++;
        }
    }
    if (word_is_link(end)) {
        if (n > 0)
            return NULL;
        only = end;
    } else if (n > 1)
        return NULL;
    p.before->hint[LAST] = hint;
    slot_store(p.before, LAST, only);
    return p.b;
}

bool dict_remove(struct dict *d, struct epoch_thread *et, uint64_t hash, const void *node)
{
    assert(epoch_active(et));
    struct bucket *dropped = NULL, *b = lock_chain(d, hash);
    struct place p = locate_locked(b, word_make(hash_tag(hash), node));
    if (p.b) {
        slot_store(p.b, p.i, 0);
        if (p.before)
            dropped = drop_overflow_locked(p);
    }
    unlock_chain(d, b);
    if (dropped)
        dict_retire_bucket(d, et, dropped);
    if (p.b)
        count_change(d, et, -1);
    return p.b != NULL;
}

void dict_replace(struct dict *d, struct epoch_thread *et, uint64_t hash, const void *old,
                  void *node)
{
    assert(epoch_active(et));
    (void)et;
    uint64_t tag = hash_tag(hash);
    // The key's lock keeps `old` in the table; the bucket's keeps it where it is for a moment.
    struct bucket *b = lock_chain(d, hash);
    struct place p = locate_locked(b, word_make(tag, old));
    if (p.b)
        slot_store(p.b, p.i, word_make(tag, node));
    unlock_chain(d, b);
}

// ---- scanning ----------------------------------------------------------------------------------
static uint64_t reverse_bits(uint64_t x)
{
    x = __builtin_bswap64(x);
    x = (x & 0x0f0f0f0f0f0f0f0f) << 4 | (x >> 4 & 0x0f0f0f0f0f0f0f0f);
    x = (x & 0x3333333333333333) << 2 | (x >> 2 & 0x3333333333333333);
    return (x & 0x5555555555555555) << 1 | (x >> 1 & 0x5555555555555555);
}

// True when the node lies before the point up to which a scan has passed everything.
static bool lies_before(const struct dict *d, const void *node, uint64_t point)
{
    const char *key;
    size_t nkey;
    d->type->key(node, &key, &nkey);
    return reverse_bits(dict_hash(d, key, nkey)) < point;
}

// Collects the nodes of a chain that do not lie before the point (0: all), passing full batches on:
// what is passed on twice because the chain must be read again is allowed, and happens only to
// chains longer than a batch.
static size_t collect(const struct dict *d, const struct bucket *b, uint64_t point,
                      void *nodes[SCAN_BATCH], void (*fn)(void *node, void *arg), void *arg)
{
    size_t n = 0;
    for (; b;) {
        uint64_t word = 0;
        for (unsigned i = 0; i < SLOTS; i++) {
            point_read();
            word = slot_load(b, i);
            if (word == 0 || word_is_link(word))
                continue;
            if (point != 0 && lies_before(d, word_pointer(word), point))
                continue;
            if (n == SCAN_BATCH)
                while (n > 0)
                    fn(nodes[--n], arg);
            nodes[n++] = word_pointer(word);
        }
        b = word_is_link(word) ? word_pointer(word) : NULL;
    }
    return n;
}

uint64_t dict_scan(const struct dict *d, uint64_t cursor, void (*fn)(void *node, void *arg),
                   void *arg)
{
    void *nodes[SCAN_BATCH];
    size_t count;
    unsigned bits;
    uint64_t state = state_load(d);
    for (;;) {
        uint64_t n = state_buckets(state), i = index_of(cursor, n);
        const struct bucket *b = bucket_at(d, i);
        bits = bucket_bits(i, n);
        // Usually the point is where the bucket's interval begins, and hashing is not needed.
        uint64_t point = reverse_bits(cursor);
        count = collect(d, b, point & UINT64_MAX >> bits ? point : 0, nodes, fn, arg);
        uint64_t again = state_load(d);
        if (again == state && b)
            break;
        state = again;
    }
    for (size_t i = 0; i < count; i++)
        fn(nodes[i], arg);
    // The end of the interval that the bucket covers; past the last one this wraps to 0.
    uint64_t end = (reverse_bits(cursor) | UINT64_MAX >> bits) + 1;
    return reverse_bits(end);
}

// ---- random nodes ------------------------------------------------------------------------------
// The node at a position of a chain (slots in order, links not counted), or NULL for a hole.
static void *node_at(const struct bucket *b, uint64_t position)
{
    while (b) {
        if (position < LAST)
            return word_pointer(slot_load(b, (unsigned)position));
        uint64_t word = slot_load(b, LAST);
        if (!word_is_link(word))
            return position == LAST ? word_pointer(word) : NULL;
        b = word_pointer(word);
        position -= LAST;
    }
    return NULL;
}

// Some node of the next bucket that has any, from a random one on: for tables so empty that random
// places are hopeless. Not uniform.
static void *random_by_walk(const struct dict *d, struct rng *rng)
{
    uint64_t n = state_buckets(state_load(d)), i = rng_below(rng, n);
    for (uint64_t left = d->shared && n > WALK_BUCKETS ? WALK_BUCKETS : n; left > 0; left--) {
        void *chosen = NULL;
        unsigned seen = 0;
        for (const struct bucket *b = bucket_at(d, i); b; b = bucket_next(b))
            for (unsigned s = 0; s < SLOTS; s++) {
                uint64_t word = slot_load(b, s);
                if (word != 0 && !word_is_link(word) && rng_below(rng, ++seen) == 0)
                    chosen = word_pointer(word);
            }
        if (chosen)
            return chosen;
        i = i + 1 < n ? i + 1 : 0;
    }
    return NULL;
}

// Every node has one bucket and one position in it, so drawing both at random until there is a node
// is uniform, provided that positions are drawn up to the longest chain's. That is 4 draws or so;
// doing them together hides most of their cache misses.
void *dict_random(const struct dict *d, struct rng *rng)
{
    if (!d->shared && dict_count(d) == 0)
        return NULL;
    for (int round = 0; round < DRAW_ROUNDS; round++) {
        uint64_t n = state_buckets(state_load(d)), position[DRAWS];
        uint64_t longest =
            (uint32_t)atomic_load_explicit(&d->chains, memory_order_relaxed) * (uint64_t)LAST + 1;
        const struct bucket *b[DRAWS];
        for (int i = 0; i < DRAWS; i++) {
            b[i] = bucket_at(d, rng_below(rng, n));
            position[i] = rng_below(rng, longest);
            __builtin_prefetch(b[i]);
        }
        for (int i = 0; i < DRAWS; i++) {
            void *node = node_at(b[i], position[i]);
            if (node)
                return node;
        }
    }
    return random_by_walk(d, rng);
}

// ---- the whole ---------------------------------------------------------------------------------
// Frees the nodes and overflow buckets of a chain; returns the number of nodes.
static size_t free_chain(struct bucket *first, void (*free_node)(void *node, void *arg), void *arg)
{
    size_t n = 0;
    struct bucket *next;
    for (struct bucket *b = first; b; b = next) {
        next = bucket_next(b);
        for (unsigned i = 0; i < SLOTS; i++) {
            uint64_t word = slot_load(b, i);
            if (word == 0 || word_is_link(word))
                continue;
            if (free_node)
                free_node(word_pointer(word), arg);
            n++;
        }
        if (b != first)
            mem_free(b);
    }
    return n;
}

bool dict_free_step(struct dict *d, size_t budget, void (*free_node)(void *node, void *arg),
                    void *arg)
{
    // Nobody else is here: the state just remembers how far we are, and relaxed will do.
    struct directory *dir = atomic_load_explicit(&d->directory, memory_order_relaxed);
    uint64_t n = state_buckets(atomic_load_explicit(&d->state, memory_order_relaxed));
    for (size_t done = 0; n > 0 && done < budget;) {
        size_t offset, k = segment_of(--n, &offset);
        struct bucket *segment = atomic_load_explicit(&dir->segment[k], memory_order_relaxed);
        done += 1 + free_chain(segment + offset, free_node, arg);
        if (offset == 0) {
            mem_free(segment);
            atomic_store_explicit(&dir->segment[k], NULL, memory_order_relaxed);
        }
    }
    atomic_store_explicit(&d->state, state_make(n, 0), memory_order_relaxed);
    if (n > 0)
        return true;
    mem_free(dir);
    mem_free(d->shared);
    mem_free(d);
    return false;
}

void dict_free(struct dict *d, void (*free_node)(void *node, void *arg), void *arg)
{
    if (d)
        dict_free_step(d, SIZE_MAX, free_node, arg);
}

size_t dict_memory(const struct dict *d)
{
    size_t offset, buckets = state_buckets(state_load(d)), k = segment_of(buckets - 1, &offset);
    // The segment of the last bucket is there as a whole.
    buckets += segment_size(k) - offset - 1;
    buckets += atomic_load_explicit(&d->noverflow, memory_order_relaxed);
    const struct directory *dir = atomic_load_explicit(&d->directory, memory_order_acquire);
    return sizeof *d + (d->shared ? sizeof *d->shared : 0) + buckets * sizeof(struct bucket) +
           sizeof *dir + dir->capacity * sizeof(struct bucket *);
}

size_t dict_buckets(const struct dict *d)
{
    return state_buckets(state_load(d));
}
