// SPDX-License-Identifier: MIT
//
// LOCK: who waits for whom, which keys are waited for most, and how long waiting takes. Keylot's
// own; Redis has nothing to compare it with. Times are in microseconds.
#include "datatypes/mem.h"
#include "locks/stats.h"
#include "server/engine/cmd.h"
#include "server/engine/hot_keys.h"
#include "server/engine/lock_watch.h"
#include "server/engine/store.h"

enum {
    TOP_DEFAULT = 10,
    HOLDERS_SHOWN = 16, // readers of one key
    NS_PER_US = 1000,
};

static void reply_field(struct cmd_ctx *c, const char *name, uint64_t value)
{
    reply_bulk_str(c->reply, name);
    reply_int(c->reply, (int64_t)value);
}

static void reply_text(struct cmd_ctx *c, const char *name, struct bytes text)
{
    reply_bulk_str(c->reply, name);
    reply_bulk_bytes(c->reply, text);
}

// ---- LOCK STATS -------------------------------------------------------------------------------

static void reply_kind(struct cmd_ctx *c, enum lock_kind kind)
{
    struct lock_summary s;

    lock_stats_read(1u << kind, &s);
    reply_bulk_str(c->reply, lock_kind_name(kind));
    reply_map(c->reply, 9);
    reply_field(c, "waits", s.waits);
    reply_field(c, "spins", s.spins);
    reply_field(c, "handoffs", s.handoffs);
    reply_field(c, "starved", s.starved);
    reply_field(c, "waiters", s.waiters);
    reply_field(c, "wait-time-us", s.wait_ns / NS_PER_US);
    reply_field(c, "p50-us", s.p50_ns / NS_PER_US);
    reply_field(c, "p99-us", s.p99_ns / NS_PER_US);
    reply_field(c, "max-us", s.max_ns / NS_PER_US);
}

static void cmd_lock_stats(struct cmd_ctx *c)
{
    reply_map(c->reply, LOCK_KINDS);
    for (int kind = 0; kind < LOCK_KINDS; kind++)
        reply_kind(c, (enum lock_kind)kind);
}

// ---- LOCK TOP ---------------------------------------------------------------------------------

static void cmd_lock_top(struct cmd_ctx *c)
{
    struct hot_key keys[HOT_KEYS];
    int64_t max = TOP_DEFAULT;

    if (c->argc > 3) {
        cmd_reply_syntax(c);
        return;
    }
    if (c->argc > 2 && !cmd_arg_i64_range(c, 2, 1, INT64_MAX, &max, "count must be positive"))
        return;
    int n = hot_keys_top(&c->store->hot_keys, keys, max < HOT_KEYS ? (int)max : HOT_KEYS);
    reply_array(c->reply, (size_t)n);
    for (int i = 0; i < n; i++) {
        const struct hot_key *key = &keys[i];
        reply_map(c->reply, 6);
        reply_text(c, "key", (struct bytes){key->name, key->len});
        reply_field(c, "db", (uint64_t)key->db);
        reply_field(c, "waits", key->waits);
        reply_field(c, "wait-time-us", key->wait_ns / NS_PER_US);
        reply_field(c, "max-wait-us", key->max_ns / NS_PER_US);
        reply_field(c, "error-us", key->error_ns / NS_PER_US);
    }
}

// ---- LOCK WAITERS -----------------------------------------------------------------------------

// The three fields of one who holds or waits.
static void reply_party(struct cmd_ctx *c, const struct lock_party *party)
{
    reply_field(c, "client-id", party->client_id);
    reply_text(c, "command", bytes_of(party->cmd ? party->cmd->full_name : ""));
    reply_text(c, "class",
               bytes_of(lock_kind_name(party->write ? LOCK_KIND_KEY_WRITE : LOCK_KIND_KEY_READ)));
}

// One key: the first of `waiters` and the n - 1 that follow.
static void reply_key(struct cmd_ctx *c, const struct lock_waiter *waiters, int n)
{
    struct lock_party holders[HOLDERS_SHOWN];
    int nholders = lock_watch_holders(c->store, waiters->id, holders, HOLDERS_SHOWN);

    reply_map(c->reply, 4);
    reply_text(c, "key", (struct bytes){waiters->name, waiters->len});
    reply_field(c, "db", (uint64_t)waiters->db);
    reply_bulk_str(c->reply, "holders");
    reply_array(c->reply, (size_t)nholders);
    for (int i = 0; i < nholders; i++) {
        reply_map(c->reply, 3);
        reply_party(c, &holders[i]);
    }
    reply_bulk_str(c->reply, "waiters");
    reply_array(c->reply, (size_t)n);
    for (int i = 0; i < n; i++) {
        reply_map(c->reply, 4);
        reply_party(c, &waiters[i].party);
        reply_field(c, "waited-us", (uint64_t)waiters[i].waited_ns / NS_PER_US);
    }
}

// How many waiters from the first on wait for its key.
static int same_key(const struct lock_waiter *waiters, int n)
{
    int same = 1;

    while (same < n && waiters[same].id == waiters->id)
        same++;
    return same;
}

static void cmd_lock_waiters(struct cmd_ctx *c)
{
    struct lock_waiter *waiters;
    int n = lock_watch_waiters(c->store, &waiters), nkeys = 0;

    if (n < 0) {
        cmd_reply_status(c, STATUS_NO_MEMORY);
        return;
    }
    for (int i = 0; i < n; i += same_key(waiters + i, n - i))
        nkeys++;
    reply_array(c->reply, (size_t)nkeys);
    for (int i = 0; i < n;) {
        int same = same_key(waiters + i, n - i);
        reply_key(c, waiters + i, same);
        i += same;
    }
    mem_free(waiters);
}

// ---- the rest ---------------------------------------------------------------------------------

static void cmd_lock_reset(struct cmd_ctx *c)
{
    lock_stats_reset();
    hot_keys_reset(&c->store->hot_keys);
    reply_ok(c->reply);
}

static void cmd_lock_help(struct cmd_ctx *c)
{
    static const char *const LINES[] = {
        "RESET",
        "    Bring the statistics of the locks back to zero.",
        "STATS",
        "    For each kind of lock: acquisitions that slept (waits) or only spun, hand-overs,",
        "    waits over lock-starvation-ms, present waiters, and microseconds waited.",
        "TOP [<count>]",
        "    The keys that were waited for longest (default: 10), as far as 128 keys tell:",
        "    wait-time-us may be too large by error-us.",
        "WAITERS",
        "    The keys that somebody waits for now, who holds them and who waits how long.",
        NULL,
    };
    cmd_reply_help(c, LINES);
}

enum {
    MANAGE = CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE,
    HELP = CMD_LOADING | CMD_STALE,
};

// clang-format off
static const struct command subcommands[] = {
    {"help", 2, NO_KEYS, LOCK_NONE, HELP, cmd_lock_help, "", "7.0.0",
     "Lists the subcommands."},
    {"reset", 2, NO_KEYS, LOCK_NONE, MANAGE, cmd_lock_reset, "", "7.0.0",
     "Brings the statistics of the locks back to zero."},
    {"stats", 2, NO_KEYS, LOCK_NONE, MANAGE, cmd_lock_stats, "", "7.0.0",
     "How often and how long locks were waited for."},
    {"top", -2, NO_KEYS, LOCK_NONE, MANAGE, cmd_lock_top, "[count]", "7.0.0",
     "The keys that were waited for longest."},
    {"waiters", 2, NO_KEYS, LOCK_NONE, MANAGE, cmd_lock_waiters, "", "7.0.0",
     "Who waits for which key, and who holds it."},
    COMMANDS_END,
};

COMMANDS(lock) = {
    {"lock", -2, NO_KEYS, LOCK_NONE, 0, NULL, "", "7.0.0",
     "A container of commands about the locks of keys.", .subcommands = subcommands},
    COMMANDS_END,
};
