// SPDX-License-Identifier: MIT
//
// Growth and shrinking of the dictionary, one bucket at a time. The order of the stores below is
// what the essay in dict.c proves lookups with; its numbers are referred to as "essay, n".
#include "datatypes/dict_internal.h"

#include "datatypes/mem.h"
#include "locks/epoch.h"

enum {
    SPLITS_A_STEP = 16,   // 32 folded inserts need 7
    MERGES_A_STEP = 32,   // 32 folded removes need 16
    OWNED_STEP = 4,       // an insert needs 1/5 of a split, a remove 1/2 of a merge
    TARGET_LOAD = 5,      // nodes a bucket that growth keeps the table at
    SMALL_TARGET_X2 = 13, // twice the same for small tables, which fit the cache: 6.5
    SMALL_TABLE = 1024,   // buckets
    SPARSE_LOAD = 2,      // shrink below this. Far from the target: no flapping
    MIN_DIRECTORY = 4
};

// Overflow buckets allocated before a bucket is locked, linked through their first slot.
struct pool {
    struct bucket *list;
    size_t n;
};

static bool pool_fill(struct pool *pool, size_t n)
{
    while (pool->n < n) {
        struct bucket *b = mem_zalloc_aligned(CACHE_LINE, sizeof *b);
        if (!b)
            return false;
        slot_store(b, 0, word_make(0, pool->list));
        pool->list = b;
        pool->n++;
    }
    return true;
}

static struct bucket *pool_take(struct pool *pool)
{
    struct bucket *b = pool->list;
    pool->list = word_pointer(slot_load(b, 0));
    pool->n--;
    return b;
}

static void pool_drop(struct pool *pool)
{
    while (pool->list)
        mem_free(pool_take(pool));
}

// ---- the state ---------------------------------------------------------------------------------
// Only the resizer writes it (the holder of `resizing`, or the one writer of an owned dictionary),
// so no read-modify-write is needed. Release: what the new state promises was stored before.
static void state_publish(struct dict *d, uint64_t nbuckets)
{
    uint64_t old = atomic_load_explicit(&d->state, memory_order_relaxed);
    atomic_store_explicit(&d->state, state_make(nbuckets, (old >> 32) + 1), memory_order_release);
    point_write();
}

static uint64_t buckets_now(const struct dict *d)
{
    // Relaxed: the resizer reads what it or the resizer before it, through the mutex, has written.
    return state_buckets(atomic_load_explicit(&d->state, memory_order_relaxed));
}

void dict_note_chain(struct dict *d, uint32_t len)
{
    // Relaxed: the release store of the link that follows publishes it to whoever finds the chain.
    uint64_t old = atomic_load_explicit(&d->chains, memory_order_relaxed), new;
    do {
        uint32_t most = (uint32_t)old, round = (uint32_t)(old >> 32);
        if (most >= len && round >= len)
            return;
        new = (uint64_t)(round > len ? round : len) << 32 | (most > len ? most : len);
    } while (!atomic_compare_exchange_weak_explicit(&d->chains, &old, new, memory_order_relaxed,
                                                    memory_order_relaxed));
}

// Called after each change of the number of buckets. When a power of two is reached that is not the
// one where this round began, every chain has been split or merged since then, and what the round
// has seen bounds them all.
static void end_round(struct dict *d, uint64_t n)
{
    unsigned level = log2_floor(n);
    if ((n & (n - 1)) != 0 || level == d->round_level)
        return;
    d->round_level = (uint8_t)level;
    uint64_t old = atomic_load_explicit(&d->chains, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&d->chains, &old, UINT64_C(1) << 32 | old >> 32,
                                                  memory_order_relaxed, memory_order_relaxed))
        ;
}

// ---- segments ----------------------------------------------------------------------------------
static size_t directory_bytes(size_t capacity)
{
    return sizeof(struct directory) + capacity * sizeof(struct bucket *);
}

// Puts a directory of another capacity in place, with the same segments.
static bool directory_resize(struct dict *d, struct epoch_thread *et, size_t capacity)
{
    struct directory *old = atomic_load_explicit(&d->directory, memory_order_relaxed);
    struct directory *new = mem_zalloc(directory_bytes(capacity));
    if (!new)
        return false;
    new->capacity = capacity;
    for (size_t k = 0; k < capacity && k < old->capacity; k++) {
        struct bucket *b = atomic_load_explicit(&old->segment[k], memory_order_relaxed);
        atomic_store_explicit(&new->segment[k], b, memory_order_relaxed);
    }
    atomic_store_explicit(&d->directory, new, memory_order_release);
    epoch_retire(et, old, mem_free, directory_bytes(old->capacity));
    return true;
}

// The memory of bucket n, the first beyond the table; NULL without memory. Readers do not look
// there before the state says so.
static struct bucket *segment_open(struct dict *d, struct epoch_thread *et, uint64_t n)
{
    size_t offset, k = segment_of(n, &offset);
    struct directory *dir = atomic_load_explicit(&d->directory, memory_order_relaxed);
    if (k >= dir->capacity) {
        if (!directory_resize(d, et, (k + k / 2 + 3) & ~(size_t)1))
            return NULL;
        dir = atomic_load_explicit(&d->directory, memory_order_relaxed);
    }
    struct bucket *segment = atomic_load_explicit(&dir->segment[k], memory_order_relaxed);
    if (!segment) {
        segment = mem_zalloc_aligned(CACHE_LINE, segment_size(k) * sizeof *segment);
        if (!segment)
            return NULL;
        atomic_store_explicit(&dir->segment[k], segment, memory_order_release);
    }
    return segment + offset;
}

// Gives the segment of bucket n, the first beyond the table, back if no bucket before it lies in
// it.
static void segment_close(struct dict *d, struct epoch_thread *et, uint64_t n)
{
    size_t offset, k = segment_of(n, &offset);
    if (offset != 0)
        return;
    struct directory *dir = atomic_load_explicit(&d->directory, memory_order_relaxed);
    struct bucket *segment = atomic_load_explicit(&dir->segment[k], memory_order_relaxed);
    // Release: who sees the NULL also sees that the state has changed, and looks again.
    atomic_store_explicit(&dir->segment[k], NULL, memory_order_release);
    epoch_retire(et, segment, mem_free, segment_size(k) * sizeof *segment);
    if (dir->capacity > MIN_DIRECTORY && k <= dir->capacity / 4)
        directory_resize(d, et, k + k / 2 > MIN_DIRECTORY ? k + k / 2 : MIN_DIRECTORY);
}

// ---- chains ------------------------------------------------------------------------------------
static uint64_t node_hash(const struct dict *d, uint64_t word)
{
    const char *key;
    size_t nkey;
    d->type->key(word_pointer(word), &key, &nkey);
    return siphash_bytes(d->seed, key, nkey);
}

// How a node behaves when its bucket is split on bit `level`, or merged on it.
struct fate {
    bool moves;   // has the bit set
    uint8_t hint; // in the bucket where it will be
};

// For a split: the hint tells, unless the next split needs another byte of the hash than the hint
// has. That happens once in eight doublings; only then is the node itself read.
static struct fate fate_in_split(const struct dict *d, const struct bucket *b, unsigned i,
                                 uint64_t word, unsigned level)
{
    if (level % 8 == 7) {
        uint64_t hash = node_hash(d, word);
        return (struct fate){hash >> level & 1, hint_of(hash, level + 1)};
    }
    return (struct fate){b->hint[i] >> level % 8 & 1, b->hint[i]};
}

static uint8_t hint_after_merge(const struct dict *d, const struct bucket *b, unsigned i,
                                uint64_t word, unsigned level)
{
    return level % 8 == 7 ? hint_of(node_hash(d, word), level) : b->hint[i];
}

// Buckets that a chain needs for n nodes: every link costs a slot.
static size_t buckets_for(size_t n)
{
    return n <= SLOTS ? 1 : 1 + (n - SLOTS + LAST - 1) / LAST;
}

static uint32_t chain_length(const struct bucket *b)
{
    uint32_t len = 0;
    for (; b; b = bucket_next(b))
        len++;
    return len;
}

// Brings the nodes of a chain into the cache together, for the splits and merges that read them.
static void prefetch_nodes(const struct bucket *b)
{
    for (; b; b = bucket_next(b))
        for (unsigned i = 0; i < SLOTS; i++)
            __builtin_prefetch(word_pointer(slot_load(b, i)));
}

// Where the next node goes in a chain that is being filled.
struct filler {
    struct bucket *b;
    unsigned i;
    uint32_t len; // buckets up to b
};

// Stores a node in the next hole; at the end of the chain in a new overflow bucket, which is
// complete before it is linked: the node that had the link's place is in both (essay, 4).
static void fill(struct dict *d, struct filler *f, uint64_t word, uint8_t hint, struct pool *pool)
{
    while (f->i < SLOTS) {
        uint64_t there = slot_load(f->b, f->i);
        if (there == 0) {
            f->b->hint[f->i] = hint;
            slot_store(f->b, f->i++, word);
            return;
        }
        if (word_is_link(there))
            *f = (struct filler){word_pointer(there), 0, f->len + 1};
        else
            f->i++;
    }
    struct bucket *b = pool_take(pool);
    b->hint[0] = f->b->hint[LAST];
    slot_store(b, 0, slot_load(f->b, LAST));
    b->hint[1] = hint;
    slot_store(b, 1, word);
    dict_note_chain(d, f->len + 1);
    atomic_fetch_add_explicit(&d->noverflow, 1, memory_order_relaxed);
    slot_store(f->b, LAST, word_make(TAG_LINK, b));
    *f = (struct filler){b, 2, f->len + 1};
}

void dict_retire_bucket(struct dict *d, struct epoch_thread *et, struct bucket *b)
{
    atomic_fetch_sub_explicit(&d->noverflow, 1, memory_order_relaxed);
    epoch_retire(et, b, mem_free, sizeof *b);
}

// Retires a tail of overflow buckets. Their slots stay as they are for the readers inside.
static void retire_tail(struct dict *d, struct epoch_thread *et, struct bucket *b)
{
    while (b) {
        struct bucket *next = bucket_next(b);
        dict_retire_bucket(d, et, b);
        b = next;
    }
}

// Writers lock one bucket at a time; the resizer alone locks two, the one with the lower number
// first.
static void lock_pair(struct dict *d, struct bucket *low, struct bucket *high)
{
    if (d->shared) {
        mutex_lock(&low->lock);
        mutex_lock_as(&high->lock, RANK_DICT_BUCKET_HIGH);
    }
}

static void unlock_pair(struct dict *d, struct bucket *low, struct bucket *high)
{
    if (d->shared) {
        mutex_unlock(&high->lock);
        mutex_unlock(&low->lock);
    }
}

// ---- split -------------------------------------------------------------------------------------
struct census {
    size_t stay, move;
};

static struct census count_fates(const struct dict *d, const struct bucket *b, unsigned level)
{
    struct census c = {0, 0};
    for (; b; b = bucket_next(b))
        for (unsigned i = 0; i < SLOTS; i++) {
            uint64_t word = slot_load(b, i);
            if (word == 0 || word_is_link(word))
                continue;
            if (fate_in_split(d, b, i, word, level).moves)
                c.move++;
            else
                c.stay++;
        }
    return c;
}

static void copy_movers_locked(struct dict *d, const struct bucket *from, struct bucket *to,
                               unsigned level, struct pool *pool)
{
    struct filler f = {to, 0, 1};
    for (; from; from = bucket_next(from))
        for (unsigned i = 0; i < SLOTS; i++) {
            uint64_t word = slot_load(from, i);
            if (word == 0 || word_is_link(word))
                continue;
            struct fate fate = fate_in_split(d, from, i, word, level);
            if (fate.moves)
                fill(d, &f, word, fate.hint, pool);
        }
}

// Clears what has moved away from the buckets up to and including `last`.
static void clear_movers_locked(struct dict *d, struct bucket *b, struct bucket *last,
                                unsigned level)
{
    for (;; b = bucket_next(b)) {
        for (unsigned i = 0; i < SLOTS; i++) {
            uint64_t word = slot_load(b, i);
            if (word == 0 || word_is_link(word))
                continue;
            struct fate fate = fate_in_split(d, b, i, word, level);
            b->hint[i] = fate.hint;
            if (fate.moves)
                slot_store(b, i, 0);
        }
        if (b == last)
            return;
    }
}

// Copies the stayers of the overflow buckets from `tail` on into the holes of the chain before it,
// which ends with `last`, and unlinks the tail. There is room for all: one of them may have to go
// into the place of the link itself.
static void fold_tail_locked(struct dict *d, struct bucket *first, struct bucket *last,
                             struct bucket *tail, unsigned level)
{
    struct bucket *hole = first;
    unsigned h = 0;
    uint64_t final = 0;
    bool copied = false;

    for (; tail; tail = bucket_next(tail))
        for (unsigned i = 0; i < SLOTS; i++) {
            uint64_t word = slot_load(tail, i);
            if (word == 0 || word_is_link(word))
                continue;
            struct fate fate = fate_in_split(d, tail, i, word, level);
            if (fate.moves)
                continue;
            while (hole && slot_load(hole, h) != 0)
                if (++h == LAST) {
                    hole = hole == last ? NULL : bucket_next(hole);
                    h = 0;
                }
            if (hole) {
                hole->hint[h] = fate.hint;
                slot_store(hole, h, word);
                copied = true;
            } else {
                last->hint[LAST] = fate.hint;
                final = word;
            }
        }
    // A reader that was past the holes before they were filled and finds no link now must look
    // again.
    if (copied)
        state_publish(d, buckets_now(d));
    slot_store(last, LAST, final);
}

// Adds bucket n. False without memory.
static bool split_one(struct dict *d, struct epoch_thread *et, struct pool *pool)
{
    uint64_t n = buckets_now(d);
    unsigned level = log2_floor(n);
    struct bucket *from = bucket_at(d, n - (UINT64_C(1) << level));
    struct bucket *to = n < UINT32_MAX ? segment_open(d, et, n) : NULL;
    if (!to)
        return false;

    struct census c;
    for (;;) {
        lock_pair(d, from, to);
        if (level % 8 == 7)
            prefetch_nodes(from);
        c = count_fates(d, from, level);
        size_t need = buckets_for(c.move) - 1;
        if (need <= pool->n)
            break;
        unlock_pair(d, from, to); // not while others may wait for the bucket
        if (!pool_fill(pool, need)) {
            segment_close(d, et, n); // if it is of no use yet
            return false;
        }
    }
    copy_movers_locked(d, from, to, level, pool);
    state_publish(d, n + 1);

    struct bucket *last = from;
    for (size_t keep = buckets_for(c.stay); keep > 1 && bucket_next(last); keep--)
        last = bucket_next(last);
    struct bucket *tail = bucket_next(last);
    clear_movers_locked(d, from, last, level);
    if (tail)
        fold_tail_locked(d, from, last, tail, level);
    dict_note_chain(d, chain_length(from));
    dict_note_chain(d, chain_length(to));
    unlock_pair(d, from, to);

    retire_tail(d, et, tail);
    end_round(d, n + 1);
    return true;
}

// ---- merge -------------------------------------------------------------------------------------
static size_t count_nodes(const struct bucket *b)
{
    size_t n = 0;
    for (; b; b = bucket_next(b))
        for (unsigned i = 0; i < SLOTS; i++) {
            uint64_t word = slot_load(b, i);
            n += word != 0 && !word_is_link(word);
        }
    return n;
}

static void copy_all_locked(struct dict *d, const struct bucket *from, struct bucket *to,
                            unsigned level, struct pool *pool)
{
    // Those that are there already need hints for one bit less, if that is in another byte.
    if (level % 8 == 7)
        for (struct bucket *b = to; b; b = bucket_next(b))
            for (unsigned i = 0; i < SLOTS; i++) {
                uint64_t word = slot_load(b, i);
                if (word != 0 && !word_is_link(word))
                    b->hint[i] = hint_after_merge(d, b, i, word, level);
            }
    struct filler f = {to, 0, 1};
    for (; from; from = bucket_next(from))
        for (unsigned i = 0; i < SLOTS; i++) {
            uint64_t word = slot_load(from, i);
            if (word != 0 && !word_is_link(word))
                fill(d, &f, word, hint_after_merge(d, from, i, word, level), pool);
        }
}

// Removes bucket n - 1. False without memory.
static bool merge_one(struct dict *d, struct epoch_thread *et, struct pool *pool)
{
    uint64_t top = buckets_now(d) - 1;
    unsigned level = log2_floor(top);
    struct bucket *from = bucket_at(d, top);
    struct bucket *to = bucket_at(d, top - (UINT64_C(1) << level));

    for (;;) {
        lock_pair(d, to, from);
        size_t have = chain_length(to), need = buckets_for(count_nodes(to) + count_nodes(from));
        need = need > have ? need - have : 0;
        if (need <= pool->n)
            break;
        unlock_pair(d, to, from);
        if (!pool_fill(pool, need))
            return false;
    }
    if (level % 8 == 7) {
        prefetch_nodes(from);
        prefetch_nodes(to);
    }
    copy_all_locked(d, from, to, level, pool);
    dict_note_chain(d, chain_length(to));
    state_publish(d, top);

    struct bucket *tail = bucket_next(from);
    for (unsigned i = 0; i < SLOTS; i++)
        slot_store(from, i, 0);
    unlock_pair(d, to, from);

    retire_tail(d, et, tail);
    segment_close(d, et, top);
    end_round(d, top);
    return true;
}

// ---- when --------------------------------------------------------------------------------------
static bool too_dense(size_t count, uint64_t n)
{
    return n < SMALL_TABLE ? 2 * count > SMALL_TARGET_X2 * n : count > TARGET_LOAD * n;
}

static bool too_sparse(size_t count, uint64_t n)
{
    return n > MIN_BUCKETS && count < SPARSE_LOAD * n;
}

void dict_adjust(struct dict *d, struct epoch_thread *et, size_t count)
{
    // Relaxed: a hint whether there is anything to do. It is read again once we are the resizer.
    uint64_t n = state_buckets(atomic_load_explicit(&d->state, memory_order_relaxed));
    if (!too_dense(count, n) && !too_sparse(count, n))
        return;
    // One resizer at a time; whoever comes meanwhile leaves it to later changes to catch up.
    if (d->shared && !mutex_try_lock(&d->shared->resizing))
        return;
    struct pool pool = {NULL, 0};
    for (int left = d->shared ? SPLITS_A_STEP : OWNED_STEP; left > 0; left--)
        if (!too_dense(count, buckets_now(d)) || !split_one(d, et, &pool))
            break;
    for (int left = d->shared ? MERGES_A_STEP : OWNED_STEP; left > 0; left--)
        if (!too_sparse(count, buckets_now(d)) || !merge_one(d, et, &pool))
            break;
    if (d->shared)
        mutex_unlock(&d->shared->resizing);
    pool_drop(&pool);
}
