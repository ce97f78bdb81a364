// SPDX-License-Identifier: MIT
//
// Worker threads: they run the commands that are too long for a connection thread, first come,
// first served. One more thread gives back the memory of what was deleted: it is never behind a
// queue of commands, which may delete faster than they would let it run.
//
// Threads are started when more commands are queued than threads are idle, as long as fewer than
// `worker-threads` of them run. One that sleeps in the middle of a command (for a key's lock, or
// for a client that does not read) does not count, so commands that wait never keep others from
// running. Idle threads stay. They run with a lower priority than connection threads, so that short
// commands get the processor when both want it.
#pragma once

#include <stdbool.h>
#include <sys/queue.h>

#include "locks/condvar.h"
#include "locks/mutex.h"

struct conn;
struct server;

TAILQ_HEAD(move_queue, conn);

struct workers {
    struct server *server;
    int most; // that run at a time
    MUTEX(RANK_WORKERS) lock;
    struct condvar wanted; // work has come, or the end
    struct condvar ended;  // a thread has ended
    // Under lock.
    struct move_queue queue; // connections whose command is to be run
    int nqueued, nthreads, nidle, nblocked;
    bool stopping;

    struct condvar reclaim_wanted; // `reclaim` is set, or the end has come
    bool reclaim;                  // under lock: memory waits to be given back
    bool reclaiming;               // under lock: its thread is there
};

// No thread is started yet.
void workers_init(struct workers *, struct server *, int most);
// Starts the first thread, and the one that gives memory back; false: it cannot be. The store is
// there.
bool workers_start(struct workers *);
// Queues the command that the connection's client waits for; false: there is no thread for it. Any
// thread.
bool workers_submit(struct workers *, struct conn *);
// There is memory to be given back (store->reclaim_wanted). Any thread, with key locks held.
void workers_reclaim(struct workers *);
// Ends the threads and waits for them; nothing is queued any more.
void workers_stop(struct workers *);
