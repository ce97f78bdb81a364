// SPDX-License-Identifier: MIT
//
// A connection thread: an event loop of its own, and the connections that it reads, runs and
// answers.
//
// Other threads reach it in three ways only: a new connection (conn_thread_give) and a signal
// (conn_thread_signal), both under inbox_lock, and without any lock a connection whose command may
// go on (conn_thread_resume), which keeps the thread alive itself. Once `open` is false it takes
// neither, and its loop may be gone. The thread is outside exec_begin/exec_end, hence in nobody's
// way, whenever it sleeps.
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/queue.h>
#include <uv.h>

#include "locks/mutex.h"
#include "server/engine/lookahead.h"

struct conn;
struct server;
struct thread;

TAILQ_HEAD(conn_queue, conn);

enum thread_signal {
    SIGNAL_TICK = 1 << 0,  // look for idle connections; about once a second while wants_tick is set
    SIGNAL_KILL = 1 << 1,  // some connection is to be closed
    SIGNAL_STOP = 1 << 2,  // finish the connections, then end
    SIGNAL_CLOSE = 1 << 3, // close the connections, then end
};

struct conn_thread {
    struct server *server;
    struct conn_thread *next; // main thread's list
    uv_thread_t id;
    uv_loop_t loop;
    struct thread *engine;

    // Of the thread itself.
    uv_async_t wake;
    uv_async_t resume; // some connection is on the `resumed` list
    uv_idle_t again;   // active while again_queue is not empty
    uv_idle_t linger;  // active for a moment after a busy turn
    uint64_t linger_until_ns;
    unsigned turn_commands;                // requests run in this turn
    struct exec_hint hints[LOOKAHEAD_MAX]; // of the requests of the connection that is running
    uv_check_t turn_end;                   // after the callbacks of all ready sockets
    struct conn *conns;                    // all
    struct conn_queue again_queue;         // those with requests left from their last turn
    struct conn_queue unsent_queue;        // those to be settled at the end of the loop's turn
    bool single;                           // serves one connection and ends with it
    bool stopping;

    MUTEX(RANK_INBOX) inbox_lock;
    bool open;                     // under inbox_lock, as are the next four
    int *inbox, ninbox, inbox_cap; // accepted sockets
    unsigned signals;              // enum thread_signal

    _Atomic(struct conn *) resumed; // connections whose command may go on, the last one first
    _Atomic int resuming;           // other threads inside conn_thread_resume()

    _Atomic int nconns;      // given and not closed yet
    _Atomic bool wants_tick; // some connection waits for time to pass
    _Atomic bool ended;      // nothing is left to do but to join it
};

// Starts a thread; NULL when that is not possible. Main thread.
struct conn_thread *conn_thread_start(struct server *, bool single);
// Gives it an accepted socket; false when it cannot take it, which the caller then still owns. Main
// thread.
bool conn_thread_give(struct conn_thread *, int fd);
// Any thread. Without effect on a thread that is ending.
void conn_thread_signal(struct conn_thread *, unsigned signals);
// Waits for a thread that has ended (or will soon) and frees it. Main thread.
void conn_thread_join(struct conn_thread *);

// The command that the connection waits for may go on: conn_resume() will be called. Any thread; a
// call that comes before that counts once.
void conn_thread_resume(struct conn_thread *, struct conn *);

// For conn.c, on the thread itself: a connection has requests left; it is to be settled at the end
// of the loop's turn; it is to be on neither list; it is gone.
void conn_thread_again(struct conn_thread *, struct conn *);
void conn_thread_unsent(struct conn_thread *, struct conn *);
void conn_thread_forget(struct conn_thread *, struct conn *);
void conn_thread_closed(struct conn_thread *, struct conn *);
