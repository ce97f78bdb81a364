// SPDX-License-Identifier: MIT
#include "server/engine/entry.h"

#include "datatypes/mem.h"

static const uint32_t HINT_MASK = 0xffffff;

struct entry *entry_new(struct bytes key, enum keylock_mode mode)
{
    bool is_long = key.len >= ENTRY_LONG_KEY;
    uint32_t len = (uint32_t)key.len;
    struct entry *e = mem_alloc(sizeof(struct entry) + key.len + (is_long ? sizeof len : 0));

    if (!e)
        return NULL;
    atomic_init(&e->value, 0);
    keylock_init(&e->lock, mode == KEYLOCK_WRITE);
    if (mode == KEYLOCK_READ && !keylock_try(&e->lock, KEYLOCK_READ))
        __builtin_unreachable(); // nobody else knows the entry yet
    atomic_init(&e->meta, is_long ? ENTRY_LONG_KEY : len);
    if (is_long)
        memcpy(e->key, &len, sizeof len);
    memcpy(e->key + (is_long ? sizeof len : 0), key.data, key.len);
    return e;
}

void entry_free(void *entry)
{
    mem_free(entry);
}

size_t entry_bytes(const struct entry *e)
{
    struct bytes key = entry_key(e);
    return (size_t)(key.data - (const char *)e) + key.len;
}

void entry_use(struct entry *e, int64_t now_ms)
{
    uint32_t meta = atomic_load_explicit(&e->meta, memory_order_relaxed);
    uint32_t hint = (uint32_t)(now_ms / 1000) & HINT_MASK;

    // Relaxed: a hint, and the length below it never changes.
    if (meta >> 8 != hint)
        atomic_store_explicit(&e->meta, hint << 8 | (meta & 255), memory_order_relaxed);
}

void entry_set_idle(struct entry *e, int64_t now_ms, int64_t seconds)
{
    int64_t most = HINT_MASK;

    entry_use(e, now_ms - 1000 * (seconds < most ? seconds : most));
}

int64_t entry_idle_seconds(const struct entry *e, int64_t now_ms)
{
    uint32_t hint = atomic_load_explicit(&e->meta, memory_order_relaxed) >> 8;
    return (int64_t)(((uint32_t)(now_ms / 1000) - hint) & HINT_MASK);
}

static void key_of(const void *node, const char **key, size_t *nkey)
{
    struct bytes b = entry_key(node);
    *key = b.data;
    *nkey = b.len;
}

const struct dict_type entry_dict_type = {key_of};
