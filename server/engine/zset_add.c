// SPDX-License-Identifier: MIT
//
// A single change is made in place; each operation of zset.h is all or nothing. A command that
// makes several changes, each of which may need memory, must not stop half-way: to a compact set
// they are made in a copy that then takes its place (`aside`); in an index they are made in place
// and taken back when one fails, which needs no memory (zset_rescore()).
#include "server/engine/zset_add.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "datatypes/mem.h"
#include "datatypes/zset.h"
#include "server/engine/cmd.h"

static bool find(const struct zset_add *add, const struct zset_add_pair *p,
                 struct zset_place *place)
{
    struct bytes member = add->c->argv[p->arg];

    return zset_find(add->set, member.data, member.len, place);
}

// Sees to it that add->set may be changed.
static enum status open_set(struct zset_add *add)
{
    struct value old = add->set;

    if (add->opened)
        return STATUS_OK;
    add->opened = true;
    add->aside = value_is_none(old) || (add->npairs > 1 && zset_is_compact(old));
    if (!add->aside) {
        key_mutable(add->c, 0);
        return STATUS_OK;
    }
    add->set = VALUE_ABSENT;
    return value_is_none(old) ? zset_new(add->c->types, &add->set)
                              : value_copy(add->c->types, old, &add->set);
}

// What a pair comes to for a member with this place; its score is then the one to be stored.
// False: the sum is no number.
static bool decide(struct zset_add *add, struct zset_add_pair *p, const struct zset_place *place)
{
    add->applied = false;
    if (!place->found) {
        add->applied = !add->xx;
        p->done = add->applied ? PAIR_ADDED : PAIR_UNCHANGED;
        return true;
    }
    if (add->nx)
        return true;
    if (add->incr)
        p->score += place->score;
    if (isnan(p->score))
        return false;
    if ((add->lt && p->score >= place->score) || (add->gt && p->score <= place->score))
        return true;
    add->applied = true;
    p->before = place->score;
    p->node = place->node;
    if (p->score != place->score)
        p->done = PAIR_UPDATED;
    return true;
}

// Whether changes are made in place and may have to be taken back.
static bool is_revocable(const struct zset_add *add)
{
    return add->opened && !add->aside && add->npairs > 1;
}

static enum status put(struct zset_add *add, const struct zset_add_pair *p,
                       const struct zset_place *place)
{
    struct bytes member = add->c->argv[p->arg];

    if (p->done == PAIR_UPDATED && is_revocable(add))
        return zset_rescore(add->set, p->node, p->score);
    return zset_put(add->c->types, add->set, place, member.data, member.len, p->score);
}

// Does one pair. False: an error was replied, and the pair changed nothing.
static bool do_pair(struct zset_add *add, struct zset_add_pair *p)
{
    struct zset_place place = {.found = false};

    if (!value_is_none(add->set))
        find(add, p, &place);
    if (!decide(add, p, &place)) {
        reply_error(add->c->reply, "resulting score is not a number (NaN)");
        return false;
    }
    add->score = p->score;
    if (p->done == PAIR_UNCHANGED)
        return true;
    enum status status = open_set(add);
    if (status == STATUS_OK)
        status = put(add, p, &place);
    if (status != STATUS_OK) {
        p->done = PAIR_UNCHANGED;
        cmd_reply_status(add->c, status);
        return false;
    }
    add->added += p->done == PAIR_ADDED;
    add->updated += p->done == PAIR_UPDATED;
    return true;
}

// Takes back what the pairs before `end` did, the latest first.
static void take_back(struct zset_add *add, int end)
{
    struct zset_place place;

    while (end-- > 0) {
        const struct zset_add_pair *p = &add->pairs[end];
        if (p->done == PAIR_UPDATED)
            zset_rescore_undo(add->set, p->node, p->before, p->score);
        else if (p->done == PAIR_ADDED && find(add, p, &place))
            (void)zset_remove(add->c->types, add->set, &place); // never fails with an index
        cmd_step(add->c, 4);
    }
}

static void keep(struct zset_add *add)
{
    for (int i = 0; i < add->npairs; i++) {
        const struct zset_add_pair *p = &add->pairs[i];
        if (p->done == PAIR_UPDATED)
            zset_rescore_keep(add->set, p->node, p->before);
        cmd_step(add->c, 2);
    }
}

void zset_add_init(struct zset_add *add, struct cmd_ctx *c)
{
    // All but the pairs, which are not read before they are listed.
    memset(add, 0, offsetof(struct zset_add, few));
    add->c = c;
    add->pairs = add->few;
    add->capacity = ZSET_ADD_INLINE;
}

void zset_add_free(struct zset_add *add)
{
    if (add->pairs != add->few)
        mem_free(add->pairs);
}

bool zset_add_reserve(struct zset_add *add, int n)
{
    if (n <= add->capacity)
        return true;
    struct zset_add_pair *pairs = mem_alloc((size_t)n * sizeof *pairs);
    if (pairs == NULL) {
        cmd_reply_status(add->c, STATUS_NO_MEMORY);
        return false;
    }
    add->pairs = pairs;
    add->capacity = n;
    return true;
}

void zset_add_pair(struct zset_add *add, double score, int arg)
{
    struct zset_add_pair *p = &add->pairs[add->npairs++];

    p->arg = arg;
    p->score = score;
    p->done = PAIR_UNCHANGED;
}

bool zset_add_run(struct zset_add *add)
{
    if (!key_get_type(add->c, 0, TYPE_ZSET, &add->set))
        return false;
    for (int i = 0; i < add->npairs; i++) {
        if (do_pair(add, &add->pairs[i])) {
            cmd_step(add->c, 4);
            continue;
        }
        if (is_revocable(add))
            take_back(add, i);
        else if (add->aside && !value_is_none(add->set))
            value_free(add->set);
        return false;
    }
    if (is_revocable(add))
        keep(add);
    else if (add->aside)
        key_set(add->c, 0, add->set);
    return true;
}
