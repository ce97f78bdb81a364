// SPDX-License-Identifier: MIT
// usage: expiry [-n KEYS] [-s SECONDS] NAME:PORT:PID...
//
// The expiry bench: KEYS keys (1,000,000) that expire at random times of SECONDS (60), then as many
// that expire within one second, on each server in turn. What is measured is whether their memory
// goes back in time, what that costs, and what others wait for it (the probe of bench/tail.h).
//
// Servers do not tell when a key went, and hide what has expired, but DBSIZE counts all that is
// there. So the keys of each slice of 250 ms are in a database of their own, 15 of which are used
// in turn, and 750 ms after the end of the slice its keys are counted: of those then left the
// youngest has expired 750 ms ago, so "gone within 1 s" may be told too low, and not too high.
// "late" is the mean time that a key was there after its time: the sum over time of the keys that
// were there, but should not be, divided by their number.
#include "bench/common.h"
#include "bench/tail.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    DATABASES = 15, // and one for the probe
    SLICE_MS = 250,
    COUNT_AFTER_MS = 750, // the end of a slice
    IDLE_S = 5,
    LOAD_RATE = 120000, // keys a second, at least
    WINDOW = 64 * 1024,
    LOOK_MS = 10,
    GIVE_UP_S = 20, // on keys that do not go
};

static const struct row PROBED = {.db = DATABASES, .probes = {PROBE_GET, PROBE_SET}};

struct outcome {
    double gone;     // of all keys, within 1 s
    double late_ms;  // mean
    double all_ms;   // until the last one had gone, from its time
    double cpu;      // of one CPU, above what the probe alone took
    double cpu_keys; // microseconds a key
    struct tail tails[STREAMS];
};

// What expires, in a phase.
struct phase {
    uint32_t keys, span_ms;
    int64_t begin_ms; // unix time
    uint32_t *at_ms;  // of each key, from begin_ms, in order
    uint32_t counted; // slices so far
    uint32_t left_too_long;
    double overdue_ms; // keys times milliseconds
};

static int64_t unix_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void pause_until(int64_t ms)
{
    int64_t left = ms - unix_ms();
    struct timespec pause = {.tv_sec = left / 1000, .tv_nsec = left % 1000 * 1000000};
    if (left > 0)
        nanosleep(&pause, NULL);
}

// ---- loading ---------------------------------------------------------------------------------

static int compare_times(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static int database_of(uint32_t at_ms)
{
    return (int)(at_ms / SLICE_MS % DATABASES);
}

static void make_times(struct phase *phase)
{
    phase->at_ms = malloc(phase->keys * sizeof(*phase->at_ms));
    if (phase->at_ms == NULL)
        fail("out of memory");
    srandom(1);
    for (uint32_t i = 0; i < phase->keys; i++)
        phase->at_ms[i] = (uint32_t)((uint64_t)random() % phase->span_ms);
    qsort(phase->at_ms, phase->keys, sizeof(*phase->at_ms), compare_times);
}

static void load_database(const struct phase *phase, const struct server *server, int db)
{
    char window[WINDOW + REQUEST_MAX], *out = window;
    int fd = conn_open(server->port, db);
    size_t commands = 0;
    for (uint32_t i = 0; i < phase->keys; i++) {
        if (database_of(phase->at_ms[i]) == db) {
            out += sprintf(out,
                           "*5\r\n$3\r\nSET\r\n$12\r\nkey:%08u\r\n$16\r\n0123456789abcdef\r\n"
                           "$4\r\nPXAT\r\n$13\r\n%013lld\r\n",
                           i, (long long)(phase->begin_ms + phase->at_ms[i]));
            commands++;
        }
        if (out >= window + WINDOW || (i == phase->keys - 1 && commands > 0)) {
            conn_send(fd, window, (size_t)(out - window));
            conn_read_lines(fd, commands);
            out = window;
            commands = 0;
        }
    }
    close(fd);
}

static void load(struct phase *phase, const struct server *server)
{
    make_times(phase);
    phase->begin_ms = unix_ms() + 1000 + phase->keys / (LOAD_RATE / 1000);
    for (int db = 0; db < DATABASES; db++)
        load_database(phase, server, db);
    if (unix_ms() > phase->begin_ms)
        fail("%s took too long to load %u keys", server->name, phase->keys);
}

// ---- watching --------------------------------------------------------------------------------

static uint32_t keys_in(int fd)
{
    char head[HEAD_MAX];
    conn_run(fd, "DBSIZE", head);
    return (uint32_t)strtoul(head + 1, NULL, 10);
}

// How many keys expire before that time of the phase.
static uint32_t keys_before(const struct phase *phase, int64_t at_ms)
{
    uint32_t low = 0, high = phase->keys;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (phase->at_ms[middle] >= at_ms)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static uint32_t keys_of(const struct phase *phase, uint32_t from_ms, uint32_t to_ms)
{
    return keys_before(phase, to_ms) - keys_before(phase, from_ms);
}

// Counts the slices whose time has come: their databases hold nothing younger.
static void count_slices(struct phase *phase, const int *fds, int64_t now_ms)
{
    uint32_t slices = (phase->span_ms + SLICE_MS - 1) / SLICE_MS;
    while (phase->counted < slices &&
           now_ms >= phase->begin_ms + (phase->counted + 1) * SLICE_MS + COUNT_AFTER_MS) {
        uint32_t first = phase->counted * SLICE_MS, next = first + DATABASES * SLICE_MS;
        uint32_t own = keys_of(phase, first, first + SLICE_MS), later = 0;
        int db = (int)(phase->counted % DATABASES);
        for (; next < phase->span_ms; next += DATABASES * SLICE_MS)
            later += keys_of(phase, next, next + SLICE_MS);
        uint32_t there = keys_in(fds[db]), left = there > later ? there - later : 0;
        phase->left_too_long += left < own ? left : own; // the others are of earlier slices
        phase->counted++;
    }
}

static uint32_t all_keys(const int *fds)
{
    uint32_t sum = 0;
    for (int db = 0; db < DATABASES; db++)
        sum += keys_in(fds[db]);
    return sum;
}

// Watches to the last key's end, and at least until all slices are counted.
static void watch(struct phase *phase, const int *fds, struct outcome *outcome)
{
    int64_t end_ms = phase->begin_ms + phase->span_ms, now_ms = phase->begin_ms, left = 1;
    pause_until(now_ms);
    while (left > 0 || now_ms < end_ms + SLICE_MS + COUNT_AFTER_MS) {
        int64_t before_ms = now_ms;
        pause_until(before_ms + LOOK_MS);
        now_ms = unix_ms();
        count_slices(phase, fds, now_ms);
        // Seldom, as it is 15 commands: a sample of what is there, for as long as since the last.
        if (now_ms / 50 == before_ms / 50)
            continue;
        left = all_keys(fds);
        int64_t come = keys_before(phase, now_ms + 1 - phase->begin_ms);
        int64_t overdue = left - (phase->keys - come);
        phase->overdue_ms += overdue > 0 ? (double)overdue * 50 : 0;
        if (left == 0 && outcome->all_ms == 0)
            outcome->all_ms = now_ms > end_ms ? (double)(now_ms - end_ms) : 0;
        if (now_ms > end_ms + GIVE_UP_S * 1000)
            fail("%lld keys have not gone", (long long)left);
    }
}

// What the server takes while only the probe runs, in CPUs.
static double idle_cpu(const struct server *server)
{
    struct tail tails[STREAMS];
    struct probe_run *probe = probe_start(&PROBED, server);
    double before = server_cpu_seconds(server);
    uint64_t start = now_ns();
    pause_until(unix_ms() + IDLE_S * 1000);
    double cpu = (server_cpu_seconds(server) - before) / ((double)(now_ns() - start) * 1e-9);
    probe_stop(probe, tails);
    return cpu;
}

static struct outcome run(struct phase phase, const struct server *server, double idle)
{
    struct outcome outcome = {0};
    int fds[DATABASES];
    fprintf(stderr, "expiry: %s, %u keys in %u ms\n", server->name, phase.keys, phase.span_ms);
    load(&phase, server);
    for (int db = 0; db < DATABASES; db++)
        fds[db] = conn_open(server->port, db);
    pause_until(phase.begin_ms);
    struct probe_run *probe = probe_start(&PROBED, server);
    double cpu = server_cpu_seconds(server);
    uint64_t start = now_ns();
    watch(&phase, fds, &outcome);
    double seconds = (double)(now_ns() - start) * 1e-9;
    cpu = server_cpu_seconds(server) - cpu - idle * seconds;
    probe_stop(probe, outcome.tails);
    outcome.cpu = cpu / seconds;
    outcome.cpu_keys = cpu / phase.keys * 1e6;
    outcome.gone = 1 - (double)phase.left_too_long / phase.keys;
    outcome.late_ms = phase.overdue_ms / phase.keys;
    for (int db = 0; db < DATABASES; db++)
        close(fds[db]);
    free(phase.at_ms);
    return outcome;
}

// ---- report ----------------------------------------------------------------------------------

static void print_outcome(const struct server *server, const char *what, const struct outcome *o)
{
    static const char *const STREAM_NAMES[STREAMS] = {"GET", "SET", "(echo)"};
    printf("%-13s %-10s %8.2f %8.0f %8.0f %7.1f %7.2f ", server->name, what, 100 * o->gone,
           o->late_ms, o->all_ms, 100 * o->cpu, o->cpu_keys);
    for (int s = 0; s < STREAMS; s++)
        printf("%*s%-6s %8.3f %8.2f %8.2f\n", s > 0 ? 68 : 1, "", STREAM_NAMES[s], o->tails[s].p99,
               o->tails[s].p999, o->tails[s].max);
}

static void print_head(uint32_t keys, uint32_t seconds)
{
    printf("%u keys each, spread over %u s and over 1 s\n"
           "gone: %% within 1 s of their time; late: ms after it that a key was there, mean;\n"
           "last: ms until the last one had gone;\n"
           "cpu: %% of one CPU, us/key: CPU time, both without what the probe takes on an idle "
           "server;\n"
           "p99 .. max: ms from when a probe was due to its reply, one of a kind each 2 ms;\n"
           "(echo) is answered by the bench itself: what the machine alone costs.\n\n"
           "%-13s %-10s %8s %8s %8s %7s %7s  %-6s %8s %8s %8s\n",
           keys, seconds, "server", "spread", "gone", "late", "last", "cpu", "us/key", "probe",
           "p99", "p99.9", "max");
}

int main(int argc, char **argv)
{
    enum { PHASES = 2 };
    struct server servers[MAX_SERVERS] = {0};
    struct outcome outcomes[MAX_SERVERS][PHASES];
    uint32_t keys = 1000000, seconds = 60;
    int n = 0, letter;
    double before = 0;
    while ((letter = getopt(argc, argv, "n:s:")) != -1) {
        uint32_t value = optarg != NULL ? (uint32_t)strtoul(optarg, NULL, 10) : 0;
        if (letter == '?' || value == 0)
            fail("usage: expiry [-n KEYS] [-s SECONDS] NAME:PORT:PID...");
        *(letter == 'n' ? &keys : &seconds) = value;
    }
    for (; optind < argc && n < MAX_SERVERS; optind++, n++)
        if (sscanf(argv[optind], "%31[^:]:%d:%d", servers[n].name, &servers[n].port,
                   &servers[n].pid) != 3)
            fail("not NAME:PORT:PID: %s", argv[optind]);
    (void)getloadavg(&before, 1);
    probe_prepare();
    for (int s = 0; s < n; s++) {
        int fd = conn_open(servers[s].port, PROBED.db);
        feed_all((struct feed){FEED_MSET, "key", 0, PROBED_KEYS}, fd);
        close(fd);
        double idle = idle_cpu(&servers[s]);
        outcomes[s][0] = run((struct phase){keys, seconds * 1000}, &servers[s], idle);
        outcomes[s][1] = run((struct phase){keys, 1000}, &servers[s], idle);
    }
    bench_print_machine("Keys that expire", before);
    print_head(keys, seconds);
    for (int s = 0; s < n; s++)
        for (int p = 0; p < PHASES; p++) {
            char spread[16];
            snprintf(spread, sizeof(spread), "%u s", p ? 1 : seconds);
            print_outcome(&servers[s], spread, &outcomes[s][p]);
        }
    return 0;
}
