// SPDX-License-Identifier: MIT
// The tail bench: what small commands wait while other clients run heavy ones on other keys, for
// Keylot and redis-server in the same run.
//
// A row is a heavy command that some clients run in a loop. Beside them a probe sends small
// commands on connections of its own, each when it is due, whether or not earlier ones were
// answered, and charges the reply from the due time (open loop). So a server that stands still for
// 100 ms is charged 50 late replies and not one. One probe stream goes to an echo thread of this
// program: what that one waits, the machine is to blame for.
//
// The heavy clients share the CPUs with the server, so they do little: they do not parse replies
// but read on until the reply to an ECHO behind the heavy command is the last thing received.
//
//   tail.c         main: arguments, rounds
//   tail_rows.c    the rows
//   tail_conn.c    connections, loads of many small writes
//   tail_heavy.c   the heavy clients
//   tail_probe.c   the probe
//   tail_server.c  a server: what it knows, its data, its CPU time
//   tail_report.c  medians, tables, goals, data for the plot
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { MAX_ROUNDS = 31, MAX_SERVERS = 4, MAX_LOADS = 4, MAX_CLIENTS = 15, MAX_ROWS = 32 };

uint64_t now_ns(void);
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

// ---- connections -----------------------------------------------------------------------------

enum { WORDS_MAX = 256, REQUEST_MAX = 512, HEAD_MAX = 128 };

// Writes a command of words parted by spaces as a RESP request. Returns its length, at most
// REQUEST_MAX for WORDS_MAX characters of up to 16 words.
size_t request_write(char *out, const char *words);

// Connects to a port of 127.0.0.1 and selects the database. Ends the program if that fails.
int conn_open(int port, int db);
void conn_send(int fd, const char *bytes, size_t n);
// Runs one command and throws its reply away but for the head (ended by a NUL). An error is a reply
// like any other.
void conn_run(int fd, const char *words, char head[HEAD_MAX]);
// The same, and ends the program on an error reply.
void conn_must(int fd, const char *words);
// Reads that many replies of one line. Ends the program on an error reply.
void conn_read_lines(int fd, size_t lines);

// ---- loads -----------------------------------------------------------------------------------

enum feed_kind { FEED_NONE, FEED_SET, FEED_MSET, FEED_SADD, FEED_ZADD, FEED_HSET };

// Elements first .. end - 1 of one kind: keys <key>:<number>, or members and fields of one key.
struct feed {
    enum feed_kind kind;
    char key[32];
    uint32_t first, end;
};

// Element 0 has this number: all have seven digits.
#define FIRST_NUMBER 1000000U

// Sends the next window of commands (64 KB) and reads the replies. Returns the number of elements;
// 0: there are none left.
uint32_t feed_step(struct feed *feed, int fd);
void feed_all(struct feed feed, int fd);

// ---- rows ------------------------------------------------------------------------------------

enum probe {
    PROBE_GET,
    PROBE_SET,
    PROBE_SCARD,
    PROBE_SISMEMBER,
    PROBE_HGET,
    PROBE_HLEN,
    PROBE_ECHO
};
// Streams of a row: two of the server, and the echo.
enum { STREAMS = 3, ECHO_STREAM = 2 };

enum { DATA_SETS = 1, DATA_ZSETS = 2, DATA_HASH = 4 }; // wanted beside the string keys
#define PROBED_KEYS 1000                               // loaded where the row has its own database

struct row {
    const char *name;
    const char *title;
    const char *needs;    // commands; a server that does not know all of them skips the row
    unsigned data;        // DATA_...
    const char *before;   // a command before the feed, or NULL
    enum feed_kind feed;  // what each operation needs built first, not timed
    uint32_t feed_size;   // elements
    const char *feed_key; // the key or prefix; %d: the client's number
    const char *command;  // the operation; %d: the client's number; NULL: none, or the feed itself
    int db;               // the probes', and the heavy clients'
    bool own_db;          // each heavy client has one, from 1 on
    bool same_key;        // the probes read the heavy command's key
    enum probe probes[ECHO_STREAM];
};

extern const struct row rows[];
extern const int row_count;

// The row without heavy clients.
static inline bool row_is_idle(const struct row *row)
{
    return row->command == NULL && row->feed == FEED_NONE;
}

// ---- servers ---------------------------------------------------------------------------------

struct server {
    char name[32];
    int port;
    int pid;
    bool skips[MAX_ROWS];
};

// Sizes of all data are divided by it.
extern uint32_t divisor;
uint32_t scaled(uint32_t n);

// Finds out which rows it skips.
void server_ask(struct server *server);
// Loads what the chosen rows want.
void server_load(const struct server *server, const bool *chosen);
// User and system time of its process so far.
double server_cpu_seconds(const struct server *server);
// Waits until it has nothing to do any more, such as memory to free in the background.
void server_settle(const struct server *server);

// ---- heavy clients ---------------------------------------------------------------------------

struct work {
    double rate;  // operations a second, of all clients
    double op_ms; // mean time of an operation
};

// Runs the row's heavy clients for that time and to the end of the operation they are at then;
// growth runs until the keys are there.
struct work heavy_run(const struct row *row, const struct server *server, int clients,
                      double seconds);

// ---- probe -----------------------------------------------------------------------------------

// Waits of one stream, in milliseconds.
struct tail {
    double p50, p99, p999, max;
};

// What the probe sends and the first byte of the right reply.
struct probe_kind {
    const char *name;
    const char *format; // %u: a number of an element
    char reply;
};

extern const struct probe_kind probe_kinds[];

struct probe_run;
// Starts the echo thread. Once, before all probes.
void probe_prepare(void);
struct probe_run *probe_start(const struct row *row, const struct server *server);
// Sends no more, waits for the replies that are due, and frees it.
void probe_stop(struct probe_run *run, struct tail tails[STREAMS]);

// ---- report ----------------------------------------------------------------------------------

#define PEER "redis-server"

// What one run gave; doubles only.
struct figures {
    double rate, op_ms;
    double cpu, own_cpu; // of the server and of this program, in CPUs
    struct tail tails[STREAMS];
};

struct report {
    int rounds;
    int loads, clients[MAX_LOADS]; // the loads: numbers of heavy clients
    int servers;
    struct server server[MAX_SERVERS];
    int peer; // the server that the others are compared with; -1: none
    bool chosen[MAX_ROWS];
    struct figures *figures; // see report_cell()
};

struct figures *report_cell(const struct report *report, int row, int load, int server, int round);
// How many of the loads the row has: the idle one has one.
int report_loads(const struct report *report, int row);
void report_print(const struct report *report, FILE *to);
// Writes the data of the plot. False: could not.
bool report_plot_data(const struct report *report, const char *path);
