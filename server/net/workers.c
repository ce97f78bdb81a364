// SPDX-License-Identifier: MIT
#include "server/net/workers.h"

#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "server/engine/exec.h"
#include "server/engine/reclaim.h"
#include "server/engine/thread.h"
#include "server/net/conn.h"
#include "server/net/server.h"

enum {
    NICE = 10,         // lower priority than connection threads
    RECLAIM_NICE = 5,  // higher than the workers', who fill the memory that it gives back
    THREADS_MAX = 256, // blocked ones included
    RECLAIM_US = 100,  // of giving memory back in one go
    STACK_BYTES = 2 * 1024 * 1024,
};

void workers_init(struct workers *w, struct server *server, int most)
{
    *w = (struct workers){.server = server, .most = most};
    mutex_init(&w->lock);
    condvar_init(&w->wanted);
    condvar_init(&w->ended);
    condvar_init(&w->reclaim_wanted);
    TAILQ_INIT(&w->queue);
}

// ---- a worker thread --------------------------------------------------------------------------

// Takes the next command; NULL: the thread is to end.
static struct conn *take(struct workers *w)
{
    struct conn *conn;

    mutex_lock(&w->lock);
    w->nidle++;
    while (!(conn = TAILQ_FIRST(&w->queue)) && !w->stopping) {
        condvar_wait(&w->wanted, &w->lock);
    }
    if (conn) {
        TAILQ_REMOVE(&w->queue, conn, move_link);
        w->nqueued--;
    }
    w->nidle--;
    mutex_unlock(&w->lock);
    return conn;
}

// Starts one more if possible; whether there is any.
static bool start_locked(struct workers *w);

// An idle thread that was notified counts as idle until it runs, so it is the numbers that tell.
static bool start_if_needed_locked(struct workers *w)
{
    if (w->nqueued > w->nidle && w->nthreads - w->nblocked < w->most && w->nthreads < THREADS_MAX) {
        return start_locked(w);
    }
    return w->nthreads > 0;
}

static void on_block(struct thread *engine, bool begins)
{
    struct workers *w = engine->blocks_arg;

    mutex_lock(&w->lock);
    w->nblocked += begins ? 1 : -1;
    if (begins) {
        start_if_needed_locked(w);
    }
    mutex_unlock(&w->lock);
}

static void lower_priority(int nice)
{
    // Only this thread's, although POSIX means the process's; a failure costs nothing but latency.
    (void)setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), nice);
}

static void *worker_main(void *arg)
{
    struct thread *engine = arg;
    struct workers *w = engine->blocks_arg;
    struct conn *conn;

    pthread_setname_np(pthread_self(), "keylot-worker");
    lower_priority(NICE);
    while ((conn = take(w))) {
        exec_on_worker(&conn->client, engine);
    }
    engine->blocks = NULL;
    thread_unregister(engine);
    mutex_lock(&w->lock);
    w->nthreads--;
    condvar_notify_all(&w->ended);
    mutex_unlock(&w->lock); // after which *w may be gone
    return NULL;
}

// Starts a thread that nobody joins; false: it cannot be.
static bool start_thread(void *(*thread_main)(void *), void *arg)
{
    pthread_attr_t attr;
    pthread_t id;
    int rc;

    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attr, STACK_BYTES);
    rc = pthread_create(&id, &attr, thread_main, arg);
    pthread_attr_destroy(&attr);
    return rc == 0;
}

static bool start_locked(struct workers *w)
{
    struct thread *engine = thread_register(w->server->store);

    if (!engine) {
        return w->nthreads > 0;
    }
    engine->blocks = on_block;
    engine->blocks_arg = w;
    if (start_thread(worker_main, engine)) {
        w->nthreads++;
    } else {
        engine->blocks = NULL;
        thread_unregister(engine);
    }
    return w->nthreads > 0;
}

// ---- the thread that gives memory back ---------------------------------------------------------

// Waits until there is something to do; false: the thread is to end.
static bool wait_for_reclaim(struct workers *w)
{
    bool go_on;

    mutex_lock(&w->lock);
    while (!w->reclaim && !w->stopping) {
        condvar_wait(&w->reclaim_wanted, &w->lock);
    }
    w->reclaim = false; // what comes from now on sets it again
    go_on = !w->stopping;
    mutex_unlock(&w->lock);
    return go_on;
}

static void *reclaimer_main(void *arg)
{
    struct workers *w = arg;

    pthread_setname_np(pthread_self(), "keylot-reclaim");
    lower_priority(RECLAIM_NICE);
    while (wait_for_reclaim(w)) {
        while (store_reclaim_step(w->server->store, RECLAIM_US)) {
            sched_yield(); // as workers do between slices (exec.c)
        }
    }
    mutex_lock(&w->lock);
    w->reclaiming = false;
    condvar_notify_all(&w->ended);
    mutex_unlock(&w->lock); // after which *w may be gone
    return NULL;
}

// ---- the others -------------------------------------------------------------------------------

bool workers_submit(struct workers *w, struct conn *conn)
{
    bool ok;

    mutex_lock(&w->lock);
    TAILQ_INSERT_TAIL(&w->queue, conn, move_link);
    w->nqueued++;
    ok = start_if_needed_locked(w);
    if (!ok) {
        TAILQ_REMOVE(&w->queue, conn, move_link);
        w->nqueued--;
    }
    mutex_unlock(&w->lock);
    if (ok) {
        condvar_notify_one(&w->wanted);
    }
    return ok;
}

bool workers_start(struct workers *w)
{
    bool ok;

    mutex_lock(&w->lock);
    w->reclaiming = start_thread(reclaimer_main, w);
    ok = w->reclaiming && start_locked(w);
    mutex_unlock(&w->lock);
    return ok;
}

void workers_reclaim(struct workers *w)
{
    mutex_lock(&w->lock);
    w->reclaim = true;
    mutex_unlock(&w->lock);
    condvar_notify_one(&w->reclaim_wanted);
}

void workers_stop(struct workers *w)
{
    mutex_lock(&w->lock);
    w->stopping = true;
    condvar_notify_all(&w->wanted);
    condvar_notify_all(&w->reclaim_wanted);
    while (w->nthreads > 0 || w->reclaiming) {
        condvar_wait(&w->ended, &w->lock);
    }
    mutex_unlock(&w->lock);
}
