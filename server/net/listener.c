// SPDX-License-Identifier: MIT
#include "server/net/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/net/log.h"
#include "server/net/server.h"

enum {
    ACCEPTS_PER_TURN = 64, // then signals and the cron get their turn
    PAUSE_MS = 100,
    COMPLAIN_MS = 1000,
};

static const char refusal[] = "-ERR max number of clients reached\r\n";

static int open_spare(void)
{
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void on_readable(uv_poll_t *poll, int status, int events);

static void poll_all(struct listener *l)
{
    for (int i = 0; i < l->sockets.n; i++) {
        uv_poll_start(&l->poll[i], UV_READABLE, on_readable);
    }
}

static void on_pause_over(uv_timer_t *timer)
{
    poll_all(timer->data);
}

static void complain(struct listener *l, int error)
{
    uint64_t now = uv_now(&l->server->loop);

    if (l->complained_ms == 0 || now - l->complained_ms >= COMPLAIN_MS) {
        log_line(l->server->config, LOGLEVEL_WARNING, "Accepting a connection failed: %s",
                 strerror(error));
        l->complained_ms = now;
    }
}

// Out of descriptors: refuses one connection by means of the spare one. The answer is 0, or why
// not: EAGAIN when there was none after all (accept4 looks for a descriptor first).
static int shed(struct listener *l, int listening_fd)
{
    int fd, error;

    if (l->spare_fd < 0) {
        l->spare_fd = open_spare();
        return l->spare_fd >= 0 ? 0 : EMFILE;
    }
    close(l->spare_fd);
    fd = accept4(listening_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    error = fd < 0 ? errno : 0;
    if (fd >= 0) {
        sockets_refuse(fd, refusal);
        server_count_refused(l->server);
    }
    l->spare_fd = open_spare();
    return error;
}

static void pause_accepting(struct listener *l)
{
    for (int i = 0; i < l->sockets.n; i++) {
        uv_poll_stop(&l->poll[i]);
    }
    uv_timer_start(&l->pause, on_pause_over, PAUSE_MS, 0);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct listener *l = poll->data;
    int listening_fd = l->sockets.fd[poll - l->poll];

    (void)status;
    (void)events;
    for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
        int fd = accept4(listening_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), error = errno;

        if (fd >= 0) {
            server_serve(l->server, fd);
            continue;
        }
        if (error == EMFILE || error == ENFILE) {
            int shed_error = shed(l, listening_fd);

            if (shed_error != EAGAIN) {
                complain(l, error);
            }
            error = shed_error;
        }
        if (error == EAGAIN || error == EWOULDBLOCK) {
            return;
        }
        if (error != 0 && error != EINTR && error != ECONNABORTED) {
            complain(l, error);
            pause_accepting(l);
            return;
        }
    }
}

int listener_start(struct listener *l, struct server *server, const struct listen_sockets *sockets)
{
    int rc = uv_timer_init(&server->loop, &l->pause);

    l->server = server;
    l->sockets = *sockets;
    l->pause.data = l;
    l->spare_fd = open_spare();
    for (int i = 0; rc == 0 && i < l->sockets.n; i++) {
        rc = uv_poll_init(&server->loop, &l->poll[i], l->sockets.fd[i]);
        l->poll[i].data = l;
    }
    if (rc == 0) {
        poll_all(l);
    }
    return rc;
}

void listener_stop(struct listener *l)
{
    if (l->sockets.n == 0) {
        return;
    }
    for (int i = 0; i < l->sockets.n; i++) {
        uv_close((uv_handle_t *)&l->poll[i], NULL);
    }
    uv_close((uv_handle_t *)&l->pause, NULL);
    sockets_close(&l->sockets);
    if (l->spare_fd >= 0) {
        close(l->spare_fd);
    }
}
