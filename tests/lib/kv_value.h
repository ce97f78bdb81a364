// SPDX-License-Identifier: MIT
//
// The values of the sequential model (kv_model.h). A value is a type and a row of byte strings in a
// form that is the same for equal values: a string is one, a set its members in order, a hash its
// fields in order with the value behind each, a list its elements, a sorted set its members by
// score with the score behind each. Equal values get equal numbers, so that a state of the model is
// one number a key.
#pragma once

#include <stdint.h>

#include "resp/bytes.h"

enum {
    KV_ABSENT = 0,      // the value of a key that does not exist
    KV_ITEMS_MAX = 512, // items of a value
};

enum kv_type { KV_NONE, KV_STRING, KV_SET, KV_HASH, KV_LIST, KV_ZSET };

struct kv_value {
    enum kv_type type;
    int n;
    struct bytes items[];
};

struct kv_pool;

struct kv_pool *kv_pool_new(void);
void kv_pool_free(struct kv_pool *);

// The number of the value with these items; KV_ABSENT when there are none.
uint32_t kv_number(struct kv_pool *, enum kv_type, const struct bytes *items, int n);
// The value of a number, valid as long as the pool.
const struct kv_value *kv_value(const struct kv_pool *, uint32_t number);

// ---- the items of a value that is being made: they are borrowed
// -----------------------------------

struct kv_items {
    struct bytes items[KV_ITEMS_MAX];
    int n;
};

void kv_items_copy(struct kv_items *, const struct kv_value *);
void kv_items_insert(struct kv_items *, int at, const struct bytes *items, int n);
void kv_items_remove(struct kv_items *, int at, int n);
