// SPDX-License-Identifier: MIT
//
// Deadlocks among commands that wait for keys, found in debug builds; without KL_DEBUG this is
// nothing. keyspace_lock() takes keys in an order that forbids them, and checks it here; what locks
// keys in two steps, or past the order, is found by looking at who waits for whom.
#pragma once

struct key_slot;
struct kl_store;

#ifdef KL_DEBUG

// The lock of `held` is held and that of `next` about to be taken. Ends the process, with both
// names, if a command that takes them the other way round may be on its way.
void key_deadlock_order(const struct key_slot *held, const struct key_slot *next);

// If commands wait for each other's keys, prints each with its client, its key and what it waits
// for, and ends the process. All that it reports was there at one moment, and never without a
// command that has locked keys against the order. Takes the locks that LOCK WAITERS takes. Called
// by threads that sleep on a key, and by store_cron() for commands that wait without a thread.
void key_deadlock_look(struct kl_store *);

#else

static inline void key_deadlock_order(const struct key_slot *held, const struct key_slot *next)
{
    (void)held, (void)next;
}

static inline void key_deadlock_look(struct kl_store *store)
{
    (void)store;
}

#endif
