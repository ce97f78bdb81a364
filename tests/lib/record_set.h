// SPDX-License-Identifier: MIT
//
// A set of records of one size, equal when their bytes are equal.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct record_set {
    size_t record_bytes; // a multiple of 8
    size_t n;
    unsigned char *records; // in the order in which they were added
    size_t capacity;
    uint32_t *index; // open addressing; 0: free, else number of a record + 1
    size_t slots;
};

void record_set_init(struct record_set *, size_t record_bytes);
void record_set_free(struct record_set *);
// True when it was not there.
bool record_set_add(struct record_set *, const void *record);
const void *record_set_at(const struct record_set *, size_t i);
// Memory that the set occupies.
size_t record_set_bytes(const struct record_set *);
