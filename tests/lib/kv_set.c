// SPDX-License-Identifier: MIT
//
// The model of set commands. A set is its members in the order of their bytes.
#include "tests/lib/kv_command.h"

#include "tests/lib/check.h"
#include "tests/lib/reply_text.h"

// Where the member is, or would be; *found tells which.
static int find(const struct bytes *items, int n, struct bytes member, bool *found)
{
    int at = 0;

    while (at < n && bytes_compare(items[at], member) < 0)
        at++;
    *found = at < n && bytes_equal(items[at], member);
    return at;
}

static bool contains(const struct kv_value *set, struct bytes member)
{
    bool found;

    find(set->items, set->n, member, &found);
    return found;
}

static bool add(struct kv_items *m, struct bytes member)
{
    bool found;
    int at = find(m->items, m->n, member, &found);

    if (!found)
        kv_items_insert(m, at, &member, 1);
    return !found;
}

static bool take_out(struct kv_items *m, struct bytes member)
{
    bool found;
    int at = find(m->items, m->n, member, &found);

    if (found)
        kv_items_remove(m, at, 1);
    return found;
}

static void put(struct kv_run *r, int i, const struct kv_items *m)
{
    kv_put_items(r, i, KV_SET, m);
}

// ---- one set ------------------------------------------------------------------------------------

// SADD and SREM.
static void change_each(struct kv_run *r, bool (*change)(struct kv_items *, struct bytes))
{
    const struct kv_value *set = kv_get_type(r, 0, KV_SET);
    struct kv_items m;
    int64_t changed = 0;

    if (!set)
        return;
    kv_items_copy(&m, set);
    for (int i = 2; i < r->argc; i++)
        changed += change(&m, r->argv[i]);
    put(r, 0, &m);
    kv_reply_int(r, changed);
}

static void run_sadd(struct kv_run *r)
{
    change_each(r, add);
}

static void run_srem(struct kv_run *r)
{
    change_each(r, take_out);
}

static void run_scard(struct kv_run *r)
{
    const struct kv_value *set = kv_get_type(r, 0, KV_SET);

    if (set)
        kv_reply_int(r, set->n);
}

static void run_sismember(struct kv_run *r)
{
    const struct kv_value *set = kv_get_type(r, 0, KV_SET);

    if (set)
        kv_reply_int(r, contains(set, r->argv[2]));
}

static void run_smismember(struct kv_run *r)
{
    const struct kv_value *set = kv_get_type(r, 0, KV_SET);

    if (!set)
        return;
    strbuf_addf(r->reply, "[");
    for (int i = 2; i < r->argc; i++) {
        strbuf_addf(r->reply, i > 2 ? " " : "");
        kv_reply_int(r, contains(set, r->argv[i]));
    }
    strbuf_addf(r->reply, "]");
}

static void run_smembers(struct kv_run *r)
{
    const struct kv_value *set = kv_get_type(r, 0, KV_SET);

    if (set)
        kv_reply_array(r, set->items, set->n);
}

// ---- chance -------------------------------------------------------------------------------------

// The member whose text that is, or -1.
static int member_of_text(const struct kv_value *set, struct bytes text)
{
    struct strbuf quoted = {0};
    int found = -1;

    for (int i = 0; i < set->n && found < 0; i++) {
        strbuf_clear(&quoted);
        strbuf_add_quoted(&quoted, set->items[i].data, set->items[i].len);
        if (bytes_equal(bytes_of(quoted.data), text))
            found = i;
    }
    strbuf_free(&quoted);
    return found;
}

// The member that the reply tells of, or that may have been it when there is no reply.
static int drawn_member(struct kv_run *r, const struct kv_value *set)
{
    int at = r->recorded ? member_of_text(set, bytes_of(r->recorded))
                         : (int)kv_choose(r, (unsigned)set->n);

    r->impossible |= at < 0;
    return at;
}

static void pop_one(struct kv_run *r, const struct kv_value *set)
{
    int at = drawn_member(r, set);
    struct kv_items m;

    if (at < 0)
        return;
    kv_items_copy(&m, set);
    take_out(&m, set->items[at]);
    put(r, 0, &m);
    kv_reply_bulk(r, set->items[at]);
}

// Takes out the members that the reply lists; there must be `want` different ones.
static void pop_listed(struct kv_run *r, const struct kv_value *set, int want)
{
    struct bytes listed[KV_ITEMS_MAX];
    int n = reply_text_elements(r->recorded, listed, KV_ITEMS_MAX);
    struct kv_items m;

    kv_items_copy(&m, set);
    for (int i = 0; i < n; i++) {
        int at = member_of_text(set, listed[i]);
        if (at < 0 || !take_out(&m, set->items[at]))
            r->impossible = true;
    }
    r->impossible |= n != want;
    put(r, 0, &m);
    strbuf_addf(r->reply, "%s", r->recorded);
}

// Without a reply: any `want` members may have gone.
static void pop_any(struct kv_run *r, const struct kv_value *set, int want)
{
    unsigned which;
    struct kv_items m;

    check(set->n < 32);
    which = kv_choose(r, 1u << set->n);
    r->impossible |= __builtin_popcount(which) != want;
    kv_items_copy(&m, set);
    for (int i = 0; i < set->n; i++) {
        if (which & (1u << i))
            take_out(&m, set->items[i]);
    }
    put(r, 0, &m);
}

// SPOP key [count]
static void run_spop(struct kv_run *r)
{
    const struct kv_value *set = kv_get_type(r, 0, KV_SET);
    int64_t count;

    if (!set)
        return;
    if (r->argc == 2) {
        if (set->n == 0)
            kv_reply_nil(r);
        else
            pop_one(r, set);
        return;
    }
    check(kv_integer(r->argv[2], &count) && count >= 0);
    int want = count < set->n ? (int)count : set->n;
    if (want == 0)
        kv_reply_array(r, NULL, 0);
    else if (r->recorded)
        pop_listed(r, set, want);
    else
        pop_any(r, set, want);
}

static void run_srandmember(struct kv_run *r)
{
    const struct kv_value *set = kv_get_type(r, 0, KV_SET);

    if (!set)
        return;
    if (set->n == 0) {
        kv_reply_nil(r);
        return;
    }
    int at = drawn_member(r, set);
    if (at >= 0)
        kv_reply_bulk(r, set->items[at]);
}

// ---- several sets -------------------------------------------------------------------------------

static void run_smove(struct kv_run *r)
{
    const struct kv_value *from = kv_get(r, 0), *to;
    struct bytes member = r->argv[3];
    struct kv_items m;

    if (from->type == KV_NONE) {
        kv_reply_int(r, 0);
        return;
    }
    if (!kv_get_type(r, 0, KV_SET) || !(to = kv_get_type(r, 1, KV_SET)))
        return;
    bool there = contains(from, member);
    if (there && kv_slot(r, 0) != kv_slot(r, 1)) {
        kv_items_copy(&m, from);
        take_out(&m, member);
        put(r, 0, &m);
        kv_items_copy(&m, to);
        add(&m, member);
        put(r, 1, &m);
    }
    kv_reply_int(r, there);
}

enum combination { UNION, INTER, DIFF };

static void combine_with(enum combination how, struct kv_items *m, const struct kv_value *set)
{
    if (how == UNION) {
        for (int i = 0; i < set->n; i++)
            add(m, set->items[i]);
        return;
    }
    for (int i = m->n - 1; i >= 0; i--) {
        if (contains(set, m->items[i]) == (how == DIFF))
            take_out(m, m->items[i]);
    }
}

// Of the sets of the keys from `first` on; false: replied WRONGTYPE.
static bool combine(struct kv_run *r, int first, enum combination how, struct kv_items *m)
{
    for (int i = first; i < r->nkeys; i++) {
        const struct kv_value *set = kv_get_type(r, i, KV_SET);
        if (!set)
            return false;
        if (i == first)
            kv_items_copy(m, set);
        else
            combine_with(how, m, set);
    }
    return true;
}

static void reply_combination(struct kv_run *r, enum combination how)
{
    struct kv_items m;

    if (combine(r, 0, how, &m))
        kv_reply_array(r, m.items, m.n);
}

static void store_combination(struct kv_run *r, enum combination how)
{
    struct kv_items m;

    if (!combine(r, 1, how, &m))
        return;
    put(r, 0, &m);
    kv_reply_int(r, m.n);
}

static void run_sunion(struct kv_run *r)
{
    reply_combination(r, UNION);
}

static void run_sinter(struct kv_run *r)
{
    reply_combination(r, INTER);
}

static void run_sdiff(struct kv_run *r)
{
    reply_combination(r, DIFF);
}

static void run_sunionstore(struct kv_run *r)
{
    store_combination(r, UNION);
}

static void run_sinterstore(struct kv_run *r)
{
    store_combination(r, INTER);
}

static void run_sdiffstore(struct kv_run *r)
{
    store_combination(r, DIFF);
}

const struct kv_command kv_set_commands[] = {
    {"sadd", 1, 1, 1, 0, run_sadd},
    {"scard", 1, 1, 1, KV_READ, run_scard},
    {"sdiff", 1, -1, 1, KV_READ | KV_UNORDERED, run_sdiff},
    {"sdiffstore", 1, -1, 1, 0, run_sdiffstore},
    {"sinter", 1, -1, 1, KV_READ | KV_UNORDERED, run_sinter},
    {"sinterstore", 1, -1, 1, 0, run_sinterstore},
    {"sismember", 1, 1, 1, KV_READ, run_sismember},
    {"smembers", 1, 1, 1, KV_READ | KV_UNORDERED, run_smembers},
    {"smismember", 1, 1, 1, KV_READ, run_smismember},
    {"smove", 1, 2, 1, 0, run_smove},
    {"spop", 1, 1, 1, KV_UNORDERED, run_spop},
    {"srandmember", 1, 1, 1, KV_READ, run_srandmember},
    {"srem", 1, 1, 1, 0, run_srem},
    {"sunion", 1, -1, 1, KV_READ | KV_UNORDERED, run_sunion},
    {"sunionstore", 1, -1, 1, 0, run_sunionstore},
    {NULL},
};
