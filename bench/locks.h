// SPDX-License-Identifier: MIT
// The lock bench: Keylot's mutex and rwlock beside those of the C library and a spinlock, in the
// same run.
//
// An experiment is a number of threads that use one lock in a stated way for a short time. A kind
// is a lock, for Keylot's own with one of the presets. A round runs every experiment with every
// kind once, so that a noisy moment hits them alike, and each figure is the median of the rounds.
//
//   locks.c              main: arguments, rounds, the machine
//   locks_experiments.c  the experiments and the goals they are held to
//   locks_kinds.c        the locks and the loops that use them
//   locks_report.c       medians, tables, data for the plots
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum { MAX_THREADS = 8, MAX_ROUNDS = 31, ROLES = 2 };

// ---- waits -----------------------------------------------------------------------------------

// Waits by logarithm, 8 steps an octave: each bucket's bound is within 13 % of what it counts.
enum { WAIT_STEPS = 8, WAIT_BUCKETS = 64 * WAIT_STEPS };

struct waits {
    uint64_t n;
    uint64_t sum_ticks;
    uint64_t max_ticks;
    uint64_t bucket[WAIT_BUCKETS];
};

static inline unsigned wait_bucket(uint64_t ticks)
{
    if (ticks < WAIT_STEPS)
        return (unsigned)ticks;
    unsigned octave = 63 - (unsigned)__builtin_clzll(ticks);
    return (octave - 2) * WAIT_STEPS + (unsigned)((ticks >> (octave - 3)) & (WAIT_STEPS - 1));
}

// The least number of ticks that a bucket does not count any more.
static inline uint64_t wait_bucket_end(unsigned bucket)
{
    if (bucket < WAIT_STEPS)
        return bucket + 1;
    unsigned octave = bucket / WAIT_STEPS + 2;
    return (uint64_t)(WAIT_STEPS + bucket % WAIT_STEPS + 1) << (octave - 3);
}

static inline void waits_add(struct waits *waits, uint64_t ticks)
{
    waits->n++;
    waits->sum_ticks += ticks;
    if (ticks > waits->max_ticks)
        waits->max_ticks = ticks;
    waits->bucket[wait_bucket(ticks)]++;
}

// ---- experiments -----------------------------------------------------------------------------

enum family { FAMILY_MUTEX, FAMILY_RWLOCK };

// What one group of threads does, over and over.
struct role {
    const char *name;
    int threads;
    bool read;         // takes a reader-writer lock for reading
    uint32_t hold_ns;  // held so long; from 10 us on by the clock, below by counted steps
    uint32_t work_ns;  // then so long without the lock
    uint32_t sleep_ns; // then asleep so long
    uint32_t sample;   // times every so many-th wait, a power of two
};

struct experiment {
    const char *id;
    const char *title;
    enum family family;
    uint32_t run_ms;         // of activity
    uint32_t on_ms;          // 0: no pauses; else active so long,
    uint32_t off_ms;         // then asleep so long
    bool plot;               // wanted as a plot
    struct role role[ROLES]; // threads = 0: no such role
};

extern const struct experiment experiments[];
extern const int experiment_count;

// ---- kinds -----------------------------------------------------------------------------------

enum kind {
    KIND_KEYLOT,
    KIND_KEYLOT_THROUGHPUT,
    KIND_KEYLOT_FAIRNESS,
    KIND_PTHREAD,  // pthread_mutex, or pthread_rwlock that prefers readers
    KIND_PTHREAD2, // adaptive pthread_mutex, or pthread_rwlock that prefers writers
    KIND_SPIN,
    KINDS,
};

const char *kind_name(enum kind kind, enum family family);
size_t kind_lock_size(enum kind kind, enum family family);

// ---- runs ------------------------------------------------------------------------------------

// What one run of one role gave.
struct outcome {
    double seconds; // active
    uint64_t ops[MAX_THREADS];
    struct waits waits;
    double cpu_us; // user and system time of all its threads
    uint64_t switches;
};

// Runs it once; out[ROLES].
void kind_run(enum kind kind, const struct experiment *experiment, struct outcome *out);

// Measures the clock and the step of counted work. Before all runs.
void kinds_calibrate(void);
double ticks_per_ns(void);

// ---- report ----------------------------------------------------------------------------------

// The figures of a run that the tables show.
struct figures {
    double rate;                    // operations a second, of the role
    double min, max;                // operations of one thread
    double spread;                  // (max - min) / max, in per cent
    double mean_us, p99_us, max_ms; // waits
    double cpu_us;                  // a operation
    double switches;                // a operation
};

struct figures figures_of(const struct role *role, const struct outcome *outcome);

// [experiment][kind][role][round], flat; see report_cell().
struct report {
    int rounds;
    struct figures *figures;
    struct outcome *last; // [experiment][kind][role]: of the last round
};

struct figures *report_cell(const struct report *report, int experiment, int kind, int role);
struct outcome *report_last(const struct report *report, int experiment, int kind, int role);
// Prints the chosen experiments, and the goals if all are.
void report_print(const struct report *report, const bool *chosen, FILE *to);
// Writes <dir>/<experiment>.ops and .waits for gnuplot. False: could not.
bool report_plot_data(const struct report *report, const char *dir);
