// SPDX-License-Identifier: MIT
//
// A connection whose command waits: see conn.h, invariant 5. For conn.c and conn_wait.c only.
#pragma once

#include <stdbool.h>

struct conn;

// The request that was just begun waits.
void conn_wait_begins(struct conn *);
// The peer of a waiting connection has closed it, in one direction at least: false when there is
// nobody left to answer, and the connection is to be closed.
bool conn_peer_stays(struct conn *);

// Of conn.c: looks at what the last command replied, and whether it ends the connection.
void conn_check_reply(struct conn *);
// Of conn.c: sends, and decides what the connection waits for; `more`: requests are left to be run.
void conn_settle_now(struct conn *, bool more);
// Of conn.c: a closed connection's command has let go of it.
void conn_end(struct conn *);
