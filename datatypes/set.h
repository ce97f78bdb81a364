// SPDX-License-Identifier: MIT
//
// Sets. Encodings: sorted array of integers (16, 32 or 64 bits each), packed blob of short strings,
// dictionary. A set only ever moves towards the later ones, as in Redis.
//
// The handle (VALUE_SET's pointer) never moves while the key holds it, so operations change the set
// in place. Functions marked [free] are for readers without a lock inside an epoch section; they
// end and are memory-safe under concurrent change, and the dispatcher validates object.seq around
// them. The others that only read need the read lock; those that change need the write lock and,
// when the set is published, a write section (key_mutable() in the engine opens one).
#pragma once

#include "datatypes/dict_iter.h"
#include "datatypes/value.h"

// A member as seen at one instant; `data` points into the set or into `buf`. Valid to the end of
// the epoch section, or while the key is locked and the member is not removed.
struct set_member {
    const char *data;
    size_t len;
    char buf[24];
};

// An empty set that nobody else can see. `hint`: the member that will be added first (may be NULL).
// `expected`: number of members that will come, 0 unknown. Both are hints: they spare copies.
enum status set_new(struct type_ctx *, const char *hint, size_t hint_len, size_t expected,
                    struct value *out);

// Adds a member; *added false: it was there.
enum status set_add(struct type_ctx *, struct value, const char *member, size_t len, bool *added);

// Removes a member; *removed false: it was not there. May need memory (packed encodings are
// copied). Removing the last member leaves an empty set: the caller deletes the key.
enum status set_remove(struct type_ctx *, struct value, const char *member, size_t len,
                       bool *removed);

// [free] Membership and cardinality.
bool set_contains(struct type_ctx *, struct value, const char *member, size_t len);
size_t set_count(struct value);
// [free] `n` members, n <= set_count(), take no more bytes than this; it may be twice too much. Of
// a set that is one block all are counted: it is walked, or copied, as a whole.
size_t set_bytes_most(struct value, size_t n);

// [free] Brings what a look-up of that member will read into the cache, in two steps with other
// work between them: the first returns what the second takes. Hints.
uint64_t set_prefetch(struct value, const char *member, size_t len);
void set_prefetch_member(struct value, uint64_t hash);

// True while the set is one block (sorted array, packed blob), which is cheap to copy. From a
// dictionary set_remove() never fails. Any lock.
bool set_is_compact(struct value);

// A uniformly random member; the set is not empty. Read lock.
void set_random(struct type_ctx *, struct value, struct set_member *out);

// Takes `n` (<= count) uniformly random distinct members out, passing each to fn before it goes.
// STATUS_NO_MEMORY: nothing was taken and fn was not called.
enum status set_pop(struct type_ctx *, struct value, size_t n,
                    void (*fn)(const struct set_member *, void *arg), void *arg);

// Walks the whole set, each member once; false at the end. Nothing is changed in between: the walk
// may leave and enter epoch sections as long as the read lock is held.
struct set_iter {
    struct set_member member; // the one that set_iter_next() came to
    // Private to set_walk.c from here on.
    uint64_t body;
    uint64_t position; // intset: index; packed: offset
    struct dict_iter nodes;
};
void set_iter_init(struct set_iter *, struct value);
bool set_iter_next(struct set_iter *);

// One step of SSCAN: calls fn for some members, returns the next cursor (0: done). Compact
// encodings pass everything at once. Guarantee as dict_scan().
uint64_t set_scan(struct value, uint64_t cursor, void (*fn)(const struct set_member *, void *arg),
                  void *arg);

// Picks `n` distinct members (n <= count), every choice equally likely, for SRANDMEMBER; in no
// particular order. Read lock. STATUS_NO_MEMORY: fn was not called.
enum status set_sample(struct type_ctx *, struct value, size_t n,
                       void (*fn)(const struct set_member *, void *arg), void *arg);

// For value.c: its functions for sets.
enum status set_copy(struct type_ctx *, struct value, struct value *out);
void set_free(struct value);
bool set_free_lazily(struct lazyfree *, struct value);
void set_retire(struct type_ctx *, struct value);
size_t set_memory(struct value, size_t samples);
const char *set_encoding(struct value);
