// SPDX-License-Identifier: MIT
//
// Listpack
//
//     [bytes, 4] [entries, 2; 65535: unknown] [entry] ... [ff]         numbers little-endian
//     entry: [head] [text or integer] [length of both, from the back]
//
//     head                               then
//     0xxxxxxx                           an integer of 0..127
//     10xxxxxx                           a text of 0..63 bytes
//     110xxxxx xxxxxxxx                  a signed integer of 13 bits
//     1110xxxx xxxxxxxx                  a text of 0..4095 bytes
//     11110000 + length, 4 bytes         a text
//     11110001 .. 11110100               a signed integer of 2, 3, 4, 8 bytes
//
// The length at the end, for walking backwards, has seven bits a byte, the lowest in the last byte;
// all bytes but the first have the highest bit set. It is written in as many bytes as Redis would.
#include "datatypes/rdb_blob.h"

enum {
    HEADER = 6,
    COUNT_AT = 4,
    COUNT_UNKNOWN = 65535,
    END = 0xff,
    HEAD_TEXT_32 = 0xf0,
    HEAD_INT_16 = 0xf1,
    HEAD_INT_64 = 0xf4,
    BACK_MAX = 5, // bytes of a length at the end
};

// What an entry is.
struct entry {
    size_t head;     // bytes before the text or integer
    size_t nbytes;   // of that
    bool is_int;     //
    int64_t in_head; // the integer, where nbytes is 0
};

// Reads the head, of which the first byte is there; false when the rest is not.
static bool read_head(const struct rdb_blob *b, struct entry *e)
{
    static const unsigned char int_bytes[] = {2, 3, 4, 8};
    unsigned first = b->bytes[b->at];
    const char *rest;

    *e = (struct entry){.head = 1};
    if (first < 0x80) {
        e->is_int = true;
        e->in_head = first;
        return true;
    }
    if (first < 0xc0) {
        e->nbytes = first & 63;
        return true;
    }
    if (first >= HEAD_INT_16) {
        e->is_int = true;
        e->nbytes = first <= HEAD_INT_64 ? int_bytes[first - HEAD_INT_16] : 0;
        return first <= HEAD_INT_64;
    }
    size_t more = first == HEAD_TEXT_32 ? 4 : 1;
    rest = rdb_blob_part(b, b->at + 1, more);
    if (rest == NULL)
        return false;
    e->head += more;
    if (first == HEAD_TEXT_32) {
        e->nbytes = rdb_uint(rest, more);
    } else if (first < 0xe0) {
        unsigned n = (first & 31) << 8 | (unsigned char)*rest;
        e->is_int = true;
        e->in_head = n < 1 << 12 ? (int64_t)n : (int64_t)n - (1 << 13);
    } else {
        e->nbytes = (size_t)(first & 15) << 8 | (unsigned char)*rest;
    }
    return true;
}

// The length at the end of an entry of `n` bytes, as Redis writes it; returns its size.
static size_t back_length(size_t n, unsigned char back[static BACK_MAX])
{
    size_t size = 1;

    // Redis leaves out the largest number that each size but the first could hold.
    while (size < BACK_MAX && n >= ((size_t)1 << (7 * size)) - (size > 1))
        size++;
    for (size_t i = size; i-- > 0; n >>= 7)
        back[i] = (unsigned char)((n & 127) | (i > 0 ? 128 : 0));
    return size;
}

static bool back_length_is(const struct rdb_blob *b, size_t at, size_t n, size_t *size)
{
    unsigned char back[BACK_MAX];
    const char *there;

    *size = back_length(n, back);
    there = rdb_blob_part(b, at, *size);
    for (size_t i = 0; there != NULL && i < *size; i++) {
        if ((unsigned char)there[i] != back[i])
            return false;
    }
    return there != NULL;
}

static enum status end_of(const struct rdb_blob *b)
{
    uint64_t count = rdb_uint((const char *)b->bytes + COUNT_AT, 2);
    bool good = b->at == b->nbytes - 1 && (count == COUNT_UNKNOWN || count == b->seen);

    return good ? STATUS_NOT_FOUND : STATUS_BAD_DATA;
}

static enum status next(struct rdb_blob *b, struct rdb_text *text)
{
    struct entry e;
    const char *data;
    size_t back;

    if (b->bytes[b->at] == END)
        return end_of(b);
    if (!read_head(b, &e))
        return STATUS_BAD_DATA;
    data = rdb_blob_part(b, b->at + e.head, e.nbytes);
    size_t n = e.head + e.nbytes;
    if (data == NULL || !back_length_is(b, b->at + n, n, &back))
        return STATUS_BAD_DATA;
    if (e.is_int) {
        rdb_text_set_int(text, e.nbytes > 0 ? rdb_int(data, e.nbytes) : e.in_head);
    } else {
        text->data = data;
        text->len = e.nbytes;
    }
    b->at += n + back;
    b->seen++;
    return STATUS_OK;
}

bool rdb_listpack_open(struct rdb_blob *b, const char *bytes, size_t nbytes)
{
    *b = (struct rdb_blob){next, (const unsigned char *)bytes, nbytes, .at = HEADER};
    return nbytes > HEADER && rdb_uint(bytes, 4) == nbytes && b->bytes[nbytes - 1] == END;
}
