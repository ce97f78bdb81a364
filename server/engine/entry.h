// SPDX-License-Identifier: MIT
//
// An entry of the keyspace: one allocation that holds the key, its value word, its lock and its
// usage hint. The key's own lock is the whole lock memory of the key.
//
//     0        8        12     13     16
//     | value  | lock   | klen | hint | key bytes ...                  key shorter than 255 bytes
//     | value  | lock   | 255  | hint | length (4) | key bytes ...     longer
//
// `meta` packs klen (low byte) and the usage hint (24 bits above) in one word, so that the hint can
// be changed by a relaxed store beside readers of the length.
//
// Life of an entry
// 1. Made as a placeholder: value absent, lock held by its maker, then linked into the dictionary.
// 2. Its value comes and goes under the lock. Absent means that the key does not exist.
// 3. Who is about to release the lock and finds the value absent unlinks the entry, kills the lock
//    (keylock_kill: it can never be acquired again, all waiters look the key up anew) and retires
//    it.
// So a linked entry whose lock nobody holds always has a value, and memory goes back with the key.
#pragma once

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "datatypes/dict.h"
#include "datatypes/value.h"
#include "locks/keylock.h"
#include "resp/bytes.h"

enum { ENTRY_LONG_KEY = 255 };

struct entry {
    _Atomic uint64_t value; // struct value; release when published, acquire when read
    struct keylock lock;
    _Atomic uint32_t meta;
    char key[];
};

_Static_assert(offsetof(struct entry, key) == 16, "the entry's header is two words");

static inline struct bytes entry_key(const struct entry *e)
{
    uint32_t len = atomic_load_explicit(&e->meta, memory_order_relaxed) & 255;
    if (len < ENTRY_LONG_KEY)
        return (struct bytes){e->key, len};
    memcpy(&len, e->key, sizeof len);
    return (struct bytes){e->key + sizeof len, len};
}

static inline struct value entry_value(const struct entry *e)
{
    return (struct value){atomic_load_explicit(&e->value, memory_order_acquire)};
}

// A placeholder whose lock is held in `mode`; NULL without memory.
struct entry *entry_new(struct bytes key, enum keylock_mode mode);
// Frees the entry itself, not its value.
void entry_free(void *entry);
size_t entry_bytes(const struct entry *);

// Usage hint: the second (mod 2^24) of the last use. A store only when it changes.
void entry_use(struct entry *, int64_t now_ms);
// The same, that many seconds ago; more than the hint can tell is the most that it can.
void entry_set_idle(struct entry *, int64_t now_ms, int64_t seconds);
int64_t entry_idle_seconds(const struct entry *, int64_t now_ms);

extern const struct dict_type entry_dict_type;
