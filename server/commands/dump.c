// SPDX-License-Identifier: MIT
//
// DUMP and RESTORE: values as bytes, in the form that Redis 7.0 writes and reads (datatypes/rdb.h).
//
// The reply of DUMP is one bulk, whose length comes first, and is sent while it is made: the value
// is walked twice under its lock, and the first walk only counts. A payload in memory would be as
// large as the value.
#include <stdint.h>

#include "datatypes/rdb_load.h"
#include "datatypes/rdb_write.h"
#include "server/engine/cmd.h"
#include "server/engine/work.h"

enum {
    CHECKSUM_WORK = 8, // times what copying bytes is
    WALKS = 2,         // of DUMP
};

// ---- DUMP -------------------------------------------------------------------------------------

static uint64_t work_dump(struct cmd_ctx *c)
{
    struct value v = key_peek(c, 0);

    if (value_is_none(v))
        return 1;
    size_t count = value_weight(v);
    return WALKS * count + CHECKSUM_WORK * work_of_bytes(work_bytes_most(c, v, count));
}

static bool put_to_reply(void *arg, const char *data, size_t len)
{
    struct cmd_ctx *c = arg;

    reply_raw(c->reply, data, len);
    return cmd_step(c, CHECKSUM_WORK * work_of_bytes(len));
}

// Walks over the whole value; false: the client has gone meanwhile.
static bool write_payload(struct cmd_ctx *c, struct value v, struct rdb_writer *w)
{
    struct rdb_walk walk;

    rdb_walk_init(&walk, v);
    while (rdb_walk_next(&walk, w)) {
        if (w->stopped || !cmd_step(c, 1))
            return false;
    }
    rdb_put_footer(w);
    return !w->stopped;
}

/* DUMP key  -> the value as bytes, nil without the key */
static void cmd_dump(struct cmd_ctx *c)
{
    struct rdb_writer w = {.put = NULL};
    struct value v = key_get(c, 0);

    if (value_is_none(v)) {
        reply_null(c->reply);
        return;
    }
    if (!write_payload(c, v, &w))
        return;
    reply_bulk_header(c->reply, w.nbytes);
    w.put = put_to_reply;
    w.arg = c;
    if (write_payload(c, v, &w))
        reply_raw(c->reply, "\r\n", 2);
}

// ---- RESTORE ----------------------------------------------------------------------------------

struct restore_args {
    bool replace, absolute;
    int64_t idle_seconds, frequency; // -1: not given
};

// A number behind an option, from 0 to `max`.
static bool parse_count(struct cmd_ctx *c, int arg, int64_t max, const char *error, int64_t *out)
{
    if (!cmd_arg_i64(c, arg, out))
        return false;
    if (*out >= 0 && *out <= max)
        return true;
    reply_error(c->reply, error);
    return false;
}

static bool parse_options(struct cmd_ctx *c, struct restore_args *args)
{
    *args = (struct restore_args){.idle_seconds = -1, .frequency = -1};
    for (int i = 4; i < c->argc; i++) {
        bool followed = i + 1 < c->argc;

        if (cmd_arg_is(c, i, "replace")) {
            args->replace = true;
        } else if (cmd_arg_is(c, i, "absttl")) {
            args->absolute = true;
        } else if (cmd_arg_is(c, i, "idletime") && followed && args->frequency < 0) {
            if (!parse_count(c, ++i, INT64_MAX, "Invalid IDLETIME value, must be >= 0",
                             &args->idle_seconds))
                return false;
        } else if (cmd_arg_is(c, i, "freq") && followed && args->idle_seconds < 0) {
            if (!parse_count(c, ++i, 255, "Invalid FREQ value, must be >= 0 and <= 255",
                             &args->frequency))
                return false;
        } else {
            cmd_reply_syntax(c);
            return false;
        }
    }
    return true;
}

// The unix time that the argument stands for. One too far away to be counted is as good as none
// that comes.
static int64_t expire_time(const struct cmd_ctx *c, int64_t ttl_ms, bool absolute)
{
    int64_t at_ms;

    if (ttl_ms == 0)
        return NO_EXPIRE;
    if (absolute)
        return ttl_ms;
    return __builtin_add_overflow(ttl_ms, c->now_ms, &at_ms) ? INT64_MAX : at_ms;
}

// The value of the payload with that expire time.
static enum status load_payload(struct cmd_ctx *c, int64_t at_ms, struct value *out)
{
    struct bytes payload = c->argv[3];
    struct value v;
    enum status status = rdb_load(c->types, payload.data, payload.len, &v);

    if (status != STATUS_OK)
        return status;
    status = value_set_expire(c->types, v, at_ms, out);
    if (status != STATUS_OK || out->bits != v.bits)
        value_retire(c->types, v);
    return status;
}

// Publishes the value of the payload, or nothing when its time has come already.
static enum status restore_key(struct cmd_ctx *c, const struct restore_args *args, int64_t at_ms)
{
    struct value v;
    enum status status = load_payload(c, at_ms, &v);

    if (status != STATUS_OK)
        return status;
    if (value_expired(v, c->now_ms)) {
        value_retire(c->types, v);
        key_delete(c, 0);
        return STATUS_OK;
    }
    key_set(c, 0, v);
    if (args->idle_seconds >= 0)
        key_set_idle(c, 0, args->idle_seconds);
    return STATUS_OK;
}

static uint64_t work_restore(struct cmd_ctx *c)
{
    struct bytes payload = c->argv[3];

    return CHECKSUM_WORK * work_of_bytes(payload.len) +
           rdb_load_work(c->types->limits, payload.data, payload.len);
}

/* RESTORE key ttl serialized-value [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ frequency]
 *
 * FREQ is for policies that count uses, which there are not: it is checked and has no effect, as in
 * Redis under the other policies. */
static void cmd_restore(struct cmd_ctx *c)
{
    struct bytes payload = c->argv[3];
    struct restore_args args;
    int64_t ttl_ms;

    if (!parse_options(c, &args))
        return;
    if (!args.replace && !value_is_none(key_get(c, 0))) {
        reply_error(c->reply, "-BUSYKEY Target key name already exists.");
        return;
    }
    if (!cmd_arg_i64(c, 2, &ttl_ms))
        return;
    if (ttl_ms < 0) {
        reply_error(c->reply, "Invalid TTL value, must be >= 0");
        return;
    }
    if (!rdb_check(c->types, payload.data, payload.len)) {
        reply_error(c->reply, "DUMP payload version or checksum are wrong");
        return;
    }
    cmd_reply_status(c, restore_key(c, &args, expire_time(c, ttl_ms, args.absolute)));
}

// clang-format off
COMMANDS(dump) = {
    {"dump", 2, KEYS(1, 1, 1), LOCK_READ, CMD_KEYSPACE | CMD_LOOK_AGAIN, cmd_dump, "key", "2.6.0",
     "Returns a key's value in serialised form.",
     .tips = "nondeterministic_output",
     .work = work_dump},
    {"restore", -4, KEYS(1, 1, 1), LOCK_WRITE, CMD_KEYSPACE | CMD_DENYOOM | CMD_DANGEROUS,
     cmd_restore,
     "key ttl serialized-value [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ frequency]", "2.6.0",
     "Makes a key of a value in serialised form.",
     .key_use = "OW update",
     .work = work_restore},
    COMMANDS_END,
};
// clang-format on
