// SPDX-License-Identifier: MIT
//
// Zipmap, the compact encoding of hashes before Redis 2.6
//
//     [pairs, 1 byte; 254 and more: unknown] [pair] ... [ff]
//     pair: [length] [field] [length] [unused, 1 byte] [value] [as many unused bytes]
//
// A length is one byte below 254, or 254 and four bytes, little-endian.
#include "datatypes/rdb_blob.h"

enum { HEADER = 1, COUNT_UNKNOWN = 254, END = 0xff, LONG = 254 };

// Reads the length at *at, which it moves behind it.
static bool read_length(const struct rdb_blob *b, size_t *at, size_t *n)
{
    const char *first = rdb_blob_part(b, *at, 1), *four;

    if (first == NULL || (unsigned char)*first == END)
        return false;
    *at += 1;
    *n = (unsigned char)*first;
    if (*n != LONG)
        return true;
    four = rdb_blob_part(b, *at, 4);
    if (four == NULL)
        return false;
    *n = rdb_uint(four, 4);
    *at += 4;
    return true;
}

static enum status end_of(const struct rdb_blob *b)
{
    unsigned count = b->bytes[0];
    bool good = b->at == b->nbytes - 1 && b->seen % 2 == 0 &&
                (count >= COUNT_UNKNOWN || count == b->seen / 2);

    return good ? STATUS_NOT_FOUND : STATUS_BAD_DATA;
}

static enum status next(struct rdb_blob *b, struct rdb_text *text)
{
    bool is_value = b->seen % 2 != 0;
    size_t at = b->at, n, unused = 0;
    const char *data;

    if (b->bytes[at] == END)
        return end_of(b);
    if (!read_length(b, &at, &n))
        return STATUS_BAD_DATA;
    if (is_value) {
        data = rdb_blob_part(b, at, 1);
        if (data == NULL)
            return STATUS_BAD_DATA;
        unused = (unsigned char)*data;
        at++;
    }
    data = rdb_blob_part(b, at, n + unused);
    if (data == NULL)
        return STATUS_BAD_DATA;
    text->data = data;
    text->len = n;
    b->at = at + n + unused;
    b->seen++;
    return STATUS_OK;
}

bool rdb_zipmap_open(struct rdb_blob *b, const char *bytes, size_t nbytes)
{
    *b = (struct rdb_blob){next, (const unsigned char *)bytes, nbytes, .at = HEADER};
    return nbytes > HEADER && b->bytes[nbytes - 1] == END;
}
