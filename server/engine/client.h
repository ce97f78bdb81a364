// SPDX-License-Identifier: MIT
//
// A client as commands see it. The network layer (or an embedding program) owns the struct and puts
// it first in its own; the engine knows nothing about sockets.
//
// Threads: a client belongs to one `struct thread`. Fields marked [owner] are touched by that
// thread only; _Atomic ones are also read by others (CLIENT LIST), relaxed. Text fields are changed
// under the owner's clients_lock, and read by others under it.
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "resp/reply.h"

struct bytes;
struct client;
struct command_entry;
struct job;
struct kl_store;
struct thread;
struct transaction;
struct watch;

enum client_flag {
    CLIENT_CLOSE_AFTER_REPLY = 1 << 0, // close when what was answered so far is sent
    CLIENT_CLOSE_NOW = 1 << 1,         // close without sending anything more
    CLIENT_NO_EVICT = 1 << 2,
    CLIENT_NO_TOUCH = 1 << 3,
    CLIENT_REPLY_OFF = 1 << 4,
    CLIENT_REPLY_SKIP_NEXT = 1 << 5,
    CLIENT_REPLY_SKIP = 1 << 6,
    CLIENT_WATCH_BROKEN = 1 << 7, // a key that it watches has changed; set by who changed it
};

// How the engine reaches the transport; each may be called from any thread while the caller holds
// the clients_lock of the client's thread.
struct client_ops {
    // Asks the owner to close the connection soon; returns at once.
    void (*kill)(struct client *);
    // The client's job may go on: has its thread call exec_resume() soon. From any thread, inside
    // the unlock of another command: notes it and returns. NULL: commands of this client wait on
    // its thread. Without clients_lock.
    void (*resume)(struct client *);
    // Has a worker thread call exec_on_worker() soon; false: it cannot. NULL: commands of this
    // client run on its thread, however long they take. On the client's thread, without
    // clients_lock.
    bool (*move)(struct client *);
};

struct client {
    struct reply reply;    // [owner] what was answered and not sent
    struct thread *thread; // owner
    const struct client_ops *ops;
    struct job *job;     // [owner] what its present command has waited for; NULL: nothing ever
    bool waits_in_place; // [owner] its thread serves nobody else, and may sleep for it
    struct transaction *transaction; // [owner] since MULTI; NULL: none
    struct watch *watches;           // [owner] the keys that it watches
    struct client *next, *prev;      // in the owner's list, under its clients_lock
    uint64_t id;
    int64_t created_ms;
    char addr[64], laddr[64]; // "127.0.0.1:50312"; constant
    int fd;                   // for CLIENT LIST; -1 without
    char *name;               // under clients_lock; NULL: none
    char *lib_name, *lib_ver; // likewise
    _Atomic uint32_t flags;   // enum client_flag
    _Atomic int db;
    _Atomic int protocol;    // 2 or 3
    _Atomic int64_t last_ms; // unix time of the last command
    _Atomic(const struct command_entry *) last_cmd;
    _Atomic int multi;        // commands queued since MULTI, -1: it was not called
    _Atomic size_t multi_mem; // and their bytes
    _Atomic size_t query_bytes, query_free, reply_bytes, memory; // as the transport last set them
    _Atomic uint64_t commands, net_in, net_out;
};

// Fills a zeroed struct and puts it on the thread's list; gives it an id. False without memory.
// Runs on the owner thread.
bool client_attach(struct client *, struct thread *, const struct client_ops *, const char *addr,
                   const char *laddr, int fd);
// Takes it off the list and frees what the engine allocated for it. Runs on the owner thread.
void client_detach(struct client *);
// Sets the name; an empty one removes it. False without memory. Runs on the owner thread.
bool client_set_name(struct client *, struct bytes name);
// The same for the library's name and version (CLIENT SETINFO).
bool client_set_lib(struct client *, struct bytes name, bool version);
// Back to a fresh connection's state, as RESET does: database 0, RESP2, no name.
void client_reset(struct client *);
// Calls fn for each client of the store, under its owner's clients_lock: fn must be short and may
// not attach, detach or lock. Order is arbitrary.
void client_each(struct kl_store *, void (*fn)(struct client *, void *arg), void *arg);

static inline bool client_has(const struct client *client, uint32_t flag)
{
    return atomic_load_explicit(&client->flags, memory_order_relaxed) & flag;
}

static inline void client_flag_set(struct client *client, uint32_t flag)
{
    atomic_fetch_or_explicit(&client->flags, flag, memory_order_relaxed);
}

static inline void client_flag_clear(struct client *client, uint32_t flag)
{
    atomic_fetch_and_explicit(&client->flags, ~flag, memory_order_relaxed);
}

// Whether a client may carry that name: printable ASCII without blanks (or nothing).
bool client_name_valid(struct bytes name);
#define CLIENT_NAME_ERROR "Client names cannot contain spaces, newlines or special characters."
