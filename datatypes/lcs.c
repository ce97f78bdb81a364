// SPDX-License-Identifier: MIT
//
// Longest common subsequence, 64 cells at a time.
//
// Let L(i, j) be the length for the first i bytes of `a` and the first j of `b`. Neighbouring cells
// of a row differ by 0 or 1, so a row is kept as one bit a cell:
//
//     bit j-1 of row i  =  0 where L(i, j) = L(i, j-1) + 1, else 1          row 0: all ones
//
// With M the bits j-1 where b[j-1] equals the row's byte of `a`, row i follows from row i-1 as
//
//     U = V & M;  V' = (V + U) | (V & ~M)
//
// where the addition carries along the whole row. L(i, b_len) is the number of zeros among the
// first b_len bits; those above are never looked at.
//
// Walking back from (a_len, b_len) needs nothing else: where the bytes differ, L(i, j) is the
// larger of L(i-1, j) and L(i, j-1), and bit j-1 of row i says which: 0 means that L(i, j-1) is
// smaller, so the way goes up; 1 means that L(i, j-1) is as large, so it goes left, also when both
// are.
//
// Reference: H. Hyyrö, Bit-parallel LCS-length computation revisited, 2004.
#include "datatypes/lcs.h"

#include <stdint.h>
#include <string.h>

#include "datatypes/mem.h"

enum { WORD_BITS = 64 };

struct lcs {
    const char *a, *b;
    size_t a_len, b_len;
    size_t nwords;  // of a row
    size_t nrows;   // rows kept: a_len, or 1 (the last)
    uint64_t *rows; // row i, from 1, at (i - 1) * nwords when all are kept
    size_t length;
};

// For each distinct byte of `a` a row of bits: where it stands in `b`.
struct matches {
    uint64_t *bits;
    int16_t index[256]; // row of that byte, -1: `a` has none
};

static bool matches_init(struct matches *m, const struct lcs *lcs)
{
    int n = 0;

    memset(m->index, -1, sizeof m->index);
    for (size_t i = 0; i < lcs->a_len; i++) {
        int16_t *index = &m->index[(unsigned char)lcs->a[i]];
        if (*index < 0)
            *index = (int16_t)n++;
    }
    m->bits = mem_zalloc((size_t)n * lcs->nwords * sizeof *m->bits);
    if (!m->bits)
        return false;
    for (size_t j = 0; j < lcs->b_len; j++) {
        int16_t index = m->index[(unsigned char)lcs->b[j]];
        if (index >= 0)
            m->bits[(size_t)index * lcs->nwords + j / WORD_BITS] |= UINT64_C(1) << j % WORD_BITS;
    }
    return true;
}

// One row from the one before; they may be the same memory.
static void next_row(const uint64_t *before, const uint64_t *match, uint64_t *row, size_t nwords)
{
    unsigned carry = 0;

    for (size_t w = 0; w < nwords; w++) {
        uint64_t v = before[w], u = v & match[w], sum;
        unsigned over = __builtin_add_overflow(v, u, &sum);
        over |= __builtin_add_overflow(sum, (uint64_t)carry, &sum);
        row[w] = sum | (v & ~match[w]);
        carry = over;
    }
}

static size_t count_zeros(const uint64_t *row, size_t nbits)
{
    size_t zeros = 0;

    for (size_t w = 0; w * WORD_BITS < nbits; w++) {
        size_t left = nbits - w * WORD_BITS;
        uint64_t inside = left < WORD_BITS ? (UINT64_C(1) << left) - 1 : ~UINT64_C(0);
        zeros += (size_t)__builtin_popcountll(~row[w] & inside);
    }
    return zeros;
}

static enum status compute(struct lcs *lcs)
{
    size_t nwords = lcs->nwords;
    struct matches m;

    lcs->rows = mem_alloc(lcs->nrows * nwords * sizeof *lcs->rows);
    if (!lcs->rows)
        return STATUS_NO_MEMORY;
    if (!matches_init(&m, lcs))
        return STATUS_NO_MEMORY;
    uint64_t *row = lcs->rows;
    memset(row, 0xff, nwords * sizeof *row); // row 0, which row 1 then replaces
    for (size_t i = 0; i < lcs->a_len; i++) {
        const uint64_t *before = row;
        if (i > 0 && lcs->nrows > 1)
            row += nwords;
        next_row(before, m.bits + (size_t)m.index[(unsigned char)lcs->a[i]] * nwords, row, nwords);
    }
    lcs->length = count_zeros(row, lcs->b_len);
    mem_free(m.bits);
    return STATUS_OK;
}

enum status lcs_new(const char *a, size_t a_len, const char *b, size_t b_len, bool walkable,
                    struct lcs **out)
{
    struct lcs *lcs = mem_zalloc(sizeof *lcs);

    if (!lcs)
        return STATUS_NO_MEMORY;
    lcs->a = a;
    lcs->a_len = a_len;
    lcs->b = b;
    lcs->b_len = b_len;
    lcs->nwords = (b_len + WORD_BITS - 1) / WORD_BITS;
    lcs->nrows = walkable ? a_len : 1;
    if (a_len > 0 && b_len > 0) {
        enum status status = compute(lcs);
        if (status != STATUS_OK) {
            lcs_free(lcs);
            return status;
        }
    }
    *out = lcs;
    return STATUS_OK;
}

void lcs_free(struct lcs *lcs)
{
    if (!lcs)
        return;
    mem_free(lcs->rows);
    mem_free(lcs);
}

size_t lcs_length(const struct lcs *lcs)
{
    return lcs->length;
}

void lcs_walk(const struct lcs *lcs,
              void (*fn)(size_t a_start, size_t b_start, size_t len, void *arg), void *arg)
{
    size_t i = lcs->a_len, j = lcs->b_len, run = 0;

    while (i > 0 && j > 0) {
        if (lcs->a[i - 1] == lcs->b[j - 1]) {
            run++;
            i--;
            j--;
            continue;
        }
        if (run > 0)
            fn(i, j, run, arg);
        run = 0;
        uint64_t word = lcs->rows[(i - 1) * lcs->nwords + (j - 1) / WORD_BITS];
        if (word >> (j - 1) % WORD_BITS & 1)
            j--;
        else
            i--;
    }
    if (run > 0)
        fn(i, j, run, arg);
}
