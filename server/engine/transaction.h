// SPDX-License-Identifier: MIT
//
// MULTI: the commands that a client has queued, and running them as one.
//
// EXEC is a command whose keys are all keys of the queued commands and those that the client
// watches. The dispatcher locks them in the common order, parks or moves it to a worker thread like
// any other, and with everything locked its handler runs the queued ones one after the other: so
// nobody, not even a reader without locks (keyspace.c), sees a state between two of them. Commands
// on whole databases (CMD_EXCLUSIVE) cannot run while keys are held, and commands that find keys in
// values (CMD_OTHER_KEYS) give all keys back when they find one contended; a transaction with one
// of them locks no keys, closes the gate and runs alone.
//
// Memory: the arguments are copied into an arena, which is freed as a whole.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/engine/arena.h"
#include "server/engine/cmd.h"

struct client;

struct queued {
    struct queued *next;
    const struct command_entry *cmd;
    int db;               // that is selected when its turn comes
    int first_key, nkeys; // in EXEC's table
    int argc;
    struct bytes argv[];
};

// What a client has queued since MULTI. Its own.
struct transaction {
    struct queued *first, *last;
    struct arena commands; // they and their arguments
    int n;
    int db;         // that is selected after the last command
    bool aborted;   // a command was refused: EXEC will refuse all
    bool exclusive; // there is a command on whole databases
    bool writes;    // there is one that changes something
};

// MULTI. False without memory.
bool transaction_begin(struct client *);
// Forgets the queue, and what the client watches.
void transaction_end(struct client *);
// Queues the command and replies QUEUED, or the error.
void transaction_queue(struct cmd_ctx *);
// The command was refused; does nothing without MULTI.
void transaction_abort(struct client *);

// For EXEC's row: the work of all queued commands, before and after their keys are locked.
uint64_t transaction_work(struct cmd_ctx *);
// What it is at least, known before their keys are.
uint64_t transaction_least_work(const struct cmd_ctx *);
// The work of forgetting the queue.
uint64_t transaction_end_work(struct cmd_ctx *);
// Collects the keys that EXEC locks into c->keys; none if it is going to refuse.
void transaction_collect(struct cmd_ctx *);
// EXEC: runs the queue, or replies why not (a wrong number of arguments included). The keys are
// locked; once they are not, the dispatcher ends the transaction, whatever came of it.
void transaction_exec(struct cmd_ctx *);

// Whether EXEC changes something; whether it locks keys.
bool transaction_writes(const struct client *);
bool transaction_locks(const struct client *);
