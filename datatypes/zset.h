// SPDX-License-Identifier: MIT
//
// Sorted sets. Encodings: packed blob of members in order; for larger ones an index, which is a
// dictionary of the members and a counted B+tree of their order. A set only ever moves from the
// first to the second, as in Redis.
//
// The handle (VALUE_ZSET's pointer) never moves while the key holds it, so operations change the
// set in place. Functions marked [free] are for readers without a lock inside an epoch section;
// they end and are memory-safe under concurrent change, and the dispatcher validates object.seq
// around them. The others that only read need the read lock; those that change need the write lock
// and, when the set is published, a write section (key_mutable() in the engine opens one).
//
// Scores are never NaN. Ranks count from 0 at the lowest score.
#pragma once

#include "datatypes/rank_tree.h"
#include "datatypes/value.h"

struct lazyfree;

struct zset_node;

// A member and its score; `data` points into the set. Valid to the end of the epoch section, or
// while the key is locked and the member is neither removed nor given another score.
struct zset_member {
    const char *data;
    size_t len;
    double score;
};

// Where a member is, or that it is not there. Good until the set is changed.
struct zset_place {
    bool found;
    double score;           // when found
    struct zset_node *node; // when found in an index: valid as long as the member is
    // Private to zset.c from here on.
    uint64_t hash;
    size_t offset;
};

// An empty set that nobody else can see.
enum status zset_new(struct type_ctx *, struct value *out);

// [free] Looks a member up. place->found is also what is returned.
bool zset_find(struct value, const char *member, size_t len, struct zset_place *);

// [free] Number of members.
size_t zset_count(struct value);
// [free] `n` members, n <= zset_count(), take no more bytes than this; it may be twice too much. Of
// a set that is one block all are counted.
size_t zset_bytes_most(struct value, size_t n);

// [free] Brings what a look-up of that member will read into the cache, in two steps with other
// work between them: the first returns what the second takes. Hints.
uint64_t zset_prefetch(struct value, const char *member, size_t len);
void zset_prefetch_member(struct value, uint64_t hash);

// True while the set is one block, which is cheap to copy. From an index removing never fails. Any
// lock.
bool zset_is_compact(struct value);

// Adds the member that zset_find() found or missed at `place`, or gives it another score.
enum status zset_put(struct type_ctx *, struct value, const struct zset_place *, const char *member,
                     size_t len, double score);

// Gives a member of an index another score so that it can be taken back without memory. It then
// stands in the order under both scores, until the change is kept or taken back: meanwhile
// only zset_find(), zset_put() of new members and these functions may be called. Several changes,
// also of one member, are taken back in reverse order, or kept, once all are made, in any.
enum status zset_rescore(struct value, struct zset_node *, double to);
void zset_rescore_keep(struct value, const struct zset_node *, double from);
void zset_rescore_undo(struct value, struct zset_node *, double from, double to);

// Removes the member that was found at `place`. Removing the last one leaves an empty set: the
// caller deletes the key.
enum status zset_remove(struct type_ctx *, struct value, const struct zset_place *);

// Removes `n` members from rank `first` on (first + n <= count); all or none.
enum status zset_remove_range(struct type_ctx *, struct value, size_t first, size_t n);

// ---- order: read lock -------------------------------------------------------------------------

// The rank of the member that was found at `place`.
size_t zset_rank(struct value, const struct zset_place *);

// The member of a rank below the count.
void zset_at(struct value, size_t rank, struct zset_member *);

struct zset_score_range {
    double min, max;
    bool min_open, max_open; // the end itself is outside
};

enum zset_lex_end { ZSET_LEX_LOWEST, ZSET_LEX_MEMBER, ZSET_LEX_HIGHEST };
struct zset_lex_bound {
    enum zset_lex_end end; // "-", bytes, "+"
    bool open;
    const char *data;
    size_t len;
};
struct zset_lex_range {
    struct zset_lex_bound min, max;
};

// Members of consecutive ranks: `n` from `first` on.
struct zset_span {
    size_t first, n;
};

// Those within a range of scores, or of bytes when all scores are the same (else any span).
struct zset_span zset_score_span(struct value, const struct zset_score_range *);
struct zset_span zset_lex_span(struct value, const struct zset_lex_range *);

// Walks from a rank on, upwards or downwards; false at the end. The walk may leave and enter epoch
// sections as long as the lock is held.
enum { ZSET_ITER_OFFSETS = 32 };
struct zset_iter {
    struct zset_member member; // the one that zset_iter_next() came to
    // Private to zset_walk.c from here on.
    uint64_t body;
    bool down;
    struct rank_pos pos;                 // index: of the next member
    size_t offset;                       // packed, upwards: of the next entry
    size_t rank;                         // packed, downwards: number of entries still to come
    uint32_t offsets[ZSET_ITER_OFFSETS]; // packed, downwards: of the next few of them
};
void zset_iter_init(struct zset_iter *, struct value, size_t rank, bool down);
bool zset_iter_next(struct zset_iter *);

// One step of ZSCAN: calls fn for some members, returns the next cursor (0: done). The packed
// encoding passes everything at once. Guarantee as dict_scan().
uint64_t zset_scan(struct value, uint64_t cursor, void (*fn)(const struct zset_member *, void *arg),
                   void *arg);

// Picks `n` distinct members (n <= count), every choice equally likely; in no particular order.
// STATUS_NO_MEMORY: fn was not called.
enum status zset_sample(struct type_ctx *, struct value, size_t n,
                        void (*fn)(const struct zset_member *, void *arg), void *arg);

// For value.c: parts of value_copy, value_free, value_memory, value_encoding for sorted sets.
enum status zset_copy(struct type_ctx *, struct value, struct value *out);
void zset_free(struct value);
bool zset_free_lazily(struct lazyfree *, struct value);
void zset_retire(struct type_ctx *, struct value);
size_t zset_memory(struct value, size_t samples);
const char *zset_encoding(struct value);
