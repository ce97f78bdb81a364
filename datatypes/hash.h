// SPDX-License-Identifier: MIT
//
// Hashes: pairs of a field and a value. Encodings: one packed blob, dictionary. A hash only ever
// moves from the first to the second, as in Redis.
//
// Functions that take a struct value named `old` change it and hand back in *out what the key must
// hold from now on: the same word when the change was made in place, else a new value that the
// caller publishes, retiring `old` (key_set() does both). They need the key's write lock and, when
// `old` is published, an open write section (key_mutable()), unless it is private. Functions marked
// [free] are for readers without a lock inside an epoch section: memory-safe and certain to end
// under concurrent change; the dispatcher validates object.seq around them. All others need the
// read lock. STATUS_NO_MEMORY: nothing was changed.
#pragma once

#include "datatypes/dict_iter.h"
#include "datatypes/value.h"

// As seen at one instant, the bytes lie in the hash: valid to the end of the epoch section, or
// while the key is locked and the pair is not changed.
struct hash_pair {
    const char *field;
    size_t nfield;
    const char *value;
    size_t nvalue;
};

// Sets one field; *added: it was not there before. `old` may be VALUE_ABSENT.
enum status hash_set(struct type_ctx *, struct value old, const struct hash_pair *,
                     struct value *out, bool *added);

// Removes one field; *removed false: it was not there. *out is VALUE_ABSENT when it was the last
// one. From a dictionary this never fails, in a packed hash nothing changes in place.
enum status hash_remove(struct type_ctx *, struct value old, const char *field, size_t nfield,
                        struct value *out, bool *removed);

// [free] True when there is such a field; its value.
bool hash_get(struct value, const char *field, size_t nfield, const char **value, size_t *nvalue);
// [free] Number of fields.
size_t hash_count(struct value);
// [free] True while the hash is one block, which is cheap to copy.
bool hash_is_packed(struct value);
// Estimates of work (type_step()): to find a field of a packed hash, or one at random, half of its
// fields are passed, and so many of them are a unit.
enum { HASH_FIELDS_PER_UNIT = 32 };
// [free] No field and no value is longer than this; it may be twice too much.
size_t hash_longest(struct value);
// [free] Of `n` pairs, `n` <= hash_count(), the fields and values take no more bytes than this.
size_t hash_bytes_most(struct value, size_t n);
// Bytes of all fields and values, of a packed hash as they are stored; looks at every pair of a
// dictionary.
size_t hash_bytes(struct value);

// ---- several changes, all or none --------------------------------------------------------------

// What is going to be set in a hash: a hint, which spares copies.
struct hash_room {
    size_t count;   // of pairs
    size_t nbytes;  // of their fields and values
    size_t longest; // of these
};

// A private hash to change before it takes the place of `old`: a copy of it, or an empty one when
// it is VALUE_ABSENT. Only for hashes that are packed or absent.
enum status hash_aside(struct type_ctx *, struct value old, const struct hash_room *,
                       struct value *out);

// A private hash with all that is going to be set in it: gives back what `room` was too much.
struct value hash_fit(struct value);

// Frees a private hash, which may be large.
void hash_discard(struct type_ctx *, struct value);

// Sets one field of a dictionary in place. *before is the pair that it had, NULL for none, and is
// kept aside: hash_put_back() undoes the change and never fails, hash_forget() retires what was
// kept. Of changes to the same field the last one is undone first.
enum status hash_exchange(struct type_ctx *, struct value, const struct hash_pair *, void **before);
void hash_put_back(struct type_ctx *, struct value, const char *field, size_t nfield, void *before);
void hash_forget(struct type_ctx *, void *before);

// ---- walking and chance ------------------------------------------------------------------------

// Walks the whole hash, each pair once; false at the end. Nothing is changed in between: the walk
// may leave and enter epoch sections as long as the read lock is held.
struct hash_iter {
    struct hash_pair pair; // the one that hash_iter_next() came to
    // Private to hash_walk.c from here on.
    struct value hash;
    size_t offset; // packed: of the next pair
    struct dict_iter nodes;
};
void hash_iter_init(struct hash_iter *, struct value);
bool hash_iter_next(struct hash_iter *);

// One step of HSCAN: calls fn for some pairs, returns the next cursor (0: done). A packed hash is
// passed at once. Guarantee as dict_scan().
uint64_t hash_scan(struct value, uint64_t cursor, void (*fn)(const struct hash_pair *, void *arg),
                   void *arg);

// A uniformly random pair; the hash is not empty.
void hash_random(struct type_ctx *, struct value, struct hash_pair *out);

// Picks `n` distinct pairs (all if there are fewer), every choice equally likely, in no particular
// order. STATUS_NO_MEMORY: fn was not called.
enum status hash_sample(struct type_ctx *, struct value, size_t n,
                        void (*fn)(const struct hash_pair *, void *arg), void *arg);

// ---- for value.c: its functions for hashes -----------------------------------------------------

enum status hash_copy(struct type_ctx *, struct value, struct value *out);
void hash_free(struct value);
bool hash_free_lazily(struct lazyfree *, struct value);
void hash_retire(struct type_ctx *, struct value);
size_t hash_memory(struct value, size_t samples);
const char *hash_encoding(struct value);
uint64_t hash_prefetch(struct value, const char *field, size_t nfield);
void hash_prefetch_field(struct value, uint64_t hash);
