// SPDX-License-Identifier: MIT
//
// What a command handler sees: its arguments, its keys, its reply. Handlers run under the locks of
// their row, inside an epoch section, on one thread, and never lock anything themselves.
//
// A LOCK_NONE handler may be run again from the start when a writer got in between (its reply is
// discarded first), so it must have no effect but its reply.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "datatypes/status.h"
#include "datatypes/value.h"
#include "resp/bytes.h"
#include "resp/reply.h"
#include "server/engine/command.h"

struct client;
struct kl_store;
struct thread;
struct db;
struct exec_hint;
struct job;
struct str_edit;

struct cmd_ctx {
    struct kl_store *store;
    struct thread *thread;
    struct client *client;
    struct reply *reply;
    struct type_ctx *types;
    const struct command_entry *cmd;
    int argc;
    const struct bytes *argv;
    int64_t now_ms; // unix time at which this command happens
    int db;         // index of the selected database
    int nkeys;      // number of key arguments, duplicates counted
    int first_key;  // in `keys`; 0 but for the commands of a transaction
    const struct exec_hint *hint;
    struct job *job;        // on a worker thread; else NULL
    struct key_table *keys; // private to exec.c, job.c and keyspace*.c
    uint64_t begun_ticks;   // cpu_ticks() when the command began
    size_t stepped;         // work units since the last cmd_slice()
    int64_t lock_wait_ns;   // how long it waited for locks of keys, so far
    uint64_t nerrors;       // errors that were replied before it
    uint32_t hidden_args;   // see cmd_hide_arg()
    bool only_reads;        // it, or the whole of its transaction, changes nothing
    bool exclusive;         // of a transaction that has closed the gate
    bool queued;            // it was queued instead of being run
};

// ---- long commands ----------------------------------------------------------------------------

enum {
    CMD_SLICE = 1024,        // work units between two calls of cmd_slice()
    CMD_SLICE_BYTES = 65536, // and bytes of reply
};

// Lets the rest of the server go on in the middle of a long command: memory is reclaimed, what was
// replied so far is sent, the processor is given away if others need it. Locked keys stay locked
// and what is in their values stays valid; anything else that was read before is stale. False: the
// client has gone and the command changes nothing: return at once, whatever the reply looks like.
bool cmd_slice(struct cmd_ctx *);

// Counts work that was done and calls cmd_slice() when it is time. Handlers whose row has `work`
// call it in their loops, as often as once an element.
static inline bool cmd_step(struct cmd_ctx *c, size_t units)
{
    c->stepped += units;
    return (c->stepped < CMD_SLICE && c->reply->len < CMD_SLICE_BYTES) || cmd_slice(c);
}

// ---- keys: `i` counts the key arguments from 0, in the order in which they stand

// The key's value now; VALUE_ABSENT when there is none or it has expired. Works in all three
// classes. (A LOCK_NONE command that meets a string whose bytes are changed in place gets
// VALUE_ABSENT, what it replies is discarded, and it runs again with the key locked.)
struct value key_get(struct cmd_ctx *, int i);
// The same without counting as a use of the key (no LRU/LFU update): OBJECT, TTL, TYPE ... Without
// locks not for looking at a string's bytes.
struct value key_peek(struct cmd_ctx *, int i);
// The value when it is absent or of that type; otherwise replies WRONGTYPE and returns false.
bool key_get_type(struct cmd_ctx *, int i, enum value_type, struct value *out);
// The same for a string, by handlers that look at its bytes through str_byte() and str_len() alone:
// they need no lock even when it is one whose bytes are changed in place.
bool key_get_live_string(struct cmd_ctx *, int i, struct value *out);
// Whether the keys are locked, and not read without locks: for work estimates.
bool keys_locked(const struct cmd_ctx *);
// The key's name and the database that it is in.
struct bytes key_name(struct cmd_ctx *, int i);
int key_db(struct cmd_ctx *, int i);
// Seconds since the key, which exists, was last used.
int64_t key_idle_seconds(struct cmd_ctx *, int i);
// Where the key's value is in memory, or within what. The key exists.
const void *key_address(struct cmd_ctx *, int i);

// The following need LOCK_WRITE on the key.
// Publishes `v`, which the key owns from now on, and retires what was there. VALUE_ABSENT deletes.
void key_set(struct cmd_ctx *, int i, struct value v);
// Publishes the same value in another form, which nobody who watches the key need know.
void key_recode(struct cmd_ctx *, int i, struct value v);
// True when a later key argument names the same key. A command publishes a key's value once: who
// reads without a lock would take the first of two for the state between two commands.
bool key_named_again(struct cmd_ctx *, int i);
// Deletes the key; true when it existed.
bool key_delete(struct cmd_ctx *, int i);
// Takes the value out of the key, which is then absent; the caller owns it (RENAME).
struct value key_take(struct cmd_ctx *, int i);
// The collection for changing in place: opens its write section, which ends with the command.
// Call it when it is certain that something will change. The key must hold a collection.
struct value key_mutable(struct cmd_ctx *, int i);
// Begins a change of some bytes of the string, or to a key that does not exist, which will be at
// least min_len bytes long: see str_edit_prepare(). Then the handler writes with str_put() and ends
// with key_set() of e->word. False: an error was replied, and nothing was changed.
bool key_edit_string(struct cmd_ctx *, int i, size_t min_len, struct str_edit *e);
// Makes it look as if the key, which exists, was last used so long ago.
void key_set_idle(struct cmd_ctx *, int i, int64_t seconds);
// Changes the expire time; NO_EXPIRE removes it. The key exists.
enum status key_expire(struct cmd_ctx *, int i, int64_t at_ms);

// For getkeys functions: argument `arg` is a key in database `db` (c->db as a rule), to be locked
// so. Returns the key's number i, or -1 without memory (the dispatcher then answers the error).
int cmd_add_key(struct cmd_ctx *, int arg, int db, enum lock_class);

// ---- keys that the command finds in the values of its keys (SORT ... BY)

// The value, VALUE_ABSENT for none, of a key of the selected database, whose name is copied; locked
// for reading from now on. False: it cannot be had yet. The command then names the others that it
// is going to need, or not all of them, and returns without having replied or changed anything: it
// is run again, or answered that there is no memory.
bool key_other(struct cmd_ctx *, struct bytes name, struct value *out);
// Whether all of them could be had, before the command begins to reply.
bool keys_complete(struct cmd_ctx *);

// ---- arguments: each replies the usual error and returns false when the argument is not one

// "ERR value is not an integer or out of range"
bool cmd_arg_i64(struct cmd_ctx *, int arg, int64_t *out);
// The same within [min, max]; `error` (may be NULL: the text above) is the reply outside.
bool cmd_arg_i64_range(struct cmd_ctx *, int arg, int64_t min, int64_t max, int64_t *out,
                       const char *error);
// "ERR value is not a valid float"
bool cmd_arg_double(struct cmd_ctx *, int arg, double *out);
// True when the argument is that word, in any case; `word` in lower case. Replies nothing.
bool cmd_arg_is(const struct cmd_ctx *, int arg, const char *word);

// The argument is a secret: SLOWLOG will show "(redacted)" for it. (It shows the first 31 at most.)
static inline void cmd_hide_arg(struct cmd_ctx *c, int arg)
{
    if (arg < 32)
        c->hidden_args |= UINT32_C(1) << arg;
}

// ---- replies: all of resp/reply.h on c->reply, and

void cmd_reply_syntax(struct cmd_ctx *);    // ERR syntax error
void cmd_reply_wrongtype(struct cmd_ctx *); // WRONGTYPE ...
void cmd_reply_arity(struct cmd_ctx *);     // ERR wrong number of arguments for 'x' command
void cmd_reply_status(struct cmd_ctx *, enum status); // the error text of a failed status
// "ERR unknown subcommand 'y'. Try X HELP."
void cmd_reply_unknown_sub(struct cmd_ctx *);
// The reply of a HELP subcommand: "<NAME> <subcommand> ..." and the lines, ended by NULL, as an
// array.
void cmd_reply_help(struct cmd_ctx *, const char *const *lines);
// A bulk string of any length, in slices.
void cmd_reply_bulk(struct cmd_ctx *, const char *data, size_t len);
// The string's bytes as a bulk.
void cmd_reply_string(struct cmd_ctx *, struct value);

// ---- whole databases

// Keys in the database, expired ones that were not removed yet included (as DBSIZE).
size_t db_size(struct kl_store *, int db);
// Keys with an expire time.
size_t db_expires(struct kl_store *, int db);
// One step of SCAN: passes the name and value of some keys that exist at now_ms; returns the next
// cursor. Lock-free; fn may not look up or change keys.
uint64_t db_scan(struct cmd_ctx *, int db, uint64_t cursor,
                 void (*fn)(struct bytes key, struct value, void *arg), void *arg);
// The name of a random key, valid to the end of the command; false when the database is empty.
bool db_random_key(struct cmd_ctx *, struct bytes *key);
// Empties one database (db -1: all). With every other command out of the way; the keys are freed
// afterwards, by the caller when `sync`, else in the background.
enum status db_flush(struct cmd_ctx *, int db, bool sync);
// Exchanges two databases' contents for all clients at once.
void db_swap(struct cmd_ctx *, int a, int b);
// Leaves the epoch and, unless a transaction holds keys, the gate around something that takes long
// without touching keys (DEBUG SLEEP, freeing). A worker thread then does not count as one that
// runs. Only for handlers without keys.
void cmd_pause_begin(struct cmd_ctx *);
void cmd_pause_end(struct cmd_ctx *);
