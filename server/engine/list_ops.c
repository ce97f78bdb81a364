// SPDX-License-Identifier: MIT
#include "server/engine/list_ops.h"

#include "server/engine/cmd.h"
#include "server/engine/work.h"

enum {
    DROP_SLICE = 4096,     // elements that are dropped between two calls of cmd_step()
    DROPPED_PER_UNIT = 64, // elements dropped in a unit of work: whole blocks go at once
    UNITS_PER_BLOCK = 2,   // to go to a block, or to free it
    LINKS_PER_UNIT = 16,   // blocks passed on the way to an element
    FAR = 16384, // blocks; an element behind more is not worth looking for only to estimate
};

bool list_ops_side(const struct cmd_ctx *c, int arg, enum chunk_side *side)
{
    *side = cmd_arg_is(c, arg, "left") ? CHUNK_FRONT : CHUNK_BACK;
    return *side == CHUNK_FRONT || cmd_arg_is(c, arg, "right");
}

static enum status push_all(struct cmd_ctx *c, struct value list, enum chunk_side side,
                            const struct bytes *elements, int n)
{
    for (int i = 0; i < n; i++) {
        enum status status = list_push(c->types, list, side, elements[i].data, elements[i].len);
        if (status != STATUS_OK) {
            list_drop(c->types, list, side, (size_t)i);
            return status;
        }
        (void)cmd_step(c, 1); // all or none: never half of them
    }
    return STATUS_OK;
}

// A private list of the elements.
static enum status list_of(struct cmd_ctx *c, enum chunk_side side, const struct bytes *elements,
                           int n, struct value *out)
{
    size_t nbytes = 0;

    for (int i = 0; n > 1 && i < n; i++)
        nbytes += list_element_size(elements[i].data, elements[i].len);
    enum status status = list_new(c->types, nbytes, side, out);
    if (status != STATUS_OK)
        return status;
    status = push_all(c, *out, side, elements, n);
    if (status != STATUS_OK)
        list_free(*out);
    return status;
}

enum status list_ops_push(struct cmd_ctx *c, int i, struct value list, enum chunk_side side,
                          const struct bytes *elements, int n)
{
    if (!value_is_none(list))
        return push_all(c, key_mutable(c, i), side, elements, n);
    enum status status = list_of(c, side, elements, n, &list);
    if (status == STATUS_OK)
        key_set(c, i, list);
    return status;
}

bool list_ops_reply(struct cmd_ctx *c, struct value list, size_t index, size_t n, bool backwards)
{
    struct list_iter it;

    list_iter_init(&it, list, index, backwards);
    for (; n > 0 && list_iter_next(&it); n--) {
        cmd_reply_bulk(c, it.element.data, it.element.len);
        if (!cmd_step(c, 1))
            return false;
    }
    return true;
}

void list_ops_drop(struct cmd_ctx *c, int i, struct value list, enum chunk_side side, size_t n)
{
    if (n == 0)
        return;
    if (n == list_count(list)) {
        key_delete(c, i);
        return;
    }
    list = key_mutable(c, i);
    while (n > 0) {
        size_t slice = n < DROP_SLICE ? n : DROP_SLICE;
        list_drop(c->types, list, side, slice);
        n -= slice;
        (void)cmd_step(c, slice / DROPPED_PER_UNIT); // the drop is finished once begun
    }
}

uint64_t list_ops_range_work(struct cmd_ctx *c, struct value list, size_t index, size_t n)
{
    if (n == 0 || !keys_locked(c))
        return 1 + n;
    size_t distance = list_distance(list, index);
    uint64_t work = 1 + n + distance / LINKS_PER_UNIT;
    return distance > FAR ? work : work + work_of_bytes(list_range_bytes(list, index, n));
}

uint64_t list_ops_drop_work(struct cmd_ctx *c, struct value list, size_t n)
{
    uint64_t work = 1 + n / DROPPED_PER_UNIT;

    if (n > 0 && keys_locked(c))
        work += UNITS_PER_BLOCK * list_blocks(list) * n / list_count(list);
    return work;
}

uint64_t list_ops_search_work(struct cmd_ctx *c)
{
    struct value list = key_peek(c, 0);

    if (value_type(list) != TYPE_LIST)
        return 1;
    uint64_t work = 1 + list_count(list) / LIST_LOOKS_PER_UNIT;
    return keys_locked(c) ? work + UNITS_PER_BLOCK * list_blocks(list) : work;
}

void list_ops_pop(struct cmd_ctx *c, int i, struct value list, enum chunk_side side, size_t n)
{
    size_t count = list_count(list);

    n = n < count ? n : count;
    reply_array(c->reply, n);
    if (list_ops_reply(c, list, side == CHUNK_FRONT ? 0 : count - 1, n, side == CHUNK_BACK))
        list_ops_drop(c, i, list, side, n);
}
