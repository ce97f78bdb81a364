// SPDX-License-Identifier: MIT
#include "server/engine/set_reply.h"

#include "server/engine/cmd.h"

void set_reply_member(const struct set_member *m, void *reply)
{
    reply_bulk(reply, m->data, m->len);
}

void set_reply_members(struct cmd_ctx *c, struct value set)
{
    struct set_iter it;

    set_iter_init(&it, set);
    while (set_iter_next(&it) && cmd_step(c, 1))
        cmd_reply_bulk(c, it.member.data, it.member.len);
}

void set_reply_whole(struct cmd_ctx *c, struct value set)
{
    reply_set(c->reply, value_is_none(set) ? 0 : set_count(set));
    if (!value_is_none(set))
        set_reply_members(c, set);
}
