// SPDX-License-Identifier: MIT
//
// The dispatcher: from a parsed request to its reply. See exec.c for how the three lock classes work.
#pragma once

#include <stdint.h>

struct bytes;
struct client;
struct thread;

// Brackets a batch of commands (one turn of an event loop): enters the epoch and passes the gate that
// whole-keyspace operations close. Does not nest.
void exec_begin(struct thread *);
void exec_end(struct thread *);

// Runs one request of `client` and appends its reply to client->reply. Between exec_begin/end, on
// the client's thread. argv is borrowed for the call. argc >= 1. After a long batch the caller leaves and
// re-enters (exec_end, exec_begin), so that reclamation and FLUSHALL are not held up.
void exec_request(struct client *, int argc, const struct bytes *argv);
