// SPDX-License-Identifier: MIT
//
// Counts of error replies by their code ("WRONGTYPE", "ERR"), for INFO errorstats.
#pragma once

#include <stdint.h>

struct kl_store;
struct thread;

// Counts one error reply of the calling thread. Errors are rare: takes a short lock of the store.
void stats_count_error(struct thread *, const char *code);
// Calls fn for each code counted so far, in the order of first appearance.
void stats_each_error(struct kl_store *, void (*fn)(const char *code, int64_t count, void *arg),
                      void *arg);
// CONFIG RESETSTAT: forgets error counts and brings the counters of all threads back to zero, and
// those of the locks.
void stats_reset(struct kl_store *);
