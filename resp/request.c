// SPDX-License-Identifier: MIT

#include "resp/request.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "resp/inline.h"

enum {
    BUFFER_MIN = 1024,        // smallest buffer allocated
    BUFFER_KEEP = 64 * 1024,  // a buffer up to this size is never given back by itself
    BUFFER_DROP = 256 * 1024, // one above this size is given back as soon as it drains
    DRAINS_UNUSED = 16,       // one between the two after so many drains with 3/4 unused
    BIG_BULK = 32 * 1024,     // from this length on, read exactly to the end of the argument
    ARGS_MIN = 8,             // smallest argument array
    ARGS_KEEP = 4096,         // an array up to this size is never given back by itself
    BATCH_ARGS = 1024,        // arguments after which a batch takes no further request
    SHORT_ARGS = 8,           // most arguments of what parse_short() takes
    SHORT_LINE = 4,           // bytes of its length lines, marker included: up to 999
};

// A parse step's answer besides the public ones: nothing to hand out, go on with what follows.
enum step { STEP_READY, STEP_AGAIN, STEP_INCOMPLETE, STEP_ERROR, STEP_NO_MEMORY };

enum line { LINE_NUMBER, LINE_PARTIAL, LINE_TOO_LONG, LINE_NO_NUMBER };

void request_init(struct request_parser *p)
{
    *p = (struct request_parser){.bulk_len = -1, .resize = realloc};
}

void request_free(struct request_parser *p)
{
    void *(*resize)(void *, size_t) = p->resize;

    free(p->buf);
    free(p->args);
    request_init(p);
    p->resize = resize;
}

static size_t keep_from(const struct request_parser *p)
{
    return p->args_left > 0 && p->nargs > 0 ? (size_t)(p->args[p->first].data - p->buf) : p->pos;
}

// Makes the arguments of a half parsed request follow the bytes from `old` to `new`.
static void rebase_args(struct request_parser *p, uintptr_t old, uintptr_t new)
{
    int i;

    for (i = 0; p->args_left > 0 && i < p->nargs; i++) {
        struct bytes *arg = &p->args[p->first + i];
        arg->data = (const char *)((uintptr_t)arg->data - old + new);
    }
}

// Drops the requests that were handed out. The arguments of a half parsed one move to the front.
static void forget_taken(struct request_parser *p)
{
    if (p->args_left == 0) {
        p->nargs = 0;
    } else if (p->first > 0) {
        memmove(p->args, p->args + p->first, (size_t)p->nargs * sizeof(*p->args));
    }
    p->first = 0;
}

// Moves the live bytes to the front of the buffer.
static void compact(struct request_parser *p)
{
    size_t keep = keep_from(p);

    if (keep == 0) {
        return;
    }
    rebase_args(p, (uintptr_t)p->buf + keep, (uintptr_t)p->buf);
    memmove(p->buf, p->buf + keep, p->len - keep);
    p->pos -= keep;
    p->len -= keep;
}

// Gives the buffer `cap` bytes (>= len > 0 or a new buffer). False without memory: nothing changed.
static bool resize_buffer(struct request_parser *p, size_t cap)
{
    uintptr_t old = (uintptr_t)p->buf;
    char *buf = p->resize(p->buf, cap);

    if (buf == NULL) {
        return false;
    }
    rebase_args(p, old, (uintptr_t)buf);
    p->buf = buf;
    p->cap = cap;
    return true;
}

static void release_buffer(struct request_parser *p)
{
    free(p->buf);
    p->buf = NULL;
    p->pos = p->len = p->cap = 0;
    p->drains = 0;
}

// Called when no complete request is left: gives memory back that a large request left behind. A
// medium buffer must go unused for a while first, so that a client that sends medium requests all
// the time does not pay for a new buffer each time.
static void settle(struct request_parser *p)
{
    if (p->args_left == 0 && p->args_cap > ARGS_KEEP) {
        free(p->args);
        p->args = NULL;
        p->args_cap = 0;
    }
    if (p->pos == p->len && p->args_left == 0) {
        // Counted for medium buffers only: the count must not run on for the life of a connection.
        p->drains = p->cap > BUFFER_KEEP && p->len <= p->cap / 4 ? p->drains + 1 : 0;
        if (p->cap > BUFFER_DROP || p->drains >= DRAINS_UNUSED) {
            release_buffer(p);
        }
        p->pos = p->len = 0;
    } else if (p->cap > BUFFER_DROP && p->len - keep_from(p) <= p->cap / 8) {
        compact(p);
        // Shrinking that fails leaves the large buffer, which is correct too.
        (void)resize_buffer(p, p->len * 2 > BUFFER_MIN ? p->len * 2 : BUFFER_MIN);
    }
}

// Bytes the large argument being received still lacks, its CRLF included; SIZE_MAX without one.
static size_t big_bulk_missing(const struct request_parser *p)
{
    size_t have = p->len - p->pos;
    size_t need = (size_t)p->bulk_len + 2;

    return p->bulk_len >= BIG_BULK && have < need ? need - have : SIZE_MAX;
}

enum request_result request_reserve(struct request_parser *p, size_t want, char **space,
                                    size_t *nbytes)
{
    size_t missing, live, cap;

    forget_taken(p);
    if (p->args_left == 0 && p->pos == p->len) {
        p->pos = p->len = 0;
    }
    missing = big_bulk_missing(p);
    want = want == 0 ? 1 : want;
    want = want < missing ? want : missing;
    if (p->cap - p->len < want) {
        live = p->len - keep_from(p);
        if (p->cap - live < want) {
            // Doubling, but no further than the argument announced reaches.
            cap = p->cap * 2 > BUFFER_MIN ? p->cap * 2 : BUFFER_MIN;
            if (missing != SIZE_MAX && cap - live > missing) {
                cap = live + missing;
            }
            cap = cap < live + want ? live + want : cap;
            compact(p);
            if (!resize_buffer(p, cap)) {
                return REQUEST_NO_MEMORY;
            }
        } else {
            compact(p);
        }
    }
    *space = p->buf + p->len;
    *nbytes = p->cap - p->len;
    return REQUEST_READY;
}

void request_commit(struct request_parser *p, size_t nbytes)
{
    p->len += nbytes;
}

// Makes room for more arguments: doubles, but no further than the `announced` number of them.
static bool grow_args(struct request_parser *p, int announced)
{
    int cap = p->args_cap < ARGS_MIN ? ARGS_MIN : p->args_cap;
    struct bytes *args;

    if (p->args_cap >= ARGS_MIN) {
        cap = cap > announced / 2 ? announced : cap * 2;
    }
    args = p->resize(p->args, (size_t)cap * sizeof(*args));
    if (args == NULL) {
        return false;
    }
    p->args = args;
    p->args_cap = cap;
    return true;
}

// Looks for `last`, which ends the line at pos, within the first `max` + 1 bytes. LINE_NUMBER means
// found; *len is then the length before it. Remembers how far it looked.
static enum line find_line(struct request_parser *p, char last, size_t max, size_t *len)
{
    size_t have = p->len - p->pos;
    size_t limit = have > max ? max + 1 : have;
    const char *line = p->buf + p->pos;
    size_t from = p->scanned < limit ? p->scanned : limit;
    const char *end = memchr(line + from, last, limit - from);

    if (end != NULL) {
        *len = (size_t)(end - line);
        return LINE_NUMBER;
    }
    if (have > max) {
        return LINE_TOO_LONG;
    }
    p->scanned = have;
    return LINE_PARTIAL;
}

// The general case of number_line: partial, long, negative or malformed lines.
static enum line number_line_slow(struct request_parser *p, size_t max, int64_t *number,
                                  size_t *len)
{
    enum line line = find_line(p, '\r', max, len);

    if (line != LINE_NUMBER) {
        return line;
    }
    if (p->len - p->pos < *len + 2) {
        p->scanned = *len;
        return LINE_PARTIAL;
    }
    p->scanned = 0;
    if (*len == 0 || !bytes_to_i64((struct bytes){p->buf + p->pos + 1, *len - 1}, number)) {
        return LINE_NO_NUMBER;
    }
    return LINE_NUMBER;
}

// Parses the line at pos: a marker byte, which is not looked at, a number, CR and one more byte. On
// LINE_NUMBER *len is the length before the CR. Nothing is consumed.
static inline enum line number_line(struct request_parser *p, size_t max, int64_t *number,
                                    size_t *len)
{
    const char *line = p->buf + p->pos;
    size_t have = p->len - p->pos;
    size_t limit = have < 10 ? have : 10;
    unsigned digit;
    int64_t value = 0;
    size_t i;

    for (i = 1; i < limit && (digit = (unsigned char)line[i] - (unsigned)'0') <= 9; i++) {
        value = value * 10 + digit;
    }
    // One to nine digits, no leading zero but in "0", and the whole line is here.
    if (i > 1 && i <= max && i + 1 < have && line[i] == '\r' && (line[1] != '0' || i == 2)) {
        p->scanned = 0;
        *number = value;
        *len = i;
        return LINE_NUMBER;
    }
    return number_line_slow(p, max, number, len);
}

static enum step fail(struct request_parser *p, const char *error)
{
    p->error = error;
    // Nothing that follows can be understood; do not keep it.
    p->args_left = 0;
    p->nargs = 0;
    p->bulk_len = -1;
    p->pos = p->len;
    return STEP_ERROR;
}

static enum step parse_header(struct request_parser *p, const struct request_limits *limits)
{
    int64_t count;
    size_t len;

    switch (number_line(p, limits->max_inline, &count, &len)) {
    case LINE_PARTIAL:
        return STEP_INCOMPLETE;
    case LINE_TOO_LONG:
        return fail(p, "Protocol error: too big mbulk count string");
    case LINE_NO_NUMBER:
        return fail(p, "Protocol error: invalid multibulk length");
    case LINE_NUMBER:
        break;
    }
    if (count > limits->max_args || count >= INT_MAX) {
        return fail(p, "Protocol error: invalid multibulk length");
    }
    if (count > REQUEST_UNAUTHENTICATED_ARGS && !limits->authenticated) {
        return fail(p, "Protocol error: unauthenticated multibulk length");
    }
    p->pos += len + 2;
    p->args_left = count > 0 ? (int)count : 0;
    return STEP_AGAIN;
}

static enum step parse_bulk_length(struct request_parser *p, const struct request_limits *limits)
{
    int64_t bulk;
    size_t len;
    enum line line = number_line(p, limits->max_inline, &bulk, &len);

    if (line == LINE_PARTIAL) {
        return STEP_INCOMPLETE;
    }
    if (line == LINE_TOO_LONG) {
        return fail(p, "Protocol error: too big bulk count string");
    }
    if (p->buf[p->pos] != '$') {
        snprintf(p->error_text, sizeof(p->error_text), "Protocol error: expected '$', got '%c'",
                 p->buf[p->pos]);
        return fail(p, p->error_text);
    }
    if (line == LINE_NO_NUMBER || bulk < 0 || (uint64_t)bulk > limits->max_bulk) {
        return fail(p, "Protocol error: invalid bulk length");
    }
    if (bulk > REQUEST_UNAUTHENTICATED_BULK && !limits->authenticated) {
        return fail(p, "Protocol error: unauthenticated bulk length");
    }
    p->pos += len + 2;
    p->bulk_len = bulk;
    return STEP_AGAIN;
}

// Parses arguments of a multibulk request as far as the bytes reach.
static enum step parse_args(struct request_parser *p, const struct request_limits *limits)
{
    enum step step;

    while (p->args_left > 0) {
        if (p->bulk_len < 0) {
            step = parse_bulk_length(p, limits);
            if (step != STEP_AGAIN) {
                return step;
            }
        }
        if (p->len - p->pos < (size_t)p->bulk_len + 2) {
            return STEP_INCOMPLETE;
        }
        if (p->first + p->nargs == p->args_cap &&
            !grow_args(p, p->first + p->nargs + p->args_left)) {
            return STEP_NO_MEMORY;
        }
        p->args[p->first + p->nargs++] = (struct bytes){p->buf + p->pos, (size_t)p->bulk_len};
        p->pos += (size_t)p->bulk_len + 2;
        p->bulk_len = -1;
        p->args_left--;
    }
    return STEP_READY;
}

static enum step parse_inline(struct request_parser *p, const struct request_limits *limits)
{
    char *line = p->buf + p->pos;
    size_t len, end;
    int count;

    switch (find_line(p, '\n', limits->max_inline, &len)) {
    case LINE_PARTIAL:
        return STEP_INCOMPLETE;
    case LINE_TOO_LONG:
        return fail(p, "Protocol error: too big inline request");
    default:
        break;
    }
    p->scanned = len;
    end = len > 0 && line[len - 1] == '\r' ? len - 1 : len;
    // Count first: splitting destroys the line, and there may be no memory for the arguments.
    count = inline_split(line, end, NULL);
    if (count < 0) {
        return fail(p, "Protocol error: unbalanced quotes in request");
    }
    while (p->args_cap - p->first < count) {
        if (!grow_args(p, p->first + count)) {
            return STEP_NO_MEMORY;
        }
    }
    p->nargs = count > 0 ? inline_split(line, end, p->args + p->first) : 0; // else maybe no array
    p->scanned = 0;
    p->pos += len + 1;
    return count > 0 ? STEP_READY : STEP_AGAIN;
}

// Parses a length of one to three digits behind the marker at `at`, of which and of what follows at
// least SHORT_LINE + 2 bytes are there. Returns where the next line begins, NULL for other lines.
static inline const char *short_line(const char *at, size_t *number)
{
    size_t value = (unsigned char)at[1] - (size_t)'0', digit;
    int i;

    if (value > 9 || (value == 0 && at[2] != '\r')) {
        return NULL;
    }
    for (i = 2; i < SHORT_LINE && (digit = (unsigned char)at[i] - (size_t)'0') <= 9; i++) {
        value = value * 10 + digit;
    }
    *number = value;
    return at[i] == '\r' ? at + i + 2 : NULL;
}

// Parses a short multibulk request that is there as a whole, as nearly all are, without the stops
// at which bytes may be missing. False: it is no such request, and nothing was done. What it looks
// at in vain is little, however often the rest of a request is waited for.
static bool parse_short(struct request_parser *p, const struct request_limits *limits)
{
    const char *at = p->buf + p->pos, *end = p->buf + p->len;
    struct bytes *args;
    size_t count, bulk, i;

    _Static_assert((int)SHORT_ARGS <= (int)REQUEST_UNAUTHENTICATED_ARGS, "needs no password");
    _Static_assert(999 <= REQUEST_UNAUTHENTICATED_BULK, "needs no password");
    if (end - at < SHORT_LINE + 2 || limits->max_inline < SHORT_LINE ||
        !(at = short_line(at, &count)) || count - 1 >= SHORT_ARGS ||
        (int64_t)count > limits->max_args || p->args_cap - p->first < (int)count) {
        return false;
    }
    args = p->args + p->first;
    for (i = 0; i < count; i++) {
        // An argument has its line's end and its own behind it, and most are not empty.
        if (end - at < SHORT_LINE + 2 || *at != '$' || !(at = short_line(at, &bulk)) ||
            bulk > limits->max_bulk || (size_t)(end - at) < bulk + 2) {
            return false;
        }
        args[i] = (struct bytes){at, bulk};
        at += bulk + 2;
    }
    p->pos = (size_t)(at - p->buf);
    p->nargs = (int)count;
    p->scanned = 0;
    return true;
}

// Parses one request behind those handed out.
static enum step parse_one(struct request_parser *p, const struct request_limits *limits)
{
    enum step step = STEP_AGAIN;

    if (p->error != NULL) {
        p->pos = p->len; // bytes that came after the error
        return STEP_ERROR;
    }
    while (step == STEP_AGAIN) {
        if (p->args_left > 0) {
            step = parse_args(p, limits);
            continue;
        }
        p->nargs = 0;
        if (p->pos == p->len) {
            step = STEP_INCOMPLETE;
        } else if (p->buf[p->pos] == '*') {
            step = parse_short(p, limits) ? STEP_READY : parse_header(p, limits);
        } else {
            step = parse_inline(p, limits);
        }
    }
    return step;
}

// The answer of a step with which nothing, or the one request of request_next(), was handed out.
static enum request_result answer(struct request_parser *p, enum step step, const char **error)
{
    switch (step) {
    case STEP_READY:
        return REQUEST_READY;
    case STEP_ERROR:
        *error = p->error;
        return REQUEST_PROTOCOL_ERROR;
    case STEP_NO_MEMORY:
        return REQUEST_NO_MEMORY;
    default:
        settle(p);
        return REQUEST_INCOMPLETE;
    }
}

enum request_result request_next(struct request_parser *p, const struct request_limits *limits,
                                 int *argc, struct bytes **argv, const char **error)
{
    enum step step;

    forget_taken(p);
    step = parse_one(p, limits);
    *argc = p->nargs;
    *argv = p->args;
    return answer(p, step, error);
}

enum request_result request_batch(struct request_parser *p, const struct request_limits *limits,
                                  struct request *out, int max, int *n, const char **error)
{
    enum step step = STEP_READY;
    struct bytes *argv;
    int i;

    forget_taken(p);
    for (*n = 0; *n < max && p->first < BATCH_ARGS; (*n)++) {
        step = parse_one(p, limits);
        if (step != STEP_READY) {
            break;
        }
        out[*n].argc = p->nargs;
        p->first += p->nargs;
        p->nargs = 0;
    }
    if (*n == 0) {
        return answer(p, step, error);
    }
    argv = p->args; // which no longer moves
    for (i = 0; i < *n; i++) {
        out[i].argv = argv;
        argv += out[i].argc;
    }
    return REQUEST_READY;
}

void request_trim(struct request_parser *p)
{
    if (p->args_left == 0 && p->pos == p->len) {
        release_buffer(p);
        free(p->args);
        p->args = NULL;
        p->first = p->nargs = p->args_cap = 0;
    }
}

size_t request_pending(const struct request_parser *p)
{
    return p->len - keep_from(p);
}

size_t request_space(const struct request_parser *p)
{
    return p->cap - p->len;
}

size_t request_memory(const struct request_parser *p)
{
    return p->cap + (size_t)p->args_cap * sizeof(*p->args);
}
