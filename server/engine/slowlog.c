// SPDX-License-Identifier: MIT
#include "server/engine/slowlog.h"

#include <stdio.h>
#include <string.h>

#include "datatypes/mem.h"
#include "server/engine/client.h"
#include "server/engine/cmd.h"
#include "server/engine/store.h"
#include "server/engine/ticks.h"

enum {
    NS_PER_US = 1000,
    SUFFIX_CHARS = 64, // "... (N more bytes)"
};

// ---- what is shown of the arguments -----------------------------------------------------------

// One argument while it is copied: some bytes of the original and a remark behind them.
struct shown {
    struct bytes head;
    char suffix[SUFFIX_CHARS];
    size_t nsuffix;
};

static void show_arg(const struct cmd_ctx *c, int i, struct shown *s)
{
    s->nsuffix = 0;
    if (c->argc > SLOWLOG_ARGS && i == SLOWLOG_ARGS - 1) {
        s->head = BYTES("");
        s->nsuffix = (size_t)snprintf(s->suffix, sizeof s->suffix, "... (%d more arguments)",
                                      c->argc - SLOWLOG_ARGS + 1);
        return;
    }
    s->head = c->hidden_args >> i & 1 ? BYTES("(redacted)") : c->argv[i];
    if (s->head.len > SLOWLOG_CHARS) {
        s->nsuffix = (size_t)snprintf(s->suffix, sizeof s->suffix, "... (%zu more bytes)",
                                      s->head.len - SLOWLOG_CHARS);
        s->head.len = SLOWLOG_CHARS;
    }
}

static char *append(char *to, const char *data, size_t len)
{
    if (len > 0) // data may be NULL otherwise
        memcpy(to, data, len);
    return to + len;
}

// An entry with the arguments and the client's name, in one allocation; NULL without memory.
static struct slowlog_entry *copy_texts(const struct cmd_ctx *c)
{
    int argc = c->argc < SLOWLOG_ARGS ? c->argc : SLOWLOG_ARGS;
    // The client's own thread is the only one that changes the name.
    struct bytes name = bytes_of(c->client->name ? c->client->name : "");
    size_t nbytes = sizeof(struct slowlog_entry) + (size_t)argc * sizeof(struct bytes) + name.len;
    struct shown s;

    for (int i = 0; i < argc; i++) {
        show_arg(c, i, &s);
        nbytes += s.head.len + s.nsuffix;
    }
    struct slowlog_entry *e = mem_alloc(nbytes);
    if (!e)
        return NULL;
    char *to = (char *)&e->argv[argc];
    e->argc = argc;
    for (int i = 0; i < argc; i++) {
        show_arg(c, i, &s);
        char *end = append(append(to, s.head.data, s.head.len), s.suffix, s.nsuffix);
        e->argv[i] = (struct bytes){to, (size_t)(end - to)};
        to = end;
    }
    append(to, name.data, name.len);
    e->name = (struct bytes){to, name.len};
    return e;
}

// ---- the list ---------------------------------------------------------------------------------

static void free_list(struct slowlog_entry *e)
{
    while (e) {
        struct slowlog_entry *older = e->older;
        mem_free(e);
        e = older;
    }
}

static size_t max_len(const struct kl_store *store)
{
    return (size_t)atomic_load_explicit(&store->config->slowlog_max_len, memory_order_relaxed);
}

// Takes the oldest entries out until `keep` are left. Returns those that nobody is showing, to be
// freed once the lock is released.
static struct slowlog_entry *shorten_locked(struct slowlog *log, size_t keep)
{
    struct slowlog_entry *out = NULL;

    while (log->n > keep) {
        struct slowlog_entry *e = log->oldest;
        log->oldest = e->newer;
        if (e->newer)
            e->newer->older = NULL;
        else
            log->newest = NULL;
        log->n--;
        if (--e->refs == 0) {
            e->older = out;
            out = e;
        }
    }
    return out;
}

static void add_locked(struct slowlog *log, struct slowlog_entry *e)
{
    e->id = log->next_id++;
    e->refs = 1;
    e->newer = NULL;
    e->older = log->newest;
    if (e->older)
        e->older->newer = e;
    else
        log->oldest = e;
    log->newest = e;
    log->n++;
}

void slowlog_add(struct cmd_ctx *c, const struct slowlog_run *run)
{
    struct slowlog *log = &c->store->slowlog;
    int64_t us = (int64_t)ticks_to_us((int64_t)run->ticks);
    int64_t limit =
        atomic_load_explicit(&c->store->config->slowlog_slower_than_us, memory_order_relaxed);

    if (limit < 0 || us < limit || c->cmd->row->flags & CMD_SKIP_SLOWLOG || max_len(c->store) == 0)
        return;
    struct slowlog_entry *e = copy_texts(c);
    if (!e)
        return;
    e->unix_s = store_now_ms() / 1000;
    e->us = us;
    e->lock_wait_us = c->lock_wait_ns / NS_PER_US;
    e->queued_us = run->queued_ns / NS_PER_US;
    e->on_worker = run->on_worker;
    e->db = c->db;
    e->client_id = c->client->id;
    e->cmd = c->cmd;
    memcpy(e->addr, c->client->addr, sizeof e->addr);

    mutex_lock(&log->lock);
    add_locked(log, e);
    struct slowlog_entry *out = shorten_locked(log, max_len(c->store));
    mutex_unlock(&log->lock);
    free_list(out);
}

ptrdiff_t slowlog_get(struct kl_store *store, int64_t max, struct slowlog_entry ***entries)
{
    struct slowlog *log = &store->slowlog;
    size_t room = slowlog_len(store), n = 0;

    if (max >= 0 && (size_t)max < room)
        room = (size_t)max;
    *entries = mem_alloc(room * sizeof **entries);
    if (!*entries)
        return -1;
    mutex_lock(&log->lock);
    for (struct slowlog_entry *e = log->newest; e && n < room; e = e->older) {
        e->refs++;
        (*entries)[n++] = e;
    }
    mutex_unlock(&log->lock);
    return (ptrdiff_t)n;
}

void slowlog_put(struct kl_store *store, struct slowlog_entry **entries, ptrdiff_t n)
{
    struct slowlog *log = &store->slowlog;

    mutex_lock(&log->lock);
    for (ptrdiff_t i = 0; i < n; i++) {
        if (--entries[i]->refs > 0)
            entries[i] = NULL;
    }
    mutex_unlock(&log->lock);
    for (ptrdiff_t i = 0; i < n; i++)
        mem_free(entries[i]);
    mem_free(entries);
}

size_t slowlog_len(struct kl_store *store)
{
    struct slowlog *log = &store->slowlog;

    mutex_lock(&log->lock);
    struct slowlog_entry *out = shorten_locked(log, max_len(store)); // it may have been lowered
    size_t n = log->n;
    mutex_unlock(&log->lock);
    free_list(out);
    return n;
}

void slowlog_reset(struct kl_store *store)
{
    struct slowlog *log = &store->slowlog;

    mutex_lock(&log->lock);
    struct slowlog_entry *out = shorten_locked(log, 0);
    mutex_unlock(&log->lock);
    free_list(out);
}
