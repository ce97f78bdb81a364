// SPDX-License-Identifier: MIT
//
// Lists: walking, and changes in the middle. An element that does not fit its chunk any more splits
// it: the smaller part moves to a new chunk together with the element, or the element gets a chunk
// between the two when it is a large one.
#include <assert.h>

#include "datatypes/list_internal.h"
#include "datatypes/mem.h"

// ---- sizes -----------------------------------------------------------------------------------

size_t list_blocks(struct value v)
{
    return list_chunks(value_pointer(v));
}

size_t list_distance(struct value v, size_t index)
{
    const struct list *l = value_pointer(v);
    size_t count = list_own_count(l), nearer = index < count / 2 ? index : count - 1 - index;

    return (size_t)((double)nearer / (double)count * (double)list_chunks(l));
}

size_t list_range_bytes(struct value v, size_t index, size_t n)
{
    const struct list *l = value_pointer(v);
    size_t end = index + n, nbytes = 0, first;

    if (n == 0)
        return 0;
    for (size_t i = list_locate(l, index, &first); first < end; i++) {
        const struct chunk *c = list_chunk(l, i);
        nbytes += chunk_used(c);
        first += c->count;
    }
    return nbytes;
}

// ---- walking ---------------------------------------------------------------------------------

// Enters chunk `number` at the end where the walk comes in.
static void enter_chunk(struct list_iter *it, size_t number)
{
    it->number = number;
    it->chunk = list_chunk(it->list, number);
    it->at = it->behind = it->backwards ? chunk_end(it->chunk) : chunk_first(it->chunk);
}

void list_iter_init(struct list_iter *it, struct value v, size_t index, bool backwards)
{
    size_t first;

    it->list = value_pointer(v);
    it->chunk = NULL;
    it->started = false;
    it->backwards = backwards;
    it->index = index;
    if (index >= list_own_count(it->list))
        return;
    enter_chunk(it, list_locate(it->list, index, &first));
    it->at = it->behind = chunk_at(it->chunk, index - first + backwards);
}

// Goes to the next chunk; false when there is none.
static bool next_chunk(struct list_iter *it)
{
    size_t number = it->backwards ? it->number - 1 : it->number + 1;

    if (number >= list_chunks(it->list)) { // also below the first
        it->chunk = NULL;
        return false;
    }
    enter_chunk(it, number);
    return true;
}

// Goes to the next entry without reading it.
static inline bool step(struct list_iter *it)
{
    const struct chunk *c = it->chunk;

    if (c == NULL)
        return false;
    if (it->backwards ? it->at.at == c->begin : it->behind.at == c->end) {
        if (!next_chunk(it))
            return false;
        c = it->chunk;
    }
    if (it->backwards) {
        it->behind = it->at;
        it->at = chunk_prev(c, it->behind);
        it->index -= it->started;
    } else {
        it->at = it->behind;
        it->behind = chunk_next(c, it->at);
        it->index += it->started;
    }
    it->started = true;
    return true;
}

bool list_iter_next(struct list_iter *it)
{
    if (!step(it))
        return false;
    chunk_read(it->chunk, it->at, it->behind, &it->element);
    return true;
}

bool list_iter_seek(struct list_iter *it, const struct chunk_item *item, size_t most,
                    size_t *looked)
{
    for (*looked = 0; *looked < most && step(it);) {
        ++*looked;
        if (chunk_entry_is(it->chunk, it->at, item)) {
            chunk_read(it->chunk, it->at, it->behind, &it->element);
            return true;
        }
    }
    return false;
}

// ---- inserting -------------------------------------------------------------------------------

// Where a chunk is split: the smaller part is what moves to a new one.
struct split {
    enum chunk_side side; // the entries before the place move, or those behind
    struct chunk_place from, to;
    size_t nbytes, count;
};

static struct split plan_split(const struct chunk *c, struct chunk_place at)
{
    struct split s = {CHUNK_BACK, at, chunk_end(c), c->end - at.at, 0};

    if (at.at - c->begin <= s.nbytes)
        s = (struct split){CHUNK_FRONT, chunk_first(c), at, at.at - c->begin, 0};
    for (struct chunk_place p = s.from; p.at < s.to.at; p = chunk_next(c, p))
        s.count++;
    return s;
}

// Fills the new chunk with the part, and the element where the part is to be cut off.
static void fill(struct chunk *moved, const struct chunk *c, const struct split *s,
                 const struct chunk_item *item)
{
    if (item != NULL && s->side == CHUNK_BACK)
        chunk_push(moved, CHUNK_BACK, item);
    chunk_push_entries(moved, CHUNK_BACK, c, s->from, s->to, s->count);
    if (item != NULL && s->side == CHUNK_FRONT)
        chunk_push(moved, CHUNK_BACK, item);
}

// Splits chunk `i` at a place and puts the element there; false without memory.
static bool split_chunk(struct list *l, size_t i, struct chunk_place at,
                        const struct chunk_item *item, const struct chunk_limit *limit)
{
    struct chunk *c = list_chunk(l, i), *own = NULL;
    struct split s = plan_split(c, at);
    size_t size = chunk_item_size(item);
    bool together = s.count == 0 || (s.nbytes + size <= limit->nbytes && s.count < limit->count);

    struct chunk *moved = chunk_new(s.nbytes + (together ? size : 0), CHUNK_BACK);
    if (!together)
        own = chunk_new(size, CHUNK_BACK);
    size_t where = s.side == CHUNK_FRONT ? i : i + 1;
    if (moved == NULL || (!together && own == NULL) ||
        !list_reserve_chunks(l, where, together ? 1 : 2)) {
        mem_free(moved);
        mem_free(own);
        return false;
    }
    fill(moved, c, &s, together ? item : NULL);
    chunk_cut(c, s.side, at, s.count);
    list_set_chunk(l, i, c);
    list_add_chunk(l, where, moved);
    if (own != NULL) {
        chunk_push(own, CHUNK_BACK, item);
        list_add_chunk(l, i + 1, own); // between the two, whichever has moved
    }
    return true;
}

// Puts an element at a place of chunk `i`; false without memory.
static bool insert_at(struct list *l, size_t i, struct chunk_place at,
                      const struct chunk_item *item, const struct chunk_limit *limit)
{
    struct chunk *c = list_chunk(l, i);
    size_t size = chunk_item_size(item);

    if (c->count < limit->count && chunk_used(c) + size <= limit->nbytes) {
        uint32_t offset = at.at - c->begin;
        if (c->cap - chunk_used(c) < size)
            c = chunk_reserve(c, size, CHUNK_BACK, limit, list_chain(l) != NULL);
        if (c == NULL)
            return false;
        at.at = c->begin + offset;
        chunk_insert(c, at, item);
        list_set_chunk(l, i, c);
        return true;
    }
    if (at.at == c->end && i + 1 < list_chunks(l) &&
        chunk_takes(list_chunk(l, i + 1), size, CHUNK_FRONT, limit))
        return list_push_into(l, i + 1, CHUNK_FRONT, item, limit);
    if (at.at == c->begin && i > 0 && chunk_takes(list_chunk(l, i - 1), size, CHUNK_BACK, limit))
        return list_push_into(l, i - 1, CHUNK_BACK, item, limit);
    return split_chunk(l, i, at, item, limit);
}

enum status list_insert(struct type_ctx *ctx, struct value v, const struct list_iter *it,
                        bool after, const char *data, size_t len)
{
    struct list *l = value_pointer(v);
    struct chunk_limit limit = list_limit(ctx);
    struct chunk_item item;

    if (len > CHUNK_ELEMENT_MAX)
        return STATUS_TOO_LONG;
    chunk_item(&item, data, len);
    if (!insert_at(l, it->number, after ? it->behind : it->at, &item, &limit))
        return STATUS_NO_MEMORY;
    list_set_count(l, list_own_count(l) + 1);
    return STATUS_OK;
}

// ---- replacing -------------------------------------------------------------------------------

static void remove_index(struct type_ctx *ctx, struct list *l, size_t index)
{
    size_t first, i = list_locate(l, index, &first);
    struct chunk *c = list_chunk(l, i);

    if (c->count == 1) {
        list_take_chunks(l, i, 1);
        list_chunk_drop(ctx, c);
    } else {
        chunk_remove(c, chunk_at(c, index - first));
        list_set_chunk(l, i, c);
    }
    list_set_count(l, list_own_count(l) - 1);
    list_settle(ctx, l);
}

// Within the chunk, which grows when it must, and shrinks when it is mostly room then; false
// without memory.
static bool replace_within(struct type_ctx *ctx, struct list *l, size_t i, struct chunk_place at,
                           size_t used, const struct chunk_item *item)
{
    struct chunk *c = list_chunk(l, i);
    uint32_t offset = at.at - c->begin;

    if (used > c->cap)
        c = chunk_resize(c, used, CHUNK_BACK);
    if (c == NULL)
        return false;
    at.at = c->begin + offset;
    chunk_insert(c, chunk_remove(c, at), item);
    list_set_chunk(l, i, c);
    list_tighten(ctx, l, i);
    return true;
}

enum status list_replace(struct type_ctx *ctx, struct value v, const struct list_iter *it,
                         const char *data, size_t len)
{
    struct list *l = value_pointer(v);
    struct chunk_limit limit = list_limit(ctx);
    const struct chunk *c = it->chunk;
    struct chunk_item item;

    if (len > CHUNK_ELEMENT_MAX)
        return STATUS_TOO_LONG;
    chunk_item(&item, data, len);
    size_t old = it->behind.at - it->at.at;
    size_t used = chunk_used(c) - old + chunk_item_size(&item);
    if (used <= limit.nbytes || c->count == 1)
        return replace_within(ctx, l, it->number, it->at, used, &item) ? STATUS_OK
                                                                       : STATUS_NO_MEMORY;
    enum status status = list_insert(ctx, v, it, false, data, len);
    if (status == STATUS_OK)
        remove_index(ctx, l, it->index + 1);
    return status;
}

// ---- removing by value -----------------------------------------------------------------------

void list_sweep_init(struct list_sweep *s, struct type_ctx *ctx, const struct list_iter *it,
                     const struct chunk_item *item, size_t most)
{
    size_t before = it->backwards ? list_chunks(it->list) - 1 - it->number : it->number;

    *s = (struct list_sweep){.ctx = ctx,
                             .list = it->list,
                             .item = item,
                             .from = it->backwards ? CHUNK_BACK : CHUNK_FRONT,
                             .most = most,
                             .limit = list_limit(ctx),
                             .nread = before,
                             .nkept = before};
}

// Number of the chunk that is the i-th on the sweep's way.
static size_t on_the_way(const struct list_sweep *s, size_t i)
{
    return s->from == CHUNK_FRONT ? i : list_chunks(s->list) - 1 - i;
}

// Appends the chunk to the one kept before when both are small; true: it is gone.
static bool merge(struct list_sweep *s, struct chunk *c)
{
    if (s->nkept == 0)
        return false;
    size_t number = on_the_way(s, s->nkept - 1);
    struct chunk *kept = list_chunk(s->list, number);
    bool forwards = s->from == CHUNK_FRONT;
    size_t used = chunk_used(c), room = forwards ? kept->cap - kept->end : kept->begin;

    if (room < used || chunk_used(kept) + used > s->limit.nbytes / 2 ||
        kept->count + c->count > s->limit.count)
        return false;
    chunk_push_entries(kept, forwards ? CHUNK_BACK : CHUNK_FRONT, c, chunk_first(c), chunk_end(c),
                       c->count);
    list_set_chunk(s->list, number, kept);
    mem_free(c); // a small one
    return true;
}

bool list_sweep_step(struct list_sweep *s, size_t *looked)
{
    *looked = 0;
    if (s->removed == s->most || s->nread == list_chunks(s->list))
        return false;
    struct chunk *c = list_chunk(s->list, on_the_way(s, s->nread++));
    *looked = c->count;
    size_t gone = chunk_filter(c, s->from, s->item, s->most - s->removed);
    s->removed += gone;
    if (c->count == 0)
        list_chunk_drop(s->ctx, c);
    else if (gone == 0 || !merge(s, c))
        list_set_chunk(s->list, on_the_way(s, s->nkept++), c);
    return true;
}

size_t list_sweep_end(struct list_sweep *s)
{
    size_t gap = s->nread - s->nkept;

    if (gap > 0)
        list_take_chunks(s->list, on_the_way(s, s->from == CHUNK_FRONT ? s->nkept : s->nread - 1),
                         gap);
    list_set_count(s->list, list_own_count(s->list) - s->removed);
    list_settle(s->ctx, s->list);
    return s->removed;
}
