// SPDX-License-Identifier: MIT
//
// The model of hash commands. A hash is its fields in the order of their bytes, each with its value
// behind it.
#include "tests/lib/kv_command.h"

#include "tests/lib/check.h"

// Where the field is, or would be; *found tells which.
static int find(const struct bytes *items, int n, struct bytes field, bool *found)
{
    int at = 0;

    while (at < n && bytes_compare(items[at], field) < 0)
        at += 2;
    *found = at < n && bytes_equal(items[at], field);
    return at;
}

// The value of a field, NULL when there is none.
static const struct bytes *value_of(const struct kv_value *hash, struct bytes field)
{
    bool found;
    int at = find(hash->items, hash->n, field, &found);

    return found ? &hash->items[at + 1] : NULL;
}

// True when the field is new.
static bool set(struct kv_items *m, struct bytes field, struct bytes value)
{
    struct bytes pair[] = {field, value};
    bool found;
    int at = find(m->items, m->n, field, &found);

    if (found)
        m->items[at + 1] = value;
    else
        kv_items_insert(m, at, pair, 2);
    return !found;
}

static bool take_out(struct kv_items *m, struct bytes field)
{
    bool found;
    int at = find(m->items, m->n, field, &found);

    if (found)
        kv_items_remove(m, at, 2);
    return found;
}

static void reply_value(struct kv_run *r, const struct bytes *value)
{
    if (value)
        kv_reply_bulk(r, *value);
    else
        kv_reply_nil(r);
}

// ---- writes -------------------------------------------------------------------------------------

// HSET and HMSET; false: replied WRONGTYPE.
static bool set_pairs(struct kv_run *r, int64_t *added)
{
    const struct kv_value *hash = kv_get_type(r, 0, KV_HASH);
    struct kv_items m;

    if (!hash)
        return false;
    *added = 0;
    kv_items_copy(&m, hash);
    for (int i = 2; i < r->argc; i += 2)
        *added += set(&m, r->argv[i], r->argv[i + 1]);
    kv_put_items(r, 0, KV_HASH, &m);
    return true;
}

static void run_hset(struct kv_run *r)
{
    int64_t added;

    if (set_pairs(r, &added))
        kv_reply_int(r, added);
}

static void run_hmset(struct kv_run *r)
{
    int64_t added;

    if (set_pairs(r, &added))
        kv_reply_ok(r);
}

static void run_hsetnx(struct kv_run *r)
{
    const struct kv_value *hash = kv_get_type(r, 0, KV_HASH);
    struct kv_items m;

    if (!hash)
        return;
    bool absent = value_of(hash, r->argv[2]) == NULL;
    if (absent) {
        kv_items_copy(&m, hash);
        set(&m, r->argv[2], r->argv[3]);
        kv_put_items(r, 0, KV_HASH, &m);
    }
    kv_reply_int(r, absent);
}

static void run_hdel(struct kv_run *r)
{
    const struct kv_value *hash = kv_get_type(r, 0, KV_HASH);
    int64_t deleted = 0;
    struct kv_items m;

    if (!hash)
        return;
    kv_items_copy(&m, hash);
    for (int i = 2; i < r->argc; i++)
        deleted += take_out(&m, r->argv[i]);
    kv_put_items(r, 0, KV_HASH, &m);
    kv_reply_int(r, deleted);
}

static void run_hincrby(struct kv_run *r)
{
    const struct kv_value *hash = kv_get_type(r, 0, KV_HASH);
    char text[KV_INTEGER_CHARS];
    int64_t n = 0, by;
    struct kv_items m;

    if (!hash)
        return;
    const struct bytes *old = value_of(hash, r->argv[2]);
    check(kv_integer(r->argv[3], &by));
    if ((old && !kv_integer(*old, &n)) || __builtin_add_overflow(n, by, &n)) {
        kv_reply_error(r, "ERR");
        return;
    }
    kv_items_copy(&m, hash);
    set(&m, r->argv[2], kv_integer_text(n, text));
    kv_put_items(r, 0, KV_HASH, &m);
    kv_reply_int(r, n);
}

// ---- reads --------------------------------------------------------------------------------------

static void run_hget(struct kv_run *r)
{
    const struct kv_value *hash = kv_get_type(r, 0, KV_HASH);

    if (hash)
        reply_value(r, value_of(hash, r->argv[2]));
}

static void run_hmget(struct kv_run *r)
{
    const struct kv_value *hash = kv_get_type(r, 0, KV_HASH);

    if (!hash)
        return;
    strbuf_addf(r->reply, "[");
    for (int i = 2; i < r->argc; i++) {
        strbuf_addf(r->reply, i > 2 ? " " : "");
        reply_value(r, value_of(hash, r->argv[i]));
    }
    strbuf_addf(r->reply, "]");
}

static void run_hexists(struct kv_run *r)
{
    const struct kv_value *hash = kv_get_type(r, 0, KV_HASH);

    if (hash)
        kv_reply_int(r, value_of(hash, r->argv[2]) != NULL);
}

static void run_hlen(struct kv_run *r)
{
    const struct kv_value *hash = kv_get_type(r, 0, KV_HASH);

    if (hash)
        kv_reply_int(r, hash->n / 2);
}

static void run_hstrlen(struct kv_run *r)
{
    const struct kv_value *hash = kv_get_type(r, 0, KV_HASH);

    if (!hash)
        return;
    const struct bytes *value = value_of(hash, r->argv[2]);
    kv_reply_int(r, value ? (int64_t)value->len : 0);
}

static void run_hgetall(struct kv_run *r)
{
    const struct kv_value *hash = kv_get_type(r, 0, KV_HASH);

    if (hash)
        kv_reply_array(r, hash->items, hash->n);
}

static void run_hkeys(struct kv_run *r)
{
    const struct kv_value *hash = kv_get_type(r, 0, KV_HASH);

    if (hash)
        kv_reply_every(r, hash->items, hash->n, 2);
}

static void run_hvals(struct kv_run *r)
{
    const struct kv_value *hash = kv_get_type(r, 0, KV_HASH);

    if (!hash)
        return;
    // Of an absent key there is no item to begin behind.
    if (hash->n == 0)
        kv_reply_array(r, NULL, 0);
    else
        kv_reply_every(r, hash->items + 1, hash->n - 1, 2);
}

const struct kv_command kv_hash_commands[] = {
    {"hdel", 1, 1, 1, 0, run_hdel},
    {"hexists", 1, 1, 1, KV_READ, run_hexists},
    {"hget", 1, 1, 1, KV_READ, run_hget},
    {"hgetall", 1, 1, 1, KV_READ | KV_PAIRS, run_hgetall},
    {"hincrby", 1, 1, 1, 0, run_hincrby},
    {"hkeys", 1, 1, 1, KV_READ | KV_UNORDERED, run_hkeys},
    {"hlen", 1, 1, 1, KV_READ, run_hlen},
    {"hmget", 1, 1, 1, KV_READ, run_hmget},
    {"hmset", 1, 1, 1, 0, run_hmset},
    {"hset", 1, 1, 1, 0, run_hset},
    {"hsetnx", 1, 1, 1, 0, run_hsetnx},
    {"hstrlen", 1, 1, 1, KV_READ, run_hstrlen},
    {"hvals", 1, 1, 1, KV_READ | KV_UNORDERED, run_hvals},
    {NULL},
};
