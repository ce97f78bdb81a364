// SPDX-License-Identifier: MIT
// An explorer of interleavings: runs a few small threads in every order of their steps.
//
// The code under test is the real one, compiled a second time with atomics.h: each atomic operation
// first gives way to the explorer, which decides who runs next. So a step is one atomic operation
// and what follows it up to the next. The threads are coroutines of one kernel thread. The parking
// lot below the locks is a model (lot.h), or real itself.
//
//   state        = the regions a scenario names + the stacks and resume points of the coroutines
//   from a state = each thread that is not waiting may go on; one that sleeps with a deadline may
//                  time out; a choice (explore_choose) goes every way
//
// Search: depth first over states, each entered once. A state is put back by copying regions and
// stacks, and known by a hash of 128 bits of the same bytes; two states would have to collide for
// one to be missed. All that a thread may do next is a function of these bytes, so what was
// explored from a state need not be explored again: the search is exhaustive though it follows
// each path only as far as something known. Loops end by themselves, so compare_exchange_weak may
// fail for no reason and a waiter may spin as often as they like.
//
// What fails a scenario:
//   - explore_check() and assert() in the code under test, in the threads, in `invariant`, which is
//     asked in every state, and in `finally`, asked whenever all threads have ended;
//   - a state in which nobody can go on, or none but those whose deadline would have to pass: a
//     deadlock, or a lost wake-up;
//   - a segmentation fault in a thread;
//   - an atomic operation on memory that explore_free() has declared gone;
//   - more states than max_states: what was not explored is not called checked;
//   - a step that, taken again from the same state, leads elsewhere: then something that matters is
//     in none of the regions. One step in 32 is tried.
//
// Not covered: memory order. The operations are sequentially consistent here; ThreadSanitizer
// checks the orders in the torture tests. Nor data races on plain memory, for the same reason.
//
// The coroutines' stacks are copied behind the back of the compiler's sanitizers, so builds with
// ASan or TSan skip these tests; all that runs here is one kernel thread anyway.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { EXPLORE_THREADS = 4, EXPLORE_REGIONS = 6, EXPLORE_FAILURE_SIZE = 1 << 16 };

// Memory that is part of the state: everything that the threads change, but their stacks.
struct explore_region {
    void *base;
    size_t nbytes;
};

struct explore_scenario {
    const char *name;
    struct explore_region regions[EXPLORE_REGIONS]; // {0} after the last
    void (*threads[EXPLORE_THREADS])(void);         // NULL after the last
    void (*begin)(void);                            // puts the regions into their first state
    void (*invariant)(void);                        // NULL: none
    void (*finally)(void);                          // NULL: nothing to check
    void (*show)(char *text, size_t size);          // the regions in a few words, for traces
    size_t max_states;
};

struct explore_result {
    size_t states;                      // distinct ones
    size_t steps;                       // taken, also those that led to a known state
    size_t ends;                        // states in which all threads have ended
    uint64_t seen;                      // bits of explore_saw()
    bool complete;                      // everything was explored
    char failure[EXPLORE_FAILURE_SIZE]; // what failed and the steps that led there; "": nothing
};

void explore(const struct explore_scenario *scenario, struct explore_result *result);

// ---- for the threads and the code under them ---------------------------------------------------
// Outside of a thread (in begin, invariant, finally) they return at once.

// Gives way to the others. `where` must be a literal: it is printed in traces.
void explore_step(const char *where);
// The same before an atomic operation; the memory must not be gone by then.
void explore_access(const volatile void *object, const char *where);
// Waits until guard(arg), which only looks. With `timed` it may also return false, at any time.
bool explore_wait(const char *where, bool (*guard)(const void *arg), const void *arg, bool timed);
// Returns each number below n in turn, without giving way.
unsigned explore_choose(unsigned n);
// Which of the scenario's threads is running.
unsigned explore_self(void);
// From now on nobody may access this object.
void explore_free(const volatile void *object);
// Notes that something has happened, so that a test can tell whether it ever did. bit < 64.
void explore_saw(unsigned bit);
// Ends the exploration; the first failure counts.
void explore_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

#define explore_check(condition)                                                                   \
    do {                                                                                           \
        if (!(condition))                                                                          \
            explore_fail("%s:%d: is false: %s", __FILE__, __LINE__, #condition);                   \
    } while (0)
#define explore_check_int(actual, expected)                                                        \
    do {                                                                                           \
        long long actual_ = (long long)(actual), expected_ = (long long)(expected);                \
        if (actual_ != expected_)                                                                  \
            explore_fail("%s:%d: %s is %lld, expected %lld", __FILE__, __LINE__, #actual, actual_, \
                         expected_);                                                               \
    } while (0)
