// SPDX-License-Identifier: MIT
//
// Sets: walking (SMEMBERS, SSCAN) and picking at random (SRANDMEMBER, SPOP).
//
// Picking k of n in one walk (rng_select()) needs no memory. It serves the compact encodings
// always, and dictionaries when a large part of them is wanted; else members of a dictionary are
// drawn one by one.
#include <assert.h>

#include "datatypes/rng.h"
#include "datatypes/set_internal.h"
#include "datatypes/str.h"

enum {
    // A dictionary is walked to sample more than 1/3 of it (below that drawing repeats itself
    // rarely),
    // and rebuilt from what is left when no more than 1/5 of it stays.
    SAMPLE_WALK_PART = 3,
    POP_REBUILD_PART = 5,
};

static void member_from_i64(struct set_member *m, int64_t n)
{
    m->data = m->buf;
    m->len = str_format_i64(n, m->buf);
}

static void member_from_text(struct set_member *m, const struct packed_text *text)
{
    m->data = text->data;
    m->len = text->len;
}

static void member_from_node(struct set_member *m, const void *node)
{
    set_node_member(node, &m->data, &m->len);
}

// ---- iterator --------------------------------------------------------------------------------

void set_iter_init_body(struct set_iter *iter, uint64_t body)
{
    iter->body = body;
    iter->position = 0;
    if (set_body_kind(body) == SET_BODY_DICT)
        dict_iter_init(&iter->nodes, set_body_pointer(body));
}

void set_iter_init(struct set_iter *iter, struct value v)
{
    set_iter_init_body(iter, set_body(value_pointer(v)));
}

bool set_iter_next(struct set_iter *iter)
{
    void *pointer = set_body_pointer(iter->body);

    switch (set_body_kind(iter->body)) {
    case SET_BODY_INTSET:
        if (iter->position >= intset_count(pointer))
            return false;
        member_from_i64(&iter->member, intset_get(pointer, iter->position++));
        return true;
    case SET_BODY_PACKED: {
        struct packed_view view = packed_blob_view(pointer);
        struct packed_text text;
        if (iter->position >= view.nbytes)
            return false;
        iter->position = packed_next(&set_layout, &view, iter->position, &text);
        member_from_text(&iter->member, &text);
        return true;
    }
    case SET_BODY_DICT: {
        const void *node = dict_iter_next(&iter->nodes);
        if (node != NULL)
            member_from_node(&iter->member, node);
        return node != NULL;
    }
    case SET_BODY_NONE:
        break;
    }
    return false;
}

// ---- scan ------------------------------------------------------------------------------------

struct scan {
    void (*fn)(const struct set_member *, void *arg);
    void *arg;
};

static void scan_node(void *node, void *arg)
{
    struct scan *scan = arg;
    struct set_member member;
    member_from_node(&member, node);
    scan->fn(&member, scan->arg);
}

static void walk_all(uint64_t body, void (*fn)(const struct set_member *, void *arg), void *arg)
{
    struct set_iter iter;
    set_iter_init_body(&iter, body);
    while (set_iter_next(&iter))
        fn(&iter.member, arg);
}

uint64_t set_scan(struct value v, uint64_t cursor, void (*fn)(const struct set_member *, void *arg),
                  void *arg)
{
    uint64_t body = set_body(value_pointer(v));
    if (set_body_kind(body) == SET_BODY_DICT) {
        struct scan scan = {fn, arg};
        return dict_scan(set_body_pointer(body), cursor, scan_node, &scan);
    }
    // Whatever the cursor says: another set may have taken the key's place since it was handed out.
    walk_all(body, fn, arg);
    return 0;
}

// ---- one at random ---------------------------------------------------------------------------

// A random member of a blob, and where it is.
static struct packed_place packed_random(struct rng *rng, const struct packed_view *view,
                                         struct set_member *m)
{
    struct packed_text text;
    struct packed_place place = packed_at(&set_layout, view, rng_below(rng, view->count), &text);
    member_from_text(m, &text);
    return place;
}

void set_random(struct type_ctx *ctx, struct value v, struct set_member *out)
{
    uint64_t body = set_body(value_pointer(v));
    void *pointer = set_body_pointer(body);
    assert(set_count(v) > 0);

    if (set_body_kind(body) == SET_BODY_INTSET) {
        member_from_i64(out, intset_get(pointer, rng_below(ctx->rng, intset_count(pointer))));
    } else if (set_body_kind(body) == SET_BODY_PACKED) {
        struct packed_view view = packed_blob_view(pointer);
        packed_random(ctx->rng, &view, out);
    } else {
        member_from_node(out, dict_random(pointer, ctx->rng));
    }
}

// ---- sampling --------------------------------------------------------------------------------

static void sample_by_walk(struct type_ctx *ctx, uint64_t body, size_t count, size_t n,
                           void (*fn)(const struct set_member *, void *arg), void *arg)
{
    struct set_iter iter;
    set_iter_init_body(&iter, body);
    for (size_t left = count; n > 0 && set_iter_next(&iter); left--) {
        type_step(ctx, 1);
        if (!rng_select(ctx->rng, left, n))
            continue;
        fn(&iter.member, arg);
        n--;
    }
}

// The receiver of members behind a draw of nodes.
struct draw {
    void (*fn)(const struct set_member *, void *arg);
    void *arg;
};

static void draw_node(const void *node, void *arg)
{
    const struct draw *draw = arg;
    struct set_member member;
    member_from_node(&member, node);
    draw->fn(&member, draw->arg);
}

enum status set_sample(struct type_ctx *ctx, struct value v, size_t n,
                       void (*fn)(const struct set_member *, void *arg), void *arg)
{
    uint64_t body = set_body(value_pointer(v));
    size_t count = set_count(v);

    n = n < count ? n : count;
    if (set_body_kind(body) == SET_BODY_DICT && n <= count / SAMPLE_WALK_PART) {
        struct draw draw = {fn, arg};
        return dict_draw(ctx, set_body_pointer(body), n, draw_node, &draw);
    }
    sample_by_walk(ctx, body, count, n, fn, arg);
    return STATUS_OK;
}

// ---- taking out ------------------------------------------------------------------------------

// What the functions below have in common: n members of s go, 0 < n < count.
struct pop {
    struct type_ctx *ctx;
    struct set *s;
    size_t n, count;
    void (*fn)(const struct set_member *, void *arg);
    void *arg;
};

static enum status pop_intset(const struct pop *pop, const struct intset *is)
{
    struct intset *rest = intset_new_like(is, pop->count - pop->n);
    if (rest == NULL)
        return STATUS_NO_MEMORY;
    size_t wanted = pop->n;
    for (size_t i = 0; i < pop->count; i++) {
        int64_t number = intset_get(is, i);
        type_step(pop->ctx, 1);
        if (!rng_select(pop->ctx->rng, pop->count - i, wanted)) {
            intset_push(rest, number);
            continue;
        }
        struct set_member member;
        member_from_i64(&member, number);
        pop->fn(&member, pop->arg);
        wanted--;
    }
    set_publish(pop->ctx, pop->s, set_body_make(SET_BODY_INTSET, rest), pop->count - pop->n);
    return STATUS_OK;
}

static enum status pop_intset_one(const struct pop *pop, const struct intset *is)
{
    size_t pos = rng_below(pop->ctx->rng, pop->count);
    struct intset *rest = intset_without(is, pos);
    if (rest == NULL)
        return STATUS_NO_MEMORY;
    struct set_member member;
    member_from_i64(&member, intset_get(is, pos));
    pop->fn(&member, pop->arg);
    set_publish(pop->ctx, pop->s, set_body_make(SET_BODY_INTSET, rest), pop->count - 1);
    return STATUS_OK;
}

static enum status pop_packed_one(const struct pop *pop, const struct packed_blob *blob)
{
    struct packed_view view = packed_blob_view(blob);
    struct set_member member;
    struct packed_place place = packed_random(pop->ctx->rng, &view, &member);

    struct packed_blob *rest = packed_replace(&set_layout, blob, place, NULL);
    if (rest == NULL)
        return STATUS_NO_MEMORY;
    pop->fn(&member, pop->arg);
    set_publish(pop->ctx, pop->s, set_body_make(SET_BODY_PACKED, rest), view.count - 1);
    return STATUS_OK;
}

static enum status pop_packed(const struct pop *pop, const struct packed_blob *blob)
{
    struct packed_view view = packed_blob_view(blob);
    struct packed_text text;

    // First only count the bytes that stay; a copy of the random state makes the choice the same.
    struct rng rehearsal = *pop->ctx->rng;
    size_t nbytes = 0, wanted = pop->n, left = view.count;
    for (size_t at = 0, next; at < view.nbytes; at = next, left--) {
        next = packed_next(&set_layout, &view, at, &text);
        if (rng_select(&rehearsal, left, wanted))
            wanted--;
        else
            nbytes += next - at;
    }
    struct packed_blob *rest = packed_blob_new(set_layout.head, nbytes);
    if (rest == NULL)
        return STATUS_NO_MEMORY;

    wanted = pop->n;
    left = view.count;
    for (size_t at = 0; at < view.nbytes; left--) {
        struct set_member member;
        at = packed_next(&set_layout, &view, at, &text);
        type_step(pop->ctx, 1);
        if (!rng_select(pop->ctx->rng, left, wanted)) {
            packed_push(&set_layout, rest, &text);
            continue;
        }
        member_from_text(&member, &text);
        pop->fn(&member, pop->arg);
        wanted--;
    }
    set_publish(pop->ctx, pop->s, set_body_make(SET_BODY_PACKED, rest), pop->count - pop->n);
    return STATUS_OK;
}

static void pop_dict_one_by_one(const struct pop *pop, struct dict *dict)
{
    for (size_t left = pop->count; left > pop->count - pop->n; left--) {
        void *node = dict_random(dict, pop->ctx->rng);
        struct set_member member;
        member_from_node(&member, node);
        pop->fn(&member, pop->arg);
        set_dict_remove(pop->ctx, dict, dict_hash(dict, member.data, member.len), node);
        set_publish_count(pop->s, left - 1);
        type_step(pop->ctx, DICT_DRAW_WORK);
    }
}

// Few members stay: they move to a new dictionary, and the old one goes as a whole. SSCAN's cursors
// stay good, because they speak of hashes, which are the same in both.
static enum status pop_dict_rebuild(const struct pop *pop, struct dict *dict)
{
    size_t stay = pop->count - pop->n;
    struct dict *rest = set_dict_new(pop->ctx);
    if (rest == NULL)
        return STATUS_NO_MEMORY;
    struct set_member member;
    while (dict_count(rest) < stay) {
        member_from_node(&member, dict_random(dict, pop->ctx->rng));
        uint64_t hash = dict_hash(rest, member.data, member.len);
        if (dict_find(rest, hash, member.data, member.len) != NULL)
            continue;
        if (set_dict_add(pop->ctx, rest, hash, member.data, member.len) != STATUS_OK) {
            set_dict_free(rest);
            return STATUS_NO_MEMORY;
        }
        type_step(pop->ctx, DICT_DRAW_WORK);
    }
    struct set_iter iter;
    set_iter_init_body(&iter, set_body(pop->s));
    while (set_iter_next(&iter)) {
        uint64_t hash = dict_hash(rest, iter.member.data, iter.member.len);
        if (dict_find(rest, hash, iter.member.data, iter.member.len) == NULL)
            pop->fn(&iter.member, pop->arg);
        type_step(pop->ctx, 1);
    }
    set_publish(pop->ctx, pop->s, set_body_make(SET_BODY_DICT, rest), stay);
    return STATUS_OK;
}

enum status set_pop(struct type_ctx *ctx, struct value v, size_t n,
                    void (*fn)(const struct set_member *, void *arg), void *arg)
{
    struct set *s = value_pointer(v);
    uint64_t body = set_body(s);
    void *pointer = set_body_pointer(body);
    size_t count = set_own_count(s);
    struct pop pop = {ctx, s, n, count, fn, arg};

    if (n == 0)
        return STATUS_OK;
    if (n >= count) {
        walk_all(body, fn, arg);
        set_publish(ctx, s, 0, 0);
        return STATUS_OK;
    }
    if (set_body_kind(body) == SET_BODY_INTSET)
        return n == 1 ? pop_intset_one(&pop, pointer) : pop_intset(&pop, pointer);
    if (set_body_kind(body) == SET_BODY_PACKED)
        return n == 1 ? pop_packed_one(&pop, pointer) : pop_packed(&pop, pointer);
    if (count - n <= count / POP_REBUILD_PART && n > 1)
        return pop_dict_rebuild(&pop, pointer);
    pop_dict_one_by_one(&pop, pointer);
    return STATUS_OK;
}
