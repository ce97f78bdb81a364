// SPDX-License-Identifier: MIT
//
// How fast the store is going at the moment, and the most memory it ever held: samples that
// store_cron() takes a few times a second, for INFO.
#pragma once

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "locks/mutex.h"

struct kl_store;

enum { RATE_SAMPLES = 16 };

enum rate { RATE_COMMANDS, RATE_NET_IN, RATE_NET_OUT, RATE_KINDS };

struct rates {
    MUTEX(RANK_RATES) lock; // guards all below
    int64_t last_ns;        // CLOCK_MONOTONIC of the last sample
    int64_t last[RATE_KINDS];
    unsigned nsamples; // taken, ever
    double per_second[RATE_SAMPLES][RATE_KINDS];
    size_t memory_startup, memory_peak;
};

// Takes the starting point. Not thread-safe; for store_open().
void rates_init(struct rates *);
// Takes a sample when the last one is at least a tenth of a second old. Thread-safe, cheap.
void rates_sample(struct kl_store *);
// Per second, the mean of the last samples: about the last two seconds.
double rates_get(struct kl_store *, enum rate);
// Bytes allocated when the store was opened, and the most seen since (now included).
size_t rates_memory_startup(struct kl_store *);
size_t rates_memory_peak(struct kl_store *);
// Begins anew, as CONFIG RESETSTAT brings the counters back to zero.
void rates_reset(struct kl_store *);
