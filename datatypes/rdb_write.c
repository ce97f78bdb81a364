// SPDX-License-Identifier: MIT
#include "datatypes/rdb_write.h"

#include <assert.h>
#include <endian.h>
#include <string.h>

#include "datatypes/crc64.h"
#include "datatypes/rdb.h"
#include "datatypes/str.h"

enum {
    PIECE_BYTES = 65536, // the most that is handed to put() at once
    INT_TEXT_MAX = 11,   // longest decimal text of 32 bits
};

static void hand_over(struct rdb_writer *w, const char *data, size_t len)
{
    for (size_t n; len > 0 && !w->stopped; data += n, len -= n) {
        n = len < PIECE_BYTES ? len : PIECE_BYTES;
        w->crc = crc64(w->crc, data, n);
        w->stopped = !w->put(w->arg, data, n);
    }
}

void rdb_flush(struct rdb_writer *w)
{
    if (w->put != NULL)
        hand_over(w, w->buf, w->nbuf);
    w->nbuf = 0;
}

static void put(struct rdb_writer *w, const void *data, size_t len)
{
    w->nbytes += len;
    if (w->put == NULL || w->stopped || len == 0)
        return;
    if (len > sizeof w->buf - w->nbuf)
        rdb_flush(w);
    if (len > sizeof w->buf) {
        hand_over(w, data, len);
        return;
    }
    memcpy(w->buf + w->nbuf, data, len);
    w->nbuf += len;
}

static void put_byte(struct rdb_writer *w, unsigned byte)
{
    put(w, &(unsigned char){(unsigned char)byte}, 1);
}

void rdb_put_length(struct rdb_writer *w, uint64_t n)
{
    if (n < 1 << 6) {
        put_byte(w, (unsigned)n);
    } else if (n < 1 << 14) {
        put_byte(w, RDB_LEN_14_BITS | (unsigned)(n >> 8));
        put_byte(w, n & 255);
    } else if (n <= UINT32_MAX) {
        put_byte(w, RDB_LEN_32_BITS);
        put(w, &(uint32_t){htobe32((uint32_t)n)}, sizeof(uint32_t));
    } else {
        put_byte(w, RDB_LEN_64_BITS);
        put(w, &(uint64_t){htobe64(n)}, sizeof(uint64_t));
    }
}

// Writes an integer of up to 32 bits in the place of its text.
static void put_int(struct rdb_writer *w, int32_t n)
{
    uint32_t little = htole32((uint32_t)n); // its first bytes are the narrower integers

    if (n >= INT8_MIN && n <= INT8_MAX) {
        put_byte(w, RDB_TEXT_INT8);
        put(w, &little, 1);
    } else if (n >= INT16_MIN && n <= INT16_MAX) {
        put_byte(w, RDB_TEXT_INT16);
        put(w, &little, 2);
    } else {
        put_byte(w, RDB_TEXT_INT32);
        put(w, &little, 4);
    }
}

void rdb_put_text(struct rdb_writer *w, const char *text, size_t len)
{
    int64_t n;

    if (len <= INT_TEXT_MAX && str_parse_i64(text, len, &n) && n >= INT32_MIN && n <= INT32_MAX) {
        put_int(w, (int32_t)n);
        return;
    }
    rdb_put_length(w, len);
    put(w, text, len);
}

static void put_score(struct rdb_writer *w, double score)
{
    uint64_t bits;

    memcpy(&bits, &score, sizeof bits);
    put(w, &(uint64_t){htole64(bits)}, sizeof bits);
}

void rdb_put_footer(struct rdb_writer *w)
{
    put(w, &(uint16_t){htole16(RDB_VERSION)}, sizeof(uint16_t));
    rdb_flush(w); // what the checksum is of
    put(w, &(uint64_t){htole64(w->crc)}, sizeof(uint64_t));
    rdb_flush(w);
}

// ---- walking ---------------------------------------------------------------------------------

void rdb_walk_init(struct rdb_walk *walk, struct value v)
{
    *walk = (struct rdb_walk){.value = v};
}

// The type and what follows it, which for a string is all.
static void begin(struct rdb_walk *walk, struct rdb_writer *w)
{
    struct value v = walk->value;
    struct str_view view;

    switch (value_type(v)) {
    case TYPE_STRING:
        str_view(v, &view);
        put_byte(w, RDB_STRING);
        rdb_put_text(w, view.data, view.len);
        return;
    case TYPE_SET:
        put_byte(w, RDB_SET);
        set_iter_init(&walk->at.set, v);
        break;
    case TYPE_HASH:
        put_byte(w, RDB_HASH);
        hash_iter_init(&walk->at.hash, v);
        break;
    case TYPE_LIST:
        put_byte(w, RDB_LIST);
        list_iter_init(&walk->at.list, v, 0, false);
        break;
    case TYPE_ZSET:
        put_byte(w, RDB_ZSET_2);
        zset_iter_init(&walk->at.zset, v, 0, false);
        break;
    case TYPE_NONE:
        assert(!"there is a value to write");
        return;
    }
    rdb_put_length(w, value_weight(v));
}

static bool put_set_member(struct set_iter *it, struct rdb_writer *w)
{
    if (!set_iter_next(it))
        return false;
    rdb_put_text(w, it->member.data, it->member.len);
    return true;
}

static bool put_pair(struct hash_iter *it, struct rdb_writer *w)
{
    if (!hash_iter_next(it))
        return false;
    rdb_put_text(w, it->pair.field, it->pair.nfield);
    rdb_put_text(w, it->pair.value, it->pair.nvalue);
    return true;
}

static bool put_element(struct list_iter *it, struct rdb_writer *w)
{
    if (!list_iter_next(it))
        return false;
    rdb_put_text(w, it->element.data, it->element.len);
    return true;
}

static bool put_zset_member(struct zset_iter *it, struct rdb_writer *w)
{
    if (!zset_iter_next(it))
        return false;
    rdb_put_text(w, it->member.data, it->member.len);
    put_score(w, it->member.score);
    return true;
}

bool rdb_walk_next(struct rdb_walk *walk, struct rdb_writer *w)
{
    if (!walk->begun) {
        walk->begun = true;
        begin(walk, w);
        return true;
    }
    switch (value_type(walk->value)) {
    case TYPE_SET:
        return put_set_member(&walk->at.set, w);
    case TYPE_HASH:
        return put_pair(&walk->at.hash, w);
    case TYPE_LIST:
        return put_element(&walk->at.list, w);
    case TYPE_ZSET:
        return put_zset_member(&walk->at.zset, w);
    default:
        return false;
    }
}
