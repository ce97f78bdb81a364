// SPDX-License-Identifier: MIT
//
// Groups of wire tests against servers in different modes.
#include <stdio.h>

#include "tests/lib/wire.h"

enum { ARGS_MAX = 32 };

const struct wire_mode wire_modes[] = {
    {"connection-threads auto", .args = {"--connection-threads", "auto"}},
    {"connection-threads 0", .args = {"--connection-threads", "0"}},
    // Every command that has keys runs on a worker thread.
    {"slow-command-threshold 0",
     .args = {"--connection-threads", "1", "--slow-command-threshold", "0"}},
#ifdef KL_DEBUG
    // Every command that locks keys is parked twice before it gets the first.
    {"forced contention", .args = {"--connection-threads", "1"},
     .commands = {"DEBUG FAIL-LOCKS 2"}},
#endif
    {NULL},
};

// cmocka passes nothing to a group's setup.
static const char *group_args[ARGS_MAX];
static const struct wire_mode *group_mode;

static int group_setup(void **state)
{
    struct test_server *server = server_start(group_args);
    struct wire *w = wire_open(server, 2);

    for (const char *const *command = group_mode->commands; *command; command++) {
        expect(w, "OK", "%s", *command);
    }
    wire_close(w);
    *state = server;
    return 0;
}

static int group_teardown(void **state)
{
    server_stop(*state);
    return 0;
}

int wire_run_modes(const char *name, const struct CMUnitTest *tests, size_t ntests,
                   const struct wire_mode *modes, const char *const *args)
{
    int failed = 0;

    for (group_mode = modes; group_mode->name; group_mode++) {
        char group[128];
        int n = 0;

        for (const char *const *arg = group_mode->args; *arg; arg++) {
            group_args[n++] = *arg;
        }
        for (const char *const *arg = args; arg && *arg && n < ARGS_MAX - 1; arg++) {
            group_args[n++] = *arg;
        }
        group_args[n] = NULL;
        snprintf(group, sizeof(group), "%s (%s)", name, group_mode->name);
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
