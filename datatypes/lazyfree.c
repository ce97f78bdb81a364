// SPDX-License-Identifier: MIT
#include "datatypes/lazyfree.h"

#include "datatypes/mem.h"
#include "locks/cpu.h"
#include "locks/epoch.h"

enum {
    BLOCK_SLICE = 512 * 1024, // bytes of a block given back at a time: about 30 us
};

// ---- counting ----------------------------------------------------------------------------------

void lazyfree_expect(struct lazyfree *lf, size_t nobjects)
{
    atomic_fetch_add_explicit(&lf->pending, nobjects, memory_order_relaxed);
}

static void unexpect(struct lazyfree *lf, size_t nobjects)
{
    // Release: who sees that nothing is pending sees in `freed` what was.
    atomic_fetch_sub_explicit(&lf->pending, nobjects, memory_order_release);
}

void lazyfree_done(struct lazyfree *lf, size_t nobjects)
{
    atomic_fetch_add_explicit(&lf->freed, nobjects, memory_order_relaxed);
    unexpect(lf, nobjects);
}

// ---- the queue ---------------------------------------------------------------------------------

// Returns whether the queue was empty before.
static bool push(struct lazyfree *lf, struct lazyfree_item *item)
{
    mutex_lock(&lf->lock);
    bool was_empty = lf->items == NULL;
    item->next = lf->items;
    lf->items = item;
    mutex_unlock(&lf->lock);
    return was_empty;
}

static struct lazyfree_item *take(struct lazyfree *lf)
{
    mutex_lock(&lf->lock);
    struct lazyfree_item *item = lf->items;
    if (item)
        lf->items = item->next;
    mutex_unlock(&lf->lock);
    return item;
}

static bool is_waiting(struct lazyfree *lf)
{
    mutex_lock(&lf->lock);
    bool waiting = lf->items != NULL;
    mutex_unlock(&lf->lock);
    return waiting;
}

void lazyfree_add(struct lazyfree *lf, struct lazyfree_item *item)
{
    if (push(lf, item) && lf->wanted)
        lf->wanted(lf->wanted_arg);
}

bool lazyfree_step(struct lazyfree *lf, int64_t until_ns)
{
    struct lazyfree_item *item;

    while ((item = take(lf))) {
        bool left, in_time;
        do {
            left = item->free_slice(item, lf);
            in_time = clock_monotonic_ns() < until_ns;
        } while (left && in_time);
        if (left)
            push(lf, item); // nobody is told: the caller knows
        if (!in_time)
            return left || is_waiting(lf);
    }
    return false;
}

// ---- blocks ------------------------------------------------------------------------------------

// Only their pages take time: 60 us for a MB when all are given back at once, as the allocator
// does with blocks of 8 MB and more.
struct dead_block {
    struct lazyfree_item item;
    size_t left; // bytes that still have their pages
};

static bool free_block_slice(struct lazyfree_item *item, struct lazyfree *lf)
{
    struct dead_block *dead = (struct dead_block *)item;

    if (dead->left > BLOCK_SLICE) {
        dead->left -= BLOCK_SLICE;
        mem_discard((char *)dead + dead->left, BLOCK_SLICE);
        return true;
    }
    mem_free(dead);
    lazyfree_done(lf, 1);
    return false;
}

void lazyfree_add_block(struct lazyfree *lf, void *block)
{
    struct dead_block *dead = block;

    *dead = (struct dead_block){{NULL, free_block_slice}, mem_usable(block)};
    lazyfree_add(lf, &dead->item);
}

void lazyfree_free(struct lazyfree *lf, void *block)
{
    if (mem_usable(block) < LAZYFREE_BYTES) {
        mem_free(block);
        return;
    }
    lazyfree_expect(lf, 1);
    lazyfree_add_block(lf, block);
}

static void bury_block(void *block, void *lazyfree)
{
    lazyfree_add_block(lazyfree, block);
}

// ---- retiring ----------------------------------------------------------------------------------

void lazyfree_retire(struct epoch_thread *et, void *ptr, void (*bury)(void *ptr, void *lazyfree),
                     size_t nbytes)
{
    struct lazyfree *lf = epoch_reclaimer(et);

    lazyfree_expect(lf, 1);
    if (!epoch_retire_to_reclaimer(et, ptr, bury, nbytes))
        unexpect(lf, 1);
}

void lazyfree_retire_block(struct epoch_thread *et, void *block)
{
    size_t nbytes = mem_usable(block);

    if (nbytes >= LAZYFREE_BYTES && epoch_reclaimer(et))
        lazyfree_retire(et, block, bury_block, nbytes);
    else
        epoch_retire(et, block, mem_free, nbytes);
}
