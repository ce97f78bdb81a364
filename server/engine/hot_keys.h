// SPDX-License-Identifier: MIT
//
// The keys whose locks were waited for most, in bounded memory.
//
// A sketch of the space-saving kind: it follows HOT_KEYS keys; a key that is not followed takes the
// place of the one with the least time, and inherits that time as a possible error. So a key that
// was waited for longer than 1/HOT_KEYS of all the time is always among them, and the time
// reported for a key is never too small, and too large by at most its error.
//
// Fed by threads that had to wait, after they have released the key. One mutex: each of them has
// just slept, which takes far longer than what is done under it.
#pragma once

#include "locks/mutex.h"
#include "resp/bytes.h"

#include <stdint.h>

enum {
    HOT_KEYS = 128,
    KEY_SHOWN_CHARS = 128, // of a key's name; the rest is cut off
};

struct hot_key {
    int db;
    uint64_t waits; // since it is followed
    uint64_t wait_ns, error_ns, max_ns;
    size_t len;
    char name[KEY_SHOWN_CHARS];
};

struct hot_keys {
    MUTEX(RANK_HOT_KEYS) lock; // guards all that follows; zeroed memory is an empty sketch
    int n;
    uint64_t ids[HOT_KEYS]; // by which keys are told apart
    struct hot_key keys[HOT_KEYS];
};

// Counts one wait of so many ns for the key with that id (lock_watch_id()).
void hot_keys_count(struct hot_keys *, uint64_t id, int db, struct bytes name, int64_t ns);
// Copies the `max` most waited for, the most first; returns their number.
int hot_keys_top(struct hot_keys *, struct hot_key *out, int max);
void hot_keys_reset(struct hot_keys *);
