// SPDX-License-Identifier: MIT

#include "resp/reply.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "resp/digits.h"
#include "resp/double.h"

enum {
    BUFFER_MIN = 1024,               // smallest buffer allocated
    BUFFER_KEEP = 64 * 1024,         // a buffer above this size is given back when it is empty
    HEADER_MAX = 1 + DIGITS_MAX + 2, // type byte, number, CRLF
    DEFERRED_HEADER = 4,             // room a deferred header starts with: one digit
    ERROR_PREFIX = 5,                // "-ERR "
};

void reply_init(struct reply *r, int protocol)
{
    *r = (struct reply){
        .protocol = protocol, .held = SIZE_MAX, .max_len = SIZE_MAX, .resize = realloc};
}

void reply_free(struct reply *r)
{
    void *(*resize)(void *, size_t) = r->resize;

    free(r->start);
    reply_init(r, r->protocol);
    r->resize = resize;
}

static void release_buffer(struct reply *r)
{
    free(r->start);
    r->start = r->data = NULL;
    r->len = r->cap = 0;
}

// The buffer is empty: begin again at its front, or give it back when it is a large one.
static void rewind_buffer(struct reply *r)
{
    r->cap += (size_t)(r->data - r->start);
    r->data = r->start;
    r->len = 0;
    if (r->cap > BUFFER_KEEP) {
        release_buffer(r);
    }
    if (r->failed) {
        r->cap = 0; // no write shall find room any more
    }
}

void reply_clear(struct reply *r)
{
    r->consumed += r->len;
    r->held = SIZE_MAX;
    rewind_buffer(r);
}

void reply_consume(struct reply *r, size_t nbytes)
{
    if (nbytes == 0) {
        return;
    }
    r->consumed += nbytes;
    r->data += nbytes;
    r->len -= nbytes;
    r->cap -= nbytes;
    if (r->len == 0) {
        rewind_buffer(r);
    }
}

void reply_trim(struct reply *r)
{
    if (r->len == 0) {
        release_buffer(r);
    }
}

size_t reply_sendable(const struct reply *r)
{
    return r->held == SIZE_MAX ? r->len : r->held - r->consumed;
}

size_t reply_memory(const struct reply *r)
{
    return r->cap + (size_t)(r->data - r->start);
}

size_t reply_mark(const struct reply *r)
{
    return r->consumed + r->len;
}

void reply_truncate(struct reply *r, size_t mark)
{
    r->len = mark - r->consumed;
    if (r->held != SIZE_MAX && mark <= r->held) {
        r->held = SIZE_MAX;
    }
    if (r->failed) {
        r->cap = r->len;
    }
}

static char *fail(struct reply *r)
{
    r->failed = true;
    r->cap = r->len;
    return NULL;
}

// Makes room for `nbytes` behind the last byte. Reusing the dead bytes at the front is enough only
// when they are as many as the live ones: otherwise a long queue sent in small pieces would be
// moved again for each piece, so it grows as well.
static char *room_slow(struct reply *r, size_t nbytes)
{
    size_t dead = (size_t)(r->data - r->start);
    size_t cap;
    char *start;

    if (r->failed) {
        return NULL;
    }
    if (dead > 0) {
        memmove(r->start, r->data, r->len);
        r->data = r->start;
        r->cap += dead;
        if (dead >= r->len && r->cap - r->len >= nbytes) {
            return r->data + r->len;
        }
    }
    if (nbytes > SIZE_MAX / 2 - r->len) {
        return fail(r);
    }
    if (r->len + nbytes > r->max_len) {
        r->too_long = true;
        return fail(r);
    }
    cap = r->cap * 2 > BUFFER_MIN ? r->cap * 2 : BUFFER_MIN;
    cap = cap > r->max_len ? r->max_len : cap;
    cap = cap < r->len + nbytes ? r->len + nbytes : cap;
    start = r->resize(r->start, cap);
    if (start == NULL) {
        return fail(r);
    }
    r->start = r->data = start;
    r->cap = cap;
    return start + r->len;
}

// Where the next `nbytes` go; the caller advances len. NULL after an allocation failure.
static inline char *room(struct reply *r, size_t nbytes)
{
    if (__builtin_expect(r->cap - r->len >= nbytes && nbytes > 0, 1)) {
        return r->data + r->len;
    }
    return room_slow(r, nbytes);
}

void reply_raw(struct reply *r, const char *data, size_t len)
{
    char *out = len > 0 ? room(r, len) : NULL;

    if (out != NULL) {
        memcpy(out, data, len);
        r->len += len;
    }
}

void reply_move(struct reply *to, struct reply *from)
{
    if (from->failed) {
        to->too_long |= from->too_long;
        fail(to);
    } else if (to->len == 0 && !to->failed && from->len > 0) {
        free(to->start);
        to->start = from->start;
        to->data = from->data;
        to->len = from->len;
        to->cap = from->cap;
        from->consumed += from->len;
        from->start = from->data = NULL;
        from->len = from->cap = 0;
    } else {
        reply_raw(to, from->data, from->len);
    }
    reply_clear(from);
}

// A literal, its length counted by the compiler.
#define PUT(r, literal) reply_raw(r, literal, sizeof(literal) - 1)

void reply_ok(struct reply *r)
{
    PUT(r, "+OK\r\n");
}

// Writes type byte, number and CRLF at `out`, which has HEADER_MAX bytes; returns their count.
static inline size_t write_header(char *out, char type, uint64_t n)
{
    size_t len;

    out[0] = type;
    if (n < 10) {
        out[1] = (char)('0' + n);
        len = 2;
    } else {
        len = 1 + digits_write_u64(out + 1, n);
    }
    out[len] = '\r';
    out[len + 1] = '\n';
    return len + 2;
}

static void put_header(struct reply *r, char type, uint64_t n)
{
    char *out = room(r, HEADER_MAX);

    if (out != NULL) {
        r->len += write_header(out, type, n);
    }
}

// Type byte, text, CRLF.
static void put_line(struct reply *r, char type, const char *text, size_t len)
{
    char *out = len > SIZE_MAX / 4 ? fail(r) : room(r, len + 3);

    if (out != NULL) {
        out[0] = type;
        memcpy(out + 1, text, len);
        memcpy(out + 1 + len, "\r\n", 2);
        r->len += len + 3;
    }
}

void reply_simple(struct reply *r, const char *text)
{
    put_line(r, '+', text, strlen(text));
}

// Remembers the code of the error line[0..len), which begins with '-': the word behind it, or "ERR"
// when there is no blank near.
static void count_error(struct reply *r, const char *line, size_t len)
{
    const char *blank = memchr(line, ' ', len < REPLY_CODE_CHARS ? len : REPLY_CODE_CHARS);

    r->nerrors++;
    if (blank == NULL) {
        memcpy(r->error_code, "ERR", sizeof("ERR"));
        return;
    }
    len = (size_t)(blank - line) - 1;
    memcpy(r->error_code, line + 1, len);
    r->error_code[len] = '\0';
}

// Turns the `len` bytes of message that stand ERROR_PREFIX bytes behind the end of the reply into
// an error line. There is room for its CRLF.
static void finish_error(struct reply *r, size_t len)
{
    char *line = r->data + r->len;
    char *message = line + ERROR_PREFIX;
    size_t i;

    while (len > 0 && (message[len - 1] == '\r' || message[len - 1] == '\n')) {
        len--;
    }
    for (i = 0; i < len; i++) {
        if (message[i] == '\r' || message[i] == '\n') {
            message[i] = ' ';
        }
    }
    if (len > 0 && message[0] == '-') {
        memmove(line, message, len);
    } else {
        memcpy(line, "-ERR ", ERROR_PREFIX);
        len += ERROR_PREFIX;
    }
    memcpy(line + len, "\r\n", 2);
    r->len += len + 2;
    count_error(r, line, len);
}

void reply_error(struct reply *r, const char *message)
{
    size_t len = strlen(message);
    char *out = room(r, ERROR_PREFIX + len + 2);

    if (out != NULL) {
        memcpy(out + ERROR_PREFIX, message, len);
        finish_error(r, len);
    }
}

void reply_errorf(struct reply *r, const char *format, ...)
{
    size_t space = 256;
    va_list args;
    char *out;
    int len;

    for (;;) {
        out = room(r, ERROR_PREFIX + space + 2);
        if (out == NULL) {
            return;
        }
        va_start(args, format);
        len = vsnprintf(out + ERROR_PREFIX, space, format, args);
        va_end(args);
        if (len < 0) {
            fail(r);
            return;
        }
        if ((size_t)len < space) {
            finish_error(r, (size_t)len);
            return;
        }
        space = (size_t)len + 1;
    }
}

void reply_int(struct reply *r, int64_t value)
{
    char *out = room(r, HEADER_MAX);
    size_t len;

    if (out == NULL) {
        return;
    }
    if (value >= 0) {
        r->len += write_header(out, ':', (uint64_t)value);
        return;
    }
    out[0] = ':';
    len = 1 + digits_write_i64(out + 1, value);
    memcpy(out + len, "\r\n", 2);
    r->len += len + 2;
}

// A counted type: header with the length, the bytes to be filled in, CRLF. Returns where they go.
static inline char *put_frame(struct reply *r, char type, size_t len)
{
    char *out = len > SIZE_MAX / 4 ? fail(r) : room(r, HEADER_MAX + len + 2);
    size_t header;

    if (out == NULL) {
        return NULL;
    }
    header = write_header(out, type, len);
    memcpy(out + header + len, "\r\n", 2);
    r->len += header + len + 2;
    return out + header;
}

void reply_bulk(struct reply *r, const void *data, size_t len)
{
    char *out = put_frame(r, '$', len);

    if (out != NULL && len > 0) {
        memcpy(out, data, len);
    }
}

char *reply_bulk_space(struct reply *r, size_t len)
{
    return put_frame(r, '$', len);
}

void reply_bulk_header(struct reply *r, size_t len)
{
    char *out = room(r, HEADER_MAX);

    if (out != NULL) {
        r->len += write_header(out, '$', len);
    }
}

void reply_bulk_str(struct reply *r, const char *text)
{
    reply_bulk(r, text, strlen(text));
}

void reply_bulk_i64(struct reply *r, int64_t value)
{
    char text[DIGITS_MAX];

    reply_bulk(r, text, digits_write_i64(text, value));
}

void reply_null(struct reply *r)
{
    if (r->protocol >= 3) {
        PUT(r, "_\r\n");
    } else {
        PUT(r, "$-1\r\n");
    }
}

void reply_null_array(struct reply *r)
{
    if (r->protocol >= 3) {
        PUT(r, "_\r\n");
    } else {
        PUT(r, "*-1\r\n");
    }
}

void reply_array(struct reply *r, size_t n)
{
    put_header(r, '*', n);
}

void reply_map(struct reply *r, size_t n)
{
    put_header(r, r->protocol >= 3 ? '%' : '*', r->protocol >= 3 ? n : n * 2);
}

void reply_set(struct reply *r, size_t n)
{
    put_header(r, r->protocol >= 3 ? '~' : '*', n);
}

void reply_push(struct reply *r, size_t n)
{
    put_header(r, r->protocol >= 3 ? '>' : '*', n);
}

void reply_empty_array(struct reply *r)
{
    PUT(r, "*0\r\n");
}

bool reply_attribute(struct reply *r, size_t n)
{
    if (r->protocol < 3) {
        return false;
    }
    put_header(r, '|', n);
    return true;
}

void reply_bool(struct reply *r, bool value)
{
    if (r->protocol >= 3) {
        reply_raw(r, value ? "#t\r\n" : "#f\r\n", 4);
    } else {
        reply_raw(r, value ? ":1\r\n" : ":0\r\n", 4);
    }
}

// A number as text: a RESP3 line of type `type`, or a bulk string in RESP2.
static void put_number(struct reply *r, char type, const char *text, size_t len)
{
    if (r->protocol >= 3) {
        put_line(r, type, text, len);
    } else {
        reply_bulk(r, text, len);
    }
}

void reply_double(struct reply *r, double value)
{
    char text[DOUBLE_CHARS];

    put_number(r, ',', text, double_format(value, text));
}

void reply_human_long_double(struct reply *r, long double value)
{
    char text[DOUBLE_LONG_CHARS];

    reply_bulk(r, text, double_format_long(value, text));
}

void reply_long_double(struct reply *r, long double value)
{
    char text[DOUBLE_LONG_CHARS];

    put_number(r, ',', text, double_format_long(value, text));
}

void reply_bignum(struct reply *r, const char *digits, size_t len)
{
    put_number(r, '(', digits, len);
}

void reply_verbatim(struct reply *r, const char *format, const char *data, size_t len)
{
    char *out;

    if (r->protocol < 3) {
        reply_bulk(r, data, len);
        return;
    }
    out = put_frame(r, '=', len + 4);
    if (out != NULL) {
        memcpy(out, format, 3);
        out[3] = ':';
        if (len > 0) {
            memcpy(out + 4, data, len);
        }
    }
}

size_t reply_deferred_begin(struct reply *r)
{
    size_t at = reply_mark(r);

    reply_raw(r, "*0\r\n", DEFERRED_HEADER);
    if (r->held == SIZE_MAX) {
        r->held = at;
    }
    return at;
}

// Puts the header in its place; a count of two digits or more pushes the elements back.
static void finish_deferred(struct reply *r, size_t at, char type, size_t n)
{
    char header[HEADER_MAX];
    size_t len = write_header(header, type, n);
    size_t more = len - DEFERRED_HEADER;
    size_t tail;
    char *place;

    if (r->held == at) {
        r->held = SIZE_MAX;
    }
    if (r->failed || (more > 0 && room(r, more) == NULL)) {
        return;
    }
    place = r->data + (at - r->consumed);
    if (more > 0) {
        tail = r->len - (at - r->consumed) - DEFERRED_HEADER;
        memmove(place + len, place + DEFERRED_HEADER, tail);
    }
    memcpy(place, header, len);
    r->len += more;
}

void reply_deferred_array(struct reply *r, size_t at, size_t n)
{
    finish_deferred(r, at, '*', n);
}

void reply_deferred_map(struct reply *r, size_t at, size_t n)
{
    finish_deferred(r, at, r->protocol >= 3 ? '%' : '*', r->protocol >= 3 ? n : n * 2);
}

void reply_deferred_set(struct reply *r, size_t at, size_t n)
{
    finish_deferred(r, at, r->protocol >= 3 ? '~' : '*', n);
}
