// SPDX-License-Identifier: MIT
#include "server/engine/zset_algebra.h"

#include <math.h>
#include <stdlib.h>

#include "datatypes/set.h"
#include "datatypes/zset.h"
#include "server/engine/cmd.h"

enum {
    ADD_WORK = 6, // work units of adding a member to a result and putting it in order
    ORDER_SLICE = 256,
};

// ---- operands ---------------------------------------------------------------------------------

static bool is_set(const struct zset_operand *o)
{
    return value_kind(o->value) == VALUE_SET;
}

static size_t count_of(const struct zset_operand *o)
{
    if (value_is_none(o->value))
        return 0;
    return is_set(o) ? set_count(o->value) : zset_count(o->value);
}

static int smaller_first(const void *a, const void *b)
{
    size_t na = count_of(a), nb = count_of(b);
    return (na > nb) - (na < nb);
}

// A walk over an operand.
struct walk {
    bool set;
    union {
        struct set_iter members;
        struct zset_iter zset;
    } it;
    struct zset_member member; // with its own score, not weighted
};

static void walk_init(struct walk *w, const struct zset_operand *o)
{
    w->set = is_set(o);
    if (w->set)
        set_iter_init(&w->it.members, o->value);
    else
        zset_iter_init(&w->it.zset, o->value, 0, false);
}

static bool walk_next(struct walk *w)
{
    if (!w->set) {
        bool more = zset_iter_next(&w->it.zset);
        w->member = w->it.zset.member;
        return more;
    }
    if (!set_iter_next(&w->it.members))
        return false;
    w->member = (struct zset_member){w->it.members.member.data, w->it.members.member.len, 1};
    return true;
}

// The score of a member in an operand; false when it is not there.
static bool find(struct cmd_ctx *c, const struct zset_operand *o, const struct zset_member *m,
                 double *score)
{
    struct zset_place place;

    if (value_is_none(o->value))
        return false;
    *score = 1;
    if (is_set(o))
        return set_contains(c->types, o->value, m->data, m->len);
    if (!zset_find(o->value, m->data, m->len, &place))
        return false;
    *score = place.score;
    return true;
}

static double weighted(double weight, double score)
{
    double product = weight * score;
    return isnan(product) ? 0 : product; // 0 times infinity
}

// ---- the three operations ---------------------------------------------------------------------
// Each adds the result's members to `b`, which may be NULL to count them, and returns how many
// there were. They stop at `limit` members, when the client has gone and when b->status is not OK.

struct gather {
    struct cmd_ctx *c;
    struct zset_operand *operands;
    size_t n;
    enum zset_aggregate how;
    struct zset_build *b;
    size_t found, limit;
    bool gone;
};

// Counts work and one member that was looked at; false: stop.
static bool go_on(struct gather *g)
{
    g->gone = !cmd_step(g->c, g->n + (g->b != NULL ? ADD_WORK : 0));
    return !g->gone && g->found < g->limit && (g->b == NULL || g->b->status == STATUS_OK);
}

static void take(struct gather *g, const struct zset_member *m, double score)
{
    g->found++;
    if (g->b != NULL)
        g->b->status = zset_build_add(g->b, m->data, m->len, score, g->how);
}

static void gather_union(struct gather *g)
{
    struct walk w;

    // Scores add up in this order in Redis, too, which shows in the last digit of a sum.
    qsort(g->operands, g->n, sizeof *g->operands, smaller_first);
    for (size_t i = 0; i < g->n; i++) {
        if (value_is_none(g->operands[i].value))
            continue;
        walk_init(&w, &g->operands[i]);
        while (walk_next(&w)) {
            take(g, &w.member, weighted(g->operands[i].weight, w.member.score));
            if (!go_on(g))
                return;
        }
    }
}

// The score of a member that all operands have; false when one has not.
static bool inter_score(struct gather *g, const struct zset_member *m, double *out)
{
    double score = weighted(g->operands[0].weight, m->score), other;

    for (size_t i = 1; i < g->n; i++) {
        if (!find(g->c, &g->operands[i], m, &other))
            return false;
        score = zset_aggregate(g->how, score, g->operands[i].weight * other);
    }
    *out = score;
    return true;
}

static void gather_inter(struct gather *g)
{
    struct walk w;
    double score;

    qsort(g->operands, g->n, sizeof *g->operands, smaller_first);
    if (value_is_none(g->operands[0].value))
        return;
    walk_init(&w, &g->operands[0]);
    while (walk_next(&w)) {
        if (inter_score(g, &w.member, &score))
            take(g, &w.member, score);
        if (!go_on(g))
            return;
    }
}

static bool in_any_other(struct gather *g, const struct zset_member *m)
{
    double score;

    for (size_t i = 1; i < g->n; i++) {
        if (find(g->c, &g->operands[i], m, &score))
            return true;
    }
    return false;
}

static void gather_diff(struct gather *g)
{
    struct walk w;

    if (value_is_none(g->operands[0].value))
        return;
    walk_init(&w, &g->operands[0]);
    while (walk_next(&w)) {
        if (!in_any_other(g, &w.member))
            take(g, &w.member, w.member.score);
        if (!go_on(g))
            return;
    }
}

// ---- results ----------------------------------------------------------------------------------

size_t zset_inter_count(struct cmd_ctx *c, struct zset_operand *operands, size_t n, size_t limit)
{
    struct gather g = {c, operands, n, .how = ZSET_SUM, .limit = limit > 0 ? limit : SIZE_MAX};

    gather_inter(&g);
    return g.found;
}

// Puts the members of a result in order; false when the client has gone.
static bool put_in_order(struct cmd_ctx *c, struct zset_build *b)
{
    while (zset_build_order(b, ORDER_SLICE)) {
        if (!cmd_step(c, ORDER_SLICE * ADD_WORK))
            return false;
    }
    return true;
}

enum status zset_combine(struct cmd_ctx *c, enum zset_operation operation,
                         struct zset_operand *operands, size_t n, enum zset_aggregate how,
                         bool keep, struct value *out)
{
    static void (*const gatherers[])(struct gather *) = {
        [ZSET_UNION] = gather_union,
        [ZSET_INTER] = gather_inter,
        [ZSET_DIFF] = gather_diff,
    };
    struct zset_build b;
    struct gather g = {c, operands, n, how, .b = &b, .limit = SIZE_MAX};

    *out = VALUE_ABSENT;
    enum status status = zset_build_begin(&b, c->types);
    if (status != STATUS_OK)
        return status;
    gatherers[operation](&g);
    if (g.gone || !put_in_order(c, &b)) {
        zset_build_abort(&b);
        return STATUS_OK;
    }
    return zset_build_finish(&b, keep, out);
}
