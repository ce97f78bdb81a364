// SPDX-License-Identifier: MIT
//
// Accepting connections on the main loop. When descriptors run out, a spare one is given up to
// accept and refuse a connection, so that the loop never spins on one that it cannot take.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "server/net/sockets.h"

struct server;

struct listener {
    struct server *server;
    struct listen_sockets sockets;
    uv_poll_t poll[LISTEN_MAX];
    uv_timer_t pause; // until accepting is tried again
    int spare_fd;
    uint64_t complained_ms; // loop time of the last warning
};

// Starts accepting on the server's loop; takes the sockets over. A negative libuv error otherwise.
int listener_start(struct listener *, struct server *, const struct listen_sockets *);
// Stops accepting, closes the sockets and the handles. Idempotent.
void listener_stop(struct listener *);
