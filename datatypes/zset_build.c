// SPDX-License-Identifier: MIT
#include "datatypes/zset_build.h"

#include <assert.h>
#include <math.h>

#include "datatypes/mem.h"
#include "datatypes/zset_internal.h"

double zset_aggregate(enum zset_aggregate how, double a, double b)
{
    switch (how) {
    case ZSET_SUM:
        return isnan(a + b) ? 0 : a + b;
    case ZSET_MIN:
        return b < a ? b : a;
    case ZSET_MAX:
        return b > a ? b : a;
    }
    return a;
}

enum status zset_build_begin(struct zset_build *b, struct type_ctx *types)
{
    *b = (struct zset_build){.types = types, .index = zset_index_new(types), .status = STATUS_OK};
    return b->index != NULL ? STATUS_OK : STATUS_NO_MEMORY;
}

enum status zset_build_add(struct zset_build *b, const char *member, size_t len, double score,
                           enum zset_aggregate how)
{
    struct dict *dict = b->index->dict;
    uint64_t hash = dict_hash(dict, member, len);
    struct zset_node *node = dict_find(dict, hash, member, len);
    void *existing;

    if (node != NULL) {
        zset_node_set_score(node, zset_aggregate(how, zset_node_score(node), score));
        return STATUS_OK;
    }
    node = zset_node_new(member, len, score);
    if (node == NULL)
        return STATUS_NO_MEMORY;
    enum status status = dict_insert(dict, b->types->epoch, hash, node, &existing);
    if (status != STATUS_OK) {
        mem_free(node);
        return status;
    }
    dict_note_length(dict, len);
    if (len > b->longest)
        b->longest = len;
    return STATUS_OK;
}

size_t zset_build_count(const struct zset_build *b)
{
    return dict_count(b->index->dict);
}

static void order_node(void *node, void *arg)
{
    struct zset_build *b = arg;

    if (b->status == STATUS_OK && !rank_tree_insert(&b->index->tree, zset_node_score(node), node))
        b->status = STATUS_NO_MEMORY;
}

bool zset_build_order(struct zset_build *b, size_t budget)
{
    const struct rank_tree *tree = &b->index->tree;
    size_t count = zset_build_count(b), before = tree->count;

    while (tree->count < count && b->status == STATUS_OK && tree->count - before < budget)
        b->cursor = dict_scan(b->index->dict, b->cursor, order_node, b);
    return tree->count < count && b->status == STATUS_OK;
}

static void entry_at(const struct rank_pos *pos, struct packed_zset_entry *e)
{
    zset_node_member(rank_pos_node(pos, &e->score), &e->member, &e->len);
}

// Whether the limits want a packed blob of what was built; *nbytes: of its entries.
static bool may_be_packed(const struct zset_build *b, size_t *nbytes)
{
    const struct type_limits *limits = b->types->limits;
    size_t count = zset_build_count(b);
    struct packed_zset_entry e;
    struct rank_pos pos;

    *nbytes = 0;
    if (!zset_packed_may_hold(limits, count, b->longest, 0))
        return false;
    for (rank_tree_at(&b->index->tree, 0, &pos); pos.leaf != NULL; rank_pos_next(&pos)) {
        entry_at(&pos, &e);
        *nbytes += packed_zset_entry_size(&e);
    }
    return zset_packed_may_hold(limits, count, b->longest, *nbytes);
}

static struct packed_blob *packed_of(const struct zset_build *b, size_t nbytes)
{
    struct packed_blob *ps = packed_blob_new(0, nbytes);
    struct packed_zset_entry e;
    struct rank_pos pos;

    if (ps == NULL)
        return NULL;
    for (rank_tree_at(&b->index->tree, 0, &pos); pos.leaf != NULL; rank_pos_next(&pos)) {
        entry_at(&pos, &e);
        packed_zset_push(ps, &e);
    }
    return ps;
}

enum status zset_build_finish(struct zset_build *b, bool compact, struct value *out)
{
    size_t count = zset_build_count(b), nbytes;
    bool failed = b->status != STATUS_OK;
    struct packed_blob *ps = NULL;
    struct zset *z = NULL;

    *out = VALUE_ABSENT;
    if (compact && count > 0 && !failed && may_be_packed(b, &nbytes)) {
        ps = packed_of(b, nbytes);
        failed = ps == NULL;
    }
    if (count > 0 && !failed) {
        uint64_t body = ps != NULL ? zset_body_make(ZSET_BODY_PACKED, ps)
                                   : zset_body_make(ZSET_BODY_INDEX, b->index);
        z = zset_handle_new(NO_EXPIRE, body, count);
        failed = z == NULL;
    }
    if (z != NULL)
        *out = value_make(VALUE_ZSET, z);
    else
        mem_free(ps);
    if (z == NULL || ps != NULL)
        zset_build_abort(b);
    return failed ? STATUS_NO_MEMORY : STATUS_OK;
}

void zset_build_abort(struct zset_build *b)
{
    zset_index_discard(b->types, b->index);
}
