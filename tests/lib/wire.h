// SPDX-License-Identifier: MIT
//
// Wire tests as one-liners: run a command over a socket and compare the reply as text.
//
//     static void test_incr(void **state)
//     {
//         struct wire *w = *state;
//         expect(w, "OK", "SET k 10");
//         expect(w, ":11", "INCR k");
//         expect(w, "-WRONGTYPE Operation against a key holding the wrong kind of value", "SADD k
//         a");
//     }
//     int main(void)
//     {
//         const struct CMUnitTest tests[] = {WIRE_TEST(test_incr)};
//         return run_modes(tests);
//     }
//
// Commands are written as at redis-cli: words, 'single' and "double" quotes with \n \r \t \b \a
// \\ \" \xHH in the double ones; and they are printf formats: a literal % is %%. In C, "\\x00"
// reaches the splitter as \x00.
//
// Replies as text, whichever protocol the connection speaks:
//
//     simple string   OK                  null                  (nil)       $-1, or _ in RESP3
//     error           -ERR no             null array            (nil-array) *-1
//     integer         :5                  double                ,1.5
//     bulk string     "a\x00b\n"          boolean               #t #f
//     array           ["a" :1 []]         set                   ~["a" "b"]
//     map             {"k": "v", "n": :1} push                  >["a"]
//     verbatim        =txt:"x"            big number            (123
//
// A reply of a type that the protocol does not have ($-1 in RESP3, a map in RESP2) fails the test,
// and so does a reply that does not come within WIRE_LIMIT_MS.
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "resp/bytes.h"
#include "tests/lib/server.h"

enum { WIRE_LIMIT_MS = 30000 };

struct strbuf;
struct wire; // one connection

// Opens a connection, in RESP2 or RESP3 (HELLO 3). Fails the test when it cannot.
struct wire *wire_open(struct test_server *, int protocol);
// The same to a port of this machine, without HELLO; NULL when the connection is refused.
struct wire *wire_dial(int port);
void wire_close(struct wire *);
// Closes with a reset instead of a proper end.
void wire_abort(struct wire *);
// Closes the sending side only.
void wire_shutdown(struct wire *);
struct test_server *wire_server(struct wire *);
int wire_fd(struct wire *);
// Tells that the connection now speaks the other protocol (after a HELLO sent by hand).
void wire_protocol(struct wire *, int protocol);

// ---- the one-liners; each evaluates to nothing and fails the test with both texts
// ------------------

// Runs a command and compares its reply.
#define expect(w, want, ...) wire_expect_at(w, WIRE_EQUAL, want, __FILE__, __LINE__, __VA_ARGS__)
// The same with the elements of the reply (array, set, push; pairs of a map) sorted as text: `want`
// is the sorted form. For replies without an order.
#define expect_sorted(w, want, ...)                                                                \
    wire_expect_at(w, WIRE_SORTED, want, __FILE__, __LINE__, __VA_ARGS__)
// The same against a shell pattern (fnmatch: * ? [...]).
#define expect_match(w, want, ...)                                                                 \
    wire_expect_at(w, WIRE_MATCH, want, __FILE__, __LINE__, __VA_ARGS__)
// The next reply without sending anything (after wire_send, for pipelines).
#define expect_reply(w, want) wire_expect_reply_at(w, want, __FILE__, __LINE__)
// Sends bytes as they are and reads exactly as many bytes as `want` has, which must be these.
#define expect_raw(w, sent, want)                                                                  \
    wire_expect_raw_at(w, BYTES(sent), BYTES(want), __FILE__, __LINE__)
// A command given as an array of struct bytes (for arguments with anything in them).
#define expect_argv(w, want, argc, argv)                                                           \
    wire_expect_argv_at(w, want, argc, argv, __FILE__, __LINE__)
// The server has closed the connection (or does within the limit) and sent nothing more.
#define expect_closed(w) wire_expect_closed_at(w, __FILE__, __LINE__)

// ---- the steps
// -------------------------------------------------------------------------------------

// The number that a line of a section of INFO has.
int64_t wire_info(struct wire *, const char *section, const char *field);
// How many commands worker threads have begun.
int64_t wire_commands_begun(struct wire *);

// Runs a command and returns its reply as text, valid until the next call on this connection.
const char *wire_run(struct wire *, const char *format, ...) __attribute__((format(printf, 2, 3)));
// Runs a command that must answer an integer, and returns it.
int64_t wire_int(struct wire *, const char *format, ...) __attribute__((format(printf, 2, 3)));
// Runs a command that must answer a string (simple or bulk) and returns its bytes, terminated,
// valid until the next call on this connection. INFO and the like. *len may be NULL.
const char *wire_text(struct wire *, size_t *len, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
// Sends a command, reads nothing.
void wire_send(struct wire *, const char *format, ...) __attribute__((format(printf, 2, 3)));
void wire_send_argv(struct wire *, int argc, const struct bytes *argv);
// Sends bytes as they are. False: the server closed the connection (or does not read for
// WIRE_LIMIT_MS).
bool wire_send_raw(struct wire *, const void *data, size_t nbytes);
// A literal, its length counted by the compiler.
#define wire_send_literal(w, text) wire_send_raw(w, "" text, sizeof(text) - 1)
// Reads one reply as text; NULL when the connection is closed instead.
const char *wire_reply(struct wire *);
// The elements of the reply read last (array, set, push; "k: v" of a map), each as text, valid
// until the next call on this connection; 0 when it was none of these.
size_t wire_elements(const struct wire *, const struct strbuf **elements);
// Reads exactly `nbytes` bytes; returns how many came before the connection ended or the limit.
size_t wire_read_raw(struct wire *, void *data, size_t nbytes);

enum wire_compare { WIRE_EQUAL, WIRE_SORTED, WIRE_MATCH };
void wire_expect_at(struct wire *, enum wire_compare, const char *want, const char *file, int line,
                    const char *format, ...) __attribute__((format(printf, 6, 7)));
void wire_expect_reply_at(struct wire *, const char *want, const char *file, int line);
void wire_expect_argv_at(struct wire *, const char *want, int argc, const struct bytes *argv,
                         const char *file, int line);
void wire_expect_raw_at(struct wire *, struct bytes sent, struct bytes want, const char *file,
                        int line);
void wire_expect_closed_at(struct wire *, const char *file, int line);

// ---- waiting
// ---------------------------------------------------------------------------------------

// Waits until the condition holds, looking every millisecond; fails the test after limit_ms.
#define wait_until(condition, limit_ms)                                                            \
    do {                                                                                           \
        int64_t wait_end_ = wire_clock_ms() + (limit_ms);                                          \
        while (!(condition)) {                                                                     \
            if (wire_clock_ms() > wait_end_) {                                                     \
                print_error("not within %d ms: %s\n", (int)(limit_ms), #condition);                \
                _fail(__FILE__, __LINE__);                                                         \
            }                                                                                      \
            usleep(1000);                                                                          \
        }                                                                                          \
    } while (0)
int64_t wire_clock_ms(void);

// ---- groups
// ----------------------------------------------------------------------------------------

// A test whose *state is a fresh `struct wire *` (RESP2 or RESP3) on an emptied server.
// SERVER_TEST: its *state is the group's `struct test_server *`.
#define WIRE_TEST(fn)   cmocka_unit_test_setup_teardown(fn, wire_setup, wire_teardown)
#define WIRE_TEST3(fn)  cmocka_unit_test_setup_teardown(fn, wire_setup3, wire_teardown)
#define SERVER_TEST(fn) cmocka_unit_test(fn)

// A way to run a server: arguments that it is started with, and commands that it must answer OK
// once it runs. A table of them ends with a NULL name.
enum { WIRE_MODE_WORDS = 8 };
struct wire_mode {
    const char *name;
    const char *args[WIRE_MODE_WORDS], *commands[WIRE_MODE_WORDS]; // each ended by NULL
};

// The modes of the whole suite.
extern const struct wire_mode wire_modes[];

// Runs the array of tests in each of `wire_modes`, each against one server. Evaluates to the number
// of failed tests, for main to return.
#define run_modes(tests) run_modes_with(tests, NULL)
// The same with further server arguments, an array ended by NULL.
#define run_modes_with(tests, args)                                                                \
    wire_run_modes(#tests, tests, sizeof(tests) / sizeof((tests)[0]), wire_modes, args)
// The same in other modes.
#define run_in_modes(tests, modes)                                                                 \
    wire_run_modes(#tests, tests, sizeof(tests) / sizeof((tests)[0]), modes, NULL)

int wire_run_modes(const char *name, const struct CMUnitTest *tests, size_t ntests,
                   const struct wire_mode *modes, const char *const *args);
int wire_setup(void **state);
int wire_setup3(void **state);
int wire_teardown(void **state);
