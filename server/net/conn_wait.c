// SPDX-License-Identifier: MIT
#include "server/net/conn_wait.h"

#include <poll.h>

#include "server/engine/exec.h"
#include "server/net/conn.h"
#include "server/net/conn_thread.h"

// A peer that sends its requests and at once closes its sending side wants to read the replies
// (`printf ... | nc -N`). One that does so later has given up, as a client does whose time is over.
enum { HALF_CLOSE_MS = 50 };

void conn_wait_begins(struct conn *c)
{
    c->waiting = true;
    c->half_closed = false;
    c->waiting_ms = uv_now(&c->thread->loop);
}

bool conn_peer_stays(struct conn *c)
{
    struct pollfd fd = {.fd = c->client.fd};

    // Hung up: closed in both directions, or reset. What polls for POLLRDHUP does not say which.
    if (poll(&fd, 1, 0) > 0 && fd.revents & (POLLHUP | POLLERR)) {
        return false;
    }
    uv_update_time(&c->thread->loop);
    if (uv_now(&c->thread->loop) - c->waiting_ms > HALF_CLOSE_MS &&
        exec_waits_to_read(&c->client)) {
        return false;
    }
    c->half_closed = true; // and is not polled for again
    return true;
}

void conn_resume(struct conn *c)
{
    struct thread *engine = c->thread->engine;
    enum exec_result result;

    if (!c->waiting) {
        if (c->state == CONN_CLOSED) {
            conn_end(c);
        }
        return;
    }
    exec_begin(engine);
    result = exec_resume(&c->client);
    exec_end(engine);
    if (c->state == CONN_CLOSED) {
        if (result == EXEC_DONE) {
            conn_end(c);
        }
        return;
    }
    if (result == EXEC_WAITS) {
        conn_settle_now(c, false); // it may have replied a piece
        return;
    }
    c->waiting = false;
    conn_check_reply(c);
    if (c->stop_after) {
        c->stop_after = false;
        conn_stop(c);
    } else {
        conn_continue(c);
    }
}
