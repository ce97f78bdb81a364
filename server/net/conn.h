// SPDX-License-Identifier: MIT
//
// A connection: a socket, what was read from it and what is to be written to it.
//
// Life
//
//     OPEN ----- end of the peer's data, stop ----> DRAINING: reads no more, runs what it has
//      |                                                |
//      +-- QUIT, protocol error, reply buffer full --+  | no complete request left
//      |                                             v  v
//      |                                           FINISHING: runs no more, sends the rest
//      |                                                | all sent
//      | error, limit, kill                             v
//      +-------> BROKEN (to be closed) <---------- LINGERING: waits for the peer to get it
//                    |
//                    v
//                 CLOSED: handle closing, memory freed by the loop
//
// Invariants
// 1. Requests run in the order received, one at a time; replies are sent in that order.
// 2. No request runs, and nothing is read, while a request read before it has not been run: a
//    connection with requests left at the end of its turn is on the thread's `again` list.
// 3. Input is read even while output waits, because a peer may send a long pipeline before it reads
// a
//    byte; client-output-buffer-limit bounds what that costs.
// 4. The thread is inside exec_begin/exec_end only within run(): never while it sleeps, rarely
// while it
//    makes a system call.
//
// 5. While its command waits (`waiting`: for a key, or on a worker thread) a connection runs and
// reads
//    nothing. It sends what it has, and notices when its peer goes: see conn_wait.c. Closed, it
//    stays until the command has let go of it.
//
// Concurrency: all on the connection's thread, except conn's ops.kill and ops.resume (see
// client.h).
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <uv.h>

#include "resp/request.h"
#include "server/engine/client.h"
#include "server/engine/lookahead.h"

struct conn_thread;

enum conn_state {
    CONN_OPEN,
    CONN_DRAINING,
    CONN_FINISHING,
    CONN_LINGERING,
    CONN_BROKEN,
    CONN_CLOSED,
};

struct conn {
    struct client client; // first: what commands see
    struct conn_thread *thread;
    struct conn *next, *prev;      // the thread's list
    TAILQ_ENTRY(conn) again_link;  // the thread's queue of unfinished turns
    TAILQ_ENTRY(conn) unsent_link; // the thread's queue of turns whose replies are to be sent
    bool again, unsent;            // on those queues
    bool more;                     // while on the latter: requests are left
    bool blocked; // the socket took less than it was given; wait until it is writable
    enum conn_state state;
    int events;            // what `poll` waits for
    uint64_t active_ms;    // loop time of the last read, or of the change to LINGERING
    uint64_t over_soft_ms; // loop time since when output is over the soft limit; 0: it is not
    _Atomic bool kill_wanted;
    bool waiting;         // for its command
    bool half_closed;     // while waiting: the peer sends no more, but may still read
    bool stop_after;      // conn_stop() was called meanwhile
    uint64_t waiting_ms;  // loop time at which it began
    _Atomic bool resumed; // on the thread's list
    struct conn *resumed_next;
    TAILQ_ENTRY(conn) move_link; // the workers' queue
    uv_poll_t poll;
    struct request_parser parser;
    // Requests taken out of the parser that wait for their turn; nothing is read meanwhile.
    struct request requests[LOOKAHEAD_MAX];
    int nrequests, next_request;
};

// Starts serving an accepted socket; NULL when that is not possible (the caller still owns it).
struct conn *conn_open(struct conn_thread *, int fd);
// The command may go on (or so it seems: there may be nothing to be done).
void conn_resume(struct conn *);
// Goes on with the requests left from the last turn.
void conn_continue(struct conn *);
// Sends what the turn has answered, and waits for what comes next.
void conn_settle(struct conn *);
// Looks at the time: idle and slow connections, memory that is no longer used.
void conn_tick(struct conn *);
// Closes it when another thread asked for that.
void conn_check_kill(struct conn *);
// Reads no more, and closes it when all that was received has been answered.
void conn_stop(struct conn *);
// Closes it now, whatever is pending.
void conn_close(struct conn *);
