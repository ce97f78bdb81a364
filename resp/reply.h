// SPDX-License-Identifier: MIT
//
// Writer of replies, RESP2 and RESP3, into a growable output buffer.
//
// A command writes typed values; the writer knows what each is in the protocol the connection
// speaks. The connection sends data[0..len) (or reply_sendable() of it) and consumes what was sent.
//
//     start           data                 data + len       data + cap
//     | sent, dead    | not sent yet       | free           |
//
// Invariants
// 1. len <= cap; data[0..len) is what the peer has not got yet, in order.
// 2. A position (reply_mark, reply_deferred_begin) counts the bytes written since reply_init, so
// that
//    it survives growth and consuming. It is only good while its byte has not been consumed.
// 3. After a failed allocation, or when more than max_len bytes would wait, `failed` stays set,
//    later writes do nothing, and the value being written may be cut short: the connection sends
//    what it likes of it and must be closed.
// 4. Error codes are counted as they are written; truncating does not take them back.
//
// Concurrency: none; a reply belongs to one thread at a time.
// Reference: the RESP3 specification; Redis 7.0 for the form of each type in both protocols.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "resp/bytes.h"

enum { REPLY_CODE_CHARS = 32 };

struct reply {
    char *data;     // first byte not sent
    size_t len;     // bytes not sent
    size_t cap;     // room from data on
    int protocol;   // 2 or 3; may change between commands (HELLO)
    bool failed;    // an allocation failed, or too much waits: the connection must be closed
    bool too_long;  // the second of the two
    size_t max_len; // most bytes that may wait; SIZE_MAX at first. The owner may change it any time

    uint64_t nerrors;                  // error replies written since reply_init
    char error_code[REPLY_CODE_CHARS]; // code of the last one ("WRONGTYPE"), terminated; "" before

    // Private to the writer.
    char *start;     // the allocation
    size_t consumed; // stream position of data
    size_t held;     // stream position of the outermost open deferred header, SIZE_MAX without one
    // Allocates; realloc unless a test replaces it. What it returns goes to free().
    void *(*resize)(void *, size_t);
};

// Makes an empty reply; allocates nothing and cannot fail.
void reply_init(struct reply *r, int protocol);

// Frees what the reply owns; it may be initialised again.
void reply_free(struct reply *r);

// Drops everything not sent. A large buffer is given back. `failed` stays.
void reply_clear(struct reply *r);

// Drops the first `nbytes` (<= len), which have been sent.
void reply_consume(struct reply *r, size_t nbytes);

// Gives the buffer back when nothing is left in it, for connections that have gone idle.
void reply_trim(struct reply *r);

// How many of the `len` bytes may be sent: those before an open deferred header.
size_t reply_sendable(const struct reply *r);

// Bytes allocated.
size_t reply_memory(const struct reply *r);

// Appends all bytes of `from` to `to` and clears `from`. Takes the buffer over instead of copying
// when `to` is empty. Error counts are not moved. Neither may have an open deferred header.
void reply_move(struct reply *to, struct reply *from);

// The position of the end, and cutting off everything written since. Deferred headers opened after
// the mark are forgotten.
size_t reply_mark(const struct reply *r);
void reply_truncate(struct reply *r, size_t mark);

// Appends bytes that are RESP already.
void reply_raw(struct reply *r, const char *data, size_t len);

// "+OK", "+text". `text` holds no CR or LF.
void reply_ok(struct reply *r);
void reply_simple(struct reply *r, const char *text);

// An error. `message` begins with its code behind a '-' ("-WRONGTYPE Operation ..."), or gets
// "-ERR " in front. CR and LF at its end are cut, others become spaces. Counts the error.
void reply_error(struct reply *r, const char *message);
void reply_errorf(struct reply *r, const char *format, ...) __attribute__((format(printf, 2, 3)));

void reply_int(struct reply *r, int64_t value);

// Bulk strings: any bytes, a terminated string, a number in decimal.
void reply_bulk(struct reply *r, const void *data, size_t len);
void reply_bulk_str(struct reply *r, const char *text);
void reply_bulk_i64(struct reply *r, int64_t value);
static inline void reply_bulk_bytes(struct reply *r, struct bytes s)
{
    reply_bulk(r, s.data, s.len);
}

// Writes the frame of a bulk string and returns where its `len` bytes are to be filled in before
// the next call on r; NULL after an allocation failure.
char *reply_bulk_space(struct reply *r, size_t len);

// The beginning of a bulk string; the caller appends `len` bytes and "\r\n" with reply_raw(). For
// bytes that come in pieces.
void reply_bulk_header(struct reply *r, size_t len);

// No value ("$-1", RESP3 "_"), and where RESP2 has a second form, no array ("*-1", RESP3 "_").
void reply_null(struct reply *r);
void reply_null_array(struct reply *r);

// Headers: the caller then writes `n` elements; for a map n keys, each followed by its value. In
// RESP2 sets and pushes are arrays, and maps are arrays of 2n.
void reply_array(struct reply *r, size_t n);
void reply_map(struct reply *r, size_t n);
void reply_set(struct reply *r, size_t n);
void reply_push(struct reply *r, size_t n);
void reply_empty_array(struct reply *r);

// Header of n attribute pairs in front of a reply. RESP2 has none: the answer is then false,
// nothing is written, and the caller leaves the pairs out.
bool reply_attribute(struct reply *r, size_t n);

// RESP3 "#t" or "#f", RESP2 ":1" or ":0".
void reply_bool(struct reply *r, bool value);

// RESP3 ",1.5", RESP2 a bulk string; 17 significant digits in both.
void reply_double(struct reply *r, double value);

// A long double in the form double_format_long gives: as a bulk string in both protocols
// (INCRBYFLOAT, HINCRBYFLOAT), or as a RESP3 double (GEOPOS).
void reply_human_long_double(struct reply *r, long double value);
void reply_long_double(struct reply *r, long double value);

// RESP3 "(digits", RESP2 a bulk string.
void reply_bignum(struct reply *r, const char *digits, size_t len);

// RESP3 "=len" with the three-letter `format` ("txt", "mkd"), RESP2 a bulk string.
void reply_verbatim(struct reply *r, const char *format, const char *data, size_t len);

// A header whose count is known only after its elements: begin, write the elements, then one of the
// others with the position begin returned. They nest; the inner one is closed first. The bytes from
// an open header on are not sendable.
size_t reply_deferred_begin(struct reply *r);
void reply_deferred_array(struct reply *r, size_t at, size_t n);
void reply_deferred_map(struct reply *r, size_t at, size_t n);
void reply_deferred_set(struct reply *r, size_t at, size_t n);
