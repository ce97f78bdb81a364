// SPDX-License-Identifier: MIT
//
// The engine without sockets: a store in this process and clients that run commands directly. For
// tests of the dispatcher and for torture, where a socket would only hide races.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "resp/bytes.h"
#include "server/engine/client.h"
#include "server/engine/store.h"

struct inproc {
    struct kl_store *store;
    struct config *config;
};

// A client and its thread record: use it from one thread only.
struct inproc_client {
    struct client client; // first: the engine's part
    struct thread *thread;
};

void inproc_open(struct inproc *);
void inproc_close(struct inproc *);

struct inproc_client *inproc_client_new(struct inproc *);
void inproc_client_free(struct inproc_client *);

// Runs a command given as words separated by single blanks, printf-like; returns its raw reply,
// valid to the next call.
const char *inproc_run(struct inproc_client *, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

// The same for arguments that may hold any bytes; *len is the length of the reply.
const char *inproc_argv(struct inproc_client *, int argc, struct bytes *argv, size_t *len);

// inproc_run() for one integer reply; fails the test when it is something else.
int64_t inproc_int(struct inproc_client *, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

// A bulk reply as a number, `none` for nil; fails the test when it is something else.
int64_t inproc_bulk_int(struct inproc_client *, int64_t none, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// Housekeeping until retired memory is gone.
void inproc_settle(struct inproc_client *);
