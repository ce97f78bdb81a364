// SPDX-License-Identifier: MIT
//
// What keyspace.c and keyspace_lock.c share.
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include "datatypes/dict.h"
#include "server/engine/exec.h"
#include "server/engine/keyspace.h"
#include "server/engine/store.h"

// Fills in dictionary and hash; before the key is looked up. Good until the gate closes.
static inline void slot_locate(struct cmd_ctx *c, struct key_slot *slot)
{
    slot->dict = atomic_load_explicit(&c->store->dbs[slot->db].dict, memory_order_acquire);
    // Every dictionary of the store has the same seed.
    if (c->hint->hashed && slot->arg == c->cmd->row->keys.first)
        slot->hash = c->hint->hash;
    else
        slot->hash = dict_hash(slot->dict, slot->name.data, slot->name.len);
}

// Inside an epoch section, in which the entry stays valid memory.
static inline struct entry *slot_find(const struct key_slot *slot)
{
    return dict_find(slot->dict, slot->hash, slot->name.data, slot->name.len);
}

// Publishes `v` as the value of a key that is locked for writing, and retires the one before
// (keyspace.c).
void key_publish(struct cmd_ctx *, struct key_slot *, struct value v);

// Brings the command's clock up to date, before what it reads, or with its keys locked.
void keyspace_read_clock(struct cmd_ctx *);

// Before the first change of a command with several write locks, and of a transaction that changes
// a key more than once: from now on lock-free readers of all its keys wait.
void keys_begin_publishing(struct cmd_ctx *);

// Locks a slot that was added while the others are held, for reading, out of order and without
// waiting; slot->entry stays NULL when it is contended. False without memory (keyspace_lock.c).
bool keyspace_try_more(struct cmd_ctx *, struct key_slot *);

// Notes that the key of a slot that has a value is used (keyspace.c).
void key_used(struct cmd_ctx *, struct key_slot *);

// Gives back what key_other() needed (keyspace_other.c).
void keyspace_forget_others(struct key_table *);

// The exclusive holder of an entry without a value takes it out of the world: unlinks it, kills its
// lock, retires it (keyspace_lock.c).
void entry_remove(struct thread *, struct dict *, uint64_t hash, struct entry *);
