// SPDX-License-Identifier: MIT
//
// List commands of one key; those that take from one list and give to another, or to the client
// from the first of several, are in list_move.c.
#include "datatypes/list.h"
#include "server/engine/cmd.h"
#include "server/engine/list_ops.h"
#include "server/engine/work.h"

enum { LOOKS = 4096 }; // elements compared between two calls of cmd_step()

// ---- indices ----------------------------------------------------------------------------------

struct range {
    size_t from, n;
};

// The elements from index `start` to `stop`, both counted from the end when negative.
static struct range range_of(int64_t start, int64_t stop, size_t nelements)
{
    int64_t count = (int64_t)nelements;

    start = start < 0 ? start + count : start;
    stop = stop < 0 ? stop + count : stop;
    start = start < 0 ? 0 : start;
    stop = stop < count ? stop : count - 1;
    if (start > stop)
        return (struct range){0, 0};
    return (struct range){(size_t)start, (size_t)(stop - start + 1)};
}

// The index that stands for `n`; false when there is no such element.
static bool index_of(int64_t n, size_t count, size_t *index)
{
    struct range range = range_of(n, n, count);

    *index = range.from;
    return range.n > 0;
}

// ---- adding -----------------------------------------------------------------------------------

static void push(struct cmd_ctx *c, enum chunk_side side, bool only_existing)
{
    struct value list;

    if (!key_get_type(c, 0, TYPE_LIST, &list))
        return;
    if (only_existing && value_is_none(list)) {
        reply_int(c->reply, 0);
        return;
    }
    enum status status = list_ops_push(c, 0, list, side, c->argv + 2, c->argc - 2);
    if (status == STATUS_OK)
        reply_int(c->reply, (int64_t)list_count(key_peek(c, 0)));
    else
        cmd_reply_status(c, status);
}

/* LPUSH key element [element ...]  -> length of the list; the last one comes first */
static void cmd_lpush(struct cmd_ctx *c)
{
    push(c, CHUNK_FRONT, false);
}

/* RPUSH key element [element ...]  -> length of the list */
static void cmd_rpush(struct cmd_ctx *c)
{
    push(c, CHUNK_BACK, false);
}

/* LPUSHX key element [element ...]  -> length of the list, 0 when there is none */
static void cmd_lpushx(struct cmd_ctx *c)
{
    push(c, CHUNK_FRONT, true);
}

/* RPUSHX key element [element ...]  -> length of the list, 0 when there is none */
static void cmd_rpushx(struct cmd_ctx *c)
{
    push(c, CHUNK_BACK, true);
}

// ---- taking -----------------------------------------------------------------------------------

static void pop_one(struct cmd_ctx *c, struct value list, enum chunk_side side)
{
    struct chunk_element element;

    list_end(list, side, &element);
    cmd_reply_bulk(c, element.data, element.len);
    list_ops_drop(c, 0, list, side, 1);
}

static void pop(struct cmd_ctx *c, enum chunk_side side)
{
    bool with_count = c->argc == 3;
    struct value list;
    int64_t n = 1;

    if (c->argc > 3) {
        cmd_reply_arity(c);
        return;
    }
    if (with_count &&
        !cmd_arg_i64_range(c, 2, 0, INT64_MAX, &n, "value is out of range, must be positive"))
        return;
    if (!key_get_type(c, 0, TYPE_LIST, &list))
        return;
    if (value_is_none(list)) {
        if (with_count)
            reply_null_array(c->reply);
        else
            reply_null(c->reply);
    } else if (!with_count) {
        pop_one(c, list, side);
    } else if (n == 0) {
        reply_empty_array(c->reply);
    } else {
        list_ops_pop(c, 0, list, side, (size_t)n);
    }
}

/* LPOP key [count]  -> the first element or nil; with count an array, in the order of popping */
static void cmd_lpop(struct cmd_ctx *c)
{
    pop(c, CHUNK_FRONT);
}

/* RPOP key [count]  -> the same at the back */
static void cmd_rpop(struct cmd_ctx *c)
{
    pop(c, CHUNK_BACK);
}

static uint64_t pop_work(struct cmd_ctx *c, enum chunk_side side)
{
    struct value list = key_peek(c, 0);
    int64_t n = 1;

    if (value_type(list) != TYPE_LIST || (c->argc > 2 && !bytes_to_i64(c->argv[2], &n)) || n < 0)
        return 1;
    size_t count = list_count(list), taken = (uint64_t)n < count ? (size_t)n : count;
    return list_ops_range_work(c, list, side == CHUNK_FRONT ? 0 : count - taken, taken);
}

static uint64_t work_lpop(struct cmd_ctx *c)
{
    return pop_work(c, CHUNK_FRONT);
}

static uint64_t work_rpop(struct cmd_ctx *c)
{
    return pop_work(c, CHUNK_BACK);
}

// ---- looking ----------------------------------------------------------------------------------

/* LLEN key */
static void cmd_llen(struct cmd_ctx *c)
{
    struct value list;

    if (key_get_type(c, 0, TYPE_LIST, &list))
        reply_int(c->reply, value_is_none(list) ? 0 : (int64_t)list_count(list));
}

/* LINDEX key index  -> the element or nil */
static void cmd_lindex(struct cmd_ctx *c)
{
    struct value list;
    struct list_iter it;
    int64_t n;
    size_t index;

    if (!key_get_type(c, 0, TYPE_LIST, &list))
        return;
    if (value_is_none(list)) {
        reply_null(c->reply);
        return;
    }
    if (!cmd_arg_i64(c, 2, &n))
        return;
    if (!index_of(n, list_count(list), &index)) {
        reply_null(c->reply);
        return;
    }
    list_iter_init(&it, list, index, false);
    if (list_iter_next(&it))
        cmd_reply_bulk(c, it.element.data, it.element.len);
}

// Of going to the element that argument 2 is the index of, and replying it.
static uint64_t work_index(struct cmd_ctx *c)
{
    struct value list = key_peek(c, 0);
    int64_t n;
    size_t index;

    if (value_type(list) != TYPE_LIST || !bytes_to_i64(c->argv[2], &n) ||
        !index_of(n, list_count(list), &index))
        return 1;
    return list_ops_range_work(c, list, index, 1);
}

/* LRANGE key start stop */
static void cmd_lrange(struct cmd_ctx *c)
{
    struct value list;
    int64_t start, stop;

    if (!cmd_arg_i64(c, 2, &start) || !cmd_arg_i64(c, 3, &stop) ||
        !key_get_type(c, 0, TYPE_LIST, &list))
        return;
    if (value_is_none(list)) {
        reply_empty_array(c->reply);
        return;
    }
    struct range range = range_of(start, stop, list_count(list));
    reply_array(c->reply, range.n);
    list_ops_reply(c, list, range.from, range.n, false);
}

// The list of key 0 and the range in it that the arguments 2 and 3 name, for estimates; false:
// there is none.
static bool peek_range(struct cmd_ctx *c, struct value *list, struct range *range)
{
    int64_t start, stop;

    *list = key_peek(c, 0);
    if (value_type(*list) != TYPE_LIST || !bytes_to_i64(c->argv[2], &start) ||
        !bytes_to_i64(c->argv[3], &stop))
        return false;
    *range = range_of(start, stop, list_count(*list));
    return true;
}

static uint64_t work_lrange(struct cmd_ctx *c)
{
    struct value list;
    struct range range;

    return peek_range(c, &list, &range) ? list_ops_range_work(c, list, range.from, range.n) : 1;
}

// ---- LPOS -------------------------------------------------------------------------------------

struct lpos_args {
    int64_t rank, count, maxlen;
    bool with_count;
};

static bool parse_lpos_option(struct cmd_ctx *c, int i, struct lpos_args *args)
{
    if (cmd_arg_is(c, i, "rank") && i + 1 < c->argc) {
        if (!cmd_arg_i64(c, i + 1, &args->rank))
            return false;
        if (args->rank == INT64_MIN) {
            reply_error(c->reply, "value is out of range, value must between "
                                  "-9223372036854775807 and 9223372036854775807");
            return false;
        }
        if (args->rank == 0) {
            reply_error(c->reply, "RANK can't be zero: use 1 to start from the first match, 2 from "
                                  "the second ... or use negative to start from the end of the "
                                  "list");
            return false;
        }
        return true;
    }
    if (cmd_arg_is(c, i, "count") && i + 1 < c->argc) {
        args->with_count = true;
        return cmd_arg_i64_range(c, i + 1, 0, INT64_MAX, &args->count, "COUNT can't be negative");
    }
    if (cmd_arg_is(c, i, "maxlen") && i + 1 < c->argc)
        return cmd_arg_i64_range(c, i + 1, 0, INT64_MAX, &args->maxlen, "MAXLEN can't be negative");
    cmd_reply_syntax(c);
    return false;
}

static bool parse_lpos(struct cmd_ctx *c, struct lpos_args *args)
{
    *args = (struct lpos_args){.rank = 1, .count = 1};
    for (int i = 3; i < c->argc; i += 2) {
        if (!parse_lpos_option(c, i, args))
            return false;
    }
    return true;
}

// Finds the places of argument 2 and replies each that counts; returns how many. With COUNT 0 there
// is no limit. False: return at once.
static bool reply_places(struct cmd_ctx *c, struct value list, const struct lpos_args *args,
                         size_t *nfound)
{
    size_t count = list_count(list), left = count;
    uint64_t skip = (uint64_t)(args->rank < 0 ? -args->rank : args->rank) - 1;
    struct chunk_item item;
    struct list_iter it;

    if (args->maxlen > 0 && (uint64_t)args->maxlen < left)
        left = (size_t)args->maxlen;
    chunk_item(&item, c->argv[2].data, c->argv[2].len);
    list_iter_init(&it, list, args->rank < 0 ? count - 1 : 0, args->rank < 0);
    for (size_t looked; left > 0; left -= looked) {
        bool found = list_iter_seek(&it, &item, left < LOOKS ? left : LOOKS, &looked);
        if (!cmd_step(c, 1 + looked / LIST_LOOKS_PER_UNIT))
            return false;
        if (!found)
            continue;
        if (skip > 0) {
            skip--;
            continue;
        }
        reply_int(c->reply, (int64_t)it.index);
        if (++*nfound == (uint64_t)args->count)
            break;
    }
    return true;
}

/* LPOS key element [RANK rank] [COUNT num-matches] [MAXLEN len]  -> index or nil; with COUNT an
 * array */
static void cmd_lpos(struct cmd_ctx *c)
{
    struct lpos_args args;
    struct value list;
    size_t nfound = 0, at = 0;

    if (!parse_lpos(c, &args) || !key_get_type(c, 0, TYPE_LIST, &list))
        return;
    if (args.with_count)
        at = reply_deferred_begin(c->reply);
    if (!value_is_none(list) && c->argv[2].len <= CHUNK_ELEMENT_MAX &&
        !reply_places(c, list, &args, &nfound))
        return;
    if (args.with_count)
        reply_deferred_array(c->reply, at, nfound);
    else if (nfound == 0)
        reply_null(c->reply);
}

// ---- changing in the middle -------------------------------------------------------------------

// Goes to the next element that is `item`; false: there is none, or return at once.
static bool seek(struct cmd_ctx *c, struct list_iter *it, const struct chunk_item *item)
{
    size_t looked;
    bool found;

    do {
        found = list_iter_seek(it, item, LOOKS, &looked);
    } while (!found && looked == LOOKS && cmd_step(c, LOOKS / LIST_LOOKS_PER_UNIT));
    return found;
}

// Goes to the first element, from the front or from the back, that is argument `arg`.
static bool find(struct cmd_ctx *c, struct value list, int arg, bool backwards,
                 struct list_iter *it, struct chunk_item *item)
{
    if (value_is_none(list) || c->argv[arg].len > CHUNK_ELEMENT_MAX)
        return false;
    chunk_item(item, c->argv[arg].data, c->argv[arg].len);
    list_iter_init(it, list, backwards ? list_count(list) - 1 : 0, backwards);
    return seek(c, it, item);
}

/* LINSERT key BEFORE | AFTER pivot element  -> length of the list, -1 without pivot, 0 without
 * list */
static void cmd_linsert(struct cmd_ctx *c)
{
    bool after = cmd_arg_is(c, 2, "after");
    struct bytes element = c->argv[4];
    struct value list;
    struct list_iter it;
    struct chunk_item pivot;

    if (!after && !cmd_arg_is(c, 2, "before")) {
        cmd_reply_syntax(c);
        return;
    }
    if (!key_get_type(c, 0, TYPE_LIST, &list))
        return;
    if (!find(c, list, 3, false, &it, &pivot)) {
        reply_int(c->reply, value_is_none(list) ? 0 : -1);
        return;
    }
    list = key_mutable(c, 0);
    enum status status = list_insert(c->types, list, &it, after, element.data, element.len);
    if (status == STATUS_OK)
        reply_int(c->reply, (int64_t)list_count(list));
    else
        cmd_reply_status(c, status);
}

static uint64_t work_linsert(struct cmd_ctx *c)
{
    return list_ops_search_work(c) + work_args(c);
}

/* LSET key index element */
static void cmd_lset(struct cmd_ctx *c)
{
    struct bytes element = c->argv[3];
    struct value list;
    struct list_iter it;
    int64_t n;
    size_t index;

    if (!key_get_type(c, 0, TYPE_LIST, &list))
        return;
    if (value_is_none(list)) {
        cmd_reply_status(c, STATUS_NOT_FOUND);
        return;
    }
    if (!cmd_arg_i64(c, 2, &n))
        return;
    if (!index_of(n, list_count(list), &index)) {
        reply_error(c->reply, "index out of range");
        return;
    }
    list_iter_init(&it, list, index, false);
    list_iter_next(&it);
    cmd_reply_status(c, list_replace(c->types, key_mutable(c, 0), &it, element.data, element.len));
}

static uint64_t work_lset(struct cmd_ctx *c)
{
    return work_index(c) + work_args(c);
}

// Removes the element that the iterator came to, and those like it behind, up to `most`.
static size_t sweep(struct cmd_ctx *c, const struct list_iter *it, const struct chunk_item *item,
                    size_t most)
{
    struct list_sweep s;
    size_t looked;

    list_sweep_init(&s, c->types, it, item, most);
    while (list_sweep_step(&s, &looked))
        (void)cmd_step(c, 1 + looked / LIST_LOOKS_PER_UNIT); // what was begun is finished
    return list_sweep_end(&s);
}

/* LREM key count element  -> number removed; count < 0: from the back, 0: all */
static void cmd_lrem(struct cmd_ctx *c)
{
    struct chunk_item item;
    struct list_iter it;
    struct value list;
    size_t removed = 0;
    int64_t n;

    if (!cmd_arg_i64(c, 2, &n))
        return;
    if (!key_get_type(c, 0, TYPE_LIST, &list))
        return;
    size_t most = n < 0 ? -(size_t)n : (size_t)n;
    most = n == 0 ? SIZE_MAX : most;
    if (find(c, list, 3, n < 0, &it, &item)) {
        list = key_mutable(c, 0);
        removed = sweep(c, &it, &item, most);
        if (list_count(list) == 0)
            key_delete(c, 0);
    }
    reply_int(c->reply, (int64_t)removed);
}

/* LTRIM key start stop */
static void cmd_ltrim(struct cmd_ctx *c)
{
    struct value list;
    int64_t start, stop;

    if (!cmd_arg_i64(c, 2, &start) || !cmd_arg_i64(c, 3, &stop) ||
        !key_get_type(c, 0, TYPE_LIST, &list))
        return;
    if (!value_is_none(list)) {
        size_t count = list_count(list);
        struct range keep = range_of(start, stop, count);
        if (keep.n == 0) {
            key_delete(c, 0);
        } else if (keep.n == count) {
            key_set(c, 0, list); // as it is, but for WATCH that is a change
        } else {
            list_ops_drop(c, 0, list, CHUNK_BACK, count - keep.from - keep.n);
            list_ops_drop(c, 0, list, CHUNK_FRONT, keep.from);
        }
    }
    reply_ok(c->reply);
}

static uint64_t work_ltrim(struct cmd_ctx *c)
{
    struct value list;
    struct range keep;

    return peek_range(c, &list, &keep) ? list_ops_drop_work(c, list, list_count(list) - keep.n) : 1;
}

// clang-format off
COMMANDS(list) = {
    {"lindex", 3, KEYS(1, 1, 1), LOCK_READ, CMD_LOOK_AGAIN, cmd_lindex, "key index", "1.0.0",
     "Returns the element of a list that has an index.",
     .work = work_index},
    {"linsert", 5, KEYS(1, 1, 1), LOCK_WRITE, CMD_DENYOOM | CMD_LOOK_AGAIN, cmd_linsert,
     "key <BEFORE | AFTER> pivot element", "2.2.0",
     "Puts an element before or after another one of a list.",
     .key_use = "RW insert", .work = work_linsert},
    {"llen", 2, KEYS(1, 1, 1), LOCK_NONE, CMD_FAST, cmd_llen, "key", "1.0.0",
     "Returns the number of elements of a list.",
     .key_use = "RO"},
    {"lpop", -2, KEYS(1, 1, 1), LOCK_WRITE, CMD_FAST | CMD_LOOK_AGAIN, cmd_lpop, "key [count]", "1.0.0",
     "Takes elements from the front of a list.",
     .key_use = "RW access delete", .work = work_lpop},
    {"lpos", -3, KEYS(1, 1, 1), LOCK_READ, CMD_LOOK_AGAIN, cmd_lpos,
     "key element [RANK rank] [COUNT num-matches] [MAXLEN len]", "6.0.6",
     "Returns the indices of an element in a list.",
     .work = list_ops_search_work},
    {"lpush", -3, KEYS(1, 1, 1), LOCK_WRITE, CMD_DENYOOM | CMD_FAST, cmd_lpush,
     "key element [element ...]", "1.0.0", "Adds elements at the front of a list.",
     .key_use = "RW insert", .work = work_args, .member = 2},
    {"lpushx", -3, KEYS(1, 1, 1), LOCK_WRITE, CMD_DENYOOM | CMD_FAST, cmd_lpushx,
     "key element [element ...]", "2.2.0", "Adds elements at the front of a list that exists.",
     .key_use = "RW insert", .work = work_args, .member = 2},
    {"lrange", 4, KEYS(1, 1, 1), LOCK_READ, CMD_LOOK_AGAIN, cmd_lrange, "key start stop", "1.0.0",
     "Returns a range of elements of a list.",
     .work = work_lrange},
    {"lrem", 4, KEYS(1, 1, 1), LOCK_WRITE, CMD_LOOK_AGAIN, cmd_lrem, "key count element", "1.0.0",
     "Removes elements that are equal to one from a list.",
     .key_use = "RW delete", .work = list_ops_search_work},
    {"lset", 4, KEYS(1, 1, 1), LOCK_WRITE, CMD_DENYOOM | CMD_LOOK_AGAIN, cmd_lset, "key index element", "1.0.0",
     "Replaces the element of a list that has an index.",
     .key_use = "RW update", .work = work_lset},
    {"ltrim", 4, KEYS(1, 1, 1), LOCK_WRITE, CMD_LOOK_AGAIN, cmd_ltrim, "key start stop", "1.0.0",
     "Removes the elements outside a range from a list.",
     .key_use = "RW delete", .work = work_ltrim},
    {"rpop", -2, KEYS(1, 1, 1), LOCK_WRITE, CMD_FAST | CMD_LOOK_AGAIN, cmd_rpop, "key [count]", "1.0.0",
     "Takes elements from the back of a list.",
     .key_use = "RW access delete", .work = work_rpop},
    {"rpush", -3, KEYS(1, 1, 1), LOCK_WRITE, CMD_DENYOOM | CMD_FAST, cmd_rpush,
     "key element [element ...]", "1.0.0", "Adds elements at the back of a list.",
     .key_use = "RW insert", .work = work_args, .member = 2},
    {"rpushx", -3, KEYS(1, 1, 1), LOCK_WRITE, CMD_DENYOOM | CMD_FAST, cmd_rpushx,
     "key element [element ...]", "2.2.0", "Adds elements at the back of a list that exists.",
     .key_use = "RW insert", .work = work_args, .member = 2},
    COMMANDS_END,
};
// clang-format on
