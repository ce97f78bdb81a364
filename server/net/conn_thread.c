// SPDX-License-Identifier: MIT
#include "server/net/conn_thread.h"

#include <pthread.h>
#include <sched.h>

#include "datatypes/mem.h"
#include "server/engine/thread.h"
#include "server/net/conn.h"
#include "server/net/server.h"
#include "server/net/sockets.h"

// Commands are not recursive, and a thread per connection should not reserve the usual 8 MB.
enum { STACK_BYTES = 2 * 1024 * 1024 };

enum {
    LINGER_CONNECTIONS = 3, // served in a turn, so that it is followed by lingering
    LINGER_NS = 40 * 1000,
};

static const char refusal[] = "-ERR max number of clients reached\r\n";

static void forget_connection(struct conn_thread *t)
{
    // Relaxed: counts for choosing a thread and for maxclients, nothing hangs on them.
    atomic_fetch_sub_explicit(&t->nconns, 1, memory_order_relaxed);
    atomic_fetch_sub_explicit(&t->server->nclients, 1, memory_order_relaxed);
}

static void refuse(struct conn_thread *t, int fd)
{
    sockets_refuse(fd, refusal);
    forget_connection(t);
}

// ---- the end ----------------------------------------------------------------------------------

// Takes no more orders and closes the loop's handles; the loop then returns.
static void begin_end(struct conn_thread *t)
{
    mutex_lock(&t->inbox_lock);
    t->open = false;
    for (int i = 0; i < t->ninbox; i++) {
        refuse(t, t->inbox[i]);
    }
    t->ninbox = 0;
    mutex_unlock(&t->inbox_lock);
    if (!uv_is_closing((uv_handle_t *)&t->wake)) {
        uv_close((uv_handle_t *)&t->wake, NULL);
        uv_close((uv_handle_t *)&t->resume, NULL);
        uv_close((uv_handle_t *)&t->again, NULL);
        uv_close((uv_handle_t *)&t->turn_end, NULL);
        uv_close((uv_handle_t *)&t->linger, NULL);
    }
}

static void end_when_done(struct conn_thread *t)
{
    if (!t->conns && (t->single || t->stopping)) {
        begin_end(t);
    }
}

void conn_thread_forget(struct conn_thread *t, struct conn *conn)
{
    if (conn->again) {
        TAILQ_REMOVE(&t->again_queue, conn, again_link);
        conn->again = false;
    }
    if (conn->unsent) {
        TAILQ_REMOVE(&t->unsent_queue, conn, unsent_link);
        conn->unsent = false;
    }
}

void conn_thread_closed(struct conn_thread *t, struct conn *conn)
{
    if (conn->prev) {
        conn->prev->next = conn->next;
    } else {
        t->conns = conn->next;
    }
    if (conn->next) {
        conn->next->prev = conn->prev;
    }
    forget_connection(t);
    end_when_done(t);
}

// ---- unfinished turns -------------------------------------------------------------------------

static void on_again(uv_idle_t *idle)
{
    struct conn_thread *t = idle->data;
    struct conn *last = TAILQ_LAST(&t->again_queue, conn_queue), *conn;

    // One turn for each that is in the queue now; who needs another one comes back at its end.
    do {
        conn = TAILQ_FIRST(&t->again_queue);
        if (!conn) {
            break;
        }
        TAILQ_REMOVE(&t->again_queue, conn, again_link);
        conn->again = false;
        conn_continue(conn);
    } while (conn != last);
    if (TAILQ_EMPTY(&t->again_queue)) {
        uv_idle_stop(idle);
    }
}

void conn_thread_again(struct conn_thread *t, struct conn *conn)
{
    if (TAILQ_EMPTY(&t->again_queue)) {
        uv_idle_start(&t->again, on_again);
    }
    conn->again = true;
    TAILQ_INSERT_TAIL(&t->again_queue, conn, again_link);
}

// ---- the end of a loop turn -------------------------------------------------------------------

// A loop that has just served several connections, with a request or two each, will have more from
// them within microseconds. If it slept, the first of these would have to wake it (which the peer
// pays for) and would be a turn of its own; so it looks again for a moment. (Not with
// sched_yield() in between: that cost up to 4 ms at the 99th percentile.) Not after pipelines,
// whose turns are large anyway, nor for a few connections, which would have it burn the time
// between their requests. Measured with redis-benchmark, 50 clients without pipelining, on 2 CPUs:
// docs/ARCHITECTURE.md.
static void on_linger(uv_idle_t *linger)
{
    struct conn_thread *t = linger->data;

    if (uv_hrtime() >= t->linger_until_ns) {
        uv_idle_stop(linger);
    }
}

static void linger_after(struct conn_thread *t, unsigned connections)
{
    // The turn may have closed the last connection of a thread that is to end.
    if (connections >= LINGER_CONNECTIONS && t->turn_commands <= 2 * connections &&
        !uv_is_closing((uv_handle_t *)&t->linger)) {
        t->linger_until_ns = uv_hrtime() + LINGER_NS;
        uv_idle_start(&t->linger, on_linger);
    }
    t->turn_commands = 0;
}

// Runs behind the callbacks of all ready sockets.
static void on_turn_end(uv_check_t *check)
{
    struct conn_thread *t = check->data;
    struct conn *conn;
    unsigned served = 0;

    while ((conn = TAILQ_FIRST(&t->unsent_queue))) {
        TAILQ_REMOVE(&t->unsent_queue, conn, unsent_link);
        conn->unsent = false;
        conn_settle(conn);
        served++;
    }
    if (served > 0) {
        linger_after(t, served);
    }
}

void conn_thread_unsent(struct conn_thread *t, struct conn *conn)
{
    conn->unsent = true;
    TAILQ_INSERT_TAIL(&t->unsent_queue, conn, unsent_link);
}

// ---- orders from other threads ----------------------------------------------------------------

static void open_connection(struct conn_thread *t, int fd)
{
    struct conn *conn = conn_open(t, fd);

    if (!conn) {
        refuse(t, fd);
        return;
    }
    conn->prev = NULL;
    conn->next = t->conns;
    if (conn->next) {
        conn->next->prev = conn;
    }
    t->conns = conn;
}

// Calls fn for each connection; fn may close that one.
static void for_each(struct conn_thread *t, void (*fn)(struct conn *))
{
    for (struct conn *conn = t->conns, *next; conn; conn = next) {
        next = conn->next;
        fn(conn);
    }
}

static void on_wake(uv_async_t *wake)
{
    struct conn_thread *t = wake->data;
    unsigned signals;
    int *inbox, n;

    mutex_lock(&t->inbox_lock);
    inbox = t->inbox;
    n = t->ninbox;
    signals = t->signals;
    t->inbox = NULL;
    t->ninbox = t->inbox_cap = 0;
    t->signals = 0;
    mutex_unlock(&t->inbox_lock);

    for (int i = 0; i < n; i++) {
        open_connection(t, inbox[i]);
    }
    mem_free(inbox);
    if (signals & SIGNAL_TICK) {
        // Before the connections look at the time, so that those that still wait set it again.
        atomic_store_explicit(&t->wants_tick, false, memory_order_relaxed);
        for_each(t, conn_tick);
    }
    if (signals & SIGNAL_KILL) {
        for_each(t, conn_check_kill);
    }
    if (signals & SIGNAL_STOP) {
        t->stopping = true;
        for_each(t, conn_stop);
    }
    if (signals & SIGNAL_CLOSE) {
        for_each(t, conn_close);
    }
    if (n > 0 || signals & (SIGNAL_STOP | SIGNAL_CLOSE)) {
        end_when_done(t);
    }
}

// ---- connections whose command may go on -------------------------------------------------------

static void on_resume(uv_async_t *resume)
{
    struct conn_thread *t = resume->data;
    // Acquire: what was done before conn_thread_resume() is seen.
    struct conn *conn = atomic_exchange_explicit(&t->resumed, NULL, memory_order_acquire);
    struct conn *first = NULL, *next;

    for (; conn; conn = next) { // the first one that came goes first
        next = conn->resumed_next;
        conn->resumed_next = first;
        first = conn;
    }
    for (conn = first; conn; conn = next) {
        next = conn->resumed_next;
        // Before the connection looks: what comes after that needs another look. Acquire: it sees
        // what was done before a call that found it set.
        atomic_exchange_explicit(&conn->resumed, false, memory_order_acq_rel);
        conn_resume(conn);
    }
}

void conn_thread_resume(struct conn_thread *t, struct conn *conn)
{
    // acq_rel: see on_resume().
    if (atomic_exchange_explicit(&conn->resumed, true, memory_order_acq_rel)) {
        return; // on the list, and not looked at yet
    }
    // Once it is on the list the connection may be dealt with, and even the thread's end begin.
    // Relaxed: until then the connection keeps the thread from it.
    atomic_fetch_add_explicit(&t->resuming, 1, memory_order_relaxed);
    conn->resumed_next = atomic_load_explicit(&t->resumed, memory_order_relaxed);
    // Release: what was done before, and the link, go with it.
    while (!atomic_compare_exchange_weak_explicit(&t->resumed, &conn->resumed_next, conn,
                                                  memory_order_release, memory_order_relaxed)) {
    }
    uv_async_send(&t->resume);
    // Release: the handle is not touched after that.
    atomic_fetch_sub_explicit(&t->resuming, 1, memory_order_release);
}

void conn_thread_signal(struct conn_thread *t, unsigned signals)
{
    mutex_lock(&t->inbox_lock);
    if (t->open) {
        t->signals |= signals;
        uv_async_send(&t->wake);
    }
    mutex_unlock(&t->inbox_lock);
}

bool conn_thread_give(struct conn_thread *t, int fd)
{
    bool given = false;

    mutex_lock(&t->inbox_lock);
    if (t->open && t->ninbox == t->inbox_cap) {
        int cap = t->inbox_cap ? 2 * t->inbox_cap : 8;
        int *inbox = mem_realloc(t->inbox, (size_t)cap * sizeof(int));

        if (inbox) {
            t->inbox = inbox;
            t->inbox_cap = cap;
        }
    }
    if (t->open && t->ninbox < t->inbox_cap) {
        t->inbox[t->ninbox++] = fd;
        atomic_fetch_add_explicit(&t->nconns, 1, memory_order_relaxed);
        atomic_fetch_add_explicit(&t->server->nclients, 1, memory_order_relaxed);
        uv_async_send(&t->wake);
        given = true;
    }
    mutex_unlock(&t->inbox_lock);
    return given;
}

// ---- start ------------------------------------------------------------------------------------

static void thread_main(void *arg)
{
    struct conn_thread *t = arg;

    pthread_setname_np(pthread_self(), "keylot-conn"); // for top and debuggers
    t->engine = thread_register(t->server->store);
    if (!t->engine) {
        begin_end(t);
    }
    uv_run(&t->loop, UV_RUN_DEFAULT);
    if (t->engine) {
        thread_unregister(t->engine);
    }
    // Acquire: pairs with conn_thread_resume(), which may be a few instructions from its end.
    while (atomic_load_explicit(&t->resuming, memory_order_acquire) > 0) {
        sched_yield();
    }
    // Release: whoever sees it sees all that the thread did. The main loop's handle is open until
    // this thread has been joined.
    atomic_store_explicit(&t->ended, true, memory_order_release);
    uv_async_send(&t->server->wake);
}

static void destroy(struct conn_thread *t)
{
    uv_loop_close(&t->loop);
    mem_free(t->inbox);
    mem_free(t);
}

struct conn_thread *conn_thread_start(struct server *server, bool single)
{
    uv_thread_options_t options = {.flags = UV_THREAD_HAS_STACK_SIZE, .stack_size = STACK_BYTES};
    struct conn_thread *t = mem_zalloc(sizeof(*t));

    if (!t) {
        return NULL;
    }
    mutex_init(&t->inbox_lock);
    t->server = server;
    t->single = single;
    t->open = true;
    TAILQ_INIT(&t->again_queue);
    TAILQ_INIT(&t->unsent_queue);
    if (uv_loop_init(&t->loop) != 0) {
        mem_free(t);
        return NULL;
    }
    uv_idle_init(&t->loop, &t->again);
    t->again.data = t;
    uv_idle_init(&t->loop, &t->linger);
    t->linger.data = t;
    uv_check_init(&t->loop, &t->turn_end);
    t->turn_end.data = t;
    uv_check_start(&t->turn_end, on_turn_end);
    t->wake.data = t->resume.data = t;
    // Only the first async handle of a loop needs descriptors, and can fail.
    if (uv_async_init(&t->loop, &t->wake, on_wake) != 0 ||
        uv_async_init(&t->loop, &t->resume, on_resume) != 0) {
        uv_close((uv_handle_t *)&t->again, NULL);
        uv_close((uv_handle_t *)&t->turn_end, NULL);
        uv_close((uv_handle_t *)&t->linger, NULL);
        uv_run(&t->loop, UV_RUN_DEFAULT);
        destroy(t);
        return NULL;
    }
    if (uv_thread_create_ex(&t->id, &options, thread_main, t) != 0) {
        begin_end(t);
        uv_run(&t->loop, UV_RUN_DEFAULT);
        destroy(t);
        return NULL;
    }
    return t;
}

void conn_thread_join(struct conn_thread *t)
{
    uv_thread_join(&t->id);
    destroy(t);
}
