// SPDX-License-Identifier: MIT
//
// Sockets and file descriptors, without an event loop.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LISTEN_MAX = 16 };

// The listening sockets of the addresses in `bind`.
struct listen_sockets {
    int fd[LISTEN_MAX];
    int n;
    int port; // the one chosen, when 0 was asked for
};

// Listens on each of the addresses (separated by blanks; `*` and `::*` mean any, a leading `-` that
// the address may be missing on this machine). False: `error` is one sentence, nothing stays open.
bool sockets_listen(struct listen_sockets *, const char *bind, int port, int backlog, char *error,
                    size_t nerror);
void sockets_close(struct listen_sockets *);

// "127.0.0.1:50312", "[::1]:50312", of the peer or of this side; "?:0" when it is gone.
void sockets_name(int fd, bool peer, char *out, size_t nout);
// Whether the peer is on this machine.
bool sockets_peer_is_local(int fd);
// What an accepted connection gets: no delay, and keepalive after that many seconds (0: none).
void sockets_tune(int fd, int64_t keepalive_s);
// Sends a reply to a connection that is not to be served, and closes it.
void sockets_refuse(int fd, const char *reply);

// Raises the limit on open files so that `clients` connections of `files_each` descriptors can be
// served beside the server's own; returns how many can.
int64_t sockets_admit(int64_t clients, int files_each);
