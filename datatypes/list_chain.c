// SPDX-License-Identifier: MIT
//
// Lists: the array of chunks. Room in it lies at both ends, so that chunks come and go there in
// constant time; in the middle the nearer part of the array is moved, 16 bytes a chunk.
#include <assert.h>
#include <string.h>

#include "datatypes/list_internal.h"
#include "datatypes/mem.h"

enum {
    CHAIN_MIN = 7,     // links of the smallest chain, which is one block of 144 bytes
    CHAIN_SPARSE = 8,  // a chain is made smaller when it uses no more than one link in so many
    SHRINK_FROM = 240, // bytes: chunks smaller than this are not worth shrinking
    SHRINK_SPARSE = 4, // a chunk shrinks when it uses no more than one byte in so many
};

static struct list_chain *chain_new(size_t cap)
{
    size_t size = mem_good_size(sizeof(struct list_chain) + cap * sizeof(struct list_link));
    struct list_chain *chain = mem_alloc(size);

    if (chain != NULL)
        chain->cap = (size - sizeof *chain) / sizeof(struct list_link);
    return chain;
}

static size_t chain_length(const struct list_chain *chain)
{
    return chain->end - chain->begin;
}

// Three quarters of the room go to the front or to the back.
static void place(struct list_chain *to, const struct list_link *links, size_t n, bool front)
{
    size_t room = to->cap - n, share = room - room / 4;

    to->begin = front ? share : room - share;
    to->end = to->begin + n;
    memmove(to->links + to->begin, links, n * sizeof *links);
}

// A chain with other capacity in the place of the list's; false without memory.
static bool move_chain(struct list *l, size_t cap, bool front)
{
    struct list_chain *old = list_chain(l), *chain = chain_new(cap);

    if (chain == NULL)
        return false;
    place(chain, old->links + old->begin, chain_length(old), front);
    list_set_body(l, LIST_BODY_CHAIN, chain);
    mem_free(old);
    return true;
}

static bool become_chain(struct list *l)
{
    struct list_chain *chain = chain_new(CHAIN_MIN);
    struct chunk *only = list_chunk(l, 0);

    if (chain == NULL)
        return false;
    place(chain, &(struct list_link){only, only->count}, 1, false);
    list_set_body(l, LIST_BODY_CHAIN, chain);
    return true;
}

static bool nearer_front(const struct list_chain *chain, size_t i)
{
    return i < chain_length(chain) - i;
}

bool list_reserve_chunks(struct list *l, size_t i, size_t n)
{
    if (list_chain(l) == NULL && !become_chain(l))
        return false;
    struct list_chain *chain = list_chain(l);
    bool front = nearer_front(chain, i);
    size_t used = chain_length(chain);

    if ((front ? chain->begin : chain->cap - chain->end) >= n)
        return true;
    if (used > chain->cap / 2)
        return move_chain(l, 2 * used + n, front);
    place(chain, chain->links + chain->begin, used, front);
    return true;
}

void list_add_chunk(struct list *l, size_t i, struct chunk *c)
{
    struct list_chain *chain = list_chain(l);

    if (chain == NULL) {
        assert(list_body(l) == 0);
        list_set_body(l, LIST_BODY_CHUNK, c);
        return;
    }
    bool front = nearer_front(chain, i) ? chain->begin > 0 : chain->end == chain->cap;
    struct list_link *first = chain->links + chain->begin;
    if (front) {
        memmove(first - 1, first, i * sizeof *first);
        chain->begin--;
    } else {
        memmove(first + i + 1, first + i, (chain_length(chain) - i) * sizeof *first);
        chain->end++;
    }
    list_set_chunk(l, i, c);
}

void list_set_chunk(struct list *l, size_t i, struct chunk *c)
{
    struct list_chain *chain = list_chain(l);

    if (chain != NULL)
        chain->links[chain->begin + i] = (struct list_link){c, c->count};
    else if (list_body_pointer(list_body(l)) != c)
        list_set_body(l, LIST_BODY_CHUNK, c);
}

void list_take_chunks(struct list *l, size_t i, size_t n)
{
    struct list_chain *chain = list_chain(l);

    if (n == 0)
        return;
    if (chain == NULL) {
        list_set_body(l, LIST_BODY_NONE, NULL);
        return;
    }
    struct list_link *first = chain->links + chain->begin;
    size_t behind = chain_length(chain) - i - n;
    if (i < behind) {
        memmove(first + n, first, i * sizeof *first);
        chain->begin += n;
    } else {
        memmove(first + i, first + i + n, behind * sizeof *first);
        chain->end -= n;
    }
}

void list_tighten(struct type_ctx *ctx, struct list *l, size_t i)
{
    struct chunk *c = list_chunk(l, i), *tight;

    if (c->cap < SHRINK_FROM || chunk_used(c) > c->cap / SHRINK_SPARSE)
        return;
    tight = chunk_clone(c, 2 * chunk_used(c), CHUNK_BACK);
    if (tight == NULL)
        return; // as well as it can be done
    list_set_chunk(l, i, tight);
    list_chunk_drop(ctx, c);
}

void list_settle(struct type_ctx *ctx, struct list *l)
{
    struct list_chain *chain = list_chain(l);

    if (chain != NULL && chain_length(chain) <= 1) {
        if (chain_length(chain) == 1)
            list_set_body(l, LIST_BODY_CHUNK, chain->links[chain->begin].chunk);
        else
            list_set_body(l, LIST_BODY_NONE, NULL);
        mem_free(chain);
    } else if (chain != NULL) {
        if (chain->cap > CHAIN_MIN && chain_length(chain) <= chain->cap / CHAIN_SPARSE)
            (void)move_chain(l, 2 * chain_length(chain), false); // as well as it can be done
        return;
    }
    if (list_chunks(l) > 0)
        list_tighten(ctx, l, 0);
}

size_t list_locate(const struct list *l, size_t index, size_t *first)
{
    const struct list_chain *chain = list_chain(l);
    size_t count = list_own_count(l);

    *first = 0;
    if (chain == NULL)
        return 0;
    size_t i = chain->begin;
    if (index < count / 2) {
        for (; index >= *first + chain->links[i].count; i++)
            *first += chain->links[i].count;
    } else {
        i = chain->end;
        *first = count;
        do {
            *first -= chain->links[--i].count;
        } while (index < *first);
    }
    return i - chain->begin;
}
