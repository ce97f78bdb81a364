// SPDX-License-Identifier: MIT
//
// The dispatcher.
//
//     request -> row -> arity -> keys -> long? then to a worker
//                                     -> by class: read lock-free and validate | lock, run, unlock
//                                                                                |
//                                                                  contended? then parked
//
// Only this file and keyspace_lock.c decide about locks; handlers name keys by number and never
// wait. Everything written here per command is the thread's or the client's own; the only shared
// words that a command writes are those of its keys.
#include "server/engine/exec.h"

#include <sched.h>
#include <stdio.h>

#include "locks/cpu.h"
#include "locks/epoch.h"
#include "resp/request.h"
#include "server/engine/client.h"
#include "server/engine/cmd.h"
#include "server/engine/config.h"
#include "server/engine/job.h"
#include "server/engine/keyspace.h"
#include "server/engine/slowlog.h"
#include "server/engine/stats.h"
#include "server/engine/store.h"
#include "server/engine/transaction.h"
#include "server/engine/work.h"

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
        store_wait_gate(store);
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
    c->cmd = c->hint->cmd;
    if (!c->cmd)
        c->cmd = registry_find_like(
            atomic_load_explicit(&c->client->last_cmd, memory_order_relaxed), c->argv[0]);
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
    // EXEC says itself what is wrong, because it ends the transaction all the same.
    if ((arity > 0 ? c->argc != arity : c->argc < -arity) &&
        !(c->cmd->row->flags & CMD_RUNS_QUEUE)) {
        cmd_reply_arity(c);
        return false;
    }
    return true;
}

// ---- running it -------------------------------------------------------------------------------

static uint64_t slow_threshold(const struct cmd_ctx *c)
{
    return (uint64_t)atomic_load_explicit(&c->store->config->slow_command_threshold,
                                          memory_order_relaxed);
}

static bool is_long(struct cmd_ctx *c)
{
    const struct command *row = c->cmd->row;
    uint64_t threshold = slow_threshold(c);

    if (threshold == 0) // everything that has something to do with data
        return row->work || c->nkeys > 0;
    return row->work && row->work(c) > threshold;
}

// Hands the command to a worker thread; it has no keys locked. The queue's lock publishes the job
// to the worker, and the client's thread touches no more of it than `cancelled` and, under its
// lock, the stream until job_stream_take() has found the end. False: it must run here.
static bool move_to_worker(struct cmd_ctx *c)
{
    struct client *client = c->client;
    struct job *job = job_of(client);

    if (!job)
        return false;
    job->request = (struct request){(struct bytes *)c->argv, c->argc};
    job->hint = *c->hint;
    job->c.cmd = c->cmd;
    job->c.nkeys = c->nkeys;
    job->c.begun_ticks = c->begun_ticks;
    job->c.only_reads = c->only_reads;
    job->out.protocol = client->reply.protocol;
    job->out.max_len = client->reply.max_len;
    job->silent = client_has(client, CLIENT_REPLY_OFF | CLIENT_REPLY_SKIP);
    job->spills = false;
    job->stream.pending.max_len = client->reply.max_len;
    job->stream.unsent = client->reply.len;
    job->submitted_ns = clock_monotonic_ns();
    atomic_store_explicit(&job->cancelled, false, memory_order_relaxed);
    atomic_store_explicit(&job->state, JOB_WORKER, memory_order_relaxed);
    if (client->ops->move(client))
        return true;
    atomic_store_explicit(&job->state, JOB_NONE, memory_order_relaxed);
    return false;
}

// Counts what the command did to its keys, and forgets them.
static void end_keys(struct cmd_ctx *c)
{
    if (c->keys->hits)
        tally_add(&c->thread->stats.hits, c->keys->hits);
    if (c->keys->misses)
        tally_add(&c->thread->stats.misses, c->keys->misses);
    keyspace_forget(c);
}

// Moves a long command, which has no keys locked, and forgets its keys. False: it runs here.
static bool move_if_long(struct cmd_ctx *c)
{
    if (!job_can_move(c) || !is_long(c) || !move_to_worker(c))
        return false;
    end_keys(c);
    return true;
}

// The command has run, or cannot. The queue of a transaction goes behind its keys, whose names are
// in it. EXEC without MULTI leaves what is watched.
static void finish(struct cmd_ctx *c)
{
    end_keys(c);
    if ((c->cmd->row->flags & CMD_RUNS_QUEUE) && (c->client->transaction || c->argc != 1))
        transaction_end(c->client);
}

// The keys are held, or the command is parked. `look_again`: there is reason to estimate its work
// anew.
static enum exec_result run_held(struct cmd_ctx *c, enum lock_outcome outcome, bool look_again)
{
    if (outcome == LOCK_OUTCOME_HELD && look_again && job_can_move(c) && is_long(c)) {
        keyspace_unlock(c);
        if (move_to_worker(c)) {
            end_keys(c);
            return EXEC_WAITS;
        }
        outcome = keyspace_lock(c);
    }
    while (outcome == LOCK_OUTCOME_HELD) {
        c->cmd->row->handler(c);
        keyspace_unlock(c);
        if (!c->keys->missed && !c->keys->no_memory)
            return EXEC_DONE;
        outcome = c->keys->no_memory ? LOCK_OUTCOME_NO_MEMORY : keyspace_lock(c);
    }
    if (outcome == LOCK_OUTCOME_WAITS)
        return EXEC_WAITS;
    cmd_reply_status(c, STATUS_NO_MEMORY);
    return EXEC_DONE;
}

static enum exec_result run_locked(struct cmd_ctx *c)
{
    return run_held(c, keyspace_lock(c), c->cmd->row->flags & CMD_LOOK_AGAIN);
}

static enum exec_result run_lock_free(struct cmd_ctx *c)
{
    size_t mark = reply_mark(c->reply);

    for (int attempt = 0; attempt < READ_ATTEMPTS && !c->keys->needs_lock; attempt++) {
        uint64_t nerrors = c->reply->nerrors;
        c->cmd->row->handler(c);
        if (keyspace_read_valid(c)) {
            keyspace_expire_read(c);
            return EXEC_DONE;
        }
        tally_add(&c->thread->stats.read_retries, !c->keys->needs_lock);
        reply_truncate(c->reply, mark);
        c->reply->nerrors = nerrors;
        keyspace_read_again(c);
    }
    return run_locked(c);
}

// Queues a command behind MULTI. Copying large arguments is left to a worker.
static enum exec_result queue_command(struct cmd_ctx *c)
{
    size_t nbytes = 0;

    for (int i = 0; i < c->argc; i++)
        nbytes += c->argv[i].len;
    if (work_of_bytes(nbytes) > slow_threshold(c) && job_can_move(c) && move_to_worker(c))
        return EXEC_WAITS;
    c->queued = true;
    transaction_queue(c);
    return EXEC_DONE;
}

// Whether its keys are too many to be collected here.
static bool is_long_queue(struct cmd_ctx *c)
{
    return (c->cmd->row->flags & CMD_RUNS_QUEUE) && job_can_move(c) &&
           transaction_least_work(c) > slow_threshold(c);
}

// On a worker it streams its reply, which cannot be taken back. EXEC runs commands of all classes.
static bool reads_without_locks(const struct cmd_ctx *c)
{
    return c->nkeys == 1 && c->keys->slots[0].mode == LOCK_NONE && !c->job &&
           !(c->cmd->row->flags & CMD_RUNS_QUEUE);
}

// Runs the command by its class, from the start.
static enum exec_result run_command(struct cmd_ctx *c)
{
    enum exec_result result = EXEC_DONE;

    c->only_reads = !(c->cmd->row->flags & CMD_RUNS_QUEUE ? transaction_writes(c->client)
                                                          : command_writes(c->cmd));
    if (c->client->transaction && !(c->cmd->row->flags & CMD_AT_ONCE) && !c->exclusive)
        return queue_command(c);
    if (is_long_queue(c) && move_to_worker(c)) {
        keyspace_forget(c);
        return EXEC_WAITS;
    }
    enum status status = keyspace_collect(c);

    if (status != STATUS_OK) {
        cmd_reply_status(c, status);
    } else if (move_if_long(c)) {
        return EXEC_WAITS;
    } else if (c->nkeys == 0) {
        c->cmd->row->handler(c);
    } else if (reads_without_locks(c)) {
        result = run_lock_free(c); // goes on with what the estimate has read
    } else {
        keyspace_read_again(c); // forgets what the estimate has read
        result = run_locked(c);
    }
    if (result == EXEC_DONE)
        finish(c);
    return result;
}

void exec_alone(struct cmd_ctx *c)
{
    (void)run_command(c); // there is nobody that it could wait for
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

void exec_count(struct cmd_ctx *c)
{
    struct command_tally *tally = &c->thread->commands[c->cmd->id];

    tally_add(&tally->calls, 1);
    c->thread->done_ticks = cpu_ticks();
    uint64_t ticks = c->thread->done_ticks - c->begun_ticks;
    tally_add(&tally->ticks, (int64_t)ticks);
    if (slowlog_wants(c->store->config, ticks))
        slowlog_add(c, &(struct slowlog_run){.ticks = ticks,
                                             .queued_ns = c->job ? c->job->queued_ns : 0,
                                             .on_worker = c->job != NULL});
    if (c->reply->nerrors != c->nerrors) {
        tally_add(&tally->failed, 1);
        stats_count_error(c->thread, c->reply->error_code);
    }
}

// The command is done. One that was queued is counted when it runs.
static void complete(struct cmd_ctx *c)
{
    if (c->queued)
        c->thread->done_ticks = cpu_ticks();
    else
        exec_count(c);
}

static void reject(struct cmd_ctx *c)
{
    if (c->cmd)
        tally_add(&c->thread->commands[c->cmd->id].rejected, 1);
    stats_count_error(c->thread, c->reply->error_code);
    transaction_abort(c->client);
}

enum exec_result exec_request(struct client *client, const struct request *request,
                              const struct exec_hint *hint)
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
        .argc = request->argc,
        .argv = request->argv,
        .hint = hint,
        .now_ms = thread->now_ms,
        .db = atomic_load_explicit(&client->db, memory_order_relaxed),
        .keys = thread->keys,
        .begun_ticks = begun,
        .nerrors = client->reply.nerrors,
    };
    size_t mark = reply_mark(c.reply);

    tally_add(&thread->stats.commands, 1);
    atomic_store_explicit(&client->last_ms, c.now_ms, memory_order_relaxed);
    if (!find_command(&c)) {
        reject(&c);
    } else {
        atomic_store_explicit(&client->last_cmd, c.cmd, memory_order_relaxed);
        if (run_command(&c) == EXEC_WAITS) {
            thread->done_ticks = cpu_ticks();
            return EXEC_WAITS;
        }
        complete(&c);
    }
    apply_reply_mode(client, mark);
    return EXEC_DONE;
}

// ---- commands that have waited ----------------------------------------------------------------

// The parked command is done, one way or the other; its key table is kept for the next one.
static void leave_job(struct job *job)
{
    if (job->in_flight)
        store_flight_end(job->c.store);
    job->in_flight = false;
    job->spare = job->c.keys;
    job->c.keys = NULL;
}

// The client of a parked command has gone: lets go what it holds. A wake-up that it got instead of
// the lock is passed on.
static void abandon(struct job *job)
{
    struct cmd_ctx *c = &job->c;

    keyspace_abandon(c, job->woken == KEYLOCK_HELD);
    keyspace_forget(c);
    leave_job(job);
}

// Goes on with a command whose wait for a key, or for the gate, is over.
static enum exec_result resume_parked(struct job *job, enum job_state state)
{
    struct cmd_ctx *c = &job->c;
    enum exec_result result;

    c->now_ms = c->thread->now_ms;
    if (state == JOB_GATE) {
        atomic_store_explicit(&job->state, JOB_NONE, memory_order_relaxed);
        return run_command(c);
    }
    enum lock_outcome outcome = keyspace_lock_on(c, job_unpark(job) == KEYLOCK_HELD);
    result = run_held(c, outcome, true); // others may have made a long one of it meanwhile
    if (result == EXEC_DONE)
        finish(c);
    return result;
}

static enum exec_result resume_moved(struct client *client)
{
    struct job *job = client->job;

    if (job_stream_take(job))
        return EXEC_WAITS;
    if (job->out.failed)
        client->reply.failed = true;
    client->reply.protocol = job->out.protocol; // HELLO in a transaction
    reply_free(&job->out);
    atomic_store_explicit(&job->state, JOB_NONE, memory_order_relaxed);
    apply_reply_mode(client, reply_mark(&client->reply));
    return EXEC_DONE;
}

enum exec_result exec_resume(struct client *client)
{
    struct job *job = client->job;
    struct cmd_ctx *c = &job->c;
    enum job_state state = (enum job_state)atomic_load_explicit(&job->state, memory_order_relaxed);
    size_t mark = reply_mark(&client->reply);

    if (state == JOB_WORKER || state == JOB_DONE)
        return resume_moved(client);
    if (atomic_load_explicit(&job->cancelled, memory_order_relaxed)) {
        if (state == JOB_KEY)
            job_unpark(job);
        abandon(job);
        return EXEC_DONE;
    }
    if (resume_parked(job, state) == EXEC_WAITS) {
        if (c->keys->nslots == 0)
            leave_job(job); // it has no keys any more, and waits for a worker
        return EXEC_WAITS;
    }
    complete(c);
    leave_job(job);
    apply_reply_mode(client, mark);
    return EXEC_DONE;
}

bool exec_cancel(struct client *client)
{
    struct job *job = client->job;
    int state = atomic_load_explicit(&job->state, memory_order_relaxed);

    if (state == JOB_WORKER || state == JOB_DONE) {
        job_stream_cancel(job);
        return false;
    }
    exec_begin(client->thread);
    bool withdrawn = job_withdraw(job);
    if (withdrawn)
        abandon(job);
    else
        atomic_store_explicit(&job->cancelled, true, memory_order_relaxed);
    exec_end(client->thread);
    return withdrawn;
}

bool exec_waits_to_read(const struct client *client)
{
    return client->job->c.only_reads;
}

void exec_sent(struct client *client, size_t unsent)
{
    int state = atomic_load_explicit(&client->job->state, memory_order_relaxed);

    if (state == JOB_WORKER)
        job_stream_sent(client->job, unsent);
}

// ---- worker threads ---------------------------------------------------------------------------

// What operations on values call as they go (type_ctx.h).
static void step(void *arg, size_t units)
{
    (void)cmd_step(arg, units);
}

static void run_moved(struct job *job, struct thread *worker)
{
    struct client *client = job->client;
    struct cmd_ctx c = {
        .store = worker->store,
        .thread = worker,
        .client = client,
        .reply = &job->out,
        .types = &worker->types,
        .cmd = job->c.cmd,
        .argc = job->request.argc,
        .argv = job->request.argv,
        .hint = &job->hint,
        .job = job,
        .now_ms = worker->now_ms,
        .db = atomic_load_explicit(&client->db, memory_order_relaxed),
        .keys = worker->keys,
        .begun_ticks = job->c.begun_ticks,
        .nerrors = job->out.nerrors,
    };

    lock_watch_moved(&worker->view, client);
    worker->types.step = step;
    worker->types.step_arg = &c;
    run_command(&c);
    worker->types.step = NULL;
    lock_watch_moved(&worker->view, NULL);
    complete(&c);
}

void exec_on_worker(struct client *client, struct thread *worker)
{
    struct job *job = client->job;
    const struct command_entry *cmd = job->c.cmd;
    bool has_keys = cmd->row->flags & CMD_RUNS_QUEUE ? transaction_locks(client) : job->c.nkeys > 0;
    int64_t begun_ns;

    while (has_keys && !store_flight_begin(worker->store)) {
        thread_blocks(worker, true);
        store_wait_open(worker->store);
        thread_blocks(worker, false);
    }
    begun_ns = clock_monotonic_ns();
    job->queued_ns = begun_ns - job->submitted_ns;
    tally_add(&worker->stats.moved_begun, 1);
    exec_begin(worker);
    run_moved(job, worker);
    exec_end(worker);
    if (has_keys)
        store_flight_end(worker->store);
    tally_add(&worker->stats.moved, 1);
    tally_add(&worker->stats.moved_wait_us, job->queued_ns / 1000);
    tally_add(&worker->stats.moved_run_us, (clock_monotonic_ns() - begun_ns) / 1000);
    if (atomic_load_explicit(&job->cancelled, memory_order_relaxed))
        tally_add(&worker->stats.moved_cancelled, 1);
    job_stream_end(job); // the job is its client's again
}

// ---- long commands ----------------------------------------------------------------------------

// Leaves the epoch, and the gate if no keys are held.
static void leave(struct cmd_ctx *c)
{
    if (c->keys->locked)
        epoch_exit(c->thread->epoch);
    else
        exec_end(c->thread);
}

static void come_back(struct cmd_ctx *c)
{
    if (c->keys->locked)
        epoch_enter(c->thread->epoch);
    else
        exec_begin(c->thread);
}

bool cmd_slice(struct cmd_ctx *c)
{
    c->stepped = 0;
    // One that reads without locks has nothing but its section; and while the gate is closed there
    // is nobody to be let through, least of all a client that is slow to read.
    if ((c->nkeys > 0 && !c->keys->locked) || c->exclusive)
        return true;
    leave(c);
    epoch_poll(c->thread->epoch, POLL_BUDGET);
    if (c->job) {
        job_stream_put(c->job, c);
        sched_yield(); // a thread that has short commands to run need not wait for a tick
    }
    come_back(c);
    return !c->job || !atomic_load_explicit(&c->job->cancelled, memory_order_relaxed) ||
           command_writes(c->cmd);
}

void cmd_pause_begin(struct cmd_ctx *c)
{
    if (!c->exclusive)
        leave(c);
    thread_blocks(c->thread, true);
}

void cmd_pause_end(struct cmd_ctx *c)
{
    thread_blocks(c->thread, false);
    if (!c->exclusive)
        come_back(c);
    if (!c->keys->transaction && !c->exclusive) // those of a transaction happen at one time
        c->now_ms = c->thread->now_ms;
}

// ---- for COMMAND GETKEYS ----------------------------------------------------------------------

int exec_keys_of(struct cmd_ctx *c, const struct command_entry *cmd, int argc,
                 const struct bytes *argv, void (*fn)(int arg, enum lock_class mode, void *ctx),
                 void *ctx)
{
    struct cmd_ctx other = *c;
    int n = -1, found = 0;

    other.cmd = cmd;
    other.argc = argc;
    other.argv = argv;
    // A table of its own: in a transaction c's holds the locks of all its commands.
    other.keys = key_table_new();
    if (other.keys && keyspace_collect(&other) == STATUS_OK)
        n = other.nkeys;
    for (int i = 0; i < n; i++) {
        const struct key_slot *slot = &other.keys->slots[i];
        // One argument may stand for two keys of that name (MOVE: in both databases).
        if (i > 0 && slot->arg == slot[-1].arg)
            continue;
        fn(slot->arg, slot->mode, ctx);
        found++;
    }
    key_table_free(other.keys);
    return n < 0 ? n : found;
}
