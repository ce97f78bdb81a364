// SPDX-License-Identifier: MIT
//
// HyperLogLog: how many different elements were added, within about 0.81 %, in at most 12 KB. The
// state is an ordinary string of the form that Redis gives it, byte for byte, so that it can be
// copied from one server to the other. See hll.c for the form.
//
// These functions work on bytes; strings of clients may be anything that begins like a HyperLogLog,
// and are never read or written outside their length.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    HLL_INDEX_BITS = 14,
    HLL_REGISTERS = 1 << HLL_INDEX_BITS,
    HLL_HEADER_BYTES = 16,
    HLL_DENSE_BYTES = HLL_HEADER_BYTES + HLL_REGISTERS * 6 / 8,
    HLL_EMPTY_BYTES = HLL_HEADER_BYTES + 2, // of a sparse one without elements
    HLL_SPARSE_GROWTH = 3,                  // most bytes that one change adds to a sparse one
    HLL_SPARSE_RANK_MAX = 32,               // largest register that a sparse one can hold
};

// Whether the string begins as a HyperLogLog does; a dense one then has the right length, too.
bool hll_valid(const char *data, size_t len);
bool hll_is_dense(const char *data);

// What an element does: it raises that register to the rank if it is lower.
struct hll_place {
    unsigned reg;  // 0 .. HLL_REGISTERS - 1
    unsigned rank; // 1 .. 51
};
struct hll_place hll_place(const char *element, size_t len);

// ---- the cached count, in the header of both forms

// The count that was kept; false when the registers have changed since.
bool hll_cached(const char *data, uint64_t *count);
void hll_cache(char *data, uint64_t count); // stored by str_put(), as is the next
void hll_uncache(char *data);

// ---- counting and merging

// Estimates the count from the registers. False: a sparse string that does not make sense.
bool hll_count(const char *data, size_t len, uint64_t *count);
uint64_t hll_count_registers(const uint8_t registers[HLL_REGISTERS]);
// Raises each of `registers` to what the string has there. False: as above.
bool hll_merge(uint8_t registers[HLL_REGISTERS], const char *data, size_t len);

// ---- dense

unsigned hll_dense_get(const char *data, unsigned reg);
// Stored by str_put().
void hll_dense_put(char *data, unsigned reg, unsigned rank);

// ---- sparse

// An empty one.
void hll_sparse_init(char data[HLL_EMPTY_BYTES]);
// The dense form, with the same header. False: the string does not make sense.
bool hll_sparse_to_dense(const char *data, size_t len, char dense[HLL_DENSE_BYTES]);

// A register's place in a sparse string.
struct hll_spot {
    size_t at, before; // where its run begins, and the run before (the same: there is none)
    unsigned first;    // the run's first register
    unsigned rank;
};
// False: the string does not make sense there.
bool hll_sparse_find(const char *data, size_t len, unsigned reg, struct hll_spot *);
// Raises a register, whose spot has a lower rank, to at most HLL_SPARSE_RANK_MAX; there is room for
// HLL_SPARSE_GROWTH more bytes, and *len changes. False: it would grow beyond max_bytes, and
// nothing was changed.
bool hll_sparse_raise(char *data, size_t *len, const struct hll_spot *, struct hll_place,
                      size_t max_bytes);

// A run of registers of the same rank, for who walks a sparse string.
struct hll_run {
    unsigned rank;
    unsigned nregs;
    size_t nbytes; // that it takes
};
// The run that begins at data[at], at < len. The last one may end a byte behind the string.
struct hll_run hll_sparse_run(const char *data, size_t len, size_t at);
