// SPDX-License-Identifier: MIT
//
// Names: texts that many values hold, such as the fields of hashes that are all alike, kept once
// for the whole process and told by a number.
//
// A text becomes a name when it has been met often enough (name_meet()), and stays one until the
// process ends: a number may be written anywhere and is valid for ever, without counting
// references. That is why there are few, and why no store has names of its own. Which texts are
// met often is estimated by a small table of counters: texts that share one count against each
// other, so that one that is met once and never again cannot become a name however many such there
// are. When NAMES_MAX are known no more are learned.
//
// Concurrency: any thread, any time, no locks. A number that is found in published memory is known
// to whoever found it.
#pragma once

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct name {
    unsigned char len;
    char text[];
};

enum {
    NAME_SLOTS = 3840,          // numbers are below this: 15 * 256, see packed.h
    NAMES_MAX = NAME_SLOTS / 2, // the table is an open hash table, and half full is full
    NAME_MIN_LEN = 2,           // of shorter texts and of longer ones no names are made
    NAME_MAX_LEN = 64,
    NAME_NONE = -1,
};

extern const struct name *_Atomic name_slots[NAME_SLOTS];

// The name of a number that somebody got from the functions below.
static inline const struct name *name_of(unsigned number)
{
    // Acquire pairs with the release that made it a name.
    return atomic_load_explicit(&name_slots[number], memory_order_acquire);
}

// Number of a text, NAME_NONE if it is no name.
int name_find(const char *text, size_t len);

// The same for a text that is met now, which may make it a name. Out of memory is no reason to
// fail: it becomes one another time.
int name_meet(const char *text, size_t len);

// How many names there are.
size_t names_known(void);
