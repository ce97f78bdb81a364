// SPDX-License-Identifier: MIT
#include "tests/lib/inproc.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "locks/epoch.h"
#include "server/engine/config.h"
#include "resp/request.h"
#include "server/engine/exec.h"
#include "server/engine/reclaim.h"
#include "tests/lib/check.h"

enum { WORDS_MAX = 1024, LINE_MAX_CHARS = 16384 };

void inproc_open(struct inproc *p)
{
    p->config = config_new();
    check(p->config != NULL);
    p->store = store_open(p->config);
    check(p->store != NULL);
}

void inproc_close(struct inproc *p)
{
    store_close(p->store);
    config_free(p->config);
}

static void kill_nothing(struct client *client)
{
    (void)client;
}

static const struct client_ops OPS = {kill_nothing};

struct inproc_client *inproc_client_new(struct inproc *p)
{
    struct inproc_client *c = calloc(1, sizeof *c);
    check(c != NULL);
    c->thread = thread_register(p->store);
    check(c->thread != NULL);
    check(client_attach(&c->client, c->thread, &OPS, "127.0.0.1:0", "127.0.0.1:0", -1));
    return c;
}

void inproc_client_free(struct inproc_client *c)
{
    client_detach(&c->client);
    thread_unregister(c->thread);
    free(c);
}

const char *inproc_argv(struct inproc_client *c, int argc, struct bytes *argv, size_t *len)
{
    reply_clear(&c->client.reply);
    exec_begin(c->thread);
    exec_request(&c->client, &(struct request){argv, argc}, &(struct exec_hint){0});
    exec_end(c->thread);
    *len = c->client.reply.len;
    reply_raw(&c->client.reply, "", 1); // terminates it
    return c->client.reply.data;
}

static const char *run(struct inproc_client *c, const char *format, va_list args)
{
    size_t nreply;
    char line[LINE_MAX_CHARS];
    struct bytes words[WORDS_MAX];
    int n = 0, len = vsnprintf(line, sizeof line, format, args);

    check(len > 0 && (size_t)len < sizeof line);
    char *rest = NULL;
    for (char *word = strtok_r(line, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        check(n < WORDS_MAX);
        words[n++] = bytes_of(word);
    }
    return inproc_argv(c, n, words, &nreply);
}

const char *inproc_run(struct inproc_client *c, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const char *reply = run(c, format, args);
    va_end(args);
    return reply;
}

int64_t inproc_int(struct inproc_client *c, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const char *reply = run(c, format, args);
    va_end(args);
    check_str_prefix(reply, ":");
    return strtoll(reply + 1, NULL, 10);
}

int64_t inproc_bulk_int(struct inproc_client *c, int64_t none, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const char *reply = run(c, format, args);
    va_end(args);
    check_str_prefix(reply, "$");
    if (reply[1] == '-')
        return none;
    return strtoll(strchr(reply, '\n') + 1, NULL, 10);
}

void inproc_settle(struct inproc_client *c)
{
    store_cron(c->thread, 1000 * 1000);
    epoch_drain(c->thread->epoch);
    while (store_reclaim_step(c->thread->store, 1000 * 1000))
        ;
}
