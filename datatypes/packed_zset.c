// SPDX-License-Identifier: MIT
#include "datatypes/packed_zset.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <string.h>

enum score_kind { SCORE_I8, SCORE_I16, SCORE_I32, SCORE_FLOAT, SCORE_DOUBLE };
static const unsigned char score_bytes[] = {1, 2, 4, 4, 8};

// ---- entries ---------------------------------------------------------------------------------

static enum score_kind score_kind(double score)
{
    if (score >= INT32_MIN && score <= INT32_MAX && score == (double)(int32_t)score) {
        int32_t n = (int32_t)score;
        return n == (int8_t)n ? SCORE_I8 : n == (int16_t)n ? SCORE_I16 : SCORE_I32;
    }
    if (isinf(score) || (fabs(score) <= (double)FLT_MAX && (double)(float)score == score))
        return SCORE_FLOAT;
    return SCORE_DOUBLE;
}

static char *write_score(char *at, double score)
{
    enum score_kind kind = score_kind(score);

    *at++ = (char)kind;
    switch (kind) {
    case SCORE_I8:
        *at = (char)(int8_t)score;
        break;
    case SCORE_I16:
        memcpy(at, &(int16_t){(int16_t)score}, sizeof(int16_t));
        break;
    case SCORE_I32:
        memcpy(at, &(int32_t){(int32_t)score}, sizeof(int32_t));
        break;
    case SCORE_FLOAT:
        memcpy(at, &(float){(float)score}, sizeof(float));
        break;
    case SCORE_DOUBLE:
        memcpy(at, &score, sizeof score);
        break;
    }
    return at + score_bytes[kind];
}

static double read_score(const char *at, enum score_kind kind)
{
    int16_t i16;
    int32_t i32;
    float f;
    double d;

    switch (kind) {
    case SCORE_I8:
        return (int8_t)*at;
    case SCORE_I16:
        memcpy(&i16, at, sizeof i16);
        return i16;
    case SCORE_I32:
        memcpy(&i32, at, sizeof i32);
        return i32;
    case SCORE_FLOAT:
        memcpy(&f, at, sizeof f);
        return (double)f;
    case SCORE_DOUBLE:
        break;
    }
    memcpy(&d, at, sizeof d);
    return d;
}

size_t packed_zset_entry_size(const struct packed_zset_entry *e)
{
    return 1 + score_bytes[score_kind(e->score)] + packed_text_size(e->len);
}

static char *write_entry(char *at, const struct packed_zset_entry *e)
{
    return packed_text_write(write_score(at, e->score), e->member, e->len);
}

size_t packed_zset_next(const struct packed_view *view, size_t offset, struct packed_zset_entry *e)
{
    const char *at = view->data + offset;
    enum score_kind kind = (enum score_kind) * at++;

    e->score = read_score(at, kind);
    return (size_t)(packed_text_read(at + score_bytes[kind], &e->member, &e->len) - view->data);
}

// ---- finding ---------------------------------------------------------------------------------

bool packed_zset_find(const struct packed_view *view, const char *member, size_t len,
                      size_t *offset, double *score)
{
    const char *at = view->data, *end = view->data + view->nbytes;

    while (at < end) {
        const char *here;
        size_t here_len;
        enum score_kind kind = (enum score_kind) * at;
        const char *next = packed_text_read(at + 1 + score_bytes[kind], &here, &here_len);
        if (here_len == len && (len == 0 || memcmp(here, member, len) == 0)) {
            *offset = (size_t)(at - view->data);
            *score = read_score(at + 1, kind);
            return true;
        }
        at = next;
    }
    return false;
}

// Whether the entry a comes before b in the order of the set.
static bool comes_before(const struct packed_zset_entry *a, const struct packed_zset_entry *b)
{
    if (a->score != b->score)
        return a->score < b->score;
    size_t shared = a->len < b->len ? a->len : b->len;
    int order = shared == 0 ? 0 : memcmp(a->member, b->member, shared);
    return order != 0 ? order < 0 : a->len < b->len;
}

// The offset at which an entry belongs.
static size_t place_of(const struct packed_view *view, const struct packed_zset_entry *e)
{
    struct packed_zset_entry here;
    size_t at = 0, next;

    for (; at < view->nbytes; at = next) {
        next = packed_zset_next(view, at, &here);
        if (!comes_before(&here, e))
            break;
    }
    return at;
}

// ---- changing --------------------------------------------------------------------------------

void packed_zset_push(struct packed_blob *ps, const struct packed_zset_entry *e)
{
    struct packed_view view = packed_blob_own_view(ps);
    assert(packed_zset_entry_size(e) <= ps->cap - view.nbytes);

    const char *end = write_entry(ps->data + view.nbytes, e);
    packed_blob_publish(ps, view.count + 1, (size_t)(end - ps->data));
}

// Copies what is left of [from, to) without the cut; returns the end of what was written.
static char *copy_around(char *out, const char *data, size_t from, size_t to, size_t cut_from,
                         size_t cut_to)
{
    size_t before = cut_from < from ? from : cut_from < to ? cut_from : to;
    size_t after = cut_to > to ? to : cut_to > before ? cut_to : before;

    memcpy(out, data + from, before - from);
    out += before - from;
    memcpy(out, data + after, to - after);
    return out + (to - after);
}

struct packed_blob *packed_zset_change(struct packed_blob *ps, size_t from, size_t to, size_t ncut,
                                       const struct packed_zset_entry *add)
{
    struct packed_view view = packed_blob_own_view(ps);
    size_t grown = add != NULL ? packed_zset_entry_size(add) : 0;
    size_t place = add != NULL ? place_of(&view, add) : view.nbytes;

    if (ncut == 0 && place == view.nbytes && grown <= ps->cap - view.nbytes) {
        if (add != NULL)
            packed_zset_push(ps, add);
        return ps;
    }
    struct packed_blob *copy = packed_blob_new(0, view.nbytes - (to - from) + grown);
    if (copy == NULL)
        return NULL;
    char *at = copy_around(copy->data, view.data, 0, place, from, to);
    if (add != NULL)
        at = write_entry(at, add);
    at = copy_around(at, view.data, place, view.nbytes, from, to);
    packed_blob_publish(copy, view.count - ncut + (add != NULL), (size_t)(at - copy->data));
    return copy;
}
