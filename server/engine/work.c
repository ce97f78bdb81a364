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
    return 1 + work_of_bytes(view.len);
}

uint64_t work_args(struct cmd_ctx *c)
{
    size_t nbytes = 0;

    for (int i = 1; i < c->argc; i++)
        nbytes += c->argv[i].len;
    return (uint64_t)c->argc + work_of_bytes(nbytes);
}

uint64_t work_copy_on_write(struct cmd_ctx *c)
{
    return work_first_key(c) + work_args(c);
}

uint64_t work_exclusive(struct cmd_ctx *c)
{
    (void)c;
    return UINT64_MAX;
}

uint64_t work_of_bytes(size_t nbytes)
{
    return nbytes / BYTES_PER_UNIT;
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
