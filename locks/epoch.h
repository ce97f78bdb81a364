// SPDX-License-Identifier: MIT
//
// Epoch-based memory reclamation.
//
// A thread that reads shared structures without a lock does so between epoch_enter() and
// epoch_exit(). Memory that a writer unlinks is retired, not freed: it is freed once every thread
// that could still hold a pointer to it has left. Nothing here takes a lock on the read side, and
// entering costs one atomic exchange on a cache line of the thread's own.
//
// Rules for callers
// 1. Unlink (release store) first, epoch_retire() after, both inside the same epoch section.
// 2. No section lasts longer than a short command: a thread about to sleep or to run a long command
//    leaves its section first.
// 3. A `struct epoch_thread` is used by one thread at a time.
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct epoch;
struct epoch_thread;

// Creates a reclamation domain; NULL without memory. One domain serves one store.
struct epoch *epoch_create(void);

// Frees the domain and everything still retired in it (what is for the reclaimer goes there). Every
// participant must be unregistered.
void epoch_destroy(struct epoch *);

// Adds a participant; NULL without memory. Thread-safe.
struct epoch_thread *epoch_register(struct epoch *);

// Removes a participant that is outside any section. What it retired and could not free yet is
// handed to the domain. Thread-safe.
void epoch_unregister(struct epoch_thread *);

// Begins and ends a section. They nest: only the outermost pair counts.
void epoch_enter(struct epoch_thread *);
void epoch_exit(struct epoch_thread *);

// A small number of the participant's own, below the number of participants there ever were at a
// time: for picking a stripe of per-thread data. Never changes while it is registered.
unsigned epoch_thread_index(const struct epoch_thread *);

// True between epoch_enter() and epoch_exit(); for assertions.
bool epoch_active(const struct epoch_thread *);

// Hands `ptr` over: free_fn(ptr) runs once no section that began before this call is left, on this
// thread or another. `nbytes` is its size, for the count of retired memory. Must be called inside a
// section. Cannot fail: when the record of it cannot be allocated the memory is given up and
// counted in epoch_leaked_bytes(). free_fn may take its time, but may not call into this module,
// nor rely on locks that anybody holds around epoch_retire(), which now and then frees older
// objects itself.
void epoch_retire(struct epoch_thread *, void *ptr, void (*free_fn)(void *ptr), size_t nbytes);

// Hands `ptr` over in the same way for something that takes too long to be freed in passing:
// give_fn(ptr, reclaimer), with the domain's reclaimer, takes the place of free_fn, and its rules
// hold for it. False: the memory was given up, and give_fn will not be called.
bool epoch_retire_to_reclaimer(struct epoch_thread *, void *ptr,
                               void (*give_fn)(void *ptr, void *reclaimer), size_t nbytes);

// Whoever frees what takes long; this module only passes the pointer on. NULL unless set, which is
// done before there are participants.
void epoch_set_reclaimer(struct epoch *, void *reclaimer);
void *epoch_reclaimer(const struct epoch_thread *);

// Tries to advance the epoch and frees what has become free, at most about `budget` objects (so
// that no request pays for a burst). Called now and then by each thread; cheap when there is
// nothing to do. Looks after the memory of sleeping threads as well. May be called inside or
// outside a section. Returns the number of objects freed.
size_t epoch_poll(struct epoch_thread *, size_t budget);

// Waits until everything retired by anybody before the call is freed. Outside any section only; for
// tests and shutdown.
void epoch_drain(struct epoch_thread *);

// Bytes retired and not freed yet, objects likewise, and bytes given up; sums over all threads.
size_t epoch_pending_bytes(const struct epoch *);
size_t epoch_pending_count(const struct epoch *);
size_t epoch_leaked_bytes(const struct epoch *);
