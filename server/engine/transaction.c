// SPDX-License-Identifier: MIT
#include "server/engine/transaction.h"

#include <string.h>

#include "datatypes/mem.h"
#include "locks/epoch.h"
#include "server/engine/client.h"
#include "server/engine/exec.h"
#include "server/engine/keyspace.h"
#include "server/engine/store.h"
#include "server/engine/watch.h"

enum { COMMAND_WORK = 4 }; // units (command.h) for any queued command, beside what its row says

// ---- the queue ----------------------------------------------------------------------------------

static void publish_sizes(struct client *client)
{
    const struct transaction *t = client->transaction;

    atomic_store_explicit(&client->multi, t ? t->n : -1, memory_order_relaxed);
    atomic_store_explicit(&client->multi_mem, t ? t->commands.nbytes : 0, memory_order_relaxed);
}

bool transaction_begin(struct client *client)
{
    struct transaction *t = mem_zalloc(sizeof *t);

    if (!t)
        return false;
    t->db = atomic_load_explicit(&client->db, memory_order_relaxed);
    client->transaction = t;
    publish_sizes(client);
    return true;
}

void transaction_end(struct client *client)
{
    struct transaction *t = client->transaction;

    watch_clear(client);
    if (!t)
        return;
    arena_free(&t->commands);
    mem_free(t);
    client->transaction = NULL;
    publish_sizes(client);
}

void transaction_abort(struct client *client)
{
    if (client->transaction)
        client->transaction->aborted = true;
}

static struct queued *copy_command(struct transaction *t, const struct cmd_ctx *c)
{
    size_t nargs = (size_t)c->argc, nbytes = sizeof(struct queued) + nargs * sizeof(struct bytes);

    for (int i = 0; i < c->argc; i++)
        nbytes += c->argv[i].len;
    struct queued *q = arena_take(&t->commands, nbytes);
    if (!q)
        return NULL;
    *q = (struct queued){.cmd = c->cmd, .db = t->db, .argc = c->argc};
    char *text = (char *)&q->argv[nargs];
    for (int i = 0; i < c->argc; i++) {
        memcpy(text, c->argv[i].data, c->argv[i].len);
        q->argv[i] = (struct bytes){text, c->argv[i].len};
        text += c->argv[i].len;
    }
    return q;
}

// What comes after a SELECT looks for its keys in that database.
static void follow_select(struct transaction *t, const struct cmd_ctx *c)
{
    int64_t db;

    if (strcmp(c->cmd->full_name, "select") == 0 && bytes_to_i64(c->argv[1], &db) && db >= 0 &&
        db < c->store->ndbs)
        t->db = (int)db;
}

// Whether a command with CMD_OTHER_KEYS has one of the options for which it does so. A key or a
// pattern that is called like one does no harm.
static bool may_find_keys(const struct cmd_ctx *c)
{
    for (int i = 2; i < c->argc; i++) {
        if (cmd_arg_is(c, i, "by") || cmd_arg_is(c, i, "get"))
            return true;
    }
    return false;
}

void transaction_queue(struct cmd_ctx *c)
{
    struct transaction *t = c->client->transaction;
    uint32_t flags = c->cmd->row->flags;

    if (flags & CMD_NO_MULTI) {
        reply_error(c->reply, "Command not allowed inside a transaction");
        t->aborted = true;
        return;
    }
    struct queued *q = copy_command(t, c);
    if (!q) {
        cmd_reply_status(c, STATUS_NO_MEMORY);
        t->aborted = true;
        return;
    }
    if (t->last)
        t->last->next = q;
    else
        t->first = q;
    t->last = q;
    t->n++;
    t->exclusive |= flags & CMD_EXCLUSIVE || (flags & CMD_OTHER_KEYS && may_find_keys(c));
    t->writes |= command_writes(c->cmd);
    follow_select(t, c);
    publish_sizes(c->client);
    reply_simple(c->reply, "QUEUED");
}

// ---- EXEC: what it takes ------------------------------------------------------------------------

// False: EXEC is going to refuse, whatever comes.
static bool may_run(const struct cmd_ctx *exec)
{
    const struct client *client = exec->client;

    return exec->argc == 1 && client->transaction && !client->transaction->aborted &&
           !client_has(client, CLIENT_WATCH_BROKEN);
}

bool transaction_writes(const struct client *client)
{
    return client->transaction && client->transaction->writes;
}

bool transaction_locks(const struct client *client)
{
    return client->transaction && !client->transaction->exclusive;
}

// A queued command as its handler sees it.
static struct cmd_ctx command_of(const struct cmd_ctx *exec, const struct queued *q)
{
    static const struct exec_hint NO_HINT;
    struct cmd_ctx c = *exec;

    c.cmd = q->cmd;
    c.argc = q->argc;
    c.argv = q->argv;
    c.db = q->db;
    c.first_key = q->first_key;
    c.nkeys = q->nkeys;
    c.hint = &NO_HINT;
    c.begun_ticks = exec->thread->done_ticks;
    c.nerrors = exec->reply->nerrors;
    c.lock_wait_ns = 0;
    c.hidden_args = 0;
    return c;
}

void transaction_collect(struct cmd_ctx *c)
{
    struct client *client = c->client;

    c->nkeys = 0;
    if (!may_run(c) || client->transaction->exclusive)
        return;
    c->keys->transaction = true;
    for (struct queued *q = client->transaction->first; q; q = q->next) {
        struct cmd_ctx sub = command_of(c, q);
        if (!keyspace_collect_more(&sub))
            return;
        q->first_key = sub.first_key;
        q->nkeys = sub.nkeys;
    }
    for (const struct watch *w = client->watches; w; w = w->next_of_own) {
        if (!keyspace_add(c, watch_name(w), w->db, LOCK_READ))
            return;
    }
    c->nkeys = c->keys->nslots;
}

uint64_t transaction_end_work(struct cmd_ctx *c)
{
    const struct transaction *t = c->client->transaction;
    uint64_t work = t ? t->commands.nbytes / 64 : 1; // some 1 us a chunk

    for (const struct watch *w = c->client->watches; w; w = w->next_of_own)
        work += COMMAND_WORK;
    return work;
}

uint64_t transaction_least_work(const struct cmd_ctx *c)
{
    const struct transaction *t = c->client->transaction;

    if (!may_run(c))
        return 0;
    return t->exclusive ? UINT64_MAX : (uint64_t)t->n * COMMAND_WORK;
}

uint64_t transaction_work(struct cmd_ctx *c)
{
    uint64_t sum = transaction_end_work(c), least = transaction_least_work(c);

    if (least == 0 || least == UINT64_MAX)
        return least ? least : sum;
    for (const struct queued *q = c->client->transaction->first; q; q = q->next) {
        struct cmd_ctx sub = command_of(c, q);
        uint64_t work = q->cmd->row->work ? q->cmd->row->work(&sub) : 0;
        if (work > UINT64_MAX / 2 || sum > UINT64_MAX / 2)
            return UINT64_MAX;
        sum += work + COMMAND_WORK;
    }
    return sum;
}

// ---- EXEC: running it ---------------------------------------------------------------------------

static void run_queue(struct cmd_ctx *c)
{
    const struct transaction *t = c->client->transaction;

    reply_array(c->reply, (size_t)t->n);
    for (const struct queued *q = t->first; q; q = q->next) {
        struct cmd_ctx sub = command_of(c, q);
        if (c->exclusive)
            exec_alone(&sub);
        else
            q->cmd->row->handler(&sub);
        exec_count(&sub);
        // Whoever is gone: the others have to come.
        (void)cmd_step(&sub, COMMAND_WORK);
        c->stepped = sub.stepped;
    }
    c->nerrors = c->reply->nerrors; // they are not EXEC's own
}

// The watched keys are held, or everything is.
static void run_if_unbroken(struct cmd_ctx *c)
{
    if (client_has(c->client, CLIENT_WATCH_BROKEN) || watch_expired(c)) {
        reply_null_array(c->reply);
        return;
    }
    watch_clear(c->client); // its own changes are none of its concern
    run_queue(c);
}

// With the gate closed, outside the epoch.
static void run_alone(struct kl_store *store, void *arg)
{
    struct cmd_ctx *c = arg;

    (void)store;
    epoch_enter(c->thread->epoch);
    c->now_ms = store_now_ms();
    c->exclusive = true;
    run_if_unbroken(c);
    c->exclusive = false;
    epoch_exit(c->thread->epoch);
}

void transaction_exec(struct cmd_ctx *c)
{
    const struct transaction *t = c->client->transaction;

    if (c->argc != 1) {
        reply_errorf(c->reply,
                     "-EXECABORT Transaction discarded because of: wrong number of arguments for "
                     "'%s' command",
                     c->cmd->full_name);
    } else if (!t) {
        reply_error(c->reply, "EXEC without MULTI");
    } else if (t->aborted) {
        reply_error(c->reply, "-EXECABORT Transaction discarded because of previous errors.");
    } else if (t->exclusive) {
        store_exclusive(c->thread, run_alone, c);
    } else {
        run_if_unbroken(c);
    }
}
