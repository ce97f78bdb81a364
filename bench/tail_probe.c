// SPDX-License-Identifier: MIT
#include "bench/tail.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    CONNS = 4, // of a stream, taken in turn: a server's threads all have some of them
    PERIOD_NS = 2000000,
    INPUT = 4096,
    DUES = 1 << 14, // requests of a connection that may wait for their replies
    GRACE_S = 120,  // for replies after the last request
};

const struct probe_kind probe_kinds[] = {
    [PROBE_GET] = {"GET", "GET key:%u", '$'},
    [PROBE_SET] = {"SET", "SET key:%u 0123456789abcdef", '+'},
    [PROBE_SCARD] = {"SCARD", "SCARD set:1", ':'},
    [PROBE_SISMEMBER] = {"SISMEMBER", "SISMEMBER set:1 member:%u", ':'},
    [PROBE_HGET] = {"HGET", "HGET hash:1 field:%u", '$'},
    [PROBE_HLEN] = {"HLEN", "HLEN hash:1", ':'},
    [PROBE_ECHO] = {"(echo)", ":1", ':'},
};

struct probe_conn {
    int fd;
    uint32_t sent, answered; // requests; dues[i % DUES] is when request i was due
    uint64_t dues[DUES];
    size_t input_length;
    char input[INPUT];
};

struct stream {
    enum probe kind;
    uint32_t elements; // numbers below FIRST_NUMBER + this are asked for
    uint64_t due_ns;   // of the next request
    uint32_t turn;
    struct probe_conn conns[CONNS];
    double *waits_ms;
    size_t waits, waits_size;
};

struct probe_run {
    pthread_t thread;
    atomic_bool stop;
    uint64_t random;
    struct stream streams[STREAMS];
};

// ---- the echo thread -------------------------------------------------------------------------

static int echo_port;

// Sends back what comes, like a server that does nothing else.
static void *echo_main(void *listener)
{
    struct pollfd fds[1 + CONNS] = {{.fd = *(int *)listener, .events = POLLIN}};
    nfds_t n = 1;
    char packet[INPUT];
    free(listener);
    for (;;) {
        if (poll(fds, n, -1) < 0)
            continue;
        for (nfds_t i = n - 1; i > 0; i--) {
            ssize_t got = fds[i].revents == 0 ? -1 : recv(fds[i].fd, packet, sizeof(packet), 0);
            if (got > 0) {
                conn_send(fds[i].fd, packet, (size_t)got);
            } else if (got == 0) {
                close(fds[i].fd);
                fds[i] = fds[--n];
            }
        }
        if (fds[0].revents != 0 && n <= CONNS)
            fds[n++] = (struct pollfd){.fd = accept(fds[0].fd, NULL, NULL), .events = POLLIN};
    }
    return NULL;
}

void probe_prepare(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int *listener = malloc(sizeof(*listener));
    pthread_t thread;
    if (listener == NULL || (*listener = socket(AF_INET, SOCK_STREAM, 0)) < 0 ||
        bind(*listener, (struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(*listener, CONNS) != 0 ||
        getsockname(*listener, (struct sockaddr *)&address, &size) != 0 ||
        pthread_create(&thread, NULL, echo_main, listener) != 0)
        fail("the echo thread: %s", strerror(errno));
    pthread_detach(thread);
    echo_port = ntohs(address.sin_port);
}

// ---- sending and receiving -------------------------------------------------------------------

static uint32_t random_below(struct probe_run *run, uint32_t n)
{
    run->random ^= run->random << 13;
    run->random ^= run->random >> 7;
    run->random ^= run->random << 17;
    return (uint32_t)(run->random >> 32) % n;
}

static void send_one(struct probe_run *run, struct stream *stream)
{
    struct probe_conn *conn = &stream->conns[stream->turn++ % CONNS];
    char words[WORDS_MAX], request[REQUEST_MAX];
    size_t n;
    if (stream->kind == PROBE_ECHO) {
        n = (size_t)sprintf(request, "%s\r\n", probe_kinds[stream->kind].format);
    } else {
        snprintf(words, sizeof(words), probe_kinds[stream->kind].format,
                 FIRST_NUMBER + random_below(run, stream->elements));
        n = request_write(request, words);
    }
    if (conn->sent - conn->answered == DUES)
        fail("%u requests without a reply", (unsigned)DUES);
    conn->dues[conn->sent++ % DUES] = stream->due_ns;
    stream->due_ns += PERIOD_NS;
    conn_send(conn->fd, request, n);
}

// The length of the first reply, a line or a bulk string; 0: it has not all come.
static size_t reply_length(const char *bytes, size_t n)
{
    const char *newline = memchr(bytes, '\n', n);
    if (newline == NULL)
        return 0;
    size_t length = (size_t)(newline - bytes) + 1;
    if (bytes[0] == '$' && bytes[1] != '-')
        length += strtoul(bytes + 1, NULL, 10) + 2;
    return length <= n ? length : 0;
}

static void add_wait(struct stream *stream, double ms)
{
    if (stream->waits == stream->waits_size) {
        stream->waits_size = stream->waits_size * 2 + 4096;
        stream->waits_ms = realloc(stream->waits_ms, stream->waits_size * sizeof(double));
        if (stream->waits_ms == NULL)
            fail("out of memory");
    }
    stream->waits_ms[stream->waits++] = ms;
}

static void receive_some(struct stream *stream, struct probe_conn *conn)
{
    ssize_t got = recv(conn->fd, conn->input + conn->input_length, INPUT - conn->input_length, 0);
    uint64_t now = now_ns();
    if (got <= 0)
        fail("a probe got no reply: %s", got == 0 ? "connection closed" : strerror(errno));
    conn->input_length += (size_t)got;
    size_t at = 0, n;
    while ((n = reply_length(conn->input + at, conn->input_length - at)) > 0) {
        const char *reply = conn->input + at;
        if (reply[0] != probe_kinds[stream->kind].reply || reply[1] == '-')
            fail("%s answered: %.*s", probe_kinds[stream->kind].name, (int)n - 2, reply);
        add_wait(stream, (double)(now - conn->dues[conn->answered++ % DUES]) * 1e-6);
        at += n;
    }
    memmove(conn->input, conn->input + at, conn->input_length - at);
    conn->input_length -= at;
}

// ---- the thread ------------------------------------------------------------------------------

// Sends what is due. Returns when the next request will be.
static uint64_t send_due(struct probe_run *run)
{
    uint64_t next = UINT64_MAX;
    for (struct stream *s = run->streams; s < run->streams + STREAMS; s++) {
        while (s->due_ns <= now_ns())
            send_one(run, s);
        next = s->due_ns < next ? s->due_ns : next;
    }
    return next;
}

static void receive_until(struct probe_run *run, uint64_t until_ns)
{
    struct pollfd fds[STREAMS * CONNS];
    for (int i = 0; i < STREAMS * CONNS; i++)
        fds[i] =
            (struct pollfd){.fd = run->streams[i / CONNS].conns[i % CONNS].fd, .events = POLLIN};
    uint64_t now = now_ns(), left = until_ns > now ? until_ns - now : 0;
    struct timespec timeout = {.tv_sec = (time_t)(left / 1000000000),
                               .tv_nsec = (long)(left % 1000000000)};
    if (ppoll(fds, STREAMS * CONNS, &timeout, NULL) <= 0)
        return;
    for (int i = 0; i < STREAMS * CONNS; i++)
        if (fds[i].revents != 0)
            receive_some(&run->streams[i / CONNS], &run->streams[i / CONNS].conns[i % CONNS]);
}

static bool all_answered(const struct probe_run *run)
{
    for (int i = 0; i < STREAMS * CONNS; i++) {
        const struct probe_conn *conn = &run->streams[i / CONNS].conns[i % CONNS];
        if (conn->sent != conn->answered)
            return false;
    }
    return true;
}

static void *probe_main(void *arg)
{
    struct probe_run *run = arg;
    prctl(PR_SET_TIMERSLACK, 1UL); // else each request would be 50 us late
    for (int s = 0; s < STREAMS; s++)
        run->streams[s].due_ns = now_ns() + (uint64_t)s * PERIOD_NS / STREAMS;
    while (!atomic_load_explicit(&run->stop, memory_order_relaxed))
        receive_until(run, send_due(run));
    uint64_t limit = now_ns() + GRACE_S * 1000000000ULL;
    while (!all_answered(run)) {
        receive_until(run, limit);
        if (now_ns() > limit)
            fail("a probe got no reply in %d s", GRACE_S);
    }
    return NULL;
}

// ---- runs ------------------------------------------------------------------------------------

static uint32_t elements_of(const struct row *row, enum probe kind)
{
    if (kind == PROBE_GET || kind == PROBE_SET)
        return row->db == 0 ? scaled(1000000) : PROBED_KEYS;
    return scaled(500000);
}

struct probe_run *probe_start(const struct row *row, const struct server *server)
{
    struct probe_run *run = calloc(1, sizeof(*run));
    if (run == NULL)
        fail("out of memory");
    run->random = 88172645463325252ULL;
    for (int s = 0; s < STREAMS; s++) {
        struct stream *stream = &run->streams[s];
        stream->kind = s == ECHO_STREAM ? PROBE_ECHO : row->probes[s];
        stream->elements = elements_of(row, stream->kind);
        for (int i = 0; i < CONNS; i++)
            stream->conns[i].fd =
                s == ECHO_STREAM ? conn_open(echo_port, 0) : conn_open(server->port, row->db);
    }
    if (pthread_create(&run->thread, NULL, probe_main, run) != 0)
        fail("no more threads");
    return run;
}

static int compare_waits(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static struct tail tail_of(const struct stream *stream)
{
    size_t n = stream->waits;
    double *waits = stream->waits_ms;
    if (n == 0)
        return (struct tail){0};
    qsort(waits, n, sizeof(*waits), compare_waits);
    return (struct tail){waits[n / 2], waits[n * 99 / 100], waits[n * 999 / 1000], waits[n - 1]};
}

void probe_stop(struct probe_run *run, struct tail tails[STREAMS])
{
    atomic_store_explicit(&run->stop, true, memory_order_relaxed);
    pthread_join(run->thread, NULL);
    for (int s = 0; s < STREAMS; s++) {
        tails[s] = tail_of(&run->streams[s]);
        free(run->streams[s].waits_ms);
        for (int i = 0; i < CONNS; i++)
            close(run->streams[s].conns[i].fd);
    }
    free(run);
}
