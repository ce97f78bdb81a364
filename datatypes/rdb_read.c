// SPDX-License-Identifier: MIT
#include "datatypes/rdb_read.h"

#include <endian.h>
#include <liblzf/lzf.h>
#include <string.h>

#include "datatypes/mem.h"
#include "datatypes/rdb.h"

enum {
    KIND_MASK = 0xc0, // of a length's first byte
    KIND_6_BITS = 0x00,
    KIND_14_BITS = RDB_LEN_14_BITS,
    KIND_TEXT = RDB_TEXT_INT8, // no length
    LZF_MOST = 88,             // bytes that one compressed byte can stand for: 264 in three
};

uint64_t rdb_uint(const char *bytes, size_t nbytes)
{
    uint64_t n = 0;

    memcpy(&n, bytes, nbytes); // the lowest come first
    return le64toh(n);
}

int64_t rdb_int(const char *bytes, size_t nbytes)
{
    unsigned unused = 64 - 8 * (unsigned)nbytes;

    return (int64_t)(rdb_uint(bytes, nbytes) << unused) >> unused;
}

// ---- lengths ---------------------------------------------------------------------------------

// A length whose first byte is `first`.
static bool read_rest_of_length(struct rdb_cursor *c, unsigned first, uint64_t *n)
{
    const char *bytes;
    uint32_t four;
    uint64_t eight;

    if ((first & KIND_MASK) == KIND_6_BITS) {
        *n = first;
        return true;
    }
    if ((first & KIND_MASK) == KIND_14_BITS) {
        if (!rdb_take(c, 1, &bytes))
            return false;
        *n = (uint64_t)(first & ~(unsigned)KIND_MASK) << 8 | (unsigned char)*bytes;
        return true;
    }
    if (first == RDB_LEN_32_BITS) {
        if (!rdb_take(c, sizeof four, &bytes))
            return false;
        memcpy(&four, bytes, sizeof four);
        *n = be32toh(four);
        return true;
    }
    if (first != RDB_LEN_64_BITS || !rdb_take(c, sizeof eight, &bytes))
        return false;
    memcpy(&eight, bytes, sizeof eight);
    *n = be64toh(eight);
    return true;
}

bool rdb_read_length(struct rdb_cursor *c, uint64_t *n)
{
    const char *first;

    return rdb_take(c, 1, &first) && read_rest_of_length(c, (unsigned char)*first, n);
}

// ---- texts -----------------------------------------------------------------------------------

void rdb_text_free(struct rdb_text *t)
{
    mem_free(t->block);
}

void rdb_text_set_int(struct rdb_text *t, int64_t n)
{
    t->len = str_format_i64(n, t->number);
    t->data = t->number;
}

static bool read_int(struct rdb_cursor *c, size_t nbytes, struct rdb_text *t)
{
    const char *bytes;

    if (!rdb_take(c, nbytes, &bytes))
        return false;
    rdb_text_set_int(t, rdb_int(bytes, nbytes));
    return true;
}

// The bytes of a compressed text, and how long it says it is; false when that cannot be true.
static bool take_compressed(struct rdb_cursor *c, const char **bytes, size_t *nbytes, size_t *len)
{
    uint64_t n, expanded;

    if (!rdb_read_length(c, &n) || !rdb_read_length(c, &expanded) || !rdb_take(c, n, bytes))
        return false;
    *nbytes = n;
    *len = expanded;
    return n > 0 && expanded > 0 && expanded <= STR_MAX_BYTES && expanded / LZF_MOST <= n;
}

static enum status read_compressed(struct rdb_cursor *c, struct rdb_text *t)
{
    const char *bytes;
    size_t nbytes, len;

    // liblzf counts in unsigned ints.
    if (!take_compressed(c, &bytes, &nbytes, &len) || nbytes > UINT32_MAX)
        return STATUS_BAD_DATA;
    if (len > t->room) {
        mem_free(t->block);
        t->room = mem_good_size(len);
        t->block = mem_alloc(t->room);
        if (t->block == NULL) {
            t->room = 0;
            return STATUS_NO_MEMORY;
        }
    }
    if (lzf_decompress(bytes, (unsigned)nbytes, t->block, (unsigned)len) != len)
        return STATUS_BAD_DATA;
    t->data = t->block;
    t->len = len;
    return STATUS_OK;
}

enum status rdb_read_text(struct rdb_cursor *c, struct rdb_text *t)
{
    const char *byte;
    uint64_t len = 0;
    bool good;

    if (!rdb_take(c, 1, &byte))
        return STATUS_BAD_DATA;
    unsigned first = (unsigned char)*byte;
    if (first == RDB_TEXT_LZF)
        return read_compressed(c, t);
    if ((first & KIND_MASK) == KIND_TEXT) {
        good = first <= RDB_TEXT_INT32 && read_int(c, (size_t)1 << (first - RDB_TEXT_INT8), t);
    } else {
        good = read_rest_of_length(c, first, &len) && len <= STR_MAX_BYTES &&
               rdb_take(c, len, &t->data);
        t->len = len;
    }
    return good ? STATUS_OK : STATUS_BAD_DATA;
}

size_t rdb_peek_text(struct rdb_cursor c)
{
    const char *bytes;
    size_t nbytes, len;
    uint64_t n;

    if (rdb_left(&c) > 0 && (unsigned char)*c.at == RDB_TEXT_LZF) {
        c.at++;
        return take_compressed(&c, &bytes, &nbytes, &len) ? len : 0;
    }
    return rdb_read_length(&c, &n) && n <= rdb_left(&c) ? n : 0;
}
