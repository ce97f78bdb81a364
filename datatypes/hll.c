// SPDX-License-Identifier: MIT
//
// The string
//
//     +0   "HYLL"
//     +4   0 dense, 1 sparse
//     +5   three zero bytes
//     +8   the count when it was last worked out, 64 bits, least significant byte first; its
//          highest bit is set when registers have changed since
//     +16  registers
//
// Dense: 16384 registers of 6 bits, from the least significant bit of each byte on.
//
// Sparse: runs of registers, from register 0 to the last:
//     00nnnnnn           n + 1 registers are 0 (up to 64)
//     01nnnnnn nnnnnnnn  the same (up to 16384), most significant bits first
//     1rrrrrnn           n + 1 registers (up to 4) are r + 1 (up to 32)
// A string is made sparse and becomes dense when a change would make it longer than
// hll-sparse-max-bytes, or a register does not fit.
//
// Both servers must make the same bytes of the same commands, so runs are split and joined by
// Redis's rules: a run is cut into at most three; then, from the run before on, neighbours of one
// rank are joined, over at most five runs, if they fit in one.
//
// References: Flajolet, Fusy, Gandouet and Meunier, HyperLogLog (2007); Ertl, New cardinality
// estimation algorithms for HyperLogLog sketches (2017), whose estimator (algorithm 6) this is.
#include "datatypes/hll.h"

#include <math.h>
#include <string.h>

#include "datatypes/str.h"

enum {
    AT_FORM = 4,
    AT_COUNT = 8,
    FORM_DENSE = 0,
    FORM_SPARSE = 1,
    HASH_BITS = 64 - HLL_INDEX_BITS, // of the hash that the rank comes from
    RANK_BITS = 6,
    RANK_MASK = (1 << RANK_BITS) - 1,
    RANKS = 1 << RANK_BITS,
    ZERO_RUN_MAX = 64,
    RANK_RUN_MAX = 4,
    JOIN_SCAN = 5,  // runs that are looked at for joining
    SPLIT_BYTES = 5 // most bytes of the runs that one is cut into
};

#define MAGIC "HYLL"

static unsigned byte_at(const char *data, size_t i)
{
    return (unsigned char)data[i];
}

bool hll_valid(const char *data, size_t len)
{
    if (len < HLL_HEADER_BYTES || memcmp(data, MAGIC, 4) != 0)
        return false;
    return data[AT_FORM] == FORM_SPARSE || (data[AT_FORM] == FORM_DENSE && len == HLL_DENSE_BYTES);
}

bool hll_is_dense(const char *data)
{
    return data[AT_FORM] == FORM_DENSE;
}

// ---- elements ---------------------------------------------------------------------------------

static uint64_t load_le(const char *data, size_t nbytes)
{
    uint64_t n = 0;

    for (size_t i = nbytes; i-- > 0;)
        n = n << 8 | byte_at(data, i);
    return n;
}

// MurmurHash64A (Austin Appleby, public domain), reading little-endian on every machine.
static uint64_t murmur(const char *data, size_t len, uint64_t seed)
{
    const uint64_t multiplier = UINT64_C(0xc6a4a7935bd1e995);
    const int shift = 47;
    uint64_t hash = seed ^ len * multiplier;

    for (; len >= 8; data += 8, len -= 8) {
        uint64_t word = load_le(data, 8) * multiplier;
        word = (word ^ word >> shift) * multiplier;
        hash = (hash ^ word) * multiplier;
    }
    if (len > 0)
        hash = (hash ^ load_le(data, len)) * multiplier;
    hash = (hash ^ hash >> shift) * multiplier;
    return hash ^ hash >> shift;
}

struct hll_place hll_place(const char *element, size_t len)
{
    uint64_t hash = murmur(element, len, UINT64_C(0xadc83b19));
    // A bit behind the last one ends the run of zeros.
    uint64_t rest = hash >> HLL_INDEX_BITS | UINT64_C(1) << HASH_BITS;

    return (struct hll_place){.reg = (unsigned)(hash & (HLL_REGISTERS - 1)),
                              .rank = (unsigned)__builtin_ctzll(rest) + 1};
}

// ---- the cached count -------------------------------------------------------------------------

bool hll_cached(const char *data, uint64_t *count)
{
    *count = load_le(data + AT_COUNT, 8);
    return *count >> 63 == 0;
}

void hll_cache(char *data, uint64_t count)
{
    for (int i = 0; i < 8; i++)
        str_put(data + AT_COUNT + i, (uint8_t)(count >> 8 * i));
}

void hll_uncache(char *data)
{
    str_put(data + AT_COUNT + 7, (uint8_t)(byte_at(data, AT_COUNT + 7) | 0x80));
}

// ---- dense ------------------------------------------------------------------------------------

// A register lies in one byte or in two.
struct dense_spot {
    size_t byte;
    unsigned shift;
    bool two;
};

static struct dense_spot dense_spot(unsigned reg)
{
    unsigned bit = reg * RANK_BITS;
    return (struct dense_spot){HLL_HEADER_BYTES + bit / 8, bit % 8, bit % 8 > 8 - RANK_BITS};
}

unsigned hll_dense_get(const char *data, unsigned reg)
{
    struct dense_spot s = dense_spot(reg);
    unsigned both = byte_at(data, s.byte) | (s.two ? byte_at(data, s.byte + 1) << 8 : 0);

    return both >> s.shift & RANK_MASK;
}

void hll_dense_put(char *data, unsigned reg, unsigned rank)
{
    struct dense_spot s = dense_spot(reg);
    unsigned mask = (unsigned)RANK_MASK << s.shift, bits = rank << s.shift;

    str_put(data + s.byte, (uint8_t)((byte_at(data, s.byte) & ~mask) | bits));
    if (s.two)
        str_put(data + s.byte + 1,
                (uint8_t)((byte_at(data, s.byte + 1) & ~(mask >> 8)) | bits >> 8));
}

// Four registers at a time, which lie in three bytes.
static void dense_unpack(const char *data, unsigned reg, uint8_t four[4])
{
    const char *at = data + HLL_HEADER_BYTES + reg / 4 * 3;
    unsigned bits = byte_at(at, 0) | byte_at(at, 1) << 8 | byte_at(at, 2) << 16;

    for (int i = 0; i < 4; i++)
        four[i] = bits >> (RANK_BITS * i) & RANK_MASK;
}

// ---- walking a sparse string ------------------------------------------------------------------

struct hll_run hll_sparse_run(const char *data, size_t len, size_t at)
{
    unsigned byte = byte_at(data, at);

    if (byte & 0x80)
        return (struct hll_run){.rank = (byte >> 2 & 31) + 1, .nregs = (byte & 3) + 1, .nbytes = 1};
    if (!(byte & 0x40))
        return (struct hll_run){.nregs = byte + 1, .nbytes = 1};
    // The byte that a cut string lacks counts as zero, as it does in Redis.
    unsigned low = at + 1 < len ? byte_at(data, at + 1) : 0;
    return (struct hll_run){.nregs = ((byte & 63) << 8 | low) + 1, .nbytes = 2};
}

// Takes the run at *at and goes on to the next one; false at the end.
static bool next_run(const char *data, size_t len, size_t *at, struct hll_run *run)
{
    if (*at >= len)
        return false;
    *run = hll_sparse_run(data, len, *at);
    *at += run->nbytes;
    return true;
}

// ---- counting ---------------------------------------------------------------------------------

// Ertl's sigma and tau: series that are summed until they do not change any more.
static double sigma(double x)
{
    double sum = x, before, weight = 1;

    if (x == 1)
        return INFINITY;
    do {
        x *= x;
        before = sum;
        sum += x * weight;
        weight += weight;
    } while (sum != before);
    return sum;
}

static double tau(double x)
{
    double sum = 1 - x, before, weight = 1;

    if (x == 0 || x == 1)
        return 0;
    do {
        x = sqrt(x);
        before = sum;
        weight *= 0.5;
        sum -= (1 - x) * (1 - x) * weight;
    } while (sum != before);
    return sum / 3;
}

// How many registers have each rank; a hostile string may count more than there are.
struct histogram {
    uint64_t n[RANKS];
};

static uint64_t estimate(const struct histogram *h)
{
    const double alpha = 0.721347520444481703680; // 1 / (2 ln 2)
    const double m = HLL_REGISTERS;
    double z = m * tau((m - (double)h->n[HASH_BITS + 1]) / m);

    for (int rank = HASH_BITS; rank >= 1; rank--)
        z = (z + (double)h->n[rank]) * 0.5;
    z += m * sigma((double)h->n[0] / m);
    double count = alpha * m * m / z;
    // A string made by hand may say infinity, which Redis turns into this number.
    if (!(count < 9.2e18))
        return UINT64_C(1) << 63;
    return (uint64_t)llround(count);
}

static void dense_histogram(const char *data, struct histogram *h)
{
    uint8_t four[4];

    for (unsigned reg = 0; reg < HLL_REGISTERS; reg += 4) {
        dense_unpack(data, reg, four);
        for (int i = 0; i < 4; i++)
            h->n[four[i]]++;
    }
}

static bool sparse_histogram(const char *data, size_t len, struct histogram *h)
{
    size_t at = HLL_HEADER_BYTES;
    uint64_t nregs = 0;
    struct hll_run run;

    for (; next_run(data, len, &at, &run); nregs += run.nregs)
        h->n[run.rank] += run.nregs;
    return nregs == HLL_REGISTERS;
}

bool hll_count(const char *data, size_t len, uint64_t *count)
{
    struct histogram h = {.n = {0}};

    if (hll_is_dense(data))
        dense_histogram(data, &h);
    else if (!sparse_histogram(data, len, &h))
        return false;
    *count = estimate(&h);
    return true;
}

uint64_t hll_count_registers(const uint8_t registers[HLL_REGISTERS])
{
    struct histogram h = {.n = {0}};

    for (unsigned reg = 0; reg < HLL_REGISTERS; reg += 8) {
        uint64_t eight;
        memcpy(&eight, registers + reg, sizeof eight);
        if (eight == 0) { // most are, of what was sparse
            h.n[0] += 8;
            continue;
        }
        for (int i = 0; i < 8; i++, eight >>= 8)
            h.n[eight & 0xff]++;
    }
    return estimate(&h);
}

static void raise_register(uint8_t *reg, unsigned rank)
{
    if (*reg < rank)
        *reg = (uint8_t)rank;
}

bool hll_merge(uint8_t registers[HLL_REGISTERS], const char *data, size_t len)
{
    size_t at = HLL_HEADER_BYTES;
    uint64_t first = 0;
    struct hll_run run;
    uint8_t four[4];

    if (hll_is_dense(data)) {
        for (unsigned reg = 0; reg < HLL_REGISTERS; reg += 4) {
            dense_unpack(data, reg, four);
            for (int i = 0; i < 4; i++)
                raise_register(&registers[reg + (unsigned)i], four[i]);
        }
        return true;
    }
    for (; next_run(data, len, &at, &run); first += run.nregs) {
        if (first + run.nregs > HLL_REGISTERS)
            return false;
        for (unsigned i = 0; run.rank > 0 && i < run.nregs; i++)
            raise_register(&registers[first + i], run.rank);
    }
    return first == HLL_REGISTERS;
}

bool hll_sparse_to_dense(const char *data, size_t len, char dense[HLL_DENSE_BYTES])
{
    size_t at = HLL_HEADER_BYTES;
    uint64_t first = 0;
    struct hll_run run;

    memset(dense, 0, HLL_DENSE_BYTES);
    memcpy(dense, data, HLL_HEADER_BYTES);
    dense[AT_FORM] = FORM_DENSE;
    for (; next_run(data, len, &at, &run); first += run.nregs) {
        if (first + run.nregs > HLL_REGISTERS)
            return false;
        for (unsigned i = 0; run.rank > 0 && i < run.nregs; i++)
            hll_dense_put(dense, (unsigned)first + i, run.rank);
    }
    return first == HLL_REGISTERS;
}

// ---- changing a sparse string -----------------------------------------------------------------

static char rank_run(unsigned rank, unsigned nregs)
{
    return (char)(0x80 | (rank - 1) << 2 | (nregs - 1));
}

// Writes a run of that rank, nothing when it is empty; returns its end.
static char *write_run(char *to, unsigned rank, unsigned nregs)
{
    if (nregs == 0)
        return to;
    if (rank > 0) {
        *to++ = rank_run(rank, nregs);
    } else if (nregs <= ZERO_RUN_MAX) {
        *to++ = (char)(nregs - 1);
    } else {
        *to++ = (char)(0x40 | (nregs - 1) >> 8);
        *to++ = (char)(nregs - 1);
    }
    return to;
}

void hll_sparse_init(char data[HLL_EMPTY_BYTES])
{
    memset(data, 0, HLL_HEADER_BYTES);
    memcpy(data, MAGIC, 4);
    data[AT_FORM] = FORM_SPARSE;
    write_run(data + HLL_HEADER_BYTES, 0, HLL_REGISTERS);
}

bool hll_sparse_find(const char *data, size_t len, unsigned reg, struct hll_spot *spot)
{
    size_t at = HLL_HEADER_BYTES, before = HLL_HEADER_BYTES;
    unsigned first = 0;

    while (at < len) {
        struct hll_run run = hll_sparse_run(data, len, at);
        if (reg < first + run.nregs) {
            *spot = (struct hll_spot){at, before, first, run.rank};
            return true;
        }
        before = at;
        at += run.nbytes;
        first += run.nregs;
    }
    return false;
}

// Joins neighbours of one rank from the run at `at` on.
static void join_runs(char *data, size_t *len, size_t at)
{
    for (int scanned = 0; scanned < JOIN_SCAN && at < *len; scanned++) {
        struct hll_run run = hll_sparse_run(data, *len, at), next;

        if (run.rank > 0 && at + 1 < *len) {
            next = hll_sparse_run(data, *len, at + 1);
            if (next.rank == run.rank && run.nregs + next.nregs <= RANK_RUN_MAX) {
                data[at] = rank_run(run.rank, run.nregs + next.nregs);
                memmove(data + at + 1, data + at + 2, *len - at - 2);
                --*len;
                continue; // with the longer run
            }
        }
        at += run.nbytes;
    }
}

bool hll_sparse_raise(char *data, size_t *len, const struct hll_spot *spot, struct hll_place place,
                      size_t max_bytes)
{
    struct hll_run run = hll_sparse_run(data, *len, spot->at);
    unsigned offset = place.reg - spot->first;
    char parts[SPLIT_BYTES], *end = parts;

    end = write_run(end, run.rank, offset);
    end = write_run(end, place.rank, 1);
    end = write_run(end, run.rank, run.nregs - offset - 1);

    size_t nbytes = (size_t)(end - parts), behind = spot->at + run.nbytes;
    size_t grown = *len + nbytes - run.nbytes;
    if (nbytes > run.nbytes && grown > max_bytes)
        return false;
    if (behind < *len)
        memmove(data + spot->at + nbytes, data + behind, *len - behind);
    // The last run may be cut; what takes its place is then cut as well, as in Redis.
    memcpy(data + spot->at, parts, nbytes < grown - spot->at ? nbytes : grown - spot->at);
    *len = grown;
    join_runs(data, len, spot->before);
    hll_uncache(data);
    return true;
}
