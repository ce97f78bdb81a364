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

enum { WORKER_THREADS_AUTO = -1 };
enum { CONNECTION_THREADS_AUTO = -1 }; // `connection-threads auto`

enum loglevel { LOGLEVEL_DEBUG, LOGLEVEL_VERBOSE, LOGLEVEL_NOTICE, LOGLEVEL_WARNING };

// The classes of client-output-buffer-limit. Only clients of the first kind exist yet; the others'
// limits are kept and reported.
enum output_class { OUTPUT_NORMAL, OUTPUT_REPLICA, OUTPUT_PUBSUB, OUTPUT_CLASSES };

struct config {
    // Guards the text values below and each CONFIG SET / REWRITE as a whole.
    MUTEX(RANK_CONFIG) lock;
    char *file;    // path of the configuration file, NULL: none
    char *bind;    // addresses, separated by blanks
    char *logfile; // "": standard output
    char *pidfile;
    char *requirepass; // reserved: only "" is accepted yet
    int port;          // 0: any free one
    int tcp_backlog;
    int databases;
    int connection_threads; // CONNECTION_THREADS_AUTO, 0 = one a connection, N
    int worker_threads;     // most that run at a time; WORKER_THREADS_AUTO: twice the CPUs
    bool daemonize;
    _Atomic int loglevel; // enum loglevel
    _Atomic int64_t maxclients;
    _Atomic int64_t timeout_s;       // idle clients are closed after this; 0 never
    _Atomic int64_t tcp_keepalive_s; // 0 off
    _Atomic int64_t hz;
    _Atomic int64_t slow_command_threshold; // work units; longer commands go to a worker thread
    _Atomic int64_t query_buffer_limit;
    // client-output-buffer-limit normal <hard> <soft> <seconds>; bytes, 0: none. The other classes'
    // are kept likewise, by class.
    _Atomic int64_t output_hard_limit;
    _Atomic int64_t output_soft_limit;
    _Atomic int64_t output_soft_seconds;
    _Atomic int64_t output_others[OUTPUT_CLASSES][3];
    _Atomic bool protected_mode;
    _Atomic bool lazyfree_user_flush;
    // How the locks of the process wait: enum lock_preset, and what differs from it (-1: nothing).
    _Atomic int lock_preset;
    _Atomic int64_t lock_spin, lock_backoff, lock_yield, lock_fairness_us;
    _Atomic int64_t lock_starvation_ms;
    _Atomic int64_t slowlog_slower_than_us; // negative: nothing is logged
    _Atomic int64_t slowlog_max_len;
    _Atomic uint64_t
        slowlog_ticks; // the first of the two in cpu_ticks(): what is shorter is not slow
    _Atomic int list_compress_depth; // kept and reported: lists are not compressed
    struct type_limits limits;       // set-max-intset-entries, proto-max-bulk-len ...
    // How many of the wanted clients the process can serve (file descriptors); asked before
    // maxclients changes while running. NULL: as many as one likes. Set once, before there are
    // threads.
    int64_t (*admit_clients)(const struct config *, int64_t wanted);
};

// A configuration with every default; NULL without memory.
struct config *config_new(void);
void config_free(struct config *);

// Reads a file of `name value` lines (quotes, # comments, `include path`: redis.conf syntax).
// False: `error` is one sentence that begins with the file and the line; the lines before have
// taken effect.
bool config_load_file(struct config *, const char *path, char *error, size_t nerror);
// Sets one parameter before the start. False: `error` says why, beginning with the name.
bool config_set_initial(struct config *, const char *name, int nvalues, const char *const *values,
                        char *error, size_t nerror);
// CONFIG SET while running: all the pairs or none. False: `error` holds the reply's text, without
// the leading "ERR ". Thread-safe, as all that follows.
bool config_set_running(struct config *, int npairs, const struct bytes *names_and_values,
                        char *error, size_t nerror);
// Puts the lock- parameters in force. They are the process's: of several stores the last one that
// is opened or changed decides. CONFIG SET calls this itself.
void config_apply_locks(struct config *);
// Brings slowlog_ticks in line with its parameter. CONFIG SET calls this itself.
void config_apply_slowlog(struct config *);
// CONFIG GET: appends a map of the parameters that match any of the glob patterns, in any case.
void config_get(struct config *, int npatterns, const struct bytes *patterns, struct reply *);
// CONFIG REWRITE: brings the file up to date, keeping comments and order, through a temporary file.
// False: `error` holds the reply's text, and the file is as it was.
bool config_rewrite(struct config *, char *error, size_t nerror);
