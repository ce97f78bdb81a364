// SPDX-License-Identifier: MIT
//
// The log of slow commands, behind SLOWLOG: the newest `slowlog-max-len` commands that took
// `slowlog-log-slower-than` microseconds or more, waiting included.
//
// The dispatcher asks slowlog_wants() after each command, which is one comparison; the rest is for
// slow commands only. Entries are copies, made without a lock; a mutex guards the list alone, and
// who shows entries holds references to them instead of the mutex.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "locks/mutex.h"
#include "resp/bytes.h"
#include "server/engine/config.h"

struct cmd_ctx;
struct command_entry;
struct kl_store;

enum {
    SLOWLOG_ARGS = 32,   // shown of a command; the last place then tells how many more there are
    SLOWLOG_CHARS = 128, // shown of an argument; then likewise
};

// How a command's time was spent; ticks are cpu_ticks().
struct slowlog_run {
    uint64_t ticks;    // from beginning to end, all waiting included
    int64_t queued_ns; // of it: until a worker thread was free
    bool on_worker;
};

// Constant, but for the two words of the list.
struct slowlog_entry {
    struct slowlog_entry *newer, *older; // under the log's lock
    unsigned refs;                       // likewise: the list's and those of slowlog_get()
    uint64_t id;
    int64_t unix_s; // when it was done
    int64_t us, lock_wait_us, queued_us;
    bool on_worker;
    int db;
    uint64_t client_id;
    const struct command_entry *cmd;
    char addr[64];
    struct bytes name; // the client's, "" without
    int argc;
    struct bytes argv[]; // as shown; the bytes are behind it
};

struct slowlog {
    MUTEX(RANK_SLOWLOG) lock; // guards all that follows; zeroed memory is an empty log
    struct slowlog_entry *newest, *oldest;
    size_t n;
    uint64_t next_id;
};

// Whether a command that took so long may be one for slowlog_add().
static inline bool slowlog_wants(const struct config *config, uint64_t ticks)
{
    return ticks >= atomic_load_explicit(&config->slowlog_ticks, memory_order_relaxed);
}

// Logs the command if it is slow enough, on the thread that runs it. Without memory it is left out.
void slowlog_add(struct cmd_ctx *, const struct slowlog_run *);

// The newest entries, at most `max` (negative: all), newest first; returns their number, -1 without
// memory. The caller hands the array back to slowlog_put().
ptrdiff_t slowlog_get(struct kl_store *, int64_t max, struct slowlog_entry ***entries);
void slowlog_put(struct kl_store *, struct slowlog_entry **entries, ptrdiff_t n);

size_t slowlog_len(struct kl_store *);
// Empties the log; ids go on.
void slowlog_reset(struct kl_store *);
