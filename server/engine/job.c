// SPDX-License-Identifier: MIT
#include "server/engine/job.h"

#include <stddef.h>

#include "datatypes/mem.h"
#include "locks/cpu.h"
#include "server/engine/client.h"
#include "server/engine/entry.h"
#include "server/engine/keyspace.h"
#include "server/engine/store.h"

enum {
    STREAM_MAX = 1024 * 1024, // bytes on their way to a client before the worker waits
    LOOK_MS = 20,             // how often a waiting worker looks whom it holds up
    SPILL_MS = 100,  // how long others wait for keys of a command whose client does not read
    STALL_MS = 5000, // how long a worker waits for a client that reads nothing at all
};

bool job_can_park(const struct cmd_ctx *c)
{
    return c->thread == c->client->thread && c->client->ops->resume && !c->client->waits_in_place &&
           !c->exclusive;
}

bool job_can_move(const struct cmd_ctx *c)
{
    return c->thread == c->client->thread && c->client->ops->move && !c->exclusive;
}

struct job *job_of(struct client *client)
{
    struct job *job = client->job;

    if (job)
        return job;
    job = mem_zalloc(sizeof *job);
    if (!job)
        return NULL;
    job->spare = key_table_new();
    if (!job->spare) {
        mem_free(job);
        return NULL;
    }
    job->client = client;
    mutex_init(&job->stream.lock);
    condvar_init(&job->stream.drained);
    reply_init(&job->out, 2);
    reply_init(&job->stream.pending, 2);
    client->job = job;
    return job;
}

void job_free(struct job *job)
{
    if (!job)
        return;
    key_table_free(job->spare);
    reply_free(&job->out);
    reply_free(&job->stream.pending);
    mem_free(job);
}

static void set_state(struct job *job, enum job_state state)
{
    // Relaxed: only the client's thread looks, but for JOB_DONE, which it looks at under the
    // stream's lock, under which it is set.
    atomic_store_explicit(&job->state, (int)state, memory_order_relaxed);
}

// ---- parking ----------------------------------------------------------------------------------

// Runs inside another holder's unlock.
static void wake(struct park_waiter *waiter, uintptr_t token)
{
    struct job *job = (struct job *)((char *)waiter - offsetof(struct job, waiter));

    job->woken = keylock_wake_result(token);
    job->client->ops->resume(job->client);
}

// The command leaves the stack: it takes the thread's key table along and leaves its own.
static void take_over(struct job *job, struct cmd_ctx *c)
{
    if (c == &job->c)
        return;
    job->c = *c;
    job->hint = *c->hint;
    job->c.hint = &job->hint;
    c->thread->keys = job->spare;
    job->spare = NULL;
}

// The gate is closing: the command lets its keys go, and begins again when it is open.
static enum keylock_result park_at_gate(struct job *job, struct cmd_ctx *c)
{
    keyspace_unlock(c);
    take_over(job, c);
    set_state(job, JOB_GATE);
    if (!store_defer(job->c.store, job))
        job->client->ops->resume(job->client);
    return KEYLOCK_QUEUED;
}

static enum keylock_result queue_waiter(struct job *job, struct cmd_ctx *c, struct keylock *lock,
                                        enum keylock_mode mode)
{
#ifdef KL_DEBUG
    if (c->keys->forced) { // DEBUG FAIL-LOCKS: as if it had been woken already
        job->woken = KEYLOCK_RETRY;
        job->client->ops->resume(job->client);
        return KEYLOCK_QUEUED;
    }
#endif
    (void)c;
    job->waiter.wake = wake;
    return keylock_lock_async(lock, mode, &job->waiter);
}

enum keylock_result job_park(struct job *job, struct cmd_ctx *c, struct keylock *lock,
                             enum keylock_mode mode, struct lock_wait *stats)
{
    static const struct spin none;
    struct thread *thread = c->thread;
    enum keylock_result result;

    if (!job->in_flight) {
        job->in_flight = store_flight_begin(c->store);
        if (!job->in_flight)
            return park_at_gate(job, c);
    }
    stats->kind = mode == KEYLOCK_READ ? LOCK_KIND_KEY_READ : LOCK_KIND_KEY_WRITE;
    job->watch.since_ns = stats->begun_ns ? stats->begun_ns : clock_monotonic_ns();
    lock_watch_wait(&thread->view, &job->watch);
    set_state(job, JOB_KEY);
    result = queue_waiter(job, c, lock, mode);
    if (result == KEYLOCK_QUEUED) {
        // Woken or not, exec_resume() comes later, on this thread.
        job->stats = *stats;
        lock_wait_sleeps(&job->stats, &none);
        lock_watch_release(&thread->view, c->keys->nheld);
        tally_add(&thread->stats.lock_waits, 1);
        tally_add(&thread->stats.parked, 1);
        take_over(job, c);
        *stats = (struct lock_wait){0};
        return result;
    }
    set_state(job, JOB_NONE);
    lock_watch_done(&thread->view, &job->watch);
    stats->spun = true;
    if (c != &job->c) {
        store_flight_end(c->store);
        job->in_flight = false;
    }
    return result;
}

static void end_wait(struct job *job)
{
    struct key_slot *slot = job->c.keys->order[job->c.keys->nheld];

    lock_watch_done(&job->c.thread->view, &job->watch);
    job->stats.handed_over = job->woken == KEYLOCK_HELD;
    int64_t ns = lock_wait_ends(&job->stats);
    slot->waited_ns += ns;
    job->c.lock_wait_ns += ns;
    job->c.keys->waited = true;
    set_state(job, JOB_NONE);
}

enum keylock_result job_unpark(struct job *job)
{
    end_wait(job);
    return job->woken;
}

bool job_withdraw(struct job *job)
{
    if (atomic_load_explicit(&job->state, memory_order_relaxed) == JOB_GATE) {
        if (!store_undefer(job->c.store, job))
            return false;
        set_state(job, JOB_NONE);
        return true;
    }
#ifdef KL_DEBUG
    if (job->c.keys->forced)
        return false; // not in a queue, and resumed already
#endif
    if (!keylock_cancel(&job->waiter))
        return false;
    job->woken = KEYLOCK_RETRY;
    end_wait(job);
    return true;
}

// ---- the stream of a worker's reply -------------------------------------------------------------

static bool cancelled(const struct job *job)
{
    // Relaxed: it is looked at again and again.
    return atomic_load_explicit(&job->cancelled, memory_order_relaxed);
}

// Whether somebody waits for a key of the command, or for all commands to end.
static bool holds_up_others(const struct cmd_ctx *c)
{
    const struct key_table *t = c->keys;

    if (atomic_load_explicit(&c->store->draining, memory_order_relaxed))
        return true;
    for (int i = 0; i < t->nheld; i++) {
        if (t->order[i]->entry && keylock_awaited(&t->order[i]->entry->lock))
            return true;
    }
    return false;
}

// How many bytes may be on their way to the client: well below what would have it closed.
static size_t most_on_the_way(const struct job_stream *stream)
{
    size_t limit = stream->pending.max_len / 4;

    return limit < STREAM_MAX ? limit : STREAM_MAX;
}

// Waits until the client has read enough; the stream's lock is held.
static void wait_for_reader_locked(struct job *job, struct cmd_ctx *c)
{
    struct job_stream *stream = &job->stream;
    size_t last = SIZE_MAX, now;
    int held_up_ms = 0, stalled_ms = 0;

    thread_blocks(c->thread, true);
    while ((now = stream->pending.len + stream->unsent) > most_on_the_way(stream) &&
           !cancelled(job) && !job->spills) {
        condvar_wait_until(&stream->drained, &stream->lock,
                           clock_monotonic_ns() + (int64_t)LOOK_MS * 1000000);
        held_up_ms = holds_up_others(c) ? held_up_ms + LOOK_MS : 0;
        stalled_ms = now == last ? stalled_ms + LOOK_MS : 0;
        last = now;
        job->spills = held_up_ms >= SPILL_MS || stalled_ms >= STALL_MS;
    }
    thread_blocks(c->thread, false);
}

// Moves the first n bytes of what was replied to where the client's thread finds it.
static void put_locked(struct job *job, size_t n)
{
    struct reply *out = &job->out;

    if (job->silent || cancelled(job)) {
        reply_consume(out, n);
    } else if (n == out->len) {
        reply_move(&job->stream.pending, out);
    } else {
        reply_raw(&job->stream.pending, out->data, n);
        reply_consume(out, n);
    }
}

void job_stream_put(struct job *job, struct cmd_ctx *c)
{
    size_t n = reply_sendable(&job->out);

    if (n == 0)
        return;
    mutex_lock(&job->stream.lock);
    put_locked(job, n);
    // Under the lock, as in job_stream_end().
    job->client->ops->resume(job->client);
    wait_for_reader_locked(job, c);
    mutex_unlock(&job->stream.lock);
}

void job_stream_end(struct job *job)
{
    mutex_lock(&job->stream.lock);
    put_locked(job, job->out.len);
    // The client's thread may be on its way here because of an earlier piece. It takes the lock
    // before it looks, so it does not find the end, and free everything, before this thread is
    // done.
    set_state(job, JOB_DONE);
    job->client->ops->resume(job->client);
    mutex_unlock(&job->stream.lock);
}

bool job_stream_take(struct job *job)
{
    struct job_stream *stream = &job->stream;
    struct reply *reply = &job->client->reply;
    bool more;

    mutex_lock(&stream->lock);
    if (stream->pending.len > 0 || stream->pending.failed)
        reply_move(reply, &stream->pending);
    stream->unsent = reply->len;
    more = atomic_load_explicit(&job->state, memory_order_relaxed) == JOB_WORKER;
    mutex_unlock(&stream->lock);
    return more;
}

void job_stream_sent(struct job *job, size_t unsent)
{
    struct job_stream *stream = &job->stream;

    mutex_lock(&stream->lock);
    stream->unsent = unsent;
    bool enough = stream->pending.len + unsent <= most_on_the_way(stream) / 2;
    mutex_unlock(&stream->lock);
    if (enough)
        condvar_notify_one(&stream->drained);
}

void job_stream_cancel(struct job *job)
{
    mutex_lock(&job->stream.lock);
    atomic_store_explicit(&job->cancelled, true, memory_order_relaxed);
    mutex_unlock(&job->stream.lock);
    condvar_notify_one(&job->stream.drained);
}
