// SPDX-License-Identifier: MIT
//
// The layout of the dictionary, shared by dict.c (essay, operations) and dict_resize.c (growth and
// shrinking). Nobody else includes this.
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "datatypes/dict.h"
#include "datatypes/siphash.h"
#include "locks/cpu.h"
#include "locks/mutex.h"

enum {
    SLOTS = 7,
    LAST = SLOTS - 1, // the slot that may hold the link to an overflow bucket
    MIN_BUCKETS = 2,
    STRIPES = 32
};

// ---- test points -------------------------------------------------------------------------------
// In a debug build a test may have functions called on this thread: between the steps of a reader
// (to change the table under it) and after each store of a writer (to look at the state half way).
#ifdef KL_DEBUG
extern _Thread_local void (*dict_on_read)(void), (*dict_on_write)(void);

static inline void point_read(void)
{
    if (dict_on_read)
        dict_on_read();
}

static inline void point_write(void)
{
    if (dict_on_write)
        dict_on_write();
}
#else
static inline void point_read(void)
{
}

static inline void point_write(void)
{
}
#endif

// ---- slots: one word each ----------------------------------------------------------------------
// 16 bits of tag, 48 of pointer. Zero: empty. A node's tag is the top of its hash, moved off 0 (no
// tag matches an empty slot) and off TAG_LINK, which marks a link to an overflow bucket.
#define TAG_SHIFT    48
#define TAG_LINK     0xffffu
#define POINTER_MASK ((UINT64_C(1) << TAG_SHIFT) - 1)

static inline uint64_t hash_tag(uint64_t hash)
{
    uint64_t tag = hash >> TAG_SHIFT;
    return tag == 0 ? 1 : tag == TAG_LINK ? TAG_LINK - 1 : tag;
}

static inline uint64_t word_make(uint64_t tag, const void *pointer)
{
    return tag << TAG_SHIFT | (uint64_t)(uintptr_t)pointer;
}

static inline bool word_is_link(uint64_t word)
{
    return word >> TAG_SHIFT == TAG_LINK;
}

// The node, or the bucket that a link leads to.
static inline void *word_pointer(uint64_t word)
{
    return (void *)(uintptr_t)(word & POINTER_MASK);
}

// ---- buckets -----------------------------------------------------------------------------------
// One cache line. `lock` and `hint` belong to writers: the lock of the first bucket of a chain
// guards the chain (in a DICT_OWNED dictionary nothing does). The hint of a slot is 8 bits of its
// node's hash, those of the group that contains the bit that the next split looks at (hint_of).
struct bucket {
    MUTEX(RANK_DICT_BUCKET) lock;
    uint8_t hint[SLOTS];
    _Atomic uint64_t slot[SLOTS];
};
_Static_assert(sizeof(struct bucket) == CACHE_LINE, "a bucket is one cache line");

// Every load of a slot is an acquire load and every store a release store: the node's contents come
// before the word that leads to it, and a cleared slot comes after the new state.
static inline uint64_t slot_load(const struct bucket *b, unsigned i)
{
    return atomic_load_explicit(&b->slot[i], memory_order_acquire);
}

static inline void slot_store(struct bucket *b, unsigned i, uint64_t word)
{
    atomic_store_explicit(&b->slot[i], word, memory_order_release);
    point_write();
}

// The next bucket of the chain, or NULL.
static inline struct bucket *bucket_next(const struct bucket *b)
{
    uint64_t word = slot_load(b, LAST);
    return word_is_link(word) ? word_pointer(word) : NULL;
}

// ---- segments: where bucket i is ---------------------------------------------------------------
//     buckets              segments of        first segment
//     [0, 32)              2 buckets          0
//     [2^L, 2^(L+1))       2^(L-4) buckets    16 + 16 (L - 5)      for L = 5 .. 16
//     [2^17, ...)          4096 = 256 KB      208
// At most one part in 16 of the buckets is allocated ahead, and no step handles more than 256 KB.
enum {
    SMALL_BUCKETS = 32,
    SMALL_SEGMENTS = 16,
    OCTAVE_SEGMENTS = 16,
    LARGE_SHIFT = 12,
    LARGE_LEVEL = 17,
    LARGE_FIRST = SMALL_SEGMENTS + OCTAVE_SEGMENTS * (LARGE_LEVEL - 5)
};

static inline unsigned log2_floor(uint64_t n)
{
    return 63 - (unsigned)__builtin_clzll(n);
}

// Number of the segment that bucket i lies in; *offset: where in it.
static inline size_t segment_of(uint64_t i, size_t *offset)
{
    if (i < SMALL_BUCKETS) {
        *offset = i & 1;
        return i >> 1;
    }
    unsigned level = log2_floor(i);
    if (level < LARGE_LEVEL) {
        unsigned shift = level - 4;
        *offset = i & ((UINT64_C(1) << shift) - 1);
        return SMALL_SEGMENTS + (level - 5) * OCTAVE_SEGMENTS + (i >> shift) - OCTAVE_SEGMENTS;
    }
    *offset = i & ((1u << LARGE_SHIFT) - 1);
    return LARGE_FIRST + ((i - (UINT64_C(1) << LARGE_LEVEL)) >> LARGE_SHIFT);
}

// Number of buckets of segment k.
static inline size_t segment_size(size_t k)
{
    if (k < SMALL_SEGMENTS)
        return 2;
    if (k < LARGE_FIRST)
        return (size_t)2 << ((k - SMALL_SEGMENTS) / OCTAVE_SEGMENTS);
    return (size_t)1 << LARGE_SHIFT;
}

struct directory {
    size_t capacity;
    _Atomic(struct bucket *) segment[]; // NULL: not there
};

// ---- the dictionary ----------------------------------------------------------------------------
struct stripe {
    _Alignas(CACHE_LINE) _Atomic int64_t delta; // inserts less removes that are not in `folded` yet
};

// What only DICT_SHARED needs.
struct shared {
    MUTEX(RANK_DICT_RESIZE) resizing; // taken by try_lock only, so it is never waited for
    _Alignas(CACHE_LINE) _Atomic int64_t folded;
    struct stripe stripe[STRIPES];
};

struct dict {
    const struct dict_type *type;
    const struct siphash_seed *seed;
    // Number of buckets in the low half, in the high half a counter of changes. Whatever takes a
    // node from where readers of this state would look for it changes the counter first.
    _Atomic uint64_t state;
    _Atomic(struct directory *) directory;
    _Atomic size_t count;    // DICT_OWNED only
    struct shared *shared;   // NULL: DICT_OWNED
    _Atomic uint64_t chains; // longest chain in buckets: low half an upper bound for the whole
                             // table, high half the longest seen in this round of splits or merges
    _Atomic uint32_t noverflow; // overflow buckets
    uint8_t round_level;        // the resizer's: level at which this round began
    _Atomic uint8_t longest;    // bits of the longest length that was noted
};
_Static_assert(sizeof(struct dict) == CACHE_LINE, "the header is one cache line");

static inline uint64_t state_make(uint64_t nbuckets, uint64_t changes)
{
    return changes << 32 | nbuckets;
}

static inline uint64_t state_buckets(uint64_t state)
{
    return (uint32_t)state;
}

// Acquire: the buckets and the directory that this state speaks of were made before.
static inline uint64_t state_load(const struct dict *d)
{
    return atomic_load_explicit(&d->state, memory_order_acquire);
}

// Bucket of a hash in a table of n buckets.
static inline uint64_t index_of(uint64_t hash, uint64_t n)
{
    uint64_t half = UINT64_C(1) << log2_floor(n);
    uint64_t i = hash & (2 * half - 1);
    return i < n ? i : i & (half - 1);
}

// How many low bits of the hash all nodes of bucket i have in common with i.
static inline unsigned bucket_bits(uint64_t i, uint64_t n)
{
    unsigned level = log2_floor(n);
    uint64_t half = UINT64_C(1) << level;
    return i >= half || i + half < n ? level + 1 : level;
}

// What a node's hint must be in a bucket of so many bits: the aligned byte of the hash which
// contains bit number `bits`, the one that the next split looks at.
static inline uint8_t hint_of(uint64_t hash, unsigned bits)
{
    return (uint8_t)(hash >> (bits & ~7u));
}

// Bucket i, or NULL when its segment is gone (or not there yet): the caller's state is old then.
static inline struct bucket *bucket_at(const struct dict *d, uint64_t i)
{
    size_t offset, k = segment_of(i, &offset);
    // Acquire both: the segment's contents, and for a NULL the state that was published before it.
    const struct directory *dir = atomic_load_explicit(&d->directory, memory_order_acquire);
    point_read();
    if (k >= dir->capacity)
        return NULL;
    struct bucket *segment = atomic_load_explicit(&dir->segment[k], memory_order_acquire);
    return segment ? segment + offset : NULL;
}

// Notes that there is a chain of `len` buckets; before the link that makes it so long is stored.
void dict_note_chain(struct dict *, uint32_t len);

// Splits or merges a bounded number of buckets when `count` nodes are too many or too few for the
// table. No lock held; inside an epoch section. Failure to allocate only leaves the table as it is.
void dict_adjust(struct dict *, struct epoch_thread *, size_t count);

// For retiring overflow buckets, segments and directories.
void dict_retire_bucket(struct dict *, struct epoch_thread *, struct bucket *);
