// SPDX-License-Identifier: MIT
//
// The values of the sequential model (kv_model.h). A value is a type and a row of byte strings in a
// form that is the same for equal values: a string is one, a set its members in order. Equal values
// get equal numbers, so that a state of the model is one number a key.
#pragma once

#include <stdint.h>

#include "resp/bytes.h"

enum { KV_ABSENT = 0 }; // the value of a key that does not exist

enum kv_type { KV_NONE, KV_STRING, KV_SET };

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
