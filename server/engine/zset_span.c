// SPDX-License-Identifier: MIT
#include "server/engine/zset_span.h"

#include "server/engine/cmd.h"

enum { REMOVE_SLICE = 256 }; // members removed between two steps

void zset_reply_header(struct reply *reply, size_t n, bool scores)
{
    reply_array(reply, scores && reply->protocol < 3 ? 2 * n : n);
}

void zset_reply_member(struct cmd_ctx *c, const struct zset_member *m, bool scores)
{
    if (scores && c->reply->protocol >= 3)
        reply_array(c->reply, 2);
    cmd_reply_bulk(c, m->data, m->len);
    if (scores)
        reply_double(c->reply, m->score);
}

bool zset_reply_span(struct cmd_ctx *c, struct value zset, struct zset_span span, bool down,
                     bool scores)
{
    struct zset_iter it;

    if (span.n == 0)
        return true;
    zset_iter_init(&it, zset, down ? span.first + span.n - 1 : span.first, down);
    for (; span.n > 0 && zset_iter_next(&it); span.n--) {
        zset_reply_member(c, &it.member, scores);
        if (!cmd_step(c, 1))
            return false;
    }
    return true;
}

enum status zset_remove_span(struct cmd_ctx *c, int i, struct value zset, struct zset_span span)
{
    if (span.n == 0)
        return STATUS_OK;
    if (span.n == zset_count(zset)) {
        key_delete(c, i);
        return STATUS_OK;
    }
    key_mutable(c, i);
    if (zset_is_compact(zset))
        return zset_remove_range(c->types, zset, span.first, span.n);
    while (span.n > 0) {
        size_t n = span.n < REMOVE_SLICE ? span.n : REMOVE_SLICE;
        enum status status = zset_remove_range(c->types, zset, span.first, n);
        if (status != STATUS_OK) // never: removing from an index needs no memory
            return status;
        span.n -= n;
        cmd_step(c, 4 * n);
    }
    return STATUS_OK;
}
