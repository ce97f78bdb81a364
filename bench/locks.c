// SPDX-License-Identifier: MIT
// usage: locks [-r ROUNDS] [-e EXPERIMENT]... [-d PLOT_DATA_DIR]
#include "bench/locks.h"
#include "bench/common.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_ROUNDS 5

static bool chosen[64];

static bool choose(const char *id)
{
    for (int e = 0; e < experiment_count; e++)
        if (strcmp(experiments[e].id, id) == 0)
            return chosen[e] = true;
    return false;
}

// Kinds take turns at going first, so that none always follows the same other.
static void run_round(struct report *report, int round)
{
    for (int e = 0; e < experiment_count; e++) {
        for (int i = 0; i < KINDS && chosen[e]; i++) {
            int kind = (i + round) % KINDS;
            struct outcome *out = report_last(report, e, kind, 0);
            kind_run((enum kind)kind, &experiments[e], out);
            for (int role = 0; role < ROLES && experiments[e].role[role].threads; role++)
                report_cell(report, e, kind, role)[round] =
                    figures_of(&experiments[e].role[role], &out[role]);
        }
    }
}

static int usage(void)
{
    fprintf(stderr, "usage: locks [-r ROUNDS] [-e EXPERIMENT]... [-d PLOT_DATA_DIR]\n");
    for (int e = 0; e < experiment_count; e++)
        fprintf(stderr, "  %-12s %s\n", experiments[e].id, experiments[e].title);
    return 2;
}

int main(int argc, char **argv)
{
    const char *dir = NULL;
    struct report report = {.rounds = DEFAULT_ROUNDS};
    bool all = true;
    for (int option; (option = getopt(argc, argv, "r:e:d:")) != -1;) {
        if (option == 'r')
            report.rounds = atoi(optarg);
        else if (option == 'd')
            dir = optarg;
        else if (option != 'e' || !choose(optarg))
            return usage();
        else
            all = false;
    }
    if (report.rounds < 1 || report.rounds > MAX_ROUNDS || optind != argc)
        return usage();
    for (int e = 0; e < experiment_count && all; e++)
        chosen[e] = true;
    size_t cells = (size_t)experiment_count * KINDS * ROLES;
    report.figures = calloc(cells * (size_t)report.rounds, sizeof(*report.figures));
    report.last = calloc(cells, sizeof(*report.last));
    if (report.figures == NULL || report.last == NULL)
        return 1;
    double load = 0;
    (void)getloadavg(&load, 1);
    kinds_calibrate();
    for (int round = 0; round < report.rounds; round++) {
        fprintf(stderr, "locks: round %d of %d\n", round + 1, report.rounds);
        run_round(&report, round);
    }
    bench_print_machine("Locks of Keylot and their peers", load);
    report_print(&report, chosen, stdout);
    if (dir != NULL && !report_plot_data(&report, dir)) {
        fprintf(stderr, "locks: could not write plot data to %s\n", dir);
        return 1;
    }
    free(report.figures);
    free(report.last);
    return 0;
}
