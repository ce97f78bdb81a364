// SPDX-License-Identifier: MIT
//
// Configuration: one table of parameters (config.c) serves the file, the command line, CONFIG GET
// and CONFIG SET. Values that commands and connections read while running are atomics, read
// relaxed: a change takes effect soon, and no other data hangs on it.
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "datatypes/type_ctx.h"
#include "locks/mutex.h"

struct bytes;
struct reply;

enum { CONNECTION_THREADS_AUTO = -1 }; // `connection-threads auto`

struct config {
    struct mutex lock; // guards the text values below and each CONFIG SET / REWRITE as a whole
    char *file;        // path of the configuration file, NULL: none
    char *bind;        // addresses, separated by blanks
    char *logfile;     // "": standard output
    char *loglevel;
    char *pidfile;
    char *requirepass; // reserved: only "" is accepted yet
    int port;          // 0: any free one
    int tcp_backlog;
    int databases;
    int connection_threads; // CONNECTION_THREADS_AUTO, 0 = one a connection, N
    bool daemonize;
    _Atomic int64_t maxclients;
    _Atomic int64_t timeout_s;       // idle clients are closed after this; 0 never
    _Atomic int64_t tcp_keepalive_s; // 0 off
    _Atomic int64_t hz;
    _Atomic int64_t query_buffer_limit;
    _Atomic int64_t output_hard_limit; // client-output-buffer-limit normal <hard> <soft> <seconds>
    _Atomic int64_t output_soft_limit;
    _Atomic int64_t output_soft_seconds;
    _Atomic bool protected_mode;
    _Atomic bool lazyfree_user_flush;
    struct type_limits limits; // set-max-intset-entries, proto-max-bulk-len ...
};

// A configuration with every default; NULL without memory.
struct config *config_new(void);
void config_free(struct config *);

// Reads a file of `name value` lines (quotes, # comments, redis.conf syntax). False: `error` says
// what is wrong and in which line.
bool config_load_file(struct config *, const char *path, char *error, size_t nerror);
// Sets one parameter before the start. False: `error` says why.
bool config_set_initial(struct config *, const char *name, int nvalues, const char *const *values,
                        char *error, size_t nerror);
// CONFIG SET while running: all the pairs or none. False: `error` holds the reply's text.
bool config_set_running(struct config *, int npairs, const struct bytes *names_and_values,
                        char *error, size_t nerror);
// CONFIG GET: appends a map of the parameters that match any of the glob patterns.
void config_get(struct config *, int npatterns, const struct bytes *patterns, struct reply *);
// CONFIG REWRITE: updates the file in place, keeping comments, through a temporary file. False:
// `error`.
bool config_rewrite(struct config *, char *error, size_t nerror);
