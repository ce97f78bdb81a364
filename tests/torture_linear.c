// SPDX-License-Identifier: MIT
//
// Random commands of several clients on few keys, in many short rounds, each of which must be
// linearizable (tests/lib/linear_crew.h), over the wire and in process; and that a store which runs
// its commands in pieces is found out.
//
// The commands follow from a seed, which is printed; KL_TEST_SEED repeats it. The interleaving does
// not, so a failure may take several tries.
#include "tests/lib/wire.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/inproc.h"
#include "tests/lib/linear_crew.h"
#include "tests/lib/lock_test.h"

// Sanitizers make everything ten times slower.
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
enum { WIRE_ROUNDS = 15, INPROC_ROUNDS = 18, SMALL_ROUNDS = 18 };
#else
enum { WIRE_ROUNDS = 80, INPROC_ROUNDS = 80, SMALL_ROUNDS = 260 };
#endif
enum { TORN_ROUNDS = 2000 };

static uint64_t seed;

// Tells of the round that was not as it must be, if there is one.
static void expect_good(int round, struct strbuf *report)
{
    // print_error() cuts long texts.
    if (round >= 0)
        fprintf(stderr, "KL_TEST_SEED=%" PRIu64 " round %d: %s", seed, round, report->data);
    strbuf_free(report);
    assert_int_equal(round, -1);
}

// ---- over the wire ------------------------------------------------------------------------------

static void torture(struct test_server *server, enum linear_mix mix)
{
    struct linear_plan plan = {.mix = mix,
                               .nclients = 5,
                               .rounds = WIRE_ROUNDS,
                               .ops = 14,
                               .depth = 5,
                               .lossy = true,
                               .seed = seed};
    struct strbuf report = {0};

    expect_good(linear_crew_run(&plan, NULL, server, &report), &report);
}

static void test_strings(void **state)
{
    torture(*state, LINEAR_STRINGS);
}

static void test_sets(void **state)
{
    torture(*state, LINEAR_SETS);
}

static void test_hashes(void **state)
{
    torture(*state, LINEAR_HASHES);
}

static void test_lists(void **state)
{
    torture(*state, LINEAR_LISTS);
}

static void test_zsets(void **state)
{
    torture(*state, LINEAR_ZSETS);
}

static void test_mixed(void **state)
{
    torture(*state, LINEAR_MIXED);
}

static void test_single_keys(void **state)
{
    torture(*state, LINEAR_SINGLE);
}

// ---- in process ---------------------------------------------------------------------------------

// A way to run the store: commands that it must answer OK, and how long.
struct inproc_mode {
    const char *name;
    const char *const *commands; // ended by NULL
    int rounds;
};

static const struct inproc_mode *inproc_mode;

static int open_inproc(void **state)
{
    struct inproc *p = calloc(1, sizeof *p);

    assert_non_null(p);
    inproc_open(p);
    struct inproc_client *c = inproc_client_new(p);
    for (const char *const *command = inproc_mode->commands; *command; command++)
        assert_string_equal(inproc_run(c, "%s", *command), "+OK\r\n");
    inproc_client_free(c);
    delays_set(true);
    *state = p;
    return 0;
}

static int close_inproc(void **state)
{
    delays_set(false);
    inproc_close(*state);
    free(*state);
    return 0;
}

static struct linear_plan inproc_plan(enum linear_mix mix)
{
    return (struct linear_plan){.mix = mix,
                                .nclients = 4,
                                .rounds = inproc_mode->rounds,
                                .ops = 100,
                                .depth = 1,
                                .seed = seed};
}

static void torture_inproc(struct inproc *p, enum linear_mix mix)
{
    struct linear_plan plan = inproc_plan(mix);
    struct strbuf report = {0};

    expect_good(linear_crew_run(&plan, p, NULL, &report), &report);
}

static void test_inproc_strings(void **state)
{
    torture_inproc(*state, LINEAR_STRINGS);
}

static void test_inproc_sets(void **state)
{
    torture_inproc(*state, LINEAR_SETS);
}

static void test_inproc_hashes(void **state)
{
    torture_inproc(*state, LINEAR_HASHES);
}

static void test_inproc_lists(void **state)
{
    torture_inproc(*state, LINEAR_LISTS);
}

static void test_inproc_zsets(void **state)
{
    torture_inproc(*state, LINEAR_ZSETS);
}

static void test_inproc_mixed(void **state)
{
    torture_inproc(*state, LINEAR_MIXED);
}

static void test_inproc_single_keys(void **state)
{
    torture_inproc(*state, LINEAR_SINGLE);
}

// ---- it finds something -------------------------------------------------------------------------

// With one command torn, a round that is not linearizable comes within a few rounds at most times,
// so the limit is far away. They are shorter than others, which is quicker to explain.
static void expect_caught(struct inproc *p, enum linear_mix mix, const char *const *torn)
{
    struct linear_plan plan = inproc_plan(mix);

    plan.rounds = TORN_ROUNDS;
    plan.nclients = 3;
    plan.ops = 40;
    for (; *torn; torn++) {
        struct strbuf report = {0};
        plan.torn = *torn;
        if (linear_crew_run(&plan, p, NULL, &report) < 0)
            fail_msg("nobody noticed that %s was torn", *torn);
        assert_non_null(strstr(report.data, "<-- fits nowhere"));
        strbuf_free(&report);
    }
}

static void test_torn_strings_are_caught(void **state)
{
    expect_caught(*state, LINEAR_STRINGS, (const char *const[]){"MSET", "MGET", NULL});
}

static void test_torn_sets_are_caught(void **state)
{
    expect_caught(*state, LINEAR_SETS, (const char *const[]){"SADD", NULL});
}

static void test_torn_hashes_are_caught(void **state)
{
    expect_caught(*state, LINEAR_HASHES, (const char *const[]){"HSET", "HMGET", "HINCRBY", NULL});
}

static void test_torn_lists_are_caught(void **state)
{
    expect_caught(*state, LINEAR_LISTS, (const char *const[]){"RPUSH", "LMOVE", NULL});
}

static void test_torn_zsets_are_caught(void **state)
{
    expect_caught(*state, LINEAR_ZSETS, (const char *const[]){"ZADD", "ZMSCORE", "ZINCRBY", NULL});
}

// ---- modes --------------------------------------------------------------------------------------

// Values become dictionaries with the fourth member or field, lists have blocks of two elements,
// and all of them go through all encodings.
#define SMALL_VALUES                                                                               \
    "CONFIG SET set-max-intset-entries 2", "CONFIG SET set-max-listpack-entries 3",                \
        "CONFIG SET hash-max-listpack-entries 3", "CONFIG SET zset-max-listpack-entries 3",        \
        "CONFIG SET list-max-listpack-size 2"

static const struct wire_mode linear_modes[] = {
    {"connection-threads auto", .args = {"--connection-threads", "auto"}},
    {"connection-threads 0", .args = {"--connection-threads", "0"}},
    {"small values", .commands = {SMALL_VALUES}},
    {"slow-command-threshold 0",
     .args = {"--connection-threads", "2", "--slow-command-threshold", "0"}},
#ifdef KL_DEBUG
    {"forced contention", .args = {"--connection-threads", "2"},
     .commands = {"DEBUG FAIL-LOCKS 1"}},
#endif
    {NULL},
};

static const struct inproc_mode MODES[] = {
    {"in process", (const char *const[]){NULL}, INPROC_ROUNDS},
    // Most rounds: only indexed values are changed in place, where a reader may see half of it.
    {"in process, small values", (const char *const[]){SMALL_VALUES, NULL}, SMALL_ROUNDS},
    {NULL},
};

static void choose_seed(void)
{
    const char *wanted = getenv("KL_TEST_SEED");
    struct rng rng;

    rng_seed_random(&rng);
    seed = wanted ? strtoull(wanted, NULL, 10) : rng_next(&rng) >> 32;
    print_message("KL_TEST_SEED=%" PRIu64 "\n", seed);
}

#define INPROC_TEST(name) cmocka_unit_test_setup_teardown(name, open_inproc, close_inproc)

int main(void)
{
    const struct CMUnitTest wire[] = {
        SERVER_TEST(test_strings),     SERVER_TEST(test_sets),  SERVER_TEST(test_hashes),
        SERVER_TEST(test_lists),       SERVER_TEST(test_zsets), SERVER_TEST(test_mixed),
        SERVER_TEST(test_single_keys),
    };
    const struct CMUnitTest inproc[] = {
        INPROC_TEST(test_inproc_strings),     INPROC_TEST(test_inproc_sets),
        INPROC_TEST(test_inproc_hashes),      INPROC_TEST(test_inproc_lists),
        INPROC_TEST(test_inproc_zsets),       INPROC_TEST(test_inproc_mixed),
        INPROC_TEST(test_inproc_single_keys),
    };
    const struct CMUnitTest torn[] = {
        INPROC_TEST(test_torn_strings_are_caught), INPROC_TEST(test_torn_sets_are_caught),
        INPROC_TEST(test_torn_hashes_are_caught),  INPROC_TEST(test_torn_lists_are_caught),
        INPROC_TEST(test_torn_zsets_are_caught),
    };
    int failed = 0;

    choose_seed();
    for (inproc_mode = MODES; inproc_mode->name; inproc_mode++)
        failed += cmocka_run_group_tests_name(inproc_mode->name, inproc, NULL, NULL);
    inproc_mode = MODES;
    failed += cmocka_run_group_tests_name("torn commands", torn, NULL, NULL);
    return failed + run_in_modes(wire, linear_modes);
}
