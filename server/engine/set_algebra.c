// SPDX-License-Identifier: MIT
#include "server/engine/set_algebra.h"

#include <stdlib.h>

#include "datatypes/set.h"
#include "server/engine/cmd.h"

static size_t count_of(struct value set)
{
    return value_is_none(set) ? 0 : set_count(set);
}

static int smaller_first(const void *a, const void *b)
{
    size_t na = count_of(*(const struct value *)a), nb = count_of(*(const struct value *)b);
    return (na > nb) - (na < nb);
}

static int larger_first(const void *a, const void *b)
{
    return smaller_first(b, a);
}

// ---- collecting -------------------------------------------------------------------------------

bool set_builder_take(const char *member, size_t len, void *arg)
{
    struct set_builder *b = arg;
    bool added;

    if (value_is_none(b->set))
        b->status = set_new(b->types, member, len, b->expected, &b->set);
    if (b->status == STATUS_OK)
        b->status = set_add(b->types, b->set, member, len, &added);
    if (b->status == STATUS_OK)
        return true;
    if (!value_is_none(b->set))
        value_free(b->set);
    b->set = VALUE_ABSENT;
    return false;
}

// ---- the three operations ---------------------------------------------------------------------

static bool in_all(struct type_ctx *types, const struct value *sets, size_t n,
                   const struct set_member *m)
{
    for (size_t i = 0; i < n; i++) {
        if (!set_contains(types, sets[i], m->data, m->len))
            return false;
    }
    return true;
}

static bool in_any(struct type_ctx *types, const struct value *sets, size_t n,
                   const struct set_member *m)
{
    for (size_t i = 0; i < n; i++) {
        if (set_contains(types, sets[i], m->data, m->len))
            return true;
    }
    return false;
}

void set_inter(struct cmd_ctx *c, struct value *sets, size_t n, set_take *take, void *arg)
{
    struct set_iter it;

    qsort(sets, n, sizeof *sets, smaller_first);
    if (value_is_none(sets[0]))
        return;
    set_iter_init(&it, sets[0]);
    while (set_iter_next(&it) && cmd_step(c, n)) {
        if (in_all(c->types, sets + 1, n - 1, &it.member) &&
            !take(it.member.data, it.member.len, arg))
            return;
    }
}

// Adds all members of a set; false when there is no point in going on.
static bool add_all(struct cmd_ctx *c, struct set_builder *b, struct value set)
{
    struct set_iter it;
    bool go_on = true;

    if (value_is_none(set))
        return true;
    set_iter_init(&it, set);
    while (set_iter_next(&it) && (go_on = cmd_step(c, 1))) {
        if (!set_builder_take(it.member.data, it.member.len, b))
            return false;
    }
    return go_on;
}

enum status set_union(struct cmd_ctx *c, const struct value *sets, size_t n, struct value *out)
{
    struct set_builder b = {.types = c->types, .set = VALUE_ABSENT, .status = STATUS_OK};

    for (size_t i = 0; i < n; i++) {
        if (count_of(sets[i]) > b.expected)
            b.expected = count_of(sets[i]);
    }
    for (size_t i = 0; i < n && add_all(c, &b, sets[i]); i++) {
    }
    *out = b.set;
    return b.status;
}

// Looking up: a step for each member and set, half of them saved because most members are found
// soon. Removing: a step for each member of all sets.
static bool lookup_is_cheaper(const struct value *sets, size_t n)
{
    size_t lookups = count_of(sets[0]) * n / 2, removals = 0;

    for (size_t i = 0; i < n; i++)
        removals += count_of(sets[i]);
    return lookups <= removals;
}

static enum status diff_by_removal(struct cmd_ctx *c, const struct value *sets, size_t n,
                                   struct value *rest)
{
    struct type_ctx *types = c->types;
    // Built anew, so that its encoding is that of any other set with these members.
    struct set_builder b = {
        .types = types, .expected = set_count(sets[0]), .set = VALUE_ABSENT, .status = STATUS_OK};
    bool removed, go_on = add_all(c, &b, sets[0]);
    enum status status = b.status;
    struct value left = b.set;

    if (value_is_none(left))
        return status;
    for (size_t i = 1; i < n && set_count(left) > 0 && go_on; i++) {
        struct set_iter it;
        if (value_is_none(sets[i]))
            continue;
        set_iter_init(&it, sets[i]);
        while (status == STATUS_OK && set_iter_next(&it) && (go_on = cmd_step(c, 1)))
            status = set_remove(types, left, it.member.data, it.member.len, &removed);
    }
    if (status != STATUS_OK || set_count(left) == 0) {
        value_free(left);
        return status;
    }
    *rest = left;
    return STATUS_OK;
}

static void diff_by_lookup(struct cmd_ctx *c, struct value *sets, size_t n, set_take *take,
                           void *arg)
{
    struct set_iter it;

    // The larger a set, the likelier it has the member.
    qsort(sets + 1, n - 1, sizeof *sets, larger_first);
    while (n > 1 && value_is_none(sets[n - 1]))
        n--;
    set_iter_init(&it, sets[0]);
    while (set_iter_next(&it) && cmd_step(c, n)) {
        if (!in_any(c->types, sets + 1, n - 1, &it.member) &&
            !take(it.member.data, it.member.len, arg))
            return;
    }
}

enum status set_diff(struct cmd_ctx *c, struct value *sets, size_t n, set_take *take, void *arg,
                     struct value *rest)
{
    *rest = VALUE_ABSENT;
    if (value_is_none(sets[0]))
        return STATUS_OK;
    for (size_t i = 1; i < n; i++) {
        if (sets[i].bits == sets[0].bits) // less itself
            return STATUS_OK;
    }
    if (!lookup_is_cheaper(sets, n))
        return diff_by_removal(c, sets, n, rest);
    diff_by_lookup(c, sets, n, take, arg);
    return STATUS_OK;
}
