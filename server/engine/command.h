// SPDX-License-Identifier: MIT
//
// The command table. Each file of server/commands/ ends with its rows:
//
//     COMMANDS(set) = {
//         {"sadd", -3, KEYS(1, 1, 1), LOCK_WRITE, CMD_DENYOOM | CMD_FAST, cmd_sadd,
//          "key member [member ...]", "1.0.0", "Adds members to a set."},
//         COMMANDS_END,
//     };
//
// and is found by the build: adding a command or a family touches one file. Handlers never lock:
// the dispatcher takes the locks that the row names (see exec.h).
#pragma once

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>

#include "resp/bytes.h"

struct cmd_ctx;

// <fcntl.h> has macros of these names, for flock()'s mandatory locks, which nobody here uses.
#undef LOCK_READ
#undef LOCK_WRITE

// What a command does to the keys it names.
enum lock_class {
    LOCK_NONE,  // reads published state, no lock; the dispatcher validates and repeats when needed
    LOCK_READ,  // walks values: no writer of these keys runs meanwhile
    LOCK_WRITE, // changes values: alone on these keys
};

enum command_flag {
    CMD_FAST = 1 << 0,     // O(1) or O(log n)
    CMD_DENYOOM = 1 << 1,  // may need memory: refused when maxmemory is reached
    CMD_ADMIN = 1 << 2,    // administration
    CMD_NOSCRIPT = 1 << 3, // not from scripts
    CMD_NO_AUTH = 1 << 4,  // allowed before authentication
    CMD_LOADING = 1 << 5,  // allowed while a data set is loaded
    CMD_STALE = 1 << 6,    // allowed on a stale replica
    CMD_WRITE = 1 << 7,    // changes data without naming keys (FLUSHALL); LOCK_WRITE implies it
    CMD_READONLY =
        1 << 8, // reads data without naming keys (KEYS); keys without LOCK_WRITE imply it
    CMD_READ_REST = 1 << 9, // LOCK_WRITE on the first key, the others are only read (SUNIONSTORE)
    CMD_PUBSUB = 1 << 10,
    CMD_DANGEROUS = 1 << 11,  // category @dangerous
    CMD_CONNECTION = 1 << 12, // category @connection
    CMD_KEYSPACE = 1 << 13,   // category @keyspace
    CMD_SKIP_MONITOR = 1 << 14,
    CMD_SKIP_SLOWLOG = 1 << 15,
    CMD_NO_MULTI = 1 << 16,
    CMD_ALLOW_BUSY = 1 << 17,
    CMD_BLOCKING = 1 << 18,
    CMD_ADMINISTRATIVE = 1 << 19, // category @admin without being refused to scripts and the like
    CMD_LOOK_AGAIN = 1 << 20,     // `work` sees more with the keys locked, and is asked then, too
    CMD_LOCK_MISSING = 1 << 21,   // its only key is locked when it is missing, too (WATCH)
    CMD_AT_ONCE = 1 << 22,        // runs after MULTI instead of being queued
    CMD_RUNS_QUEUE = 1 << 23,     // EXEC: its keys are those of the queued commands
    CMD_EXCLUSIVE = 1 << 24,      // runs while nothing else does (FLUSHALL)
    CMD_OTHER_KEYS = 1 << 25,     // with BY or GET, may call key_other() (SORT)
    CMD_CACHES = 1 << 26, // LOCK_WRITE only to keep a result in the value: a reader to its clients
    CMD_HIDDEN_KEYS = 1 << 27, // COMMAND tells of no keys, whatever getkeys finds (DEBUG)
};

// Which arguments are keys: from `first` to `last` (negative: from the end) every `step`; first 0:
// none.
struct key_spec {
    int first, last, step;
};
#define KEYS(first_, last_, step_)                                                                 \
    {                                                                                              \
        first_, last_, step_                                                                       \
    }
#define NO_KEYS                                                                                    \
    {                                                                                              \
        0, 0, 0                                                                                    \
    }

struct command {
    const char *name; // lower case
    int arity;        // with the name; negative: at least
    struct key_spec keys;
    enum lock_class lock;
    uint32_t flags; // enum command_flag
    void (*handler)(struct cmd_ctx *);
    const char *syntax;  // what follows the name, in Redis's notation; "" when nothing does
    const char *since;   // the Redis version that brought it
    const char *summary; // one sentence
    // Optional. A container ("client"): its subcommands, ended by COMMANDS_END; their arity counts
    // the container's name too, as in Redis. handler is then used when the container is called
    // alone.
    const struct command *subcommands;
    // Optional. Names the keys where `keys` cannot: calls cmd_add_key() for each. On a syntax error
    // it may stop early; the handler, which then runs without some locks, must report the same
    // error.
    void (*getkeys)(struct cmd_ctx *);
    // Optional: the argument that counts the keys which follow it, behind those of `keys` if there
    // are such (ZUNIONSTORE). Where the count is no good the command gets no keys at all and the
    // handler, which runs without locks then, must report that first.
    int numkeys;
    // Optional, for COMMAND INFO only: from that argument on the options STORE and STOREDIST may
    // name keys, which getkeys finds.
    int store_options;

    // Optional, for COMMAND INFO only, in its words with blanks between: what becomes of the first
    // key and of the others ("RW access delete") where the lock class does not say enough, and
    // hints for clients and proxies.
    const char *key_use, *rest_use;
    const char *tips;
    // Optional, where key_use ends with "variable_flags" and so says the most there can be: what
    // the call at hand does to its first key.
    const char *(*call_use)(const struct cmd_ctx *);
    // Optional: how much work the command will be, in units of about 50 ns: an element visited and
    // replied is one (work.h has the usual ones). Asked before any lock is taken, as a lock-free
    // reader: key_peek() works and may be out of date. With CMD_LOOK_AGAIN asked once more when the
    // keys are locked (keys_locked()), and may then look inside the values, for a short time.
    // Commands without it are always short. Long ones call cmd_step() as they go.
    uint64_t (*work)(struct cmd_ctx *);
    // Optional: the argument that is a member of the collection under the first key, and is looked
    // up there. A hint for what to have in the cache.
    int member;
};

#define COMMANDS(family) const struct command commands_##family[]
#define COMMANDS_END                                                                               \
    {                                                                                              \
        0                                                                                          \
    }

// A command as the registry knows it: the row and what follows from where it stands.
struct command_entry {
    const struct command *row;
    const struct command_entry *parent; // the container, or NULL
    const char *family;                 // "string", "set", ...: the file it stands in
    unsigned id;                        // dense, 0 .. registry_count() - 1: index of statistics
    size_t name_len;                    // of row->name
    char full_name[48];                 // "get", "client|list"
    unsigned first_child, nchildren;    // ids of the subcommands, which are consecutive
};

// Whether that is the command's name, in any case.
static inline bool command_named(const struct command_entry *e, struct bytes name)
{
    if (name.len != e->name_len)
        return false;
    for (size_t i = 0; i < name.len; i++) {
        if (bytes_lower(name.data[i]) != e->row->name[i])
            return false;
    }
    return true;
}

// Builds the table once for the process; idempotent, thread-safe. False without memory.
bool registry_init(void);
// The command of that name in any case, or NULL.
const struct command_entry *registry_find(struct bytes name);
// The same, for who suspects which one it is: clients repeat themselves. `guess` may be NULL.
static inline const struct command_entry *registry_find_like(const struct command_entry *guess,
                                                             struct bytes name)
{
    return guess && !guess->parent && command_named(guess, name) ? guess : registry_find(name);
}
// The subcommand of a container, or NULL.
const struct command_entry *registry_find_sub(const struct command_entry *, struct bytes name);
// All commands and subcommands by id; top-level ones have no parent.
unsigned registry_count(void);
const struct command_entry *registry_at(unsigned id);
// True when its arguments name keys, as far as COMMAND tells.
static inline bool command_has_keys(const struct command_entry *e)
{
    return e->row->keys.first != 0 || e->row->numkeys != 0 ||
           (e->row->getkeys && !(e->row->flags & CMD_HIDDEN_KEYS));
}
// True when the command changes data (flag "write").
bool command_writes(const struct command_entry *);
// True when it reads data only (flag "readonly").
bool command_readonly(const struct command_entry *);
