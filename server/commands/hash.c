// SPDX-License-Identifier: MIT
//
// Hash commands, but for those that walk a hash or pick from it (hash_walk.c).
//
// Each operation of hash.h is all or nothing. A command that makes several, each of which may need
// memory, must not stop half-way: a packed hash is changed in a copy that then takes its place; in
// a dictionary the changes are made in place and taken back when one fails.
#include "datatypes/hash.h"

#include <math.h>

#include "datatypes/mem.h"
#include "datatypes/str.h"
#include "resp/double.h"
#include "server/engine/cmd.h"
#include "server/engine/work.h"

enum {
    INLINE_PAIRS = 32,     // replaced pairs that are kept without allocating
    FEW_FIELDS = 16,       // whose look-up is never long
    LOOKED_UP_MOST = 1000, // fields whose values an estimate looks at
};

// ---- setting ----------------------------------------------------------------------------------

// The pair that begins at argument `arg`.
static struct hash_pair pair_at(const struct cmd_ctx *c, int arg)
{
    const struct bytes *field = &c->argv[arg], *value = &c->argv[arg + 1];

    return (struct hash_pair){field->data, field->len, value->data, value->len};
}

static bool lookup(const struct cmd_ctx *c, struct value hash, int arg, struct bytes *value)
{
    struct bytes field = c->argv[arg];

    return !value_is_none(hash) && hash_get(hash, field.data, field.len, &value->data, &value->len);
}

// Sets one field of `old`, the value of key 0, which may be absent.
static enum status set_one(struct cmd_ctx *c, struct value old, const struct hash_pair *pair,
                           bool *added)
{
    struct value v;
    enum status status;

    if (!value_is_none(old))
        key_mutable(c, 0);
    status = hash_set(c->types, old, pair, &v, added);
    if (status == STATUS_OK)
        key_set(c, 0, v);
    return status;
}

// The room that the pairs from argument 2 on take at most.
static struct hash_room room_of_args(const struct cmd_ctx *c)
{
    struct hash_room room = {.count = (size_t)(c->argc - 2) / 2};

    for (int i = 2; i < c->argc; i++) {
        size_t len = c->argv[i].len;
        room.nbytes += len;
        room.longest = len > room.longest ? len : room.longest;
    }
    return room;
}

// Sets all pairs of the arguments in a private hash that then takes the place of `old`, which is
// packed or absent.
static enum status set_aside(struct cmd_ctx *c, struct value old, int64_t *nadded)
{
    struct hash_room room = room_of_args(c);
    struct value v, next;
    enum status status = hash_aside(c->types, old, &room, &v);

    if (status != STATUS_OK)
        return status;
    for (int i = 2; i < c->argc; i += 2) {
        struct hash_pair pair = pair_at(c, i);
        bool added;
        status = hash_set(c->types, v, &pair, &next, &added);
        if (status != STATUS_OK) {
            hash_discard(c->types, v);
            return status;
        }
        if (next.bits != v.bits)
            value_free(v);
        v = next;
        *nadded += added;
        cmd_step(c, 1);
    }
    key_set(c, 0, hash_fit(v));
    return STATUS_OK;
}

// Sets all pairs of the arguments in a dictionary, keeping what they replace in `before`.
static enum status exchange_all(struct cmd_ctx *c, struct value hash, void **before,
                                int64_t *nadded)
{
    enum status status = STATUS_OK;
    int n = (c->argc - 2) / 2, done;

    for (done = 0; done < n; done++) {
        struct hash_pair pair = pair_at(c, 2 + 2 * done);
        status = hash_exchange(c->types, hash, &pair, &before[done]);
        if (status != STATUS_OK)
            break;
        *nadded += before[done] == NULL;
        cmd_step(c, 1);
    }
    if (status == STATUS_OK) {
        for (int i = 0; i < n; i++) {
            if (before[i])
                hash_forget(c->types, before[i]);
            cmd_step(c, 1);
        }
        return STATUS_OK;
    }
    while (done-- > 0) {
        struct bytes field = c->argv[2 + 2 * done];
        hash_put_back(c->types, hash, field.data, field.len, before[done]);
        cmd_step(c, 1);
    }
    return status;
}

static enum status set_in_place(struct cmd_ctx *c, struct value hash, int64_t *nadded)
{
    void *few[INLINE_PAIRS], **before = few;
    size_t n = (size_t)(c->argc - 2) / 2;
    enum status status;

    if (n > INLINE_PAIRS) {
        before = mem_alloc(n * sizeof *before);
        if (!before)
            return STATUS_NO_MEMORY;
    }
    key_mutable(c, 0);
    status = exchange_all(c, hash, before, nadded);
    if (status == STATUS_OK)
        key_set(c, 0, hash);
    if (before != few)
        mem_free(before);
    return status;
}

// Sets the pairs of the arguments; false: an error was replied.
static bool set_pairs(struct cmd_ctx *c, int64_t *nadded)
{
    struct value old;
    enum status status;

    *nadded = 0;
    if (c->argc % 2 != 0) {
        cmd_reply_arity(c);
        return false;
    }
    if (!key_get_type(c, 0, TYPE_HASH, &old))
        return false;
    if (c->argc == 4) {
        struct hash_pair pair = pair_at(c, 2);
        bool added;
        status = set_one(c, old, &pair, &added);
        *nadded = status == STATUS_OK && added;
    } else if (value_is_none(old) || hash_is_packed(old)) {
        status = set_aside(c, old, nadded);
    } else {
        status = set_in_place(c, old, nadded);
    }
    if (status != STATUS_OK)
        cmd_reply_status(c, status);
    return status == STATUS_OK;
}

/* HSET key field value [field value ...]  -> number of fields added */
static void cmd_hset(struct cmd_ctx *c)
{
    int64_t added;

    if (set_pairs(c, &added))
        reply_int(c->reply, added);
}

/* HMSET key field value [field value ...] */
static void cmd_hmset(struct cmd_ctx *c)
{
    int64_t added;

    if (set_pairs(c, &added))
        reply_ok(c->reply);
}

/* HSETNX key field value  -> 1 when it was set, 0 when the field exists */
static void cmd_hsetnx(struct cmd_ctx *c)
{
    struct hash_pair pair = pair_at(c, 2);
    struct bytes value;
    struct value old;
    bool added;

    if (!key_get_type(c, 0, TYPE_HASH, &old))
        return;
    if (lookup(c, old, 2, &value)) {
        reply_int(c->reply, 0);
        return;
    }
    enum status status = set_one(c, old, &pair, &added);
    if (status == STATUS_OK)
        reply_int(c->reply, 1);
    else
        cmd_reply_status(c, status);
}

// ---- removing ---------------------------------------------------------------------------------

// Removes the fields from argument `first` on, which is there, from the value of key 0. A packed
// hash never changes in place, so it is replaced when all went well; from a dictionary nothing
// fails.
static enum status remove_fields(struct cmd_ctx *c, struct value old, int first, int64_t *nremoved)
{
    struct value v = old, next;

    if (!hash_is_packed(old))
        key_mutable(c, 0);
    for (int i = first; i < c->argc && !value_is_none(v); i++) {
        bool removed;
        enum status status =
            hash_remove(c->types, v, c->argv[i].data, c->argv[i].len, &next, &removed);
        if (v.bits != old.bits && (status != STATUS_OK || next.bits != v.bits))
            value_free(v);
        if (status != STATUS_OK)
            return status;
        v = next;
        *nremoved += removed;
        cmd_step(c, 1);
    }
    key_set(c, 0, v);
    return STATUS_OK;
}

/* HDEL key field [field ...]  -> number of fields removed */
static void cmd_hdel(struct cmd_ctx *c)
{
    struct bytes value;
    struct value hash;
    int64_t removed = 0;
    int first = 2;

    if (!key_get_type(c, 0, TYPE_HASH, &hash))
        return;
    while (first < c->argc && !lookup(c, hash, first, &value)) {
        first++;
        cmd_step(c, 1);
    }
    enum status status = STATUS_OK;
    if (first < c->argc)
        status = remove_fields(c, hash, first, &removed);
    if (status == STATUS_OK)
        reply_int(c->reply, removed);
    else
        cmd_reply_status(c, status);
}

// ---- numbers ----------------------------------------------------------------------------------

// Sets the field of argument 2 to a text; false: an error was replied.
static bool set_text(struct cmd_ctx *c, struct value old, const char *text, size_t len)
{
    struct hash_pair pair = {c->argv[2].data, c->argv[2].len, text, len};
    bool added;
    enum status status = set_one(c, old, &pair, &added);

    if (status != STATUS_OK)
        cmd_reply_status(c, status);
    return status == STATUS_OK;
}

/* HINCRBY key field increment  -> the new value */
static void cmd_hincrby(struct cmd_ctx *c)
{
    char text[STR_I64_MAX];
    struct bytes value;
    struct value old;
    int64_t by, n = 0;

    if (!cmd_arg_i64(c, 3, &by) || !key_get_type(c, 0, TYPE_HASH, &old))
        return;
    if (lookup(c, old, 2, &value) && !bytes_to_i64(value, &n)) {
        reply_error(c->reply, "hash value is not an integer");
        return;
    }
    if (__builtin_add_overflow(n, by, &n)) {
        cmd_reply_status(c, STATUS_OVERFLOW);
        return;
    }
    if (set_text(c, old, text, str_format_i64(n, text)))
        reply_int(c->reply, n);
}

/* HINCRBYFLOAT key field increment  -> the new value, as a string */
static void cmd_hincrbyfloat(struct cmd_ctx *c)
{
    char text[DOUBLE_LONG_CHARS];
    struct bytes value;
    struct value old;
    long double n = 0, by;

    if (!bytes_to_long_double(c->argv[3], &by)) {
        cmd_reply_status(c, STATUS_NOT_FLOAT);
        return;
    }
    if (isinf(by)) { // no text is a NaN
        reply_error(c->reply, "value is NaN or Infinity");
        return;
    }
    if (!key_get_type(c, 0, TYPE_HASH, &old))
        return;
    if (lookup(c, old, 2, &value) && !bytes_to_long_double(value, &n)) {
        reply_error(c->reply, "hash value is not a float");
        return;
    }
    n += by;
    if (isinf(n)) {
        cmd_reply_status(c, STATUS_NAN_OR_INF);
        return;
    }
    size_t len = double_format_long(n, text);
    if (set_text(c, old, text, len))
        reply_bulk(c->reply, text, len);
}

// ---- looking ----------------------------------------------------------------------------------

static void reply_field(struct cmd_ctx *c, struct value hash, int arg)
{
    struct bytes value;

    if (lookup(c, hash, arg, &value))
        cmd_reply_bulk(c, value.data, value.len);
    else
        reply_null(c->reply);
}

/* HGET key field */
static void cmd_hget(struct cmd_ctx *c)
{
    struct value hash;

    if (key_get_type(c, 0, TYPE_HASH, &hash))
        reply_field(c, hash, 2);
}

/* HMGET key field [field ...]  -> a value or nil for each */
static void cmd_hmget(struct cmd_ctx *c)
{
    struct value hash;

    if (!key_get_type(c, 0, TYPE_HASH, &hash))
        return;
    reply_array(c->reply, (size_t)c->argc - 2);
    for (int i = 2; i < c->argc && cmd_step(c, 1); i++)
        reply_field(c, hash, i);
}

/* HLEN key */
static void cmd_hlen(struct cmd_ctx *c)
{
    struct value hash;

    if (key_get_type(c, 0, TYPE_HASH, &hash))
        reply_int(c->reply, value_is_none(hash) ? 0 : (int64_t)hash_count(hash));
}

/* HSTRLEN key field  -> length of the value, 0 without one */
static void cmd_hstrlen(struct cmd_ctx *c)
{
    struct bytes value;
    struct value hash;

    if (key_get_type(c, 0, TYPE_HASH, &hash))
        reply_int(c->reply, lookup(c, hash, 2, &value) ? (int64_t)value.len : 0);
}

/* HEXISTS key field */
static void cmd_hexists(struct cmd_ctx *c)
{
    struct bytes value;
    struct value hash;

    if (key_get_type(c, 0, TYPE_HASH, &hash))
        reply_int(c->reply, lookup(c, hash, 2, &value));
}

// ---- estimates --------------------------------------------------------------------------------

// What finding `n` fields costs, beyond a unit each, while a packed hash has `count` of them.
static uint64_t packed_work(uint64_t n, size_t count)
{
    return n * count / HASH_FIELDS_PER_UNIT;
}

// HGET, HMGET: the fields, and the bytes of their values where there are long ones.
static uint64_t work_fields(struct cmd_ctx *c)
{
    struct value hash = key_peek(c, 0);
    uint64_t n = (uint64_t)c->argc - 2, work = work_args(c);
    struct bytes value;

    if (value_type(hash) != TYPE_HASH)
        return work;
    if (hash_is_packed(hash))
        work += packed_work(n, hash_count(hash));
    if (n * work_of_bytes(hash_longest(hash)) < FEW_FIELDS)
        return work;
    for (int i = 2; i < c->argc && i < 2 + LOOKED_UP_MOST; i++) {
        if (lookup(c, hash, i, &value))
            work += work_of_bytes(value.len);
    }
    return work;
}

// HSET, HMSET: the pairs, each of which is looked for among those before it.
static uint64_t work_pairs(struct cmd_ctx *c)
{
    uint64_t n = (uint64_t)c->argc / 2, work = work_args(c);

    if (n <= FEW_FIELDS)
        return work;
    struct value hash = key_peek(c, 0);
    bool exists = value_type(hash) == TYPE_HASH;
    if (exists && !hash_is_packed(hash))
        return work;
    size_t count = (size_t)n + (exists ? hash_count(hash) : 0);
    size_t most = atomic_load_explicit(&c->types->limits->hash_max_packed_entries,
                                       memory_order_relaxed); // any recent value serves
    return work + packed_work(n, count < most ? count : most);
}

// HDEL: the fields, and a copy of a packed hash for each.
static uint64_t work_removals(struct cmd_ctx *c)
{
    uint64_t n = (uint64_t)c->argc - 2, work = work_args(c);

    if (n <= FEW_FIELDS)
        return work;
    struct value hash = key_peek(c, 0);
    if (value_type(hash) != TYPE_HASH || !hash_is_packed(hash))
        return work;
    return work + packed_work(n, hash_count(hash)) + n * work_of_bytes(hash_bytes(hash));
}

// clang-format off
COMMANDS(hash) = {
    {"hdel", -3, KEYS(1, 1, 1), LOCK_WRITE, CMD_FAST, cmd_hdel, "key field [field ...]", "2.0.0",
     "Removes fields from a hash.",
     .key_use = "RW delete", .work = work_removals, .member = 2},
    {"hexists", 3, KEYS(1, 1, 1), LOCK_NONE, CMD_FAST, cmd_hexists, "key field", "2.0.0",
     "Tells whether a hash has a field.",
     .key_use = "RO", .member = 2},
    {"hget", 3, KEYS(1, 1, 1), LOCK_NONE, CMD_FAST, cmd_hget, "key field", "2.0.0",
     "Returns the value of a field.",
     .work = work_fields, .member = 2},
    {"hincrby", 4, KEYS(1, 1, 1), LOCK_WRITE, CMD_DENYOOM | CMD_FAST, cmd_hincrby,
     "key field increment", "2.0.0", "Adds a number to an integer in a field.", .member = 2},
    {"hincrbyfloat", 4, KEYS(1, 1, 1), LOCK_WRITE, CMD_DENYOOM | CMD_FAST, cmd_hincrbyfloat,
     "key field increment", "2.6.0", "Adds a number to a decimal fraction in a field.", .member = 2},
    {"hlen", 2, KEYS(1, 1, 1), LOCK_NONE, CMD_FAST, cmd_hlen, "key", "2.0.0",
     "Returns the number of fields of a hash.",
     .key_use = "RO"},
    {"hmget", -3, KEYS(1, 1, 1), LOCK_NONE, CMD_FAST, cmd_hmget, "key field [field ...]", "2.0.0",
     "Returns the values of several fields.",
     .work = work_fields, .member = 2},
    {"hmset", -4, KEYS(1, 1, 1), LOCK_WRITE, CMD_DENYOOM | CMD_FAST, cmd_hmset,
     "key field value [field value ...]", "2.0.0", "Sets fields of a hash; the old name of HSET.",
     .key_use = "RW update", .work = work_pairs, .member = 2},
    {"hset", -4, KEYS(1, 1, 1), LOCK_WRITE, CMD_DENYOOM | CMD_FAST, cmd_hset,
     "key field value [field value ...]", "2.0.0", "Sets fields of a hash.",
     .key_use = "RW update", .work = work_pairs, .member = 2},
    {"hsetnx", 4, KEYS(1, 1, 1), LOCK_WRITE, CMD_DENYOOM | CMD_FAST, cmd_hsetnx, "key field value",
     "2.0.0", "Sets a field of a hash unless it exists.",
     .key_use = "RW insert", .work = work_args, .member = 2},
    {"hstrlen", 3, KEYS(1, 1, 1), LOCK_NONE, CMD_FAST, cmd_hstrlen, "key field", "3.2.0",
     "Returns the length of a field's value.",
     .key_use = "RO", .member = 2},
    COMMANDS_END,
};
// clang-format on
