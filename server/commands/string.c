// SPDX-License-Identifier: MIT
//
// String commands. A string, its expire time included, is one value word: handlers build the word
// that the key is to hold and publish it with one key_set(), so that no reader ever sees a step in
// between.
#include <math.h>
#include <string.h>

#include "datatypes/lcs.h"
#include "datatypes/mem.h"
#include "datatypes/str.h"
#include "resp/double.h"
#include "server/engine/cmd.h"
#include "server/engine/work.h"

enum { MSET_INLINE_VALUES = 32 }; // values that MSET prepares without allocating

// ---- options of SET and GETEX -----------------------------------------------------------------

// What becomes of the expire time.
enum expire_form {
    EXPIRE_NONE, // SET: none; GETEX: the one it has
    EXPIRE_EX,
    EXPIRE_PX,
    EXPIRE_EXAT,
    EXPIRE_PXAT,
    EXPIRE_KEEPTTL,
    EXPIRE_PERSIST,
};

struct string_options {
    bool nx, xx, get;
    enum expire_form form;
    int time_arg; // of the forms that have one
};

static bool form_has_time(enum expire_form form)
{
    return form >= EXPIRE_EX && form <= EXPIRE_PXAT;
}

static enum expire_form expire_form_of(const struct cmd_ctx *c, int arg, bool getex)
{
    static const struct {
        const char *word;
        enum expire_form form;
    } forms[] = {
        {"ex", EXPIRE_EX},
        {"px", EXPIRE_PX},
        {"exat", EXPIRE_EXAT},
        {"pxat", EXPIRE_PXAT},
    };

    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if (cmd_arg_is(c, arg, forms[i].word))
            return arg + 1 < c->argc ? forms[i].form : EXPIRE_NONE;
    }
    if (getex)
        return cmd_arg_is(c, arg, "persist") ? EXPIRE_PERSIST : EXPIRE_NONE;
    return cmd_arg_is(c, arg, "keepttl") ? EXPIRE_KEEPTTL : EXPIRE_NONE;
}

// Reads the options from argument `first` on; false: an error was replied. An option may be
// repeated (the last one counts), but not contradicted.
static bool parse_options(struct cmd_ctx *c, int first, bool getex, struct string_options *o)
{
    for (int i = first; i < c->argc; i++) {
        enum expire_form form = expire_form_of(c, i, getex);

        if (form != EXPIRE_NONE && (o->form == EXPIRE_NONE || o->form == form)) {
            o->form = form;
            if (form_has_time(form))
                o->time_arg = ++i;
        } else if (!getex && !o->xx && cmd_arg_is(c, i, "nx")) {
            o->nx = true;
        } else if (!getex && !o->nx && cmd_arg_is(c, i, "xx")) {
            o->xx = true;
        } else if (!getex && cmd_arg_is(c, i, "get")) {
            o->get = true;
        } else {
            cmd_reply_syntax(c);
            return false;
        }
    }
    return true;
}

// The unix time in ms that an option's argument stands for; false: an error was replied.
static bool parse_expire_at(struct cmd_ctx *c, enum expire_form form, int arg, int64_t *at_ms)
{
    bool seconds = form == EXPIRE_EX || form == EXPIRE_EXAT;
    bool relative = form == EXPIRE_EX || form == EXPIRE_PX;
    int64_t at;

    if (!cmd_arg_i64(c, arg, &at))
        return false;
    if (at <= 0 || __builtin_mul_overflow(at, seconds ? 1000 : 1, &at) ||
        __builtin_add_overflow(at, relative ? c->now_ms : 0, &at)) {
        reply_errorf(c->reply, "invalid expire time in '%s' command", c->cmd->row->name);
        return false;
    }
    *at_ms = at;
    return true;
}

// ---- GET and SET ------------------------------------------------------------------------------

static void reply_string_or_null(struct cmd_ctx *c, struct value v)
{
    if (value_is_none(v))
        reply_null(c->reply);
    else
        cmd_reply_string(c, v);
}

/* GET key */
static void cmd_get(struct cmd_ctx *c)
{
    struct value v;

    if (key_get_type(c, 0, TYPE_STRING, &v))
        reply_string_or_null(c, v);
}

// Makes the value that the key is to hold: VALUE_ABSENT when its time has come already. False: an
// error was replied.
static bool make_string(struct cmd_ctx *c, struct bytes text, int64_t expires_at_ms,
                        struct value *v)
{
    enum status status = STATUS_OK;

    *v = VALUE_ABSENT;
    if (expires_at_ms == NO_EXPIRE || expires_at_ms > c->now_ms)
        status = str_new(text.data, text.len, expires_at_ms, v);
    if (status != STATUS_OK)
        cmd_reply_status(c, status);
    return status == STATUS_OK;
}

static void set_with_options(struct cmd_ctx *c, int value_arg, const struct string_options *o)
{
    int64_t at_ms = NO_EXPIRE;

    if (form_has_time(o->form) && !parse_expire_at(c, o->form, o->time_arg, &at_ms))
        return;
    struct value old = key_get(c, 0), new;
    bool found = !value_is_none(old);
    if (o->get && found && value_type(old) != TYPE_STRING) {
        cmd_reply_wrongtype(c);
        return;
    }
    if ((o->nx && found) || (o->xx && !found)) {
        reply_string_or_null(c, o->get ? old : VALUE_ABSENT);
        return;
    }
    if (o->form == EXPIRE_KEEPTTL)
        at_ms = value_expires_at(old);
    if (!make_string(c, c->argv[value_arg], at_ms, &new))
        return;
    // While it is still the key's: a long reply leaves the epoch section between its slices, and
    // what is retired would be freed.
    if (o->get)
        reply_string_or_null(c, old);
    else
        reply_ok(c->reply);
    key_set(c, 0, new);
}

/* SET key value [NX | XX] [GET] [EX s | PX ms | EXAT s | PXAT ms | KEEPTTL]  -> OK, nil or old
 * value */
static void cmd_set(struct cmd_ctx *c)
{
    struct string_options o = {.form = EXPIRE_NONE};
    struct value new;

    if (c->argc > 3) {
        if (parse_options(c, 3, false, &o))
            set_with_options(c, 2, &o);
    } else if (make_string(c, c->argv[2], NO_EXPIRE, &new)) {
        key_set(c, 0, new);
        reply_ok(c->reply);
    }
}

// What is there already matters where it is replied.
static uint64_t set_work(struct cmd_ctx *c)
{
    return work_args(c) + (c->argc > 3 ? work_first_key(c) : 0);
}

// The old value is looked at where it is replied.
static const char *set_use(const struct cmd_ctx *c)
{
    for (int i = 3; i < c->argc; i++) {
        if (cmd_arg_is(c, i, "get"))
            return "RW access update";
    }
    return "OW update";
}

/* SETNX key value  -> 1 when it was set */
static void cmd_setnx(struct cmd_ctx *c)
{
    struct value new;

    if (!value_is_none(key_get(c, 0))) {
        reply_int(c->reply, 0);
    } else if (make_string(c, c->argv[2], NO_EXPIRE, &new)) {
        key_set(c, 0, new);
        reply_int(c->reply, 1);
    }
}

/* SETEX key seconds value */
static void cmd_setex(struct cmd_ctx *c)
{
    set_with_options(c, 3, &(struct string_options){.form = EXPIRE_EX, .time_arg = 2});
}

/* PSETEX key milliseconds value */
static void cmd_psetex(struct cmd_ctx *c)
{
    set_with_options(c, 3, &(struct string_options){.form = EXPIRE_PX, .time_arg = 2});
}

/* GETSET key value  -> old value */
static void cmd_getset(struct cmd_ctx *c)
{
    set_with_options(c, 2, &(struct string_options){.get = true});
}

/* GETDEL key  -> value */
static void cmd_getdel(struct cmd_ctx *c)
{
    struct value v;

    if (!key_get_type(c, 0, TYPE_STRING, &v))
        return;
    reply_string_or_null(c, v);
    key_delete(c, 0);
}

/* GETEX key [EX s | PX ms | EXAT s | PXAT ms | PERSIST]  -> value */
static void cmd_getex(struct cmd_ctx *c)
{
    struct string_options o = {.form = EXPIRE_NONE};
    enum status status = STATUS_OK;
    int64_t at_ms = NO_EXPIRE;
    struct value v;

    if (!parse_options(c, 2, true, &o) || !key_get_type(c, 0, TYPE_STRING, &v))
        return;
    if (value_is_none(v)) {
        reply_null(c->reply);
        return;
    }
    if (form_has_time(o.form) && !parse_expire_at(c, o.form, o.time_arg, &at_ms))
        return;
    if (at_ms != NO_EXPIRE && at_ms <= c->now_ms) {
        cmd_reply_string(c, v);
        key_delete(c, 0);
        return;
    }
    if (at_ms != NO_EXPIRE || (o.form == EXPIRE_PERSIST && value_expires_at(v) != NO_EXPIRE))
        status = key_expire(c, 0, at_ms);
    if (status == STATUS_OK)
        cmd_reply_string(c, key_peek(c, 0)); // `v` may be retired by now
    else
        cmd_reply_status(c, status);
}

// ---- several keys -----------------------------------------------------------------------------

/* MGET key [key ...]  -> a value or nil for each */
static void cmd_mget(struct cmd_ctx *c)
{
    reply_array(c->reply, (size_t)c->nkeys);
    for (int i = 0; i < c->nkeys && cmd_step(c, 1); i++) {
        struct value v = key_get(c, i);
        reply_string_or_null(c, value_is_string(v) ? v : VALUE_ABSENT);
    }
}

// Makes the values of all pairs; STATUS_NO_MEMORY: none.
static enum status make_values(struct cmd_ctx *c, struct value *values)
{
    for (int i = 0; i < c->nkeys; i++) {
        struct bytes text = c->argv[2 + 2 * i];
        (void)cmd_step(c, 1 + work_of_bytes(text.len));
        enum status status = str_new(text.data, text.len, NO_EXPIRE, &values[i]);
        if (status != STATUS_OK) {
            while (i-- > 0)
                value_free(values[i]);
            return status;
        }
    }
    return STATUS_OK;
}

// Sets all pairs or none; false: an error was replied. Of a key named twice the last value stays.
static bool set_pairs(struct cmd_ctx *c)
{
    struct value few[MSET_INLINE_VALUES], *values = few;
    enum status status = STATUS_NO_MEMORY;

    if (c->nkeys > MSET_INLINE_VALUES)
        values = mem_alloc((size_t)c->nkeys * sizeof *values);
    if (values)
        status = make_values(c, values);
    if (status == STATUS_OK) {
        for (int i = 0; i < c->nkeys; i++) {
            if (key_named_again(c, i))
                value_free(values[i]);
            else
                key_set(c, i, values[i]);
        }
    } else {
        cmd_reply_status(c, status);
    }
    if (values != few)
        mem_free(values);
    return status == STATUS_OK;
}

/* MSET key value [key value ...] */
static void cmd_mset(struct cmd_ctx *c)
{
    if (c->argc % 2 == 0)
        cmd_reply_arity(c);
    else if (set_pairs(c))
        reply_ok(c->reply);
}

/* MSETNX key value [key value ...]  -> 1 when all were set, 0 when one of the keys exists */
static void cmd_msetnx(struct cmd_ctx *c)
{
    if (c->argc % 2 == 0) {
        cmd_reply_arity(c);
        return;
    }
    for (int i = 0; i < c->nkeys; i++) {
        if (!value_is_none(key_get(c, i))) {
            reply_int(c->reply, 0);
            return;
        }
    }
    if (set_pairs(c))
        reply_int(c->reply, 1);
}

// ---- numbers ----------------------------------------------------------------------------------

static void increment(struct cmd_ctx *c, int64_t by)
{
    struct value old, v;
    int64_t n = 0;
    enum status status = STATUS_OK;

    if (!key_get_type(c, 0, TYPE_STRING, &old))
        return;
    if (!value_is_none(old))
        status = str_to_i64(old, &n);
    if (status == STATUS_OK && __builtin_add_overflow(n, by, &n))
        status = STATUS_OVERFLOW;
    if (status == STATUS_OK)
        status = str_from_i64(n, value_expires_at(old), &v);
    if (status != STATUS_OK) {
        cmd_reply_status(c, status);
        return;
    }
    key_set(c, 0, v);
    reply_int(c->reply, n);
}

/* INCR key */
static void cmd_incr(struct cmd_ctx *c)
{
    increment(c, 1);
}

/* DECR key */
static void cmd_decr(struct cmd_ctx *c)
{
    increment(c, -1);
}

/* INCRBY key increment */
static void cmd_incrby(struct cmd_ctx *c)
{
    int64_t by;

    if (cmd_arg_i64(c, 2, &by))
        increment(c, by);
}

/* DECRBY key decrement */
static void cmd_decrby(struct cmd_ctx *c)
{
    int64_t by;

    if (!cmd_arg_i64(c, 2, &by))
        return;
    if (by == INT64_MIN)
        reply_error(c->reply, "decrement would overflow");
    else
        increment(c, -by);
}

/* INCRBYFLOAT key increment  -> the new value, as a string */
static void cmd_incrbyfloat(struct cmd_ctx *c)
{
    struct str_view view = {.len = 0};
    struct value old, v;
    long double n = 0, by;
    enum status status;
    char text[DOUBLE_LONG_CHARS];

    if (!key_get_type(c, 0, TYPE_STRING, &old))
        return;
    if (!value_is_none(old))
        str_view(old, &view);
    if ((!value_is_none(old) && !bytes_to_long_double((struct bytes){view.data, view.len}, &n)) ||
        !bytes_to_long_double(c->argv[2], &by)) {
        cmd_reply_status(c, STATUS_NOT_FLOAT);
        return;
    }
    n += by;
    if (isnan(n) || isinf(n)) {
        cmd_reply_status(c, STATUS_NAN_OR_INF);
        return;
    }
    size_t len = double_format_long(n, text);
    status = str_new_text(text, len, value_expires_at(old), &v); // never "int", as in Redis
    if (status != STATUS_OK) {
        cmd_reply_status(c, status);
        return;
    }
    key_set(c, 0, v);
    reply_bulk(c->reply, text, len);
}

// ---- parts of a string ------------------------------------------------------------------------

/* STRLEN key */
static void cmd_strlen(struct cmd_ctx *c)
{
    struct value v;

    if (key_get_live_string(c, 0, &v))
        reply_int(c->reply, value_is_none(v) ? 0 : (int64_t)str_len(v));
}

/* APPEND key value  -> new length */
static void cmd_append(struct cmd_ctx *c)
{
    struct bytes tail = c->argv[2];
    struct value old, v;
    enum status status;
    size_t len;

    if (!key_get_type(c, 0, TYPE_STRING, &old))
        return;
    status = str_append(c->types, old, tail.data, tail.len, &v, &len);
    if (status != STATUS_OK) {
        cmd_reply_status(c, status);
        return;
    }
    key_set(c, 0, v);
    reply_int(c->reply, (int64_t)len);
}

static uint64_t setrange_work(struct cmd_ctx *c)
{
    int64_t offset;

    if (!bytes_to_i64(c->argv[2], &offset) || offset < 0)
        offset = 0;
    return work_copy_on_write(c) + work_of_bytes((size_t)offset);
}

/* SETRANGE key offset value  -> new length */
static void cmd_setrange(struct cmd_ctx *c)
{
    struct bytes part = c->argv[3];
    struct value old, v;
    int64_t offset;
    enum status status;
    size_t len;

    if (!cmd_arg_i64(c, 2, &offset))
        return;
    if (offset < 0) {
        reply_error(c->reply, "offset is out of range");
        return;
    }
    if (!key_get_type(c, 0, TYPE_STRING, &old))
        return;
    if (part.len == 0) { // nothing to write: no padding either, and no new key
        reply_int(c->reply, value_is_none(old) ? 0 : (int64_t)str_len(old));
        return;
    }
    status = str_set_range(c->types, old, (size_t)offset, part.data, part.len, &v, &len);
    if (status != STATUS_OK) {
        cmd_reply_status(c, status);
        return;
    }
    key_set(c, 0, v);
    reply_int(c->reply, (int64_t)len);
}

// Turns an inclusive range whose ends may count from the end (-1: the last byte) into a position
// and a length within a string of `len` bytes.
static void clip_range(int64_t start, int64_t end, size_t len, size_t *at, size_t *nbytes)
{
    int64_t size = (int64_t)len;
    bool backwards = start < 0 && end < 0 && start > end;

    if (start < 0)
        start = start + size > 0 ? start + size : 0;
    if (end < 0)
        end = end + size > 0 ? end + size : 0;
    if (end >= size)
        end = size - 1;
    if (backwards || start > end || size == 0) {
        *at = *nbytes = 0;
        return;
    }
    *at = (size_t)start;
    *nbytes = (size_t)(end - start + 1);
}

// The bytes between the two ends, or the whole string when they count from its end.
static uint64_t getrange_work(struct cmd_ctx *c)
{
    uint64_t all = work_first_key(c), part;
    int64_t start, end;

    if (!bytes_to_i64(c->argv[2], &start) || !bytes_to_i64(c->argv[3], &end) || start < 0 ||
        end < start)
        return all;
    part = work_of_bytes((size_t)(end - start));
    return part < all ? part : all;
}

/* GETRANGE key start end, and SUBSTR, its old name */
static void cmd_getrange(struct cmd_ctx *c)
{
    struct str_view view = {.data = "", .len = 0};
    int64_t start, end;
    struct value v;
    size_t at, nbytes;

    if (!cmd_arg_i64(c, 2, &start) || !cmd_arg_i64(c, 3, &end) ||
        !key_get_type(c, 0, TYPE_STRING, &v))
        return;
    if (!value_is_none(v))
        str_view(v, &view);
    clip_range(start, end, view.len, &at, &nbytes);
    cmd_reply_bulk(c, view.data + at, nbytes);
}

// ---- LCS --------------------------------------------------------------------------------------

struct lcs_options {
    bool len, idx, with_match_len;
    int64_t min_match_len;
};

struct lcs_reply {
    struct reply *reply;
    const struct lcs_options *options;
    size_t nmatches;
    const char *a; // for the text: where the bytes come from
    char *text;    // and where they go, the last stretch first
    size_t left;   // bytes of the text not filled in yet
};

static bool parse_lcs(struct cmd_ctx *c, struct lcs_options *o)
{
    for (int i = 3; i < c->argc; i++) {
        if (cmd_arg_is(c, i, "idx")) {
            o->idx = true;
        } else if (cmd_arg_is(c, i, "len")) {
            o->len = true;
        } else if (cmd_arg_is(c, i, "withmatchlen")) {
            o->with_match_len = true;
        } else if (cmd_arg_is(c, i, "minmatchlen") && i + 1 < c->argc) {
            if (!cmd_arg_i64(c, ++i, &o->min_match_len))
                return false;
        } else {
            cmd_reply_syntax(c);
            return false;
        }
    }
    if (o->idx && o->len) {
        reply_error(c->reply, "If you want both the length and indexes, please just use IDX.");
        return false;
    }
    return true;
}

static void reply_stretch(struct reply *r, size_t start, size_t len)
{
    reply_array(r, 2);
    reply_int(r, (int64_t)start);
    reply_int(r, (int64_t)(start + len - 1));
}

static void reply_match(size_t a_start, size_t b_start, size_t len, void *arg)
{
    struct lcs_reply *to = arg;

    if ((int64_t)len < to->options->min_match_len)
        return;
    reply_array(to->reply, to->options->with_match_len ? 3 : 2);
    reply_stretch(to->reply, a_start, len);
    reply_stretch(to->reply, b_start, len);
    if (to->options->with_match_len)
        reply_int(to->reply, (int64_t)len);
    to->nmatches++;
}

static void fill_text(size_t a_start, size_t b_start, size_t len, void *arg)
{
    struct lcs_reply *to = arg;

    (void)b_start;
    to->left -= len;
    memcpy(to->text + to->left, to->a + a_start, len);
}

static void reply_lcs(struct reply *r, const struct lcs *lcs, const struct lcs_options *o,
                      const char *a)
{
    struct lcs_reply to = {.reply = r, .options = o, .a = a, .left = lcs_length(lcs)};

    if (o->len) {
        reply_int(r, (int64_t)lcs_length(lcs));
    } else if (o->idx) {
        reply_map(r, 2);
        reply_bulk_str(r, "matches");
        size_t at = reply_deferred_begin(r);
        lcs_walk(lcs, reply_match, &to);
        reply_deferred_array(r, at, to.nmatches);
        reply_bulk_str(r, "len");
        reply_int(r, (int64_t)lcs_length(lcs));
    } else {
        to.text = reply_bulk_space(r, to.left);
        if (to.text)
            lcs_walk(lcs, fill_text, &to);
    }
}

// Redis works in a table of 4 bytes a cell and refuses one larger than the longest string: the same
// strings are refused here, although this table is much smaller.
static bool lcs_too_large(struct cmd_ctx *c, size_t a_len, size_t b_len)
{
    size_t limit = atomic_load_explicit(&c->types->limits->max_string_bytes, memory_order_relaxed);
    size_t nbytes;

    return __builtin_mul_overflow(a_len + 1, b_len + 1, &nbytes) ||
           __builtin_mul_overflow(nbytes, sizeof(uint32_t), &nbytes) || nbytes > limit;
}

// A unit compares some tens of bytes with 64 others.
static uint64_t lcs_work(struct cmd_ctx *c)
{
    size_t len[2];

    for (int i = 0; i < 2; i++) {
        struct value v = key_peek(c, i);
        len[i] = value_is_string(v) ? str_len(v) : 0;
    }
    return len[0] / 16 * (len[1] / 64 + 1);
}

/* LCS key1 key2 [LEN] [IDX] [MINMATCHLEN n] [WITHMATCHLEN]  -> the text, its length, or where it is
 */
static void cmd_lcs(struct cmd_ctx *c)
{
    struct lcs_options o = {.min_match_len = 0};
    struct str_view views[2] = {{.data = ""}, {.data = ""}};
    struct lcs *lcs;

    for (int i = 0; i < 2; i++) {
        struct value v = key_get(c, i);
        if (value_is_none(v))
            continue;
        if (!value_is_string(v)) {
            reply_error(c->reply, "The specified keys must contain string values");
            return;
        }
        str_view(v, &views[i]);
    }
    if (!parse_lcs(c, &o))
        return;
    if (lcs_too_large(c, views[0].len, views[1].len)) {
        reply_error(c->reply,
                    "Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len");
        return;
    }
    enum status status =
        lcs_new(views[0].data, views[0].len, views[1].data, views[1].len, !o.len, &lcs);
    if (status != STATUS_OK) {
        cmd_reply_status(c, status);
        return;
    }
    reply_lcs(c->reply, lcs, &o, views[0].data);
    lcs_free(lcs);
}

// clang-format off
COMMANDS(string) = {
    {"append", 3, KEYS(1, 1, 1), LOCK_WRITE, CMD_DENYOOM | CMD_FAST, cmd_append, "key value", "2.0.0",
     "Adds text at the end of a string.",
     .key_use = "RW insert",
     .work = work_copy_on_write},
    {"decr", 2, KEYS(1, 1, 1), LOCK_WRITE, CMD_DENYOOM | CMD_FAST, cmd_decr, "key", "1.0.0",
     "Takes one from an integer."},
    {"decrby", 3, KEYS(1, 1, 1), LOCK_WRITE, CMD_DENYOOM | CMD_FAST, cmd_decrby, "key decrement",
     "1.0.0", "Takes a number from an integer."},
    {"get", 2, KEYS(1, 1, 1), LOCK_NONE, CMD_FAST, cmd_get, "key", "1.0.0", "Returns a string.",
     .work = work_first_key},
    {"getdel", 2, KEYS(1, 1, 1), LOCK_WRITE, CMD_FAST, cmd_getdel, "key", "6.2.0",
     "Returns a string and deletes the key.",
     .key_use = "RW access delete",
     .work = work_first_key},
    {"getex", -2, KEYS(1, 1, 1), LOCK_WRITE, CMD_FAST, cmd_getex,
     "key [EX seconds|PX milliseconds|EXAT unix-time-seconds|PXAT unix-time-milliseconds|PERSIST]",
     "6.2.0", "Returns a string and changes its expire time.",
     .work = work_first_key},
    {"getrange", 4, KEYS(1, 1, 1), LOCK_NONE, 0, cmd_getrange, "key start end", "2.4.0",
     "Returns a part of a string.",
     .work = getrange_work},
    {"getset", 3, KEYS(1, 1, 1), LOCK_WRITE, CMD_DENYOOM | CMD_FAST, cmd_getset, "key value", "1.0.0",
     "Sets a string and returns the one before.",
     .work = work_copy_on_write},
    {"incr", 2, KEYS(1, 1, 1), LOCK_WRITE, CMD_DENYOOM | CMD_FAST, cmd_incr, "key", "1.0.0",
     "Adds one to an integer."},
    {"incrby", 3, KEYS(1, 1, 1), LOCK_WRITE, CMD_DENYOOM | CMD_FAST, cmd_incrby, "key increment",
     "1.0.0", "Adds a number to an integer."},
    {"incrbyfloat", 3, KEYS(1, 1, 1), LOCK_WRITE, CMD_DENYOOM | CMD_FAST, cmd_incrbyfloat,
     "key increment", "2.6.0", "Adds a number to a decimal fraction."},
    {"lcs", -3, KEYS(1, 2, 1), LOCK_READ, 0, cmd_lcs,
     "key1 key2 [LEN] [IDX] [MINMATCHLEN len] [WITHMATCHLEN]", "7.0.0",
     "Finds the longest common subsequence of two strings.",
     .work = lcs_work},
    {"mget", -2, KEYS(1, -1, 1), LOCK_NONE, CMD_FAST, cmd_mget, "key [key ...]", "1.0.0",
     "Returns several strings, as they are at one instant.",
     .tips = "request_policy:multi_shard",
     .work = work_all_keys},
    {"mset", -3, KEYS(1, -1, 2), LOCK_WRITE, CMD_DENYOOM, cmd_mset, "key value [key value ...]",
     "1.0.1", "Sets several strings at once.",
     .key_use = "OW update", .tips = "request_policy:multi_shard response_policy:all_succeeded",
     .work = work_args},
    {"msetnx", -3, KEYS(1, -1, 2), LOCK_WRITE, CMD_DENYOOM, cmd_msetnx, "key value [key value ...]",
     "1.0.1", "Sets several strings at once unless one of the keys exists.",
     .key_use = "OW insert", .tips = "request_policy:multi_shard response_policy:agg_min",
     .work = work_args},
    {"psetex", 4, KEYS(1, 1, 1), LOCK_WRITE, CMD_DENYOOM, cmd_psetex, "key milliseconds value",
     "2.6.0", "Sets a string that expires after some milliseconds.",
     .key_use = "OW update",
     .work = work_args},
    {"set", -3, KEYS(1, 1, 1), LOCK_WRITE, CMD_DENYOOM, cmd_set,
     "key value [NX|XX] [GET] [EX seconds|PX milliseconds|EXAT unix-time-seconds|"
     "PXAT unix-time-milliseconds|KEEPTTL]", "1.0.0", "Sets a string.",
     .key_use = "RW access update variable_flags", .call_use = set_use,
     .work = set_work},
    {"setex", 4, KEYS(1, 1, 1), LOCK_WRITE, CMD_DENYOOM, cmd_setex, "key seconds value", "2.0.0",
     "Sets a string that expires after some seconds.",
     .key_use = "OW update",
     .work = work_args},
    {"setnx", 3, KEYS(1, 1, 1), LOCK_WRITE, CMD_DENYOOM | CMD_FAST, cmd_setnx, "key value", "1.0.0",
     "Sets a string unless the key exists.",
     .key_use = "OW insert",
     .work = work_args},
    {"setrange", 4, KEYS(1, 1, 1), LOCK_WRITE, CMD_DENYOOM, cmd_setrange, "key offset value", "2.2.0",
     "Overwrites a part of a string.",
     .key_use = "RW update",
     .work = setrange_work},
    {"strlen", 2, KEYS(1, 1, 1), LOCK_NONE, CMD_FAST, cmd_strlen, "key", "2.2.0",
     "Returns the length of a string.",
     .key_use = "RO"},
    {"substr", 4, KEYS(1, 1, 1), LOCK_NONE, 0, cmd_getrange, "key start end", "1.0.0",
     "Returns a part of a string; the old name of GETRANGE.",
     .work = getrange_work},
    COMMANDS_END,
};
// clang-format on
