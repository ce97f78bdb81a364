// SPDX-License-Identifier: MIT
//
// What operations on values need from outside: where old memory goes, the hash seed, chance, and
// the size limits of the compact encodings. Each thread that runs commands has one of its own.
#pragma once

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct epoch_thread;
struct siphash_seed;
struct rng;

// Thresholds of the encodings; shared by all threads, written by CONFIG SET at any time, so that
// each is read once (relaxed: any recent value serves) where a decision is made.
struct type_limits {
    _Atomic size_t set_max_intset_entries; // a set of integers stays a sorted array up to this many
    _Atomic size_t set_max_packed_entries; // a set of strings stays one packed blob up to this many
    _Atomic size_t set_max_packed_value;   // ... and while no member is longer than this
    _Atomic int list_max_packed_size;      // a chunk of a list: elements, or -1..-5 for 4..64 KB
    _Atomic size_t zset_max_packed_entries; // a sorted set stays one packed blob up to this many
    _Atomic size_t zset_max_packed_value;   // ... and while no member is longer than this
    _Atomic size_t hash_max_packed_entries; // a hash stays one packed blob up to this many fields
    _Atomic size_t hash_max_packed_value;   // ... and while no field or value is longer than this
    _Atomic size_t hll_sparse_max_bytes;    // a HyperLogLog stays sparse up to this length
    _Atomic size_t max_string_bytes;        // proto-max-bulk-len: longest string a command may make
};

struct type_ctx {
    struct epoch_thread *epoch; // inside a section whenever an operation runs
    const struct siphash_seed *seed;
    struct rng *rng;
    const struct type_limits *limits;
    // NULL, or lets others go on in the middle of a long operation: what is private or locked stays
    // as it is, the epoch section is left and entered again.
    void (*step)(void *arg, size_t units);
    void *step_arg;
};

// Counts work, in units of about 50 ns, of an operation whose time has no bound. To be called where
// nothing is in use but private memory and values whose lock is held.
static inline void type_step(const struct type_ctx *ctx, size_t units)
{
    if (ctx->step)
        ctx->step(ctx->step_arg, units);
}

// The defaults of Redis 7.0 (packed string sets: those of 7.2).
void type_limits_init(struct type_limits *);
