// SPDX-License-Identifier: MIT
//
// Lists: one chunk of packed elements, or an array of such chunks (see list.c).
//
// The handle (VALUE_LIST's pointer) never moves while the key holds it, so operations change the
// list in place. Functions marked [free] are for readers without a lock inside an epoch section.
// All others that only read need the read lock, because what is inside a list is changed in place;
// those that change need the write lock and, when the list is published, a write section
// (key_mutable() in the engine opens one).
//
// A function that returns STATUS_NO_MEMORY has changed nothing; STATUS_TOO_LONG: the element is
// longer than CHUNK_ELEMENT_MAX.
#pragma once

#include "datatypes/chunk.h"
#include "datatypes/value.h"

struct lazyfree;

// An empty list that nobody else can see, with room for `nbytes` of elements that will be pushed at
// `side` (as list_element_size() counts them; 0: unknown).
enum status list_new(struct type_ctx *, size_t nbytes, enum chunk_side side, struct value *out);
size_t list_element_size(const char *data, size_t len);

// [free] Number of elements.
size_t list_count(struct value);

// [free] Brings what a push or pop will touch first into the cache; a hint.
void list_prefetch(struct value);

// Adds an element at a side. `data` may not lie inside the list.
enum status list_push(struct type_ctx *, struct value, enum chunk_side, const char *data,
                      size_t len);

// The element at a side; the list is not empty.
void list_end(struct value, enum chunk_side, struct chunk_element *out);

// Removes `n` <= list_count() elements at a side. Removing all leaves an empty list: the caller
// deletes the key. Whole chunks go at once, and of at most one the elements are walked.
void list_drop(struct type_ctx *, struct value, enum chunk_side, size_t n);

// How much there is to be done, for who decides where to do it. Read lock.
// Number of blocks that the list consists of.
size_t list_blocks(struct value);
// How many of them, about, lie between the element with that index and the nearer end: finding it
// takes a step for each.
size_t list_distance(struct value, size_t index);
// Bytes of the blocks in which the `n` elements from `index` on lie, index + n <= list_count().
size_t list_range_bytes(struct value, size_t index, size_t n);

// ---- places in a list ------------------------------------------------------------------------

// A walk from an index towards one end. Nothing is changed in between: it may leave and enter epoch
// sections as long as the lock is held.
struct list_iter {
    struct chunk_element element; // the one that list_iter_next() came to
    size_t index;                 // its index, from the front
    // Private to list_walk.c from here on.
    struct list *list;
    const struct chunk *chunk;     // NULL: nothing left
    size_t number;                 // of the chunk
    struct chunk_place at, behind; // the places on both sides of the element
    bool started, backwards;
};

// Before the element with that index (none when index >= list_count()), towards the back, or
// `backwards`.
void list_iter_init(struct list_iter *, struct value, size_t index, bool backwards);

// Goes to the next element; false: there is none.
bool list_iter_next(struct list_iter *);

// Goes to the next element that is `item`, looking at no more than `most` elements; *looked is how
// many. False: not found, and when *looked < most there are no more.
bool list_iter_seek(struct list_iter *, const struct chunk_item *item, size_t most, size_t *looked);

// Puts an element before or after the one that the iterator came to. The iterator is used up.
enum status list_insert(struct type_ctx *, struct value, const struct list_iter *, bool after,
                        const char *data, size_t len);

// Puts an element in the place of the one that the iterator came to. The iterator is used up.
enum status list_replace(struct type_ctx *, struct value, const struct list_iter *,
                         const char *data, size_t len);

// Removes up to `most` elements that are `item`, from the one that the iterator came to on in its
// direction, chunk by chunk: init, then step while it is true, then end. Between the first step and
// the end nothing else may be done with the list. *looked: how many elements the step looked at.
// Needs no memory.
struct list_sweep {
    struct type_ctx *ctx;
    struct list *list;
    const struct chunk_item *item;
    enum chunk_side from;
    size_t most, removed;
    struct chunk_limit limit;
    size_t nread, nkept; // chunks that are behind the sweep, and how many of these stay
};
void list_sweep_init(struct list_sweep *, struct type_ctx *, const struct list_iter *,
                     const struct chunk_item *item, size_t most);
bool list_sweep_step(struct list_sweep *, size_t *looked);
// Returns how many were removed, perhaps all.
size_t list_sweep_end(struct list_sweep *);

// ---- for value.c -----------------------------------------------------------------------------

enum status list_copy(struct type_ctx *, struct value, struct value *out);
void list_free(struct value);
bool list_free_lazily(struct lazyfree *, struct value);
void list_retire(struct type_ctx *, struct value);
size_t list_memory(struct value, size_t samples);
