// SPDX-License-Identifier: MIT
#include "datatypes/intset.h"

#include <assert.h>
#include <stdatomic.h>
#include <string.h>

#include "datatypes/mem.h"

struct intset {
    _Atomic uint32_t count;
    uint32_t width : 4; // bytes an integer: 2, 4 or 8; like cap, fixed before publication
    uint32_t cap : 28;
    char data[];
};

_Static_assert(sizeof(struct intset) == 8, "integers of 8 bytes stay aligned behind the header");

static unsigned width_of(int64_t n)
{
    if (n >= INT16_MIN && n <= INT16_MAX)
        return 2;
    return n >= INT32_MIN && n <= INT32_MAX ? 4 : 8;
}

static struct intset *alloc(unsigned width, size_t cap)
{
    assert(cap <= INTSET_MAX_COUNT);
    size_t size = mem_good_size(sizeof(struct intset) + width * (cap > 0 ? cap : 1));
    struct intset *is = mem_alloc(size);
    if (is == NULL)
        return NULL;
    size_t room = (size - sizeof(struct intset)) / width;
    atomic_init(&is->count, 0);
    is->width = width & 15;
    is->cap = (room < INTSET_MAX_COUNT ? room : INTSET_MAX_COUNT) & INTSET_MAX_COUNT;
    return is;
}

static int64_t load(const struct intset *is, size_t i)
{
    const char *at = is->data + i * is->width;
    if (is->width == 2) {
        int16_t n;
        memcpy(&n, at, sizeof n);
        return n;
    }
    if (is->width == 4) {
        int32_t n;
        memcpy(&n, at, sizeof n);
        return n;
    }
    int64_t n;
    memcpy(&n, at, sizeof n);
    return n;
}

static void store(struct intset *is, size_t i, int64_t n)
{
    char *at = is->data + i * is->width;
    assert(width_of(n) <= is->width);
    if (is->width == 2)
        memcpy(at, &(int16_t){(int16_t)n}, 2);
    else if (is->width == 4)
        memcpy(at, &(int32_t){(int32_t)n}, 4);
    else
        memcpy(at, &n, 8);
}

// Writer's load of the count: only the writer stores it, so relaxed gives the latest.
static size_t own_count(const struct intset *is)
{
    return atomic_load_explicit(&is->count, memory_order_relaxed);
}

static void publish_count(struct intset *is, size_t count)
{
    // Release: a reader that loads this count sees the integers below it.
    atomic_store_explicit(&is->count, (uint32_t)count, memory_order_release);
}

// Copies `n` integers between arrays that may differ in width (only upwards).
static void copy_range(struct intset *to, size_t at, const struct intset *from, size_t first,
                       size_t n)
{
    if (to->width == from->width) {
        memcpy(to->data + at * to->width, from->data + first * from->width, n * to->width);
        return;
    }
    for (size_t i = 0; i < n; i++)
        store(to, at + i, load(from, first + i));
}

struct intset *intset_new(int64_t like, size_t cap)
{
    return alloc(width_of(like), cap);
}

struct intset *intset_new_like(const struct intset *like, size_t cap)
{
    return alloc(like->width, cap);
}

size_t intset_count(const struct intset *is)
{
    return atomic_load_explicit(&is->count, memory_order_acquire); // see publish_count()
}

int64_t intset_get(const struct intset *is, size_t i)
{
    return load(is, i);
}

bool intset_find(const struct intset *is, int64_t n, size_t *pos)
{
    size_t low = 0, high = intset_count(is);

    if (high > 0 && n > load(is, high - 1)) // ascending insertion is common
        low = high;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int64_t here = load(is, middle);
        if (here == n) {
            low = middle;
            break;
        }
        if (here < n)
            low = middle + 1;
        else
            high = middle;
    }
    if (pos != NULL)
        *pos = low;
    return low < high;
}

struct intset *intset_add(struct intset *is, size_t pos, int64_t n)
{
    size_t count = own_count(is);
    unsigned width = width_of(n) > is->width ? width_of(n) : is->width;

    if (pos == count && width == is->width && count < is->cap) {
        store(is, pos, n);
        publish_count(is, count + 1);
        return is;
    }
    struct intset *copy = alloc(width, count + 1);
    if (copy == NULL)
        return NULL;
    copy_range(copy, 0, is, 0, pos);
    store(copy, pos, n);
    copy_range(copy, pos + 1, is, pos, count - pos);
    publish_count(copy, count + 1);
    return copy;
}

struct intset *intset_without(const struct intset *is, size_t pos)
{
    size_t count = own_count(is);
    assert(pos < count);
    struct intset *copy = alloc(is->width, count - 1);
    if (copy == NULL)
        return NULL;
    copy_range(copy, 0, is, 0, pos);
    copy_range(copy, pos, is, pos + 1, count - pos - 1);
    publish_count(copy, count - 1);
    return copy;
}

struct intset *intset_copy(const struct intset *is)
{
    size_t count = intset_count(is);
    struct intset *copy = alloc(is->width, count);
    if (copy == NULL)
        return NULL;
    copy_range(copy, 0, is, 0, count);
    publish_count(copy, count);
    return copy;
}

void intset_push(struct intset *is, int64_t n)
{
    size_t count = own_count(is);
    assert(count < is->cap && (count == 0 || load(is, count - 1) < n));
    store(is, count, n);
    publish_count(is, count + 1);
}
