// SPDX-License-Identifier: MIT
#include "tests/diff/compare.h"

#include <stdlib.h>
#include <string.h>

#include "tests/lib/check.h"

enum { NEAR_S = 3, NEAR_MS = 3000 };

// The end of the element at `at`: what follows it outside of quotes and brackets.
static const char *element_end(const char *at, const char *end, bool map)
{
    bool quoted = false;
    int depth = 0;

    for (; at < end; at++) {
        if (quoted && *at == '\\') {
            at++;
        } else if (*at == '"') {
            quoted = !quoted;
        } else if (quoted) {
            continue;
        } else if (depth == 0 && (*at == ']' || *at == '}' || *at == (map ? ',' : ' '))) {
            break;
        } else {
            depth += (*at == '[' || *at == '{') - (*at == ']' || *at == '}');
        }
    }
    return at;
}

struct diff_elements diff_elements(struct bytes text)
{
    struct diff_elements all = {.n = -1};
    const char *at = text.data, *end = text.data + text.len;
    int capacity = 0;
    bool map;

    at += at < end && *at == '~';
    if (at == end || (*at != '[' && *at != '{')) {
        return all;
    }
    map = *at == '{';
    all.n = 0;
    for (at++; at < end && *at != ']' && *at != '}';) {
        const char *stop = element_end(at, end, map);

        if (all.n == capacity) {
            capacity = capacity ? 2 * capacity : 16;
            all.items = realloc(all.items, (size_t)capacity * sizeof(struct bytes));
            check(all.items != NULL);
        }
        all.items[all.n++] = (struct bytes){at, (size_t)(stop - at)};
        for (at = stop; at < end && (*at == ',' || *at == ' '); at++) {
        }
    }
    return all;
}

void diff_join_pairs(struct diff_elements *all)
{
    if (all->n < 2 || all->n % 2 != 0 || *all->items[0].data != '"' ||
        all->items[0].data[all->items[0].len - 1] != '"') {
        return;
    }
    for (int i = 0; i < all->n; i += 2) {
        const char *start = all->items[i].data;
        struct bytes second = all->items[i + 1];

        all->items[i / 2] = (struct bytes){start, (size_t)(second.data + second.len - start)};
    }
    all->n /= 2;
}

static int compare_items(const void *a, const void *b)
{
    return bytes_compare(*(const struct bytes *)a, *(const struct bytes *)b);
}

void diff_sort(struct diff_elements *all)
{
    if (all->n > 1) {
        qsort(all->items, (size_t)all->n, sizeof(struct bytes), compare_items);
    }
}

void diff_drop_duplicates(struct diff_elements *all)
{
    int n = 0;

    for (int i = 0; i < all->n; i++) {
        if (n == 0 || bytes_compare(all->items[n - 1], all->items[i]) != 0) {
            all->items[n++] = all->items[i];
        }
    }
    all->n = all->n > 0 ? n : all->n;
}

bool diff_contains(const struct diff_elements *sorted, struct bytes item)
{
    return sorted->n > 0 && bsearch(&item, sorted->items, (size_t)sorted->n, sizeof(struct bytes),
                                    compare_items) != NULL;
}

bool diff_elements_equal(const struct diff_elements *a, const struct diff_elements *b)
{
    if (a->n != b->n) {
        return false;
    }
    for (int i = 0; i < a->n; i++) {
        if (bytes_compare(a->items[i], b->items[i]) != 0) {
            return false;
        }
    }
    return true;
}

static bool agree_in_any_order(enum diff_rule rule, struct bytes a, struct bytes b)
{
    struct diff_elements of_a = diff_elements(a), of_b = diff_elements(b);
    bool equal;

    if (rule == DIFF_PAIRS && *a.data == '[' && *b.data == '[') {
        diff_join_pairs(&of_a);
        diff_join_pairs(&of_b);
    }
    diff_sort(&of_a);
    diff_sort(&of_b);
    // Of the same type: an array is no set.
    equal = of_a.n >= 0 && *a.data == *b.data && diff_elements_equal(&of_a, &of_b);
    free(of_a.items);
    free(of_b.items);
    return equal;
}

// Times of at least `least`.
static bool near(struct bytes a, struct bytes b, long long least, long long distance)
{
    long long x, y;

    if (a.len < 2 || b.len < 2 || *a.data != ':' || *b.data != ':') {
        return false;
    }
    x = atoll(a.data + 1);
    y = atoll(b.data + 1);
    return x >= least && y >= least && x - y <= distance && y - x <= distance;
}

// Where the number of the connection stands in the reply of HELLO; NULL: it is none.
static const char *find_id(struct bytes text)
{
    static const char *const FIELDS[] = {"\"id\" :", "\"id\": :"};

    for (int i = 0; i < 2; i++) {
        const char *found = memmem(text.data, text.len, FIELDS[i], strlen(FIELDS[i]));

        if (found) {
            return found + strlen(FIELDS[i]);
        }
    }
    return NULL;
}

static bool greetings_agree(struct bytes a, struct bytes b)
{
    const char *of_a = find_id(a), *of_b = find_id(b);

    if (!of_a || !of_b ||
        bytes_compare((struct bytes){a.data, (size_t)(of_a - a.data)},
                      (struct bytes){b.data, (size_t)(of_b - b.data)}) != 0) {
        return false;
    }
    of_a += strspn(of_a, "0123456789");
    of_b += strspn(of_b, "0123456789");
    return bytes_compare((struct bytes){of_a, (size_t)(a.data + a.len - of_a)},
                         (struct bytes){of_b, (size_t)(b.data + b.len - of_b)}) == 0;
}

bool diff_agree(enum diff_rule rule, struct bytes a, struct bytes b)
{
    if (bytes_compare(a, b) == 0) {
        return true;
    }
    switch (rule) {
    case DIFF_ANY_ORDER:
    case DIFF_PAIRS:
        return a.len > 0 && b.len > 0 && agree_in_any_order(rule, a, b);
    case DIFF_NEAR_S:
        return near(a, b, 1, NEAR_S);
    case DIFF_NEAR_MS:
        return near(a, b, 1, NEAR_MS);
    case DIFF_IDLE:
        return near(a, b, 0, NEAR_S);
    case DIFF_GREETING:
        return greetings_agree(a, b);
    default:
        return false;
    }
}
