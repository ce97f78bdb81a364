// SPDX-License-Identifier: MIT
// Scenarios of the explorer as cmocka tests. Each prints how much there was to explore.
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/model/explore.h"

enum { MODEL_MAX_STATES = 60 * 1000 * 1000 };

// Scenarios that take longer than `make test` should: run by `make model`.
static inline bool model_full(void)
{
    const char *full = getenv("KL_MODEL");
    return full != NULL && full[0] != '\0';
}

// Explores a scenario of up to four threads in a world: a struct explore_scenario without threads.
#define EXPLORE(world, title, must_see, ...)                                                       \
    do {                                                                                           \
        struct explore_scenario scenario_ = world;                                                 \
        void (*const threads_[])(void) = {__VA_ARGS__};                                            \
        memcpy(scenario_.threads, threads_, sizeof(threads_));                                     \
        scenario_.name = title;                                                                    \
        scenario_.max_states = MODEL_MAX_STATES;                                                   \
        model_run(&scenario_, must_see);                                                           \
    } while (0)

// Stacks are copied, of which the sanitizers keep a shadow that is not.
static inline void model_skip_if_sanitized(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    print_message("skipped: the explorer copies stacks behind the sanitizer's back\n");
    skip();
#endif
}

// Explores the scenario. `must_see` are bits that explore_saw() must have noted: a scenario that
// never sleeps would prove little.
static inline void model_run(const struct explore_scenario *scenario, uint64_t must_see)
{
    static struct explore_result result;
    model_skip_if_sanitized();
    explore(scenario, &result);
    print_message("%-48s %9zu states %9zu steps %6zu ends\n", scenario->name, result.states,
                  result.steps, result.ends);
    if (result.failure[0] != '\0') {
        // Longer than what fail_msg() prints.
        fprintf(stderr, "%s: %s\n", scenario->name, result.failure);
        fail();
    }
    if (!result.complete)
        fail_msg("%s: more than %zu states, not all explored", scenario->name,
                 scenario->max_states);
    assert_int_equal(result.seen & must_see, must_see);
}
