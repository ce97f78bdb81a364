// SPDX-License-Identifier: MIT
#include "server/engine/set_reply.h"

void set_reply_member(const struct set_member *m, void *reply)
{
    reply_bulk(reply, m->data, m->len);
}

void set_reply_members(struct reply *reply, struct value set)
{
    struct set_iter it;

    set_iter_init(&it, set);
    while (set_iter_next(&it))
        set_reply_member(&it.member, reply);
}

void set_reply_whole(struct reply *reply, struct value set)
{
    reply_set(reply, value_is_none(set) ? 0 : set_count(set));
    if (!value_is_none(set))
        set_reply_members(reply, set);
}
