// SPDX-License-Identifier: MIT
//
// A command that is not on its thread's stack any more: it waits for a key, for the gate, or runs
// on a worker thread. Meanwhile its connection reads nothing and runs nothing, and the thread
// serves its other connections.
//
//                       contended key                      woken
//     exec_request() ------------------> JOB_KEY -----------------------+
//           |     |                        |  the gate is closing       |
//           |     |                        v                            v
//           |     +------------------> JOB_GATE ------------------> exec_resume() -> done
//           |                                    gate is open           ^
//           |  much work                             handler returned   |
//           +-------------> JOB_WORKER --------------------------> JOB_DONE
//                             exec_on_worker()
//
// Invariants
// 1. A client has one job at most, and its thread alone changes `state`, but for JOB_WORKER to
//    JOB_DONE, which is the worker's.
// 2. Whoever lets the job go on calls client->ops->resume() once; the client's thread then calls
//    exec_resume(). Between the two the client stays allocated, even if its connection is closed.
// 3. Arguments stay where they are: they point into the connection's query buffer, which nobody
//    touches while the connection waits.
// 4. A parked command keeps the locks of the keys that come before the one it waits for, and its
//    values. What it did not lock is looked up again when it goes on.
// 5. Every parked command, and every command with keys on a worker, is counted in store->in_flight.
//    A whole-keyspace operation waits until there is none, and none begins while it waits: so no
//    command holds keys of a database that is taken away.
// 6. A job that waits for a worker holds no key; one that runs on a worker waits for keys as a
//    thread does. So commands that hold keys wait for threads that run, never for a free worker.
//
// The reply of a command on a worker streams: the worker hands pieces of it to the client's thread,
// and waits when the client does not read them (job_stream). It stops waiting, and the rest of the
// reply is kept in memory, within client-output-buffer-limit, when others have waited for its keys
// for SPILL_MS or the client has read nothing for STALL_MS: a client that does not read may not
// keep a key or a worker for ever.
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "locks/condvar.h"
#include "locks/keylock.h"
#include "locks/mutex.h"
#include "resp/reply.h"
#include "resp/request.h"
#include "server/engine/cmd.h"
#include "server/engine/exec.h"
#include "server/engine/lock_watch.h"

enum job_state { JOB_NONE, JOB_KEY, JOB_GATE, JOB_WORKER, JOB_DONE };

// What a worker has replied and the client's thread has not taken yet.
struct job_stream {
    MUTEX(RANK_STREAM) lock;
    struct condvar drained; // the worker waits here for the client to read
    struct reply pending;   // under lock, as is the next
    size_t unsent;          // bytes that the client's thread has taken and not sent
};

struct job {
    struct client *client;
    _Atomic int state; // enum job_state; see set_state() in job.c
    struct cmd_ctx c;  // the command, with a key table of its own while it is parked
    struct request request;
    struct exec_hint hint;
    struct key_table *spare; // the thread's while the command has the thread's own
    bool in_flight;          // counted in store->in_flight
    _Atomic bool cancelled;  // the client has gone: a hint for the worker, an order when parked

    // JOB_KEY
    struct park_waiter waiter;
    enum keylock_result woken; // the waker's, who calls ops->resume() after it
    struct lock_wait stats;
    struct key_wait watch;
    // JOB_GATE
    struct job *next; // in store->deferred, under its lock
    // JOB_WORKER
    struct reply out;                // the worker's, as are `spills` and `queued_ns`
    bool silent;                     // CLIENT REPLY: nothing is to be sent
    bool spills;                     // the worker waits for the client's reading no more
    int64_t submitted_ns, queued_ns; // when, and how long until a worker took it
    struct job_stream stream;
};

// True when the command can be parked instead of the thread: it runs on its client's thread, which
// has others to serve.
bool job_can_park(const struct cmd_ctx *);
// True when it can be moved to a worker thread.
bool job_can_move(const struct cmd_ctx *);
// The client's job, made when it is first needed; NULL without memory.
struct job *job_of(struct client *);
void job_free(struct job *);

// Parks the command on the lock of the next key to be locked; job->watch has been filled in.
// KEYLOCK_QUEUED: done, the caller unwinds without touching *c or its keys again. The other results
// are those of keylock_lock_slow(), and the command goes on.
enum keylock_result job_park(struct job *, struct cmd_ctx *c, struct keylock *, enum keylock_mode,
                             struct lock_wait *stats);
// The waker has been here: ends the wait. KEYLOCK_HELD: the lock waited for is held.
enum keylock_result job_unpark(struct job *);
// Takes a parked command out of its queue. False: it is about to be resumed.
bool job_withdraw(struct job *);

// Worker: hands over what has been replied, and waits while the client does not read it.
void job_stream_put(struct job *, struct cmd_ctx *);
// Worker: hands over the rest and the job itself, which it does not touch again.
void job_stream_end(struct job *);
// Client's thread: moves what has been handed over to client->reply. False: that was the end, and
// the job is the thread's again.
bool job_stream_take(struct job *);
// Client's thread: so many bytes of it have not been sent yet.
void job_stream_sent(struct job *, size_t unsent);
// Client's thread: the client has gone; lets the worker find out.
void job_stream_cancel(struct job *);
