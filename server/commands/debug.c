// SPDX-License-Identifier: MIT
//
// DEBUG: what tests of clients and of this server use. Not a container, as in Redis: its words are
// not commands of their own, and those that name keys lock them on their own.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "datatypes/digest.h"
#include "datatypes/list.h"
#include "datatypes/mem.h"
#include "datatypes/rdb_write.h"
#include "locks/cpu.h"
#include "server/engine/cmd.h"
#include "server/engine/store.h"
#include "server/engine/work.h"

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

// Replies the argument as an error, for tests of clients; its first word becomes the code. Ends of
// lines become blanks, the last ones as well.
static void debug_error(struct cmd_ctx *c)
{
    struct bytes text = c->argv[2];
    char *line = mem_alloc(text.len + 2);

    if (!line) {
        cmd_reply_status(c, STATUS_NO_MEMORY);
        return;
    }
    line[0] = '-';
    for (size_t i = 0; i < text.len; i++)
        line[i + 1] = text.data[i] == '\r' || text.data[i] == '\n' ? ' ' : text.data[i];
    line[text.len + 1] = '\0';
    reply_error(c->reply, line);
    mem_free(line);
}

// Redis keeps list elements above this size apart. Here all are kept alike, so there is nothing to
// set; Redis's own tests set it.
static void debug_quicklist_packed_threshold(struct cmd_ctx *c)
{
    reply_ok(c->reply);
}

// ---- DEBUG OBJECT -----------------------------------------------------------------------------

enum {
    CLOCK_MASK = (1 << 24) - 1, // of Redis's clock of seconds
    EXTRA_CHARS = 160,
};

// What DUMP would answer, but for the type before it and the footer behind it. False: the client
// has gone.
static bool count_serialised(struct cmd_ctx *c, struct value v, size_t *nbytes)
{
    struct rdb_writer w = {.put = NULL};
    struct rdb_walk walk;

    rdb_walk_init(&walk, v);
    while (rdb_walk_next(&walk, &w)) {
        if (!cmd_step(c, 1))
            return false;
    }
    *nbytes = w.nbytes - 1;
    return true;
}

// What Redis tells of a list besides; its nodes are the list's blocks here.
static void describe_list(const struct cmd_ctx *c, struct value v, char extra[EXTRA_CHARS])
{
    size_t count = list_count(v), nodes = list_blocks(v);
    int limit = atomic_load_explicit(&c->types->limits->list_max_packed_size, memory_order_relaxed);

    snprintf(extra, EXTRA_CHARS,
             " ql_nodes:%zu ql_avg_node:%.2f ql_listpack_max:%d ql_compressed:0 "
             "ql_uncompressed_size:%zu",
             nodes, (double)count / (double)nodes, limit, list_range_bytes(v, 0, count));
}

/* DEBUG OBJECT key  -> a line about its value. Looking is no use of the key. */
static void debug_object(struct cmd_ctx *c)
{
    struct value v = key_peek(c, 0);
    char line[EXTRA_CHARS + 256], extra[EXTRA_CHARS] = "";
    size_t nbytes;

    if (value_is_none(v)) {
        reply_error(c->reply, "no such key");
        return;
    }
    if (!count_serialised(c, v, &nbytes))
        return;
    if (value_type(v) == TYPE_LIST)
        describe_list(c, v, extra);
    int64_t idle_s = key_idle_seconds(c, 0);
    snprintf(line, sizeof line,
             "Value at:%p refcount:%d encoding:%s serializedlength:%zu lru:%d "
             "lru_seconds_idle:%lld%s",
             key_address(c, 0), value_refcount(v), value_encoding(v), nbytes,
             (int)((c->now_ms / 1000 - idle_s) & CLOCK_MASK), (long long)idle_s, extra);
    reply_simple(c->reply, line);
}

// ---- DEBUG DIGEST-VALUE -----------------------------------------------------------------------

// Units of work that hashing a number of bytes is, at 3 ns a byte.
static uint64_t work_of_hashing(size_t nbytes)
{
    return nbytes / 16;
}

static bool digest_step(void *arg, size_t nbytes)
{
    return cmd_step(arg, work_of_hashing(nbytes));
}

/* DEBUG DIGEST-VALUE [key ...]  -> a digest of each, equal to Redis's */
static void debug_digest_value(struct cmd_ctx *c)
{
    const struct digest_caller caller = {digest_step, c};
    unsigned char digest[DIGEST_BYTES];
    char text[2 * DIGEST_BYTES + 1];

    reply_array(c->reply, (size_t)c->nkeys);
    for (int i = 0; i < c->nkeys && digest_value(key_peek(c, i), &caller, digest); i++) {
        for (size_t k = 0; k < DIGEST_BYTES; k++)
            snprintf(text + 2 * k, 3, "%02x", digest[k]);
        reply_simple(c->reply, text);
    }
}

static uint64_t work_digest_value(struct cmd_ctx *c)
{
    uint64_t sum = (uint64_t)c->nkeys;

    for (int i = 0; i < c->nkeys; i++) {
        struct value v = key_peek(c, i);
        sum += work_of_hashing(digest_value_bytes(v, work_bytes_most(c, v, value_weight(v))));
    }
    return sum;
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
        "DIGEST-VALUE <key> [<key> ...]",
        "    Reply a digest of each key's value, the same as redis-server's; zeros without a "
        "value.",
        "ERROR <string>",
        "    Reply <string> as an error.",
        "OBJECT <key>",
        "    Reply a line about <key> and its value.",
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

// The words of DEBUG.
static const struct word {
    const char *name;
    int argc; // negative: at least
    void (*run)(struct cmd_ctx *);
    bool has_keys; // all arguments behind the word
    uint64_t (*work)(struct cmd_ctx *);
} WORDS[] = {
    {"help", 2, debug_help},
    {"sleep", 3, debug_sleep, .work = work_exclusive},
    {"set-active-expire", 3, debug_set_active_expire},
    {"error", 3, debug_error},
#ifdef KL_DEBUG
    {"fail-locks", 3, debug_fail_locks},
#endif
    {"protocol", 3, debug_protocol},
    {"quicklist-packed-threshold", 3, debug_quicklist_packed_threshold},
    {"object", 3, debug_object, true, work_first_key},
    {"digest-value", -2, debug_digest_value, true, work_digest_value},
};

// The word of the request; NULL: there is none, with so many arguments.
static const struct word *find_word(const struct cmd_ctx *c)
{
    for (size_t i = 0; i < sizeof WORDS / sizeof *WORDS; i++) {
        const struct word *w = &WORDS[i];
        if ((w->argc > 0 ? c->argc == w->argc : c->argc >= -w->argc) && cmd_arg_is(c, 1, w->name))
            return w;
    }
    return NULL;
}

static void debug_keys(struct cmd_ctx *c)
{
    const struct word *w = find_word(c);

    for (int i = 2; w && w->has_keys && i < c->argc; i++) {
        if (cmd_add_key(c, i, c->db, LOCK_READ) < 0)
            break;
    }
}

static uint64_t debug_work(struct cmd_ctx *c)
{
    const struct word *w = find_word(c);

    return w && w->work ? w->work(c) : 1;
}

static void cmd_debug(struct cmd_ctx *c)
{
    const struct word *w = find_word(c);
    struct bytes word = c->argv[1];

    if (w) {
        w->run(c);
        return;
    }
    reply_errorf(c->reply,
                 "unknown subcommand or wrong number of arguments for '%.*s'. Try DEBUG HELP.",
                 (int)(word.len < 128 ? word.len : 128), word.data);
}

// clang-format off
COMMANDS(debug) = {
    {"debug", -2, NO_KEYS, LOCK_NONE,
     CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_HIDDEN_KEYS | CMD_LOOK_AGAIN,
     cmd_debug, "", "1.0.0", "Helps to test clients and the server.",
     .getkeys = debug_keys, .work = debug_work},
    COMMANDS_END,
};
