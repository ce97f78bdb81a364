// SPDX-License-Identifier: MIT
#include "tests/lib/record_set.h"

#include <stdlib.h>
#include <string.h>

#include "tests/lib/check.h"

enum { FIRST_RECORDS = 32 };

static uint64_t hash_record(const struct record_set *set, const void *record)
{
    const unsigned char *at = record;
    uint64_t hash = 0;

    for (size_t i = 0; i < set->record_bytes; i += sizeof hash) {
        uint64_t word;
        memcpy(&word, at + i, sizeof word);
        hash = (hash ^ word) * UINT64_C(0x9E3779B97F4A7C15);
        hash ^= hash >> 32;
    }
    return hash;
}

// The slot that has the record, or the free one where it belongs.
static uint32_t *find_slot(const struct record_set *set, const void *record)
{
    for (uint64_t at = hash_record(set, record);; at++) {
        uint32_t *slot = &set->index[at & (set->slots - 1)];
        if (*slot == 0 || memcmp(record_set_at(set, *slot - 1), record, set->record_bytes) == 0)
            return slot;
    }
}

static void set_capacity(struct record_set *set, size_t capacity)
{
    set->capacity = capacity;
    set->records = realloc(set->records, capacity * set->record_bytes);
    set->slots = 2 * capacity;
    free(set->index);
    set->index = calloc(set->slots, sizeof *set->index);
    check(set->records != NULL && set->index != NULL);
    for (size_t i = 0; i < set->n; i++)
        *find_slot(set, record_set_at(set, i)) = (uint32_t)i + 1;
}

void record_set_init(struct record_set *set, size_t record_bytes)
{
    check(record_bytes % sizeof(uint64_t) == 0);
    *set = (struct record_set){.record_bytes = record_bytes};
    set_capacity(set, FIRST_RECORDS);
}

void record_set_free(struct record_set *set)
{
    free(set->records);
    free(set->index);
}

bool record_set_add(struct record_set *set, const void *record)
{
    uint32_t *slot = find_slot(set, record);

    if (*slot != 0)
        return false;
    if (set->n == set->capacity) {
        set_capacity(set, 2 * set->capacity);
        slot = find_slot(set, record);
    }
    memcpy(set->records + set->n * set->record_bytes, record, set->record_bytes);
    *slot = (uint32_t)++set->n;
    return true;
}

const void *record_set_at(const struct record_set *set, size_t i)
{
    return set->records + i * set->record_bytes;
}

size_t record_set_bytes(const struct record_set *set)
{
    return set->capacity * set->record_bytes + set->slots * sizeof *set->index;
}
