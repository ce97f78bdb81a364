// SPDX-License-Identifier: MIT
#include "datatypes/rng.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

// Next output of splitmix64, whose state is *x: spreads a weak seed over all bits.
static uint64_t splitmix_next(uint64_t *x)
{
    uint64_t z = *x += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

void rng_seed(struct rng *r, uint64_t seed)
{
    for (int i = 0; i < 4; i++)
        r->s[i] = splitmix_next(&seed);
}

void rng_seed_random(struct rng *r)
{
    uint64_t seed;
    ssize_t got;
    do
        got = getrandom(&seed, sizeof seed, 0);
    while (got < 0 && errno == EINTR);
    if (got != sizeof seed)
        abort(); // a kernel without getrandom() is not supported
    rng_seed(r, seed);
}

uint64_t rng_below(struct rng *r, uint64_t n)
{
    // The high half of x * n is the answer; the low half tells whether x fell into the part of the
    // range that would make some answers likelier than others.
    unsigned __int128 product = (unsigned __int128)rng_next(r) * n;
    if ((uint64_t)product < n) {
        uint64_t threshold = -n % n; // 2^64 mod n
        while ((uint64_t)product < threshold)
            product = (unsigned __int128)rng_next(r) * n;
    }
    return (uint64_t)(product >> 64);
}
