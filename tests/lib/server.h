// SPDX-License-Identifier: MIT
//
// A keylot-server as a child of the test program, on a port of its own.
//
// The program started is keylot-server of the test's own build folder (build/asan/tests/wire_x
// starts build/asan/keylot-server); the environment variable KEYLOT_SERVER names another one, a
// redis-server of the same options included. Its output is kept and shown when something is wrong.
// The child dies with the thread that started it, and only this child is ever signalled.
//
// All functions fail the running cmocka test when they cannot do what they promise.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct redisContext;
struct test_server;

// Starts a server with the extra arguments (ended by NULL; NULL for none; a configuration file
// comes first) and `--port 0`, and waits until it accepts connections.
struct test_server *server_start(const char *const *extra_args);
// The same with a limit on the child's open files (RLIMIT_NOFILE, soft and hard); 0: as inherited.
struct test_server *server_start_limited(const char *const *extra_args, unsigned nofile);

int server_port(const struct test_server *);
pid_t server_pid(const struct test_server *);
// All that the server printed so far, terminated; valid until the next call.
const char *server_output(struct test_server *);
// A field of the server's /proc/<pid>/status in KB ("VmRSS"), or -1.
long server_status_kb(const struct test_server *, const char *field);
// How many connection threads, and how many open files, the server has.
long server_connection_threads(const struct test_server *);
long server_files(const struct test_server *);

// Ends the server with SIGTERM and frees the struct. Fails when that takes longer than 20 s or the
// exit status is not 0: a sanitizer's report or a leak ends the server with another one.
void server_stop(struct test_server *);
// Waits until the server has ended by itself, at most `limit_ms`, frees the struct and returns the
// exit status (128 + signal when killed by one).
int server_wait(struct test_server *, int limit_ms);
// Ends the server with SIGKILL and frees the struct.
void server_kill(struct test_server *);

// A connection through hiredis (RESP2); the caller frees it.
struct redisContext *server_connect(const struct test_server *);

// Runs the server program with these arguments until it ends by itself (limit 60 s). Returns the
// exit status and what was printed to each of the outputs, terminated, at most 8 KB.
struct server_run {
    int exit_status;
    char out[8192];
    char err[8192];
};
void server_run(struct server_run *, const char *const *args);

// Path of the server program.
const char *server_program(void);
// True in a build under AddressSanitizer or ThreadSanitizer: for smaller loads.
bool server_sanitized(void);
