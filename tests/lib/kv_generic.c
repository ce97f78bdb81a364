// SPDX-License-Identifier: MIT
//
// The model of commands on keys of any type.
#include "tests/lib/kv_command.h"

static void run_del(struct kv_run *r)
{
    int64_t deleted = 0;

    for (int i = 0; i < r->nkeys; i++)
        deleted += kv_delete(r, i);
    kv_reply_int(r, deleted);
}

static void run_exists(struct kv_run *r)
{
    int64_t present = 0;

    for (int i = 0; i < r->nkeys; i++)
        present += *kv_slot(r, i) != KV_ABSENT;
    kv_reply_int(r, present);
}

static void run_type(struct kv_run *r)
{
    static const char *const NAMES[] = {
        [KV_NONE] = "none", [KV_STRING] = "string", [KV_SET] = "set",
        [KV_HASH] = "hash", [KV_LIST] = "list",     [KV_ZSET] = "zset",
    };

    strbuf_addf(r->reply, "%s", NAMES[kv_get(r, 0)->type]);
}

// RENAME and RENAMENX; true when the source exists, *done when it has the new name.
static bool rename_key(struct kv_run *r, bool only_if_new, bool *done)
{
    uint32_t *from = kv_slot(r, 0), *to = kv_slot(r, 1), value = *from;

    *done = false;
    if (value == KV_ABSENT)
        return false;
    if (only_if_new && *to != KV_ABSENT)
        return true;
    *from = KV_ABSENT;
    *to = value;
    *done = true;
    return true;
}

static void run_rename(struct kv_run *r)
{
    bool done;

    if (rename_key(r, false, &done))
        kv_reply_ok(r);
    else
        kv_reply_error(r, "ERR");
}

static void run_renamenx(struct kv_run *r)
{
    bool done;

    if (rename_key(r, true, &done))
        kv_reply_int(r, done);
    else
        kv_reply_error(r, "ERR");
}

static void run_copy(struct kv_run *r)
{
    uint32_t *from = kv_slot(r, 0), *to = kv_slot(r, 1);

    if (from == to) {
        kv_reply_error(r, "ERR");
    } else if (*from == KV_ABSENT || (*to != KV_ABSENT && !kv_arg_is(r, 3, "replace"))) {
        kv_reply_int(r, 0);
    } else {
        *to = *from;
        kv_reply_int(r, 1);
    }
}

static void run_flushall(struct kv_run *r)
{
    for (int i = 0; i < r->nstate; i++)
        r->state[i] = KV_ABSENT;
    kv_reply_ok(r);
}

const struct kv_command kv_generic_commands[] = {
    {"copy", 1, 2, 1, 0, run_copy},
    {"del", 1, -1, 1, 0, run_del},
    {"exists", 1, -1, 1, KV_READ, run_exists},
    {"flushall", 0, 0, 0, KV_ALL_KEYS, run_flushall},
    {"rename", 1, 2, 1, 0, run_rename},
    {"renamenx", 1, 2, 1, 0, run_renamenx},
    {"touch", 1, -1, 1, KV_READ, run_exists},
    {"type", 1, 1, 1, KV_READ, run_type},
    {"unlink", 1, -1, 1, 0, run_del},
    {NULL},
};
