// SPDX-License-Identifier: MIT
#include "datatypes/siphash.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

void siphash_seed_random(struct siphash_seed *seed)
{
    ssize_t got;
    do
        got = getrandom(seed, sizeof *seed, 0);
    while (got < 0 && errno == EINTR);
    if (got != sizeof *seed)
        abort(); // a guessable seed would let any client flood the tables
}

static inline uint64_t rotl(uint64_t x, int k)
{
    return (x << k) | (x >> (64 - k));
}

static inline uint64_t load_le64(const unsigned char *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    v = __builtin_bswap64(v);
#endif
    return v;
}

struct sip {
    uint64_t v0, v1, v2, v3;
};

static inline void sip_round(struct sip *s)
{
    s->v0 += s->v1;
    s->v2 += s->v3;
    s->v1 = rotl(s->v1, 13) ^ s->v0;
    s->v3 = rotl(s->v3, 16) ^ s->v2;
    s->v0 = rotl(s->v0, 32);
    s->v2 += s->v1;
    s->v0 += s->v3;
    s->v1 = rotl(s->v1, 17) ^ s->v2;
    s->v3 = rotl(s->v3, 21) ^ s->v0;
    s->v2 = rotl(s->v2, 32);
}

uint64_t siphash_bytes(const struct siphash_seed *seed, const void *data, size_t nbytes)
{
    const unsigned char *p = data;
    struct sip s = {seed->k0 ^ 0x736f6d6570736575u, seed->k1 ^ 0x646f72616e646f6du,
                    seed->k0 ^ 0x6c7967656e657261u, seed->k1 ^ 0x7465646279746573u};
    uint64_t word;

    for (size_t left = nbytes / 8; left > 0; left--, p += 8) {
        word = load_le64(p);
        s.v3 ^= word;
        sip_round(&s);
        s.v0 ^= word;
    }

    // The last word: what is left of the text below, its length in the top byte.
    word = (uint64_t)nbytes << 56;
    for (size_t i = 0; i < nbytes % 8; i++)
        word |= (uint64_t)p[i] << (8 * i);
    s.v3 ^= word;
    sip_round(&s);
    s.v0 ^= word;

    s.v2 ^= 0xff;
    sip_round(&s);
    sip_round(&s);
    sip_round(&s);
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}
