// SPDX-License-Identifier: MIT
// Adaptive spinning: how long a thread tries before it parks, and the numbers that decide it.
//
// A waiter goes through rounds. Rounds 0 .. spins-1 burn a few pause instructions, twice as many
// each round up to 2^backoff_steps; rounds spins .. yields-1 give the CPU away; after that the
// waiter is told to park. A yield that takes long ends the spinning, since the CPUs have other work
// to do. With one CPU every round would only keep the holder from running, so the answer is "park"
// at once.
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

// Process-wide parameters. They may be stored at any time with relaxed order: they carry no data,
// and a waiter that mixes old and new ones only waits a little differently once.
struct lock_tuning {
    _Atomic uint32_t spins;         // rounds that spin
    _Atomic uint32_t backoff_steps; // doublings of the pauses in a round
    _Atomic uint32_t yields;        // round in which waiting gives up and parks
    _Atomic uint32_t fairness_us;   // mean time between hand-offs of a parking-lot bucket
    _Atomic uint32_t starvation_ms; // a wait longer than this is counted as starvation (stats.h)
};

extern struct lock_tuning lock_tuning;

// The first four of them, as plain numbers.
struct lock_parameters {
    uint32_t spins, backoff_steps, yields, fairness_us;
};

// Throughput: waiters burn more of the CPU before they sleep, and running threads overtake sleeping
// ones for longer. Fairness: the reverse.
enum lock_preset {
    LOCK_PRESET_DEFAULT,
    LOCK_PRESET_THROUGHPUT,
    LOCK_PRESET_FAIRNESS,
    LOCK_PRESETS,
};

extern const struct lock_parameters lock_presets[LOCK_PRESETS];

// Stores the parameters; every wait that begins afterwards goes by them. Any thread, any time.
void lock_tuning_set(const struct lock_parameters *parameters);
// What is in force now.
struct lock_parameters lock_tuning_get(void);

// Progress of one wait; zero-initialised. Belongs to the waiting thread.
struct spin {
    uint32_t round;
    uint32_t repeats;    // of all rounds, by spin_wait_long()
    int64_t yielding_ns; // clock_monotonic_ns() when the first yield began; 0: not yet
    bool pauses_only;    // the thread has other work: it parks instead of giving the CPU away
};

// Spends one round of waiting. True: look at the lock again; false: it is time to park.
bool spin_wait(struct spin *spin);

// Whether it has gone on for a while, half of the rounds that spin: the lock is not to be had soon.
bool spin_is_long(const struct spin *spin);
// How many threads may spin on for one lock then: one for each CPU, and not more than can be of use
// to a lock that serves one at a time. 0: none, there is one CPU only.
unsigned spin_long_most(void);
// As spin_wait(), for one of those: goes through the rounds several times. It is to be there when a
// thread to which the lock was handed over has woken up and let go again.
bool spin_wait_long(struct spin *spin);

// Starts over, after a wake-up.
static inline void spin_reset(struct spin *spin)
{
    spin->round = spin->repeats = 0;
}
