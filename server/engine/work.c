// SPDX-License-Identifier: MIT
#include "server/engine/work.h"

#include "datatypes/str.h"
#include "server/engine/cmd.h"

enum { BYTES_PER_UNIT = 512 }; // of a string that is copied

uint64_t work_of_value(struct value v)
{
    struct str_view view;

    if (!value_is_string(v))
        return value_is_none(v) ? 1 : value_weight(v);
    str_view(v, &view);
    return 1 + view.len / BYTES_PER_UNIT;
}

uint64_t work_args(struct cmd_ctx *c)
{
    return (uint64_t)c->argc;
}

uint64_t work_first_key(struct cmd_ctx *c)
{
    return c->nkeys > 0 ? work_of_value(key_peek(c, 0)) : 1;
}

uint64_t work_all_keys(struct cmd_ctx *c)
{
    uint64_t sum = 0;

    for (int i = 0; i < c->nkeys; i++)
        sum += work_of_value(key_peek(c, i));
    return sum;
}
