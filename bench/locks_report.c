// SPDX-License-Identifier: MIT
#include "bench/locks.h"
#include "bench/common.h"

#include <stdlib.h>
#include <string.h>

#define MS_PER_NS 1e-6
#define US_PER_NS 1e-3

struct figures *report_cell(const struct report *report, int experiment, int kind, int role)
{
    return &report->figures[(size_t)(((experiment * KINDS + kind) * ROLES + role)) *
                            (size_t)report->rounds];
}

struct outcome *report_last(const struct report *report, int experiment, int kind, int role)
{
    return &report->last[(experiment * KINDS + kind) * ROLES + role];
}

// ---- figures ---------------------------------------------------------------------------------

static double percentile_ticks(const struct waits *waits, double share)
{
    uint64_t rank = (uint64_t)((double)waits->n * share), seen = 0;
    for (unsigned i = 0; i < WAIT_BUCKETS; i++) {
        seen += waits->bucket[i];
        if (seen > rank) {
            uint64_t end = wait_bucket_end(i);
            return (double)(end < waits->max_ticks ? end : waits->max_ticks);
        }
    }
    return (double)waits->max_ticks;
}

struct figures figures_of(const struct role *role, const struct outcome *outcome)
{
    uint64_t sum = 0, min = UINT64_MAX, max = 0;
    for (int i = 0; i < role->threads; i++) {
        uint64_t ops = outcome->ops[i];
        sum += ops;
        min = ops < min ? ops : min;
        max = ops > max ? ops : max;
    }
    const struct waits *waits = &outcome->waits;
    double ns = 1 / ticks_per_ns(), per_op = 1 / (double)(sum ? sum : 1);
    return (struct figures){
        .rate = (double)sum / outcome->seconds,
        .min = (double)min,
        .max = (double)max,
        .spread = max ? 100.0 * (double)(max - min) / (double)max : 0,
        .mean_us = (double)waits->sum_ticks / (double)(waits->n ? waits->n : 1) * ns * US_PER_NS,
        .p99_us = percentile_ticks(waits, 0.99) * ns * US_PER_NS,
        .max_ms = (double)waits->max_ticks * ns * MS_PER_NS,
        .cpu_us = outcome->cpu_us * per_op,
        .switches = (double)outcome->switches * per_op,
    };
}

// The figures are doubles only, so that each is a column.
enum { COLUMNS = sizeof(struct figures) / sizeof(double) };
union figures_row {
    struct figures figures;
    double column[COLUMNS];
};

static struct figures median_figures(const struct report *report, int experiment, int kind,
                                     int role)
{
    const struct figures *cell = report_cell(report, experiment, kind, role);
    union figures_row result;
    for (int c = 0; c < COLUMNS; c++) {
        double values[MAX_ROUNDS];
        for (int r = 0; r < report->rounds; r++)
            values[r] = ((const union figures_row *)&cell[r])->column[c];
        result.column[c] = bench_median(values, report->rounds);
    }
    return result.figures;
}

static int find(const char *id)
{
    for (int e = 0; e < experiment_count; e++)
        if (strcmp(experiments[e].id, id) == 0)
            return e;
    abort();
}

static struct figures of(const struct report *report, const char *id, int kind, int role)
{
    return median_figures(report, find(id), kind, role);
}

// Operations a second of both roles; the median of the rounds' sums.
static double rate(const struct report *report, const char *id, int kind)
{
    double sums[MAX_ROUNDS];
    for (int r = 0; r < report->rounds; r++) {
        sums[r] = 0;
        for (int role = 0; role < ROLES; role++)
            sums[r] += report_cell(report, find(id), kind, role)[r].rate;
    }
    return bench_median(sums, report->rounds);
}

// The median over rounds of rate / pthread's rate in the same round.
static double rate_ratio(const struct report *report, const char *id, int kind, int peer)
{
    double ratios[MAX_ROUNDS];
    for (int r = 0; r < report->rounds; r++) {
        double own = 0, other = 0;
        for (int role = 0; role < ROLES; role++) {
            own += report_cell(report, find(id), kind, role)[r].rate;
            other += report_cell(report, find(id), peer, role)[r].rate;
        }
        ratios[r] = other > 0 ? own / other : 0;
    }
    return bench_median(ratios, report->rounds);
}

// ---- tables ----------------------------------------------------------------------------------

static void print_experiment(const struct report *report, int e, FILE *to)
{
    const struct experiment *experiment = &experiments[e];
    bool solo = experiment->role[0].threads == 1 && experiment->role[1].threads == 0;
    fprintf(to, "\n%s (%s)\n", experiment->title, experiment->id);
    fprintf(to, "  %-18s %-8s %12s %9s %10s %10s %7s %9s %10s %9s %8s %8s\n", "lock", "threads",
            solo ? "ns/pair" : "op/s", "x pthread", "thread min", "thread max", "spread", "mean us",
            "p99 us", "max ms", "cpu us", "switches");
    for (int kind = 0; kind < KINDS; kind++) {
        for (int role = 0; role < ROLES && experiment->role[role].threads; role++) {
            struct figures f = median_figures(report, e, kind, role);
            struct figures peer = median_figures(report, e, KIND_PTHREAD, role);
            fprintf(to, "  %-18s %d %-6.6s ",
                    role == 0 ? kind_name((enum kind)kind, experiment->family) : "",
                    experiment->role[role].threads, experiment->role[role].name);
            if (solo) {
                double x = rate_ratio(report, experiment->id, KIND_PTHREAD, kind);
                fprintf(to, "%12.1f %9.2f\n", 1e9 / f.rate, x);
                continue;
            }
            fprintf(to, "%12.0f %9.3g %10.0f %10.0f %6.1f%% %9.4g %10.4g %9.3g %8.3g %8.2g\n",
                    f.rate, f.rate / (peer.rate > 0 ? peer.rate : 1), f.min, f.max, f.spread,
                    f.mean_us, f.p99_us, f.max_ms, f.cpu_us, f.switches);
        }
    }
}

// What Keylot's default preset is held to, against pthread in the same run.
static void print_goals(const struct report *report, FILE *to)
{
    enum { OWN = KIND_KEYLOT, PEER = KIND_PTHREAD };
    struct goals g = {.to = to};
    fprintf(to, "\nGoals (default preset; x = times pthread in the same round)\n");
    goals_at_most(&g, "uncontended mutex, time", 1 / rate_ratio(report, "solo-mutex", OWN, PEER),
                  "x", 0.8);
    goals_at_most(&g, "uncontended read, time", 1 / rate_ratio(report, "solo-read", OWN, PEER), "x",
                  1);
    goals_at_most(&g, "uncontended write, time", 1 / rate_ratio(report, "solo-write", OWN, PEER),
                  "x", 0.65);
    goals_at_least(&g, "2 threads, rate", rate_ratio(report, "pair", OWN, PEER), "x", 1.4);
    goals_at_least(&g, "8 threads short, rate", rate_ratio(report, "short", OWN, PEER), "x", 1);
    goals_at_most(&g, "8 threads short, longest wait", of(report, "short", OWN, 0).max_ms, " ms",
                  10);
    goals_at_most(&g, "500 us, spread", of(report, "long", OWN, 0).spread, " %", 5);
    goals_at_most(&g, "500 us, longest wait", of(report, "long", OWN, 0).max_ms, " ms", 30);
    goals_at_least(&g, "500 us, rate", rate_ratio(report, "long", OWN, PEER), "x", 0.95);
    goals_at_most(&g, "500 us, fairness preset, spread",
                  of(report, "long", KIND_KEYLOT_FAIRNESS, 0).spread, " %", 1);
    goals_at_least(&g, "bursts, rate", rate_ratio(report, "bursts", OWN, PEER), "x", 0.9);
    goals_at_most(&g, "bursts, longest wait", of(report, "bursts", OWN, 0).max_ms, " ms", 8);
    goals_at_least(&g, "500 us hog, least normal thread / hog",
                   of(report, "hog-long", OWN, 1).min / of(report, "hog-long", OWN, 0).max, "",
                   0.7);
    goals_at_most(&g, "short hog, longest wait of the normal",
                  of(report, "hog-short", OWN, 1).max_ms, " ms", 15);
    goals_at_least(&g, "short hog, rate", rate_ratio(report, "hog-short", OWN, PEER), "x", 0.9);
    goals_at_least(&g, "7 readers 1 writer, readers' rate",
                   of(report, "readers", OWN, 0).rate / of(report, "readers", PEER, 0).rate, "x",
                   1);
    goals_at_most(&g, "7 readers 1 writer, writer's p99 wait",
                  of(report, "readers", OWN, 1).p99_us / 1000, " ms", 2);
    double both = rate(report, "mixed", OWN);
    goals_at_least(&g, "4 readers 4 writers, readers' share of the operations",
                   of(report, "mixed", OWN, 0).rate / both, "", 0.1);
    goals_at_least(&g, "4 readers 4 writers, writers' share of the operations",
                   of(report, "mixed", OWN, 1).rate / both, "", 0.1);
    fprintf(to, "  %d met, %d missed\n", g.met, g.missed);
}

void report_print(const struct report *report, const bool *chosen, FILE *to)
{
    fprintf(to,
            "Medians of %d rounds. spread = (most - least) / most operations of one thread;\n"
            "mean, p99, max: waits; cpu us and context switches are per operation. Peers of the "
            "same\nround: pthread_rwlock prefers readers, \"wr\" writers.\n",
            report->rounds);
    fprintf(to, "Sizes in bytes, mutex and rwlock: keylot %zu, %zu; pthread %zu, %zu\n",
            kind_lock_size(KIND_KEYLOT, FAMILY_MUTEX), kind_lock_size(KIND_KEYLOT, FAMILY_RWLOCK),
            kind_lock_size(KIND_PTHREAD, FAMILY_MUTEX),
            kind_lock_size(KIND_PTHREAD, FAMILY_RWLOCK));
    bool all = true;
    for (int e = 0; e < experiment_count; e++) {
        all = all && chosen[e];
        if (chosen[e])
            print_experiment(report, e, to);
    }
    if (all)
        print_goals(report, to);
}

// ---- plots -----------------------------------------------------------------------------------

static FILE *open_data(const char *dir, const char *id, const char *what)
{
    char path[4096];
    int n = snprintf(path, sizeof(path), "%s/%s.%s", dir, id, what);
    return n > 0 && (size_t)n < sizeof(path) ? fopen(path, "w") : NULL;
}

// A line a thread, a column a lock.
static void write_ops(const struct report *report, int e, FILE *to)
{
    const struct experiment *experiment = &experiments[e];
    fprintf(to, "thread");
    for (int kind = 0; kind < KINDS; kind++)
        fprintf(to, " \"%s\"", kind_name((enum kind)kind, experiment->family));
    for (int role = 0; role < ROLES; role++) {
        for (int i = 0; i < experiment->role[role].threads; i++) {
            if (experiment->role[1].threads && experiment->role[role].threads == 1)
                fprintf(to, "\n%s", experiment->role[role].name);
            else
                fprintf(to, "\n%d", i + 1);
            for (int kind = 0; kind < KINDS; kind++)
                fprintf(to, " %llu",
                        (unsigned long long)report_last(report, e, kind, role)->ops[i]);
        }
    }
    fprintf(to, "\n");
}

// A block a lock: milliseconds, and the share of waits that were longer; of the role last in the
// experiment, which is the one that suffers.
static void write_waits(const struct report *report, int e, FILE *to)
{
    int role = experiments[e].role[1].threads ? 1 : 0;
    for (int kind = 0; kind < KINDS; kind++) {
        const struct waits *waits = &report_last(report, e, kind, role)->waits;
        uint64_t seen = 0;
        fprintf(to, "\"%s\"\n", kind_name((enum kind)kind, experiments[e].family));
        for (unsigned i = 0; i < WAIT_BUCKETS && seen < waits->n; i++) {
            if (waits->bucket[i] == 0)
                continue;
            fprintf(to, "%g %g\n", (double)wait_bucket_end(i) / ticks_per_ns() * MS_PER_NS,
                    (double)(waits->n - seen) / (double)waits->n);
            seen += waits->bucket[i];
        }
        fprintf(to, "\n\n");
    }
}

bool report_plot_data(const struct report *report, const char *dir)
{
    for (int e = 0; e < experiment_count; e++) {
        if (!experiments[e].plot)
            continue;
        FILE *ops = open_data(dir, experiments[e].id, "ops");
        FILE *waits = open_data(dir, experiments[e].id, "waits");
        bool opened = ops != NULL && waits != NULL;
        if (opened) {
            write_ops(report, e, ops);
            write_waits(report, e, waits);
        }
        bool wrote = opened && !ferror(ops) && !ferror(waits);
        if (ops != NULL)
            wrote = fclose(ops) == 0 && wrote;
        if (waits != NULL)
            wrote = fclose(waits) == 0 && wrote;
        if (!wrote)
            return false;
    }
    return true;
}
