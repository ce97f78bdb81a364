// SPDX-License-Identifier: MIT
//
// The order of a large sorted set: a counted B+tree over its nodes, by score and then by member.
// Ranks, ranges and walks in both directions; see rank_tree.c for the essay.
//
// Used under the key's lock only, in the way that the lock allows: nothing here is for lock-free
// readers, and blocks are freed at once. Nodes are borrowed. Only rank_tree_insert() and
// rank_tree_move() need memory.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rank_leaf;
struct zset_node;

struct rank_tree {
    void *root;      // a leaf when height is 0; NULL: empty
    unsigned height; // levels of inner blocks
    uint32_t ninner, nleaves;
    size_t count;
};

// A place in the order, given by what lies below it.
enum rank_bound_kind { RANK_BY_ITEM, RANK_BY_SCORE, RANK_BY_MEMBER };
struct rank_bound {
    enum rank_bound_kind kind;
    bool inclusive; // what is equal lies below, too
    double score;   // not for RANK_BY_MEMBER, which trusts that all scores are the same
    const char *member;
    size_t len; // not for RANK_BY_SCORE
};

void rank_tree_init(struct rank_tree *);

// Frees about `budget` items' worth of blocks; true while something is left. The nodes are not
// touched.
bool rank_tree_free_step(struct rank_tree *, size_t budget);
void rank_tree_free(struct rank_tree *);

// Puts a node, which is not there, where its score and member belong. False without memory, nothing
// is changed then.
bool rank_tree_insert(struct rank_tree *, double score, struct zset_node *);
// Takes out a node, which is there under that score.
void rank_tree_remove(struct rank_tree *, double score, const struct zset_node *);
// Gives a node another score. False without memory, nothing is changed then.
bool rank_tree_move(struct rank_tree *, double from, double to, struct zset_node *);

// Number of nodes below the bound: the rank of the first one that is not.
size_t rank_tree_below(const struct rank_tree *, const struct rank_bound *);
// The rank of a node that is there under that score.
size_t rank_tree_rank(const struct rank_tree *, double score, const struct zset_node *);

// Takes out at least one and at most `most` nodes from `rank` < count on, passing each to fn, which
// may retire it; returns how many.
size_t rank_tree_remove_at(struct rank_tree *, size_t rank, size_t most,
                           void (*fn)(struct zset_node *, void *arg), void *arg);

// A position; valid until the tree changes.
struct rank_pos {
    const struct rank_leaf *leaf; // NULL: before the first or behind the last
    unsigned at;
};
// The position of `rank`; leaf NULL when rank >= count.
void rank_tree_at(const struct rank_tree *, size_t rank, struct rank_pos *);
// The node at a position, and its score.
struct zset_node *rank_pos_node(const struct rank_pos *, double *score);
void rank_pos_next(struct rank_pos *);
void rank_pos_prev(struct rank_pos *);

// Bytes of the blocks.
size_t rank_tree_memory(const struct rank_tree *);
