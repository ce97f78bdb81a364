// SPDX-License-Identifier: MIT
//
// The keys of one command: collecting, reading without locks, reading and writing.
//
// Three ways to a key
//  LOCK_NONE   find the entry, load its value word (one acquire load), and after the handler ask
//              keyspace_read_valid(). Nothing shared is written, but that a key whose time has come
//              is removed behind the command, if its lock is free.
//  LOCK_READ   find the entry, take its lock for reading.
//  LOCK_WRITE  find or make the entry, take its lock for writing.
//
// What makes LOCK_NONE linearizable
// 1. A string, its expire time and its existence are one word: a single load is a single instant.
// 2. A collection is many words. Its writers make object.seq odd while they change it; a reader
//    whose seq was even and is unchanged saw one state (value.h, rules 3 and 4).
// 3. A command that writes several keys marks all their locks as MUTATING before it publishes the
//    first change and unmarks each when it unlocks it; and it publishes one value for each key
//    (key_named_again()). A reader that finds no mark *after* its load read either the value before
//    the command, or a value whose command has published everything already. (It may have loaded
//    the new value while the mark was there, as long as the mark has gone now: the command's last
//    publication then lies within the reader's own duration.) A transaction may publish several
//    values for a key, each visible at once to its own commands: it marks even a single key, and
//    counts one in store->rewrites before the mark goes. A reader that finds another number than
//    before its load may have loaded one of the values between.
//    A string whose bytes are changed in place is one of these. Of its many bytes most readers want
//    all, and copying them while they change is not worth trying: such a reader takes the lock.
// 4. A value that a command carries to another key leaves its old entry empty for ever. A reader
//    that loaded a value looks at the entry once more, behind all its other loads.
// A reader that fails the check runs again, and after a few times takes the read lock, where it
// parks.
//
// Locking, and what is done about missing keys: keyspace_lock.c. Keys that a command finds only
// while it runs: keyspace_other.c.
#include "server/engine/keyspace.h"

#include <string.h>

#include "datatypes/mem.h"
#include "datatypes/str.h"
#include "locks/cpu.h"
#include "server/engine/client.h"
#include "server/engine/entry.h"
#include "server/engine/expire_index.h"
#include "server/engine/keyspace_internal.h"
#include "server/engine/store.h"
#include "server/engine/transaction.h"
#include "server/engine/watch.h"

enum {
    TABLE_KEEP = 1024, // slots kept from one command to the next
    READ_SPINS =
        200, // pauses in which a short writer is waited for before giving up a lock-free read
};

struct key_table *key_table_new(void)
{
    return mem_zalloc(sizeof(struct key_table));
}

void key_table_free(struct key_table *t)
{
    if (!t)
        return;
    keyspace_forget_others(t);
    mem_free(t->slots);
    mem_free(t->order);
    mem_free(t);
}

// ---- collecting -------------------------------------------------------------------------------

static bool table_reserve(struct key_table *t, int capacity)
{
    if (capacity <= t->capacity)
        return true;
    int grown = t->capacity ? t->capacity * 2 : 16;
    if (grown < capacity)
        grown = capacity;
    struct key_slot *slots = mem_alloc((size_t)grown * sizeof *slots);
    struct key_slot **order = mem_alloc((size_t)grown * sizeof *order);
    if (!slots || !order) {
        mem_free(slots);
        mem_free(order);
        return false;
    }
    if (t->nslots > 0)
        memcpy(slots, t->slots, (size_t)t->nslots * sizeof *slots);
    for (int i = 0; i < t->norder; i++)
        order[i] = slots + (t->order[i] - t->slots);
    mem_free(t->slots);
    mem_free(t->order);
    t->slots = slots;
    t->order = order;
    t->capacity = grown;
    return true;
}

static bool add_slot(struct key_table *t, struct bytes name, int arg, int db, enum lock_class mode)
{
    if (!table_reserve(t, t->nslots + 1)) {
        t->no_memory = true;
        return false;
    }
    struct key_slot *slot = &t->slots[t->nslots];
    slot->name = name;
    slot->entry = NULL;
    slot->dict = NULL;
    slot->seen = VALUE_ABSENT;
    slot->waited_ns = 0;
    slot->arg = arg;
    slot->db = db;
    slot->same_as = t->nslots;
    slot->next_same = -1;
    slot->mode = mode;
    slot->read = slot->rewritten = false;
    t->nslots++;
    return true;
}

int cmd_add_key(struct cmd_ctx *c, int arg, int db, enum lock_class mode)
{
    if (!add_slot(c->keys, c->argv[arg], arg, db, mode))
        return -1;
    return c->keys->nslots - 1 - c->first_key;
}

bool keyspace_add(struct cmd_ctx *c, struct bytes name, int db, enum lock_class mode)
{
    return add_slot(c->keys, name, -1, db, mode);
}

static void collect_range(struct cmd_ctx *c)
{
    const struct command *row = c->cmd->row;
    int last = row->keys.last < 0 ? c->argc + row->keys.last : row->keys.last;

    if (last >= c->argc)
        last = c->argc - 1;
    for (int arg = row->keys.first; arg <= last; arg += row->keys.step) {
        bool only_read = (row->flags & CMD_READ_REST) && arg != row->keys.first;
        if (cmd_add_key(c, arg, c->db, only_read ? LOCK_READ : row->lock) < 0)
            break;
    }
}

// The keys that an argument counts, and those of `keys`.
static void collect_counted(struct cmd_ctx *c)
{
    const struct command *row = c->cmd->row;
    enum lock_class mode = row->flags & CMD_READ_REST ? LOCK_READ : row->lock;
    int64_t n;

    if (!bytes_to_i64(c->argv[row->numkeys], &n) || n < 1 || n > c->argc - row->numkeys - 1)
        return;
    if (row->keys.first)
        collect_range(c);
    for (int i = 1; i <= n; i++) {
        if (cmd_add_key(c, row->numkeys + i, c->db, mode) < 0)
            break;
    }
}

bool keyspace_collect_more(struct cmd_ctx *c)
{
    const struct command *row = c->cmd->row;
    struct key_table *t = c->keys;

    c->first_key = t->nslots;
    if (row->getkeys) {
        row->getkeys(c);
    } else if (row->numkeys) {
        collect_counted(c);
    } else if (row->keys.first) {
        collect_range(c);
    }
    c->nkeys = t->nslots - c->first_key;
    return !t->no_memory;
}

enum status keyspace_collect(struct cmd_ctx *c)
{
    struct key_table *t = c->keys;

    t->nslots = t->norder = t->nheld = 0;
#ifdef KL_DEBUG
    t->nforced = 0;
#endif
    t->locked = t->conflict = t->no_memory = t->waited = t->publishing = t->rewrites = false;
    t->transaction = t->missed = t->gathering = t->needs_lock = false;
    t->hits = t->misses = 0;
    if (c->cmd->row->flags & CMD_RUNS_QUEUE)
        transaction_collect(c);
    else
        keyspace_collect_more(c);
    return t->no_memory ? STATUS_NO_MEMORY : STATUS_OK;
}

void keyspace_forget(struct cmd_ctx *c)
{
    struct key_table *t = c->keys;

    t->nslots = t->norder = t->nheld = 0;
    t->met_expired = false;
    keyspace_forget_others(t);
    if (t->capacity > TABLE_KEEP) {
        mem_free(t->slots);
        mem_free(t->order);
        t->slots = NULL;
        t->order = NULL;
        t->capacity = 0;
    }
}

// ---- finding ----------------------------------------------------------------------------------

static struct key_slot *slot_of(struct cmd_ctx *c, int i)
{
    return &c->keys->slots[c->keys->slots[c->first_key + i].same_as];
}

// ---- lock-free reading ------------------------------------------------------------------------

// Waits a moment for a writer that is in the middle of a change; false when it takes longer.
static bool wait_for_even(const struct object *o, uint64_t *seq)
{
    for (int i = 0; i < READ_SPINS; i++) {
        *seq = atomic_load_explicit(&o->seq, memory_order_acquire);
        if (!(*seq & 1))
            return true;
        cpu_pause();
    }
    return false;
}

static _Atomic uint64_t *rewrites_of(struct cmd_ctx *c, const struct key_slot *slot)
{
    return &c->store->rewrites[slot->hash % REWRITE_CLASSES].n;
}

void keyspace_read_clock(struct cmd_ctx *c)
{
    if (c->exclusive) // a transaction has one time, which was read with the gate closed
        return;
    c->now_ms = c->thread->now_ms = store_now_ms();
}

static struct value read_lock_free(struct cmd_ctx *c, struct key_slot *slot)
{
    if (slot->read)
        return slot->seen;
    slot_locate(c, slot);
    slot->read = true;
    // Acquire, before the value: who finds a transaction counted finds what it published last.
    slot->rewrites = atomic_load_explicit(rewrites_of(c, slot), memory_order_acquire);
    slot->entry = slot_find(slot);
    slot->seen = slot->entry ? entry_value(slot->entry) : VALUE_ABSENT;
    if (store_expires_soon(slot->seen, c->now_ms)) {
        keyspace_read_clock(c); // and the value after it, as else
        slot->seen = entry_value(slot->entry);
    }
    if (value_is_object(slot->seen) && !wait_for_even(value_object(slot->seen), &slot->seq))
        c->keys->conflict = true;
    return slot->seen;
}

void keyspace_count_rewrites(struct cmd_ctx *c)
{
    struct key_table *t = c->keys;

    for (int i = 0; i < t->norder; i++) {
        // Release: who finds it counted finds all that was published.
        if (t->order[i]->rewritten)
            atomic_fetch_add_explicit(rewrites_of(c, t->order[i]), 1, memory_order_release);
    }
}

bool keyspace_read_valid(struct cmd_ctx *c)
{
    struct key_table *t = c->keys;

    if (t->conflict)
        return false;
    for (int i = 0; i < t->nslots; i++) {
        const struct key_slot *slot = &t->slots[i];
        if (!slot->read || !slot->entry)
            continue;
        // All loads of the handler are acquire loads, so these come after them.
        if (keylock_mutating(&slot->entry->lock) ||
            atomic_load_explicit(rewrites_of(c, slot), memory_order_acquire) != slot->rewrites)
            return false;
        if (value_is_object(slot->seen) &&
            atomic_load_explicit(&value_object(slot->seen)->seq, memory_order_acquire) != slot->seq)
            return false;
        // RENAME and MOVE carry the value to another key, where its life goes on: members are added
        // between two looks at `seq`, bytes are appended in place. What was read may be of that
        // life, but then this load, which comes after it, finds the old entry empty for good.
        if (!value_is_none(slot->seen) && value_is_none(entry_value(slot->entry)))
            return false;
    }
    return true;
}

void keyspace_read_again(struct cmd_ctx *c)
{
    struct key_table *t = c->keys;

    t->conflict = false;
    t->hits = t->misses = 0;
    for (int i = 0; i < t->nslots; i++) {
        t->slots[i].read = false;
        t->slots[i].entry = NULL;
        t->slots[i].seen = VALUE_ABSENT;
    }
}

// ---- reading and writing ----------------------------------------------------------------------

void key_used(struct cmd_ctx *c, struct key_slot *slot)
{
    if (!client_has(c->client, CLIENT_NO_TOUCH))
        entry_use(slot->entry, c->now_ms);
}

// How a handler looks at a key.
enum look {
    LOOK_PEEK, // at what there is, not at the bytes of a string
    LOOK_LIVE, // at a string's bytes one by one
    LOOK_USE,  // at anything
};

static struct value key_read(struct cmd_ctx *c, int i, enum look look)
{
    struct key_slot *slot = slot_of(c, i);
    struct value v;

    if (!c->keys->locked)
        v = read_lock_free(c, slot);
    else
        v = slot->entry ? entry_value(slot->entry) : VALUE_ABSENT;
    if (value_expired(v, c->now_ms)) {
        c->keys->met_expired = true;
        v = VALUE_ABSENT;
    }
    if (look == LOOK_USE && value_kind(v) == VALUE_STR_MUTABLE && !c->keys->locked) {
        c->keys->conflict = c->keys->needs_lock = true;
        return VALUE_ABSENT;
    }
    if (look != LOOK_PEEK && !value_is_none(v))
        key_used(c, slot);
    return v;
}

static void count_hit(struct cmd_ctx *c, struct value v)
{
    if (c->cmd->row->lock == LOCK_WRITE && !(c->cmd->row->flags & CMD_CACHES))
        return;
    if (value_is_none(v))
        c->keys->misses++;
    else
        c->keys->hits++;
}

struct value key_get(struct cmd_ctx *c, int i)
{
    struct value v = key_read(c, i, LOOK_USE);

    count_hit(c, v);
    return v;
}

struct value key_peek(struct cmd_ctx *c, int i)
{
    return key_read(c, i, LOOK_PEEK);
}

bool key_get_type(struct cmd_ctx *c, int i, enum value_type type, struct value *out)
{
    *out = key_get(c, i);
    if (value_is_none(*out) || value_type(*out) == type)
        return true;
    cmd_reply_wrongtype(c);
    return false;
}

bool key_get_live_string(struct cmd_ctx *c, int i, struct value *out)
{
    *out = key_read(c, i, LOOK_LIVE);
    count_hit(c, *out);
    if (value_is_none(*out) || value_is_string(*out))
        return true;
    cmd_reply_wrongtype(c);
    return false;
}

bool keys_locked(const struct cmd_ctx *c)
{
    return c->keys->locked;
}

struct bytes key_name(struct cmd_ctx *c, int i)
{
    return c->keys->slots[c->first_key + i].name;
}

int key_db(struct cmd_ctx *c, int i)
{
    return c->keys->slots[c->first_key + i].db;
}

uint64_t key_hash(struct cmd_ctx *c, int i)
{
    return c->keys->slots[c->first_key + i].hash;
}

bool key_expired(struct cmd_ctx *c, int i)
{
    const struct key_slot *slot = slot_of(c, i);
    return slot->entry && value_expired(entry_value(slot->entry), c->now_ms);
}

int64_t key_idle_seconds(struct cmd_ctx *c, int i)
{
    const struct key_slot *slot = slot_of(c, i);
    return slot->entry ? entry_idle_seconds(slot->entry, c->now_ms) : 0;
}

const void *key_address(struct cmd_ctx *c, int i)
{
    const struct entry *entry = slot_of(c, i)->entry;
    struct value v = entry_value(entry);

    return value_kind(v) == VALUE_INT || value_kind(v) == VALUE_TINY ? (const void *)entry
                                                                     : value_pointer(v);
}

void key_set_idle(struct cmd_ctx *c, int i, int64_t seconds)
{
    entry_set_idle(slot_of(c, i)->entry, c->now_ms, seconds);
}

void keys_begin_publishing(struct cmd_ctx *c)
{
    struct key_table *t = c->keys;

    if (t->publishing || (t->norder < 2 && !t->rewrites))
        return;
    t->publishing = true;
    for (int i = 0; i < t->norder; i++) {
        if (t->order[i]->mode == LOCK_WRITE && t->order[i]->entry)
            keylock_set_mutating(&t->order[i]->entry->lock);
    }
}

// Tells who watches the key that it changes.
static void touch(struct cmd_ctx *c, const struct key_slot *slot, bool gone)
{
    watch_touch(atomic_load_explicit(&c->store->watches, memory_order_relaxed), slot->hash,
                slot->db, slot->name, gone);
}

// Stores the word and keeps the database's counts; the old value is the caller's from then on.
static void key_store(struct cmd_ctx *c, struct key_slot *slot, struct value old, struct value v)
{
    struct db_tally *tally = &c->thread->dbs[slot->db];
    int64_t old_at = value_expires_at(old), new_at = value_expires_at(v);

    keys_begin_publishing(c);
    // A collection with an open section that a transaction carries here: ended with this key.
    if (c->keys->rewrites && value_is_object(v) && object_changing(value_object(v)))
        slot->seen = v;
    atomic_store_explicit(&slot->entry->value, v.bits, memory_order_release);
    if (value_is_none(old) != value_is_none(v))
        tally_add(&tally->keys, value_is_none(v) ? -1 : 1);
    if ((old_at != NO_EXPIRE) != (new_at != NO_EXPIRE))
        tally_add(&tally->expires, new_at != NO_EXPIRE ? 1 : -1);
    if (new_at != NO_EXPIRE && new_at != old_at) // else it knows
        expire_index_note(c->store->dbs[slot->db].expiry, slot->hash, new_at);
}

void key_publish(struct cmd_ctx *c, struct key_slot *slot, struct value v)
{
    struct value old = entry_value(slot->entry);

    if (value_is_none(old) && value_is_none(v)) // nothing for those who watch the key
        return;
    touch(c, slot, value_is_none(v));
    if (old.bits == v.bits) // changed in place, or to what it was
        return;
    key_store(c, slot, old, v);
    if (!value_is_none(old))
        value_retire(c->types, old);
}

void key_set(struct cmd_ctx *c, int i, struct value v)
{
    struct key_slot *slot = slot_of(c, i);

    key_publish(c, slot, v);
    if (!value_is_none(v))
        entry_use(slot->entry, c->now_ms);
}

void key_recode(struct cmd_ctx *c, int i, struct value v)
{
    struct key_slot *slot = slot_of(c, i);
    struct value old = entry_value(slot->entry);

    key_store(c, slot, old, v);
    value_retire(c->types, old);
}

bool key_named_again(struct cmd_ctx *c, int i)
{
    int next = c->keys->slots[c->first_key + i].next_same;
    return next >= 0 && next < c->first_key + c->nkeys;
}

bool key_delete(struct cmd_ctx *c, int i)
{
    struct key_slot *slot = slot_of(c, i);

    if (!slot->entry || value_is_none(entry_value(slot->entry)))
        return false;
    key_publish(c, slot, VALUE_ABSENT);
    return true;
}

struct value key_take(struct cmd_ctx *c, int i)
{
    struct key_slot *slot = slot_of(c, i);
    struct value old = slot->entry ? entry_value(slot->entry) : VALUE_ABSENT;

    if (!value_is_none(old)) {
        touch(c, slot, true);
        key_store(c, slot, old, VALUE_ABSENT);
    }
    return old;
}

struct value key_mutable(struct cmd_ctx *c, int i)
{
    struct key_slot *slot = slot_of(c, i);
    struct value v = entry_value(slot->entry);

    touch(c, slot, false);
    keys_begin_publishing(c);
    object_write_begin(value_object(v));
    slot->seen = v;
    return v;
}

bool key_edit_string(struct cmd_ctx *c, int i, size_t min_len, struct str_edit *e)
{
    enum status status = str_edit_prepare(c->types, key_peek(c, i), min_len, e);

    if (status != STATUS_OK) {
        cmd_reply_status(c, status);
        return false;
    }
    if (e->in_place)
        key_mutable(c, i);
    str_edit_begin(e);
    return true;
}

enum status key_expire(struct cmd_ctx *c, int i, int64_t at_ms)
{
    struct key_slot *slot = slot_of(c, i);
    struct value old = entry_value(slot->entry), v;
    bool had = value_expires_at(old) != NO_EXPIRE;
    enum status status;

    keys_begin_publishing(c);
    status = value_set_expire(c->types, old, at_ms, &v);
    if (status != STATUS_OK)
        return status;
    if (v.bits != old.bits) {
        key_publish(c, slot, v);
        return STATUS_OK;
    }
    touch(c, slot, false);
    if (had != (at_ms != NO_EXPIRE))
        tally_add(&c->thread->dbs[slot->db].expires, had ? -1 : 1);
    if (at_ms != NO_EXPIRE)
        expire_index_note(c->store->dbs[slot->db].expiry, slot->hash, at_ms);
    return STATUS_OK;
}

// ---- expiry -----------------------------------------------------------------------------------

void keyspace_expire_read(struct cmd_ctx *c)
{
    struct key_table *t = c->keys;

    for (int i = 0; t->met_expired && i < t->nslots; i++) {
        if (t->slots[i].read && t->slots[i].entry)
            keyspace_expire_try(c->thread, t->slots[i].db, t->slots[i].entry, c->now_ms);
    }
}

bool keyspace_expire_try(struct thread *thread, int db, struct entry *e, int64_t now_ms)
{
    struct dict *dict = atomic_load_explicit(&thread->store->dbs[db].dict, memory_order_acquire);
    struct value v;

    if (!keylock_try(&e->lock, KEYLOCK_WRITE))
        return false;
    v = entry_value(e);
    if (!value_expired(v, now_ms)) {
        keylock_unlock(&e->lock, KEYLOCK_WRITE);
        return false;
    }
    struct bytes key = entry_key(e);
    uint64_t hash = dict_hash(dict, key.data, key.len);
    watch_touch(atomic_load_explicit(&thread->store->watches, memory_order_relaxed), hash, db, key,
                true);
    atomic_store_explicit(&e->value, 0, memory_order_release);
    tally_add(&thread->dbs[db].keys, -1);
    tally_add(&thread->dbs[db].expires, -1);
    tally_add(&thread->stats.expired, 1);
    value_retire(&thread->types, v);
    entry_remove(thread, dict, hash, e);
    return true;
}
