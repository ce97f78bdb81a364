// SPDX-License-Identifier: MIT
#include "server/net/conn.h"
#include "server/net/conn_wait.h"

#include <errno.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "datatypes/mem.h"
#include "datatypes/str.h"
#include "server/engine/config.h"
#include "server/engine/exec.h"
#include "server/engine/store.h"
#include "server/net/conn_thread.h"
#include "server/net/log.h"
#include "server/net/server.h"

enum {
    READ_BYTES = 16 * 1024,   // asked for at a time
    LOOK_COMMANDS = 64,       // quick commands between two looks at the clock
    SECTION_NS = 100 * 1000,  // then others may reclaim memory or close the gate
    TURN_COMMANDS = 1024,     // then the loop's other connections get their turn
    TURN_NS = 250 * 1000,     // likewise
    FLUSH_BYTES = 256 * 1024, // output that is sent before the turn is over
    SEND_BYTES = 256 * 1024,  // sent in a turn: the loop's other connections wait for it
    DISCARD_READS = 16,       // reads in a row while lingering
    LINGER_MS = 500,          // for the peer to get the last replies
    IDLE_TRIM_MS = 2000,      // then the buffers are given back
};

static struct server *server_of(const struct conn *c)
{
    return c->thread->server;
}

static uint64_t now_ms(const struct conn *c)
{
    return uv_now(&c->thread->loop);
}

// ---- sending ----------------------------------------------------------------------------------

static void count_out(struct conn *c, size_t nbytes)
{
    uint64_t before = atomic_load_explicit(&c->client.net_out, memory_order_relaxed);

    atomic_store_explicit(&c->client.net_out, before + nbytes, memory_order_relaxed);
    tally_add(&c->thread->engine->stats.net_out, (int64_t)nbytes);
}

// Sends what the socket takes, within limits.
static void send_some(struct conn *c)
{
    struct reply *reply = &c->client.reply;
    size_t total = 0;

    while (!c->blocked && total < SEND_BYTES) {
        size_t len = reply_sendable(reply);
        ssize_t n;

        if (len == 0) {
            return;
        }
        if (len > SEND_BYTES - total) {
            len = SEND_BYTES - total;
        }
        n = send(c->client.fd, reply->data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK) {
            c->state = CONN_BROKEN;
            return;
        }
        c->blocked = n < (ssize_t)len;
        if (n > 0) {
            total += (size_t)n;
            count_out(c, (size_t)n);
            reply_consume(reply, (size_t)n);
        }
    }
}

// ---- running ----------------------------------------------------------------------------------

static void limits_of(const struct conn *c, struct request_limits *limits)
{
    struct config *config = server_of(c)->config;
    size_t max = atomic_load_explicit(&config->limits.max_string_bytes, memory_order_relaxed);

    *limits = REQUEST_LIMITS_DEFAULT;
    // Lengths of keys and values have 32 bits at most, whatever proto-max-bulk-len says.
    limits->max_bulk = max < STR_MAX_BYTES ? max : STR_MAX_BYTES;
}

// Bytes of output that may wait unread, SIZE_MAX for any number.
static size_t hard_limit(const struct conn *c)
{
    int64_t hard =
        atomic_load_explicit(&server_of(c)->config->output_hard_limit, memory_order_relaxed);

    return hard > 0 ? (size_t)hard : SIZE_MAX;
}

// A single reply stops growing there, not only when it is complete: MGET may name a large string a
// million times. Up to FLUSH_BYTES nothing has been offered to the socket yet.
static void limit_reply(struct conn *c)
{
    size_t hard = hard_limit(c);

    c->client.reply.max_len = hard > FLUSH_BYTES ? hard : FLUSH_BYTES;
}

// Marks the connection as broken when more output waits than its client may leave unread.
static void check_hard_limit(struct conn *c)
{
    const struct config *config = server_of(c)->config;

    if (c->client.reply.too_long || c->client.reply.len > hard_limit(c)) {
        log_line(config, LOGLEVEL_WARNING,
                 "Client id=%llu addr=%s closed: its output exceeds client-output-buffer-limit",
                 (unsigned long long)c->client.id, c->client.addr);
        c->state = CONN_BROKEN;
    }
}

// What the last command, or the reply to it, means for the connection.
void conn_check_reply(struct conn *c)
{
    if (client_has(&c->client, CLIENT_CLOSE_NOW) || c->client.reply.failed) {
        check_hard_limit(c);
        c->state = CONN_BROKEN;
    } else if (client_has(&c->client, CLIENT_CLOSE_AFTER_REPLY)) {
        c->state = CONN_FINISHING;
    } else if (c->client.reply.len > FLUSH_BYTES) {
        // Less than that has not been offered to the socket yet: settle() looks at the rest.
        check_hard_limit(c);
    }
}

static bool may_run(const struct conn *c)
{
    return (c->state == CONN_OPEN || c->state == CONN_DRAINING) && !c->waiting;
}

// Takes the next requests out of the parser. False: there is none, for now or for ever.
static bool take_requests(struct conn *c, const struct request_limits *limits)
{
    const char *error;

    c->next_request = 0;
    switch (request_batch(&c->parser, limits, c->requests, LOOKAHEAD_MAX, &c->nrequests, &error)) {
    case REQUEST_READY:
        return true;
    case REQUEST_INCOMPLETE:
        if (c->state == CONN_DRAINING) {
            c->state = CONN_FINISHING;
        }
        return false;
    case REQUEST_PROTOCOL_ERROR:
        reply_error(&c->client.reply, error);
        log_line(server_of(c)->config, LOGLEVEL_VERBOSE, "Client id=%llu addr=%s: %s",
                 (unsigned long long)c->client.id, c->client.addr, error);
        c->state = CONN_FINISHING;
        return false;
    case REQUEST_NO_MEMORY:
        c->state = CONN_BROKEN;
        return false;
    }
    return false;
}

// Looks ahead over the requests at hand. One alone gains nothing from it.
static void look_ahead(struct conn *c)
{
    struct exec_hint *hints = c->thread->hints;
    int n = c->nrequests - c->next_request;

    if (n > 1) {
        lookahead(&c->client, c->requests + c->next_request, hints + c->next_request, n);
    } else {
        hints[c->next_request] = (struct exec_hint){0};
    }
}

// Runs the next request. False: there is none, for now or for ever.
static bool run_one(struct conn *c, const struct request_limits *limits)
{
    int i;

    if (c->next_request == c->nrequests) {
        if (!take_requests(c, limits)) {
            return false;
        }
        look_ahead(c);
    }
    i = c->next_request++;
    if (exec_request(&c->client, &c->requests[i], &c->thread->hints[i]) == EXEC_WAITS) {
        conn_wait_begins(c);
        return false;
    }
    conn_check_reply(c);
    return true;
}

// Runs requests for one turn. True: it was cut short, and there may be more.
static bool run(struct conn *c)
{
    struct thread *engine = c->thread->engine;
    struct request_limits limits;
    uint64_t began_ns = uv_hrtime(), section_ns = began_ns, ticks;
    bool more = false;
    unsigned n;

    limits_of(c, &limits);
    limit_reply(c);
    exec_begin(engine);
    ticks = engine->now_ticks;
    if (c->next_request < c->nrequests) {
        look_ahead(c); // the hints were lost to other connections since the last turn
    }
    for (n = 1; may_run(c) && run_one(c, &limits); n++) {
        bool flush = c->client.reply.len > FLUSH_BYTES && !c->blocked;
        uint64_t now_ns;

        // The dispatcher's own clock moves when a command was slow: a free hint to look at ours.
        if (n % LOOK_COMMANDS != 0 && !flush && engine->now_ticks == ticks) {
            continue;
        }
        ticks = engine->now_ticks;
        now_ns = uv_hrtime();
        if (n >= TURN_COMMANDS || now_ns - began_ns > TURN_NS) {
            more = may_run(c);
            break;
        }
        if (flush || now_ns - section_ns > SECTION_NS) {
            exec_end(engine);
            if (flush) {
                send_some(c);
            }
            exec_begin(engine);
            section_ns = now_ns;
            ticks = engine->now_ticks;
        }
    }
    exec_end(engine);
    c->thread->turn_commands += n - 1;
    return more;
}

// ---- after a turn -----------------------------------------------------------------------------

static void on_poll(uv_poll_t *poll, int status, int events);

static int wanted_events(const struct conn *c)
{
    int events = c->client.reply.len > 0 ? UV_WRITABLE : 0;

    if (c->waiting) {
        return events | (c->half_closed ? 0 : UV_DISCONNECT);
    }
    return events | (c->state == CONN_OPEN ? UV_READABLE : 0);
}

static void want_events(struct conn *c, int events)
{
    if (c->events == events) {
        return;
    }
    c->events = events;
    if (events == 0) {
        uv_poll_stop(&c->poll);
    } else if (uv_poll_start(&c->poll, events, on_poll) != 0) {
        conn_close(c);
    }
}

static void want_tick(struct conn *c)
{
    _Atomic bool *wants = &c->thread->wants_tick;

    // Relaxed: the cron looks at it once a second. Stored only when it changes: the line is shared.
    if (!atomic_load_explicit(wants, memory_order_relaxed)) {
        atomic_store_explicit(wants, true, memory_order_relaxed);
    }
}

// All is sent. The socket is closed at once when the peer has got it all; closing over bytes that
// the peer sent and nobody read would reset the connection and destroy replies on their way.
static void linger(struct conn *c)
{
    int unsent = 0;

    if (ioctl(c->client.fd, SIOCOUTQ, &unsent) != 0 || unsent == 0 ||
        shutdown(c->client.fd, SHUT_WR) != 0) {
        conn_close(c);
        return;
    }
    c->state = CONN_LINGERING;
    c->active_ms = now_ms(c);
    want_tick(c);
    want_events(c, UV_READABLE);
}

static void check_soft_limit(struct conn *c)
{
    const struct config *config = server_of(c)->config;
    int64_t soft = atomic_load_explicit(&config->output_soft_limit, memory_order_relaxed);
    int64_t seconds = atomic_load_explicit(&config->output_soft_seconds, memory_order_relaxed);

    if (soft == 0 || c->client.reply.len <= (size_t)soft) {
        c->over_soft_ms = 0;
        return;
    }
    want_tick(c);
    if (c->over_soft_ms == 0) {
        c->over_soft_ms = now_ms(c);
    } else if (now_ms(c) - c->over_soft_ms > (uint64_t)seconds * 1000) {
        log_line(server_of(c)->config, LOGLEVEL_WARNING,
                 "Client id=%llu addr=%s closed: its output exceeds the soft "
                 "client-output-buffer-limit for %lld s",
                 (unsigned long long)c->client.id, c->client.addr, (long long)seconds);
        c->state = CONN_BROKEN;
    }
}

// Of the commands since MULTI.
static size_t queued_bytes(const struct conn *c)
{
    return atomic_load_explicit(&c->client.multi_mem, memory_order_relaxed);
}

// What CLIENT LIST shows.
static void publish_sizes(struct conn *c)
{
    struct client *client = &c->client;
    size_t query = request_memory(&c->parser), reply = reply_memory(&client->reply);

    atomic_store_explicit(&client->query_bytes, request_pending(&c->parser), memory_order_relaxed);
    atomic_store_explicit(&client->query_free, request_space(&c->parser), memory_order_relaxed);
    atomic_store_explicit(&client->reply_bytes, client->reply.len, memory_order_relaxed);
    atomic_store_explicit(&client->memory, sizeof(*c) + query + reply + queued_bytes(c),
                          memory_order_relaxed);
    if (query + reply > 0) {
        want_tick(c);
    }
}

// The end of each turn: sends, and decides what the connection waits for.
void conn_settle_now(struct conn *c, bool more)
{
    struct reply *reply = &c->client.reply;

    send_some(c);
    if (reply->len > 0 || c->over_soft_ms != 0) {
        check_soft_limit(c);
        check_hard_limit(c);
    }
    if (reply->failed || c->state == CONN_BROKEN) {
        conn_close(c);
        return;
    }
    if (c->state == CONN_FINISHING && reply->len == 0) {
        linger(c);
        return;
    }
    publish_sizes(c);
    if (more && !c->again) {
        conn_thread_again(c->thread, c);
    }
    if (c->waiting) {
        exec_sent(&c->client, reply->len);
    }
    want_events(c, wanted_events(c));
}

// ---- reading ----------------------------------------------------------------------------------

static void count_in(struct conn *c, size_t nbytes)
{
    uint64_t before = atomic_load_explicit(&c->client.net_in, memory_order_relaxed);

    atomic_store_explicit(&c->client.net_in, before + nbytes, memory_order_relaxed);
    tally_add(&c->thread->engine->stats.net_in, (int64_t)nbytes);
    c->active_ms = now_ms(c);
}

static bool query_over_limit(const struct conn *c)
{
    int64_t limit =
        atomic_load_explicit(&server_of(c)->config->query_buffer_limit, memory_order_relaxed);

    if (request_pending(&c->parser) + queued_bytes(c) <= (size_t)limit) {
        return false;
    }
    log_line(server_of(c)->config, LOGLEVEL_WARNING,
             "Client id=%llu addr=%s closed: what it sent exceeds client-query-buffer-limit",
             (unsigned long long)c->client.id, c->client.addr);
    return true;
}

// Reads once into the parser's buffer. True: there is something new to run.
static bool read_some(struct conn *c)
{
    char *space;
    size_t nbytes;
    ssize_t n;

    if (request_reserve(&c->parser, READ_BYTES, &space, &nbytes) != REQUEST_READY) {
        c->state = CONN_BROKEN;
        return false;
    }
    n = read(c->client.fd, space, nbytes);
    if (n < 0) {
        if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
            c->state = CONN_BROKEN;
        }
        return false;
    }
    if (n == 0) {
        c->state = CONN_DRAINING;
        return true;
    }
    request_commit(&c->parser, (size_t)n);
    count_in(c, (size_t)n);
    if (query_over_limit(c)) {
        c->state = CONN_BROKEN;
        return false;
    }
    return true;
}

// While lingering: throws away what the peer still sends, until its end.
static void discard_input(struct conn *c)
{
    char waste[READ_BYTES];

    for (int i = 0; i < DISCARD_READS; i++) {
        ssize_t n = read(c->client.fd, waste, sizeof(waste));

        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) {
            return;
        }
        if (n <= 0) {
            conn_close(c);
            return;
        }
    }
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct conn *c = poll->data;
    bool more = false;

    if (status < 0) {
        conn_close(c);
        return;
    }
    if (c->state == CONN_LINGERING) {
        discard_input(c);
        return;
    }
    if (events & UV_WRITABLE) {
        c->blocked = false;
    }
    if (events & UV_DISCONNECT && c->waiting && !conn_peer_stays(c)) {
        conn_close(c);
        return;
    }
    // With requests left from the last turn nothing is read before they have run.
    if (events & UV_READABLE && c->state == CONN_OPEN && !c->again && !c->waiting && read_some(c)) {
        more = run(c);
    }
    // Sent when all ready connections have been served, not one by one: a peer that is woken for
    // each reply takes the processor from this thread each time.
    if (!c->unsent) {
        conn_thread_unsent(c->thread, c);
    }
    c->more = more;
}

void conn_settle(struct conn *c)
{
    // An order from another thread may have settled it meanwhile, and got as far as lingering.
    if (c->state != CONN_LINGERING) {
        conn_settle_now(c, c->more);
    }
}

void conn_continue(struct conn *c)
{
    bool more = may_run(c) && run(c);

    conn_settle_now(c, more);
}

// ---- opening and closing ----------------------------------------------------------------------

static void request_kill(struct client *client)
{
    struct conn *c = (struct conn *)client;

    // Relaxed: the signal's lock orders it. The thread is there as long as the client is attached.
    atomic_store_explicit(&c->kill_wanted, true, memory_order_relaxed);
    conn_thread_signal(c->thread, SIGNAL_KILL);
}

static void resume(struct client *client)
{
    struct conn *c = (struct conn *)client;

    conn_thread_resume(c->thread, c);
}

static bool move(struct client *client)
{
    struct conn *c = (struct conn *)client;

    return workers_submit(&server_of(c)->workers, c);
}

static const struct client_ops conn_ops = {.kill = request_kill, .resume = resume, .move = move};

static void on_closed(uv_handle_t *handle)
{
    struct conn *c = handle->data;

    mem_free(c);
}

struct conn *conn_open(struct conn_thread *thread, int fd)
{
    struct server *server = thread->server;
    struct conn *c = mem_zalloc(sizeof(*c));
    char addr[64], laddr[64];

    if (!c) {
        return NULL;
    }
    if (uv_poll_init(&thread->loop, &c->poll, fd) != 0) {
        mem_free(c);
        return NULL;
    }
    c->poll.data = c;
    c->thread = thread;
    c->active_ms = now_ms(c);
    request_init(&c->parser);
    sockets_tune(fd, atomic_load_explicit(&server->config->tcp_keepalive_s, memory_order_relaxed));
    sockets_name(fd, true, addr, sizeof(addr));
    sockets_name(fd, false, laddr, sizeof(laddr));
    if (!client_attach(&c->client, thread->engine, &conn_ops, addr, laddr, fd)) {
        uv_close((uv_handle_t *)&c->poll, on_closed);
        return NULL;
    }
    c->client.waits_in_place = thread->single;
    c->events = UV_READABLE;
    uv_poll_start(&c->poll, UV_READABLE, on_poll);
    log_line(server->config, LOGLEVEL_VERBOSE, "Accepted %s", addr);
    return c;
}

static void release(struct conn *c)
{
    uv_close((uv_handle_t *)&c->poll, on_closed);
    close(c->client.fd);
    client_detach(&c->client);
    request_free(&c->parser);
    conn_thread_closed(c->thread, c);
}

void conn_close(struct conn *c)
{
    if (c->state == CONN_CLOSED) {
        return;
    }
    c->state = CONN_CLOSED;
    conn_thread_forget(c->thread, c);
    if (c->waiting && !exec_cancel(&c->client)) {
        // The peer learns it now; conn_resume() does the rest.
        uv_poll_stop(&c->poll);
        shutdown(c->client.fd, SHUT_RDWR);
        return;
    }
    conn_end(c);
}

void conn_end(struct conn *c)
{
    c->waiting = false;
    // What is still on the thread's list is released when it is looked at.
    if (!atomic_load_explicit(&c->resumed, memory_order_relaxed)) {
        release(c);
    }
}

void conn_check_kill(struct conn *c)
{
    if (atomic_load_explicit(&c->kill_wanted, memory_order_relaxed)) {
        conn_close(c);
    }
}

void conn_stop(struct conn *c)
{
    if (c->state == CONN_LINGERING || c->state == CONN_CLOSED) {
        return;
    }
    if (c->waiting) {
        c->stop_after = true;
        return;
    }
    // What has arrived and was not read yet counts as received too, as far as one read goes.
    if (c->state == CONN_OPEN) {
        if (!c->again && c->next_request == c->nrequests) {
            read_some(c);
        }
        if (c->state == CONN_OPEN) {
            c->state = CONN_DRAINING;
        }
    }
    if (!c->again) {
        conn_continue(c);
    }
}

void conn_tick(struct conn *c)
{
    int64_t timeout_s =
        atomic_load_explicit(&server_of(c)->config->timeout_s, memory_order_relaxed);
    uint64_t idle_ms = now_ms(c) - c->active_ms;

    if (c->state == CONN_LINGERING) {
        if (idle_ms >= LINGER_MS) {
            conn_close(c);
        } else {
            want_tick(c);
        }
        return;
    }
    if (c->state == CONN_CLOSED) {
        return;
    }
    if (timeout_s > 0 && !c->waiting && idle_ms > (uint64_t)timeout_s * 1000) {
        log_line(server_of(c)->config, LOGLEVEL_VERBOSE, "Closing idle client id=%llu addr=%s",
                 (unsigned long long)c->client.id, c->client.addr);
        conn_close(c);
        return;
    }
    if (idle_ms >= IDLE_TRIM_MS && !c->again && !c->waiting) {
        request_trim(&c->parser);
        reply_trim(&c->client.reply);
    }
    conn_settle_now(c, false);
}
