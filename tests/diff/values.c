// SPDX-License-Identifier: MIT
#include "tests/diff/values.h"

#include <inttypes.h>
#include <string.h>

#include "resp/bytes.h"
#include "tests/diff/row.h"

#define TEN      "0123456789"
#define FORTY    TEN TEN TEN TEN
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

enum {
    KEYS_A_LETTER = 3, // so that commands meet
    WIDE = 1500,
};

static const struct bytes STRANGE[] = {
    BYTES(""),
    BYTES(" "),
    BYTES("\0"),
    BYTES("\xff\xfe\r\n"),
    BYTES("a\0b"),
    BYTES("1 "),
    BYTES(" 1"),
    BYTES("+1"),
    BYTES("-0"),
    BYTES("00"),
    BYTES("0x10"),
    BYTES("1e2"),
    BYTES("1.0"),
    BYTES("1."),
    BYTES(".5"),
    BYTES("inf"),
    BYTES("-inf"),
    BYTES("+inf"),
    BYTES("Infinity"),
    BYTES("nan"),
    BYTES("-nan"),
    BYTES("2147483647"),
    BYTES("2147483648"),
    BYTES("-2147483649"),
    BYTES("4294967296"),
    BYTES("9223372036854775807"),
    BYTES("-9223372036854775808"),
    BYTES("9223372036854775808"),
    BYTES("-9223372036854775809"),
    BYTES("18446744073709551615"),
    BYTES("18446744073709551616"),
    BYTES("1e308"),
    BYTES("-1.7976931348623157e308"),
    BYTES("1e-320"),
    BYTES("1e400"),
    BYTES("1e4000"),
    BYTES("1e5000"),
    BYTES("3.0000000000000000001"),
    BYTES("("),
    BYTES("["),
    BYTES("-"),
    BYTES("+"),
    BYTES("*"),
    BYTES("(1"),
    BYTES("[a"),
    BYTES("NX"),
    BYTES("XX"),
    BYTES("GET"),
    BYTES("LIMIT"),
    BYTES("WITHSCORES"),
    BYTES("COUNT"),
    BYTES("MATCH"),
    BYTES("KEEPTTL"),
    BYTES(FORTY "4444"),
    BYTES(FORTY "55555"),
    BYTES(FORTY TEN TEN "4444"),
    BYTES(FORTY TEN TEN "55555"),
    BYTES(FORTY FORTY FORTY FORTY FORTY FORTY TEN),
};

static const struct bytes FLOATS[] = {
    BYTES("0"),
    BYTES("-0"),
    BYTES("0.1"),
    BYTES("0.2"),
    BYTES("-0.3"),
    BYTES("1.5"),
    BYTES("3"),
    BYTES("-1"),
    BYTES("1e3"),
    BYTES("5.0e-3"),
    BYTES("1e17"),
    BYTES("1e21"),
    BYTES("1e-7"),
    BYTES("123456789.123456789"),
    BYTES("0.30000000000000004"),
    BYTES("1e300"),
    BYTES("-1e300"),
    BYTES("17179869184"),
    BYTES("9007199254740993"),
    BYTES("1e15"),
    BYTES("123456789012345678"),
    BYTES("3.14159265358979"),
    BYTES("2.2250738585072014e-308"),
    BYTES("1e-5"),
    BYTES("100000"),
};

static const struct bytes PATTERNS[] = {
    BYTES("*"),   BYTES("*"),   BYTES("?1"),     BYTES("s*"),    BYTES("[a-h]*"), BYTES("[^0-5]*"),
    BYTES("*1*"), BYTES("\\*"), BYTES("[a"),     BYTES("h[1-2"), BYTES("a*b?"),   BYTES("1?"),
    BYTES("**"),  BYTES(""),    BYTES("[z-a]?"), BYTES("\\"),
};

static const struct bytes LEX[] = {
    BYTES("-"),   BYTES("+"),     BYTES("-"),  BYTES("+"), BYTES("[a"), BYTES("(b"),
    BYTES("[c"),  BYTES("(e"),    BYTES("[g"), BYTES("["), BYTES("("),  BYTES("[1"),
    BYTES("(15"), BYTES("[\xff"), BYTES("a"),  BYTES(""),  BYTES("-a"), BYTES("+a"),
};

// Of SORT: where weights and results come from.
static const struct bytes LOOKUPS[] = {
    BYTES("s*"),   BYTES("#"),    BYTES("*"),  BYTES("h*->a"), BYTES("h1->*"), BYTES("nosuch*"),
    BYTES("h*->"), BYTES("*->a"), BYTES("e*"), BYTES("l1*"),   BYTES("s1"),    BYTES("h*->1"),
};

// Sparse HyperLogLogs, good ones first, and what looks like some. None is cut inside a run: Redis
// then remembers a byte that is no more part of the string.
#define HLL_SPARSE     "HYLL\1\0\0\0"
#define COUNTED(count) count "\0\0\0\0\0\0\0"
#define UNCOUNTED      "\0\0\0\0\0\0\0\x80"

static const struct bytes HLLS[] = {
    BYTES(HLL_SPARSE UNCOUNTED "\x7f\xff"),
    BYTES(HLL_SPARSE COUNTED("\0") "\x7f\xff"),
    BYTES(HLL_SPARSE COUNTED("\7") "\x7f\xff"),
    BYTES(HLL_SPARSE UNCOUNTED "\x71\xa6\x84\x4e\x57"),
    BYTES(HLL_SPARSE UNCOUNTED "\x3f\x3f\x00\x83\x83\xff\x8c\x7f\x71"),
    BYTES(HLL_SPARSE UNCOUNTED "\x83\x83\x83\x82\x7f\xf0"),
    BYTES(HLL_SPARSE UNCOUNTED "\x7f\xfe"),
    BYTES(HLL_SPARSE UNCOUNTED "\x7f\xff\x80"),
    BYTES(HLL_SPARSE UNCOUNTED "\x7f\xfd\x83"),
    BYTES(HLL_SPARSE UNCOUNTED ""),
    BYTES(HLL_SPARSE "\0\0\0\0\0\0\0"),
    BYTES("HYLL\2\0\0\0" UNCOUNTED "\x7f\xff"),
    BYTES("HYLL\0\0\0\0" UNCOUNTED "\x7f\xff"),
};

static const char *const TYPES[] = {"string", "HASH", "list", "set", "zset", "Stream", "nosuch"};

static uint64_t below(struct diff_values *v, uint64_t n)
{
    return rng_below(&v->rng, n);
}

bool diff_chance(struct diff_values *v, unsigned n)
{
    return below(v, n) == 0;
}

#define ANY_OF(v, table) ((table)[below(v, COUNT(table))])

static void add(struct strbuf *out, struct bytes text)
{
    strbuf_add(out, text.data, text.len);
}

void diff_strange(struct diff_values *v, struct strbuf *out)
{
    add(out, ANY_OF(v, STRANGE));
}

// ---- the kinds --------------------------------------------------------------------------------

static void add_key(struct diff_values *v, char letter, struct strbuf *out)
{
    if (diff_chance(v, 100)) {
        add(out, diff_chance(v, 2) ? BYTES("") : BYTES("\0\xff"));
        return;
    }
    if (v->favourite && diff_chance(v, 2)) {
        strbuf_addf(out, "%c%d", letter, v->favourite);
    } else {
        strbuf_addf(out, "%c%d", letter, 1 + (int)below(v, KEYS_A_LETTER));
    }
}

static void make_anykey(struct diff_values *v, struct strbuf *out)
{
    if (v->favourite && diff_chance(v, 2)) {
        add_key(v, v->letter, out);
        return;
    }
    add_key(v, DIFF_TYPE_LETTERS[below(v, sizeof(DIFF_TYPE_LETTERS) - 1)], out);
}

static void make_key(struct diff_values *v, struct strbuf *out)
{
    if (diff_chance(v, 10)) {
        make_anykey(v, out);
    } else {
        add_key(v, v->letter, out);
    }
}

// No other command gets at these.
static void make_lexkey(struct diff_values *v, struct strbuf *out)
{
    strbuf_addf(out, "x%d", 1 + (int)below(v, KEYS_A_LETTER));
}

static void make_geokey(struct diff_values *v, struct strbuf *out)
{
    strbuf_addf(out, "g%d", 1 + (int)below(v, KEYS_A_LETTER));
}

static void make_bitkey(struct diff_values *v, struct strbuf *out)
{
    strbuf_addf(out, "b%d", 1 + (int)below(v, KEYS_A_LETTER));
}

static void make_orderedkey(struct diff_values *v, struct strbuf *out)
{
    strbuf_addf(out, "o%d", 1 + (int)below(v, KEYS_A_LETTER));
}

static void make_unorderedkey(struct diff_values *v, struct strbuf *out)
{
    strbuf_addf(out, "u%d", 1 + (int)below(v, KEYS_A_LETTER));
}

// Ten letters, twenty numbers and a few strange ones, so that members meet.
static void make_member(struct diff_values *v, struct strbuf *out)
{
    if (v->wide && !diff_chance(v, 8)) {
        strbuf_addf(out, "%s%d", diff_chance(v, 2) ? "member:" : "", (int)below(v, WIDE));
    } else if (diff_chance(v, 12)) {
        diff_strange(v, out);
    } else if (diff_chance(v, 2)) {
        strbuf_addf(out, "%c", 'a' + (int)below(v, 10));
    } else {
        strbuf_addf(out, "%d", (int)below(v, 20));
    }
}

static void make_number(struct diff_values *v, struct strbuf *out)
{
    static const int64_t EDGES[] = {INT64_MAX, INT64_MIN, 32767, 32768, -32769, 2147483648, -5};

    strbuf_addf(out, "%" PRId64,
                diff_chance(v, 8) ? ANY_OF(v, EDGES) : (int64_t)below(v, v->wide ? WIDE : 20));
}

static void make_int(struct diff_values *v, struct strbuf *out)
{
    static const int64_t EDGES[] = {
        INT64_MAX, INT64_MIN, INT64_MAX - 1, INT64_MIN + 1, INT64_MAX / 2, 10000000000000, -1};

    strbuf_addf(out, "%" PRId64, diff_chance(v, 8) ? ANY_OF(v, EDGES) : (int64_t)below(v, 60) - 20);
}

static void make_float(struct diff_values *v, struct strbuf *out)
{
    if (diff_chance(v, 4)) {
        strbuf_addf(out, "%d", (int)below(v, 12) - 3);
    } else if (diff_chance(v, 4)) {
        strbuf_addf(out, "%.17g", (double)(int64_t)rng_next(&v->rng) / 1e12);
    } else {
        add(out, ANY_OF(v, FLOATS));
    }
}

static void make_score(struct diff_values *v, struct strbuf *out)
{
    if (diff_chance(v, 16)) {
        strbuf_addf(out, "%s", diff_chance(v, 2) ? "+inf" : "-INF");
    } else if (diff_chance(v, 2)) {
        strbuf_addf(out, "%d", (int)below(v, 12) - 3);
    } else {
        make_float(v, out);
    }
}

static void make_bound(struct diff_values *v, struct strbuf *out)
{
    strbuf_addf(out, "%s", diff_chance(v, 3) ? "(" : "");
    if (diff_chance(v, 3)) {
        strbuf_addf(out, "%s", diff_chance(v, 2) ? "+inf" : "-inf");
    } else {
        make_score(v, out);
    }
}

static void make_value(struct diff_values *v, struct strbuf *out)
{
    switch (below(v, 6)) {
    case 0:
        diff_strange(v, out);
        break;
    case 1:
        make_float(v, out);
        break;
    case 2:
        make_int(v, out);
        break;
    case 3:
        for (uint64_t n = below(v, 90); n > 0; n--) {
            strbuf_addf(out, "%c", 'a' + (int)below(v, 3));
        }
        break;
    default:
        make_member(v, out);
    }
}

static void make_index(struct diff_values *v, struct strbuf *out)
{
    static const int64_t EDGES[] = {INT64_MAX,  INT64_MIN, INT64_MIN + 1, INT32_MAX,
                                    4294967296, -1,        -100};

    strbuf_addf(out, "%" PRId64,
                diff_chance(v, 10)
                    ? ANY_OF(v, EDGES)
                    : (int64_t)below(v, v->wide ? WIDE : 16) - (v->wide ? WIDE / 2 : 6));
}

static void make_count(struct diff_values *v, struct strbuf *out)
{
    static const int64_t EDGES[] = {INT64_MAX, INT64_MIN, INT64_MAX / 2 + 1, INT32_MAX, 100};

    strbuf_addf(out, "%" PRId64,
                diff_chance(v, 10) ? ANY_OF(v, EDGES) : (int64_t)below(v, v->wide ? 200 : 9) - 3);
}

static void make_offset(struct diff_values *v, struct strbuf *out)
{
    static const int64_t EDGES[] = {INT64_MAX, INT64_MIN, 536870912, 536870911, -1};

    strbuf_addf(out, "%" PRId64, diff_chance(v, 8) ? ANY_OF(v, EDGES) : (int64_t)below(v, 100));
}

static void make_bit(struct diff_values *v, struct strbuf *out)
{
    static const int64_t EDGES[] = {INT64_MAX, INT64_MIN, 4294967296, -1, 34359738368};

    if (diff_chance(v, 3)) {
        strbuf_addf(out, "#%d", (int)below(v, 20) - (diff_chance(v, 10) ? 10 : 0));
    } else {
        strbuf_addf(out, "%" PRId64,
                    diff_chance(v, 12) ? ANY_OF(v, EDGES) : (int64_t)below(v, 200));
    }
}

// The type of a bit field: u0 and i65 are wrong.
static void make_bits(struct diff_values *v, struct strbuf *out)
{
    static const int EDGES[] = {0, 1, 63, 64, 65, -1};

    strbuf_addf(out, "%c%d", diff_chance(v, 2) ? 'u' : 'i',
                diff_chance(v, 6) ? ANY_OF(v, EDGES) : 1 + (int)below(v, 63));
}

// In thousandths of a degree, around a point in each hemisphere and at the date line; far from the
// poles. Not at 180 degrees, where Redis misses members.
static void make_lon(struct diff_values *v, struct strbuf *out)
{
    static const int EDGES[] = {0, 15, -70, 180, -180, 181};
    int degrees = ANY_OF(v, EDGES);

    strbuf_addf(out, "%.3f",
                degrees == 181 && !diff_chance(v, 10)
                    ? 13.361
                    : degrees - (degrees < 0 ? -1 : 1) * (double)(1 + below(v, 9998)) / 1000);
}

static void make_lat(struct diff_values *v, struct strbuf *out)
{
    strbuf_addf(out, "%.3f", diff_chance(v, 60) ? 86.0 : ((double)below(v, 100000) - 50000) / 1000);
}

static void make_distance(struct diff_values *v, struct strbuf *out)
{
    static const char *const DISTANCES[] = {"0", "1", "0.5", "100", "1000", "2500.75", "-1", "500"};

    strbuf_addf(out, "%s", ANY_OF(v, DISTANCES));
}

static void make_lookup(struct diff_values *v, struct strbuf *out)
{
    add(out, ANY_OF(v, LOOKUPS));
}

static void make_hll(struct diff_values *v, struct strbuf *out)
{
    enum { GOOD = 6 };

    add(out, diff_chance(v, 4) ? ANY_OF(v, HLLS) : HLLS[below(v, GOOD)]);
}

// A cursor other than 0 means something to its own server only.
static void make_cursor(struct diff_values *v, struct strbuf *out)
{
    (void)v;
    strbuf_addf(out, "0");
}

static void make_pattern(struct diff_values *v, struct strbuf *out)
{
    add(out, ANY_OF(v, PATTERNS));
}

static void make_lex(struct diff_values *v, struct strbuf *out)
{
    add(out, ANY_OF(v, LEX));
}

static void make_type(struct diff_values *v, struct strbuf *out)
{
    strbuf_addf(out, "%s", ANY_OF(v, TYPES));
}

static void make_db(struct diff_values *v, struct strbuf *out)
{
    static const int EDGES[] = {15, 16, -1, 1000000};

    strbuf_addf(out, "%d",
                diff_chance(v, 12)  ? ANY_OF(v, EDGES)
                : diff_chance(v, 2) ? 0
                                    : (int)below(v, 3));
}

// ---- times: past, or so far ahead that no test lasts as long ----------------------------------

enum { SOON_MS = 3 };
static const int64_t AHEAD_MS = 200 * 1000, AHEAD_RANGE_MS = 1000 * 1000 * 1000;

// In milliseconds from now; all different, so that GT and LT see no difference of moments.
static int64_t ahead_ms(struct diff_values *v)
{
    return AHEAD_MS + (int64_t)below(v, (uint64_t)AHEAD_RANGE_MS);
}

static const int64_t TIME_EDGES[] = {0,
                                     -1,
                                     -1000,
                                     INT64_MAX,
                                     INT64_MIN,
                                     INT64_MAX / 1000,
                                     INT64_MAX / 1000 + 1,
                                     INT64_MIN / 1000,
                                     INT64_MIN / 1000 - 1,
                                     INT64_MAX - 1000};

static void add_time(struct diff_values *v, int64_t time, struct strbuf *out)
{
    strbuf_addf(out, "%" PRId64, diff_chance(v, 6) ? ANY_OF(v, TIME_EDGES) : time);
}

static void make_sec(struct diff_values *v, struct strbuf *out)
{
    add_time(v, ahead_ms(v) / 1000, out);
}

static void make_ms(struct diff_values *v, struct strbuf *out)
{
    add_time(v, ahead_ms(v), out);
}

static void make_at(struct diff_values *v, struct strbuf *out)
{
    add_time(v, (v->now_ms + (diff_chance(v, 8) ? -1 : 1) * ahead_ms(v)) / 1000, out);
}

static void make_atms(struct diff_values *v, struct strbuf *out)
{
    add_time(v, v->now_ms + (diff_chance(v, 8) ? -1 : 1) * ahead_ms(v), out);
}

static void make_soon(struct diff_values *v, struct strbuf *out)
{
    strbuf_addf(out, "%d", 1 + (int)below(v, SOON_MS));
}

static const struct {
    const char *name;
    void (*make)(struct diff_values *, struct strbuf *);
} KINDS[] = {
    {"key", make_key},
    {"anykey", make_anykey},
    {"lexkey", make_lexkey},
    {"geokey", make_geokey},
    {"bitkey", make_bitkey},
    {"orderedkey", make_orderedkey},
    {"unorderedkey", make_unorderedkey},
    {"bit", make_bit},
    {"bits", make_bits},
    {"lon", make_lon},
    {"lat", make_lat},
    {"distance", make_distance},
    {"lookup", make_lookup},
    {"hll", make_hll},
    {"member", make_member},
    {"number", make_number},
    {"value", make_value},
    {"int", make_int},
    {"float", make_float},
    {"score", make_score},
    {"bound", make_bound},
    {"lex", make_lex},
    {"index", make_index},
    {"count", make_count},
    {"offset", make_offset},
    {"cursor", make_cursor},
    {"type", make_type},
    {"pattern", make_pattern},
    {"db", make_db},
    {"sec", make_sec},
    {"ms", make_ms},
    {"at", make_at},
    {"atms", make_atms},
    {"soon", make_soon},
};

bool diff_value(struct diff_values *v, const char *kind, size_t kind_len, struct strbuf *out)
{
    for (size_t i = 0; i < COUNT(KINDS); i++) {
        if (strlen(KINDS[i].name) == kind_len && memcmp(KINDS[i].name, kind, kind_len) == 0) {
            KINDS[i].make(v, out);
            return true;
        }
    }
    return false;
}
