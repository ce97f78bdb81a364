// SPDX-License-Identifier: MIT
//
// The server: one main loop that accepts connections, keeps time and ends everything, and the
// connection threads.
//
//     main loop     listening sockets, signals, cron  -> hands each accepted socket to a thread
//     conn_thread   one loop each: reads, runs and answers the commands of its connections
//     workers       run the commands that would hold up a loop
//
// Threads
// 1. A connection belongs to one connection thread from accept to close.
// 2. `threads`, `state` and the handles belong to the main thread; the atomics and `wake` are for
// all.
// 3. A connection thread that has ended says so (conn_thread.ended, wake); the main thread joins
// it.
// 4. Locks: a client list's lock before a connection thread's inbox_lock; nothing under the latter.
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "server/net/listener.h"
#include "server/net/sockets.h"
#include "server/net/workers.h"

struct config;
struct conn_thread;
struct kl_store;
struct thread;

enum server_state {
    SERVER_RUNNING,
    SERVER_STOPPING, // connections finish what they have begun
    SERVER_CLOSING,  // that took too long: they are closed
};

struct server {
    struct config *config;
    struct kl_store *store;
    uv_loop_t loop;
    uv_async_t wake; // a thread has ended, or somebody asked for the end
    uv_signal_t sigint, sigterm;
    uv_timer_t cron;
    struct listener listener;
    struct thread *engine; // the main thread's own
    struct workers workers;
    struct conn_thread *threads;
    int nthreads, max_threads; // max_threads 0: one thread a connection
    enum server_state state;
    uint64_t stopping_since_ms, ticked_ms; // loop time
    _Atomic bool shutdown_wanted;
    _Atomic int64_t nclients; // connections accepted and not closed yet
};

// Serves the connections of these sockets (which it takes over) until a signal or SHUTDOWN ends it;
// then everything is freed. Returns the exit status.
int server_run(struct config *, const struct listen_sockets *);

// A new connection: gives it to a thread, or refuses it. Takes the descriptor over. Main thread
// only.
void server_serve(struct server *, int fd);

// Counts a connection that was refused. Main thread only.
void server_count_refused(struct server *);

// How many of `wanted` clients there are file descriptors for, after raising the limit: two more
// are needed for the loop of a thread that serves one connection only. Any thread.
int64_t server_admit_clients(const struct config *, int64_t wanted);
