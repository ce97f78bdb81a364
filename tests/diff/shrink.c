// SPDX-License-Identifier: MIT
#include "tests/diff/shrink.h"

#include <stdlib.h>
#include <string.h>

struct shrinker {
    struct diff_pair *pair;
    struct diff_sequence *sequence;
    struct diff_difference *difference;
    const struct diff_row *row; // whose replies differ; NULL: the data do
};

static const struct diff_row *differing_row(const struct diff_sequence *sequence,
                                            const struct diff_difference *difference)
{
    return difference->at < sequence->n ? sequence->commands[difference->at].row : NULL;
}

static bool still_differs(struct shrinker *s, const struct diff_sequence *sequence)
{
    return diff_run(s->pair, sequence, s->difference) &&
           differing_row(sequence, s->difference) == s->row;
}

static void free_command(struct diff_command *command)
{
    for (int i = 0; i < command->argc; i++) {
        free((char *)command->argv[i].data);
    }
    free(command->argv);
}

// Takes commands from..to - 1 out, for good if the rest still differs.
static bool drop(struct shrinker *s, int from, int to)
{
    struct diff_sequence rest = *s->sequence;
    bool differs;

    rest.n = from + s->sequence->n - to;
    rest.commands = malloc((size_t)rest.n * sizeof(struct diff_command) + 1);
    assert_non_null(rest.commands);
    memcpy(rest.commands, s->sequence->commands, (size_t)from * sizeof(struct diff_command));
    memcpy(rest.commands + from, s->sequence->commands + to,
           (size_t)(s->sequence->n - to) * sizeof(struct diff_command));
    differs = still_differs(s, &rest);
    if (differs) {
        for (int i = from; i < to; i++) {
            free_command(&s->sequence->commands[i]);
        }
        free(s->sequence->commands);
        *s->sequence = rest;
    } else {
        free(rest.commands);
    }
    return differs;
}

// Tries pieces of each size, from half of the sequence down to single commands; returns whether
// anything was dropped.
static bool drop_commands(struct shrinker *s)
{
    int before = s->sequence->n;

    for (int size = (before + 1) / 2; size > 0; size /= 2) {
        for (int to = s->sequence->n; to > 0; to -= size) {
            drop(s, to > size ? to - size : 0, to);
        }
    }
    return s->sequence->n < before;
}

static bool drop_argument(struct shrinker *s, struct diff_command *command, int at)
{
    struct bytes argument = command->argv[at];
    size_t behind = (size_t)(command->argc - 1 - at) * sizeof(struct bytes);

    memmove(command->argv + at, command->argv + at + 1, behind);
    command->argc--;
    if (still_differs(s, s->sequence)) {
        free((char *)argument.data);
        return true;
    }
    memmove(command->argv + at + 1, command->argv + at, behind);
    command->argv[at] = argument;
    command->argc++;
    return false;
}

static bool drop_arguments(struct shrinker *s)
{
    bool any = false;

    for (int i = 0; i < s->sequence->n; i++) {
        struct diff_command *command = &s->sequence->commands[i];

        for (int at = command->argc - 1; at > 0; at--) {
            any |= drop_argument(s, command, at);
        }
    }
    return any;
}

bool diff_shrink(struct diff_pair *pair, struct diff_sequence *sequence,
                 struct diff_difference *difference)
{
    struct shrinker s = {pair, sequence, difference, differing_row(sequence, difference)};

    if (s.row) {
        // What follows the difference was never compared.
        for (; sequence->n > difference->at + 1; sequence->n--) {
            free_command(&sequence->commands[sequence->n - 1]);
        }
    }
    while (drop_commands(&s) || drop_arguments(&s)) {
    }
    // Leaves the replies of the shortest one.
    return still_differs(&s, sequence);
}
