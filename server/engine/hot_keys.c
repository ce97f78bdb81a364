// SPDX-License-Identifier: MIT
#include "server/engine/hot_keys.h"

#include <stdlib.h>
#include <string.h>

static int find_locked(const struct hot_keys *h, uint64_t id)
{
    int i = 0;

    while (i < h->n && h->ids[i] != id)
        i++;
    return i;
}

static int least_locked(const struct hot_keys *h)
{
    int least = 0;

    for (int i = 1; i < h->n; i++) {
        if (h->keys[i].wait_ns < h->keys[least].wait_ns)
            least = i;
    }
    return least;
}

// A place for a key that is not followed yet.
static int follow_locked(struct hot_keys *h, uint64_t id, int db, struct bytes name)
{
    bool full = h->n == HOT_KEYS;
    int i = full ? least_locked(h) : h->n++;
    struct hot_key *key = &h->keys[i];
    uint64_t inherited = full ? key->wait_ns : 0;

    h->ids[i] = id;
    *key = (struct hot_key){.db = db, .wait_ns = inherited, .error_ns = inherited};
    key->len = name.len < KEY_SHOWN_CHARS ? name.len : KEY_SHOWN_CHARS;
    if (key->len)
        memcpy(key->name, name.data, key->len);
    return i;
}

void hot_keys_count(struct hot_keys *h, uint64_t id, int db, struct bytes name, int64_t ns)
{
    mutex_lock(&h->lock);
    int i = find_locked(h, id);
    if (i == h->n)
        i = follow_locked(h, id, db, name);
    struct hot_key *key = &h->keys[i];
    key->waits++;
    key->wait_ns += (uint64_t)ns;
    if (key->max_ns < (uint64_t)ns)
        key->max_ns = (uint64_t)ns;
    mutex_unlock(&h->lock);
}

static int compare(const void *pa, const void *pb)
{
    const struct hot_key *a = pa, *b = pb;
    return (a->wait_ns < b->wait_ns) - (a->wait_ns > b->wait_ns);
}

int hot_keys_top(struct hot_keys *h, struct hot_key *out, int max)
{
    struct hot_key all[HOT_KEYS];

    mutex_lock(&h->lock);
    int n = h->n;
    memcpy(all, h->keys, (size_t)n * sizeof *all);
    mutex_unlock(&h->lock);
    qsort(all, (size_t)n, sizeof *all, compare);
    if (n > max)
        n = max;
    memcpy(out, all, (size_t)n * sizeof *all);
    return n;
}

void hot_keys_reset(struct hot_keys *h)
{
    mutex_lock(&h->lock);
    h->n = 0;
    mutex_unlock(&h->lock);
}
