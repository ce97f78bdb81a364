// SPDX-License-Identifier: MIT
//
// A merge sort from the bottom up. It can give the processor away after any element, and takes the
// same time whatever order the elements come in. What is moved is not the items but short
// references, which carry enough to tell most pairs apart without looking at the items: the score,
// or the first eight bytes.
#include "server/engine/sort_order.h"

#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "datatypes/mem.h"
#include "server/engine/cmd.h"

enum {
    RUN = 8,           // elements that are sorted by insertion
    STEP = 256,        // elements merged between two calls of cmd_step()
    PER_UNIT = 2,      // elements merged in a unit of work
    NUMBER_CHARS = 64, // longer ones are read from a copy in memory of their own
};

struct ref {
    union {
        double score;
        uint64_t prefix; // the first bytes, as a number that compares as they do
    };
    const struct sort_item *item;
};

struct sort {
    bool alpha, descending;
    size_t n;
    struct ref *from, *to;
};

enum status sort_number(struct bytes text, double *out)
{
    char small[NUMBER_CHARS], *copy = small, *end;
    int64_t integer;

    if (bytes_to_i64(text, &integer)) {
        *out = (double)integer;
        return STATUS_OK;
    }
    if (text.len >= sizeof small && !(copy = mem_alloc(text.len + 1)))
        return STATUS_NO_MEMORY;
    if (text.len > 0)
        memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    errno = 0;
    *out = strtod(copy, &end);
    bool good = *end == '\0' && errno != ERANGE && !isnan(*out);
    if (copy != small)
        mem_free(copy);
    return good ? STATUS_OK : STATUS_NOT_FLOAT;
}

// ---- comparing ----------------------------------------------------------------------------------

static uint64_t prefix_of(struct bytes text)
{
    size_t n = text.len < sizeof(uint64_t) ? text.len : sizeof(uint64_t);
    uint64_t prefix = 0;

    for (size_t i = 0; text.data && i < n; i++)
        prefix |= (uint64_t)(unsigned char)text.data[i] << (56 - 8 * i);
    return prefix;
}

static int compare_texts(struct bytes a, struct bytes b)
{
    bool none_a = a.len == SIZE_MAX, none_b = b.len == SIZE_MAX;

    return none_a || none_b ? none_b - none_a : bytes_compare(a, b);
}

static int compare(const struct sort *s, const struct ref *a, const struct ref *b)
{
    int order;

    if (!s->alpha) {
        order = (a->score > b->score) - (a->score < b->score);
        if (order == 0)
            order = bytes_compare(a->item->element, b->item->element);
    } else {
        order = (a->prefix > b->prefix) - (a->prefix < b->prefix);
        if (order == 0)
            order = compare_texts(a->item->by, b->item->by);
    }
    return s->descending ? -order : order;
}

// ---- sorting ------------------------------------------------------------------------------------

static void insert_run(const struct sort *s, struct ref *refs, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        struct ref moved = refs[i];
        size_t at = i;
        for (; at > 0 && compare(s, &refs[at - 1], &moved) > 0; at--)
            refs[at] = refs[at - 1];
        refs[at] = moved;
    }
}

// Merges from[a..b) and from[b..c) into to[a..c).
static bool merge(struct cmd_ctx *ctx, const struct sort *s, size_t a, size_t b, size_t c)
{
    size_t left = a, right = b;

    for (size_t out = a; out < c; out++) {
        bool take_left =
            right == c || (left < b && compare(s, &s->from[left], &s->from[right]) <= 0);
        s->to[out] = s->from[take_left ? left++ : right++];
        if (out % STEP == 0 && !cmd_step(ctx, STEP / PER_UNIT))
            return false;
    }
    return true;
}

static bool sort_refs(struct cmd_ctx *c, struct sort *s)
{
    for (size_t at = 0; at < s->n; at += RUN) {
        insert_run(s, s->from + at, s->n - at < RUN ? s->n - at : RUN);
        if (!cmd_step(c, RUN))
            return false;
    }
    for (size_t width = RUN; width < s->n; width *= 2) {
        for (size_t at = 0; at < s->n; at += 2 * width) {
            size_t middle = s->n - at < width ? s->n : at + width;
            size_t end = s->n - middle < width ? s->n : middle + width;
            if (!merge(c, s, at, middle, end))
                return false;
        }
        struct ref *sorted = s->to;
        s->to = s->from;
        s->from = sorted;
    }
    return true;
}

bool sort_items(struct cmd_ctx *c, const struct sort_item *items, size_t n, bool alpha,
                bool descending, const struct sort_item **order)
{
    struct ref *refs = mem_alloc(2 * n * sizeof *refs);
    struct sort s = {alpha, descending, n, refs, refs + n};
    bool done;

    if (!refs)
        return false;
    for (size_t i = 0; i < n; i++) {
        refs[i].item = &items[i];
        if (alpha)
            refs[i].prefix = prefix_of(items[i].by);
        else
            refs[i].score = items[i].score;
    }
    done = sort_refs(c, &s);
    for (size_t i = 0; done && i < n; i++)
        order[i] = s.from[i].item;
    mem_free(refs);
    return done;
}
