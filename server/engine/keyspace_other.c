// SPDX-License-Identifier: MIT
//
// Keys that a command finds in its values while it runs (SORT ... BY).
//
// They cannot be locked in the common order, because they are not known before the first key is
// locked and read. So each is tried out of order, without waiting: who does not wait cannot be part
// of a deadlock. Only when one of them is contended does the command give everything back and run
// anew, with the keys that it has named so far locked in order like any others; what it names then
// beside them is tried again.
//
// Running anew alone would do, but perhaps for ever: beside a client that keeps adding elements
// every run names a key that the run before did not.
#include "datatypes/mem.h"
#include "server/engine/entry.h"
#include "server/engine/keyspace_internal.h"
#include "server/engine/lock_watch.h"

enum { INDEX_MIN = 64 };

// ---- which keys the command has named -----------------------------------------------------------

static void index_put(struct key_table *t, int number)
{
    size_t mask = (size_t)t->index_capacity - 1, at = (size_t)t->slots[number].hash & mask;

    while (t->index[at])
        at = (at + 1) & mask;
    t->index[at] = number + 1;
}

// Makes room for one slot more, at a fill of one half; false without memory.
static bool index_reserve(struct key_table *t)
{
    int capacity = t->index_capacity ? t->index_capacity : INDEX_MIN;

    while (capacity / 2 <= t->nslots)
        capacity *= 2;
    if (capacity == t->index_capacity)
        return true;
    int *index = mem_zalloc((size_t)capacity * sizeof *index);
    if (!index)
        return false;
    mem_free(t->index);
    t->index = index;
    t->index_capacity = capacity;
    for (int i = 0; i < t->nslots; i++)
        index_put(t, i);
    return true;
}

static struct key_slot *index_find(const struct key_table *t, uint64_t hash, struct bytes name,
                                   int db)
{
    size_t mask = (size_t)t->index_capacity - 1;

    for (size_t at = (size_t)hash & mask; t->index[at]; at = (at + 1) & mask) {
        struct key_slot *slot = &t->slots[t->index[at] - 1];
        if (slot->hash == hash && slot->db == db && bytes_compare(slot->name, name) == 0)
            return &t->slots[slot->same_as];
    }
    return NULL;
}

void keyspace_forget_others(struct key_table *t)
{
    if (!t->index)
        return;
    mem_free(t->index);
    t->index = NULL;
    t->index_capacity = 0;
    arena_free(&t->names);
}

// ---- naming one ---------------------------------------------------------------------------------

// Adds a slot for a key that is not in the table; NULL without memory.
static struct key_slot *add_other(struct cmd_ctx *c, uint64_t hash, struct bytes name)
{
    struct key_table *t = c->keys;
    char *copy = arena_copy(&t->names, name.data, name.len);

    if (!copy || !keyspace_add(c, (struct bytes){copy, name.len}, c->db, LOCK_READ))
        return NULL;
    struct key_slot *slot = &t->slots[t->nslots - 1];
    slot->hash = hash;
    index_put(t, t->nslots - 1);
    return slot;
}

// Whoever asks who holds a key may not look at a table that grows.
static void hide_table(struct cmd_ctx *c)
{
    if (!c->keys->gathering && c->keys->nheld > HELD_SHOWN)
        lock_watch_hold_many(&c->thread->view, NULL);
    c->keys->gathering = true;
}

bool key_other(struct cmd_ctx *c, struct bytes name, struct value *out)
{
    struct key_table *t = c->keys;
    struct dict *dict = atomic_load_explicit(&c->store->dbs[c->db].dict, memory_order_acquire);
    uint64_t hash = dict_hash(dict, name.data, name.len);
    struct key_slot *slot = NULL;

    *out = VALUE_ABSENT;
    hide_table(c);
    if (index_reserve(t))
        slot = index_find(t, hash, name, c->db);
    else
        t->no_memory = true;
    if (!slot && !t->no_memory) {
        slot = add_other(c, hash, name);
        t->no_memory = !slot || !keyspace_try_more(c, slot);
    }
    if (t->no_memory)
        return false;
    if (!slot->entry) {
        t->missed = true;
        return false;
    }
    *out = entry_value(slot->entry);
    if (value_expired(*out, c->now_ms))
        *out = VALUE_ABSENT;
    else if (!value_is_none(*out))
        key_used(c, slot);
    return true;
}

bool keys_complete(struct cmd_ctx *c)
{
    struct key_table *t = c->keys;

    if (t->missed || t->no_memory)
        return false;
    if (t->gathering && t->nheld > HELD_SHOWN)
        lock_watch_hold_many(&c->thread->view, t);
    t->gathering = false;
    return true;
}
