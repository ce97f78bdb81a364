// SPDX-License-Identifier: MIT
#include "bench/tail.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    CHUNK = 256 * 1024, // of a reply, read at once
    WINDOW = 64 * 1024, // of commands, sent before their replies are read
    REPLY_LIMIT_S = 120,
};

uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

void fail(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "%s: ", program_invocation_short_name);
    vfprintf(stderr, format, args);
    fprintf(stderr, "\n");
    va_end(args);
    _exit(1);
}

// ---- connections -----------------------------------------------------------------------------

size_t request_write(char *out, const char *words)
{
    size_t count = 1, at;
    for (const char *c = words; *c != '\0'; c++)
        count += *c == ' ';
    at = (size_t)sprintf(out, "*%zu\r\n", count);
    for (; count > 0; count--) {
        size_t n = strcspn(words, " ");
        at += (size_t)sprintf(out + at, "$%zu\r\n%.*s\r\n", n, (int)n, words);
        words += n + 1;
    }
    return at;
}

void conn_send(int fd, const char *bytes, size_t n)
{
    while (n > 0) {
        ssize_t sent = send(fd, bytes, n, MSG_NOSIGNAL);
        if (sent < 0 && errno != EINTR)
            fail("send: %s", strerror(errno));
        bytes += sent > 0 ? sent : 0;
        n -= sent > 0 ? (size_t)sent : 0;
    }
}

static size_t receive(int fd, char *chunk)
{
    for (;;) {
        ssize_t n = recv(fd, chunk, CHUNK, 0);
        if (n > 0)
            return (size_t)n;
        if (n == 0)
            fail("the server closed the connection");
        if (errno != EINTR)
            fail("no reply: %s", strerror(errno));
    }
}

// Asked behind a command; no data contains its reply, and nothing comes after it.
#define SENTINEL       "end-of-the-reply"
#define SENTINEL_REPLY "$16\r\n" SENTINEL "\r\n"
enum { SENTINEL_LENGTH = sizeof(SENTINEL_REPLY) - 1 };

// Keeps the last bytes of a stream, of which n more have come. They begin zeroed.
static void keep_last(char last[SENTINEL_LENGTH], const char *bytes, size_t n)
{
    size_t kept = n < SENTINEL_LENGTH ? SENTINEL_LENGTH - n : 0;
    memmove(last, last + SENTINEL_LENGTH - kept, kept);
    memcpy(last + kept, bytes + n - (SENTINEL_LENGTH - kept), SENTINEL_LENGTH - kept);
}

void conn_run(int fd, const char *words, char head[HEAD_MAX])
{
    char request[2 * REQUEST_MAX], chunk[CHUNK], last[SENTINEL_LENGTH] = {0};
    size_t length = request_write(request, words), head_length = 0;
    length += request_write(request + length, "ECHO " SENTINEL);
    conn_send(fd, request, length);
    while (memcmp(last, SENTINEL_REPLY, SENTINEL_LENGTH) != 0) {
        size_t n = receive(fd, chunk), space = HEAD_MAX - 1 - head_length;
        keep_last(last, chunk, n);
        memcpy(head + head_length, chunk, n < space ? n : space);
        head_length += n < space ? n : space;
    }
    head[head_length] = '\0';
}

void conn_must(int fd, const char *words)
{
    char head[HEAD_MAX];
    conn_run(fd, words, head);
    if (head[0] == '-')
        fail("%s answered: %.*s", words, (int)strcspn(head, "\r"), head);
}

void conn_read_lines(int fd, size_t lines)
{
    char chunk[CHUNK];
    bool start = true;
    while (lines > 0) {
        char *end = chunk + receive(fd, chunk);
        for (char *at = chunk; at < end;) {
            if (start && *at == '-')
                fail("a command of a load answered: %.*s", (int)(end - at > 80 ? 80 : end - at),
                     at);
            char *newline = memchr(at, '\n', (size_t)(end - at));
            start = newline != NULL;
            at = start ? newline + 1 : end;
            lines -= start;
        }
    }
}

int conn_open(int port, int db)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    struct timeval limit = {.tv_sec = REPLY_LIMIT_S};
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) != 0)
        fail("port %d: %s", port, strerror(errno));
    if (db != 0) {
        char words[WORDS_MAX];
        snprintf(words, sizeof(words), "SELECT %d", db);
        conn_must(fd, words);
    }
    return fd;
}

// ---- loads -----------------------------------------------------------------------------------

enum { COMMAND_MAX = 64 + 100 * 64 };

static const struct {
    const char *command;
    const char *prefix; // of an element; NULL: the feed's key, which is then no argument
    bool scored;        // the number comes first
    bool valued;        // a value comes last
    uint32_t elements;  // of a command
} feed_forms[] = {
    [FEED_SET] = {"SET", NULL, false, true, 1},
    [FEED_MSET] = {"MSET", NULL, false, true, 100},
    [FEED_SADD] = {"SADD", "member", false, false, 100},
    [FEED_ZADD] = {"ZADD", "member", true, false, 100},
    [FEED_HSET] = {"HSET", "field", false, true, 100},
};

#define VALUE "$16\r\n0123456789abcdef\r\n"

// The loads of a heavy client are made while the server works, so without printf().
static char *append(char *out, const char *text, size_t n)
{
    memcpy(out, text, n);
    return out + n;
}

static char *append_digits(char *out, uint32_t number)
{
    for (int i = 6; i >= 0; i--, number /= 10)
        out[i] = (char)('0' + number % 10);
    return append(out + 7, "\r\n", 2);
}

static char *append_elements(char *out, const struct feed *feed, uint32_t count)
{
    const char *prefix = feed_forms[feed->kind].prefix;
    char start[64];
    prefix = prefix == NULL ? feed->key : prefix;
    size_t length =
        (size_t)snprintf(start, sizeof(start), "$%zu\r\n%s:", strlen(prefix) + 8, prefix);
    for (uint32_t i = feed->first; i < feed->first + count; i++) {
        if (feed_forms[feed->kind].scored)
            out = append_digits(append(out, "$7\r\n", 4), FIRST_NUMBER + i);
        out = append_digits(append(out, start, length), FIRST_NUMBER + i);
        if (feed_forms[feed->kind].valued)
            out = append(out, VALUE, sizeof(VALUE) - 1);
    }
    return out;
}

static char *append_command(char *out, const struct feed *feed, uint32_t count)
{
    bool keyed = feed_forms[feed->kind].prefix != NULL;
    uint32_t words = 1U + feed_forms[feed->kind].scored + feed_forms[feed->kind].valued;
    const char *name = feed_forms[feed->kind].command;
    out += sprintf(out, "*%u\r\n$%zu\r\n%s\r\n", 1U + keyed + count * words, strlen(name), name);
    if (keyed)
        out += sprintf(out, "$%zu\r\n%s\r\n", strlen(feed->key), feed->key);
    return append_elements(out, feed, count);
}

uint32_t feed_step(struct feed *feed, int fd)
{
    char window[WINDOW + COMMAND_MAX], *out = window;
    uint32_t start = feed->first;
    size_t commands = 0;
    for (; feed->first < feed->end && out < window + WINDOW; commands++) {
        uint32_t left = feed->end - feed->first, count = feed_forms[feed->kind].elements;
        count = count < left ? count : left;
        out = append_command(out, feed, count);
        feed->first += count;
    }
    conn_send(fd, window, (size_t)(out - window));
    conn_read_lines(fd, commands);
    return feed->first - start;
}

void feed_all(struct feed feed, int fd)
{
    while (feed_step(&feed, fd) > 0)
        ;
}
