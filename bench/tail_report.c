// SPDX-License-Identifier: MIT
#include "bench/tail.h"
#include "bench/common.h"

#include <stdlib.h>
#include <string.h>

int report_loads(const struct report *report, int row)
{
    return row_is_idle(&rows[row]) ? 1 : report->loads;
}

struct figures *report_cell(const struct report *report, int row, int load, int server, int round)
{
    size_t index = (size_t)((row * MAX_LOADS + load) * MAX_SERVERS + server);
    return &report->figures[index * (size_t)report->rounds + (size_t)round];
}

// ---- figures ---------------------------------------------------------------------------------

// The figures are doubles only, so that each is a column.
enum { COLUMNS = sizeof(struct figures) / sizeof(double) };
union figures_row {
    struct figures figures;
    double column[COLUMNS];
};

static struct figures median_figures(const struct report *report, int row, int load, int server)
{
    const struct figures *cell = report_cell(report, row, load, server, 0);
    union figures_row result;
    for (int c = 0; c < COLUMNS; c++) {
        double values[MAX_ROUNDS];
        for (int r = 0; r < report->rounds; r++)
            values[r] = ((const union figures_row *)&cell[r])->column[c];
        result.column[c] = bench_median(values, report->rounds);
    }
    return result.figures;
}

// The median over rounds of the rate / the peer's rate in the same round; 0: there is none.
static double rate_ratio(const struct report *report, int row, int load, int server)
{
    double ratios[MAX_ROUNDS];
    for (int r = 0; r < report->rounds; r++) {
        double peer = report->peer < 0 ? 0 : report_cell(report, row, load, report->peer, r)->rate;
        ratios[r] = peer > 0 ? report_cell(report, row, load, server, r)->rate / peer : 0;
    }
    return bench_median(ratios, report->rounds);
}

// The longest wait of all rounds.
static double worst_ms(const struct report *report, int row, int load, int server, int stream)
{
    double worst = 0;
    for (int r = 0; r < report->rounds; r++) {
        double max = report_cell(report, row, load, server, r)->tails[stream].max;
        worst = max > worst ? max : worst;
    }
    return worst;
}

// Of both probes, the median 99th percentile and maximum.
static struct tail later_probe(const struct report *report, int row, int load, int server)
{
    struct figures figures = median_figures(report, row, load, server);
    struct tail later = figures.tails[0], other = figures.tails[1];
    later.p99 = other.p99 > later.p99 ? other.p99 : later.p99;
    later.max = other.max > later.max ? other.max : later.max;
    return later;
}

// ---- tables ----------------------------------------------------------------------------------

static bool runs(const struct report *report, int row, int server)
{
    return report->chosen[row] && !report->server[server].skips[row];
}

static void print_heavy(const struct report *report, int row, int load, int server,
                        const struct figures *figures, FILE *to)
{
    fprintf(to, "  %-14s ", report->server[server].name);
    if (row_is_idle(&rows[row]))
        fprintf(to, "%7s %10s %7s %9s ", "0", "", "", "");
    else if (rate_ratio(report, row, load, server) > 0)
        fprintf(to, "%7d %10.4g %7.2f %9.3g ", report->clients[load], figures->rate,
                rate_ratio(report, row, load, server), figures->op_ms);
    else
        fprintf(to, "%7d %10.4g %7s %9.3g ", report->clients[load], figures->rate, "-",
                figures->op_ms);
    fprintf(to, "%5.2f %5.2f  ", figures->cpu, figures->own_cpu);
}

static void print_runs(const struct report *report, int row, int load, int server, FILE *to)
{
    struct figures figures = median_figures(report, row, load, server);
    for (int s = 0; s < STREAMS; s++) {
        const struct tail *tail = &figures.tails[s];
        enum probe probe = s == ECHO_STREAM ? PROBE_ECHO : rows[row].probes[s];
        if (s == 0)
            print_heavy(report, row, load, server, &figures, to);
        else
            fprintf(to, "%67s", "");
        fprintf(to, "%-10s %8.3f %8.3g %8.3g %8.3g %8.3g\n", probe_kinds[probe].name, tail->p50,
                tail->p99, tail->p999, tail->max, worst_ms(report, row, load, server, s));
    }
}

static void print_row(const struct report *report, int row, FILE *to)
{
    fprintf(to, "\n%s (%s)\n", rows[row].title, rows[row].name);
    fprintf(to, "  %-14s %7s %10s %7s %9s %5s %5s  %-10s %8s %8s %8s %8s %8s\n", "server",
            "clients", "op/s", "x redis", "ms/op", "cpu", "own", "probe", "p50", "p99", "p99.9",
            "max", "worst");
    for (int load = 0; load < report_loads(report, row); load++) {
        for (int server = 0; server < report->servers; server++) {
            if (runs(report, row, server))
                print_runs(report, row, load, server, to);
            else
                fprintf(to, "  %-14s %7d %10s\n", report->server[server].name,
                        report->clients[load], "-");
        }
    }
}

// ---- goals -----------------------------------------------------------------------------------

static const char *about(char out[128], const struct report *report, int row, int server,
                         const char *what)
{
    snprintf(out, 128, "%s, %s, %s", report->server[server].name, rows[row].name, what);
    return out;
}

// Each figure is the worst of the loads.
static void check_row(const struct report *report, int row, int server, struct goals *goals)
{
    char text[128];
    double p99 = 0, max = 0, ratio = 0;
    for (int load = 0; load < report_loads(report, row); load++) {
        struct tail tail = later_probe(report, row, load, server);
        double rate = rate_ratio(report, row, load, server);
        p99 = tail.p99 > p99 ? tail.p99 : p99;
        max = tail.max > max ? tail.max : max;
        ratio = load == 0 || rate < ratio ? rate : ratio;
    }
    goals_at_most(goals, about(text, report, row, server, "p99"), p99, " ms", 5);
    if (!rows[row].same_key)
        goals_at_most(goals, about(text, report, row, server, "maximum"), max, " ms", 25);
    if (ratio > 0)
        goals_at_least(goals, about(text, report, row, server, "heavy rate, x redis"), ratio, "",
                       0.8);
}

static void print_goals(const struct report *report, FILE *to)
{
    struct goals goals = {.to = to};
    int skipped = 0;
    char text[128];
    fprintf(to, "\nGoals (the later of both probes, the worse of the loads)\n");
    for (int server = 0; server < report->servers; server++) {
        for (int row = 0; row < row_count && server != report->peer; row++) {
            if (runs(report, row, server)) {
                check_row(report, row, server, &goals);
            } else if (report->chosen[row]) {
                fprintf(to, "  -      %s\n", about(text, report, row, server, "not there yet"));
                skipped++;
            }
        }
    }
    fprintf(to, "  %d met, %d missed, %d rows not there yet\n", goals.met, goals.missed, skipped);
}

void report_print(const struct report *report, FILE *to)
{
    fprintf(to,
            "Medians of %d rounds.\n"
            "op/s, ms/op: of the heavy command; x redis: op/s / " PEER "'s of the same round;\n"
            "cpu, own: CPUs that the server and the bench used;\n"
            "p50 .. max: milliseconds from when a probe was due to its reply, one of a kind each "
            "2 ms;\nworst: maximum of all rounds. (echo) is answered by the bench itself: what the "
            "machine alone costs.\n",
            report->rounds);
    for (int row = 0; row < row_count; row++)
        if (report->chosen[row])
            print_row(report, row, to);
    if (report->servers > 1 || report->peer < 0)
        print_goals(report, to);
}

// ---- plot ------------------------------------------------------------------------------------

// A line a row, a column a server and load: the 99th percentile of the later probe.
static void write_plot(const struct report *report, FILE *to)
{
    fprintf(to, "row");
    for (int server = 0; server < report->servers; server++)
        for (int load = 0; load < report->loads; load++)
            fprintf(to, " \"%s, %d client%s\"", report->server[server].name, report->clients[load],
                    report->clients[load] == 1 ? "" : "s");
    for (int row = 0; row < row_count; row++) {
        if (!report->chosen[row])
            continue;
        fprintf(to, "\n%s", rows[row].name);
        for (int server = 0; server < report->servers; server++) {
            for (int load = 0; load < report->loads; load++) {
                if (runs(report, row, server) && load < report_loads(report, row))
                    fprintf(to, " %g", later_probe(report, row, load, server).p99);
                else
                    fprintf(to, " -");
            }
        }
    }
    fprintf(to, "\n");
}

bool report_plot_data(const struct report *report, const char *path)
{
    FILE *to = fopen(path, "w");
    if (to == NULL)
        return false;
    write_plot(report, to);
    bool wrote = !ferror(to);
    return fclose(to) == 0 && wrote;
}
