// SPDX-License-Identifier: MIT
//
// Freeing large things in slices.
//
// A set of a million members takes tens of milliseconds to free, a string of 512 MB as long. Nobody
// is to wait for that, so the dead thing joins a queue, and whoever has the time frees slices of
// what is queued: lazyfree_step(). What is small is freed where it dies.
//
//     unlinked, retired ──grace period──> buried: an item of the queue ──slices──> gone
//       lazyfree_retire()   locks/epoch.h   lazyfree_add()              lazyfree_step()
//
// Invariants
// 1. An item is the dead thing's own memory, used anew: burying needs no memory and cannot fail.
// 2. Nobody but the queue, or the one thread that has taken the item from it, knows the item.
// 3. `pending` counts objects from the moment they are retired, so that it is 0 only when all that
//    was deleted before is freed; `freed` counts them when the last slice is done.
//
// The queue is LIFO: all must go, and in which order is nobody's concern. The mutex is held for a
// few loads and stores, and nothing is called under it.
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "locks/mutex.h"

struct epoch_thread;
struct lazyfree;

enum {
    LAZYFREE_NODES = 64,      // a collection with more nodes than this is large
    LAZYFREE_BYTES = 1 << 20, // and so is whatever takes this much memory
    LAZYFREE_SLICE = 32,      // nodes, about, that are freed between two looks at the clock
};

// At the beginning of the memory of what is to be freed.
struct lazyfree_item {
    struct lazyfree_item *next;
    // Frees a slice, for whose parts lazyfree_free() is there; true while something is left. With
    // the last one the item itself is freed, and the objects that it stood for are counted by
    // lazyfree_done().
    bool (*free_slice)(struct lazyfree_item *, struct lazyfree *);
};

struct lazyfree {
    MUTEX(RANK_LAZYFREE) lock;
    struct lazyfree_item *items; // under lock
    _Atomic size_t pending, freed;
    // Called when the queue has become non-empty, by the thread that added to it, who may hold the
    // locks of keys: it signals and does not wait. May be NULL; set before there is anything to
    // free.
    void (*wanted)(void *arg);
    void *wanted_arg;
};

// Counts objects that are going to be freed through the queue, and such that have been.
void lazyfree_expect(struct lazyfree *, size_t nobjects);
void lazyfree_done(struct lazyfree *, size_t nobjects);

// Queues an item, which nobody else can see. It was counted before.
void lazyfree_add(struct lazyfree *, struct lazyfree_item *);
// The same for a block of LAZYFREE_BYTES or more from mem_alloc(): makes one object of it.
void lazyfree_add_block(struct lazyfree *, void *block);

// Frees a block from mem_alloc() that nobody else can see: at once, or when it is large as an
// object of its own, which is counted here.
void lazyfree_free(struct lazyfree *, void *block);

// Retires one large object, that begins at `ptr`, and counts it: bury(ptr, lazyfree) is called once
// no reader can see it any more, and is to lazyfree_add() it. The domain's reclaimer must be a
// struct lazyfree.
void lazyfree_retire(struct epoch_thread *, void *ptr, void (*bury)(void *ptr, void *lazyfree),
                     size_t nbytes);
// Retires a block from mem_alloc(): as epoch_retire() with mem_free(), or in slices when it is
// large and the domain has a reclaimer.
void lazyfree_retire_block(struct epoch_thread *, void *block);

// Frees what is queued until clock_monotonic_ns() reaches `until_ns`, but at least one slice; true
// while there is something left for others to take. Any number of threads may do this at a time,
// each then works on an item of its own. Outside or inside an epoch section.
bool lazyfree_step(struct lazyfree *, int64_t until_ns);
