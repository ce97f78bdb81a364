// SPDX-License-Identifier: MIT
//
// MULTI EXEC DISCARD WATCH UNWATCH. The work is done in server/engine/transaction.c and watch.c.
#include "server/engine/transaction.h"

#include "server/engine/client.h"
#include "server/engine/cmd.h"
#include "server/engine/watch.h"
#include "server/engine/work.h"

/* MULTI  -> OK; commands are queued from now on */
static void cmd_multi(struct cmd_ctx *c)
{
    if (c->client->transaction)
        reply_error(c->reply, "MULTI calls can not be nested");
    else if (!transaction_begin(c->client))
        cmd_reply_status(c, STATUS_NO_MEMORY);
    else
        reply_ok(c->reply);
}

/* DISCARD  -> OK; forgets what was queued, and what is watched */
static void cmd_discard(struct cmd_ctx *c)
{
    if (!c->client->transaction) {
        reply_error(c->reply, "DISCARD without MULTI");
        return;
    }
    transaction_end(c->client);
    reply_ok(c->reply);
}

/* WATCH key [key ...]  -> OK */
static void cmd_watch(struct cmd_ctx *c)
{
    if (c->client->transaction) {
        reply_error(c->reply, "WATCH inside MULTI is not allowed");
        return;
    }
    // Once one is broken nothing more is to be known.
    for (int i = 0; i < c->nkeys && !client_has(c->client, CLIENT_WATCH_BROKEN); i++) {
        if (!watch_add(c, i)) {
            cmd_reply_status(c, STATUS_NO_MEMORY);
            return;
        }
        (void)cmd_step(c, 1);
    }
    reply_ok(c->reply);
}

/* UNWATCH  -> OK */
static void cmd_unwatch(struct cmd_ctx *c)
{
    watch_clear(c->client);
    reply_ok(c->reply);
}

enum { ANY_TIME = CMD_NOSCRIPT | CMD_LOADING | CMD_STALE };

// clang-format off
COMMANDS(transaction) = {
    {"multi", 1, NO_KEYS, LOCK_NONE, ANY_TIME | CMD_FAST | CMD_ALLOW_BUSY | CMD_AT_ONCE, cmd_multi,
     "", "1.2.0", "Begins to queue commands."},
    {"exec", 1, NO_KEYS, LOCK_NONE,
     ANY_TIME | CMD_SKIP_SLOWLOG | CMD_AT_ONCE | CMD_RUNS_QUEUE | CMD_LOOK_AGAIN, transaction_exec,
     "", "1.2.0", "Runs the queued commands as one.",
     .work = transaction_work},
    {"discard", 1, NO_KEYS, LOCK_NONE, ANY_TIME | CMD_FAST | CMD_ALLOW_BUSY | CMD_AT_ONCE,
     cmd_discard, "", "2.0.0", "Forgets the queued commands.",
     .work = transaction_end_work},
    {"watch", -2, KEYS(1, -1, 1), LOCK_READ,
     ANY_TIME | CMD_FAST | CMD_ALLOW_BUSY | CMD_AT_ONCE | CMD_LOCK_MISSING, cmd_watch,
     "key [key ...]", "2.2.0", "Has the next EXEC run only if none of the keys has changed.",
     .key_use = "RO",
     .work = work_args},
    {"unwatch", 1, NO_KEYS, LOCK_NONE, ANY_TIME | CMD_FAST | CMD_ALLOW_BUSY, cmd_unwatch, "",
     "2.2.0", "Forgets the watched keys.",
     .work = transaction_end_work},
    COMMANDS_END,
};
// clang-format on
