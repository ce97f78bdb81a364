// SPDX-License-Identifier: MIT
//
// Whatever the encoding, a collection is a sequence of texts: counted ones that follow each other
// in the payload, or the entries of a blob. One function for each type takes them from either.
//
// What a payload claims is believed as far as its length allows: a count is compared with what is
// left at once, and beyond that nothing is allocated ahead of what was read.
#include "datatypes/rdb_load.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "datatypes/crc64.h"
#include "datatypes/hash.h"
#include "datatypes/list.h"
#include "datatypes/rdb.h"
#include "datatypes/rdb_blob.h"
#include "datatypes/set.h"
#include "datatypes/str.h"
#include "datatypes/zset_build.h"

enum {
    CHECK_BYTES = 65536,   // of the checksum between two steps
    BYTES_PER_UNIT = 512,  // of work, to copy
    CHECKED_PER_UNIT = 64, // of work, for the checksum
    ELEMENT_WORK = 2,      // to read a text and to add it to a dictionary
    HINT_MAX_BYTES = 4096, // a payload's hint is not trusted with more than this
    SCORE_CHARS = 128,     // longest text of a score that Redis takes
    ORDER_BUDGET = 256,    // members put in order between two steps
    BLOB_ENTRY_BYTES = 3,  // a short entry of a blob, for estimates
};

struct loader {
    struct type_ctx *ctx;
    struct rdb_cursor in;
    struct rdb_text blob;   // the one that is being read
    struct rdb_text first;  // an element, a member, a field
    struct rdb_text second; // the value of a field, a score as text
};

// ---- texts, one after the other --------------------------------------------------------------

struct texts {
    struct loader *loader;
    bool is_blob;
    struct rdb_blob blob;
    uint64_t left; // that are counted
};

// `count` texts, or groups of them, which take at least `least` bytes each; STATUS_BAD_DATA when
// so many cannot come.
static enum status counted_texts(struct loader *l, size_t per_count, size_t least,
                                 struct texts *texts)
{
    uint64_t count;

    if (!rdb_read_length(&l->in, &count) || count == 0 || count > rdb_left(&l->in) / least)
        return STATUS_BAD_DATA;
    *texts = (struct texts){.loader = l, .left = count * per_count};
    return STATUS_OK;
}

static enum status blob_texts(struct loader *l,
                              bool (*open)(struct rdb_blob *, const char *bytes, size_t nbytes),
                              struct texts *texts)
{
    enum status status = rdb_read_text(&l->in, &l->blob);

    if (status != STATUS_OK)
        return status;
    *texts = (struct texts){.loader = l, .is_blob = true};
    return open(&texts->blob, l->blob.data, l->blob.len) ? STATUS_OK : STATUS_BAD_DATA;
}

// Reads the next one; STATUS_NOT_FOUND: there are no more.
static enum status next_text(struct texts *texts, struct rdb_text *text)
{
    enum status status;

    if (texts->is_blob) {
        status = rdb_blob_next(&texts->blob, text);
    } else {
        if (texts->left == 0)
            return STATUS_NOT_FOUND;
        texts->left--;
        status = rdb_read_text(&texts->loader->in, text);
    }
    if (status == STATUS_OK)
        type_step(texts->loader->ctx, ELEMENT_WORK + text->len / BYTES_PER_UNIT);
    return status;
}

// The same for the second of two: there must be one.
static enum status next_half(struct texts *texts, struct rdb_text *text)
{
    enum status status = next_text(texts, text);

    return status == STATUS_NOT_FOUND ? STATUS_BAD_DATA : status;
}

// Hands over what was built when its elements ended as they should (`status` is STATUS_NOT_FOUND
// then) and there are some; frees it otherwise.
static enum status finish(struct loader *l, enum status status, struct value v, struct value *out)
{
    if (status == STATUS_NOT_FOUND && !value_is_none(v) && value_weight(v) > 0) {
        *out = v;
        return STATUS_OK;
    }
    if (!value_is_none(v))
        value_retire(l->ctx, v);
    return status == STATUS_NOT_FOUND ? STATUS_BAD_DATA : status;
}

// ---- sets ------------------------------------------------------------------------------------

static enum status add_member(struct loader *l, struct value *set, size_t expected,
                              const struct rdb_text *member)
{
    enum status status = STATUS_OK;
    bool added;

    if (value_is_none(*set))
        status = set_new(l->ctx, member->data, member->len, expected, set);
    if (status == STATUS_OK)
        status = set_add(l->ctx, *set, member->data, member->len, &added);
    return status == STATUS_OK && !added ? STATUS_BAD_DATA : status;
}

static enum status load_set(struct loader *l, struct value *out)
{
    struct value set = VALUE_ABSENT;
    struct texts texts = {.left = 0};
    enum status status = counted_texts(l, 1, 1, &texts);
    size_t expected = texts.left;

    while (status == STATUS_OK) {
        status = next_text(&texts, &l->first);
        if (status == STATUS_OK)
            status = add_member(l, &set, expected, &l->first);
    }
    return finish(l, status, set, out);
}

// An array of integers in ascending order: [bytes an integer, 4] [count, 4] [integers].
static enum status load_intset(struct loader *l, struct value *out)
{
    enum { HEADER = 8 };
    struct value set = VALUE_ABSENT;
    enum status status = rdb_read_text(&l->in, &l->blob);
    int64_t before = 0;

    if (status != STATUS_OK || l->blob.len < HEADER)
        return status != STATUS_OK ? status : STATUS_BAD_DATA;
    size_t width = rdb_uint(l->blob.data, 4), count = rdb_uint(l->blob.data + 4, 4);
    if ((width != 2 && width != 4 && width != 8) || l->blob.len != HEADER + width * count)
        return STATUS_BAD_DATA;
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        int64_t n = rdb_int(l->blob.data + HEADER + i * width, width);
        if (i > 0 && n <= before) {
            status = STATUS_BAD_DATA;
            break;
        }
        before = n;
        rdb_text_set_int(&l->first, n);
        status = add_member(l, &set, count, &l->first);
        type_step(l->ctx, ELEMENT_WORK);
    }
    return finish(l, status == STATUS_OK ? STATUS_NOT_FOUND : status, set, out);
}

// ---- hashes ----------------------------------------------------------------------------------

static enum status add_pair(struct loader *l, struct value *hash)
{
    struct hash_pair pair = {l->first.data, l->first.len, l->second.data, l->second.len};
    struct value next;
    bool added;
    enum status status = hash_set(l->ctx, *hash, &pair, &next, &added);

    if (status != STATUS_OK)
        return status;
    if (next.bits != hash->bits && !value_is_none(*hash))
        value_retire(l->ctx, *hash);
    *hash = next;
    return added ? STATUS_OK : STATUS_BAD_DATA;
}

// A hash for so many pairs (0: unknown), or VALUE_ABSENT where it is better made by the first one.
static enum status new_hash(struct loader *l, size_t count, struct value *out)
{
    size_t most =
        atomic_load_explicit(&l->ctx->limits->hash_max_packed_entries, memory_order_relaxed);
    struct hash_room room = {.count = count, .nbytes = rdb_left(&l->in)};

    *out = VALUE_ABSENT;
    if (count < 2)
        return STATUS_OK;
    if (count > most) // a dictionary from the beginning
        room.longest = SIZE_MAX;
    if (room.nbytes > HINT_MAX_BYTES)
        room.nbytes = HINT_MAX_BYTES;
    return hash_aside(l->ctx, VALUE_ABSENT, &room, out);
}

static enum status load_pairs(struct loader *l, enum status status, struct texts *texts,
                              struct value *out)
{
    struct value hash = VALUE_ABSENT;

    if (status == STATUS_OK)
        status = new_hash(l, texts->left / 2, &hash);
    while (status == STATUS_OK) {
        status = next_text(texts, &l->first);
        if (status == STATUS_OK)
            status = next_half(texts, &l->second);
        if (status == STATUS_OK)
            status = add_pair(l, &hash);
    }
    return finish(l, status, value_is_none(hash) ? hash : hash_fit(hash), out);
}

static enum status load_hash(struct loader *l, struct value *out)
{
    struct texts texts = {.left = 0};
    enum status status = counted_texts(l, 2, 2, &texts);

    return load_pairs(l, status, &texts, out);
}

static enum status load_hash_blob(struct loader *l,
                                  bool (*open)(struct rdb_blob *, const char *, size_t),
                                  struct value *out)
{
    struct texts texts = {.left = 0};
    enum status status = blob_texts(l, open, &texts);

    return load_pairs(l, status, &texts, out);
}

// ---- lists -----------------------------------------------------------------------------------

// Adds all of them at the back of the list; STATUS_NOT_FOUND when that is done.
static enum status push_texts(struct loader *l, struct texts *texts, struct value list)
{
    enum status status = STATUS_OK;

    while (status == STATUS_OK) {
        status = next_text(texts, &l->first);
        if (status == STATUS_OK)
            status = list_push(l->ctx, list, CHUNK_BACK, l->first.data, l->first.len);
    }
    return status;
}

static enum status load_list(struct loader *l, struct value *out)
{
    struct value list = VALUE_ABSENT;
    struct texts texts;
    enum status status = counted_texts(l, 1, 1, &texts);

    if (status == STATUS_OK)
        status = list_new(l->ctx, rdb_left(&l->in), CHUNK_BACK, &list);
    if (status == STATUS_OK)
        status = push_texts(l, &texts, list);
    return finish(l, status, list, out);
}

static enum status load_list_ziplist(struct loader *l, struct value *out)
{
    struct value list = VALUE_ABSENT;
    struct texts texts;
    enum status status = blob_texts(l, rdb_ziplist_open, &texts);

    if (status == STATUS_OK)
        status = list_new(l->ctx, 0, CHUNK_BACK, &list);
    if (status == STATUS_OK)
        status = push_texts(l, &texts, list);
    return finish(l, status, list, out);
}

// One node of a quicklist, `kinds`: with its kind in front. It may be an empty blob.
static enum status push_node(struct loader *l, bool kinds, struct value list)
{
    uint64_t kind = RDB_NODE_PACKED;
    struct texts texts;
    enum status status;

    if (kinds && !rdb_read_length(&l->in, &kind))
        return STATUS_BAD_DATA;
    if (kind == RDB_NODE_PLAIN) {
        texts = (struct texts){.loader = l, .left = 1};
        status = STATUS_OK;
    } else if (kind == RDB_NODE_PACKED) {
        status = blob_texts(l, kinds ? rdb_listpack_open : rdb_ziplist_open, &texts);
    } else {
        status = STATUS_BAD_DATA;
    }
    if (status == STATUS_OK)
        status = push_texts(l, &texts, list);
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

static enum status load_quicklist(struct loader *l, bool kinds, struct value *out)
{
    struct value list = VALUE_ABSENT;
    struct texts nodes;
    enum status status = counted_texts(l, 1, 1, &nodes);

    if (status == STATUS_OK)
        status = list_new(l->ctx, 0, CHUNK_BACK, &list);
    for (; status == STATUS_OK && nodes.left > 0; nodes.left--) {
        status = push_node(l, kinds, list);
        type_step(l->ctx, 1);
    }
    return finish(l, status == STATUS_OK ? STATUS_NOT_FOUND : status, list, out);
}

// ---- sorted sets -----------------------------------------------------------------------------

static bool score_of_text(const char *text, size_t len, double *score)
{
    char copy[SCORE_CHARS + 1], *end;

    if (len == 0 || len > SCORE_CHARS || memchr(text, '\0', len) != NULL)
        return false;
    memcpy(copy, text, len);
    copy[len] = '\0';
    *score = strtod(copy, &end);
    return end == copy + len;
}

// The score of a RDB_ZSET: a text whose length is one byte, or one of three bytes without a text.
static enum status read_old_score(struct loader *l, double *score)
{
    enum { NOT_A_NUMBER = 253, INFINITE = 254, MINUS_INFINITE = 255 };
    const char *bytes;

    if (!rdb_take(&l->in, 1, &bytes))
        return STATUS_BAD_DATA;
    size_t len = (unsigned char)*bytes;
    if (len == INFINITE || len == MINUS_INFINITE) {
        *score = len == INFINITE ? INFINITY : -INFINITY;
        return STATUS_OK;
    }
    if (len == NOT_A_NUMBER || !rdb_take(&l->in, len, &bytes))
        return STATUS_BAD_DATA;
    return score_of_text(bytes, len, score) ? STATUS_OK : STATUS_BAD_DATA;
}

static enum status read_double(struct loader *l, double *score)
{
    const char *bytes;
    uint64_t bits;

    if (!rdb_take(&l->in, sizeof bits, &bytes))
        return STATUS_BAD_DATA;
    bits = rdb_uint(bytes, sizeof bits);
    memcpy(score, &bits, sizeof *score);
    return STATUS_OK;
}

static enum status read_score(struct loader *l, enum rdb_type type, struct texts *texts,
                              double *score)
{
    enum status status;

    if (type == RDB_ZSET_2)
        return read_double(l, score);
    if (type == RDB_ZSET)
        return read_old_score(l, score);
    status = next_half(texts, &l->second);
    if (status != STATUS_OK)
        return status;
    return score_of_text(l->second.data, l->second.len, score) ? STATUS_OK : STATUS_BAD_DATA;
}

static enum status add_scored(struct zset_build *b, const struct rdb_text *member, double score)
{
    size_t count = zset_build_count(b);
    enum status status;

    if (isnan(score))
        return STATUS_BAD_DATA;
    status = zset_build_add(b, member->data, member->len, score, ZSET_SUM);
    return status == STATUS_OK && zset_build_count(b) == count ? STATUS_BAD_DATA : status;
}

static enum status zset_texts(struct loader *l, enum rdb_type type, struct texts *texts)
{
    switch (type) {
    case RDB_ZSET_ZIPLIST:
        return blob_texts(l, rdb_ziplist_open, texts);
    case RDB_ZSET_LISTPACK:
        return blob_texts(l, rdb_listpack_open, texts);
    case RDB_ZSET:
        return counted_texts(l, 1, 2, texts); // a member and a score, of a byte each
    default:
        return counted_texts(l, 1, 1 + sizeof(double), texts);
    }
}

static enum status load_zset(struct loader *l, enum rdb_type type, struct value *out)
{
    struct zset_build build;
    struct texts texts;
    double score;
    enum status status = zset_texts(l, type, &texts);

    *out = VALUE_ABSENT;
    if (status == STATUS_OK)
        status = zset_build_begin(&build, l->ctx);
    if (status != STATUS_OK)
        return status;
    while (status == STATUS_OK) {
        status = next_text(&texts, &l->first);
        if (status == STATUS_OK)
            status = read_score(l, type, &texts, &score);
        if (status == STATUS_OK)
            status = add_scored(&build, &l->first, score);
    }
    if (status != STATUS_NOT_FOUND) {
        zset_build_abort(&build);
        return status;
    }
    while (zset_build_order(&build, ORDER_BUDGET))
        type_step(l->ctx, ORDER_BUDGET * ELEMENT_WORK);
    status = zset_build_finish(&build, true, out);
    return status == STATUS_OK && value_is_none(*out) ? STATUS_BAD_DATA : status;
}

// ---- a whole payload -------------------------------------------------------------------------

static enum status load_string(struct loader *l, struct value *out)
{
    enum status status = rdb_read_text(&l->in, &l->first);

    return status != STATUS_OK ? status : str_new(l->first.data, l->first.len, NO_EXPIRE, out);
}

static enum status load_type(struct loader *l, enum rdb_type type, struct value *out)
{
    switch (type) {
    case RDB_STRING:
        return load_string(l, out);
    case RDB_LIST:
        return load_list(l, out);
    case RDB_LIST_ZIPLIST:
        return load_list_ziplist(l, out);
    case RDB_LIST_QUICKLIST:
        return load_quicklist(l, false, out);
    case RDB_LIST_QUICKLIST_2:
        return load_quicklist(l, true, out);
    case RDB_SET:
        return load_set(l, out);
    case RDB_SET_INTSET:
        return load_intset(l, out);
    case RDB_HASH:
        return load_hash(l, out);
    case RDB_HASH_ZIPMAP:
        return load_hash_blob(l, rdb_zipmap_open, out);
    case RDB_HASH_ZIPLIST:
        return load_hash_blob(l, rdb_ziplist_open, out);
    case RDB_HASH_LISTPACK:
        return load_hash_blob(l, rdb_listpack_open, out);
    case RDB_ZSET:
    case RDB_ZSET_2:
    case RDB_ZSET_ZIPLIST:
    case RDB_ZSET_LISTPACK:
        return load_zset(l, type, out);
    }
    return STATUS_BAD_DATA;
}

bool rdb_check(struct type_ctx *ctx, const char *payload, size_t len)
{
    uint64_t crc = 0;
    size_t nbytes, n;

    if (len < RDB_FOOTER_BYTES)
        return false;
    nbytes = len - sizeof crc; // the checksum's own
    if (rdb_uint(payload + len - RDB_FOOTER_BYTES, 2) > RDB_VERSION)
        return false;
    for (size_t at = 0; at < nbytes; at += n) {
        n = nbytes - at < CHECK_BYTES ? nbytes - at : CHECK_BYTES;
        crc = crc64(crc, payload + at, n);
        type_step(ctx, n / CHECKED_PER_UNIT);
    }
    return crc == rdb_uint(payload + nbytes, sizeof crc);
}

enum status rdb_load(struct type_ctx *ctx, const char *payload, size_t len, struct value *out)
{
    struct loader l = {.ctx = ctx, .in = {payload, payload + len - RDB_FOOTER_BYTES}};
    const char *type;
    enum status status = STATUS_BAD_DATA;

    if (rdb_take(&l.in, 1, &type))
        status = load_type(&l, (enum rdb_type)(unsigned char)*type, out);
    if (status == STATUS_OK && rdb_left(&l.in) > 0) {
        value_retire(ctx, *out);
        status = STATUS_BAD_DATA;
    }
    rdb_text_free(&l.blob);
    rdb_text_free(&l.first);
    rdb_text_free(&l.second);
    return status == STATUS_TOO_LONG ? STATUS_BAD_DATA : status;
}

// ---- estimates -------------------------------------------------------------------------------

// Adding so many pairs to a hash, in which each is looked for before.
static uint64_t work_of_pairs(const struct type_limits *limits, uint64_t n)
{
    size_t most = atomic_load_explicit(&limits->hash_max_packed_entries, memory_order_relaxed);
    uint64_t walked = n < most ? n : 0; // more are in a dictionary from the beginning

    return n * (2 * ELEMENT_WORK + walked / (2 * HASH_FIELDS_PER_UNIT));
}

uint64_t rdb_load_work(const struct type_limits *limits, const char *payload, size_t len)
{
    struct rdb_cursor in = {payload, payload + len};
    uint64_t bytes_work = len / BYTES_PER_UNIT, count = 0;
    const char *type;

    if (!rdb_take(&in, 1, &type))
        return 1;
    size_t expanded = rdb_peek_text(in);
    if (!rdb_read_length(&in, &count) || count > rdb_left(&in))
        count = 0; // it fails at once, or is no count
    switch ((enum rdb_type)(unsigned char)*type) {
    case RDB_STRING:
        return 1 + bytes_work + expanded / BYTES_PER_UNIT;
    case RDB_LIST:
    case RDB_SET:
        return bytes_work + count * ELEMENT_WORK;
    case RDB_HASH:
        return bytes_work + work_of_pairs(limits, count);
    case RDB_ZSET:
    case RDB_ZSET_2:
        return bytes_work + count * 4 * ELEMENT_WORK; // and put in order
    case RDB_HASH_ZIPMAP:
    case RDB_HASH_ZIPLIST:
    case RDB_HASH_LISTPACK:
        return bytes_work + work_of_pairs(limits, expanded / (2 * BLOB_ENTRY_BYTES));
    case RDB_LIST_ZIPLIST:
    case RDB_SET_INTSET:
    case RDB_ZSET_ZIPLIST:
    case RDB_ZSET_LISTPACK:
        return bytes_work + expanded / BLOB_ENTRY_BYTES * 2 * ELEMENT_WORK;
    case RDB_LIST_QUICKLIST:
    case RDB_LIST_QUICKLIST_2:
        return bytes_work + len; // its nodes may be compressed
    }
    return 1;
}
