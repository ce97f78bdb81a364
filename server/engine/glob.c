// SPDX-License-Identifier: MIT
//
// Matching with one point of return: on a mismatch only the last star is tried again, one byte
// further. That is enough, because an earlier star could only have matched more of what a later one
// can take as well; so the worst case is a product of lengths, not an exponential.
#include "server/engine/glob.h"

#include <string.h>

static unsigned char fold(unsigned char c, bool nocase)
{
    return nocase && c >= 'A' && c <= 'Z' ? (unsigned char)(c + 32) : c;
}

// Matches `c` against the class that starts behind '[' at *pos; moves *pos behind it.
static bool match_class(struct bytes pattern, size_t *pos, unsigned char c, bool nocase)
{
    size_t p = *pos;
    bool negate = p < pattern.len && pattern.data[p] == '^';
    bool found = false;

    if (negate)
        p++;
    // An unclosed class ends with the pattern, as in Redis.
    while (p < pattern.len && pattern.data[p] != ']') {
        // A quoted byte stands for itself; only a plain one can begin a range.
        bool quoted = pattern.data[p] == '\\' && p + 1 < pattern.len;
        p += quoted;
        unsigned char low = (unsigned char)pattern.data[p], high = low;
        if (!quoted && p + 2 < pattern.len && pattern.data[p + 1] == '-') {
            p += 2;
            high = (unsigned char)pattern.data[p];
            if (low > high) {
                unsigned char swap = low;
                low = high;
                high = swap;
            }
        }
        low = fold(low, nocase);
        high = fold(high, nocase);
        if (c >= low && c <= high)
            found = true;
        p++;
    }
    *pos = p < pattern.len ? p + 1 : p;
    return found != negate;
}

// Matches one byte against the pattern element at *pos, which is not a star, and moves *pos behind
// it.
static bool match_one(struct bytes pattern, size_t *pos, unsigned char c, bool nocase)
{
    c = fold(c, nocase);
    unsigned char special = (unsigned char)pattern.data[(*pos)++];
    switch (special) {
    case '?':
        return true;
    case '[':
        return match_class(pattern, pos, c, nocase);
    case '\\':
        if (*pos < pattern.len)
            special = (unsigned char)pattern.data[(*pos)++];
        // fall through
    default:
        return fold(special, nocase) == c;
    }
}

bool glob_match(struct bytes pattern, struct bytes text, bool nocase)
{
    size_t p = 0, t = 0, star = SIZE_MAX, star_text = 0;

    if (text.len == 0) // not even stars match it, as in Redis
        return pattern.len == 0;
    while (t < text.len) {
        if (p < pattern.len && pattern.data[p] == '*') {
            star = ++p;
            star_text = t;
        } else if (p < pattern.len && match_one(pattern, &p, (unsigned char)text.data[t], nocase)) {
            t++;
        } else if (star != SIZE_MAX) {
            p = star;
            t = ++star_text;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.data[p] == '*')
        p++;
    return p == pattern.len;
}

bool glob_is_literal(struct bytes pattern)
{
    for (size_t i = 0; i < pattern.len; i++) {
        if (memchr("*?[\\", pattern.data[i], 4))
            return false;
    }
    return true;
}
