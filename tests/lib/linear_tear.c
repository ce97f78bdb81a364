// SPDX-License-Identifier: MIT
#include "tests/lib/linear_tear.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/check.h"
#include "tests/lib/history.h"

enum { LINE_CHARS = 256 };

// A command that is being torn.
struct torn {
    char *words[HISTORY_ARGS_MAX];
    int nwords;
    const char *(*run)(void *arg, const char *command);
    void *arg;
    struct strbuf *reply;
};

// A command that does the same with each of several words, or groups of words.
struct tear {
    const char *name, *piece;
    int first, each; // first word of the groups, and the words in one
    enum { SUM, LAST, LIST } reply;
};

static const struct tear TEARS[] = {
    {"MSET", "SET", 1, 2, LAST}, {"MGET", "GET", 1, 1, LIST},       {"SADD", "SADD", 2, 1, SUM},
    {"HSET", "HSET", 2, 2, SUM}, {"HMGET", "HGET", 2, 1, LIST},     {"RPUSH", "RPUSH", 2, 1, LAST},
    {"ZADD", "ZADD", 2, 2, SUM}, {"ZMSCORE", "ZSCORE", 2, 1, LIST},
};

static const char *run_piece(struct torn *t, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static const char *run_piece(struct torn *t, const char *format, ...)
{
    char command[LINE_CHARS];
    va_list args;

    va_start(args, format);
    int len = vsnprintf(command, sizeof command, format, args);
    va_end(args);
    check(len < (int)sizeof command);
    return t->run(t->arg, command);
}

// The piece with the group of words from `at` on.
static const char *run_group(struct torn *t, const struct tear *tear, int at)
{
    const char *key = tear->first == 2 ? t->words[1] : "";
    const char *second = tear->each == 2 ? t->words[at + 1] : "";

    return run_piece(t, "%s %s %s %s", tear->piece, key, t->words[at], second);
}

// What ZADD has before its first score.
static bool is_option(const char *word)
{
    return strcmp(word, "NX") == 0 || strcmp(word, "XX") == 0;
}

// False: it has options.
static bool run_groups(struct torn *t, const struct tear *tear)
{
    const char *reply = "";
    int64_t sum = 0;

    if (is_option(t->words[tear->first]))
        return false;
    check_int((t->nwords - tear->first) % tear->each, 0);
    for (int at = tear->first; at < t->nwords; at += tear->each) {
        reply = run_group(t, tear, at);
        if (tear->reply == SUM)
            sum += strtoll(reply + 1, NULL, 10);
        if (tear->reply == LIST)
            strbuf_addf(t->reply, "%s%s", at == tear->first ? "[" : " ", reply);
    }
    if (tear->reply == SUM)
        strbuf_addf(t->reply, ":%" PRId64, sum);
    else
        strbuf_addf(t->reply, "%s", tear->reply == LIST ? "]" : reply);
    return true;
}

// ---- those that read before they write ----------------------------------------------------------

// A reply without its quotes.
static void unquote(const char *reply, char text[LINE_CHARS])
{
    snprintf(text, LINE_CHARS, "%.*s", (int)strlen(reply) - 2, reply + 1);
}

static bool tear_lmove(struct torn *t)
{
    const char *from = t->words[3], *to = t->words[4];
    char element[LINE_CHARS];

    strbuf_addf(t->reply, "%s", run_piece(t, "%cPOP %s", from[0], t->words[1]));
    if (t->reply->data[0] != '"')
        return true;
    unquote(t->reply->data, element);
    run_piece(t, "%cPUSH %s %s", to[0], t->words[2], element);
    return true;
}

// The number that the reply is, 0 for none; false: it is something else.
static bool number_of(const char *reply, int64_t *n)
{
    char text[LINE_CHARS], *end = text;

    *n = 0;
    if (reply[0] != '"')
        return strcmp(reply, "(nil)") == 0;
    unquote(reply, text);
    *n = strtoll(text, &end, 10);
    return *end == '\0';
}

static bool tear_hincrby(struct torn *t)
{
    int64_t n;

    if (!number_of(run_piece(t, "HGET %s %s", t->words[1], t->words[2]), &n)) {
        strbuf_addf(t->reply, "-ERR");
        return true;
    }
    n += strtoll(t->words[3], NULL, 10);
    run_piece(t, "HSET %s %s %" PRId64, t->words[1], t->words[2], n);
    strbuf_addf(t->reply, ":%" PRId64, n);
    return true;
}

static bool tear_zincrby(struct torn *t)
{
    int64_t n;

    check(number_of(run_piece(t, "ZSCORE %s %s", t->words[1], t->words[3]), &n));
    n += strtoll(t->words[2], NULL, 10);
    run_piece(t, "ZADD %s %" PRId64 " %s", t->words[1], n, t->words[3]);
    strbuf_addf(t->reply, "\"%" PRId64 "\"", n);
    return true;
}

static bool tear(struct torn *t)
{
    for (size_t i = 0; i < sizeof TEARS / sizeof TEARS[0]; i++) {
        if (strcmp(TEARS[i].name, t->words[0]) == 0)
            return run_groups(t, &TEARS[i]);
    }
    if (strcmp(t->words[0], "LMOVE") == 0)
        return tear_lmove(t);
    if (strcmp(t->words[0], "HINCRBY") == 0)
        return tear_hincrby(t);
    check_str(t->words[0], "ZINCRBY");
    return tear_zincrby(t);
}

bool linear_tear(const char *name, const char *line,
                 const char *(*run)(void *arg, const char *command), void *arg,
                 struct strbuf *reply)
{
    struct torn t = {.run = run, .arg = arg, .reply = reply};
    size_t len = strlen(name);

    if (strncmp(line, name, len) != 0 || line[len] != ' ' || strchr(line, '\n'))
        return false;
    char *copy = strdup(line), *rest = NULL;
    for (char *word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        check(t.nwords < HISTORY_ARGS_MAX);
        t.words[t.nwords++] = word;
    }
    bool torn = tear(&t);
    free(copy);
    return torn;
}
