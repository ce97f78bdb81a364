// SPDX-License-Identifier: MIT
//
// Incremental parser of requests: RESP arrays of bulk strings ("multibulk") and inline lines.
//
// The parser owns the query buffer. The reader asks it for space, fills the space from the socket,
// commits the bytes, and takes requests out until the parser says it needs more:
//
//     request_reserve(p, 16384, &space, &nbytes);  n = read(fd, space, nbytes);
//     request_commit(p, n);
//     while (request_next(p, &limits, &argc, &argv, &error) == REQUEST_READY) { run(argc, argv); }
//
// or several at a time with request_batch(), so that whoever runs them can look ahead.
//
// Layout of the query buffer
//
//     buf                 keep            pos              len                cap
//     | requests answered | args parsed   | not parsed yet | space to read to |
//
// Invariants
// 1. keep <= pos <= len <= cap. `keep` is the first argument of a request that is half parsed, else
//    pos. Bytes before it are dead; they are dropped by moving the rest only when space is needed,
//    never once per request.
// 2. However the bytes are split over commits, the sequence of results is the same. Every
//    limit is a property of the bytes, not of the state of the buffer when it is checked.
// 3. Memory follows the bytes received, not the numbers announced: the buffer and the argument
//    array at most double, so that both stay within a small factor of what the peer has sent.
// 4. Steady state allocates nothing and copies nothing: arguments point into the buffer, inline
//    quotes and escapes are resolved in place (they only ever get shorter).
// 5. After an unusually large request the buffer and the argument array are given back.
//
// Leniencies kept from Redis: the byte after a length line's CR and the two bytes after a bulk
// string are skipped unread; an inline line may end in a bare LF. A NUL byte is an ordinary byte.
//
// Concurrency: none; a parser belongs to one thread at a time.
// Reference: the RESP specification, and Redis 7.0 for limits and error texts.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "resp/bytes.h"

enum {
    REQUEST_MAX_INLINE = 64 * 1024,           // longest inline or length line
    REQUEST_MAX_ARGS = 1024 * 1024,           // default number of arguments
    REQUEST_UNAUTHENTICATED_ARGS = 10,        // before AUTH, when a password is set
    REQUEST_UNAUTHENTICATED_BULK = 16 * 1024, // the same, bytes of one argument
};
#define REQUEST_MAX_BULK ((size_t)512 * 1024 * 1024) // default proto-max-bulk-len

// May differ from call to call (AUTH, CONFIG SET); a limit is applied when a length line is parsed.
struct request_limits {
    size_t max_bulk;    // bytes of one argument
    size_t max_inline;  // bytes of an inline line or a length line, without its end
    int64_t max_args;   // arguments of one multibulk request; below INT_MAX
    bool authenticated; // false: the two limits before AUTH apply as well
};

#define REQUEST_LIMITS_DEFAULT                                                                     \
    ((struct request_limits){REQUEST_MAX_BULK, REQUEST_MAX_INLINE, REQUEST_MAX_ARGS, true})

enum request_result {
    REQUEST_READY,          // a request (or, from request_reserve, space) was handed out
    REQUEST_INCOMPLETE,     // everything complete was handed out; more bytes are needed
    REQUEST_PROTOCOL_ERROR, // reply the error and close: the stream cannot be followed any more
    REQUEST_NO_MEMORY,      // nothing changed; the call may be repeated
};

// Embed by value; the fields are private to request.c.
struct request_parser {
    char *buf;          // NULL while cap is 0
    size_t pos;         // first byte not parsed
    size_t len;         // end of the bytes received
    size_t cap;         // bytes allocated
    struct bytes *args; // arguments parsed, pointing into buf
    int first;         // those before it were handed out; from here on they are of the next request
    int nargs;         // how many of them
    int args_cap;      // how many args has room for
    int args_left;     // arguments a multibulk request still lacks; 0 between requests
    int drains;        // how often in a row the buffer drained nearly unused (see settle)
    int64_t bulk_len;  // length of the argument at pos; -1 while its length line is to come
    size_t scanned;    // bytes from pos on that are known to hold no line end
    const char *error; // what request_next answers for ever after a protocol error
    char error_text[40]; // room for the one error text that is not a constant
    // Allocates; realloc unless a test replaces it. What it returns goes to free().
    void *(*resize)(void *, size_t);
};

// Makes an empty parser; allocates nothing and cannot fail.
void request_init(struct request_parser *p);

// Frees what the parser owns; it may be initialised again.
void request_free(struct request_parser *p);

// Hands out *nbytes > 0 bytes of *space to read into: at least `want`, or what the large argument
// being received still lacks when that is less. Invalidates argv of the last request. Returns
// REQUEST_READY or REQUEST_NO_MEMORY.
enum request_result request_reserve(struct request_parser *p, size_t want, char **space,
                                    size_t *nbytes);

// Declares that the first `nbytes` of the space last handed out have been filled. Argv of the last
// request stays valid.
void request_commit(struct request_parser *p, size_t nbytes);

// Takes the next request out. On REQUEST_READY *argc > 0 and *argv point into the parser and stay
// valid until the next request_next, request_batch, request_reserve, request_trim or request_free.
// On REQUEST_PROTOCOL_ERROR *error is the message without "ERR ", valid as long as the parser, and
// every later call answers the same. Empty lines and empty arrays are skipped.
enum request_result request_next(struct request_parser *p, const struct request_limits *limits,
                                 int *argc, struct bytes **argv, const char **error);

// A request handed out by request_batch().
struct request {
    struct bytes *argv;
    int argc;
};

// Takes up to `max` (> 0) requests out, as many as are complete. REQUEST_READY: *n > 0 of them, all
// valid as long as that of request_next(). What comes behind them (an error, missing bytes) is
// answered by the next call, with the meaning it has there.
enum request_result request_batch(struct request_parser *p, const struct request_limits *limits,
                                  struct request *out, int max, int *n, const char **error);

// Gives the memory of a parser without pending bytes back, for connections that have gone idle.
// Does nothing while a request is half received. Invalidates argv of the last request.
void request_trim(struct request_parser *p);

// Bytes received and not handed out as requests yet. Of a half parsed request the length lines up
// to its first argument no longer count.
size_t request_pending(const struct request_parser *p);

// Bytes of space left in the buffer, and bytes allocated in all (buffer and argument array).
size_t request_space(const struct request_parser *p);
size_t request_memory(const struct request_parser *p);
