// SPDX-License-Identifier: MIT
//
// A merge sort from the bottom up: it can give the processor away after any element, and takes the
// same time whatever order the elements come in. When only a few of them are wanted, these are kept
// in a heap instead, with the last one at its root.
//
// What is moved is not the items but short references, which carry enough to tell most pairs apart
// without looking at the items: the score, or eight bytes from where the texts begin to differ.
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
    PER_UNIT = 2,      // elements merged, or offered to the heap, in a unit of work
    HEAP_PART = 16,    // the heap serves up to this part of the elements
    NUMBER_CHARS = 64, // longer ones are read from a copy in memory of their own
};

struct ref {
    union {
        double score;
        uint64_t prefix; // eight bytes of the text, as a number that compares as they do
    };
    const struct sort_item *item;
};

struct sort {
    bool alpha, descending;
    size_t skip; // so many bytes all texts have in common
    const struct sort_item *items;
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

static uint64_t prefix_of(struct bytes text, size_t skip)
{
    uint64_t prefix = 0;

    if (text.len == SIZE_MAX)
        return 0;
    for (size_t i = 0; i < sizeof prefix && skip + i < text.len; i++)
        prefix |= (uint64_t)(unsigned char)text.data[skip + i] << (56 - 8 * i);
    return prefix;
}

// Finds out how many bytes all texts that are there begin with in common.
static bool find_skip(struct cmd_ctx *c, struct sort *s)
{
    struct bytes first = SORT_BY_NOTHING;
    size_t common = 0;

    for (size_t i = 0; s->alpha && i < s->n; i++) {
        struct bytes text = s->items[i].by;
        if (text.len == SIZE_MAX)
            continue;
        if (first.len == SIZE_MAX) {
            first = text;
            common = text.len;
        }
        common = text.len < common ? text.len : common;
        if (common > 0 && memcmp(first.data, text.data, common) != 0) {
            for (common = 0; first.data[common] == text.data[common];)
                common++;
        }
        if (i % STEP == 0 && !cmd_step(c, STEP))
            return false;
    }
    s->skip = common;
    return true;
}

static struct ref ref_to(const struct sort *s, const struct sort_item *item)
{
    struct ref ref = {.item = item};

    if (s->alpha)
        ref.prefix = prefix_of(item->by, s->skip);
    else
        ref.score = item->score;
    return ref;
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
    if (order == 0) // as they came in, in either direction
        return (a->item > b->item) - (a->item < b->item);
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

static bool sort_all(struct cmd_ctx *c, struct sort *s)
{
    for (size_t at = 0; at < s->n; at += RUN) {
        size_t n = s->n - at < RUN ? s->n - at : RUN;
        for (size_t i = at; i < at + n; i++)
            s->from[i] = ref_to(s, &s->items[i]);
        insert_run(s, s->from + at, n);
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

// ---- the first few ------------------------------------------------------------------------------

// Lets the root of a heap of `n` sink to its place.
static void sink(const struct sort *s, struct ref *heap, size_t n)
{
    struct ref moved = heap[0];
    size_t at = 0;

    for (;;) {
        size_t child = 2 * at + 1;
        if (child + 1 < n && compare(s, &heap[child + 1], &heap[child]) > 0)
            child++;
        if (child >= n || compare(s, &heap[child], &moved) <= 0)
            break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = moved;
}

static void rise(const struct sort *s, struct ref *heap, size_t at)
{
    struct ref moved = heap[at];

    for (; at > 0 && compare(s, &heap[(at - 1) / 2], &moved) < 0; at = (at - 1) / 2)
        heap[at] = heap[(at - 1) / 2];
    heap[at] = moved;
}

// Finds the first `wanted` items and puts them in order.
static bool select_first(struct cmd_ctx *c, struct sort *s, size_t wanted)
{
    struct ref *heap = s->from;
    size_t n = 0;

    for (size_t i = 0; i < s->n; i++) {
        struct ref ref = ref_to(s, &s->items[i]);
        if (n < wanted) {
            heap[n] = ref;
            rise(s, heap, n++);
        } else if (compare(s, &ref, &heap[0]) < 0) {
            heap[0] = ref;
            sink(s, heap, n);
        }
        if (i % STEP == 0 && !cmd_step(c, STEP / PER_UNIT))
            return false;
    }
    while (n > 1) {
        struct ref last = heap[0];
        heap[0] = heap[--n];
        sink(s, heap, n);
        heap[n] = last;
        if (n % STEP == 0 && !cmd_step(c, STEP))
            return false;
    }
    return true;
}

// ---- all ----------------------------------------------------------------------------------------

static bool few_wanted(uint64_t n, uint64_t wanted)
{
    return wanted < n / HEAP_PART;
}

uint64_t sort_items_work(uint64_t n, uint64_t wanted)
{
    uint64_t levels = n < 2 ? 1 : 64 - (uint64_t)__builtin_clzll(n);

    return few_wanted(n, wanted) ? n / PER_UNIT + wanted * levels : n + n * levels / PER_UNIT;
}

bool sort_items(struct cmd_ctx *c, const struct sort_item *items, size_t n, size_t wanted,
                bool alpha, bool descending, const struct sort_item **order)
{
    bool few = few_wanted(n, wanted), done;
    size_t nrefs = few ? wanted + 1 : 2 * n;
    struct ref *refs = mem_alloc(nrefs * sizeof *refs);
    struct sort s = {
        .alpha = alpha, .descending = descending, .items = items, .n = n, .from = refs};

    if (!refs)
        return false;
    s.to = few ? NULL : refs + n;
    done = find_skip(c, &s);
    if (done && few)
        done = wanted == 0 || select_first(c, &s, wanted);
    else if (done)
        done = sort_all(c, &s);
    for (size_t i = 0; done && i < wanted; i++)
        order[i] = s.from[i].item;
    mem_free(refs);
    return done;
}
