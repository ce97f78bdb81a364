// SPDX-License-Identifier: MIT
#include "datatypes/bits.h"

#include <string.h>

#include "datatypes/str.h"

static uint64_t load_word(const char *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

static void store_word(char *at, uint64_t word)
{
    memcpy(at, &word, sizeof word);
}

// ---- counting ---------------------------------------------------------------------------------

// The loop of bits_count(), compiled with and without the processor's instruction. Four sums, so
// that four counts are under way at a time.
static inline __attribute__((always_inline)) uint64_t count_words(const char *data, size_t nwords)
{
    uint64_t a = 0, b = 0, c = 0, d = 0;

    for (; nwords >= 4; nwords -= 4, data += 32) {
        a += (uint64_t)__builtin_popcountll(load_word(data));
        b += (uint64_t)__builtin_popcountll(load_word(data + 8));
        c += (uint64_t)__builtin_popcountll(load_word(data + 16));
        d += (uint64_t)__builtin_popcountll(load_word(data + 24));
    }
    for (; nwords > 0; nwords--, data += 8)
        a += (uint64_t)__builtin_popcountll(load_word(data));
    return a + b + c + d;
}

#ifdef __x86_64__
__attribute__((target("popcnt"))) static uint64_t count_words_fast(const char *data, size_t nwords)
{
    return count_words(data, nwords);
}
#endif

static uint64_t count_words_plain(const char *data, size_t nwords)
{
    return count_words(data, nwords);
}

uint64_t bits_count(const char *data, size_t nbytes)
{
    size_t nwords = nbytes / 8, rest = nbytes % 8;
    uint64_t tail = 0;

    if (rest > 0)
        memcpy(&tail, data + nwords * 8, rest);
#ifdef __x86_64__
    if (__builtin_cpu_supports("popcnt"))
        return count_words_fast(data, nwords) + (uint64_t)__builtin_popcountll(tail);
#endif
    return count_words_plain(data, nwords) + (uint64_t)__builtin_popcountll(tail);
}

// ---- searching and combining ------------------------------------------------------------------

uint64_t bits_find(const char *data, size_t nbytes, bool bit)
{
    uint64_t dull = bit ? 0 : ~UINT64_C(0); // a word without such a bit
    size_t i = 0;

    while (nbytes - i >= 8 && load_word(data + i) == dull)
        i += 8;
    for (; i < nbytes; i++) {
        unsigned byte = (unsigned char)data[i] ^ (bit ? 0u : 0xffu);
        if (byte)
            return (uint64_t)i * 8 + (unsigned)__builtin_clz(byte) - 24;
    }
    return (uint64_t)nbytes * 8;
}

// One loop for each operation, a simple one: the compiler makes vectors of it.
#define COMBINE(expression)                                                                        \
    do {                                                                                           \
        size_t i_ = 0;                                                                             \
        for (; nbytes - i_ >= 8; i_ += 8) {                                                        \
            uint64_t a = load_word(to + i_), b = load_word(from + i_);                             \
            (void)a;                                                                               \
            store_word(to + i_, expression);                                                       \
        }                                                                                          \
        for (; i_ < nbytes; i_++) {                                                                \
            char a = to[i_], b = from[i_];                                                         \
            (void)a;                                                                               \
            to[i_] = (char)(expression);                                                           \
        }                                                                                          \
    } while (0)

void bits_combine(enum bits_op op, char *restrict to, const char *restrict from, size_t nbytes)
{
    switch (op) {
    case BITS_AND:
        COMBINE(a & b);
        break;
    case BITS_OR:
        COMBINE(a | b);
        break;
    case BITS_XOR:
        COMBINE(a ^ b);
        break;
    case BITS_NOT:
        COMBINE(~b);
        break;
    }
}

// ---- integer fields ---------------------------------------------------------------------------

// A field touches at most nine bytes, which fit in this.
typedef unsigned __int128 wide;

static uint64_t low_bits(unsigned width)
{
    return width == 64 ? ~UINT64_C(0) : (UINT64_C(1) << width) - 1;
}

// The type's reading of the low bits of a number.
static uint64_t extend(struct bits_type type, uint64_t n)
{
    uint64_t sign = UINT64_C(1) << (type.width - 1);

    n &= low_bits(type.width);
    return type.is_signed ? (n ^ sign) - sign : n;
}

uint64_t bits_get(const char *data, size_t nbytes, uint64_t at, struct bits_type type)
{
    uint64_t first = at / 8, n = (at % 8 + type.width + 7) / 8;
    unsigned below = (unsigned)(n * 8 - at % 8 - type.width);
    wide all = 0;

    for (uint64_t i = first; i < first + n; i++)
        all = all << 8 | (i < nbytes ? (unsigned char)data[i] : 0);
    return extend(type, (uint64_t)(all >> below));
}

void bits_put(char *data, uint64_t at, struct bits_type type, uint64_t value)
{
    uint64_t first = at / 8, n = (at % 8 + type.width + 7) / 8;
    unsigned below = (unsigned)(n * 8 - at % 8 - type.width);
    wide mask = (wide)low_bits(type.width) << below, field = (wide)value << below & mask;

    for (uint64_t i = n; i-- > 0; mask >>= 8, field >>= 8) {
        char *byte = data + first + i;
        str_put(byte, (uint8_t)(((unsigned char)*byte & ~(unsigned)mask) | (unsigned)field));
    }
}

// Whether value + by is above or below what the type holds.
struct excess {
    bool above, below;
};

static struct excess excess_unsigned(uint64_t max, uint64_t value, int64_t by)
{
    if (by >= 0)
        return (struct excess){.above = value > max || (uint64_t)by > max - value};
    return (struct excess){.above = value > max, .below = value <= max && -(uint64_t)by > value};
}

// The room on either side is worked out in 64 bits, as Redis does: a value that does not fit the
// type and is close to INT64_MIN has so much room above that it counts as too large.
static struct excess excess_signed(unsigned width, int64_t max, int64_t value, int64_t by)
{
    int64_t min = -max - 1;
    int64_t up = (int64_t)((uint64_t)max - (uint64_t)value);
    int64_t down = (int64_t)((uint64_t)min - (uint64_t)value);
    struct excess e;

    if (width == 64)
        return (struct excess){.above = value >= 0 && by > up, .below = value < 0 && by < down};
    e.above = value > max || by > up;
    e.below = !e.above && (value < min || by < down);
    return e;
}

bool bits_add(struct bits_type type, uint64_t value, int64_t by, enum bits_overflow rule,
              uint64_t *out)
{
    uint64_t max = low_bits(type.is_signed ? type.width - 1 : type.width);
    uint64_t min = type.is_signed ? -max - 1 : 0;
    struct excess e = type.is_signed ? excess_signed(type.width, (int64_t)max, (int64_t)value, by)
                                     : excess_unsigned(max, value, by);

    if (!e.above && !e.below) {
        *out = value + (uint64_t)by;
        return false;
    }
    if (rule == BITS_WRAP)
        *out = extend(type, value + (uint64_t)by);
    else if (rule == BITS_SATURATE)
        *out = e.above ? max : min;
    return true;
}
