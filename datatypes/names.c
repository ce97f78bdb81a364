// SPDX-License-Identifier: MIT
//
// An open hash table with linear probing whose slots are the numbers. Slots are only ever filled,
// each by one compare-and-swap, so two threads that learn a text at once meet at the same slot and
// the second one takes what the first has put there.
#include "datatypes/names.h"

#include <string.h>

#include "datatypes/mem.h"
#include "datatypes/siphash.h"
#include "locks/once.h"

enum {
    LEARN_AFTER = 64, // a text is a name once it is so many times ahead of those beside it
    COUNTERS = 4096,
    COUNT_BITS = 8,
    COUNT_MASK = (1 << COUNT_BITS) - 1,
};

const struct name *_Atomic name_slots[NAME_SLOTS];

static _Atomic size_t known;
// mark << COUNT_BITS | count: Boyer and Moore's majority vote among the texts of one counter.
// Counts may be lost between threads.
static _Atomic uint32_t counters[COUNTERS];

// Secret, so that nobody can choose texts that meet in one place. The multiplier is odd, and so not
// 0.
static struct siphash_seed secret;
static struct once drawn = ONCE_INIT;

static bool draw(void *unused)
{
    (void)unused;
    siphash_seed_random(&secret);
    secret.k1 |= 1;
    return true;
}

static uint64_t load(const char *from, size_t nbytes)
{
    uint64_t word = 0;
    memcpy(&word, from, nbytes);
    return word;
}

// Both halves of a product: each bit of the result depends on each bit of the factors.
static uint64_t fold(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

// Folded multiplication, eight bytes at a time (the principle of wyhash): a fifth of what SipHash
// takes, and this is asked for every field that is set. The table holds few texts, and only those
// that were met often, so that there is little to be won by searching for collisions.
static uint64_t hash_of(const char *text, size_t len)
{
    once_run(&drawn, draw, NULL);
    uint64_t hash = secret.k0 ^ len;
    size_t at = 0;

    for (; len - at > sizeof(uint64_t); at += sizeof(uint64_t))
        hash = fold(hash ^ load(text + at, sizeof(uint64_t)), secret.k1);
    // The last eight bytes, or fewer if there are no more.
    if (len >= sizeof(uint64_t))
        return fold(hash ^ load(text + len - sizeof(uint64_t), sizeof(uint64_t)), secret.k1);
    if (len >= sizeof(uint32_t))
        return fold(hash ^ load(text, sizeof(uint32_t)) << 32 ^
                        load(text + len - sizeof(uint32_t), sizeof(uint32_t)),
                    secret.k1);
    return fold(hash ^ load(text, 2) << 16 ^ load(text + len - 2, 2), secret.k1);
}

// The slot where the text is, or else an empty one where it would be.
static unsigned probe(uint64_t hash, const char *text, size_t len, const struct name **found)
{
    unsigned slot = (unsigned)(hash % NAME_SLOTS);

    for (;; slot = (slot + 1) % NAME_SLOTS) {
        *found = name_of(slot);
        if (*found == NULL || ((*found)->len == len && memcmp((*found)->text, text, len) == 0))
            return slot;
    }
}

static bool may_be_name(size_t len)
{
    return len >= NAME_MIN_LEN && len <= NAME_MAX_LEN;
}

int name_find(const char *text, size_t len)
{
    const struct name *found;

    if (!may_be_name(len))
        return NAME_NONE;
    unsigned slot = probe(hash_of(text, len), text, len, &found);
    return found != NULL ? (int)slot : NAME_NONE;
}

// Whether the text has now been met often enough.
static bool count(uint64_t hash)
{
    _Atomic uint32_t *counter = &counters[hash % COUNTERS];
    uint32_t mark = (uint32_t)(hash >> 32) & ~(uint32_t)COUNT_MASK;
    uint32_t old = atomic_load_explicit(counter, memory_order_relaxed), n = old & COUNT_MASK;
    bool same = n > 0 && (old & ~(uint32_t)COUNT_MASK) == mark;

    if (same && n + 1 >= LEARN_AFTER)
        return true;
    uint32_t now = same ? old + 1 : n > 0 ? old - 1 : mark | 1;
    atomic_store_explicit(counter, now, memory_order_relaxed);
    return false;
}

static int add(uint64_t hash, const char *text, size_t len)
{
    const struct name *found;
    struct name *made = mem_alloc(sizeof *made + len);
    unsigned slot;

    if (made == NULL)
        return NAME_NONE;
    made->len = (unsigned char)len;
    memcpy(made->text, text, len);
    do {
        slot = probe(hash, text, len, &found);
        // Release: who sees the slot filled sees the text.
    } while (found == NULL &&
             !atomic_compare_exchange_strong_explicit(&name_slots[slot], &found, made,
                                                      memory_order_release, memory_order_relaxed));
    if (found != NULL)
        mem_free(made);
    else
        atomic_fetch_add_explicit(&known, 1, memory_order_relaxed);
    // Free for another text: this one is counted no more.
    atomic_store_explicit(&counters[hash % COUNTERS], 0, memory_order_relaxed);
    return (int)slot;
}

int name_meet(const char *text, size_t len)
{
    const struct name *found;

    if (!may_be_name(len))
        return NAME_NONE;
    uint64_t hash = hash_of(text, len);
    unsigned slot = probe(hash, text, len, &found);
    if (found != NULL)
        return (int)slot;
    return names_known() < NAMES_MAX && count(hash) ? add(hash, text, len) : NAME_NONE;
}

size_t names_known(void)
{
    return atomic_load_explicit(&known, memory_order_relaxed);
}
