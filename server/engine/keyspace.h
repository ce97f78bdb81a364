// SPDX-License-Identifier: MIT
//
// The keys of one command: finding, locking, reading, releasing. Private to the engine; handlers
// use cmd.h. See keyspace.c and keyspace_lock.c.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "datatypes/value.h"
#include "resp/bytes.h"
#include "server/engine/arena.h"
#include "server/engine/cmd.h"
#include "server/engine/command.h"

struct dict;
struct entry;

// One key argument. Arguments that name the same key of the same database share the first one's
// slot.
struct key_slot {
    uint64_t hash;
    struct bytes name;
    struct entry *entry; // NULL: looked up and not there, nothing locked
    struct dict *dict;
    struct value seen; // lock-free: the value read; locked: the collection whose section is open
    uint64_t seq;      // lock-free: the section number of `seen`
    uint64_t rewrites; // lock-free: of the key's class, before the value was read (store.h)
    int64_t waited_ns; // for the lock
    int arg;           // index in argv; -1: a key that EXEC's client watches
    int db;
    int same_as;   // index of the slot that stands for this key
    int next_same; // index of the next one that names the same key, in argument order; -1: none
    enum lock_class mode;
    bool read;      // lock-free: `seen` is filled in
    bool rewritten; // by several commands of a transaction
};

struct key_table {
    struct key_slot *slots;  // in argument order
    struct key_slot **order; // the distinct ones, in locking order
    int nslots, norder, capacity;
    int nheld;            // how many of `order` have been dealt with: locked, or found missing
    bool locked;          // the slots of `order` below nheld with an entry are locked
    bool conflict;        // lock-free: what was read is known not to hold together
    bool needs_lock;      // lock-free: there is no point in trying again without a lock
    bool no_memory;       // cmd_add_key or key_other failed
    bool missed;          // key_other found a key contended: the command is to run anew
    bool gathering;       // key_other was called, keys_complete not yet
    bool transaction;     // of all commands of an EXEC
    bool waited;          // for the lock of at least one key
    bool publishing;      // the write-locked keys are marked as changing together
    bool rewrites;        // some slot of `order` is `rewritten`
    bool met_expired;     // some key was read whose time had come
    int64_t hits, misses; // of this run
    struct arena names;   // of the keys that key_other added
    int *index;           // by hash, once there are such: the number of a slot and 1; 0: none
    int index_capacity;   // a power of 2
#ifdef KL_DEBUG
    unsigned nforced; // attempts to lock that failed because DEBUG FAIL-LOCKS says so
    bool forced;      // the last one did
#endif
};

struct key_table *key_table_new(void);
void key_table_free(struct key_table *);

// Collects the key arguments of the command into c->keys from its row. STATUS_NO_MEMORY: none.
enum status keyspace_collect(struct cmd_ctx *);
// Adds those of a command of a transaction: c->first_key is then the number of its first one. False
// without memory.
bool keyspace_collect_more(struct cmd_ctx *);
// Adds a key that is not an argument. False without memory.
bool keyspace_add(struct cmd_ctx *, struct bytes name, int db, enum lock_class);
// Forgets them, giving back a table that a huge command made.
void keyspace_forget(struct cmd_ctx *);

enum lock_outcome {
    LOCK_OUTCOME_HELD,
    LOCK_OUTCOME_NO_MEMORY, // nothing stays locked
    LOCK_OUTCOME_WAITS,     // the command was parked (see job.h) with the keys it has got so far
};

// Locks every key as its slot says, deadlock-free; missing keys get placeholders when that is
// needed. Where a key is contended the command is parked if its client's thread has others to
// serve; else the thread waits, and leaves the epoch meanwhile.
enum lock_outcome keyspace_lock(struct cmd_ctx *);
// Goes on with a parked command, whose next key (in locking order) has come to be held or not.
enum lock_outcome keyspace_lock_on(struct cmd_ctx *, bool next_held);
// Lets go of what a parked command has locked, without running it. `next_held`: as above; if it is
// not, but somebody was woken for this command's sake, others are woken instead.
void keyspace_abandon(struct cmd_ctx *, bool next_held);
// Ends write sections, removes entries that were left without a value, unlocks. When the command
// has `missed` keys it is then to be locked, and run, again.
void keyspace_unlock(struct cmd_ctx *);

// Lock-free: true when what the handler read belongs to one instant.
bool keyspace_read_valid(struct cmd_ctx *);
// Before keys that several commands of a transaction have changed are unlocked.
void keyspace_count_rewrites(struct cmd_ctx *);
// Before the handler is run again.
void keyspace_read_again(struct cmd_ctx *);

// The hash of the locked key; whether it has expired, although it is still there.
uint64_t key_hash(struct cmd_ctx *, int i);
bool key_expired(struct cmd_ctx *, int i);

// A key that was read without locks and whose time had come goes, if nobody is at it. (One that was
// locked for reading goes when it is unlocked.)
void keyspace_expire_read(struct cmd_ctx *);

// Deletes the key if its value has expired at now_ms; true when it did. Never waits: false when the
// key is locked by anyone. Inside exec_begin, in the section in which the entry was found or held.
bool keyspace_expire_try(struct thread *, int db, struct entry *, int64_t now_ms);
