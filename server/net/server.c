// SPDX-License-Identifier: MIT
#include "server/net/server.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "datatypes/mem.h"
#include "server/engine/config.h"
#include "server/engine/store.h"
#include "server/net/conn_thread.h"
#include "server/net/log.h"
#include "version.inc"

enum {
    TICK_MS = 1000,          // between two looks at idle connections
    STOPPING_TICK_MS = 100,  // the same while the server ends
    FINISH_MS = 5000,        // for replies on their way when the server ends
    GIVE_UP_MS = 8000,       // then a thread that still runs a command is not waited for
    CRON_SHARE_PERCENT = 25, // of the time between two cron runs, for housekeeping
    CRON_SLICE_US = 1000,    // at a time: connections wait to be accepted meanwhile
};

static const char refusal[] = "-ERR max number of clients reached\r\n";
static const char denial[] =
    "-DENIED This server is in protected mode: it has no password, so it serves clients of its own "
    "machine only. To serve others, start it with `--protected-mode no`, or use CONFIG SET "
    "protected-mode no from this machine.\r\n";

// ---- a new connection -------------------------------------------------------------------------

static int connections_of(const struct conn_thread *t)
{
    return atomic_load_explicit(&t->nconns, memory_order_relaxed);
}

static struct conn_thread *start_thread(struct server *s, bool single)
{
    struct conn_thread *t = conn_thread_start(s, single);

    if (t) {
        t->next = s->threads;
        s->threads = t;
        s->nthreads++;
    }
    return t;
}

// An idle thread, else a new one as long as there may be more, else the one with the fewest
// connections.
static struct conn_thread *choose_thread(struct server *s)
{
    struct conn_thread *best = NULL, *fresh;

    if (s->max_threads == 0) {
        return start_thread(s, true);
    }
    for (struct conn_thread *t = s->threads; t; t = t->next) {
        if (!best || connections_of(t) < connections_of(best)) {
            best = t;
        }
    }
    if (s->nthreads == s->max_threads || (best && connections_of(best) == 0)) {
        return best;
    }
    fresh = start_thread(s, false);
    return fresh ? fresh : best;
}

void server_count_refused(struct server *s)
{
    tally_add(&s->engine->stats.rejected_connections, 1);
}

static void reject(struct server *s, int fd, const char *reply)
{
    sockets_refuse(fd, reply);
    server_count_refused(s);
}

void server_serve(struct server *s, int fd)
{
    struct conn_thread *t;
    int64_t maxclients = atomic_load_explicit(&s->config->maxclients, memory_order_relaxed);

    if (atomic_load_explicit(&s->nclients, memory_order_relaxed) >= maxclients) {
        reject(s, fd, refusal);
        return;
    }
    if (atomic_load_explicit(&s->config->protected_mode, memory_order_relaxed) &&
        !sockets_peer_is_local(fd)) {
        reject(s, fd, denial);
        return;
    }
    t = choose_thread(s);
    if (t && conn_thread_give(t, fd)) {
        return;
    }
    if (t && t->single) {
        conn_thread_signal(t, SIGNAL_STOP);
    }
    log_line(s->config, LOGLEVEL_WARNING, "A connection was refused: no thread for it");
    reject(s, fd, refusal);
}

int64_t server_admit_clients(const struct config *config, int64_t wanted)
{
    return sockets_admit(wanted, config->connection_threads == 0 ? 3 : 1);
}

// ---- the end ----------------------------------------------------------------------------------

static void signal_threads(struct server *s, unsigned signals)
{
    for (struct conn_thread *t = s->threads; t; t = t->next) {
        conn_thread_signal(t, signals);
    }
}

static void join_ended(struct server *s)
{
    for (struct conn_thread **at = &s->threads, *t; (t = *at) != NULL;) {
        // Acquire: see thread_main.
        if (atomic_load_explicit(&t->ended, memory_order_acquire)) {
            *at = t->next;
            s->nthreads--;
            conn_thread_join(t);
        } else {
            at = &t->next;
        }
    }
}

// Once the last thread is gone nothing can wake the main loop any more: its handles are closed, and
// the loop returns.
static void end_when_done(struct server *s)
{
    if (s->state == SERVER_RUNNING || s->threads || uv_is_closing((uv_handle_t *)&s->wake)) {
        return;
    }
    uv_close((uv_handle_t *)&s->wake, NULL);
    uv_close((uv_handle_t *)&s->cron, NULL);
    uv_close((uv_handle_t *)&s->sigint, NULL);
    uv_close((uv_handle_t *)&s->sigterm, NULL);
}

static void begin_stop(struct server *s, const char *why)
{
    if (s->state != SERVER_RUNNING) {
        return;
    }
    log_line(s->config, LOGLEVEL_NOTICE, "%s: finishing what clients have asked for, then exiting",
             why);
    s->state = SERVER_STOPPING;
    s->stopping_since_ms = uv_now(&s->loop);
    listener_stop(&s->listener);
    signal_threads(s, SIGNAL_STOP);
    uv_timer_set_repeat(&s->cron, STOPPING_TICK_MS);
    uv_timer_again(&s->cron);
    end_when_done(s);
}

static void continue_stop(struct server *s)
{
    uint64_t took_ms = uv_now(&s->loop) - s->stopping_since_ms;

    if (took_ms > GIVE_UP_MS) {
        log_line(s->config, LOGLEVEL_WARNING, "A command does not end; exiting without it");
        _exit(1);
    }
    if (took_ms > FINISH_MS && s->state == SERVER_STOPPING) {
        log_line(s->config, LOGLEVEL_NOTICE, "Closing clients that do not read their replies");
        s->state = SERVER_CLOSING;
        signal_threads(s, SIGNAL_CLOSE);
    }
    signal_threads(s, SIGNAL_TICK);
    end_when_done(s);
}

static void on_signal(uv_signal_t *handle, int signum)
{
    struct server *s = handle->data;

    if (s->state != SERVER_RUNNING) {
        log_line(s->config, LOGLEVEL_WARNING, "Second signal: exiting at once");
        _exit(1);
    }
    begin_stop(s, signum == SIGINT ? "Received SIGINT" : "Received SIGTERM");
}

static void request_shutdown(struct kl_store *store, bool nosave, void *arg)
{
    struct server *s = arg;

    (void)store;
    (void)nosave; // nothing is saved
    atomic_store_explicit(&s->shutdown_wanted, true, memory_order_release);
    uv_async_send(&s->wake);
}

static void reclaim(struct kl_store *store, void *arg)
{
    struct server *s = arg;

    (void)store;
    workers_reclaim(&s->workers);
}

static void on_wake(uv_async_t *wake)
{
    struct server *s = wake->data;

    if (atomic_load_explicit(&s->shutdown_wanted, memory_order_acquire)) {
        begin_stop(s, "SHUTDOWN");
    }
    join_ended(s);
    end_when_done(s);
}

// ---- the clock --------------------------------------------------------------------------------

// Wakes the threads that have idle connections to look at; the others sleep on.
static void tick_threads(struct server *s)
{
    bool all = atomic_load_explicit(&s->config->timeout_s, memory_order_relaxed) > 0;

    s->ticked_ms = uv_now(&s->loop);
    for (struct conn_thread *t = s->threads; t; t = t->next) {
        if (all || atomic_load_explicit(&t->wants_tick, memory_order_relaxed)) {
            conn_thread_signal(t, SIGNAL_TICK);
        }
    }
}

static void on_cron(uv_timer_t *timer)
{
    struct server *s = timer->data;
    int64_t hz = atomic_load_explicit(&s->config->hz, memory_order_relaxed);

    if (s->state != SERVER_RUNNING) {
        continue_stop(s);
        return;
    }
    int64_t period_ms = 1000 / hz, slice_us = period_ms * 1000 * CRON_SHARE_PERCENT / 100;
    slice_us = slice_us < CRON_SLICE_US ? slice_us : CRON_SLICE_US;
    if (store_cron(s->engine, slice_us)) {
        period_ms = slice_us * 100 / CRON_SHARE_PERCENT / 1000;
    }
    if (uv_now(&s->loop) - s->ticked_ms >= TICK_MS) {
        tick_threads(s);
    }
    uv_timer_start(timer, on_cron, (uint64_t)period_ms, (uint64_t)period_ms);
}

// ---- start ------------------------------------------------------------------------------------

static int start_handles(struct server *s, const struct listen_sockets *sockets)
{
    int rc = uv_async_init(&s->loop, &s->wake, on_wake);

    s->wake.data = s->cron.data = s->sigint.data = s->sigterm.data = s;
    if (rc == 0) {
        rc = uv_timer_init(&s->loop, &s->cron);
    }
    if (rc == 0) {
        rc = uv_signal_init(&s->loop, &s->sigint);
    }
    if (rc == 0) {
        rc = uv_signal_init(&s->loop, &s->sigterm);
    }
    if (rc == 0) {
        rc = uv_signal_start(&s->sigint, on_signal, SIGINT);
    }
    if (rc == 0) {
        rc = uv_signal_start(&s->sigterm, on_signal, SIGTERM);
    }
    if (rc == 0) {
        rc = uv_timer_start(&s->cron, on_cron, 0, 100);
    }
    return rc == 0 ? listener_start(&s->listener, s, sockets) : rc;
}

static void print_banner(struct server *s)
{
    int port = s->listener.sockets.port;
    char threads[64];

    if (s->max_threads == 0) {
        snprintf(threads, sizeof(threads), "one thread a connection");
    } else {
        snprintf(threads, sizeof(threads), "up to %d connection threads", s->max_threads);
    }
    log_line(s->config, LOGLEVEL_WARNING, "Keylot " KEYLOT_VERSION ", port %d, %s, pid %d", port,
             threads, (int)getpid());
    log_line(s->config, LOGLEVEL_NOTICE, "Connect with: redis-cli -p %d", port);
    // Tests and scripts read this line: the words and the number at its end stay as they are.
    log_line(s->config, LOGLEVEL_WARNING, "Ready to accept connections on port %d", port);
}

static int fail(struct server *s, const char *what)
{
    log_line(s->config, LOGLEVEL_WARNING, "Cannot start: %s", what);
    fprintf(stderr, "keylot-server: cannot start: %s\n", what);
    return 1;
}

// Runs the main loop to its end.
static int run(struct server *s, const struct listen_sockets *sockets)
{
    int rc = uv_loop_init(&s->loop);

    if (rc != 0) {
        return fail(s, uv_strerror(rc));
    }
    rc = start_handles(s, sockets);
    if (rc != 0) {
        return fail(s, uv_strerror(rc));
    }
    s->store->request_shutdown = request_shutdown;
    s->store->request_shutdown_arg = s;
    print_banner(s);
    uv_run(&s->loop, UV_RUN_DEFAULT);
    uv_loop_close(&s->loop);
    log_line(s->config, LOGLEVEL_WARNING, "Bye");
    return 0;
}

int server_run(struct config *config, const struct listen_sockets *sockets)
{
    struct server s = {.config = config};
    int exit_status = 1;

    s.max_threads = config->connection_threads == CONNECTION_THREADS_AUTO
                        ? (int)uv_available_parallelism()
                        : config->connection_threads;
    workers_init(&s.workers, &s,
                 config->worker_threads == WORKER_THREADS_AUTO ? 2 * (int)uv_available_parallelism()
                                                               : config->worker_threads);
    mem_start_background_purge();
    s.store = store_open(config);
    s.engine = s.store ? thread_register(s.store) : NULL;
    if (s.engine) {
        s.store->reclaim_wanted = reclaim;
        s.store->reclaim_wanted_arg = &s;
        exit_status = workers_start(&s.workers) ? run(&s, sockets) : fail(&s, "no worker thread");
        workers_stop(&s.workers);
        thread_unregister(s.engine);
    } else {
        exit_status = fail(&s, "out of memory");
    }
    store_close(s.store);
    return exit_status;
}
