// SPDX-License-Identifier: MIT
#include "tests/lib/kv_value.h"

#include <stdlib.h>
#include <string.h>

#include "tests/lib/check.h"

enum { FIRST_VALUES = 64 };

struct kv_pool {
    struct kv_value **values; // by number
    uint32_t n, capacity;
    uint32_t *index; // numbers by hash, open addressing, 0 free; twice the capacity
};

static struct kv_value NONE = {KV_NONE, 0};

static uint64_t hash_items(enum kv_type type, const struct bytes *items, int n)
{
    uint64_t hash = (uint64_t)type + 1;

    for (int i = 0; i < n; i++) {
        hash = (hash ^ items[i].len) * UINT64_C(0x9E3779B97F4A7C15);
        for (size_t k = 0; k < items[i].len; k++)
            hash = (hash ^ (unsigned char)items[i].data[k]) * UINT64_C(0x100000001B3);
    }
    return hash ^ hash >> 32;
}

static bool has_items(const struct kv_value *v, enum kv_type type, const struct bytes *items, int n)
{
    if (v->type != type || v->n != n)
        return false;
    for (int i = 0; i < n; i++) {
        if (!bytes_equal(v->items[i], items[i]))
            return false;
    }
    return true;
}

// The slot that has the value, or the free one where it belongs.
static uint32_t *find_slot(const struct kv_pool *pool, enum kv_type type, const struct bytes *items,
                           int n)
{
    for (uint64_t at = hash_items(type, items, n);; at++) {
        uint32_t *slot = &pool->index[at & (2 * pool->capacity - 1)];
        if (*slot == 0 || has_items(pool->values[*slot], type, items, n))
            return slot;
    }
}

static void set_capacity(struct kv_pool *pool, uint32_t capacity)
{
    pool->capacity = capacity;
    pool->values = realloc(pool->values, capacity * sizeof(struct kv_value *));
    free(pool->index);
    pool->index = calloc(2 * capacity, sizeof *pool->index);
    check(pool->values != NULL && pool->index != NULL);
    for (uint32_t i = 1; i < pool->n; i++) {
        const struct kv_value *v = pool->values[i];
        *find_slot(pool, v->type, v->items, v->n) = i;
    }
}

struct kv_pool *kv_pool_new(void)
{
    struct kv_pool *pool = calloc(1, sizeof *pool);

    check(pool != NULL);
    set_capacity(pool, FIRST_VALUES);
    pool->values[KV_ABSENT] = &NONE;
    pool->n = 1;
    return pool;
}

void kv_pool_free(struct kv_pool *pool)
{
    for (uint32_t i = 1; i < pool->n; i++)
        free(pool->values[i]);
    free(pool->values);
    free(pool->index);
    free(pool);
}

// One block that holds the value, its items and their bytes.
static struct kv_value *make_value(enum kv_type type, const struct bytes *items, int n)
{
    size_t nbytes = sizeof(struct kv_value) + (size_t)n * sizeof *items;
    size_t at = nbytes;

    for (int i = 0; i < n; i++)
        nbytes += items[i].len;
    struct kv_value *v = malloc(nbytes);
    check(v != NULL);
    v->type = type;
    v->n = n;
    for (int i = 0; i < n; i++) {
        char *copy = (char *)v + at;
        memcpy(copy, items[i].data, items[i].len);
        v->items[i] = (struct bytes){copy, items[i].len};
        at += items[i].len;
    }
    return v;
}

uint32_t kv_number(struct kv_pool *pool, enum kv_type type, const struct bytes *items, int n)
{
    if (n == 0)
        return KV_ABSENT;
    uint32_t *slot = find_slot(pool, type, items, n);
    if (*slot != 0)
        return *slot;
    if (pool->n == pool->capacity) {
        set_capacity(pool, 2 * pool->capacity);
        slot = find_slot(pool, type, items, n);
    }
    pool->values[pool->n] = make_value(type, items, n);
    *slot = pool->n;
    return pool->n++;
}

const struct kv_value *kv_value(const struct kv_pool *pool, uint32_t number)
{
    return pool->values[number];
}

void kv_items_copy(struct kv_items *to, const struct kv_value *v)
{
    to->n = 0;
    kv_items_insert(to, 0, v->items, v->n);
}

void kv_items_insert(struct kv_items *to, int at, const struct bytes *items, int n)
{
    check(to->n + n <= KV_ITEMS_MAX);
    memmove(&to->items[at + n], &to->items[at], (size_t)(to->n - at) * sizeof *items);
    memcpy(&to->items[at], items, (size_t)n * sizeof *items);
    to->n += n;
}

void kv_items_remove(struct kv_items *from, int at, int n)
{
    from->n -= n;
    memmove(&from->items[at], &from->items[at + n], (size_t)(from->n - at) * sizeof *from->items);
}
