// SPDX-License-Identifier: MIT
//
// What concurrent clients did, and when: the input of linearize.h.
//
// An operation is one command, or several that happen at one instant (EXEC). It is in flight from
// the moment when its client was about to send it to the moment when its client had the reply, both
// by CLOCK_MONOTONIC, which all threads share. A reply that never came (the connection was lost)
// leaves the operation open for ever: it may have happened at any time after it was sent, or not at
// all.
//
// Each client has a log of its own, which only its thread touches until all threads are done, so
// that recording orders nobody. Room for the operations is set aside at the start; the moments are
// the last thing taken before sending and the first thing after receiving.
//
// A client may send several operations before it reads (a pipeline); replies come in that order.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "resp/bytes.h"
#include "tests/lib/strbuf.h"

enum { HISTORY_ARGS_MAX = 64 };
#define HISTORY_OPEN INT64_MAX // returned_ns of an operation without a reply

// One command of an operation.
struct history_step {
    int argc;
    struct bytes *argv;
    char *reply; // as text (reply_text.h), terminated; NULL: none came
};

struct history_op {
    int client;
    int number; // counts the client's operations from 0, in the order in which it sent them
    int64_t called_ns, returned_ns;
    int nsteps;
    struct history_step *steps;
};

struct history;
struct history_log;

// For that many clients with at most that many operations each.
struct history *history_new(int nclients, int max_ops);
void history_free(struct history *);
// Forgets all operations.
void history_clear(struct history *);

// The log of client 0, 1, ...
struct history_log *history_log(struct history *, int client);

// ---- on the client's thread ---------------------------------------------------------------------

// An operation is about to be sent. Its words are separated by single blanks; several commands
// that run as one transaction by line feeds.
void history_call(struct history_log *, const char *commands);
// The moment, taken right after a reply has come, for history_return().
int64_t history_now_ns(void);
// The reply to the client's first operation that has none yet. That of a transaction is an array
// with a reply for each command; any other means that none of them ran, and the operation is
// forgotten.
void history_return(struct history_log *, int64_t now_ns, const char *reply);
// The same with the bytes of RESP2 that came; they are looked at when the clients are done.
void history_return_raw(struct history_log *, int64_t now_ns, const char *raw, size_t nbytes);
// The client's operations without a reply will never have one.
void history_lost(struct history_log *);
// All of it at once: for histories made by hand. `reply` NULL: none came.
void history_add(struct history_log *, int64_t called_ns, int64_t returned_ns, const char *commands,
                 const char *reply);

// ---- when all clients are done ------------------------------------------------------------------

// All operations by the moment of their call, valid until the history changes.
const struct history_op *history_ops(struct history *, int *nops);

// Appends "client 1 [  12.50   17.25] GET k -> "v"", times in microseconds from t0_ns.
void history_print(const struct history_op *, int64_t t0_ns, struct strbuf *);
