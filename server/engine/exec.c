// SPDX-License-Identifier: MIT
//
// The dispatcher.
//
//     request -> row -> arity -> keys -> by class: read lock-free and validate | lock, run, unlock
//
// Only this file and keyspace.c decide about locks; handlers name keys by number and never wait.
// Everything written here per command is the thread's or the client's own; the only shared words
// that a command writes are those of its keys.
#include "server/engine/exec.h"

#include <stdio.h>

#include "locks/cpu.h"
#include "locks/epoch.h"
#include "server/engine/client.h"
#include "server/engine/cmd.h"
#include "server/engine/keyspace.h"
#include "server/engine/stats.h"
#include "server/engine/store.h"

enum {
    READ_ATTEMPTS = 4,        // lock-free runs before a LOCK_NONE command takes the read lock
    CLOCK_TICKS = 200 * 1000, // the wall clock is read again after this many cpu_ticks()
    POLL_BUDGET = 64,         // retired objects freed at the end of a batch, at most
    ERROR_ARGS_CHARS = 128,   // how much of an unknown command's arguments its error shows
};

void exec_begin(struct thread *thread)
{
    struct kl_store *store = thread->store;

    rank_may_wait(RANK_EXCLUSIVE);
    for (;;) {
        // Store then load, both seq_cst, against the closer's store of `gate` and loads of `busy`:
        // one of the two sides sees the other.
        atomic_exchange_explicit(&thread->busy, 1, memory_order_seq_cst);
        if (!atomic_load_explicit(&store->gate, memory_order_seq_cst))
            break;
        atomic_store_explicit(&thread->busy, 0, memory_order_release);
        mutex_lock(&store->exclusive_lock); // parks until the gate's closer is done
        mutex_unlock(&store->exclusive_lock);
    }
    epoch_enter(thread->epoch);
    thread->now_ms = store_now_ms();
    thread->now_ticks = thread->done_ticks = cpu_ticks();
}

void exec_end(struct thread *thread)
{
    epoch_exit(thread->epoch);
    // Release: who closes the gate sees all that this batch did.
    atomic_store_explicit(&thread->busy, 0, memory_order_release);
    epoch_poll(thread->epoch, POLL_BUDGET);
}

// ---- finding the command ----------------------------------------------------------------------

static void reply_unknown_command(struct cmd_ctx *c)
{
    char args[ERROR_ARGS_CHARS + 64];
    size_t used = 0;

    args[0] = '\0';
    for (int i = 1; i < c->argc && used < ERROR_ARGS_CHARS; i++) {
        size_t room = ERROR_ARGS_CHARS - used;
        int shown = (int)(c->argv[i].len < room ? c->argv[i].len : room);
        used +=
            (size_t)snprintf(args + used, sizeof args - used, "'%.*s' ", shown, c->argv[i].data);
    }
    int shown = (int)(c->argv[0].len < 128 ? c->argv[0].len : 128);
    reply_errorf(c->reply, "unknown command '%.*s', with args beginning with: %s", shown,
                 c->argv[0].data, args);
}

// Finds the row, a container's subcommand included; false: an error was replied.
static bool find_command(struct cmd_ctx *c)
{
    const struct command_entry *last =
        atomic_load_explicit(&c->client->last_cmd, memory_order_relaxed);

    // Clients repeat themselves: the last command's name is compared before the table is searched.
    if (last && !last->parent && !last->nchildren && command_named(last, c->argv[0]))
        c->cmd = last;
    else
        c->cmd = registry_find(c->argv[0]);
    if (!c->cmd) {
        reply_unknown_command(c);
        return false;
    }
    if (c->cmd->nchildren && c->argc > 1) {
        const struct command_entry *sub = registry_find_sub(c->cmd, c->argv[1]);
        if (!sub) {
            cmd_reply_unknown_sub(c);
            return false;
        }
        c->cmd = sub;
    }
    int arity = c->cmd->row->arity;
    if (arity > 0 ? c->argc != arity : c->argc < -arity) {
        cmd_reply_arity(c);
        return false;
    }
    return true;
}

// ---- running it -------------------------------------------------------------------------------

static void run_locked(struct cmd_ctx *c)
{
    enum status status = keyspace_lock(c);

    if (status != STATUS_OK) {
        cmd_reply_status(c, status);
        return;
    }
    c->cmd->row->handler(c);
    keyspace_unlock(c);
}

static void run_lock_free(struct cmd_ctx *c)
{
    size_t mark = reply_mark(c->reply);

    for (int attempt = 0; attempt < READ_ATTEMPTS; attempt++) {
        uint64_t nerrors = c->reply->nerrors;
        c->cmd->row->handler(c);
        if (keyspace_read_valid(c))
            return;
        tally_add(&c->thread->stats.read_retries, 1);
        reply_truncate(c->reply, mark);
        c->reply->nerrors = nerrors;
        keyspace_read_again(c);
    }
    run_locked(c);
}

static void run_command(struct cmd_ctx *c)
{
    enum status status = keyspace_collect(c);

    if (status != STATUS_OK)
        cmd_reply_status(c, status);
    else if (c->nkeys == 0)
        c->cmd->row->handler(c);
    else if (c->cmd->row->lock == LOCK_NONE && c->nkeys == 1)
        run_lock_free(c);
    else
        run_locked(c);
    if (c->keys->hits)
        tally_add(&c->thread->stats.hits, c->keys->hits);
    if (c->keys->misses)
        tally_add(&c->thread->stats.misses, c->keys->misses);
    keyspace_forget(c);
}

// CLIENT REPLY: throws away what the command replied where the client asked for silence.
static void apply_reply_mode(struct client *client, size_t mark)
{
    uint32_t flags = atomic_load_explicit(&client->flags, memory_order_relaxed);

    if (!(flags & (CLIENT_REPLY_OFF | CLIENT_REPLY_SKIP | CLIENT_REPLY_SKIP_NEXT)))
        return;
    if (flags & (CLIENT_REPLY_OFF | CLIENT_REPLY_SKIP))
        reply_truncate(&client->reply, mark);
    client_flag_clear(client, CLIENT_REPLY_SKIP | CLIENT_REPLY_SKIP_NEXT);
    if (flags &
        CLIENT_REPLY_SKIP_NEXT) // the command was CLIENT REPLY SKIP: silence for the next one
        client_flag_set(client, CLIENT_REPLY_SKIP);
}

// Brings the thread's clock up to date when it may be off by more than a moment.
static void refresh_clock(struct thread *thread, uint64_t ticks)
{
    if (ticks - thread->now_ticks > CLOCK_TICKS) {
        thread->now_ms = store_now_ms();
        thread->now_ticks = ticks;
    }
}

void exec_request(struct client *client, int argc, const struct bytes *argv)
{
    struct thread *thread = client->thread;
    // Where the last command ended: one look at the clock a command, and parsing counts as part of
    // it.
    uint64_t begun = thread->done_ticks;

    refresh_clock(thread, begun);
    struct cmd_ctx c = {
        .store = thread->store,
        .thread = thread,
        .client = client,
        .reply = &client->reply,
        .types = &thread->types,
        .argc = argc,
        .argv = argv,
        .now_ms = thread->now_ms,
        .db = atomic_load_explicit(&client->db, memory_order_relaxed),
        .keys = thread->keys,
    };
    size_t mark = reply_mark(c.reply);
    uint64_t nerrors = c.reply->nerrors;

    tally_add(&thread->stats.commands, 1);
    atomic_store_explicit(&client->last_ms, c.now_ms, memory_order_relaxed);
    if (!find_command(&c)) {
        if (c.cmd)
            tally_add(&thread->commands[c.cmd->id].rejected, 1);
    } else {
        atomic_store_explicit(&client->last_cmd, c.cmd, memory_order_relaxed);
        run_command(&c);
        struct command_tally *tally = &thread->commands[c.cmd->id];
        tally_add(&tally->calls, 1);
        thread->done_ticks = cpu_ticks();
        tally_add(&tally->ticks, (int64_t)(thread->done_ticks - begun));
        if (c.reply->nerrors != nerrors)
            tally_add(&tally->failed, 1);
    }
    if (c.reply->nerrors != nerrors)
        stats_count_error(thread, c.reply->error_code);
    apply_reply_mode(client, mark);
}

// ---- for COMMAND GETKEYS ----------------------------------------------------------------------

int exec_keys_of(struct cmd_ctx *c, const struct command_entry *cmd, int argc,
                 const struct bytes *argv, void (*fn)(int arg, enum lock_class mode, void *ctx),
                 void *ctx)
{
    struct cmd_ctx other = *c;
    int n;

    other.cmd = cmd;
    other.argc = argc;
    other.argv = argv;
    if (keyspace_collect(&other) != STATUS_OK)
        n = -1;
    else
        n = other.nkeys;
    int found = 0;
    for (int i = 0; i < n; i++) {
        const struct key_slot *slot = &other.keys->slots[i];
        // One argument may stand for two keys of that name (MOVE: in both databases).
        if (i > 0 && slot->arg == slot[-1].arg)
            continue;
        fn(slot->arg, slot->mode, ctx);
        found++;
    }
    keyspace_forget(&other);
    return n < 0 ? n : found;
}
