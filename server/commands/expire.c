// SPDX-License-Identifier: MIT
//
// Expire times: EXPIRE and its kin, TTL and its kin, PERSIST. Times are unix milliseconds inside;
// -1 stands for none, which no stored time can be, because a time that has come deletes the key at
// once.
#include "resp/bytes.h"
#include "server/engine/cmd.h"
#include "server/engine/command.h"

enum expire_option { EXPIRE_NX = 1, EXPIRE_XX = 2, EXPIRE_GT = 4, EXPIRE_LT = 8 };

static bool parse_options(struct cmd_ctx *c, unsigned *options)
{
    static const struct {
        const char *word;
        unsigned bit;
    } words[] = {{"nx", EXPIRE_NX}, {"xx", EXPIRE_XX}, {"gt", EXPIRE_GT}, {"lt", EXPIRE_LT}};

    *options = 0;
    for (int i = 3; i < c->argc; i++) {
        unsigned bit = 0;

        for (size_t w = 0; w < sizeof(words) / sizeof(words[0]); w++)
            bit |= cmd_arg_is(c, i, words[w].word) ? words[w].bit : 0;
        if (bit == 0) {
            reply_errorf(c->reply, "Unsupported option %.*s", bytes_precision(c->argv[i]),
                         c->argv[i].data);
            return false;
        }
        *options |= bit;
    }
    if ((*options & EXPIRE_NX) && (*options & ~(unsigned)EXPIRE_NX)) {
        reply_error(c->reply, "NX and XX, GT or LT options at the same time are not compatible");
        return false;
    }
    if ((*options & EXPIRE_GT) && (*options & EXPIRE_LT)) {
        reply_error(c->reply, "GT and LT options at the same time are not compatible");
        return false;
    }
    return true;
}

// Argument 2 in units of `unit_ms`, counted from `base_ms`, as unix milliseconds.
static bool parse_time(struct cmd_ctx *c, int64_t base_ms, int64_t unit_ms, int64_t *at_ms)
{
    int64_t amount;

    if (!cmd_arg_i64(c, 2, &amount))
        return false;
    if (__builtin_mul_overflow(amount, unit_ms, &amount) ||
        __builtin_add_overflow(amount, base_ms, at_ms)) {
        reply_errorf(c->reply, "invalid expire time in '%s' command", c->cmd->full_name);
        return false;
    }
    return true;
}

// Whether the options allow the change. A key without expire time counts as living for ever.
static bool options_allow(unsigned options, int64_t current_ms, int64_t at_ms)
{
    if ((options & EXPIRE_NX) && current_ms != NO_EXPIRE)
        return false;
    if ((options & EXPIRE_XX) && current_ms == NO_EXPIRE)
        return false;
    if ((options & EXPIRE_GT) && (current_ms == NO_EXPIRE || at_ms <= current_ms))
        return false;
    if ((options & EXPIRE_LT) && current_ms != NO_EXPIRE && at_ms >= current_ms)
        return false;
    return true;
}

static void expire_command(struct cmd_ctx *c, int64_t base_ms, int64_t unit_ms)
{
    unsigned options;
    int64_t at_ms;

    if (!parse_options(c, &options) || !parse_time(c, base_ms, unit_ms, &at_ms))
        return;
    struct value v = key_get(c, 0);
    if (value_is_none(v) || !options_allow(options, value_expires_at(v), at_ms)) {
        reply_int(c->reply, 0);
        return;
    }
    if (at_ms <= c->now_ms) {
        key_delete(c, 0);
    } else {
        enum status status = key_expire(c, 0, at_ms);
        if (status != STATUS_OK) {
            cmd_reply_status(c, status);
            return;
        }
    }
    reply_int(c->reply, 1);
}

/* EXPIRE key seconds [NX | XX | GT | LT]  -> 1 set (or expired at once), 0 not */
static void cmd_expire(struct cmd_ctx *c)
{
    expire_command(c, c->now_ms, 1000);
}

static void cmd_pexpire(struct cmd_ctx *c)
{
    expire_command(c, c->now_ms, 1);
}

static void cmd_expireat(struct cmd_ctx *c)
{
    expire_command(c, 0, 1000);
}

static void cmd_pexpireat(struct cmd_ctx *c)
{
    expire_command(c, 0, 1);
}

/* PERSIST key  -> 1 the expire time was removed, 0 there was none */
static void cmd_persist(struct cmd_ctx *c)
{
    struct value v = key_get(c, 0);

    if (value_is_none(v) || value_expires_at(v) == NO_EXPIRE) {
        reply_int(c->reply, 0);
        return;
    }
    enum status status = key_expire(c, 0, NO_EXPIRE);
    if (status != STATUS_OK)
        cmd_reply_status(c, status);
    else
        reply_int(c->reply, 1);
}

// Answers -2 without the key, -1 without an expire time, else the time less `base_ms`, in whole
// seconds (rounded to the nearest) or milliseconds.
static void ttl_command(struct cmd_ctx *c, int64_t base_ms, bool seconds)
{
    struct value v = key_peek(c, 0);
    int64_t at_ms;

    if (value_is_none(v)) {
        reply_int(c->reply, -2);
        return;
    }
    at_ms = value_expires_at(v);
    if (at_ms == NO_EXPIRE) {
        reply_int(c->reply, -1);
        return;
    }
    // The key may be gone by now: an answer below zero would mean something else.
    uint64_t left = at_ms > base_ms ? (uint64_t)(at_ms - base_ms) : 0;
    reply_int(c->reply, (int64_t)(seconds ? (left + 500) / 1000 : left));
}

/* TTL key */
static void cmd_ttl(struct cmd_ctx *c)
{
    ttl_command(c, c->now_ms, true);
}

static void cmd_pttl(struct cmd_ctx *c)
{
    ttl_command(c, c->now_ms, false);
}

/* EXPIRETIME key */
static void cmd_expiretime(struct cmd_ctx *c)
{
    ttl_command(c, 0, true);
}

static void cmd_pexpiretime(struct cmd_ctx *c)
{
    ttl_command(c, 0, false);
}

// clang-format off
COMMANDS(expire) = {
    {"expire", -3, KEYS(1, 1, 1), LOCK_WRITE, CMD_KEYSPACE | CMD_FAST, cmd_expire,
     "key seconds [NX | XX | GT | LT]", "1.0.0", "Sets a key's time to live in seconds.",
     .key_use = "RW update"},
    {"expireat", -3, KEYS(1, 1, 1), LOCK_WRITE, CMD_KEYSPACE | CMD_FAST, cmd_expireat,
     "key unix-time-seconds [NX | XX | GT | LT]", "1.2.0",
     "Sets the unix time in seconds at which a key expires.",
     .key_use = "RW update"},
    {"expiretime", 2, KEYS(1, 1, 1), LOCK_NONE, CMD_KEYSPACE | CMD_FAST, cmd_expiretime,
     "key", "7.0.0", "The unix time in seconds at which a key expires."},
    {"persist", 2, KEYS(1, 1, 1), LOCK_WRITE, CMD_KEYSPACE | CMD_FAST, cmd_persist, "key",
     "2.2.0", "Removes a key's expire time.",
     .key_use = "RW update"},
    {"pexpire", -3, KEYS(1, 1, 1), LOCK_WRITE, CMD_KEYSPACE | CMD_FAST, cmd_pexpire,
     "key milliseconds [NX | XX | GT | LT]", "2.6.0",
     "Sets a key's time to live in milliseconds.",
     .key_use = "RW update"},
    {"pexpireat", -3, KEYS(1, 1, 1), LOCK_WRITE, CMD_KEYSPACE | CMD_FAST, cmd_pexpireat,
     "key unix-time-milliseconds [NX | XX | GT | LT]", "2.6.0",
     "Sets the unix time in milliseconds at which a key expires.",
     .key_use = "RW update"},
    {"pexpiretime", 2, KEYS(1, 1, 1), LOCK_NONE, CMD_KEYSPACE | CMD_FAST, cmd_pexpiretime,
     "key", "7.0.0", "The unix time in milliseconds at which a key expires."},
    {"pttl", 2, KEYS(1, 1, 1), LOCK_NONE, CMD_KEYSPACE | CMD_FAST, cmd_pttl, "key", "2.6.0",
     "A key's time to live in milliseconds.",
     .tips = "nondeterministic_output"},
    {"ttl", 2, KEYS(1, 1, 1), LOCK_NONE, CMD_KEYSPACE | CMD_FAST, cmd_ttl, "key", "1.0.0",
     "A key's time to live in seconds.",
     .tips = "nondeterministic_output"},
    COMMANDS_END,
};
// clang-format on
