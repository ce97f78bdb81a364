// SPDX-License-Identifier: MIT
#include "server/engine/work.h"

#include "datatypes/hash.h"
#include "datatypes/list.h"
#include "datatypes/set.h"
#include "datatypes/str.h"
#include "datatypes/zset.h"
#include "server/engine/cmd.h"

enum { BYTES_PER_UNIT = 512 }; // of a string that is copied

// As much as counts: a terabyte is long whatever the threshold, and a million keys of it, times
// what some commands do to each byte, still fit the sum.
static const size_t MOST_BYTES = (size_t)1 << 40;

static size_t bytes_most(const struct cmd_ctx *c, struct value v, size_t n)
{
    switch (value_type(v)) {
    case TYPE_STRING:
        return str_len(v);
    case TYPE_SET:
        return set_bytes_most(v, n);
    case TYPE_HASH:
        return hash_bytes_most(v, n);
    case TYPE_ZSET:
        return zset_bytes_most(v, n);
    case TYPE_LIST:
        return keys_locked(c) ? list_range_bytes(v, 0, list_count(v)) : 0;
    case TYPE_NONE:
        break;
    }
    return 0;
}

size_t work_bytes_most(const struct cmd_ctx *c, struct value v, size_t n)
{
    size_t nbytes = bytes_most(c, v, n);
    return nbytes < MOST_BYTES ? nbytes : MOST_BYTES;
}

uint64_t work_of_elements(const struct cmd_ctx *c, struct value v, uint64_t n)
{
    size_t count = value_is_none(v) ? 0 : value_weight(v);
    size_t some = n < count ? (size_t)n : count;

    return some + work_of_bytes(work_bytes_most(c, v, some));
}

uint64_t work_of_draws(const struct cmd_ctx *c, struct value v, uint64_t n)
{
    size_t count = value_is_none(v) ? 0 : value_weight(v), nbytes;

    if (count == 0)
        return 1;
    if (__builtin_mul_overflow(work_bytes_most(c, v, count) / count, n, &nbytes))
        return UINT64_MAX;
    return n > UINT64_MAX / 2 ? n : n + work_of_bytes(nbytes);
}

uint64_t work_of_value(const struct cmd_ctx *c, struct value v)
{
    return value_is_none(v) ? 1 : work_of_elements(c, v, UINT64_MAX);
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
    return c->nkeys > 0 ? work_of_value(c, key_peek(c, 0)) : 1;
}

uint64_t work_all_keys(struct cmd_ctx *c)
{
    uint64_t sum = 0;

    for (int i = 0; i < c->nkeys; i++)
        sum += work_of_value(c, key_peek(c, i));
    return sum;
}
