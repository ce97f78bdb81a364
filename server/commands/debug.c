// SPDX-License-Identifier: MIT
//
// DEBUG: what tests of clients and of this server use. Not a container, as in Redis: its words are
// not commands of their own.
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "locks/cpu.h"
#include "server/engine/cmd.h"
#include "server/engine/store.h"

enum { SLEEP_PIECE_NS = 50 * 1000 * 1000 };

// The number that an argument begins with, 0 when there is none: how Redis reads these arguments.
static double leading_number(struct bytes s)
{
    char text[64];
    size_t n = s.len < sizeof text - 1 ? s.len : sizeof text - 1;

    memcpy(text, s.data, n);
    text[n] = '\0';
    return strtod(text, NULL);
}

// Sleeps on a worker thread without holding up others in the epoch or at the gate.
static void debug_sleep(struct cmd_ctx *c)
{
    double seconds = leading_number(c->argv[2]);

    if (!(seconds > 0))
        seconds = 0;
    if (seconds > 1e6)
        seconds = 1e6;
    int64_t end_ns = clock_monotonic_ns() + (int64_t)(seconds * 1e9), now_ns;
    // In pieces, so that it ends when the client goes.
    while ((now_ns = clock_monotonic_ns()) < end_ns && cmd_slice(c)) {
        int64_t left_ns = end_ns - now_ns < SLEEP_PIECE_NS ? end_ns - now_ns : SLEEP_PIECE_NS;
        cmd_pause_begin(c);
        nanosleep(&(struct timespec){0, left_ns}, NULL);
        cmd_pause_end(c);
    }
    reply_ok(c->reply);
}

static void debug_set_active_expire(struct cmd_ctx *c)
{
    atomic_store_explicit(&c->store->active_expire, leading_number(c->argv[2]) != 0,
                          memory_order_relaxed);
    reply_ok(c->reply);
}

#ifdef KL_DEBUG
// The first attempts of each command to lock keys find them contended, as far as the command can be
// parked: for tests of that path.
static void debug_fail_locks(struct cmd_ctx *c)
{
    int64_t n;

    if (!cmd_arg_i64_range(c, 2, 0, 1000, &n, NULL))
        return;
    atomic_store_explicit(&c->store->fail_locks, (uint32_t)n, memory_order_relaxed);
    reply_ok(c->reply);
}
#endif

// Replies the argument as an error, for tests of clients; its first word becomes the code.
static void debug_error(struct cmd_ctx *c)
{
    reply_errorf(c->reply, "-%.*s", bytes_precision(c->argv[2]), c->argv[2].data);
}

// Redis keeps list elements above this size apart. Here all are kept alike, so there is nothing to
// set; Redis's own tests set it.
static void debug_quicklist_packed_threshold(struct cmd_ctx *c)
{
    reply_ok(c->reply);
}

// ---- DEBUG PROTOCOL: one reply of each type ---------------------------------------------------

static void sample_array(struct reply *r)
{
    reply_array(r, 3);
    for (int i = 0; i < 3; i++)
        reply_int(r, i);
}

static void sample_set(struct reply *r)
{
    reply_set(r, 3);
    for (int i = 0; i < 3; i++)
        reply_int(r, i);
}

static void sample_map(struct reply *r)
{
    reply_map(r, 3);
    for (int i = 0; i < 3; i++) {
        reply_int(r, i);
        reply_bool(r, i == 1);
    }
}

static void sample_attribute(struct reply *r)
{
    if (reply_attribute(r, 1)) {
        reply_bulk_str(r, "key-popularity");
        reply_array(r, 2);
        reply_bulk_str(r, "key:123");
        reply_int(r, 90);
    }
    reply_bulk_str(r, "Some real reply following the attribute");
}

static void sample_push(struct reply *r)
{
    if (r->protocol < 3) {
        reply_error(r, "RESP2 is not supported by this command");
        return;
    }
    reply_push(r, 2);
    reply_bulk_str(r, "server-cpu-usage");
    reply_int(r, 42);
    // The push is not the reply; this is.
    reply_bulk_str(r, "Some real reply following the push reply");
}

static void debug_protocol(struct cmd_ctx *c)
{
    struct reply *r = c->reply;

    if (cmd_arg_is(c, 2, "string"))
        reply_bulk_str(r, "Hello World");
    else if (cmd_arg_is(c, 2, "integer"))
        reply_int(r, 12345);
    else if (cmd_arg_is(c, 2, "double"))
        reply_double(r, 3.141);
    else if (cmd_arg_is(c, 2, "null"))
        reply_null(r);
    else if (cmd_arg_is(c, 2, "array"))
        sample_array(r);
    else if (cmd_arg_is(c, 2, "set"))
        sample_set(r);
    else if (cmd_arg_is(c, 2, "map"))
        sample_map(r);
    else if (cmd_arg_is(c, 2, "attrib"))
        sample_attribute(r);
    else if (cmd_arg_is(c, 2, "push"))
        sample_push(r);
    else if (cmd_arg_is(c, 2, "verbatim"))
        reply_verbatim(r, "txt", "This is a verbatim\nstring",
                       sizeof "This is a verbatim\nstring" - 1);
    else if (cmd_arg_is(c, 2, "true"))
        reply_bool(r, true);
    else if (cmd_arg_is(c, 2, "false"))
        reply_bool(r, false);
    else if (cmd_arg_is(c, 2, "bignum"))
        reply_bignum(r, "1234567999999999999999999999999999999",
                     sizeof "1234567999999999999999999999999999999" - 1);
    else
        reply_error(r, "Wrong protocol type name. Please use one of the following: "
                       "string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|"
                       "true|false");
}

// ---- the command ------------------------------------------------------------------------------

static void debug_help(struct cmd_ctx *c)
{
    static const char *const LINES[] = {
        "ERROR <string>",
        "    Reply <string> as an error.",
        "PROTOCOL <type>",
        "    Reply a value of that type: string, integer, double, bignum, null, array, set, map,",
        "    attrib, push, verbatim, true, false.",
        "QUICKLIST-PACKED-THRESHOLD <bytes>",
        "    Without effect: long elements of lists are kept as all others are.",
        "SET-ACTIVE-EXPIRE <0|1>",
        "    Whether expired keys are removed although nobody asks for them.",
        "SLEEP <seconds>",
        "    Reply after that time; decimals allowed.",
        NULL,
    };
    cmd_reply_help(c, LINES);
}

static uint64_t debug_work(struct cmd_ctx *c)
{
    return c->argc == 3 && cmd_arg_is(c, 1, "sleep") ? UINT64_MAX : 1;
}

static void cmd_debug(struct cmd_ctx *c)
{
    static const struct {
        const char *name;
        int argc;
        void (*run)(struct cmd_ctx *);
    } WORDS[] = {
        {"help", 2, debug_help},
        {"sleep", 3, debug_sleep},
        {"set-active-expire", 3, debug_set_active_expire},
        {"error", 3, debug_error},
#ifdef KL_DEBUG
        {"fail-locks", 3, debug_fail_locks},
#endif
        {"protocol", 3, debug_protocol},
        {"quicklist-packed-threshold", 3, debug_quicklist_packed_threshold},
    };
    struct bytes word = c->argv[1];

    for (size_t i = 0; i < sizeof WORDS / sizeof *WORDS; i++) {
        if (c->argc == WORDS[i].argc && bytes_equal_nocase(word, WORDS[i].name)) {
            WORDS[i].run(c);
            return;
        }
    }
    reply_errorf(c->reply,
                 "unknown subcommand or wrong number of arguments for '%.*s'. Try DEBUG HELP.",
                 (int)(word.len < 128 ? word.len : 128), word.data);
}

// clang-format off
COMMANDS(debug) = {
    {"debug", -2, NO_KEYS, LOCK_NONE, CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE,
     cmd_debug, "", "1.0.0", "Helps to test clients and the server.",
     .work = debug_work},
    COMMANDS_END,
};
