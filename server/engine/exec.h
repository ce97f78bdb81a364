// SPDX-License-Identifier: MIT
//
// The dispatcher: from a parsed request to its reply. See exec.c for how the three lock classes
// work.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "server/engine/command.h"

struct bytes;
struct client;
struct cmd_ctx;
struct request;
struct thread;

// Brackets a batch of commands (one turn of an event loop): enters the epoch and passes the gate
// that whole-keyspace operations close. Does not nest.
void exec_begin(struct thread *);
void exec_end(struct thread *);

// What is known of a request before it runs; zeroed: nothing. See lookahead.h.
struct exec_hint {
    const struct command_entry *cmd; // the command, of a container the container; NULL: not known
    uint64_t hash;                   // of the first key, if `hashed`
    bool hashed;
};

// Runs one request of `client` and appends its reply to client->reply. Between exec_begin/end, on
// the client's thread. The arguments are borrowed for the call. argc >= 1. After a long batch the
// caller leaves and re-enters (exec_end, exec_begin), so that reclamation and FLUSHALL are not held
// up.
//
// EXEC_WAITS: the command could not go on (client->ops says whether that may happen) and has
// replied nothing yet. The arguments must stay where they are, nothing else may be run or replied
// for the client, and after client->ops->resume() the client's thread calls exec_resume().
enum exec_result { EXEC_DONE, EXEC_WAITS };
enum exec_result exec_request(struct client *, const struct request *, const struct exec_hint *);

// Goes on with the client's command, which may have to wait again. A command on a worker thread
// replies in pieces: EXEC_WAITS may have added to client->reply what can be sent. Between
// exec_begin/end, on the client's thread.
enum exec_result exec_resume(struct client *);
// While the command waits: client->reply has been sent but for this many bytes. On the client's
// thread.
void exec_sent(struct client *, size_t unsent);
// The client has gone while its command waits. True: the command has ended. False: it will be
// resumed once more, and must be. Outside exec_begin/end, on the client's thread.
bool exec_cancel(struct client *);
// Whether the waiting command changes nothing, so that nobody misses it when its client has gone.
bool exec_waits_to_read(const struct client *);
// Runs the client's command on a worker thread. Outside exec_begin/end, on the worker.
void exec_on_worker(struct client *, struct thread *worker);

// For transactions: runs a command by its class, with the gate closed by the caller; counts a
// command that has run.
void exec_alone(struct cmd_ctx *);
void exec_count(struct cmd_ctx *);

// Calls fn for each argument of a request that is a key, with how it would be locked, without
// running anything; returns their number, -1 without memory. For COMMAND GETKEYS; arity must have
// been checked.
int exec_keys_of(struct cmd_ctx *, const struct command_entry *, int argc, const struct bytes *argv,
                 void (*fn)(int arg, enum lock_class mode, void *ctx), void *ctx);
