// SPDX-License-Identifier: MIT
//
// Ziplist, the compact encoding before Redis 7
//
//     [bytes, 4] [offset of the last entry, 4] [entries, 2; 65535: unknown] [entry] ... [ff]
//     entry: [bytes of the entry before: 1, or fe and 4] [head] [text or integer]
//
//     head                               then
//     00xxxxxx                           a text of 0..63 bytes
//     01xxxxxx xxxxxxxx                  a text of 0..16383 bytes
//     10------ + length, 4 bytes         a text; this length is big-endian, all else little-endian
//     c0, d0, e0, f0, fe                 a signed integer of 2, 4, 8, 3, 1 bytes
//     f1 .. fd                           an integer of 0..12
#include <endian.h>
#include <string.h>

#include "datatypes/rdb_blob.h"

enum {
    HEADER = 10,
    LAST_AT = 4,
    COUNT_AT = 8,
    COUNT_UNKNOWN = 65535,
    END = 0xff,
    LONG_BEFORE = 0xfe, // the length of the entry before takes four more bytes
};

// What an entry is.
struct entry {
    size_t head;     // bytes before the text or integer
    size_t nbytes;   // of that
    bool is_int;     //
    int64_t in_head; // the integer, where nbytes is 0
};

// Reads how long the entry before says to be, which must be true; *size: in how many bytes.
static bool read_before(const struct rdb_blob *b, size_t *size)
{
    const char *four;
    unsigned first = b->bytes[b->at];

    *size = 1;
    if (first != LONG_BEFORE)
        return first == b->previous;
    *size = 5;
    four = rdb_blob_part(b, b->at + 1, 4);
    return four != NULL && rdb_uint(four, 4) == b->previous;
}

static bool read_int_head(unsigned first, struct entry *e)
{
    e->is_int = true;
    switch (first) {
    case 0xc0:
        e->nbytes = 2;
        return true;
    case 0xd0:
        e->nbytes = 4;
        return true;
    case 0xe0:
        e->nbytes = 8;
        return true;
    case 0xf0:
        e->nbytes = 3;
        return true;
    case 0xfe:
        e->nbytes = 1;
        return true;
    default:
        e->in_head = (int64_t)first - 0xf1;
        return first >= 0xf1 && first <= 0xfd;
    }
}

// Reads the head that begins at `at`.
static bool read_head(const struct rdb_blob *b, size_t at, struct entry *e)
{
    const char *head = rdb_blob_part(b, at, 1), *rest;
    uint32_t len;

    if (head == NULL)
        return false;
    unsigned first = (unsigned char)*head;
    *e = (struct entry){.head = 1};
    switch (first >> 6) {
    case 0:
        e->nbytes = first;
        return true;
    case 1:
        e->head = 2;
        rest = rdb_blob_part(b, at + 1, 1);
        if (rest != NULL)
            e->nbytes = (size_t)(first & 63) << 8 | (unsigned char)*rest;
        return rest != NULL;
    case 2:
        e->head = 5;
        rest = rdb_blob_part(b, at + 1, sizeof len);
        if (rest != NULL) {
            memcpy(&len, rest, sizeof len);
            e->nbytes = be32toh(len);
        }
        return rest != NULL;
    default:
        return read_int_head(first, e);
    }
}

static enum status end_of(const struct rdb_blob *b)
{
    const char *header = (const char *)b->bytes;
    uint64_t count = rdb_uint(header + COUNT_AT, 2);
    bool good = b->at == b->nbytes - 1 && (count == COUNT_UNKNOWN || count == b->seen) &&
                rdb_uint(header + LAST_AT, 4) == b->at - b->previous;

    return good ? STATUS_NOT_FOUND : STATUS_BAD_DATA;
}

static enum status next(struct rdb_blob *b, struct rdb_text *text)
{
    struct entry e;
    const char *data;
    size_t before;

    if (b->bytes[b->at] == END)
        return end_of(b);
    if (!read_before(b, &before) || !read_head(b, b->at + before, &e))
        return STATUS_BAD_DATA;
    data = rdb_blob_part(b, b->at + before + e.head, e.nbytes);
    if (data == NULL)
        return STATUS_BAD_DATA;
    if (e.is_int) {
        rdb_text_set_int(text, e.nbytes > 0 ? rdb_int(data, e.nbytes) : e.in_head);
    } else {
        text->data = data;
        text->len = e.nbytes;
    }
    b->previous = before + e.head + e.nbytes;
    b->at += b->previous;
    b->seen++;
    return STATUS_OK;
}

bool rdb_ziplist_open(struct rdb_blob *b, const char *bytes, size_t nbytes)
{
    *b = (struct rdb_blob){next, (const unsigned char *)bytes, nbytes, .at = HEADER};
    return nbytes > HEADER && rdb_uint(bytes, 4) == nbytes && b->bytes[nbytes - 1] == END;
}
