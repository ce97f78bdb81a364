// SPDX-License-Identifier: MIT
//
// Locking the keys of one command.
//
// Missing keys
// A command of one key that could not create it (CMD_DENYOOM not in its row) finds nothing and runs
// without a lock: that look-up is its instant. Otherwise an entry without a value, locked by its
// maker, is linked, so that "it is not there" stays true until the command is done. Whoever
// releases an entry that has no value removes it (entry.h).
//
// Commands that need their only key to stay missing (CMD_LOCK_MISSING) and transactions do the
// same.
//
// Order of locking: database, then hash, then key bytes: nothing a resize or another client could
// change, so two commands never wait for each other in a circle. A key named twice is locked once,
// in the stronger mode.
#include <stdlib.h>

#include "locks/epoch.h"
#include "server/engine/client.h"
#include "server/engine/entry.h"
#include "server/engine/job.h"
#include "server/engine/key_deadlock.h"
#include "server/engine/keyspace_internal.h"
#include "server/engine/lock_watch.h"

enum {
    PREFETCHED = 64, // keys of a command that are brought into the cache together
    TRY_SPINS = 200, // pauses in which a short writer is waited for out of order
};

// ---- order ------------------------------------------------------------------------------------

static int compare_keys(const struct key_slot *a, const struct key_slot *b)
{
    if (a->db != b->db)
        return a->db < b->db ? -1 : 1;
    if (a->hash != b->hash)
        return a->hash < b->hash ? -1 : 1;
    return bytes_compare(a->name, b->name);
}

// Slots of one key in the order of the arguments.
static int compare_slots(const void *pa, const void *pb)
{
    const struct key_slot *a = *(struct key_slot *const *)pa, *b = *(struct key_slot *const *)pb;
    int order = compare_keys(a, b);

    return order != 0 ? order : (a > b) - (a < b);
}

// Has the misses of all keys happen together, not one after the other.
static void prefetch_slots(struct key_table *t)
{
    int n = t->nslots < PREFETCHED ? t->nslots : PREFETCHED;

    for (int i = 0; i < n; i++)
        dict_prefetch(t->slots[i].dict, t->slots[i].hash);
    for (int i = 0; i < n; i++)
        dict_prefetch_node(t->slots[i].dict, t->slots[i].hash);
}

// `slot` names the same key as `kept`, and `last` was the last one that did.
static void fold(struct key_table *t, struct key_slot *kept, struct key_slot *last,
                 struct key_slot *slot)
{
    slot->same_as = (int)(kept - t->slots);
    last->next_same = (int)(slot - t->slots);
    if (t->transaction && slot->mode == LOCK_WRITE && kept->mode == LOCK_WRITE)
        kept->rewritten = t->rewrites = true;
    if (slot->mode > kept->mode)
        kept->mode = slot->mode;
}

// Sorts the slots into locking order and folds duplicates into the first of each.
static void order_slots(struct cmd_ctx *c)
{
    struct key_table *t = c->keys;

    for (int i = 0; i < t->nslots; i++) {
        slot_locate(c, &t->slots[i]);
        t->order[i] = &t->slots[i];
    }
    t->norder = t->nslots;
    if (t->nslots < 2)
        return;
    prefetch_slots(t);
    qsort(t->order, (size_t)t->nslots, sizeof *t->order, compare_slots);
    t->norder = 1;
    for (int i = 1; i < t->nslots; i++) {
        struct key_slot *slot = t->order[i], *last = t->order[i - 1];
        struct key_slot *kept = t->order[t->norder - 1];
        if (compare_keys(slot, kept) != 0)
            t->order[t->norder++] = slot;
        else
            fold(t, kept, last, slot);
    }
}

// ---- one key ----------------------------------------------------------------------------------

static enum keylock_mode lock_mode(const struct key_slot *slot)
{
    return slot->mode == LOCK_WRITE ? KEYLOCK_WRITE : KEYLOCK_READ;
}

#ifdef KL_DEBUG
// DEBUG FAIL-LOCKS: a command's first attempts to lock find the key contended.
static bool attempt_fails(struct cmd_ctx *c)
{
    struct key_table *t = c->keys;

    t->forced = job_can_park(c) &&
                t->nforced < atomic_load_explicit(&c->store->fail_locks, memory_order_relaxed);
    t->nforced += t->forced;
    return t->forced;
}
#else
static bool attempt_fails(struct cmd_ctx *c)
{
    (void)c;
    return false;
}
#endif

// Publishes the first n keys as held by what the thread runs now.
static void watch_held(struct cmd_ctx *c, int n)
{
    for (int i = 0; i < n && i < HELD_SHOWN; i++) {
        const struct key_slot *slot = c->keys->order[i];
        if (slot->entry)
            lock_watch_hold(&c->thread->view, i, lock_watch_id(slot->hash, slot->db),
                            slot->mode == LOCK_WRITE);
    }
}

// A thread in the slow path of a key's lock.
struct sleeper {
    struct cmd_ctx *c;
    struct lock_wait *stats;
    struct key_wait watch;
};

static void before_sleep(void *arg)
{
    struct sleeper *s = arg;
    struct thread *thread = s->c->thread;

    s->watch.since_ns = s->stats->begun_ns;
    lock_watch_wait(&thread->view, &s->watch); // which names the keys held from now on
    lock_watch_release(&thread->view, s->watch.nheld);
    tally_add(&thread->stats.lock_waits, 1);
    thread_blocks(thread, true);
    epoch_exit(thread->epoch);
}

static void after_sleep(void *arg)
{
    struct sleeper *s = arg;
    struct thread *thread = s->c->thread;

    watch_held(s->c, s->watch.nheld);
    lock_watch_done(&thread->view, &s->watch);
    thread_blocks(thread, false);
    epoch_enter(thread->epoch);
    s->c->now_ms = store_now_ms();
}

static void describe_wait(struct cmd_ctx *c, struct key_wait *watch)
{
    const struct key_slot *slot = c->keys->order[c->keys->nheld];

    *watch = (struct key_wait){
        .client = c->client,
        .id = lock_watch_id(slot->hash, slot->db),
        .name = slot->name,
        .db = slot->db,
        .write = slot->mode == LOCK_WRITE,
        .table = c->keys,
        .nheld = c->keys->nheld,
    };
}

static void still_asleep(void *arg)
{
    const struct sleeper *s = arg;
    key_deadlock_look(s->c->store);
}

// The thread waits for the next key's lock.
static enum keylock_result sleep_for(struct cmd_ctx *c, const struct key_slot *slot,
                                     struct lock_wait *stats)
{
    static const struct keylock_hooks HOOKS = {before_sleep, after_sleep, still_asleep};
    struct sleeper s = {.c = c, .stats = stats};

    describe_wait(c, &s.watch);
    return keylock_lock_slow(&slot->entry->lock, lock_mode(slot), &HOOKS, &s, stats);
}

// Notes on the slot how long its lock was waited for, all rounds of the look-up together.
static void end_wait(struct cmd_ctx *c, struct key_slot *slot, struct lock_wait *stats)
{
    int64_t ns = lock_wait_ends(stats);

    slot->waited_ns += ns;
    c->lock_wait_ns += ns;
    if (slot->waited_ns)
        c->keys->waited = true;
}

// The next key is contended: waits for it, one way or the other.
static enum keylock_result wait_for_key(struct cmd_ctx *c, const struct key_slot *slot,
                                        struct lock_wait *stats)
{
    struct job *job = job_can_park(c) ? job_of(c->client) : NULL;

    if (!job) // not to be parked, or no memory for it
        return sleep_for(c, slot, stats);
    describe_wait(c, &job->watch);
    return job_park(job, c, &slot->entry->lock, lock_mode(slot), stats);
}

// Links a placeholder for a key that was not found; NULL: somebody else did, or there is no memory.
static struct entry *make_entry(struct cmd_ctx *c, struct key_slot *slot, enum status *status)
{
    struct entry *made = entry_new(slot->name, lock_mode(slot));
    void *existing = NULL;

    *status = STATUS_NO_MEMORY;
    if (made)
        *status = dict_insert(slot->dict, c->thread->epoch, slot->hash, made, &existing);
    if (*status == STATUS_OK && !existing)
        return made;
    if (made)
        entry_free(made); // nobody has seen it
    return NULL;
}

// Locks the next key in order. `create`: link a placeholder when it is missing; else slot->entry is
// then NULL.
static enum lock_outcome lock_next(struct cmd_ctx *c, bool create)
{
    struct key_slot *slot = c->keys->order[c->keys->nheld];
    enum keylock_mode mode = lock_mode(slot);
    enum keylock_result result = KEYLOCK_HELD;
    struct lock_wait stats = {0};
    enum status status = STATUS_OK;

    do {
        slot->entry = slot_find(slot);
        if (slot->entry) {
            result = !attempt_fails(c) && keylock_try(&slot->entry->lock, mode)
                         ? KEYLOCK_HELD
                         : wait_for_key(c, slot, &stats);
        } else if (create) {
            slot->entry = make_entry(c, slot, &status);
            result = slot->entry || status != STATUS_OK ? KEYLOCK_HELD : KEYLOCK_RETRY;
        } else {
            result = KEYLOCK_HELD; // that it is missing
        }
    } while (result == KEYLOCK_RETRY);
    if (stats.spun || stats.begun_ns)
        end_wait(c, slot, &stats);
    if (result == KEYLOCK_QUEUED)
        return LOCK_OUTCOME_WAITS;
    return status == STATUS_OK ? LOCK_OUTCOME_HELD : LOCK_OUTCOME_NO_MEMORY;
}

bool keyspace_try_more(struct cmd_ctx *c, struct key_slot *slot)
{
    struct key_table *t = c->keys;
    enum status status = STATUS_OK;
    bool held = false;

    slot_locate(c, slot);
    for (int i = 0; !held && i < TRY_SPINS && status == STATUS_OK; i++) {
        slot->entry = slot_find(slot);
        if (!slot->entry) {
            slot->entry = make_entry(c, slot, &status);
            held = slot->entry;
        } else {
            held = !attempt_fails(c) && keylock_try(&slot->entry->lock, KEYLOCK_READ);
            if (!held)
                cpu_pause();
        }
    }
    if (held) {
        t->order[t->norder++] = slot;
        lock_watch_hold(&c->thread->view, t->nheld++, lock_watch_id(slot->hash, slot->db), false);
    } else {
        slot->entry = NULL;
    }
    return status == STATUS_OK;
}

// ---- all keys ---------------------------------------------------------------------------------

// One time for all keys, and not before they are held.
static void set_time(struct cmd_ctx *c)
{
    const struct key_table *t = c->keys;

    for (int i = 0; i < t->norder; i++) {
        const struct entry *e = t->order[i]->entry;
        if (e && store_expires_soon(entry_value(e), c->now_ms)) {
            keyspace_read_clock(c);
            return;
        }
    }
}

// All keys are held. An expired key is gone for this command: writes what everybody sees.
static void all_held(struct cmd_ctx *c)
{
    struct key_table *t = c->keys;

    if (t->norder > HELD_SHOWN)
        lock_watch_hold_many(&c->thread->view, t);
    set_time(c);
    // Its first change may be one in place, which shows before anybody publishes anything.
    if (t->transaction)
        keys_begin_publishing(c);
    for (int i = 0; i < t->norder; i++) {
        struct key_slot *slot = t->order[i];
        if (slot->mode != LOCK_WRITE || !slot->entry)
            continue;
        if (value_expired(entry_value(slot->entry), c->now_ms)) {
            key_publish(c, slot, VALUE_ABSENT);
            tally_add(&c->thread->stats.expired, 1);
        }
    }
}

static enum lock_outcome lock_rest(struct cmd_ctx *c)
{
    struct key_table *t = c->keys;
    bool create = t->nslots > 1 || t->transaction || (c->cmd->row->flags & CMD_LOCK_MISSING) ||
                  (t->slots[0].mode == LOCK_WRITE && (c->cmd->row->flags & CMD_DENYOOM));

    while (t->nheld < t->norder) {
        if (t->nheld > 0)
            key_deadlock_order(t->order[t->nheld - 1], t->order[t->nheld]);
        enum lock_outcome outcome = lock_next(c, create);
        if (outcome == LOCK_OUTCOME_NO_MEMORY)
            keyspace_unlock(c);
        if (outcome != LOCK_OUTCOME_HELD)
            return outcome;
        const struct key_slot *slot = t->order[t->nheld];
        if (slot->entry)
            lock_watch_hold(&c->thread->view, t->nheld, lock_watch_id(slot->hash, slot->db),
                            slot->mode == LOCK_WRITE);
        t->nheld++;
    }
    all_held(c);
    return LOCK_OUTCOME_HELD;
}

enum lock_outcome keyspace_lock(struct cmd_ctx *c)
{
    rank_may_wait(RANK_KEY);
    order_slots(c);
    c->keys->missed = c->keys->gathering = false;
    c->keys->locked = true;
    c->keys->nheld = 0;
    lock_watch_run(&c->thread->view, c->client);
    return lock_rest(c);
}

enum lock_outcome keyspace_lock_on(struct cmd_ctx *c, bool next_held)
{
    c->keys->nheld += next_held;
    lock_watch_run(&c->thread->view, c->client);
    watch_held(c, c->keys->nheld);
    return lock_rest(c);
}

// ---- letting go -------------------------------------------------------------------------------

void entry_remove(struct thread *thread, struct dict *dict, uint64_t hash, struct entry *e)
{
    dict_remove(dict, thread->epoch, hash, e);
    keylock_kill(&e->lock);
    epoch_retire(thread->epoch, e, entry_free, entry_bytes(e));
}

// Tells which keys were waited for, now that nobody waits for us. Once: they may be locked again.
static void count_waits(struct cmd_ctx *c)
{
    struct key_table *t = c->keys;

    for (int i = 0; i < t->norder; i++) {
        struct key_slot *slot = t->order[i];
        if (slot->waited_ns)
            hot_keys_count(&c->store->hot_keys, lock_watch_id(slot->hash, slot->db), slot->db,
                           slot->name, slot->waited_ns);
        slot->waited_ns = 0;
    }
}

void keyspace_unlock(struct cmd_ctx *c)
{
    struct key_table *t = c->keys;

    if (t->rewrites && t->publishing)
        keyspace_count_rewrites(c);
    lock_watch_release(&c->thread->view, t->nheld);
    if (t->nheld > HELD_SHOWN)
        lock_watch_hold_many(&c->thread->view, NULL);
    for (int i = 0; i < t->nheld; i++) {
        struct key_slot *slot = t->order[i];
        struct entry *e = slot->entry;
        if (!e)
            continue;
        struct value v = entry_value(e);
        // A section of a collection that was taken out or emptied stays open for ever: who still
        // reads it must look the key up again.
        if (slot->mode == LOCK_WRITE && value_is_object(slot->seen) && slot->seen.bits == v.bits)
            object_write_end(value_object(v));
        slot->entry = NULL;
        if (!value_is_none(v)) {
            bool expired = t->met_expired && value_expired(v, c->now_ms); // locked for reading
            keylock_unlock(&e->lock, lock_mode(slot));
            // Others may have removed it meanwhile; to the end of the section it is memory.
            if (expired)
                keyspace_expire_try(c->thread, slot->db, e, c->now_ms);
        } else if (slot->mode == LOCK_WRITE || keylock_release_last(&e->lock)) {
            entry_remove(c->thread, slot->dict, slot->hash, e);
        }
    }
    if (t->waited)
        count_waits(c);
    t->locked = t->waited = t->publishing = t->rewrites = false; // they may be locked again
    t->norder = t->nheld = 0;
}

void keyspace_abandon(struct cmd_ctx *c, bool next_held)
{
    struct key_table *t = c->keys;

    if (t->nheld < t->norder) {
        struct key_slot *slot = t->order[t->nheld];
        struct entry *e = next_held ? NULL : slot_find(slot);
        if (e)
            keylock_pass_on(&e->lock);
        t->nheld += next_held;
    }
    if (t->locked)
        keyspace_unlock(c);
}
