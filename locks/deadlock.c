// SPDX-License-Identifier: MIT
#include "locks/deadlock.h"

#ifdef KL_DEBUG

#include "locks/rank_record.h"

#include <stdlib.h>

enum { CYCLE_MAX = 16 }; // threads

// A thread on the path of waits that begins with the one that looks. On the stack of the search.
struct step {
    const struct step *from; // who waits for a lock of this one; NULL: it is the first
    struct rank_thread *thread;
    struct rank_state state;
    const struct rank_entry *wait; // in `state`
};

// What the thread waits for without an end, or NULL. The latest counts: what it uses inside the
// slow path of another lock.
static const struct rank_entry *wait_of(const struct rank_state *state)
{
    for (int i = state->n - 1; i >= 0; i--)
        if (state->entries[i].wanted != HOLD_NONE)
            return state->entries[i].timed ? NULL : &state->entries[i];
    return NULL;
}

static bool keeps_out(const struct rank_state *state, const struct rank_entry *wait)
{
    for (int i = 0; i < state->n; i++)
        if (state->entries[i].lock == wait->lock &&
            lock_holds_conflict(state->entries[i].holds, wait->wanted))
            return true;
    return false;
}

static bool on_path(const struct step *step, const struct rank_thread *thread)
{
    for (; step != NULL; step = step->from)
        if (step->thread == thread)
            return true;
    return false;
}

// Whether no record of the path has changed since it was copied. Then all copies were true at one
// moment, the end of the copying, and nobody on a cycle of them can ever go on.
static bool unchanged(const struct step *step)
{
    struct rank_state now;
    for (; step != NULL; step = step->from) {
        rank_look(step->thread, &now);
        if (now.changes != step->state.changes)
            return false;
    }
    return true;
}

static void report(const struct step *last)
{
    static atomic_flag reporting = ATOMIC_FLAG_INIT;
    if (atomic_flag_test_and_set(&reporting))
        return; // another thread of the cycle was faster
    fprintf(stderr, "deadlock: each thread waits for a lock of the one above it, the first for one "
                    "of the last\n");
    for (const struct step *step = last; step != NULL; step = step->from)
        rank_print(stderr, &step->state);
    abort();
}

// Looks for a path from the step's thread back to `first`, and reports it if it is one.
static void follow(const struct step *step, const struct rank_thread *first, int length)
{
    struct step next = {.from = step};
    for (next.thread = rank_threads(); next.thread != NULL; next.thread = next.thread->next) {
        if (next.thread == step->thread)
            continue; // an upgrader does not wait for itself
        rank_look(next.thread, &next.state);
        if (!keeps_out(&next.state, step->wait))
            continue;
        next.wait = wait_of(&next.state);
        if (next.thread == first) {
            if (unchanged(step))
                report(step);
        } else if (next.wait != NULL && length < CYCLE_MAX && !on_path(step, next.thread)) {
            follow(&next, first, length + 1);
        }
    }
}

void deadlock_look(void)
{
    struct step first = {.thread = rank_self()};
    rank_look(first.thread, &first.state);
    first.wait = wait_of(&first.state);
    if (first.wait != NULL)
        follow(&first, first.thread, 1);
}

#endif
