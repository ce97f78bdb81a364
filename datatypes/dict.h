// SPDX-License-Identifier: MIT
//
// Concurrent dictionary: a hash table of pointers to nodes, used for the keyspace (many writers)
// and for the insides of large collections (one writer at a time). See dict.c for the essay.
//
// Readers (dict_find, dict_scan, dict_random, dict_count) take no lock in either mode; they run
// inside an epoch section of the domain that `struct epoch_thread` belongs to, and a node they
// return stays valid memory until that section ends. Writers (dict_insert, dict_replace,
// dict_remove) are inside one, too.
//
// The table costs at most about 16 bytes a node from 64 nodes on, and gives memory back as it
// empties. No call handles more than a few dozen buckets, or allocates or frees more than 256 KB at
// once.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "datatypes/status.h"

struct dict;
struct epoch_thread;
struct siphash_seed;
struct rng;

// How the dictionary sees its nodes. Nodes are at least 8-byte aligned, below 2^48.
struct dict_type {
    // The node's key, which must not change while the node is in a dictionary.
    void (*key)(const void *node, const char **key, size_t *nkey);
};

enum dict_mode {
    DICT_SHARED, // any number of writers at a time: buckets are locked for each link and unlink
    DICT_OWNED, // the caller makes sure that at most one thread writes; readers are still lock-free
};

// An empty dictionary; NULL without memory. `seed` must outlive it.
struct dict *dict_create(const struct dict_type *, enum dict_mode, const struct siphash_seed *seed);

// Frees the dictionary at once, and each node through free_node (may be NULL). No one else may be
// using it.
void dict_free(struct dict *, void (*free_node)(void *node, void *arg), void *arg);

// The same in slices: frees about `budget` nodes and returns true while something is left.
bool dict_free_step(struct dict *, size_t budget, void (*free_node)(void *node, void *arg),
                    void *arg);

// The hash that this dictionary uses for a key; pass it, and no other, to the functions below.
uint64_t dict_hash(const struct dict *, const char *key, size_t nkey);

// Brings the bucket of `hash` into the cache; a hint.
void dict_prefetch(const struct dict *, uint64_t hash);
// Brings the node that probably has that hash into the cache; returns it (it may be another one),
// or NULL. For who has prefetched the bucket a moment ago. Readers' rules.
const void *dict_prefetch_node(const struct dict *, uint64_t hash);

// The node with that key, or NULL.
void *dict_find(const struct dict *, uint64_t hash, const char *key, size_t nkey);

// Links `node` unless its key is there already; *existing is then that node and nothing is changed,
// else NULL. STATUS_NO_MEMORY: nothing is changed. May grow the table by a bounded step.
enum status dict_insert(struct dict *, struct epoch_thread *, uint64_t hash, void *node,
                        void **existing);

// Puts `node` in the place of `old`, which has the same key and is in the table; one atomic store.
// The caller retires `old`. DICT_SHARED: the caller holds that key's lock.
void dict_replace(struct dict *, struct epoch_thread *, uint64_t hash, const void *old, void *node);

// Unlinks exactly this node; false when it is not in the table. The caller retires it. May shrink
// the table by a bounded step.
bool dict_remove(struct dict *, struct epoch_thread *, uint64_t hash, const void *node);

// For the owner of a DICT_OWNED: notes how long a text is that comes into it, for estimates of what
// its texts take together.
void dict_note_length(struct dict *, size_t len);
// No text whose length was noted is longer; at least one was half as long. Texts that have gone
// count as well.
size_t dict_longest(const struct dict *);
// Bytes that `n` such texts take at most.
size_t dict_bytes_most(const struct dict *, size_t n);

// Number of nodes. DICT_OWNED: exact, one load. DICT_SHARED: a sum over stripes, exact when quiet.
size_t dict_count(const struct dict *);

// A uniformly random node, or NULL when empty. DICT_SHARED: among concurrent changes, NULL also
// after a bounded number of misses on a table that is nearly or wholly empty.
void *dict_random(const struct dict *, struct rng *);

// Calls fn for every node of the bucket that the cursor stands for and returns the next cursor; 0
// starts and 0 ends. Every node that is in the table from the first call to the last is passed,
// however the table grows and shrinks between (and during) calls, and passed once, unless it shares
// its bucket with more than 64 others. fn may not change the table.
uint64_t dict_scan(const struct dict *, uint64_t cursor, void (*fn)(void *node, void *arg),
                   void *arg);

// Bytes of the table itself, without nodes.
size_t dict_memory(const struct dict *);
// Number of buckets; for INFO, DEBUG and tests.
size_t dict_buckets(const struct dict *);
