// SPDX-License-Identifier: MIT
#include "tests/lib/history.h"

#include <stdalign.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/lib/check.h"
#include "tests/lib/reply_text.h"

enum { CACHE_LINE = 64, TEXT_BYTES = 64 }; // TEXT_BYTES: set aside for the texts of an operation

// Texts are kept by their offset, because the buffer may move.
struct record {
    int64_t called_ns, returned_ns;
    size_t commands, reply; // offsets in `texts`
    size_t raw_bytes;       // of a reply that is not text yet; else 0
    bool answered;
};

struct history_log {
    alignas(CACHE_LINE) struct record *records;
    int nrecords, max_records;
    int next_answer; // index of the first record that waits for its reply
    struct strbuf texts;
};

struct history {
    int nclients;
    struct history_log *logs;
    struct history_op *ops;
    int nops;
};

static void *allocate(size_t n, size_t size)
{
    // Whole cache lines, so that no two threads share one.
    size_t nbytes = (n * size + CACHE_LINE) / CACHE_LINE * CACHE_LINE;
    void *block = aligned_alloc(CACHE_LINE, nbytes);

    check(block != NULL);
    memset(block, 0, nbytes);
    return block;
}

struct history *history_new(int nclients, int max_ops)
{
    struct history *h = allocate(1, sizeof *h);

    h->nclients = nclients;
    h->logs = allocate((size_t)nclients, sizeof *h->logs);
    for (int i = 0; i < nclients; i++) {
        struct history_log *log = &h->logs[i];
        log->max_records = max_ops;
        log->records = allocate((size_t)max_ops, sizeof *log->records);
        log->texts.cap = (size_t)max_ops * TEXT_BYTES;
        log->texts.data = allocate(log->texts.cap, 1);
    }
    return h;
}

static void free_ops(struct history *h)
{
    for (int i = 0; i < h->nops; i++) {
        for (int k = 0; k < h->ops[i].nsteps; k++) {
            free(h->ops[i].steps[k].argv);
            free(h->ops[i].steps[k].reply);
        }
        free(h->ops[i].steps);
    }
    free(h->ops);
    h->ops = NULL;
    h->nops = 0;
}

void history_free(struct history *h)
{
    free_ops(h);
    for (int i = 0; i < h->nclients; i++) {
        free(h->logs[i].records);
        strbuf_free(&h->logs[i].texts);
    }
    free(h->logs);
    free(h);
}

void history_clear(struct history *h)
{
    free_ops(h);
    for (int i = 0; i < h->nclients; i++) {
        h->logs[i].nrecords = h->logs[i].next_answer = 0;
        h->logs[i].texts.len = 0;
    }
}

struct history_log *history_log(struct history *h, int client)
{
    check(client >= 0 && client < h->nclients);
    return &h->logs[client];
}

// ---- recording ----------------------------------------------------------------------------------

int64_t history_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static size_t keep(struct history_log *log, const char *data, size_t nbytes)
{
    size_t at = log->texts.len;

    strbuf_add(&log->texts, data, nbytes);
    return at;
}

void history_call(struct history_log *log, const char *commands)
{
    struct record *r = &log->records[log->nrecords];

    check(log->nrecords < log->max_records);
    log->nrecords++;
    r->commands = keep(log, commands, strlen(commands) + 1);
    r->returned_ns = HISTORY_OPEN;
    r->answered = false;
    r->called_ns = history_now_ns();
}

static void answer(struct history_log *log, int64_t now_ns, const char *reply, size_t nbytes,
                   bool raw)
{
    struct record *r = &log->records[log->next_answer];

    check(log->next_answer < log->nrecords);
    log->next_answer++;
    r->returned_ns = now_ns;
    r->reply = keep(log, reply, nbytes);
    r->raw_bytes = raw ? nbytes : 0;
    r->answered = true;
}

void history_return(struct history_log *log, int64_t now_ns, const char *reply)
{
    answer(log, now_ns, reply, strlen(reply) + 1, false);
}

void history_return_raw(struct history_log *log, int64_t now_ns, const char *raw, size_t nbytes)
{
    answer(log, now_ns, raw, nbytes, true);
}

void history_lost(struct history_log *log)
{
    log->next_answer = log->nrecords;
}

void history_add(struct history_log *log, int64_t called_ns, int64_t returned_ns,
                 const char *commands, const char *reply)
{
    history_call(log, commands);
    log->records[log->nrecords - 1].called_ns = called_ns;
    if (reply)
        history_return(log, returned_ns, reply);
    else
        history_lost(log);
}

// ---- putting together ---------------------------------------------------------------------------

static void split_words(const char *line, size_t len, struct history_step *step)
{
    step->argv = allocate(HISTORY_ARGS_MAX, sizeof *step->argv);
    for (const char *end = line + len; line < end;) {
        const char *blank = memchr(line, ' ', (size_t)(end - line));
        const char *stop = blank ? blank : end;
        check(step->argc < HISTORY_ARGS_MAX);
        step->argv[step->argc++] = (struct bytes){line, (size_t)(stop - line)};
        line = stop + 1;
    }
    check(step->argc > 0);
}

static char *copy_text(struct bytes text)
{
    char *copy = strndup(text.data, text.len);

    check(copy != NULL);
    return copy;
}

// Gives each step its reply. False: nothing has happened.
static bool split_reply(struct history_op *op, const char *reply)
{
    struct bytes parts[HISTORY_ARGS_MAX];

    if (op->nsteps == 1) {
        op->steps[0].reply = copy_text(bytes_of(reply));
        return true;
    }
    if (reply_text_elements(reply, parts, HISTORY_ARGS_MAX) != op->nsteps)
        return false;
    for (int i = 0; i < op->nsteps; i++)
        op->steps[i].reply = copy_text(parts[i]);
    return true;
}

static int count_lines(const char *text)
{
    int n = 1;

    while ((text = strchr(text, '\n')) != NULL) {
        text++;
        n++;
    }
    return n;
}

// Gives each step its part of the reply that was recorded. False: nothing has happened.
static bool take_reply(struct history_op *op, const struct history_log *log, const struct record *r)
{
    const char *reply = log->texts.data + r->reply;
    struct strbuf text = {0};

    if (r->raw_bytes == 0)
        return split_reply(op, reply);
    reply_text_of_raw(reply, r->raw_bytes, &text);
    bool happened = split_reply(op, text.data);
    strbuf_free(&text);
    return happened;
}

// False: the operation has not happened.
static bool make_op(struct history_op *op, const struct history_log *log, const struct record *r)
{
    const char *line = log->texts.data + r->commands;

    op->called_ns = r->called_ns;
    op->returned_ns = r->returned_ns;
    op->nsteps = count_lines(line);
    op->steps = allocate((size_t)op->nsteps, sizeof *op->steps);
    for (int i = 0; i < op->nsteps; i++) {
        size_t len = strcspn(line, "\n");
        split_words(line, len, &op->steps[i]);
        line += len + 1;
    }
    return !r->answered || take_reply(op, log, r);
}

static int compare_calls(const void *pa, const void *pb)
{
    const struct history_op *a = pa, *b = pb;

    if (a->called_ns != b->called_ns)
        return a->called_ns < b->called_ns ? -1 : 1;
    if (a->client != b->client)
        return a->client < b->client ? -1 : 1;
    return a->number - b->number;
}

const struct history_op *history_ops(struct history *h, int *nops)
{
    int most = 0, n = 0;

    free_ops(h);
    for (int i = 0; i < h->nclients; i++)
        most += h->logs[i].nrecords;
    h->ops = allocate((size_t)most, sizeof *h->ops);
    h->nops = most; // those that are not counted in the end must be freed, too
    for (int i = 0, at = 0; i < h->nclients; i++) {
        for (int k = 0; k < h->logs[i].nrecords; k++, at++) {
            struct history_op *op = &h->ops[at];
            op->client = i;
            op->number = k;
            if (make_op(op, &h->logs[i], &h->logs[i].records[k]))
                n++;
            else
                op->called_ns = HISTORY_OPEN; // sorted behind the others
        }
    }
    qsort(h->ops, (size_t)most, sizeof *h->ops, compare_calls);
    *nops = n;
    return h->ops;
}

// ---- showing ------------------------------------------------------------------------------------

void history_print(const struct history_op *op, int64_t t0_ns, struct strbuf *out)
{
    strbuf_addf(out, "client %d [%9.2f ", op->client, (double)(op->called_ns - t0_ns) / 1e3);
    if (op->returned_ns == HISTORY_OPEN)
        strbuf_addf(out, "        -]");
    else
        strbuf_addf(out, "%9.2f]", (double)(op->returned_ns - t0_ns) / 1e3);
    for (int i = 0; i < op->nsteps; i++) {
        const struct history_step *step = &op->steps[i];
        strbuf_addf(out, i ? ";" : "");
        for (int k = 0; k < step->argc; k++)
            strbuf_addf(out, " %.*s", bytes_precision(step->argv[k]), step->argv[k].data);
        strbuf_addf(out, " -> %s", step->reply ? step->reply : "?");
    }
}
