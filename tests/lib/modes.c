// SPDX-License-Identifier: MIT
//
// Groups of wire tests against servers in different modes.
#include <stdio.h>

#include "tests/lib/wire.h"

enum { ARGS_MAX = 32 };

// cmocka passes nothing to a group's setup.
static const char *group_args[ARGS_MAX];

static int group_setup(void **state)
{
    *state = server_start(group_args);
    return 0;
}

static int group_teardown(void **state)
{
    server_stop(*state);
    return 0;
}

int wire_run_modes(const char *name, const struct CMUnitTest *tests, size_t ntests,
                   const char *const *args)
{
    static const struct {
        const char *connection_threads;
        const char *slow_command_threshold; // 0: every command with keys runs on a worker thread
    } modes[] = {{"auto", "4000"}, {"0", "4000"}, {"1", "0"}};
    int failed = 0;

    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        char group[128];
        int n = 0;

        group_args[n++] = "--connection-threads";
        group_args[n++] = modes[i].connection_threads;
        group_args[n++] = "--slow-command-threshold";
        group_args[n++] = modes[i].slow_command_threshold;
        for (const char *const *arg = args; arg && *arg && n < ARGS_MAX - 1; arg++) {
            group_args[n++] = *arg;
        }
        group_args[n] = NULL;
        snprintf(group, sizeof(group), "%s (connection-threads %s, slow-command-threshold %s)",
                 name, modes[i].connection_threads, modes[i].slow_command_threshold);
        failed += _cmocka_run_group_tests(group, tests, ntests, group_setup, group_teardown);
    }
    return failed;
}

static int setup(void **state, int protocol)
{
    struct wire *w = wire_open(*state, protocol);

    expect(w, "OK", "FLUSHALL");
    *state = w;
    return 0;
}

int wire_setup(void **state)
{
    return setup(state, 2);
}

int wire_setup3(void **state)
{
    return setup(state, 3);
}

int wire_teardown(void **state)
{
    wire_close(*state);
    return 0;
}
