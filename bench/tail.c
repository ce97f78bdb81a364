// SPDX-License-Identifier: MIT
// usage: tail [-r ROUNDS] [-t SECONDS] [-x DIVISOR] [-c CLIENTS]... [-w ROW]... [-d PLOT_DATA]
//             NAME:PORT:PID...
#include "bench/tail.h"
#include "bench/common.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

struct options {
    double seconds; // of a run
    const char *plot_data;
    bool some_rows;
};

static bool choose(struct report *report, const char *name)
{
    for (int r = 0; r < row_count; r++)
        if (strcmp(rows[r].name, name) == 0)
            return report->chosen[r] = true;
    return false;
}

static bool add_server(struct report *report, const char *text)
{
    if (report->servers == MAX_SERVERS)
        return false;
    if (strncmp(text, PEER ":", sizeof(PEER)) == 0)
        report->peer = report->servers;
    struct server *server = &report->server[report->servers++];
    return sscanf(text, "%31[^:]:%d:%d", server->name, &server->port, &server->pid) == 3;
}

// ---- runs ------------------------------------------------------------------------------------

static void prepare(const struct row *row, const struct server *server)
{
    if (row->db == 0)
        return;
    int fd = conn_open(server->port, row->db);
    conn_must(fd, "FLUSHDB");
    feed_all((struct feed){FEED_MSET, "key", 0, PROBED_KEYS}, fd);
    close(fd);
}

static void flush(const struct server *server, int db)
{
    int fd = conn_open(server->port, db);
    conn_must(fd, "FLUSHDB ASYNC");
    close(fd);
}

static void tidy(const struct row *row, const struct server *server, int clients)
{
    if (row->db != 0)
        flush(server, row->db);
    for (int i = 1; i <= clients && row->own_db; i++)
        flush(server, i);
    server_settle(server);
}

static double own_cpu_seconds(void)
{
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    return (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
           (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) * 1e-6;
}

static void run_once(const struct options *options, const struct row *row,
                     const struct server *server, int clients, struct figures *figures)
{
    prepare(row, server);
    double cpu = server_cpu_seconds(server), own_cpu = own_cpu_seconds();
    uint64_t start = now_ns();
    struct probe_run *probe = probe_start(row, server);
    if (row_is_idle(row)) {
        struct timespec pause = {.tv_sec = (time_t)options->seconds};
        pause.tv_nsec = (long)((options->seconds - (double)pause.tv_sec) * 1e9);
        nanosleep(&pause, NULL);
    } else {
        struct work work = heavy_run(row, server, clients, options->seconds);
        figures->rate = work.rate;
        figures->op_ms = work.op_ms;
    }
    probe_stop(probe, figures->tails);
    double seconds = (double)(now_ns() - start) * 1e-9;
    figures->cpu = (server_cpu_seconds(server) - cpu) / seconds;
    figures->own_cpu = (own_cpu_seconds() - own_cpu) / seconds;
    tidy(row, server, clients);
}

// Servers take turns at going first, so that none always follows the same other.
static void run_round(const struct options *options, struct report *report, int round)
{
    for (int r = 0; r < row_count; r++) {
        for (int load = 0; load < report_loads(report, r) && report->chosen[r]; load++) {
            fprintf(stderr, "tail: round %d of %d, %s, %d clients\n", round + 1, report->rounds,
                    rows[r].name, row_is_idle(&rows[r]) ? 0 : report->clients[load]);
            for (int i = 0; i < report->servers; i++) {
                int s = (i + round) % report->servers;
                if (!report->server[s].skips[r])
                    run_once(options, &rows[r], &report->server[s], report->clients[load],
                             report_cell(report, r, load, s, round));
            }
        }
    }
}

// ---- main ------------------------------------------------------------------------------------

static int usage(void)
{
    fprintf(stderr, "usage: tail [-r ROUNDS] [-t SECONDS] [-x DIVISOR] [-c CLIENTS]... [-w ROW]... "
                    "[-d PLOT_DATA] NAME:PORT:PID...\n");
    for (int r = 0; r < row_count; r++)
        fprintf(stderr, "  %-12s %s\n", rows[r].name, rows[r].title);
    return 2;
}

static bool option(struct options *options, struct report *report, int letter)
{
    switch (letter) {
    case 'r':
        report->rounds = atoi(optarg);
        return report->rounds >= 1 && report->rounds <= MAX_ROUNDS;
    case 't':
        options->seconds = atof(optarg);
        return options->seconds > 0;
    case 'x':
        divisor = (uint32_t)atoi(optarg);
        return divisor >= 1;
    case 'c':
        if (report->loads == MAX_LOADS)
            return false;
        report->clients[report->loads] = atoi(optarg);
        return report->clients[report->loads] >= 1 &&
               report->clients[report->loads++] <= MAX_CLIENTS;
    case 'w':
        options->some_rows = true;
        return choose(report, optarg);
    case 'd':
        options->plot_data = optarg;
        return true;
    default:
        return false;
    }
}

static bool arguments(struct options *options, struct report *report, int argc, char **argv)
{
    for (int letter; (letter = getopt(argc, argv, "r:t:x:c:w:d:")) != -1;)
        if (!option(options, report, letter))
            return false;
    for (int i = optind; i < argc; i++)
        if (!add_server(report, argv[i]))
            return false;
    for (int r = 0; r < row_count && !options->some_rows; r++)
        report->chosen[r] = true;
    if (report->loads == 0) {
        report->loads = 2;
        report->clients[0] = 1;
        report->clients[1] = 4;
    }
    return report->servers > 0;
}

int main(int argc, char **argv)
{
    struct options options = {.seconds = 5};
    struct report report = {.rounds = 3, .peer = -1};
    if (!arguments(&options, &report, argc, argv))
        return usage();
    report.figures = calloc((size_t)row_count * MAX_LOADS * MAX_SERVERS * (size_t)report.rounds,
                            sizeof(*report.figures));
    if (report.figures == NULL)
        return 1;
    double load = 0;
    (void)getloadavg(&load, 1);
    probe_prepare();
    for (int s = 0; s < report.servers; s++) {
        server_ask(&report.server[s]);
        server_load(&report.server[s], report.chosen);
    }
    for (int round = 0; round < report.rounds; round++)
        run_round(&options, &report, round);
    bench_print_machine("Small commands beside heavy ones", load);
    printf("Each run %.3g s; sizes divided by %u. ", options.seconds, divisor);
    report_print(&report, stdout);
    if (options.plot_data != NULL && !report_plot_data(&report, options.plot_data)) {
        fprintf(stderr, "tail: could not write %s\n", options.plot_data);
        return 1;
    }
    free(report.figures);
    return 0;
}
