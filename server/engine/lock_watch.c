// SPDX-License-Identifier: MIT
#include "server/engine/lock_watch.h"

#include <stdlib.h>
#include <string.h>

#include "datatypes/mem.h"
#include "server/engine/client.h"
#include "server/engine/command.h"
#include "server/engine/keyspace.h"
#include "server/engine/store.h"

void lock_watch_hold_many(struct lock_view *view, const struct key_table *table)
{
    mutex_lock(&view->lock);
    view->many = table;
    mutex_unlock(&view->lock);
}

void lock_watch_wait(struct lock_view *view, struct key_wait *wait)
{
    mutex_lock(&view->lock);
    wait->prev = NULL;
    wait->next = view->waiting;
    if (wait->next)
        wait->next->prev = wait;
    view->waiting = wait;
    mutex_unlock(&view->lock);
}

void lock_watch_done(struct lock_view *view, struct key_wait *wait)
{
    mutex_lock(&view->lock);
    if (wait->prev)
        wait->prev->next = wait->next;
    else
        view->waiting = wait->next;
    if (wait->next)
        wait->next->prev = wait->prev;
    mutex_unlock(&view->lock);
}

void lock_watch_moved(struct lock_view *view, const struct client *client)
{
    mutex_lock(&view->lock);
    view->moved = client;
    mutex_unlock(&view->lock);
}

// ---- waiters ----------------------------------------------------------------------------------

// Under the view's lock.
static void copy_wait(struct lock_waiter *w, const struct key_wait *wait, int64_t now_ns)
{
    const struct client *client = wait->client; // alive: its command is what waits

    w->party.client_id = client->id;
    w->party.cmd = atomic_load_explicit(&client->last_cmd, memory_order_relaxed);
    w->party.write = wait->write;
    w->id = wait->id;
    w->db = wait->db;
    w->waited_ns = now_ns - wait->since_ns;
    w->len = wait->name.len < KEY_SHOWN_CHARS ? wait->name.len : KEY_SHOWN_CHARS;
    if (w->len)
        memcpy(w->name, wait->name.data, w->len);
}

static int compare(const void *pa, const void *pb)
{
    const struct lock_waiter *a = pa, *b = pb;

    if (a->id != b->id)
        return a->id < b->id ? -1 : 1;
    return (a->waited_ns < b->waited_ns) - (a->waited_ns > b->waited_ns);
}

struct waiter_list {
    struct lock_waiter *items;
    int n, cap;
};

static bool list_grow(struct waiter_list *list)
{
    int cap = list->cap ? 2 * list->cap : 16;
    struct lock_waiter *items = mem_realloc(list->items, (size_t)cap * sizeof *items);

    if (!items)
        return false;
    list->items = items;
    list->cap = cap;
    return true;
}

// Adds the waits of one thread; false without memory.
static bool list_view(struct waiter_list *list, struct lock_view *view, int64_t now_ns)
{
    bool ok = true;

    mutex_lock(&view->lock);
    for (const struct key_wait *wait = view->waiting; ok && wait; wait = wait->next) {
        ok = list->n < list->cap || list_grow(list);
        if (ok)
            copy_wait(&list->items[list->n++], wait, now_ns);
    }
    mutex_unlock(&view->lock);
    return ok;
}

int lock_watch_waiters(struct kl_store *store, struct lock_waiter **out)
{
    struct waiter_list list = {0};
    int64_t now_ns = clock_monotonic_ns();

    for (struct thread *t = atomic_load_explicit(&store->threads, memory_order_acquire); t;
         t = t->next) {
        if (!list_view(&list, &t->view, now_ns)) {
            mem_free(list.items);
            return -1;
        }
    }
    if (list.n)
        qsort(list.items, (size_t)list.n, sizeof *list.items, compare);
    *out = list.items;
    return list.n;
}

// ---- holders ----------------------------------------------------------------------------------

// Looks among the first n keys of a table, which are held.
static bool find_in_table(const struct key_table *table, int n, uint64_t id, bool *write)
{
    for (int i = 0; i < n; i++) {
        const struct key_slot *slot = table->order[i];
        if (lock_watch_id(slot->hash, slot->db) == id) {
            *write = slot->mode == LOCK_WRITE;
            return true;
        }
    }
    return false;
}

static void name_client(struct lock_party *party, const struct client *client)
{
    party->client_id = client->id;
    party->cmd = atomic_load_explicit(&client->last_cmd, memory_order_relaxed);
}

// Whether the command that the thread runs now holds the key.
static bool running_holds(struct lock_view *view, uint64_t id, bool *write)
{
    bool found = false;

    for (int i = 0; i < HELD_SHOWN; i++) {
        uint64_t held = atomic_load_explicit(&view->held[i], memory_order_relaxed);
        if ((held & ~(uint64_t)LOCK_WATCH_WRITE) == id) {
            *write = held & LOCK_WATCH_WRITE;
            return true;
        }
    }
    mutex_lock(&view->lock);
    if (view->many)
        found = find_in_table(view->many, view->many->nheld, id, write);
    mutex_unlock(&view->lock);
    return found;
}

// Names the client that a thread runs commands for, if it is still one of the thread's.
static void name_running(struct thread *t, struct lock_party *party)
{
    struct client *running = atomic_load_explicit(&t->view.running, memory_order_relaxed);

    mutex_lock(&t->clients_lock);
    for (struct client *client = t->clients; client; client = client->next) {
        if (client == running) {
            name_client(party, client);
            break;
        }
    }
    mutex_unlock(&t->clients_lock);
    mutex_lock(&t->view.lock);
    if (t->view.moved)
        name_client(party, t->view.moved);
    mutex_unlock(&t->view.lock);
}

// Adds those commands of the thread that hold the key while they wait for another one.
static int add_waiting(struct lock_view *view, uint64_t id, struct lock_party *out, int max)
{
    int n = 0;

    mutex_lock(&view->lock);
    for (const struct key_wait *wait = view->waiting; wait && n < max; wait = wait->next) {
        if (find_in_table(wait->table, wait->nheld, id, &out[n].write))
            name_client(&out[n++], wait->client);
    }
    mutex_unlock(&view->lock);
    return n;
}

int lock_watch_holders(struct kl_store *store, uint64_t id, struct lock_party *out, int max)
{
    int n = 0;

    for (struct thread *t = atomic_load_explicit(&store->threads, memory_order_acquire);
         t && n < max; t = t->next) {
        struct lock_party party = {0};
        bool write;

        n += add_waiting(&t->view, id, out + n, max - n);
        if (n == max || !running_holds(&t->view, id, &party.write))
            continue;
        name_running(t, &party);
        // If the thread has gone on meanwhile, the client named may be that of another command.
        if (party.client_id && running_holds(&t->view, id, &write))
            out[n++] = party;
    }
    return n;
}
