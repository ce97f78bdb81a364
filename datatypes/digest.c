// SPDX-License-Identifier: MIT
//
// Two operations on a digest d, h() being SHA-1:
//
//     add(d, text)     d = d ^ h(text)           in any order
//     mix(d, text)     d = h(d ^ h(text))        in this order
//
// A value's digest begins with zeros, and so does that of a pair (a field and its value, a member
// and its score), which is mixed of both and then added.
//
//     mix(type), then  string    mix(text)
//                      list      mix(element) from the first to the last
//                      set       add(member)
//                      hash      add(the pair)
//                      zset      add(the pair), the score in %.17g
//     and add("!!expire!!") with an expire time.
#include "datatypes/digest.h"

#include <endian.h>
#include <sha1.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "datatypes/hash.h"
#include "datatypes/list.h"
#include "datatypes/set.h"
#include "datatypes/str.h"
#include "datatypes/zset.h"

enum {
    PIECE_BYTES = 65536, // hashed between two steps, at most
    PAIR_HASHES = 5,     // SHA-1s for a field and its value
    ELEMENT_HASHES = 2,
};

static const char EXPIRES[] = "!!expire!!";

// A digest being made.
struct digest {
    const struct digest_caller *caller;
    unsigned char sum[DIGEST_BYTES];
    bool stopped;
};

static void step(struct digest *d, size_t nbytes)
{
    d->stopped = d->stopped || !d->caller->step(d->caller->arg, nbytes);
}

static void add(struct digest *d, unsigned char sum[DIGEST_BYTES], const void *text, size_t len)
{
    const unsigned char *at = text;
    unsigned char hash[DIGEST_BYTES];
    SHA1_CTX sha;

    SHA1Init(&sha);
    for (; len > PIECE_BYTES && !d->stopped; at += PIECE_BYTES, len -= PIECE_BYTES) {
        SHA1Update(&sha, at, PIECE_BYTES);
        step(d, PIECE_BYTES);
    }
    if (d->stopped)
        return;
    if (len > 0)
        SHA1Update(&sha, at, len);
    SHA1Final(hash, &sha);
    for (size_t i = 0; i < DIGEST_BYTES; i++)
        sum[i] ^= hash[i];
    // A short text takes as long as a block.
    step(d, len < SHA1_BLOCK_LENGTH ? SHA1_BLOCK_LENGTH : len);
}

static void mix(struct digest *d, unsigned char sum[DIGEST_BYTES], const void *text, size_t len)
{
    unsigned char hash[DIGEST_BYTES] = {0};

    add(d, sum, text, len);
    add(d, hash, sum, DIGEST_BYTES);
    memcpy(sum, hash, DIGEST_BYTES);
}

static void add_pair(struct digest *d, const char *first, size_t nfirst, const char *second,
                     size_t nsecond)
{
    unsigned char pair[DIGEST_BYTES] = {0};

    mix(d, pair, first, nfirst);
    mix(d, pair, second, nsecond);
    add(d, d->sum, pair, DIGEST_BYTES);
}

// ---- the types --------------------------------------------------------------------------------

static void digest_string(struct digest *d, struct value v)
{
    struct str_view view;

    str_view(v, &view);
    mix(d, d->sum, view.data, view.len);
}

static void digest_list(struct digest *d, struct value v)
{
    struct list_iter it;

    list_iter_init(&it, v, 0, false);
    while (!d->stopped && list_iter_next(&it))
        mix(d, d->sum, it.element.data, it.element.len);
}

static void digest_set(struct digest *d, struct value v)
{
    struct set_iter it;

    set_iter_init(&it, v);
    while (!d->stopped && set_iter_next(&it))
        add(d, d->sum, it.member.data, it.member.len);
}

static void digest_hash(struct digest *d, struct value v)
{
    struct hash_iter it;

    hash_iter_init(&it, v);
    while (!d->stopped && hash_iter_next(&it))
        add_pair(d, it.pair.field, it.pair.nfield, it.pair.value, it.pair.nvalue);
}

static void digest_zset(struct digest *d, struct value v)
{
    struct zset_iter it;
    char score[40];

    zset_iter_init(&it, v, 0, false);
    while (!d->stopped && zset_iter_next(&it)) {
        int len = snprintf(score, sizeof score, "%.17g", it.member.score);
        add_pair(d, it.member.data, it.member.len, score, (size_t)len);
    }
}

// How Redis numbers the types, and the walk over one.
static const struct {
    uint32_t number;
    void (*walk)(struct digest *, struct value);
} TYPES[] = {
    [TYPE_STRING] = {0, digest_string}, [TYPE_LIST] = {1, digest_list},
    [TYPE_SET] = {2, digest_set},       [TYPE_ZSET] = {3, digest_zset},
    [TYPE_HASH] = {4, digest_hash},
};

bool digest_value(struct value v, const struct digest_caller *caller,
                  unsigned char out[DIGEST_BYTES])
{
    struct digest d = {.caller = caller};
    enum value_type type = value_type(v);

    if (type != TYPE_NONE) {
        uint32_t number = htobe32(TYPES[type].number);

        mix(&d, d.sum, &number, sizeof number);
        TYPES[type].walk(&d, v);
        if (value_expires_at(v) != NO_EXPIRE)
            add(&d, d.sum, EXPIRES, sizeof EXPIRES - 1);
    }
    memcpy(out, d.sum, DIGEST_BYTES);
    return !d.stopped;
}

size_t digest_value_bytes(struct value v, size_t nbytes)
{
    bool pairs = value_type(v) == TYPE_HASH || value_type(v) == TYPE_ZSET;
    size_t own = (size_t)(pairs ? PAIR_HASHES : ELEMENT_HASHES) * SHA1_BLOCK_LENGTH, sum;

    if (value_is_none(v))
        return 0;
    return __builtin_add_overflow(nbytes, value_weight(v) * own, &sum) ? SIZE_MAX : sum;
}
