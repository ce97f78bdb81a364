// SPDX-License-Identifier: MIT
//
// The members found are put in order by a heap with the last one on top: it keeps the first `count`
// of any number, and both filling and emptying it are done in small steps, however many there are.
#include "server/engine/geo_query.h"

#include "datatypes/mem.h"
#include "datatypes/zset.h"
#include "server/engine/cmd.h"

enum {
    STEP_LOOK = 3,  // work units of a member looked at: decoding it, its distance
    STEP_ORDER = 4, // and of putting one in order
};

static struct zset_span span_of(struct value set, struct geo_scores scores)
{
    struct zset_score_range range = {
        .min = scores.first,
        .max = scores.end,
        .max_open = true,
    };
    return zset_score_span(set, &range);
}

size_t geo_query_size(const struct geo_query *q, struct value set)
{
    struct geo_scores cells[GEOHASH_CELLS_MAX];
    int ncells = geo_shape_cells(&q->shape, cells);
    size_t n = 0;

    for (int i = 0; i < ncells; i++)
        n += span_of(set, cells[i]).n;
    return n;
}

// ---- order ------------------------------------------------------------------------------------

static bool comes_before(const struct geo_query *q, const struct geo_found *a,
                         const struct geo_found *b)
{
    if (a->metres == b->metres)
        return a->seen < b->seen;
    return q->order == GEO_FARTHEST ? a->metres > b->metres : a->metres < b->metres;
}

// Puts a member into the first n places of the heap, which has a hole at `hole`.
static void sift(struct geo_query *q, size_t n, size_t hole, struct geo_found member)
{
    for (size_t child = 2 * hole + 1; child < n; child = 2 * hole + 1) {
        if (child + 1 < n && comes_before(q, &q->found[child], &q->found[child + 1]))
            child++;
        if (!comes_before(q, &member, &q->found[child]))
            break;
        q->found[hole] = q->found[child];
        hole = child;
    }
    q->found[hole] = member;
}

static void make_heap(struct geo_query *q, struct cmd_ctx *c)
{
    for (size_t i = q->n / 2; i > 0; i--) {
        sift(q, q->n, i - 1, q->found[i - 1]);
        cmd_step(c, STEP_ORDER);
    }
    q->heap = true;
}

// Puts the members in order.
static bool sort(struct geo_query *q, struct cmd_ctx *c)
{
    if (!q->heap)
        make_heap(q, c);
    for (size_t n = q->n; n > 1; n--) {
        struct geo_found member = q->found[n - 1];
        q->found[n - 1] = q->found[0];
        sift(q, n - 1, 0, member);
        if (!cmd_step(c, STEP_ORDER))
            return false;
    }
    return true;
}

// ---- searching --------------------------------------------------------------------------------

// Makes room for as many members as there can be.
static bool reserve(struct geo_query *q, size_t n)
{
    if (q->count != 0 && n > q->count)
        n = q->count;
    q->capacity = n;
    q->found = q->few;
    if (n > GEO_FOUND_INLINE)
        q->found = mem_alloc(n * sizeof *q->found);
    return q->found != NULL;
}

static void add(struct geo_query *q, struct cmd_ctx *c, const struct zset_member *m, double metres)
{
    struct geo_found found = {m->data, m->len, m->score, metres, q->seen++};

    if (q->n < q->capacity) {
        q->found[q->n++] = found;
        return;
    }
    // There is a limit: the last of those within it makes room.
    if (!q->heap)
        make_heap(q, c);
    if (comes_before(q, &found, &q->found[0]))
        sift(q, q->n, 0, found);
}

static bool has_enough(const struct geo_query *q)
{
    return q->any && q->count != 0 && q->n == q->count;
}

// False: the client has gone.
static bool search_span(struct geo_query *q, struct cmd_ctx *c, struct value set,
                        struct zset_span span)
{
    struct zset_iter it;
    double metres;

    if (span.n == 0)
        return true;
    zset_iter_init(&it, set, span.first, false);
    for (; span.n > 0 && !has_enough(q) && zset_iter_next(&it); span.n--) {
        if (geo_shape_has(&q->shape, geohash_point(it.member.score), &metres))
            add(q, c, &it.member, metres);
        if (!cmd_step(c, STEP_LOOK))
            return false;
    }
    return true;
}

enum status geo_query_run(struct geo_query *q, struct cmd_ctx *c, struct value set, bool *gone)
{
    struct geo_scores cells[GEOHASH_CELLS_MAX];
    int ncells = geo_shape_cells(&q->shape, cells);

    q->n = q->seen = 0;
    q->heap = *gone = false;
    if (!reserve(q, geo_query_size(q, set)))
        return STATUS_NO_MEMORY;
    for (int i = 0; i < ncells && !*gone && !has_enough(q); i++)
        *gone = !search_span(q, c, set, span_of(set, cells[i]));
    if (q->order != GEO_UNORDERED && !*gone)
        *gone = !sort(q, c);
    return STATUS_OK;
}

void geo_query_free(struct geo_query *q)
{
    if (q->found != q->few)
        mem_free(q->found);
}
