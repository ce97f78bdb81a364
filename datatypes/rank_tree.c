// SPDX-License-Identifier: MIT
//
// Counted B+tree
//
//     root ─> inner  | n | keys: score, node | children | counts |       1 KB, at most 31 children
//                          │
//               inner ...  (height levels)
//                          │
//     leaf <─> leaf <─> leaf   | n | prev, next | scores | nodes |       1 KB, at most 62 items
//
// A skiplist takes a block per member with a tower of links and spans, about 40 bytes beside the
// member and a cache miss per step. Here a member costs 16 bytes of a leaf at its fill (about 70 %
// after random inserts, 100 % after inserts in order), the scores that a search looks at lie side
// by side, and a walk reads the nodes in the order of an array.
//
// Invariants
// 1. Items are in order of (score, member), throughout the chain of leaves.
// 2. The key of a child is the first item below it, and its count is the number of items below it.
// 3. No block is empty; an empty tree has no root. An inner root has at least two children.
// 4. A block that lost something is merged with a neighbour under the same parent if together they
//    fill at most 3/4 of one. So two neighbours are rarely less than 3/8 full on average, and the
//    height stays below MAX_HEIGHT for any count that memory allows.
//
// A full block is split in the middle, but at its end when the item comes last of all and at its
// beginning when it comes first of all: inserts in order leave full blocks behind.
#include "datatypes/rank_tree.h"

#include <assert.h>
#include <string.h>

#include "datatypes/mem.h"
#include "datatypes/zset_node.h"

enum {
    LEAF_MAX = 62,
    INNER_MAX = 31,
    MAX_HEIGHT = 20,
    MERGE_LEAF = LEAF_MAX * 3 / 4, // two neighbours of no more than this become one
    MERGE_INNER = INNER_MAX * 3 / 4,
};

struct rank_leaf {
    unsigned n;
    struct rank_leaf *prev, *next;
    double score[LEAF_MAX];
    struct zset_node *node[LEAF_MAX];
};

struct inner {
    unsigned n;
    double score[INNER_MAX]; // with `first`: the first item of each child
    const struct zset_node *first[INNER_MAX];
    void *child[INNER_MAX]; // leaves on the lowest level, else inner blocks
    uint64_t count[INNER_MAX];
};

_Static_assert(sizeof(struct rank_leaf) <= 1024 && sizeof(struct inner) <= 1024,
               "a block is one kilobyte");

// The way from the root to an item: level 0 is the lowest inner block.
struct path {
    struct inner *inner[MAX_HEIGHT];
    unsigned at[MAX_HEIGHT]; // the child that was taken
    struct rank_leaf *leaf;
    unsigned pos; // in the leaf
};

void rank_tree_init(struct rank_tree *t)
{
    *t = (struct rank_tree){0};
}

// ---- searching in a block --------------------------------------------------------------------

// Number of the ascending scores that are below x, or not above it. Without branches to mispredict.
static inline unsigned scores_below(const double *score, unsigned n, double x, bool inclusive)
{
    unsigned base = 0;

    if (n == 0)
        return 0;
    while (n > 1) {
        unsigned half = n / 2;
        double s = score[base + half - 1];
        base += (inclusive ? s <= x : s < x) ? half : 0;
        n -= half;
    }
    return base + (inclusive ? score[base] <= x : score[base] < x);
}

static bool member_below(const struct zset_node *node, const struct rank_bound *b)
{
    const char *member;
    size_t len;
    zset_node_member(node, &member, &len);
    size_t shared = len < b->len ? len : b->len;
    int order = shared == 0 ? 0 : memcmp(member, b->member, shared);
    if (order == 0)
        return b->inclusive ? len <= b->len : len < b->len;
    return order < 0;
}

// The same by member, for items [from, to), whose scores are not looked at. Returns an index.
static unsigned members_below(const struct zset_node *const *node, unsigned from, unsigned to,
                              const struct rank_bound *b)
{
    while (from < to) {
        unsigned middle = from + (to - from) / 2;
        if (member_below(node[middle], b))
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

// Number of items of a block that lie below the bound.
static unsigned items_below(const double *score, const struct zset_node *const *node, unsigned n,
                            const struct rank_bound *b)
{
    if (b->kind == RANK_BY_MEMBER)
        return members_below(node, 0, n, b);
    if (b->kind == RANK_BY_SCORE)
        return scores_below(score, n, b->score, b->inclusive);
    unsigned low = scores_below(score, n, b->score, false);
    if (low == n || score[low] != b->score)
        return low;
    unsigned equal = scores_below(score + low, n - low, b->score, true);
    return members_below(node, low, low + equal, b);
}

static unsigned leaf_below(const struct rank_leaf *leaf, const struct rank_bound *b)
{
    return items_below(leaf->score, (const struct zset_node *const *)leaf->node, leaf->n, b);
}

// The child in which the bound lies: the last one that begins below it.
static unsigned inner_below(const struct inner *inner, const struct rank_bound *b)
{
    unsigned below = items_below(inner->score, inner->first, inner->n, b);
    return below > 0 ? below - 1 : 0;
}

static uint64_t count_before(const struct inner *inner, unsigned at)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < at; i++)
        sum += inner->count[i];
    return sum;
}

// The bound just behind (inclusive) or just before a node.
static struct rank_bound bound_of(double score, const struct zset_node *node, bool inclusive)
{
    struct rank_bound b = {.kind = RANK_BY_ITEM, .inclusive = inclusive, .score = score};
    zset_node_member(node, &b.member, &b.len);
    return b;
}

// The way to the bound: path->pos items of path->leaf lie below it. The tree is not empty.
static void descend(const struct rank_tree *t, const struct rank_bound *b, struct path *path)
{
    void *block = t->root;
    for (unsigned level = t->height; level-- > 0;) {
        struct inner *inner = block;
        path->inner[level] = inner;
        path->at[level] = inner_below(inner, b);
        block = inner->child[path->at[level]];
    }
    path->leaf = block;
    path->pos = leaf_below(path->leaf, b);
}

// The way to a node that is there.
static void descend_to(const struct rank_tree *t, double score, const struct zset_node *node,
                       struct path *path)
{
    struct rank_bound b = bound_of(score, node, true);
    descend(t, &b, path);
    assert(path->pos > 0 && path->leaf->node[path->pos - 1] == node);
    path->pos--;
}

static void descend_to_rank(const struct rank_tree *t, size_t rank, struct path *path)
{
    void *block = t->root;
    for (unsigned level = t->height; level-- > 0;) {
        struct inner *inner = block;
        unsigned at = 0;
        for (; rank >= inner->count[at]; at++)
            rank -= inner->count[at];
        path->inner[level] = inner;
        path->at[level] = at;
        block = inner->child[at];
    }
    path->leaf = block;
    path->pos = (unsigned)rank;
}

// ---- inserting -------------------------------------------------------------------------------

// Blocks that an insertion will need, allocated before anything is changed.
struct spare {
    struct rank_leaf *leaf;
    struct inner *inner[MAX_HEIGHT + 1];
    unsigned ninner;
};

// Every full block from the leaf up is split; when all are, there will be a new root.
static bool spare_init(struct spare *s, const struct rank_tree *t, const struct path *path)
{
    unsigned level = 0;

    s->leaf = NULL;
    s->ninner = 0;
    if (path->leaf->n < LEAF_MAX)
        return true;
    while (level < t->height && path->inner[level]->n == INNER_MAX)
        level++;
    unsigned wanted = level + (level == t->height);
    s->leaf = mem_alloc(sizeof *s->leaf);
    bool ok = s->leaf != NULL;
    while (ok && s->ninner < wanted) {
        struct inner *inner = mem_alloc(sizeof *inner);
        ok = inner != NULL;
        if (ok)
            s->inner[s->ninner++] = inner;
    }
    if (ok)
        return true;
    mem_free(s->leaf);
    while (s->ninner > 0)
        mem_free(s->inner[--s->ninner]);
    return false;
}

static void leaf_insert(struct rank_leaf *leaf, unsigned pos, double score, struct zset_node *node)
{
    memmove(leaf->score + pos + 1, leaf->score + pos, (leaf->n - pos) * sizeof *leaf->score);
    memmove(leaf->node + pos + 1, leaf->node + pos, (leaf->n - pos) * sizeof *leaf->node);
    leaf->score[pos] = score;
    leaf->node[pos] = node;
    leaf->n++;
}

static void leaf_copy(struct rank_leaf *to, unsigned at, const struct rank_leaf *from,
                      unsigned first, unsigned n)
{
    memcpy(to->score + at, from->score + first, n * sizeof *to->score);
    memcpy(to->node + at, from->node + first, n * sizeof *to->node);
}

static void inner_copy(struct inner *to, unsigned at, const struct inner *from, unsigned first,
                       unsigned n)
{
    memcpy(to->score + at, from->score + first, n * sizeof *to->score);
    memcpy(to->first + at, from->first + first, n * sizeof *to->first);
    memcpy(to->child + at, from->child + first, n * sizeof *to->child);
    memcpy(to->count + at, from->count + first, n * sizeof *to->count);
}

// Moves the children from `at` on by one place.
static void inner_open(struct inner *inner, unsigned at)
{
    unsigned n = inner->n - at;
    memmove(inner->score + at + 1, inner->score + at, n * sizeof *inner->score);
    memmove(inner->first + at + 1, inner->first + at, n * sizeof *inner->first);
    memmove(inner->child + at + 1, inner->child + at, n * sizeof *inner->child);
    memmove(inner->count + at + 1, inner->count + at, n * sizeof *inner->count);
    inner->n++;
}

static void inner_close(struct inner *inner, unsigned at)
{
    unsigned n = --inner->n - at;
    memmove(inner->score + at, inner->score + at + 1, n * sizeof *inner->score);
    memmove(inner->first + at, inner->first + at + 1, n * sizeof *inner->first);
    memmove(inner->child + at, inner->child + at + 1, n * sizeof *inner->child);
    memmove(inner->count + at, inner->count + at + 1, n * sizeof *inner->count);
}

// Writes down what a child says of itself. `low`: the children are leaves.
static void set_key(struct inner *inner, unsigned at, const void *child, bool low)
{
    const struct rank_leaf *leaf = child;
    const struct inner *below = child;
    inner->score[at] = low ? leaf->score[0] : below->score[0];
    inner->first[at] = low ? leaf->node[0] : below->first[0];
}

static void set_child(struct inner *inner, unsigned at, void *child, bool low)
{
    inner->child[at] = child;
    inner->count[at] = low ? ((struct rank_leaf *)child)->n
                           : count_before(child, ((const struct inner *)child)->n);
    set_key(inner, at, child, low);
}

// Moves what is right of the middle (see the essay) into `right`, and inserts the item.
static void leaf_split_insert(struct rank_leaf *leaf, struct rank_leaf *right, unsigned pos,
                              double score, struct zset_node *node)
{
    unsigned middle = LEAF_MAX / 2;
    if (pos == LEAF_MAX && leaf->next == NULL)
        middle = LEAF_MAX;
    else if (pos == 0 && leaf->prev == NULL)
        middle = 0;
    right->n = leaf->n - middle;
    leaf_copy(right, 0, leaf, middle, right->n);
    leaf->n = middle;
    right->prev = leaf;
    right->next = leaf->next;
    if (leaf->next != NULL)
        leaf->next->prev = right;
    leaf->next = right;
    if (pos > middle || middle == LEAF_MAX)
        leaf_insert(right, pos - middle, score, node);
    else
        leaf_insert(leaf, pos, score, node);
}

// Splits a full inner block and inserts the child at `at` > 0 into the half that it belongs to.
// `last`: there is nothing behind that child.
static void inner_split_insert(struct inner *inner, struct inner *right, unsigned at, void *child,
                               bool low, bool last)
{
    unsigned middle = last ? INNER_MAX : INNER_MAX / 2;
    right->n = inner->n - middle;
    inner_copy(right, 0, inner, middle, right->n);
    inner->n = middle;
    if (at > middle || middle == INNER_MAX) {
        inner = right;
        at -= middle;
    }
    inner_open(inner, at);
    set_child(inner, at, child, low);
}

// The tree has the blocks `left`, its root so far, and `right`.
static void new_root(struct rank_tree *t, struct inner *root, void *right)
{
    bool low = t->height == 0;
    root->n = 2;
    set_child(root, 0, t->root, low);
    set_child(root, 1, right, low);
    t->root = root;
    t->height++;
    assert(t->height < MAX_HEIGHT);
}

// The leaf at the end of the path was split: hands its right half to the parents, which may split,
// too.
static void insert_block(struct rank_tree *t, const struct path *path, struct spare *spare)
{
    void *right = spare->leaf;
    bool last = spare->leaf->next == NULL;

    for (unsigned level = 0; level < t->height; level++) {
        struct inner *inner = path->inner[level];
        unsigned at = path->at[level];
        bool low = level == 0;
        set_child(inner, at, inner->child[at], low);
        if (right == NULL)
            continue;
        if (inner->n < INNER_MAX) {
            inner_open(inner, at + 1);
            set_child(inner, at + 1, right, low);
            right = NULL;
            continue;
        }
        struct inner *half = spare->inner[--spare->ninner];
        inner_split_insert(inner, half, at + 1, right, low, last);
        right = half;
    }
    if (right != NULL)
        new_root(t, spare->inner[--spare->ninner], right);
}

static bool insert_first(struct rank_tree *t, double score, struct zset_node *node)
{
    struct rank_leaf *leaf = mem_alloc(sizeof *leaf);
    if (leaf == NULL)
        return false;
    *leaf = (struct rank_leaf){.n = 1, .score = {score}, .node = {node}};
    t->root = leaf;
    t->nleaves = 1;
    t->count = 1;
    return true;
}

bool rank_tree_insert(struct rank_tree *t, double score, struct zset_node *node)
{
    struct path path;
    struct spare spare;

    if (t->root == NULL)
        return insert_first(t, score, node);
    struct rank_bound b = bound_of(score, node, false);
    descend(t, &b, &path);
    if (!spare_init(&spare, t, &path))
        return false;
    t->count++;
    if (spare.leaf != NULL) {
        t->nleaves++;
        t->ninner += spare.ninner;
        leaf_split_insert(path.leaf, spare.leaf, path.pos, score, node);
        insert_block(t, &path, &spare);
        return true;
    }
    leaf_insert(path.leaf, path.pos, score, node);
    for (unsigned level = 0; level < t->height; level++) {
        path.inner[level]->count[path.at[level]]++;
        set_key(path.inner[level], path.at[level], path.inner[level]->child[path.at[level]],
                level == 0);
    }
    return true;
}

// ---- removing --------------------------------------------------------------------------------

static void leaf_unlink(struct rank_leaf *leaf)
{
    if (leaf->prev != NULL)
        leaf->prev->next = leaf->next;
    if (leaf->next != NULL)
        leaf->next->prev = leaf->prev;
}

static void drop_block(struct rank_tree *t, void *block, bool is_leaf)
{
    if (is_leaf) {
        leaf_unlink(block);
        t->nleaves--;
    } else {
        t->ninner--;
    }
    mem_free(block);
}

// Moves the items of child `left` + 1 into the child before it if they fit; true when they did.
static bool merge(struct rank_tree *t, struct inner *inner, unsigned left, bool low)
{
    if (low) {
        struct rank_leaf *a = inner->child[left], *b = inner->child[left + 1];
        if (a->n + b->n > MERGE_LEAF)
            return false;
        leaf_copy(a, a->n, b, 0, b->n);
        a->n += b->n;
    } else {
        struct inner *a = inner->child[left], *b = inner->child[left + 1];
        if (a->n + b->n > MERGE_INNER)
            return false;
        inner_copy(a, a->n, b, 0, b->n);
        a->n += b->n;
    }
    drop_block(t, inner->child[left + 1], low);
    inner->count[left] += inner->count[left + 1];
    inner_close(inner, left + 1);
    return true;
}

// After items were taken out below inner->child[at]: removes the child if it is empty, else brings
// its key up to date and merges it with a neighbour where that is possible.
static void mend(struct rank_tree *t, struct inner *inner, unsigned at, bool low)
{
    void *child = inner->child[at];
    unsigned n = low ? ((struct rank_leaf *)child)->n : ((struct inner *)child)->n;

    if (n == 0) {
        drop_block(t, child, low);
        inner_close(inner, at);
        return;
    }
    set_key(inner, at, child, low);
    if (at + 1 < inner->n && merge(t, inner, at, low))
        return;
    if (at > 0)
        merge(t, inner, at - 1, low);
}

// The root gives way to its only child, or to nothing.
static void lower_root(struct rank_tree *t)
{
    if (t->count == 0) {
        if (t->root != NULL)
            drop_block(t, t->root, t->height == 0);
        t->root = NULL;
        t->height = 0;
        return;
    }
    while (t->height > 0 && ((struct inner *)t->root)->n == 1) {
        struct inner *root = t->root;
        t->root = root->child[0];
        t->height--;
        t->ninner--;
        mem_free(root);
    }
}

// Takes `n` items from the place that the path leads to out of its leaf.
static void remove_from_leaf(struct rank_tree *t, const struct path *path, unsigned n)
{
    struct rank_leaf *leaf = path->leaf;
    unsigned from = path->pos + n;

    memmove(leaf->score + path->pos, leaf->score + from, (leaf->n - from) * sizeof *leaf->score);
    memmove(leaf->node + path->pos, leaf->node + from, (leaf->n - from) * sizeof *leaf->node);
    leaf->n -= n;
    t->count -= n;
    for (unsigned level = 0; level < t->height; level++) {
        path->inner[level]->count[path->at[level]] -= n;
        mend(t, path->inner[level], path->at[level], level == 0);
    }
    lower_root(t);
}

void rank_tree_remove(struct rank_tree *t, double score, const struct zset_node *node)
{
    struct path path;
    descend_to(t, score, node, &path);
    remove_from_leaf(t, &path, 1);
}

size_t rank_tree_remove_at(struct rank_tree *t, size_t rank, size_t most,
                           void (*fn)(struct zset_node *, void *arg), void *arg)
{
    struct path path;
    struct zset_node *taken[LEAF_MAX];

    assert(rank < t->count && most > 0);
    descend_to_rank(t, rank, &path);
    unsigned n = path.leaf->n - path.pos;
    n = most < n ? (unsigned)most : n;
    memcpy(taken, path.leaf->node + path.pos, n * sizeof *taken);
    remove_from_leaf(t, &path, n);
    for (unsigned i = 0; i < n; i++)
        fn(taken[i], arg);
    return n;
}

// ---- moving ----------------------------------------------------------------------------------

// Whether the item keeps its place in its leaf under the new score: both neighbours are there and
// on their sides of it.
static bool keeps_place(const struct path *path, double to)
{
    const struct rank_leaf *leaf = path->leaf;
    return path->pos > 0 && path->pos + 1 < leaf->n && leaf->score[path->pos - 1] < to &&
           to < leaf->score[path->pos + 1];
}

bool rank_tree_move(struct rank_tree *t, double from, double to, struct zset_node *node)
{
    struct path path;
    descend_to(t, from, node, &path);
    if (keeps_place(&path, to)) {
        path.leaf->score[path.pos] = to;
        return true;
    }
    // In the new place first, because only that can fail. It is there twice for a moment.
    if (!rank_tree_insert(t, to, node))
        return false;
    rank_tree_remove(t, from, node);
    return true;
}

// ---- ranks and walks -------------------------------------------------------------------------

size_t rank_tree_below(const struct rank_tree *t, const struct rank_bound *b)
{
    const void *block = t->root;
    size_t rank = 0;

    if (block == NULL)
        return 0;
    for (unsigned level = t->height; level-- > 0;) {
        const struct inner *inner = block;
        unsigned at = inner_below(inner, b);
        rank += count_before(inner, at);
        block = inner->child[at];
    }
    return rank + leaf_below(block, b);
}

size_t rank_tree_rank(const struct rank_tree *t, double score, const struct zset_node *node)
{
    struct rank_bound b = bound_of(score, node, false);
    return rank_tree_below(t, &b);
}

void rank_tree_at(const struct rank_tree *t, size_t rank, struct rank_pos *pos)
{
    struct path path;

    *pos = (struct rank_pos){0};
    if (rank >= t->count)
        return;
    descend_to_rank(t, rank, &path);
    pos->leaf = path.leaf;
    pos->at = path.pos;
}

struct zset_node *rank_pos_node(const struct rank_pos *pos, double *score)
{
    *score = pos->leaf->score[pos->at];
    return pos->leaf->node[pos->at];
}

// How many items ahead a walk has the nodes brought into the cache.
enum { WALK_AHEAD = 4 };

void rank_pos_next(struct rank_pos *pos)
{
    const struct rank_leaf *leaf = pos->leaf;
    if (++pos->at == leaf->n) {
        pos->leaf = leaf->next;
        pos->at = 0;
    } else if (pos->at + WALK_AHEAD < leaf->n) {
        __builtin_prefetch(leaf->node[pos->at + WALK_AHEAD]);
    }
}

void rank_pos_prev(struct rank_pos *pos)
{
    if (pos->at-- > 0) {
        if (pos->at >= WALK_AHEAD)
            __builtin_prefetch(pos->leaf->node[pos->at - WALK_AHEAD]);
        return;
    }
    pos->leaf = pos->leaf->prev;
    pos->at = pos->leaf != NULL ? pos->leaf->n - 1 : 0;
}

// ---- the whole -------------------------------------------------------------------------------

bool rank_tree_free_step(struct rank_tree *t, size_t budget)
{
    while (t->root != NULL && budget > 0) {
        // Down the last children; a block goes when it has none left.
        struct inner *parent = NULL;
        void *block = t->root;
        unsigned level = t->height;
        for (; level > 0 && ((struct inner *)block)->n > 0; level--) {
            parent = block;
            block = parent->child[parent->n - 1];
        }
        mem_free(block);
        budget -= budget < LEAF_MAX ? budget : LEAF_MAX;
        if (parent != NULL)
            parent->n--;
        else
            t->root = NULL;
    }
    return t->root != NULL;
}

void rank_tree_free(struct rank_tree *t)
{
    rank_tree_free_step(t, SIZE_MAX);
}

size_t rank_tree_memory(const struct rank_tree *t)
{
    return t->nleaves * mem_good_size(sizeof(struct rank_leaf)) +
           t->ninner * mem_good_size(sizeof(struct inner));
}
