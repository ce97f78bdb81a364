// SPDX-License-Identifier: MIT
#include "server/net/workers.h"

#include <pthread.h>
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
    THREADS_MAX = 256, // blocked ones included
    RECLAIM_US = 2000, // of giving memory back between two looks for commands
    STACK_BYTES = 2 * 1024 * 1024,
};

void workers_init(struct workers *w, struct server *server, int most)
{
    *w = (struct workers){.server = server, .most = most};
    mutex_init(&w->lock);
    condvar_init(&w->wanted);
    condvar_init(&w->ended);
    TAILQ_INIT(&w->queue);
}

// ---- a worker thread --------------------------------------------------------------------------

enum task { TASK_COMMAND, TASK_RECLAIM, TASK_END };

// Waits for something to do.
static enum task take(struct workers *w, struct conn **conn)
{
    enum task task = TASK_END;

    mutex_lock(&w->lock);
    w->nidle++;
    while (TAILQ_EMPTY(&w->queue) && !w->reclaim && !w->stopping) {
        condvar_wait(&w->wanted, &w->lock);
    }
    *conn = TAILQ_FIRST(&w->queue);
    if (*conn) {
        TAILQ_REMOVE(&w->queue, *conn, move_link);
        w->nqueued--;
        task = TASK_COMMAND;
    } else if (!w->stopping) {
        w->reclaim = false;
        task = TASK_RECLAIM;
    }
    w->nidle--;
    mutex_unlock(&w->lock);
    return task;
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

static void lower_priority(void)
{
    // Only this thread's, although POSIX means the process's; a failure costs nothing but latency.
    (void)setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), NICE);
}

static void *worker_main(void *arg)
{
    struct thread *engine = arg;
    struct workers *w = engine->blocks_arg;
    struct conn *conn;
    enum task task;

    pthread_setname_np(pthread_self(), "keylot-worker");
    lower_priority();
    while ((task = take(w, &conn)) != TASK_END) {
        if (task == TASK_COMMAND) {
            exec_on_worker(&conn->client, engine);
        } else if (store_reclaim_step(engine->store, RECLAIM_US)) {
            workers_reclaim(w); // the rest, when no command waits
        }
    }
    engine->blocks = NULL;
    thread_unregister(engine);
    mutex_lock(&w->lock);
    w->nthreads--;
    condvar_notify_all(&w->ended);
    mutex_unlock(&w->lock); // after which *w may be gone
    return NULL;
}

static bool start_locked(struct workers *w)
{
    struct thread *engine = thread_register(w->server->store);
    pthread_attr_t attr;
    pthread_t id;
    int rc;

    if (!engine) {
        return w->nthreads > 0;
    }
    engine->blocks = on_block;
    engine->blocks_arg = w;
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attr, STACK_BYTES);
    rc = pthread_create(&id, &attr, worker_main, engine);
    pthread_attr_destroy(&attr);
    if (rc == 0) {
        w->nthreads++;
    } else {
        engine->blocks = NULL;
        thread_unregister(engine);
    }
    return w->nthreads > 0;
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
    ok = start_locked(w);
    mutex_unlock(&w->lock);
    return ok;
}

void workers_reclaim(struct workers *w)
{
    mutex_lock(&w->lock);
    w->reclaim = true;
    mutex_unlock(&w->lock);
    condvar_notify_one(&w->wanted);
}

void workers_stop(struct workers *w)
{
    mutex_lock(&w->lock);
    w->stopping = true;
    condvar_notify_all(&w->wanted);
    while (w->nthreads > 0) {
        condvar_wait(&w->ended, &w->lock);
    }
    mutex_unlock(&w->lock);
}
