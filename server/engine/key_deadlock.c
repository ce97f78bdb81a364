// SPDX-License-Identifier: MIT
#include "server/engine/key_deadlock.h"

#ifdef KL_DEBUG

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datatypes/mem.h"
#include "locks/cpu.h"
#include "server/engine/command.h"
#include "server/engine/keyspace.h"
#include "server/engine/lock_watch.h"

enum {
    HOLDERS_MAX = 64, // readers of one key that are looked at
    NS_PER_MS = 1000 * 1000,
};

static void print_key(const char *name, size_t len, int db)
{
    fprintf(stderr, "key \"");
    for (size_t i = 0; i < len; i++) {
        unsigned char ch = (unsigned char)name[i];
        if (ch >= ' ' && ch <= '~' && ch != '"' && ch != '\\')
            fputc(ch, stderr);
        else
            fprintf(stderr, "\\x%02x", ch);
    }
    fprintf(stderr, "\" of db %d", db);
}

// ---- the order --------------------------------------------------------------------------------

static bool comes_before(const struct key_slot *a, const struct key_slot *b)
{
    if (a->db != b->db)
        return a->db < b->db;
    if (a->hash != b->hash)
        return a->hash < b->hash;
    return bytes_compare(a->name, b->name) < 0;
}

void key_deadlock_order(const struct key_slot *held, const struct key_slot *next)
{
    if (comes_before(held, next))
        return;
    fprintf(stderr, "lock order: a command that holds ");
    print_key(held->name.data, held->name.len, held->db);
    fprintf(stderr, "\n    may not wait for ");
    print_key(next->name.data, next->name.len, next->db);
    fprintf(stderr, "\nlocks/README.md has the order\n");
    abort();
}

// ---- cycles -----------------------------------------------------------------------------------
// The waiters are the nodes. Each waits for those who hold its key so that it cannot have it, and a
// reader also for writers that came before it to the key: it queues behind them while others read.

struct search {
    struct kl_store *store;
    struct lock_waiter *waiters;
    bool *visited;
    int *path; // indices of waiters, each waiting for the next
    int n, length;
};

static void search_free(struct search *s)
{
    mem_free(s->waiters);
    mem_free(s->visited);
    mem_free(s->path);
}

// False: nobody waits, or no memory.
static bool search_begin(struct search *s)
{
    s->n = lock_watch_waiters(s->store, &s->waiters);
    if (s->n < 0)
        return false;
    s->visited = mem_zalloc((size_t)s->n * sizeof *s->visited + 1);
    s->path = mem_zalloc((size_t)s->n * sizeof *s->path + 1);
    if (s->n > 0 && s->visited && s->path)
        return true;
    search_free(s);
    return false;
}

static int find_client(const struct search *s, uint64_t client_id)
{
    for (int i = 0; i < s->n; i++)
        if (s->waiters[i].party.client_id == client_id)
            return i;
    return -1;
}

static bool queues_behind(const struct lock_waiter *w, const struct lock_waiter *other)
{
    return w->id == other->id && !w->party.write && other->party.write &&
           other->waited_ns > w->waited_ns;
}

static bool leads_to_cycle(struct search *s, int from);

// Goes on from the end of the path to the waiter `to` (-1: it does not wait).
static bool step(struct search *s, int to)
{
    if (to < 0)
        return false;
    for (int i = 0; i < s->length; i++) {
        if (s->path[i] != to)
            continue;
        s->length -= i; // what led to the cycle is not part of it
        memmove(s->path, s->path + i, (size_t)s->length * sizeof *s->path);
        return true;
    }
    return !s->visited[to] && leads_to_cycle(s, to);
}

// Puts the waiter at the end of the path. True: the path is now a cycle; false: it is as before.
static bool leads_to_cycle(struct search *s, int from)
{
    const struct lock_waiter *w = &s->waiters[from];
    struct lock_party holders[HOLDERS_MAX];
    int nholders = lock_watch_holders(s->store, w->id, holders, HOLDERS_MAX);

    s->visited[from] = true;
    s->path[s->length++] = from;
    for (int i = 0; i < nholders; i++)
        if ((w->party.write || holders[i].write) && step(s, find_client(s, holders[i].client_id)))
            return true;
    for (int i = 0; i < s->n; i++)
        if (queues_behind(w, &s->waiters[i]) && step(s, i))
            return true;
    s->length--;
    return false;
}

static bool find_cycle(struct search *s)
{
    for (int i = 0; i < s->n; i++)
        if (!s->visited[i] && leads_to_cycle(s, i))
            return true;
    return false;
}

// Whether everybody on the path still waits as it did `since_ns`. Then it has done so ever since,
// and given up no key, so all that was found since then was there at one moment.
static bool still_waits(const struct search *s, int64_t since_ns)
{
    struct lock_waiter *now;
    int n = lock_watch_waiters(s->store, &now), found = 0;
    int64_t elapsed_ns = clock_monotonic_ns() - since_ns;

    for (int k = 0; k < s->length; k++) {
        const struct lock_waiter *w = &s->waiters[s->path[k]];
        for (int i = 0; i < n; i++)
            if (now[i].id == w->id && now[i].party.client_id == w->party.client_id &&
                now[i].waited_ns >= elapsed_ns) {
                found++;
                break;
            }
    }
    if (n >= 0)
        mem_free(now);
    return found == s->length;
}

static void print_waiter(const struct lock_waiter *w)
{
    fprintf(stderr, "    client %llu, command %s, waits for %lld ms to %s ",
            (unsigned long long)w->party.client_id, w->party.cmd ? w->party.cmd->full_name : "?",
            (long long)(w->waited_ns / NS_PER_MS), w->party.write ? "write" : "read");
    print_key(w->name, w->len, w->db);
}

// Each waits for the next of the path, the last one for the first.
static void report(const struct search *s)
{
    flockfile(stderr);
    fprintf(stderr, "deadlock: commands wait for each other's keys\n");
    for (int i = 0; i < s->length; i++) {
        const struct lock_waiter *w = &s->waiters[s->path[i]];
        const struct lock_waiter *next = &s->waiters[s->path[(i + 1) % s->length]];
        print_waiter(w);
        fprintf(stderr, ", which client %llu %s\n", (unsigned long long)next->party.client_id,
                queues_behind(w, next) ? "waits for in front of it" : "holds");
    }
    abort();
}

void key_deadlock_look(struct kl_store *store)
{
    static atomic_flag looking = ATOMIC_FLAG_INIT;
    struct search s = {.store = store};

    // One look at a time sees it all. Relaxed, so that no thread that looks learns what another one
    // did: that could hide a race from ThreadSanitizer.
    if (atomic_flag_test_and_set_explicit(&looking, memory_order_relaxed))
        return;
    if (search_begin(&s)) {
        int64_t since_ns = clock_monotonic_ns();
        if (find_cycle(&s) && still_waits(&s, since_ns))
            report(&s);
        search_free(&s);
    }
    atomic_flag_clear_explicit(&looking, memory_order_relaxed);
}

#endif
