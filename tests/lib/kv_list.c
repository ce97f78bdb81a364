// SPDX-License-Identifier: MIT
//
// The model of list commands.
#include "tests/lib/kv_command.h"

#include "tests/lib/check.h"

// ---- ends ---------------------------------------------------------------------------------------

// One after the other, so that the last one pushed on the left is the first.
static void push(struct kv_items *m, bool left, struct bytes element)
{
    kv_items_insert(m, left ? 0 : m->n, &element, 1);
}

static struct bytes pop(struct kv_items *m, bool left)
{
    int at = left ? 0 : m->n - 1;
    struct bytes element = m->items[at];

    kv_items_remove(m, at, 1);
    return element;
}

static void push_all(struct kv_run *r, bool left, bool only_if_there)
{
    const struct kv_value *list = kv_get_type(r, 0, KV_LIST);
    struct kv_items m;

    if (!list)
        return;
    kv_items_copy(&m, list);
    for (int i = 2; i < r->argc && (m.n > 0 || !only_if_there); i++)
        push(&m, left, r->argv[i]);
    kv_put_items(r, 0, KV_LIST, &m);
    kv_reply_int(r, m.n);
}

static void run_lpush(struct kv_run *r)
{
    push_all(r, true, false);
}

static void run_rpush(struct kv_run *r)
{
    push_all(r, false, false);
}

static void run_lpushx(struct kv_run *r)
{
    push_all(r, true, true);
}

static void run_rpushx(struct kv_run *r)
{
    push_all(r, false, true);
}

// LPOP and RPOP key [count]
static void pop_some(struct kv_run *r, bool left)
{
    const struct kv_value *list = kv_get_type(r, 0, KV_LIST);
    struct bytes popped[KV_ITEMS_MAX];
    int64_t count = 1, n = 0;
    struct kv_items m;

    if (!list)
        return;
    if (list->type == KV_NONE) {
        kv_reply_nil(r);
        return;
    }
    check(r->argc == 2 || (kv_integer(r->argv[2], &count) && count > 0));
    kv_items_copy(&m, list);
    while (n < count && m.n > 0)
        popped[n++] = pop(&m, left);
    kv_put_items(r, 0, KV_LIST, &m);
    if (r->argc == 2)
        kv_reply_bulk(r, popped[0]);
    else
        kv_reply_array(r, popped, (int)n);
}

static void run_lpop(struct kv_run *r)
{
    pop_some(r, true);
}

static void run_rpop(struct kv_run *r)
{
    pop_some(r, false);
}

static void move(struct kv_run *r, bool from_left, bool to_left)
{
    const struct kv_value *from = kv_get(r, 0);
    struct kv_items m;

    if (from->type == KV_NONE) {
        kv_reply_nil(r);
        return;
    }
    if (!kv_get_type(r, 0, KV_LIST) || !kv_get_type(r, 1, KV_LIST))
        return;
    kv_items_copy(&m, from);
    struct bytes element = pop(&m, from_left);
    kv_put_items(r, 0, KV_LIST, &m);
    // The same list, when the keys are the same, without the element by now.
    kv_items_copy(&m, kv_get(r, 1));
    push(&m, to_left, element);
    kv_put_items(r, 1, KV_LIST, &m);
    kv_reply_bulk(r, element);
}

static void run_lmove(struct kv_run *r)
{
    move(r, kv_arg_is(r, 3, "left"), kv_arg_is(r, 4, "left"));
}

static void run_rpoplpush(struct kv_run *r)
{
    move(r, false, true);
}

// ---- the middle ---------------------------------------------------------------------------------

// The index that argument 2 means, -1: outside.
static int index_of(const struct kv_run *r, const struct kv_value *list)
{
    int64_t at;

    check(kv_integer(r->argv[2], &at));
    at += at < 0 ? list->n : 0;
    return at >= 0 && at < list->n ? (int)at : -1;
}

static void run_lset(struct kv_run *r)
{
    const struct kv_value *list = kv_get_type(r, 0, KV_LIST);
    struct kv_items m;

    if (!list)
        return;
    int at = index_of(r, list);
    if (at < 0) { // no such key, or no such index
        kv_reply_error(r, "ERR");
        return;
    }
    kv_items_copy(&m, list);
    m.items[at] = r->argv[3];
    kv_put_items(r, 0, KV_LIST, &m);
    kv_reply_ok(r);
}

// LINSERT key BEFORE|AFTER pivot element
static void run_linsert(struct kv_run *r)
{
    const struct kv_value *list = kv_get_type(r, 0, KV_LIST);
    struct kv_items m;
    int at = 0;

    if (!list)
        return;
    while (at < list->n && !bytes_equal(list->items[at], r->argv[3]))
        at++;
    if (at == list->n) {
        kv_reply_int(r, list->n == 0 ? 0 : -1);
        return;
    }
    kv_items_copy(&m, list);
    kv_items_insert(&m, at + kv_arg_is(r, 2, "after"), &r->argv[4], 1);
    kv_put_items(r, 0, KV_LIST, &m);
    kv_reply_int(r, m.n);
}

// LREM key count element: from the end when count is negative, all when it is 0.
static void run_lrem(struct kv_run *r)
{
    const struct kv_value *list = kv_get_type(r, 0, KV_LIST);
    int64_t count, removed = 0;
    struct kv_items m;

    if (!list)
        return;
    check(kv_integer(r->argv[2], &count));
    bool backwards = count < 0;
    int64_t most = count == 0 ? list->n : backwards ? -count : count;
    kv_items_copy(&m, list);
    for (int i = 0; i < list->n && removed < most; i++) {
        int original = backwards ? list->n - 1 - i : i;
        if (!bytes_equal(list->items[original], r->argv[3]))
            continue;
        kv_items_remove(&m, backwards ? original : original - (int)removed, 1);
        removed++;
    }
    kv_put_items(r, 0, KV_LIST, &m);
    kv_reply_int(r, removed);
}

static void run_ltrim(struct kv_run *r)
{
    const struct kv_value *list = kv_get_type(r, 0, KV_LIST);
    int first;

    if (!list)
        return;
    int n = kv_range(r, 2, list->n, &first);
    kv_put(r, 0, KV_LIST, n ? list->items + first : NULL, n);
    kv_reply_ok(r);
}

// ---- reads --------------------------------------------------------------------------------------

static void run_llen(struct kv_run *r)
{
    const struct kv_value *list = kv_get_type(r, 0, KV_LIST);

    if (list)
        kv_reply_int(r, list->n);
}

static void run_lindex(struct kv_run *r)
{
    const struct kv_value *list = kv_get_type(r, 0, KV_LIST);

    if (!list)
        return;
    int at = index_of(r, list);
    if (at < 0)
        kv_reply_nil(r);
    else
        kv_reply_bulk(r, list->items[at]);
}

static void run_lrange(struct kv_run *r)
{
    const struct kv_value *list = kv_get_type(r, 0, KV_LIST);
    int first;

    if (!list)
        return;
    int n = kv_range(r, 2, list->n, &first);
    kv_reply_array(r, n ? list->items + first : NULL, n);
}

const struct kv_command kv_list_commands[] = {
    {"lindex", 1, 1, 1, KV_READ, run_lindex}, {"linsert", 1, 1, 1, 0, run_linsert},
    {"llen", 1, 1, 1, KV_READ, run_llen},     {"lmove", 1, 2, 1, 0, run_lmove},
    {"lpop", 1, 1, 1, 0, run_lpop},           {"lpush", 1, 1, 1, 0, run_lpush},
    {"lpushx", 1, 1, 1, 0, run_lpushx},       {"lrange", 1, 1, 1, KV_READ, run_lrange},
    {"lrem", 1, 1, 1, 0, run_lrem},           {"lset", 1, 1, 1, 0, run_lset},
    {"ltrim", 1, 1, 1, 0, run_ltrim},         {"rpop", 1, 1, 1, 0, run_rpop},
    {"rpoplpush", 1, 2, 1, 0, run_rpoplpush}, {"rpush", 1, 1, 1, 0, run_rpush},
    {"rpushx", 1, 1, 1, 0, run_rpushx},       {NULL},
};
