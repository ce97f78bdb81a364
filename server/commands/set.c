// SPDX-License-Identifier: MIT
//
// Set commands, but for those that combine several sets (set_combine.c).
//
// A single change is made in place; each operation of set.h is all or nothing. A command that makes
// several changes, each of which may need memory, must not stop half-way: to a compact set they are
// made in a copy that then takes its place (`aside`); in a dictionary, from which removing never
// fails, they are made in place and taken back when one fails.
#include "datatypes/set.h"
#include "datatypes/mem.h"
#include "server/engine/cmd.h"
#include "server/engine/scan_page.h"
#include "server/engine/set_algebra.h"
#include "server/engine/set_reply.h"
#include "server/engine/work.h"

enum { INLINE_ARGS = 64 }; // arguments of SADD and SREM that are listed without allocating

// ---- adding and removing ----------------------------------------------------------------------

static bool contains(struct cmd_ctx *c, struct value set, int arg)
{
    return set_contains(c->types, set, c->argv[arg].data, c->argv[arg].len);
}

// The arguments that will change something: indices in argv, 0 for one that turned out a
// repetition.
struct arg_list {
    int *args, n;
    int few[INLINE_ARGS];
};

// Lists the arguments from 2 on that are (or are not) in the set. STATUS_NO_MEMORY: nothing to
// free.
static enum status arg_list_init(struct arg_list *list, struct cmd_ctx *c, struct value set,
                                 bool present)
{
    list->args = list->few;
    list->n = 0;
    if (c->argc - 2 > INLINE_ARGS) {
        list->args = mem_alloc((size_t)(c->argc - 2) * sizeof *list->args);
        if (!list->args)
            return STATUS_NO_MEMORY;
    }
    for (int i = 2; i < c->argc; i++) {
        cmd_step(c, 1);
        if (contains(c, set, i) == present)
            list->args[list->n++] = i;
    }
    return STATUS_OK;
}

static void arg_list_free(struct arg_list *list)
{
    if (list->args != list->few)
        mem_free(list->args);
}

// Adds the listed arguments to a set, all or none.
static enum status add_listed(struct cmd_ctx *c, struct value set, struct arg_list *list,
                              int64_t *nadded)
{
    enum status status = STATUS_OK;
    bool done;
    int i;

    for (i = 0; i < list->n; i++) {
        struct bytes member = c->argv[list->args[i]];
        cmd_step(c, 1);
        status = set_add(c->types, set, member.data, member.len, &done);
        if (status != STATUS_OK)
            break;
        if (!done)
            list->args[i] = 0;
        *nadded += done;
    }
    while (status != STATUS_OK && i-- > 0) {
        struct bytes member = c->argv[list->args[i]];
        // Fails in a compact set only, and that is then a copy which is thrown away.
        if (list->args[i])
            (void)set_remove(c->types, set, member.data, member.len, &done);
    }
    return status;
}

static enum status remove_listed(struct cmd_ctx *c, struct value set, struct arg_list *list,
                                 int64_t *nremoved)
{
    enum status status = STATUS_OK;

    for (int i = 0; i < list->n && status == STATUS_OK; i++) {
        struct bytes member = c->argv[list->args[i]];
        bool done;
        cmd_step(c, 1);
        status = set_remove(c->types, set, member.data, member.len, &done);
        *nremoved += done;
    }
    return status;
}

// Makes a listed change to the set `old` of key 0; `changed` counts what it did.
static enum status change_listed(struct cmd_ctx *c, struct value old, struct arg_list *list,
                                 enum status (*change)(struct cmd_ctx *, struct value,
                                                       struct arg_list *, int64_t *),
                                 int64_t *changed)
{
    bool aside = list->n > 1 && set_is_compact(old);
    struct value set = old;
    enum status status = STATUS_OK;

    if (list->n == 0)
        return STATUS_OK;
    if (aside)
        status = value_copy(c->types, old, &set);
    else
        set = key_mutable(c, 0);
    if (status != STATUS_OK)
        return status;
    status = change(c, set, list, changed);
    bool keep = status == STATUS_OK && set_count(set) > 0;
    if (aside && keep)
        key_set(c, 0, set);
    else if (aside)
        value_free(set);
    if (status == STATUS_OK && !keep)
        key_delete(c, 0);
    return status;
}

// A private set of all arguments from 2 on.
static enum status set_of_args(struct cmd_ctx *c, struct value *out, int64_t *nadded)
{
    struct set_builder b = {.types = c->types, .set = VALUE_ABSENT, .status = STATUS_OK};

    for (int i = 2; i < c->argc; i++) {
        cmd_step(c, 1);
        if (!set_builder_take(c->argv[i].data, c->argv[i].len, &b))
            return b.status;
    }
    *out = b.set;
    *nadded = (int64_t)set_count(b.set);
    return STATUS_OK;
}

/* SADD key member [member ...]  -> number added */
static void cmd_sadd(struct cmd_ctx *c)
{
    struct arg_list list;
    struct value set;
    int64_t added = 0;
    enum status status;

    if (!key_get_type(c, 0, TYPE_SET, &set))
        return;
    if (value_is_none(set)) {
        status = set_of_args(c, &set, &added);
        if (status == STATUS_OK)
            key_set(c, 0, set);
    } else {
        status = arg_list_init(&list, c, set, false);
        if (status == STATUS_OK) {
            status = change_listed(c, set, &list, add_listed, &added);
            arg_list_free(&list);
        }
    }
    if (status == STATUS_OK)
        reply_int(c->reply, added);
    else
        cmd_reply_status(c, status);
}

/* SREM key member [member ...]  -> number removed */
static void cmd_srem(struct cmd_ctx *c)
{
    struct arg_list list;
    struct value set;
    int64_t removed = 0;
    enum status status = STATUS_OK;

    if (!key_get_type(c, 0, TYPE_SET, &set))
        return;
    if (!value_is_none(set)) {
        status = arg_list_init(&list, c, set, true);
        if (status == STATUS_OK) {
            status = change_listed(c, set, &list, remove_listed, &removed);
            arg_list_free(&list);
        }
    }
    if (status == STATUS_OK)
        reply_int(c->reply, removed);
    else
        cmd_reply_status(c, status);
}

// ---- SMOVE ------------------------------------------------------------------------------------

// Adds argument 3 to the set of key 1; all or nothing.
static enum status smove_add(struct cmd_ctx *c, struct value dst)
{
    struct bytes member = c->argv[3];
    struct set_builder b = {.types = c->types, .set = VALUE_ABSENT, .status = STATUS_OK};
    bool added;

    if (!value_is_none(dst)) {
        if (contains(c, dst, 3))
            return STATUS_OK;
        return set_add(c->types, key_mutable(c, 1), member.data, member.len, &added);
    }
    if (set_builder_take(member.data, member.len, &b))
        key_set(c, 1, b.set);
    return b.status;
}

// Takes argument 3 out of the set of key 0, which has it. Where that may fail it was done before:
// `without`, unless absent, is to take the set's place.
static void smove_remove(struct cmd_ctx *c, struct value src, struct value without)
{
    bool removed;

    if (!value_is_none(without))
        key_set(c, 0, without);
    else if (set_count(src) == 1)
        key_delete(c, 0);
    else // a dictionary: cannot fail
        (void)set_remove(c->types, key_mutable(c, 0), c->argv[3].data, c->argv[3].len, &removed);
}

/* SMOVE source destination member  -> 1 when it was moved */
static void cmd_smove(struct cmd_ctx *c)
{
    struct value src, dst, without = VALUE_ABSENT;
    enum status status = STATUS_OK;
    bool removed;

    src = key_get(c, 0);
    if (value_is_none(src)) {
        reply_int(c->reply, 0);
        return;
    }
    if (!key_get_type(c, 0, TYPE_SET, &src) || !key_get_type(c, 1, TYPE_SET, &dst))
        return;
    if (src.bits == dst.bits || !contains(c, src, 3)) {
        reply_int(c->reply, contains(c, src, 3));
        return;
    }
    if (set_count(src) > 1 && set_is_compact(src)) {
        status = value_copy(c->types, src, &without);
        if (status == STATUS_OK)
            status = set_remove(c->types, without, c->argv[3].data, c->argv[3].len, &removed);
    }
    if (status == STATUS_OK)
        status = smove_add(c, dst);
    if (status == STATUS_OK) {
        smove_remove(c, src, without);
        reply_int(c->reply, 1);
        return;
    }
    if (!value_is_none(without))
        value_free(without);
    cmd_reply_status(c, status);
}

// ---- looking ----------------------------------------------------------------------------------

/* SCARD key */
static void cmd_scard(struct cmd_ctx *c)
{
    struct value set;

    if (key_get_type(c, 0, TYPE_SET, &set))
        reply_int(c->reply, value_is_none(set) ? 0 : (int64_t)set_count(set));
}

/* SISMEMBER key member */
static void cmd_sismember(struct cmd_ctx *c)
{
    struct value set;

    if (key_get_type(c, 0, TYPE_SET, &set))
        reply_int(c->reply, !value_is_none(set) && contains(c, set, 2));
}

/* SMISMEMBER key member [member ...]  -> 0 or 1 for each */
static void cmd_smismember(struct cmd_ctx *c)
{
    struct value set;

    if (!key_get_type(c, 0, TYPE_SET, &set))
        return;
    reply_array(c->reply, (size_t)c->argc - 2);
    for (int i = 2; i < c->argc && cmd_step(c, 1); i++)
        reply_int(c->reply, !value_is_none(set) && contains(c, set, i));
}

/* SMEMBERS key */
static void cmd_smembers(struct cmd_ctx *c)
{
    struct value set;

    if (key_get_type(c, 0, TYPE_SET, &set))
        set_reply_whole(c, set);
}

static void sscan_visit(const struct set_member *m, void *arg)
{
    struct scan_page *page = arg;

    if (!scan_page_wants(page, m->data, m->len))
        return;
    reply_bulk(&page->items, m->data, m->len);
    page->n++;
}

static uint64_t sscan_step(struct value v, uint64_t cursor, struct scan_page *page)
{
    return set_scan(v, cursor, sscan_visit, page);
}

/* SSCAN key cursor [MATCH pattern] [COUNT count]  -> [next cursor, [member ...]] */
static void cmd_sscan(struct cmd_ctx *c)
{
    scan_page_of_key(c, TYPE_SET, sscan_step);
}

// ---- chance -----------------------------------------------------------------------------------

// Where picked members go: to a reply whose header comes with the first of them, because until then
// the command may still fail.
struct picked {
    struct reply *reply;
    void (*header)(struct reply *, size_t n); // NULL: none
    size_t n;
};

static void reply_picked(const struct set_member *m, void *arg)
{
    struct picked *to = arg;

    if (to->header)
        to->header(to->reply, to->n);
    to->header = NULL;
    set_reply_member(m, to->reply);
}

// Takes `n` > 0 members out of the set and replies them; with more than fit it takes all.
static void pop(struct cmd_ctx *c, struct value set, size_t n,
                void (*header)(struct reply *, size_t))
{
    size_t count = set_count(set);
    struct picked to = {c->reply, header, n < count ? n : count};

    if (n >= count) {
        if (header)
            header(c->reply, count);
        set_reply_members(c, set);
        key_delete(c, 0);
        return;
    }
    enum status status = set_pop(c->types, key_mutable(c, 0), n, reply_picked, &to);
    if (status != STATUS_OK)
        cmd_reply_status(c, status);
}

static void spop_count(struct cmd_ctx *c)
{
    struct value set;
    int64_t n;

    if (!cmd_arg_i64_range(c, 2, 0, INT64_MAX, &n, "value is out of range, must be positive") ||
        !key_get_type(c, 0, TYPE_SET, &set))
        return;
    if (value_is_none(set) || n == 0)
        reply_set(c->reply, 0);
    else
        pop(c, set, (size_t)n, reply_set);
}

// What the third argument, a count, asks for; 1 without one.
static uint64_t count_work(struct cmd_ctx *c)
{
    int64_t n;

    if (c->argc < 3 || !bytes_to_i64(c->argv[2], &n) || n == INT64_MIN)
        return 1;
    return (uint64_t)(n < 0 ? -n : n);
}

// One member is looked at once the set is locked and known anyway: it may be long.
static uint64_t spop_work(struct cmd_ctx *c)
{
    uint64_t n = count_work(c);

    return n > 1 || keys_locked(c) ? work_of_elements(c, key_peek(c, 0), n) : 1;
}

/* SPOP key [count]  -> a member or nil; with count a set of them */
static void cmd_spop(struct cmd_ctx *c)
{
    struct value set;

    if (c->argc > 3) {
        cmd_reply_syntax(c);
    } else if (c->argc == 3) {
        spop_count(c);
    } else if (key_get_type(c, 0, TYPE_SET, &set)) {
        if (value_is_none(set))
            reply_null(c->reply);
        else
            pop(c, set, 1, NULL);
    }
}

// Replies `n` members, the same one any number of times.
static void reply_with_repetition(struct cmd_ctx *c, struct value set, uint64_t n)
{
    struct set_member m;

    reply_array(c->reply, n);
    // A reply that is too long fails, and the connection is closed for it.
    for (uint64_t i = 0; i < n && !c->reply->failed && cmd_step(c, 1); i++) {
        set_random(c->types, set, &m);
        set_reply_member(&m, c->reply);
    }
}

static void srandmember_count(struct cmd_ctx *c)
{
    struct value set;
    int64_t n;

    if (!cmd_arg_i64(c, 2, &n))
        return;
    if (n == INT64_MIN) {
        reply_errorf(c->reply, "value is out of range, value must between %lld and %lld",
                     -(long long)INT64_MAX, (long long)INT64_MAX);
        return;
    }
    if (!key_get_type(c, 0, TYPE_SET, &set))
        return;
    if (value_is_none(set) || n == 0) {
        reply_empty_array(c->reply);
    } else if (n < 0) {
        reply_with_repetition(c, set, (uint64_t)-n);
    } else if ((uint64_t)n >= set_count(set)) {
        reply_array(c->reply, set_count(set));
        set_reply_members(c, set);
    } else {
        struct picked to = {c->reply, reply_array, (size_t)n};
        enum status status = set_sample(c->types, set, (size_t)n, reply_picked, &to);
        if (status != STATUS_OK)
            cmd_reply_status(c, status);
    }
}

// With repetitions there may be more than the set has.
static uint64_t srandmember_work(struct cmd_ctx *c)
{
    bool repeats = c->argc == 3 && c->argv[2].len > 0 && c->argv[2].data[0] == '-';

    return repeats ? work_of_draws(c, key_peek(c, 0), count_work(c)) : spop_work(c);
}

/* SRANDMEMBER key [count]  -> a member or nil; with count an array, with repetitions when negative
 */
static void cmd_srandmember(struct cmd_ctx *c)
{
    struct set_member m;
    struct value set;

    if (c->argc > 3) {
        cmd_reply_syntax(c);
    } else if (c->argc == 3) {
        srandmember_count(c);
    } else if (key_get_type(c, 0, TYPE_SET, &set)) {
        if (value_is_none(set)) {
            reply_null(c->reply);
            return;
        }
        set_random(c->types, set, &m);
        set_reply_member(&m, c->reply);
    }
}

// clang-format off
COMMANDS(set) = {
    {"sadd", -3, KEYS(1, 1, 1), LOCK_WRITE, CMD_DENYOOM | CMD_FAST, cmd_sadd, "key member [member ...]",
     "1.0.0", "Adds members to a set.",
     .key_use = "RW insert", .member = 2,
     .work = work_args},
    {"scard", 2, KEYS(1, 1, 1), LOCK_NONE, CMD_FAST, cmd_scard, "key", "1.0.0",
     "Returns the number of members of a set.",
     .key_use = "RO"},
    {"sismember", 3, KEYS(1, 1, 1), LOCK_NONE, CMD_FAST, cmd_sismember, "key member", "1.0.0",
     "Tells whether a set has a member.",
     .key_use = "RO", .member = 2},
    {"smembers", 2, KEYS(1, 1, 1), LOCK_READ, 0, cmd_smembers, "key", "1.0.0",
     "Returns all members of a set.",
     .tips = "nondeterministic_output_order",
     .work = work_first_key},
    {"smismember", -3, KEYS(1, 1, 1), LOCK_NONE, CMD_FAST, cmd_smismember,
     "key member [member ...]", "6.2.0", "Tells of several members whether a set has them.", .member = 2,
     .work = work_args},
    {"smove", 4, KEYS(1, 2, 1), LOCK_WRITE, CMD_FAST, cmd_smove, "source destination member", "1.0.0",
     "Moves a member from one set to another.",
     .key_use = "RW access delete", .rest_use = "RW insert"},
    {"spop", -2, KEYS(1, 1, 1), LOCK_WRITE, CMD_FAST | CMD_LOOK_AGAIN, cmd_spop, "key [count]", "1.0.0",
     "Takes random members out of a set.",
     .key_use = "RW access delete", .tips = "nondeterministic_output",
     .work = spop_work},
    {"srandmember", -2, KEYS(1, 1, 1), LOCK_READ, CMD_LOOK_AGAIN, cmd_srandmember, "key [count]", "1.0.0",
     "Returns random members of a set.",
     .tips = "nondeterministic_output",
     .work = srandmember_work},
    {"srem", -3, KEYS(1, 1, 1), LOCK_WRITE, CMD_FAST, cmd_srem, "key member [member ...]", "1.0.0",
     "Removes members from a set.",
     .key_use = "RW delete", .member = 2,
     .work = work_args},
    {"sscan", -3, KEYS(1, 1, 1), LOCK_READ, 0, cmd_sscan,
     "key cursor [MATCH pattern] [COUNT count]", "2.8.0", "Lists the members of a set in steps.",
     .tips = "nondeterministic_output",
     .work = scan_args_work},
    COMMANDS_END,
};
// clang-format on
