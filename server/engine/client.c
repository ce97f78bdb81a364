// SPDX-License-Identifier: MIT
#include "server/engine/client.h"

#include <stdio.h>
#include <string.h>

#include "datatypes/mem.h"
#include "locks/parking_lot.h"
#include "resp/bytes.h"
#include "server/engine/command.h"
#include "server/engine/job.h"
#include "server/engine/store.h"
#include "server/engine/transaction.h"

bool client_attach(struct client *client, struct thread *thread, const struct client_ops *ops,
                   const char *addr, const char *laddr, int fd)
{
    reply_init(&client->reply, 2);
    client->thread = thread;
    client->ops = ops;
    client->fd = fd;
    client->created_ms = store_now_ms();
    snprintf(client->addr, sizeof client->addr, "%s", addr);
    snprintf(client->laddr, sizeof client->laddr, "%s", laddr);
    atomic_store_explicit(&client->protocol, 2, memory_order_relaxed);
    atomic_store_explicit(&client->multi, -1, memory_order_relaxed);
    atomic_store_explicit(&client->last_ms, client->created_ms, memory_order_relaxed);
    client->id =
        atomic_fetch_add_explicit(&thread->store->next_client_id, 1, memory_order_relaxed) + 1;
    mutex_lock(&thread->clients_lock);
    client->prev = NULL;
    client->next = thread->clients;
    if (client->next)
        client->next->prev = client;
    thread->clients = client;
    mutex_unlock(&thread->clients_lock);
    tally_add(&thread->stats.connections, 1);
    if (ops->resume)
        parking_lot_reserve(1);
    return true;
}

void client_detach(struct client *client)
{
    struct thread *thread = client->thread;

    mutex_lock(&thread->clients_lock);
    if (client->prev)
        client->prev->next = client->next;
    else
        thread->clients = client->next;
    if (client->next)
        client->next->prev = client->prev;
    mutex_unlock(&thread->clients_lock);
    if (client->ops->resume)
        parking_lot_unreserve(1);
    // Nobody can find the client any more, but for those who change a key that it watches.
    transaction_end(client);
    job_free(client->job);
    client->job = NULL;
    mem_free(client->name);
    mem_free(client->lib_name);
    mem_free(client->lib_ver);
    client->name = client->lib_name = client->lib_ver = NULL;
    reply_free(&client->reply);
}

// Replaces one of the client's texts; an empty one is kept as NULL.
static bool set_text(struct client *client, char **field, struct bytes text)
{
    char *copy = NULL;

    if (text.len) {
        copy = mem_alloc(text.len + 1);
        if (!copy)
            return false;
        memcpy(copy, text.data, text.len);
        copy[text.len] = '\0';
    }
    mutex_lock(&client->thread->clients_lock);
    char *old = *field;
    *field = copy;
    mutex_unlock(&client->thread->clients_lock);
    mem_free(old);
    return true;
}

bool client_set_name(struct client *client, struct bytes name)
{
    return set_text(client, &client->name, name);
}

bool client_set_lib(struct client *client, struct bytes text, bool version)
{
    return set_text(client, version ? &client->lib_ver : &client->lib_name, text);
}

void client_reset(struct client *client)
{
    atomic_store_explicit(&client->db, 0, memory_order_relaxed);
    atomic_store_explicit(&client->protocol, 2, memory_order_relaxed);
    client->reply.protocol = 2;
    transaction_end(client);
    client_flag_clear(client, CLIENT_NO_EVICT | CLIENT_NO_TOUCH | CLIENT_REPLY_OFF |
                                  CLIENT_REPLY_SKIP | CLIENT_REPLY_SKIP_NEXT);
    set_text(client, &client->name, BYTES("")); // needs no memory, cannot fail
}

void client_each(struct kl_store *store, void (*fn)(struct client *, void *arg), void *arg)
{
    for (struct thread *t = atomic_load_explicit(&store->threads, memory_order_acquire); t;
         t = t->next) {
        mutex_lock(&t->clients_lock);
        for (struct client *client = t->clients; client; client = client->next)
            fn(client, arg);
        mutex_unlock(&t->clients_lock);
    }
}

bool client_name_valid(struct bytes name)
{
    for (size_t i = 0; i < name.len; i++) {
        if (name.data[i] < '!' || name.data[i] > '~')
            return false;
    }
    return true;
}
