// SPDX-License-Identifier: MIT
//
// Random commands sent to Keylot and to redis-server side by side: replies and data must be the
// same (tests/diff/row.h has the commands and what "the same" is for each). In each mode of the
// suite.
//
// A difference is printed with the seed of its sequence and the shortest commands that show it.
// KL_DIFF_SEED=<seed> KL_DIFF_COMMANDS=1 runs that sequence alone; `make diff` runs many, of
// successive seeds.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/diff/pair.h"
#include "tests/diff/shrink.h"

enum { SEQUENCE = 500, FIRST_SEED = 1 };

static struct diff_peer *peer;
static uint64_t first_seed, commands; // of each mode
static int differences_allowed;       // before a test gives up

static uint64_t setting(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);

    return text && *text ? strtoull(text, NULL, 10) : otherwise;
}

static void report(const struct diff_sequence *sequence, const struct diff_difference *difference,
                   uint64_t seed, int at, bool again)
{
    fprintf(stderr, "seed %" PRIu64 ", step %d%s%s; shortest sequence (%s limits):\n", seed, at,
            at == SEQUENCE ? " (the data at the end)" : "", again ? "" : ", not every time",
            sequence->small_limits ? "small" : "default");
    for (int i = 0; i < sequence->n; i++) {
        diff_command_print(&sequence->commands[i]);
    }
    fprintf(stderr, "    keylot: %s\n    redis:  %s\n", difference->keylot.data,
            difference->redis.data);
}

// Whether a sequence showed a difference.
static bool run_sequence(struct diff_pair *pair, uint64_t seed, struct diff_difference *difference)
{
    struct diff_sequence sequence;
    bool differs;

    diff_generate(&sequence, seed, SEQUENCE);
    differs = diff_run(pair, &sequence, difference);
    if (differs) {
        int at = difference->at;
        bool again = diff_shrink(pair, &sequence, difference);

        report(&sequence, difference, seed, at, again);
    }
    diff_sequence_free(&sequence);
    return differs;
}

static void test_like_redis(void **state)
{
    const struct wire_mode *mode = *state;
    struct diff_difference difference = {0};
    struct diff_pair pair;
    int found = 0;

    diff_pair_open(&pair, mode, peer);
    for (uint64_t done = 0; done < commands && found < differences_allowed; done += SEQUENCE) {
        found += run_sequence(&pair, first_seed + done / SEQUENCE, &difference);
    }
    diff_difference_free(&difference);
    diff_pair_close(&pair);
    assert_int_equal(found, 0);
}

int main(void)
{
    struct CMUnitTest tests[8];
    size_t n = 0;

    first_seed = setting("KL_DIFF_SEED", FIRST_SEED);
    commands = setting("KL_DIFF_COMMANDS", server_sanitized() ? 1500 : 3000);
    differences_allowed = (int)setting("KL_DIFF_FOUND", 1);
    peer = diff_peer_start();
    if (!peer) {
        printf("wire_diff: skipped, there is no redis-server to compare with\n");
        return 0;
    }
    for (const struct wire_mode *mode = wire_modes; mode->name && n < 8; mode++) {
        tests[n++] = (struct CMUnitTest){mode->name, test_like_redis, NULL, NULL, (void *)mode};
    }
    int failed = _cmocka_run_group_tests("wire_diff", tests, n, NULL, NULL);

    diff_peer_stop(peer);
    return failed;
}
