// SPDX-License-Identifier: MIT
// Every interleaving of a few threads on the lock of one key: the real code of locks/keylock.c,
// explored (tests/model/explore.h), in a world of one key, whose entry may be removed and made
// anew, and of epochs, which say when a removed entry's lock is gone.
#include "tests/model/lot.h"
#include "tests/model/model_test.h"

#include "locks/keylock.h"

#include <stdio.h>

#define SLEPT       LOT_SAW(LOT_SLEPT)
#define HANDED_OVER LOT_SAW(LOT_HANDED_OVER)

// What else may be seen.
enum {
    SHARED = LOT_EVENTS,
    KILLED,
    TOLD_TO_RETRY,
    PASSED_ON,
    CANCELLED,
    CANCELLED_LATE,
    BECAME_LAST,
    LOCK_FREED,
};

// No entry: the key does not exist.
enum { ENTRIES = 3, NO_ENTRY = ENTRIES };

#define READERS_MASK (~(uint32_t)(KEYLOCK_READER - 1))

static struct {
    struct keylock locks[ENTRIES]; // of the key's entry, and of those it had before or will have
    uint32_t entry;                // the present one
    uint32_t unused;               // the next to be made
    uint32_t readers[ENTRIES], writers[ENTRIES];
    uint32_t in_epoch;         // a bit for each thread
    uint32_t grace[ENTRIES];   // who must leave its epoch until the lock is gone
    uint32_t retired[ENTRIES]; // whether it waits for that
    uint32_t have_read;
    // A connection's waiter for each thread, and what it was told.
    struct park_waiter waiters[EXPLORE_THREADS];
    uint64_t tokens[EXPLORE_THREADS], told[EXPLORE_THREADS];
} w;

static void begin(void)
{
    memset(&w, 0, sizeof(w));
    w.unused = 1;
    lot_open((const void *[]){&w.locks[0], &w.locks[1], &w.locks[2], NULL});
}

static void check_word(const struct keylock *lock)
{
    uint32_t word = lock->word;
    bool written = word & KEYLOCK_WRITER;
    explore_check(!written || !(word & READERS_MASK));
    explore_check(written || !(word & KEYLOCK_MUTATING));
    explore_check(!(word & KEYLOCK_DEAD) || word == KEYLOCK_DEAD);
    if (lot_quiet(lock))
        explore_check_int(word & KEYLOCK_PARKED, lot_waiters(lock) > 0);
}

static void invariant(void)
{
    for (int i = 0; i < ENTRIES; i++) {
        check_word(&w.locks[i]);
        if (w.readers[i] > 1)
            explore_saw(SHARED);
    }
}

static void finally(void)
{
    for (uint32_t i = 0; i < ENTRIES; i++) {
        bool alive = i == w.entry || i >= w.unused;
        explore_check_int(w.locks[i].word, alive ? 0 : KEYLOCK_DEAD);
        explore_check_int(lot_waiters(&w.locks[i]), 0);
        explore_check_int(w.readers[i] + w.writers[i], 0);
        explore_check_int(w.grace[i], 0);
    }
    explore_check_int(w.in_epoch, 0);
}

static void show(char *text, size_t size)
{
    size_t len = (size_t)snprintf(text, size, "entry %u;", w.entry);
    for (uint32_t i = 0; i < w.unused && len < size; i++) {
        uint32_t word = w.locks[i].word;
        len += (size_t)snprintf(text + len, size - len, " %u: readers %u%s%s%s%s, queued %zu;", i,
                                word / KEYLOCK_READER, word & KEYLOCK_WRITER ? " WRITER" : "",
                                word & KEYLOCK_MUTATING ? " MUTATING" : "",
                                word & KEYLOCK_DEAD ? " DEAD" : "",
                                word & KEYLOCK_PARKED ? " PARKED" : "", lot_waiters(&w.locks[i]));
    }
}

static struct explore_scenario world(void)
{
    return (struct explore_scenario){
        .regions = {{&w, sizeof(w)}, lot_region()},
        .begin = begin,
        .invariant = invariant,
        .finally = finally,
        .show = show,
    };
}

// ---- epochs and entries ------------------------------------------------------------------------

static uint32_t self_bit(void)
{
    return UINT32_C(1) << explore_self();
}

static void epoch_enter_(void)
{
    w.in_epoch |= self_bit();
}

static void lock_is_gone(uint32_t entry)
{
    w.retired[entry] = false;
    explore_saw(LOCK_FREED);
    explore_free(&w.locks[entry].word);
}

static void epoch_leave(void)
{
    w.in_epoch &= ~self_bit();
    for (uint32_t i = 0; i < ENTRIES; i++) {
        w.grace[i] &= ~self_bit();
        if (w.retired[i] && w.grace[i] == 0)
            lock_is_gone(i);
    }
}

static void retire(uint32_t entry)
{
    w.retired[entry] = true;
    w.grace[entry] = w.in_epoch;
}

static void leave_to_sleep(void *arg)
{
    (void)arg;
    epoch_leave();
}

static void enter_after_sleep(void *arg)
{
    (void)arg;
    epoch_enter_();
}

static const struct keylock_hooks hooks = {leave_to_sleep, enter_after_sleep};

// Begins an epoch as late as possible, and says which entry the key has.
static uint32_t look_up(void)
{
    explore_step("looks the key up");
    epoch_enter_();
    return w.entry;
}

static void enter(uint32_t entry, enum keylock_mode mode)
{
    explore_check_int(w.entry, entry);
    explore_check_int(w.writers[entry], 0);
    if (mode == KEYLOCK_WRITE)
        explore_check_int(w.readers[entry], 0);
    *(mode == KEYLOCK_READ ? &w.readers[entry] : &w.writers[entry]) += 1;
    explore_step(mode == KEYLOCK_READ ? "reads" : "writes");
}

static void leave(uint32_t entry, enum keylock_mode mode)
{
    *(mode == KEYLOCK_READ ? &w.readers[entry] : &w.writers[entry]) -= 1;
}

// The write holder unlinks the entry and kills its lock.
static void remove_entry(uint32_t entry)
{
    w.entry = NO_ENTRY;
    leave(entry, KEYLOCK_WRITE);
    explore_saw(KILLED);
    keylock_kill(&w.locks[entry]);
    retire(entry);
}

// Locks the key, as often as it takes. NO_ENTRY: it does not exist. In an epoch when it returns.
static uint32_t lock_key(enum keylock_mode mode)
{
    for (;;) {
        uint32_t entry = look_up();
        if (entry == NO_ENTRY)
            return NO_ENTRY;
        if (keylock_lock(&w.locks[entry], mode, &hooks, NULL) == KEYLOCK_HELD) {
            enter(entry, mode);
            return entry;
        }
        explore_saw(TOLD_TO_RETRY);
        epoch_leave();
    }
}

static void unlock_key(uint32_t entry, enum keylock_mode mode)
{
    if (entry != NO_ENTRY) {
        leave(entry, mode);
        keylock_unlock(&w.locks[entry], mode);
    }
    epoch_leave();
}

// ---- reading and writing -----------------------------------------------------------------------

static void read_(void)
{
    unlock_key(lock_key(KEYLOCK_READ), KEYLOCK_READ);
}

static void write_(void)
{
    unlock_key(lock_key(KEYLOCK_WRITE), KEYLOCK_WRITE);
}

static void read_twice(void)
{
    read_();
    read_();
}

static void write_twice(void)
{
    write_();
    write_();
}

static void write_several(void)
{
    uint32_t entry = lock_key(KEYLOCK_WRITE);
    if (entry != NO_ENTRY) {
        keylock_set_mutating(&w.locks[entry]);
        explore_step("publishes");
    }
    unlock_key(entry, KEYLOCK_WRITE);
}

static void try_write(void)
{
    uint32_t entry = look_up();
    if (entry != NO_ENTRY && keylock_try(&w.locks[entry], KEYLOCK_WRITE)) {
        enter(entry, KEYLOCK_WRITE);
        unlock_key(entry, KEYLOCK_WRITE);
    } else {
        epoch_leave();
    }
}

static void test_read_write(void **state)
{
    (void)state;
    EXPLORE(world(), "keylock: read, write", SLEPT | HANDED_OVER, read_, write_);
    EXPLORE(world(), "keylock: read twice, write twice", SLEPT | HANDED_OVER, read_twice,
            write_twice);
    EXPLORE(world(), "keylock: read x3", LOT_SAW(SHARED), read_, read_, read_);
    EXPLORE(world(), "keylock: read x2, write", SLEPT | HANDED_OVER | LOT_SAW(SHARED), read_, read_,
            write_);
    EXPLORE(world(), "keylock: read, write x2", SLEPT | HANDED_OVER, read_, write_, write_);
    EXPLORE(world(), "keylock: write x3", SLEPT | HANDED_OVER, write_, write_, write_);
    EXPLORE(world(), "keylock: write several, read, write", SLEPT, write_several, read_, write_);
    EXPLORE(world(), "keylock: try, read, write", SLEPT, try_write, read_, write_);
    if (!model_full())
        return;
    EXPLORE(world(), "keylock: read twice x2, write", SLEPT, read_twice, read_twice, write_);
    EXPLORE(world(), "keylock: read, write twice x2", SLEPT, read_, write_twice, write_twice);
    EXPLORE(world(), "keylock: read x2, write x2", SLEPT, read_, read_, write_, write_);
}

// ---- death -------------------------------------------------------------------------------------

static void remove_(void)
{
    uint32_t entry = lock_key(KEYLOCK_WRITE);
    if (entry != NO_ENTRY)
        remove_entry(entry);
    epoch_leave();
}

// Removes the entry and makes another, locked from the start as a command that creates does it.
static void replace(void)
{
    uint32_t entry = lock_key(KEYLOCK_WRITE);
    if (entry == NO_ENTRY) {
        epoch_leave();
        return;
    }
    remove_entry(entry);
    uint32_t next = w.unused++;
    explore_check(next < ENTRIES);
    keylock_init(&w.locks[next], true);
    explore_step("links another entry");
    w.entry = next;
    enter(next, KEYLOCK_WRITE);
    unlock_key(next, KEYLOCK_WRITE);
}

// A reader that removes the entry if it is the last to leave.
static void read_and_remove(void)
{
    uint32_t entry = lock_key(KEYLOCK_READ);
    if (entry == NO_ENTRY) {
        epoch_leave();
        return;
    }
    leave(entry, KEYLOCK_READ);
    if (keylock_release_last(&w.locks[entry])) {
        explore_saw(BECAME_LAST);
        enter(entry, KEYLOCK_WRITE);
        remove_entry(entry);
    }
    epoch_leave();
}

// The same, but it finds that there is nothing to remove.
static void read_and_look(void)
{
    uint32_t entry = lock_key(KEYLOCK_READ);
    if (entry == NO_ENTRY) {
        epoch_leave();
        return;
    }
    leave(entry, KEYLOCK_READ);
    if (keylock_release_last(&w.locks[entry])) {
        explore_saw(BECAME_LAST);
        enter(entry, KEYLOCK_WRITE);
        unlock_key(entry, KEYLOCK_WRITE);
    } else {
        epoch_leave();
    }
}

static void test_kill(void **state)
{
    (void)state;
    uint64_t see = SLEPT | LOT_SAW(KILLED) | LOT_SAW(TOLD_TO_RETRY) | LOT_SAW(LOCK_FREED);
    EXPLORE(world(), "keylock: remove, read, write", see, remove_, read_, write_);
    EXPLORE(world(), "keylock: remove x2, read", see, remove_, remove_, read_);
    EXPLORE(world(), "keylock: replace, read, write", see, replace, read_, write_);
    EXPLORE(world(), "keylock: replace x2, read", see, replace, replace, read_);
    EXPLORE(world(), "keylock: replace, remove, write", see, replace, remove_, write_);
}

static void test_release_last(void **state)
{
    (void)state;
    uint64_t see = SLEPT | LOT_SAW(BECAME_LAST);
    EXPLORE(world(), "keylock: last of 2 removes, read", see | LOT_SAW(KILLED), read_and_remove,
            read_and_remove, read_);
    EXPLORE(world(), "keylock: last of 2 removes, write", see | LOT_SAW(KILLED), read_and_remove,
            read_and_remove, write_);
    EXPLORE(world(), "keylock: last of 2 looks, write", see, read_and_look, read_and_look, write_);
    EXPLORE(world(), "keylock: last of 2 looks, read", see, read_and_look, read_and_look, read_);
}

// ---- callbacks and those who change their mind
// ---------------------------------------------------

static void note_told(struct park_waiter *waiter, uintptr_t token)
{
    size_t i = (size_t)(waiter - w.waiters);
    w.tokens[i] = token;
    w.told[i] = true;
}

static bool has_been_told(const void *arg)
{
    return w.told[(const struct park_waiter *)arg - w.waiters];
}

// A connection's way to the key.
struct async_plan {
    enum keylock_mode mode;
    bool may_cancel; // while it waits, perhaps
    bool gives_up;   // when it is told to try again
};

static enum keylock_result wait_for_callback(struct park_waiter *waiter)
{
    explore_wait("is told", has_been_told, waiter, false);
    size_t i = (size_t)(waiter - w.waiters);
    w.told[i] = false;
    return keylock_wake_result(w.tokens[i]);
}

// True: withdrawn. False: *result says what the wake-up brought.
static bool withdraw(struct park_waiter *waiter, enum keylock_result *result)
{
    explore_step("gives up");
    epoch_enter_();
    bool cancelled = keylock_cancel(waiter);
    epoch_leave();
    explore_saw(cancelled ? CANCELLED : CANCELLED_LATE);
    if (!cancelled)
        *result = wait_for_callback(waiter);
    return cancelled;
}

// What is owed after KEYLOCK_RETRY by one who wants the key no more.
static void pass_on(void)
{
    uint32_t entry = look_up();
    explore_saw(PASSED_ON);
    if (entry != NO_ENTRY)
        keylock_pass_on(&w.locks[entry]);
    epoch_leave();
}

static void lock_async(struct async_plan plan)
{
    struct park_waiter *waiter = &w.waiters[explore_self()];
    waiter->wake = note_told;
    for (;;) {
        uint32_t entry = look_up();
        enum keylock_result result = KEYLOCK_QUEUED;
        if (entry != NO_ENTRY)
            result = keylock_lock_async(&w.locks[entry], plan.mode, waiter);
        if (result == KEYLOCK_QUEUED)
            epoch_leave();
        if (entry == NO_ENTRY)
            return;
        bool queued = result == KEYLOCK_QUEUED;
        if (queued && plan.may_cancel && explore_choose(2) == 1) {
            if (withdraw(waiter, &result))
                return;
        } else if (queued) {
            result = wait_for_callback(waiter);
        }
        if (result == KEYLOCK_HELD) {
            if (queued)
                epoch_enter_();
            enter(entry, plan.mode);
            unlock_key(entry, plan.mode);
            return;
        }
        explore_saw(TOLD_TO_RETRY);
        if (!queued)
            epoch_leave();
        if (plan.gives_up) {
            pass_on();
            return;
        }
    }
}

static void async_read(void)
{
    lock_async((struct async_plan){.mode = KEYLOCK_READ});
}

static void async_write(void)
{
    lock_async((struct async_plan){.mode = KEYLOCK_WRITE});
}

static void async_write_or_cancel(void)
{
    lock_async((struct async_plan){.mode = KEYLOCK_WRITE, .may_cancel = true});
}

static void async_read_or_cancel(void)
{
    lock_async((struct async_plan){.mode = KEYLOCK_READ, .may_cancel = true});
}

static void async_write_or_give_up(void)
{
    lock_async((struct async_plan){.mode = KEYLOCK_WRITE, .may_cancel = true, .gives_up = true});
}

static void cancel_write_then_write(void)
{
    async_write_or_cancel();
    write_();
}

// Whenever it has to wait, it does not.
static void async_write_never_waiting(void)
{
    struct park_waiter *waiter = &w.waiters[explore_self()];
    waiter->wake = note_told;
    uint32_t entry = look_up();
    enum keylock_result result = keylock_lock_async(&w.locks[entry], KEYLOCK_WRITE, waiter);
    bool queued = result == KEYLOCK_QUEUED;
    if (queued) {
        epoch_leave();
        if (withdraw(waiter, &result))
            return;
        epoch_enter_();
    }
    if (result == KEYLOCK_HELD) {
        enter(entry, KEYLOCK_WRITE);
        unlock_key(entry, KEYLOCK_WRITE);
    } else {
        epoch_leave();
        pass_on();
    }
}

static bool other_has_read(const void *arg)
{
    (void)arg;
    return w.have_read > 0;
}

static void read_and_tell(void)
{
    uint32_t entry = lock_key(KEYLOCK_READ);
    w.have_read++;
    unlock_key(entry, KEYLOCK_READ);
}

// Readers share, so one may wait for what another does.
static void read_until_other_has_read(void)
{
    uint32_t entry = lock_key(KEYLOCK_READ);
    explore_wait("waits for the other reader", other_has_read, NULL, false);
    unlock_key(entry, KEYLOCK_READ);
}

static void test_async(void **state)
{
    (void)state;
    EXPLORE(world(), "keylock: async read, async write, write", 0, async_read, async_write, write_);
    EXPLORE(world(), "keylock: async write x2, read", 0, async_write, async_write, read_);
    EXPLORE(world(), "keylock: async write, replace, read", LOT_SAW(KILLED), async_write, replace,
            read_);
}

static void test_cancel(void **state)
{
    (void)state;
    uint64_t see = LOT_SAW(CANCELLED) | LOT_SAW(CANCELLED_LATE);
    EXPLORE(world(), "keylock: cancel write, read x2", see, async_write_or_cancel, read_, read_);
    EXPLORE(world(), "keylock: cancel write, read, write", see, async_write_or_cancel, read_,
            write_);
    EXPLORE(world(), "keylock: cancel write x2, read", see, async_write_or_cancel,
            async_write_or_cancel, read_);
    EXPLORE(world(), "keylock: cancel read, write x2", see, async_read_or_cancel, write_, write_);
    EXPLORE(world(), "keylock: cancel write, replace, read", see | LOT_SAW(KILLED),
            async_write_or_cancel, replace, read_);
    EXPLORE(world(), "keylock: cancel write, last of 2 looks", see, async_write_or_cancel,
            read_and_look, read_and_look);
    EXPLORE(world(), "keylock: cancel write, write, read x2", see, cancel_write_then_write, read_,
            read_);
    EXPLORE(world(), "keylock: cancelled write lets readers join", see | LOT_SAW(SHARED),
            async_write_never_waiting, read_and_tell, read_until_other_has_read);
    if (model_full())
        EXPLORE(world(), "keylock: cancel write, read x3", see, async_write_or_cancel, read_, read_,
                read_);
}

static void test_pass_on(void **state)
{
    (void)state;
    uint64_t see = LOT_SAW(PASSED_ON);
    EXPLORE(world(), "keylock: give up, read, write", see, async_write_or_give_up, read_, write_);
    EXPLORE(world(), "keylock: give up, write x2", see, async_write_or_give_up, write_, write_);
    EXPLORE(world(), "keylock: give up, write, write twice", see, async_write_or_give_up, write_,
            write_twice);
    EXPLORE(world(), "keylock: give up x2, write", see, async_write_or_give_up,
            async_write_or_give_up, write_);
    EXPLORE(world(), "keylock: give up, replace, write", see, async_write_or_give_up, replace,
            write_);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read_write),   cmocka_unit_test(test_kill),
        cmocka_unit_test(test_release_last), cmocka_unit_test(test_async),
        cmocka_unit_test(test_cancel),       cmocka_unit_test(test_pass_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
