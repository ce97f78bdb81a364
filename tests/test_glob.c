// SPDX-License-Identifier: MIT
//
// Glob patterns: a table of facts, and random patterns against a matcher that is too simple to be
// wrong (it tries every way to cut the text, by recursion).
#include "server/engine/glob.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "datatypes/rng.h"

struct glob_fact {
    const char *pattern, *text;
    bool match;
};

static const struct glob_fact facts[] = {
    {"", "", true},
    {"", "a", false},
    {"*", "", false}, // as in Redis, which asks about "*" apart
    {"**", "", false},
    {"a", "a", true},
    {"a", "", false},
    {"a", "ab", false},
    {"ab", "a", false},
    {"a", "A", false},
    {"*", "a", true},
    {"*", "anything at all", true},
    {"**", "a", true},
    {"a*", "a", true},
    {"a***", "a", true},
    {"a*", "abc", true},
    {"a*", "ba", false},
    {"*a", "bca", true},
    {"*a", "ab", false},
    {"*a*", "bab", true},
    {"a*b*c", "axxbyyc", true},
    {"a*b*c", "axxcyyb", false},
    {"*ab", "aab", true},
    {"*aab", "aaab", true},
    {"?", "a", true},
    {"?", "", false},
    {"?", "ab", false},
    {"a?c", "abc", true},
    {"a?c", "ac", false},
    {"*?", "a", true},
    {"?*?", "a", false},
    {"?*?", "ab", true},
    {"h[ae]llo", "hello", true},
    {"h[ae]llo", "hallo", true},
    {"h[ae]llo", "hillo", false},
    {"h[^e]llo", "hallo", true},
    {"h[^e]llo", "hello", false},
    {"h[a-c]llo", "hbllo", true},
    {"h[a-c]llo", "hdllo", false},
    {"[c-a]", "b", true},
    {"[^a-c]", "b", false},
    {"[^a-c]", "d", true},
    {"[a-cx-z]", "y", true},
    {"[a-cx-z]", "m", false},
    {"[]", "a", false},
    {"[]", "]", false},
    {"[]a]", "a", false},
    {"[^]", "a", true},
    {"[\\]]", "]", true},
    {"[\\^a]", "^", true},
    {"[a^]", "^", true},
    {"[a-]", "-", false},
    {"[a-]", "^", true},
    {"[-a]", "-", true},
    // A quoted byte in a class is that byte, not the start of a range.
    {"[\\a-c]", "b", false},
    {"[\\a-c]", "-", true},
    {"[\\a-c]", "c", true},
    // A class that is not closed ends with the pattern.
    {"[a", "a", true},
    {"[a", "b", false},
    {"[", "[", false},
    {"[^", "x", true},
    {"[a\\", "\\", true},
    {"[a-", "-", true},
    {"\\*", "*", true},
    {"\\*", "a", false},
    {"\\?", "?", true},
    {"\\[a]", "[a]", true},
    {"\\\\", "\\", true},
    {"\\", "\\", true},
    {"a\\", "a\\", true},
    {"\\a", "a", true},
    {"*\\*", "a*", true},
    {"*\\*", "ab", false},
    {"*[ab]", "xxb", true},
    {"*[ab]*c", "xaxbxc", true},
    {"[*]", "*", true},
    {"[*]", "a", false},
    {"[?]", "?", true},
};

static void test_glob_facts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++) {
        const struct glob_fact *f = &facts[i];
        bool match = glob_match(bytes_of(f->pattern), bytes_of(f->text), false);

        if (match != f->match)
            print_error("pattern '%s', text '%s'\n", f->pattern, f->text);
        assert_int_equal(match, f->match);
    }
}

static void test_glob_compares_bytes(void **state)
{
    (void)state;
    assert_true(glob_match(BYTES("a\0*"), BYTES("a\0b"), false));
    assert_false(glob_match(BYTES("a\0c"), BYTES("a\0b"), false));
    assert_true(glob_match(BYTES("[\x80-\xff]"), BYTES("\xc3"), false));
    assert_false(glob_match(BYTES("[\x80-\xff]"), BYTES("c"), false));
    assert_true(glob_match(BYTES("\xff?"), BYTES("\xff\0"), false));
    assert_true(glob_match(BYTES("[\0]"), BYTES("\0"), false));
}

static void test_glob_ignores_case_on_request(void **state)
{
    (void)state;
    assert_true(glob_match(BYTES("MaxMemory*"), BYTES("maxmemory-policy"), true));
    assert_true(glob_match(BYTES("max*"), BYTES("MAXMEMORY"), true));
    assert_true(glob_match(BYTES("[A-C]x"), BYTES("bX"), true));
    assert_true(glob_match(BYTES("[^b]"), BYTES("c"), true));
    assert_false(glob_match(BYTES("[^B]"), BYTES("b"), true));
    // ASCII only.
    assert_false(glob_match(BYTES("\xe4"), BYTES("\xc4"), true));
}

static void test_glob_literal(void **state)
{
    (void)state;
    assert_true(glob_is_literal(BYTES("")));
    assert_true(glob_is_literal(BYTES("user:1000")));
    assert_true(glob_is_literal(BYTES("a]b^c-\0d")));
    assert_false(glob_is_literal(BYTES("a*")));
    assert_false(glob_is_literal(BYTES("?a")));
    assert_false(glob_is_literal(BYTES("a[b]")));
    assert_false(glob_is_literal(BYTES("a\\b")));
}

// ---- against the simple matcher -----------------------------------------------------------------

// Reads one element of the pattern other than a star; returns its length and whether it takes `c`.
static size_t simple_element(const char *p, size_t n, char c, bool *takes)
{
    if (p[0] == '?') {
        *takes = true;
        return 1;
    }
    if (p[0] == '\\' && n > 1) {
        *takes = p[1] == c;
        return 2;
    }
    if (p[0] != '[') {
        *takes = p[0] == c;
        return 1;
    }
    size_t i = 1;
    bool negate = i < n && p[i] == '^', found = false;
    for (i += negate; i < n && p[i] != ']'; i++) {
        if (p[i] == '\\' && i + 1 < n) {
            found |= p[++i] == c;
        } else if (i + 2 < n && p[i + 1] == '-') {
            char low = p[i] < p[i + 2] ? p[i] : p[i + 2], high = p[i] < p[i + 2] ? p[i + 2] : p[i];
            found |= low <= c && c <= high;
            i += 2;
        } else {
            found |= p[i] == c;
        }
    }
    *takes = found != negate;
    return i < n ? i + 1 : n;
}

static bool simple_match(const char *p, size_t np, const char *t, size_t nt)
{
    bool takes;

    if (np == 0)
        return nt == 0;
    if (p[0] == '*')
        return simple_match(p + 1, np - 1, t, nt) || (nt > 0 && simple_match(p, np, t + 1, nt - 1));
    if (nt == 0)
        return false;
    size_t used = simple_element(p, np, t[0], &takes);
    return takes && simple_match(p + used, np - used, t + 1, nt - 1);
}

static void test_glob_agrees_with_a_simple_matcher(void **state)
{
    static const char pattern_bytes[] = "aabbc**?[]^-\\", text_bytes[] = "abcabc-]^\\[*";
    struct rng rng;
    int matches = 0;

    (void)state;
    rng_seed(&rng, 20261122);
    for (int round = 0; round < 300000; round++) {
        char pattern[10], text[8];
        size_t np = rng_below(&rng, sizeof(pattern)), nt = rng_below(&rng, sizeof(text));

        for (size_t i = 0; i < np; i++)
            pattern[i] = pattern_bytes[rng_below(&rng, sizeof(pattern_bytes) - 1)];
        for (size_t i = 0; i < nt; i++)
            text[i] = text_bytes[rng_below(&rng, sizeof(text_bytes) - 1)];
        bool want = nt == 0 ? np == 0 : simple_match(pattern, np, text, nt);
        bool got = glob_match((struct bytes){pattern, np}, (struct bytes){text, nt}, false);
        if (want != got)
            print_error("pattern '%.*s', text '%.*s'\n", (int)np, pattern, (int)nt, text);
        assert_int_equal(got, want);
        matches += got;
    }
    assert_in_range(matches, 3000, 297000); // the draw must not be one-sided
}

// Exponential matchers do not come back from this.
static void test_glob_many_stars_end(void **state)
{
    char pattern[401], text[20000];

    (void)state;
    for (size_t i = 0; i < 400; i += 2)
        memcpy(pattern + i, "a*", 2);
    pattern[400] = 'b';
    memset(text, 'a', sizeof(text));
    assert_false(
        glob_match((struct bytes){pattern, 401}, (struct bytes){text, sizeof(text)}, false));
    assert_true(
        glob_match((struct bytes){pattern, 400}, (struct bytes){text, sizeof(text)}, false));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_glob_facts),
        cmocka_unit_test(test_glob_compares_bytes),
        cmocka_unit_test(test_glob_ignores_case_on_request),
        cmocka_unit_test(test_glob_literal),
        cmocka_unit_test(test_glob_agrees_with_a_simple_matcher),
        cmocka_unit_test(test_glob_many_stars_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
