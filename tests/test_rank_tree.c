// SPDX-License-Identifier: MIT
//
// The order of large sorted sets against a sorted array: inserting in every order, removing one by
// one and in runs, moving, ranks, bounds, walks both ways, and allocation failure.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datatypes/mem.h"
#include "datatypes/rank_tree.h"
#include "datatypes/rng.h"
#include "datatypes/zset_node.h"

enum { MOST = 6000 };

// The same order kept the simple way.
struct model {
    struct zset_node *node[MOST];
    size_t n;
};

static struct rank_tree tree;
static struct model model;
static struct rng rng;

static int compare(const struct zset_node *a, const struct zset_node *b)
{
    double x = zset_node_score(a), y = zset_node_score(b);
    const char *p, *q;
    size_t np, nq;
    if (x != y)
        return x < y ? -1 : 1;
    zset_node_member(a, &p, &np);
    zset_node_member(b, &q, &nq);
    int order = memcmp(p, q, np < nq ? np : nq);
    return order != 0 ? order : (np > nq) - (np < nq);
}

// The place of a node in the model.
static size_t model_rank(const struct zset_node *node)
{
    size_t from = 0, to = model.n;
    while (from < to) {
        size_t middle = (from + to) / 2;
        if (compare(model.node[middle], node) < 0)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

static void model_add(struct zset_node *node)
{
    size_t at = model_rank(node);
    memmove(model.node + at + 1, model.node + at, (model.n - at) * sizeof(void *));
    model.node[at] = node;
    model.n++;
}

static void model_take(size_t at)
{
    model.n--;
    memmove(model.node + at, model.node + at + 1, (model.n - at) * sizeof(void *));
}

static struct zset_node *new_node(uint64_t name, double score)
{
    char text[32];
    int len = snprintf(text, sizeof text, "m%llu", (unsigned long long)name);
    struct zset_node *node = zset_node_new(text, (size_t)len, score);
    assert_non_null(node);
    return node;
}

static void add(struct zset_node *node)
{
    assert_true(rank_tree_insert(&tree, zset_node_score(node), node));
    model_add(node);
}

static void take(size_t at)
{
    struct zset_node *node = model.node[at];
    rank_tree_remove(&tree, zset_node_score(node), node);
    model_take(at);
    mem_free(node);
}

// The tree holds exactly the model, walked both ways.
static void check_walks(void)
{
    struct rank_pos pos;
    double score;
    size_t i = 0;

    assert_int_equal(tree.count, model.n);
    for (rank_tree_at(&tree, 0, &pos); pos.leaf != NULL; rank_pos_next(&pos)) {
        assert_in_range(i, 0, model.n - 1);
        assert_ptr_equal(rank_pos_node(&pos, &score), model.node[i]);
        assert_true(score == zset_node_score(model.node[i]));
        i++;
    }
    assert_int_equal(i, model.n);
    if (model.n == 0)
        return;
    for (rank_tree_at(&tree, model.n - 1, &pos); pos.leaf != NULL; rank_pos_prev(&pos))
        assert_ptr_equal(rank_pos_node(&pos, &score), model.node[--i]);
    assert_int_equal(i, 0);
    rank_tree_at(&tree, model.n, &pos);
    assert_null(pos.leaf);
}

static void check_ranks(size_t step)
{
    for (size_t i = 0; i < model.n; i += step) {
        struct zset_node *node = model.node[i];
        struct rank_pos pos;
        double score = zset_node_score(node);
        assert_int_equal(rank_tree_rank(&tree, score, node), i);
        rank_tree_at(&tree, i, &pos);
        assert_ptr_equal(rank_pos_node(&pos, &score), node);
    }
}

static void check_score_bounds(double score)
{
    size_t below = 0, equal = 0;
    for (size_t i = 0; i < model.n; i++) {
        below += zset_node_score(model.node[i]) < score;
        equal += zset_node_score(model.node[i]) == score;
    }
    struct rank_bound b = {.kind = RANK_BY_SCORE, .score = score};
    assert_int_equal(rank_tree_below(&tree, &b), below);
    b.inclusive = true;
    assert_int_equal(rank_tree_below(&tree, &b), below + equal);
}

// No block is empty, and few are nearly so: what the tree takes is in proportion to what it holds.
static void check_blocks(void)
{
    if (model.n == 0) {
        assert_int_equal(rank_tree_memory(&tree), 0);
        return;
    }
    assert_in_range(tree.nleaves, 1, 1 + model.n / 10);
    assert_in_range(tree.ninner, 0, 1 + tree.nleaves / 3);
}

static int setup(void **state)
{
    (void)state;
    rank_tree_init(&tree);
    model.n = 0;
    rng_seed(&rng, 11);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    rank_tree_free(&tree);
    for (size_t i = 0; i < model.n; i++)
        mem_free(model.node[i]);
    return 0;
}

// ---- one thing at a time ---------------------------------------------------------------------

static void fill_in_order(size_t n, bool ascending)
{
    for (size_t i = 0; i < n; i++)
        add(new_node(i, ascending ? (double)i : -(double)i));
}

static void test_rank_tree_inserts_in_order_leave_full_blocks(void **state)
{
    for (int ascending = 0; ascending < 2; ascending++) {
        setup(state);
        fill_in_order(MOST, ascending != 0);
        check_walks();
        check_ranks(1);
        assert_in_range(rank_tree_memory(&tree), 0, MOST * 18);
        teardown(state);
    }
    setup(state);
}

static void test_rank_tree_of_one_score_is_in_order_of_members(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3000; i++)
        add(new_node(i * 7919 % 3000, 1.5));
    check_walks();
    check_ranks(1);
    for (size_t i = 0; i < model.n; i += 13) {
        struct rank_bound b = {.kind = RANK_BY_MEMBER};
        zset_node_member(model.node[i], &b.member, &b.len);
        assert_int_equal(rank_tree_below(&tree, &b), i);
        b.inclusive = true;
        assert_int_equal(rank_tree_below(&tree, &b), i + 1);
    }
    struct rank_bound first = {.kind = RANK_BY_MEMBER, .member = "", .inclusive = true};
    struct rank_bound last = {.kind = RANK_BY_MEMBER, .member = "n", .len = 1};
    assert_int_equal(rank_tree_below(&tree, &first), 0);
    assert_int_equal(rank_tree_below(&tree, &last), 3000);
}

static void test_rank_tree_empties_from_every_side(void **state)
{
    for (int side = 0; side < 4; side++) {
        setup(state);
        for (size_t i = 0; i < 4000; i++)
            add(new_node(i, (double)rng_below(&rng, 1000)));
        while (model.n > 0) {
            size_t at = side == 0   ? 0
                        : side == 1 ? model.n - 1
                        : side == 2 ? model.n / 2
                                    : rng_below(&rng, model.n);
            take(at);
            if (model.n % 250 == 0) {
                check_walks();
                check_blocks();
            }
        }
        assert_null(tree.root);
        add(new_node(1, 1)); // and is usable again
        check_walks();
        teardown(state);
    }
    setup(state);
}

// Two full leaves, emptied so that only the right one can find that both fit into one.
static void test_rank_tree_merges_with_the_left_neighbour(void **state)
{
    (void)state;
    fill_in_order(124, true);
    assert_int_equal(tree.nleaves, 2);
    for (int i = 0; i < 50; i++)
        take(0);
    assert_int_equal(tree.nleaves, 2);
    while (model.n > 46)
        take(model.n - 1);
    assert_int_equal(tree.nleaves, 1);
    assert_int_equal(tree.height, 0);
    check_walks();
}

static void test_rank_tree_bounds_beyond_all_scores(void **state)
{
    (void)state;
    struct rank_bound b = {.kind = RANK_BY_SCORE, .score = 3};
    assert_int_equal(rank_tree_below(&tree, &b), 0); // of an empty tree
    for (size_t i = 0; i < 2000; i++)
        add(new_node(i, (double)rng_below(&rng, 50)));
    for (int score = -1; score <= 50; score++)
        check_score_bounds(score);
    check_score_bounds(-__builtin_inf());
    check_score_bounds(__builtin_inf());
    check_score_bounds(24.5);
}

// ---- everything at random --------------------------------------------------------------------

static void count_taken(struct zset_node *node, void *arg)
{
    size_t *at = arg;
    assert_ptr_equal(node, model.node[*at]); // in order, and from the rank that was asked for
    ++*at;
}

static void take_run(size_t at, size_t most)
{
    size_t seen = at;
    size_t n = rank_tree_remove_at(&tree, at, most, count_taken, &seen);
    assert_in_range(n, 1, most);
    assert_int_equal(seen - at, n);
    for (size_t i = 0; i < n; i++) {
        mem_free(model.node[at]);
        model_take(at);
    }
}

static void move(size_t at, double score)
{
    struct zset_node *node = model.node[at];
    assert_true(rank_tree_move(&tree, zset_node_score(node), score, node));
    model_take(at);
    zset_node_set_score(node, score);
    model_add(node);
}

static void test_rank_tree_matches_a_sorted_array(void **state)
{
    (void)state;
    uint64_t name = 0;
    for (int step = 0; step < 60000; step++) {
        // Grows for a while, shrinks for a while; at times most scores are the same.
        bool growing = step / 9000 % 2 == 0;
        double score = (double)rng_below(&rng, step / 5000 % 3 == 0 ? 3 : 100000);
        size_t op = rng_below(&rng, 20);
        size_t at = model.n > 0 ? rng_below(&rng, model.n) : 0;
        if (model.n == 0 || (model.n < MOST && (growing ? op < 12 : op < 4)))
            add(new_node(name++, score));
        else if (op < 15)
            take(at);
        else if (op == 15 && rng_below(&rng, 10) == 0)
            take_run(at, 1 + rng_below(&rng, model.n - at));
        else if (op == 16) // by a little, which may leave it where it is
            move(at, zset_node_score(model.node[at]) + 0.25);
        else
            move(at, score);
        if (step % 1500 == 0) {
            check_walks();
            check_ranks(1 + model.n / 100);
            check_blocks();
            check_score_bounds(score);
        }
    }
    assert_true(tree.height >= 1);
}

// ---- memory ----------------------------------------------------------------------------------

static void test_rank_tree_failed_inserts_change_nothing(void **state)
{
    (void)state;
    int failures = 0;
    for (size_t i = 0; i < 4000; i++) {
        struct zset_node *node = new_node(i, (double)rng_below(&rng, 500));
        size_t at = model_rank(node);
        bool done = false;
        for (long after = 0; !done; after++) {
            mem_fail_after(after);
            done = rank_tree_insert(&tree, zset_node_score(node), node);
            mem_fail_after(-1);
            failures += !done;
            assert_int_equal(tree.count, model.n + done);
        }
        model_add(node);
        assert_int_equal(rank_tree_rank(&tree, zset_node_score(node), node), at);
    }
    check_walks();
    check_ranks(1);
    assert_int_equal(failures, tree.nleaves + tree.ninner); // one for each block
    size_t moved = 0;
    for (size_t i = 0; i < 2000; i++) {
        struct zset_node *node = model.node[rng_below(&rng, model.n)];
        double from = zset_node_score(node), to = (double)rng_below(&rng, 500) + 0.5;
        size_t at = model_rank(node);
        mem_fail_after(0);
        bool done = rank_tree_move(&tree, from, to, node);
        mem_fail_after(-1);
        moved += done;
        if (!done)
            continue;
        model_take(at);
        zset_node_set_score(node, to);
        model_add(node);
    }
    check_walks();
    assert_in_range(moved, 1000, 1999); // a full leaf needs memory, others do not
}

static void test_rank_tree_is_freed_in_steps(void **state)
{
    (void)state;
    for (size_t i = 0; i < MOST; i++)
        add(new_node(i, (double)rng_below(&rng, 500)));
    size_t steps = 1, before = mem_used();
    size_t nbytes = rank_tree_memory(&tree);
    while (rank_tree_free_step(&tree, 100))
        steps++;
    assert_in_range(steps, MOST / 200, MOST / 20);
    assert_true(mem_used() + nbytes <= before + 300000); // thread caches keep some
    rank_tree_init(&tree);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_rank_tree_inserts_in_order_leave_full_blocks),
        TEST(test_rank_tree_of_one_score_is_in_order_of_members),
        TEST(test_rank_tree_empties_from_every_side),
        TEST(test_rank_tree_merges_with_the_left_neighbour),
        TEST(test_rank_tree_bounds_beyond_all_scores),
        TEST(test_rank_tree_matches_a_sorted_array),
        TEST(test_rank_tree_failed_inserts_change_nothing),
        TEST(test_rank_tree_is_freed_in_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
