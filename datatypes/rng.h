// SPDX-License-Identifier: MIT
//
// A small random generator (xoshiro256**, Blackman and Vigna, https://prng.di.unimi.it) that is
// passed to whoever needs chance, so that tests can seed it. Not for secrets. One thread at a time.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct rng {
    uint64_t s[4];
};

// Seeds the state from one number (through splitmix64).
void rng_seed(struct rng *, uint64_t seed);
// Seeds it from the operating system.
void rng_seed_random(struct rng *);

static inline uint64_t rng_rotl(uint64_t x, int k)
{
    return (x << k) | (x >> (64 - k));
}

// The next 64 random bits.
static inline uint64_t rng_next(struct rng *r)
{
    uint64_t *s = r->s;
    uint64_t result = rng_rotl(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rng_rotl(s[3], 45);
    return result;
}

// Uniform in [0, n), n > 0, without bias (Lemire 2019).
uint64_t rng_below(struct rng *, uint64_t n);

// Selection sampling (Knuth, TAOCP vol. 2, 3.4.2, algorithm S): whether the next of `left` elements
// is among the `wanted` <= left that are to be picked. Asked of each element in turn, every choice
// is equally likely.
static inline bool rng_select(struct rng *r, uint64_t left, uint64_t wanted)
{
    return wanted == left || (wanted > 0 && rng_below(r, left) < wanted);
}
