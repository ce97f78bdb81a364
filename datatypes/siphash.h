// SPDX-License-Identifier: MIT
//
// Keyed hash of byte strings: SipHash-1-3 (Aumasson, Bernstein 2012) with 128 secret bits drawn
// once a store, so that a client cannot choose keys that collide.
#pragma once

#include <stddef.h>
#include <stdint.h>

struct siphash_seed {
    uint64_t k0, k1;
};

// Draws a seed from the operating system.
void siphash_seed_random(struct siphash_seed *);

// 64-bit hash of `nbytes` bytes.
uint64_t siphash_bytes(const struct siphash_seed *, const void *data, size_t nbytes);
