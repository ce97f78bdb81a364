// SPDX-License-Identifier: MIT
//
// The client under the wire tests. It is written without any code of the server (and hiredis 0.14
// reads no RESP3), so that a mistake there cannot hide here.
#include "tests/lib/wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fnmatch.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "tests/lib/strbuf.h"

enum { READ_BYTES = 64 * 1024, WORDS_MAX = 4096 };

struct wire {
    struct test_server *server;
    int fd;
    int protocol;
    bool ended; // the server closed the connection
    struct strbuf in;
    size_t at; // of the first byte of `in` not taken yet
    struct strbuf out, reply, raw;
    struct strbuf *parts; // the elements of the last outermost aggregate, for sorting
    size_t nparts, parts_cap;
};

int64_t wire_clock_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

// ---- opening and closing ----------------------------------------------------------------------

struct wire *wire_dial(int port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct wire *w;
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0) {
        close(fd);
        return NULL;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    w = calloc(1, sizeof(*w));
    assert_non_null(w);
    w->fd = fd;
    w->protocol = 2;
    strbuf_clear(&w->in);
    strbuf_clear(&w->reply);
    return w;
}

struct wire *wire_open(struct test_server *server, int protocol)
{
    struct wire *w = wire_dial(server_port(server));

    assert_non_null(w);
    w->server = server;
    if (protocol == 3) {
        w->protocol = 3;
        expect_match(w, "{*\"proto\": :3*}", "HELLO 3");
    }
    return w;
}

void wire_close(struct wire *w)
{
    close(w->fd);
    strbuf_free(&w->in);
    strbuf_free(&w->out);
    strbuf_free(&w->reply);
    strbuf_free(&w->raw);
    for (size_t i = 0; i < w->parts_cap; i++) {
        strbuf_free(&w->parts[i]);
    }
    free(w->parts);
    free(w);
}

void wire_abort(struct wire *w)
{
    struct linger reset = {.l_onoff = 1, .l_linger = 0};

    setsockopt(w->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    wire_close(w);
}

void wire_shutdown(struct wire *w)
{
    shutdown(w->fd, SHUT_WR);
}

struct test_server *wire_server(struct wire *w)
{
    return w->server;
}

int wire_fd(struct wire *w)
{
    return w->fd;
}

void wire_protocol(struct wire *w, int protocol)
{
    w->protocol = protocol;
}

// ---- sending ----------------------------------------------------------------------------------

static int hex_digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *found = c ? strchr(digits, c >= 'A' && c <= 'F' ? c + 32 : c) : NULL;

    return found ? (int)(found - digits) : -1;
}

// Resolves the escape at `in` ('\\' is its first byte); returns what follows it.
static const char *unescape(const char *in, char *out)
{
    static const char names[] = "nrtab", values[] = "\n\r\t\a\b";
    const char *name;

    if (in[1] == 'x' && hex_digit(in[2]) >= 0 && hex_digit(in[3]) >= 0) {
        *out = (char)(hex_digit(in[2]) * 16 + hex_digit(in[3]));
        return in + 4;
    }
    name = in[1] ? strchr(names, in[1]) : NULL;
    *out = name ? values[name - names] : in[1];
    return in + 2;
}

// Reads one word at `in` into *out, which advances; returns where the word ended.
static const char *read_word(const char *in, char **out)
{
    char quote = 0;

    while (*in && (quote || *in != ' ')) {
        if (quote == '"' && *in == '\\' && in[1]) {
            in = unescape(in, (*out)++);
        } else if (quote && *in == quote) {
            quote = 0;
            in++;
        } else if (!quote && (*in == '"' || *in == '\'')) {
            quote = *in++;
        } else {
            *(*out)++ = *in++;
        }
    }
    if (quote) {
        fail_msg("the test's command has an open quote: %s", in);
    }
    return in;
}

// Splits a command in place (words only get shorter); returns how many words there are.
static int split(char *line, struct bytes *words)
{
    const char *in = line;
    char *out = line;
    int n = 0;

    for (;;) {
        char *start = out;

        while (*in == ' ') {
            in++;
        }
        if (!*in) {
            return n;
        }
        assert_true(n < WORDS_MAX);
        in = read_word(in, &out);
        words[n++] = (struct bytes){start, (size_t)(out - start)};
    }
}

bool wire_send_raw(struct wire *w, const void *data, size_t nbytes)
{
    const char *at = data;

    while (nbytes > 0) {
        struct pollfd poll_out = {.fd = w->fd, .events = POLLOUT};
        ssize_t n = send(w->fd, at, nbytes, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (n > 0) {
            at += n;
            nbytes -= (size_t)n;
        } else if (errno != EAGAIN || poll(&poll_out, 1, WIRE_LIMIT_MS) <= 0) {
            return false;
        }
    }
    return true;
}

static void encode(struct strbuf *out, int argc, const struct bytes *argv)
{
    strbuf_addf(out, "*%d\r\n", argc);
    for (int i = 0; i < argc; i++) {
        strbuf_addf(out, "$%zu\r\n", argv[i].len);
        strbuf_add(out, argv[i].data, argv[i].len);
        strbuf_add(out, "\r\n", 2);
    }
}

void wire_send_argv(struct wire *w, int argc, const struct bytes *argv)
{
    strbuf_clear(&w->out);
    encode(&w->out, argc, argv);
    // A failure shows when the reply is read.
    wire_send_raw(w, w->out.data, w->out.len);
}

static void send_command(struct wire *w, const char *format, va_list args)
{
    static struct bytes words[WORDS_MAX];
    char *line;

    assert_true(vasprintf(&line, format, args) >= 0);
    wire_send_argv(w, split(line, words), words);
    free(line);
}

void wire_send(struct wire *w, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    send_command(w, format, args);
    va_end(args);
}

// ---- receiving --------------------------------------------------------------------------------

// Reads until `n` bytes are there; false when the connection ended or the limit came first.
static bool need(struct wire *w, size_t n)
{
    int64_t end = wire_clock_ms() + WIRE_LIMIT_MS;
    char buffer[READ_BYTES];

    if (w->at > READ_BYTES && w->at > w->in.len / 2) {
        memmove(w->in.data, w->in.data + w->at, w->in.len - w->at);
        w->in.len -= w->at;
        w->at = 0;
    }
    while (w->in.len - w->at < n) {
        struct pollfd poll_in = {.fd = w->fd, .events = POLLIN};
        int64_t left = end - wire_clock_ms();
        ssize_t got;

        if (w->ended || left <= 0 || poll(&poll_in, 1, (int)left) <= 0) {
            return false;
        }
        got = recv(w->fd, buffer, sizeof(buffer), MSG_DONTWAIT);
        if (got > 0) {
            strbuf_add(&w->in, buffer, (size_t)got);
        } else if (got == 0 || errno != EAGAIN) {
            w->ended = true;
        }
    }
    return true;
}

size_t wire_read_raw(struct wire *w, void *data, size_t nbytes)
{
    size_t n;

    need(w, nbytes);
    n = w->in.len - w->at < nbytes ? w->in.len - w->at : nbytes;
    memcpy(data, w->in.data + w->at, n);
    w->at += n;
    return n;
}

// Takes a line without its CR LF; NULL when the connection ended. Valid until more is read.
static const char *take_line(struct wire *w, size_t *len)
{
    size_t scanned = 0;

    for (;;) {
        size_t have = w->in.len - w->at;
        char *start = w->in.data + w->at, *end = memchr(start + scanned, '\n', have - scanned);

        if (end) {
            w->at += (size_t)(end - start) + 1;
            if (end == start || end[-1] != '\r') {
                fail_msg("a line of the reply does not end in CR LF: %.*s", (int)(end - start),
                         start);
            }
            *len = (size_t)(end - start) - 1;
            end[-1] = '\0';
            return start;
        }
        scanned = have;
        if (!need(w, have + 1)) {
            return NULL;
        }
    }
}

static bool read_reply(struct wire *w, struct strbuf *out, int depth);

static void check_protocol(struct wire *w, char type, bool null)
{
    bool resp3 = strchr("_,#(=%~>|!", type) != NULL;

    if (resp3 && w->protocol == 2) {
        fail_msg("a reply of RESP3 type '%c' on a RESP2 connection", type);
    }
    if (null && type != '_' && w->protocol == 3) {
        fail_msg("a null of RESP2 ('%c-1') on a RESP3 connection", type);
    }
}

// A string of `len` bytes and its CR LF.
static bool read_bulk(struct wire *w, char type, long long len, struct strbuf *out)
{
    if (!need(w, (size_t)len + 2)) {
        return false;
    }
    char *data = w->in.data + w->at;

    strbuf_clear(&w->raw);
    strbuf_add(&w->raw, data, (size_t)len);
    if (memcmp(data + len, "\r\n", 2) != 0) {
        fail_msg("a bulk string of %lld bytes is not followed by CR LF", len);
    }
    w->at += (size_t)len + 2;
    if (type == '=') {
        assert_true(len >= 4);
        strbuf_addf(out, "=%.4s", data);
        strbuf_add_quoted(out, data + 4, (size_t)len - 4);
    } else {
        strbuf_add_quoted(out, data, (size_t)len);
    }
    return true;
}

// The text that the i-th element of an aggregate goes to: a part of its own when it is the
// outermost.
static struct strbuf *element_text(struct wire *w, struct strbuf *out, int depth, size_t i)
{
    if (depth > 0) {
        return out;
    }
    if (i == w->parts_cap) {
        w->parts_cap = w->parts_cap ? 2 * w->parts_cap : 16;
        w->parts = realloc(w->parts, w->parts_cap * sizeof(*w->parts));
        assert_non_null(w->parts);
        memset(w->parts + i, 0, (w->parts_cap - i) * sizeof(*w->parts));
    }
    w->nparts = i + 1;
    strbuf_clear(&w->parts[i]);
    return &w->parts[i];
}

// Writes the parts between brackets.
static void join_parts(struct wire *w, char type, struct strbuf *out)
{
    strbuf_addf(out, "%s", type == '%' ? "{" : type == '~' ? "~[" : type == '>' ? ">[" : "[");
    for (size_t i = 0; i < w->nparts; i++) {
        strbuf_add(out, type == '%' ? ", " : " ", i == 0 ? 0 : type == '%' ? 2 : 1);
        strbuf_add(out, w->parts[i].data, w->parts[i].len);
    }
    strbuf_addf(out, "%s", type == '%' ? "}" : "]");
}

static bool read_aggregate(struct wire *w, char type, long long n, struct strbuf *out, int depth)
{
    bool map = type == '%';

    if (depth == 0) {
        w->nparts = 0;
    } else {
        strbuf_addf(out, "%s", map ? "{" : type == '~' ? "~[" : type == '>' ? ">[" : "[");
    }
    for (long long i = 0; i < n; i++) {
        struct strbuf *element = element_text(w, out, depth, (size_t)i);

        if (depth > 0 && i > 0) {
            strbuf_addf(element, "%s", map ? ", " : " ");
        }
        if (!read_reply(w, element, depth + 1)) {
            return false;
        }
        if (map) {
            // The parts may have moved only at depth 0, which this call alone adds to.
            strbuf_add(element, ": ", 2);
            if (!read_reply(w, element, depth + 1)) {
                return false;
            }
        }
    }
    if (depth == 0) {
        join_parts(w, type, out);
    } else {
        strbuf_addf(out, "%s", map ? "}" : "]");
    }
    return true;
}

// Appends one reply as text. False: the connection ended or the limit came first.
static bool read_reply(struct wire *w, struct strbuf *out, int depth)
{
    size_t len;
    const char *line = take_line(w, &len);
    char type;
    long long n;

    if (!line) {
        return false;
    }
    type = line[0];
    line++;
    check_protocol(w, type, strcmp(line, "-1") == 0 && strchr("$*", type));
    switch (type) {
    case '+':
        strbuf_clear(&w->raw);
        strbuf_add(&w->raw, line, len - 1);
        strbuf_add(out, line, len - 1);
        return true;
    case '-':
    case ':':
    case ',':
    case '#':
    case '(':
        strbuf_addf(out, "%c%s", type, line);
        return true;
    case '_':
        strbuf_add(out, "(nil)", 5);
        return true;
    case '$':
    case '=':
        n = atoll(line);
        if (n < 0) {
            strbuf_add(out, "(nil)", 5);
            return true;
        }
        return read_bulk(w, type, n, out);
    case '*':
    case '~':
    case '>':
    case '%':
        n = atoll(line);
        if (n < 0) {
            strbuf_add(out, "(nil-array)", 11);
            return true;
        }
        return read_aggregate(w, type, n, out, depth);
    default:
        fail_msg("not a reply: '%c%s'", type, line);
        return false;
    }
}

const char *wire_reply(struct wire *w)
{
    strbuf_clear(&w->reply);
    w->nparts = 0;
    return read_reply(w, &w->reply, 0) ? w->reply.data : NULL;
}

size_t wire_elements(const struct wire *w, const struct strbuf **elements)
{
    *elements = w->parts;
    return w->nparts;
}

const char *wire_run(struct wire *w, const char *format, ...)
{
    const char *got;
    va_list args;

    va_start(args, format);
    send_command(w, format, args);
    va_end(args);
    got = wire_reply(w);
    if (!got) {
        fail_msg("no reply to: %s", format);
    }
    return got;
}

static int64_t info_field(const char *text, const char *field)
{
    char name[64];
    size_t len = (size_t)snprintf(name, sizeof name, "\n%s:", field);
    const char *at = strstr(text, name);

    if (!at)
        fail_msg("INFO has no %s", field);
    return strtoll(at + len, NULL, 10);
}

int64_t wire_info(struct wire *w, const char *section, const char *field)
{
    return info_field(wire_text(w, NULL, "INFO %s", section), field);
}

int64_t wire_commands_begun(struct wire *w)
{
    // From one reply, since one may end between two.
    const char *text = wire_text(w, NULL, "INFO locks");

    return info_field(text, "commands_moved") + info_field(text, "commands_moved_running");
}

int64_t wire_int(struct wire *w, const char *format, ...)
{
    const char *got;
    va_list args;

    va_start(args, format);
    send_command(w, format, args);
    va_end(args);
    got = wire_reply(w);
    if (!got || got[0] != ':') {
        fail_msg("not an integer in reply to %s: %s", format, got ? got : "(no reply)");
    }
    return atoll(got + 1);
}

const char *wire_text(struct wire *w, size_t *len, const char *format, ...)
{
    const char *got;
    va_list args;

    va_start(args, format);
    send_command(w, format, args);
    va_end(args);
    got = wire_reply(w);
    if (!got || strchr("-:,#([{~>", got[0]) || strcmp(got, "(nil)") == 0) {
        fail_msg("not a string in reply to %s: %s", format, got ? got : "(no reply)");
    }
    if (len) {
        *len = w->raw.len;
    }
    return w->raw.data;
}

// ---- comparing --------------------------------------------------------------------------------

static int compare_parts(const void *a, const void *b)
{
    return strcmp(((const struct strbuf *)a)->data, ((const struct strbuf *)b)->data);
}

// Writes the last reply again with its elements in order.
static void sort_reply(struct wire *w)
{
    char type = w->reply.data[0] == '{' ? '%' : w->reply.data[0] == '[' ? '*' : w->reply.data[0];

    if (!strchr("%*~>", type)) {
        return;
    }
    if (w->nparts > 0) {
        qsort(w->parts, w->nparts, sizeof(*w->parts), compare_parts);
    }
    strbuf_clear(&w->reply);
    join_parts(w, type, &w->reply);
}

static void compare(struct wire *w, enum wire_compare how, const char *want, const char *command,
                    const char *file, int line)
{
    const char *got = wire_reply(w);

    if (!got) {
        print_error("%s:%d: %s\n    expected %s\n    but the connection %s\n", file, line, command,
                    want, w->ended ? "was closed" : "stayed silent");
        _fail(file, line);
        return;
    }
    if (how == WIRE_SORTED) {
        sort_reply(w);
        got = w->reply.data;
    }
    if (how == WIRE_MATCH ? fnmatch(want, got, 0) != 0 : strcmp(want, got) != 0) {
        print_error("%s:%d: %s\n    expected %s\n    got      %s\n", file, line, command, want,
                    got);
        _fail(file, line);
    }
}

void wire_expect_at(struct wire *w, enum wire_compare how, const char *want, const char *file,
                    int line, const char *format, ...)
{
    char shown[256];
    va_list args;

    va_start(args, format);
    send_command(w, format, args);
    va_end(args);
    va_start(args, format);
    vsnprintf(shown, sizeof(shown), format, args);
    va_end(args);
    compare(w, how, want, shown, file, line);
}

void wire_expect_reply_at(struct wire *w, const char *want, const char *file, int line)
{
    compare(w, WIRE_EQUAL, want, "(next reply)", file, line);
}

void wire_expect_argv_at(struct wire *w, const char *want, int argc, const struct bytes *argv,
                         const char *file, int line)
{
    char shown[64];

    wire_send_argv(w, argc, argv);
    snprintf(shown, sizeof(shown), "%.*s ... (%d arguments)",
             (int)(argv[0].len < 32 ? argv[0].len : 32), argv[0].data, argc);
    compare(w, WIRE_EQUAL, want, shown, file, line);
}

void wire_expect_raw_at(struct wire *w, struct bytes sent, struct bytes want, const char *file,
                        int line)
{
    char *got = calloc(1, want.len + 1);
    struct strbuf a = {0}, b = {0};
    size_t n;

    assert_non_null(got);
    wire_send_raw(w, sent.data, sent.len);
    n = wire_read_raw(w, got, want.len);
    strbuf_add_quoted(&a, want.data, want.len);
    strbuf_add_quoted(&b, got, n);
    free(got);
    if (strcmp(a.data, b.data) != 0) {
        print_error("%s:%d:\n    expected %s\n    got      %s%s\n", file, line, a.data, b.data,
                    n < want.len ? " and no more" : "");
        strbuf_free(&a);
        strbuf_free(&b);
        _fail(file, line);
        return;
    }
    strbuf_free(&a);
    strbuf_free(&b);
}

void wire_expect_closed_at(struct wire *w, const char *file, int line)
{
    struct strbuf rest = {0};

    if (need(w, w->in.len - w->at + 1) || w->in.len > w->at) {
        strbuf_add_quoted(&rest, w->in.data + w->at, w->in.len - w->at);
        print_error("%s:%d: expected the end of the connection, got %s\n", file, line, rest.data);
        strbuf_free(&rest);
        _fail(file, line);
    } else if (!w->ended) {
        print_error("%s:%d: the connection was not closed\n", file, line);
        _fail(file, line);
    }
}
