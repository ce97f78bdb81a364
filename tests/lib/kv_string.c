// SPDX-License-Identifier: MIT
//
// The model of string commands.
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tests/lib/kv_command.h"

enum { TEXT_MAX = 4096 }; // longest string

static void put_string(struct kv_run *r, int i, struct bytes text)
{
    kv_put(r, i, KV_STRING, &text, 1);
}

static void reply_string(struct kv_run *r, const struct kv_value *v)
{
    if (v->type == KV_STRING)
        kv_reply_bulk(r, v->items[0]);
    else
        kv_reply_nil(r);
}

static void run_get(struct kv_run *r)
{
    const struct kv_value *v = kv_get_type(r, 0, KV_STRING);

    if (v)
        reply_string(r, v);
}

static bool has_option(const struct kv_run *r, const char *word)
{
    for (int i = 3; i < r->argc; i++) {
        if (kv_arg_is(r, i, word))
            return true;
    }
    return false;
}

// SET with NX, XX and GET.
static void run_set(struct kv_run *r)
{
    bool get = has_option(r, "get");
    const struct kv_value *old = get ? kv_get_type(r, 0, KV_STRING) : kv_get(r, 0);

    if (!old)
        return;
    bool found = old->type != KV_NONE;
    bool refused = (has_option(r, "nx") && found) || (has_option(r, "xx") && !found);
    if (!refused)
        put_string(r, 0, r->argv[2]);
    if (get)
        reply_string(r, old);
    else if (refused)
        kv_reply_nil(r);
    else
        kv_reply_ok(r);
}

static void run_setnx(struct kv_run *r)
{
    bool absent = *kv_slot(r, 0) == KV_ABSENT;

    if (absent)
        put_string(r, 0, r->argv[2]);
    kv_reply_int(r, absent);
}

static void run_getset(struct kv_run *r)
{
    const struct kv_value *old = kv_get_type(r, 0, KV_STRING);

    if (!old)
        return;
    reply_string(r, old);
    put_string(r, 0, r->argv[2]);
}

static void run_getdel(struct kv_run *r)
{
    const struct kv_value *old = kv_get_type(r, 0, KV_STRING);

    if (!old)
        return;
    reply_string(r, old);
    kv_delete(r, 0);
}

static void run_strlen(struct kv_run *r)
{
    const struct kv_value *v = kv_get_type(r, 0, KV_STRING);

    if (v)
        kv_reply_int(r, v->type == KV_STRING ? (int64_t)v->items[0].len : 0);
}

static void run_append(struct kv_run *r)
{
    const struct kv_value *old = kv_get_type(r, 0, KV_STRING);
    struct bytes head = {"", 0}, tail = r->argv[2];
    char text[TEXT_MAX];

    if (!old)
        return;
    if (old->type == KV_STRING)
        head = old->items[0];
    if (head.len + tail.len > sizeof text) {
        r->impossible = true;
        return;
    }
    memcpy(text, head.data, head.len);
    memcpy(text + head.len, tail.data, tail.len);
    put_string(r, 0, (struct bytes){text, head.len + tail.len});
    kv_reply_int(r, (int64_t)(head.len + tail.len));
}

static void increment(struct kv_run *r, int64_t by)
{
    const struct kv_value *old = kv_get_type(r, 0, KV_STRING);
    char text[24];
    int64_t n = 0;

    if (!old)
        return;
    if ((old->type == KV_STRING && !kv_integer(old->items[0], &n)) ||
        __builtin_add_overflow(n, by, &n)) {
        kv_reply_error(r, "ERR");
        return;
    }
    snprintf(text, sizeof text, "%" PRId64, n);
    put_string(r, 0, bytes_of(text));
    kv_reply_int(r, n);
}

static void run_incr(struct kv_run *r)
{
    increment(r, 1);
}

static void run_decr(struct kv_run *r)
{
    increment(r, -1);
}

static void run_incrby(struct kv_run *r)
{
    int64_t by;

    if (kv_integer(r->argv[2], &by))
        increment(r, by);
    else
        kv_reply_error(r, "ERR");
}

static void run_mget(struct kv_run *r)
{
    strbuf_addf(r->reply, "[");
    for (int i = 0; i < r->nkeys; i++) {
        strbuf_addf(r->reply, i ? " " : "");
        reply_string(r, kv_get(r, i));
    }
    strbuf_addf(r->reply, "]");
}

static void set_pairs(struct kv_run *r)
{
    for (int i = 0; i < r->nkeys; i++)
        put_string(r, i, r->argv[2 + 2 * i]);
}

static void run_mset(struct kv_run *r)
{
    set_pairs(r);
    kv_reply_ok(r);
}

static void run_msetnx(struct kv_run *r)
{
    bool all_absent = true;

    for (int i = 0; i < r->nkeys; i++)
        all_absent &= *kv_slot(r, i) == KV_ABSENT;
    if (all_absent)
        set_pairs(r);
    kv_reply_int(r, all_absent);
}

const struct kv_command kv_string_commands[] = {
    {"append", 1, 1, 1, 0, run_append},
    {"decr", 1, 1, 1, 0, run_decr},
    {"get", 1, 1, 1, KV_READ, run_get},
    {"getdel", 1, 1, 1, 0, run_getdel},
    {"getset", 1, 1, 1, 0, run_getset},
    {"incr", 1, 1, 1, 0, run_incr},
    {"incrby", 1, 1, 1, 0, run_incrby},
    {"mget", 1, -1, 1, KV_READ, run_mget},
    {"mset", 1, -1, 2, 0, run_mset},
    {"msetnx", 1, -1, 2, 0, run_msetnx},
    {"set", 1, 1, 1, 0, run_set},
    {"setnx", 1, 1, 1, 0, run_setnx},
    {"strlen", 1, 1, 1, KV_READ, run_strlen},
    {NULL},
};
