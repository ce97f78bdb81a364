// SPDX-License-Identifier: MIT
//
// Giving back the memory of what was deleted, in slices: large values (datatypes/lazyfree.h) and
// emptied databases, which are the larger ones among these.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "datatypes/lazyfree.h"

struct dict;
struct kl_store;
struct thread;

// A database that was emptied and is to be freed.
struct flushed {
    struct lazyfree_item item;
    struct dict *dict;
    size_t nkeys; // objects that it is counted as
};

// Makes the store's queue that of its epoch domain.
void reclaim_init(struct kl_store *);
// Frees all that is queued, without regard to time.
void reclaim_all(struct kl_store *);

// Frees a keyspace at once, large values included; nobody else can see it.
void reclaim_keyspace(struct dict *);
// Queues a database. `flushed`, from mem_alloc() with dict and nkeys filled in, is the queue's.
void reclaim_flushed(struct kl_store *, struct flushed *);

// Frees what is queued for about `budget_us`, and a little even if that is 0; true while something
// is left. On any thread, several at once, registered or not. When there is something to do again
// after it has returned false, store->reclaim_wanted is called.
bool store_reclaim_step(struct kl_store *, int64_t budget_us);

// Advances the epoch for every thread's retired memory, until the clock passes `until_ns`. Outside
// exec_begin.
void reclaim_retired(struct thread *, int64_t until_ns);
