// SPDX-License-Identifier: MIT
//
// Syntax texts as trees, written down as text again: a name, `TOKEN:name` for an argument with a
// token, 'TOKEN' alone, (a b) for a block, (a|b) for one of several; behind it ? optional, *
// multiple,
// + multiple with the token.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "server/engine/syntax.h"

struct out {
    char text[1024];
    size_t len;
};

static void put(struct out *out, const char *data, size_t len)
{
    assert_true(out->len + len < sizeof out->text);
    memcpy(out->text + out->len, data, len);
    out->len += len;
    out->text[out->len] = '\0';
}

static void put_children(struct out *out, const struct syntax *s, unsigned parent, char between);

static void put_node(struct out *out, const struct syntax *s, unsigned i)
{
    const struct syntax_node *n = &s->nodes[i];

    if (n->kind == SYNTAX_TOKEN)
        put(out, "'", 1);
    put(out, n->token.len ? n->token.data : "", n->token.len);
    if (n->kind == SYNTAX_TOKEN)
        put(out, "'", 1);
    else if (n->token.len)
        put(out, ":", 1);
    if (n->kind == SYNTAX_ARGUMENT)
        put(out, n->name.data, n->name.len);
    if (n->kind == SYNTAX_BLOCK || n->kind == SYNTAX_ONE_OF) {
        put(out, "(", 1);
        put_children(out, s, i, n->kind == SYNTAX_BLOCK ? ' ' : '|');
        put(out, ")", 1);
    }
    put(out, "?", !!(n->flags & SYNTAX_OPTIONAL));
    put(out, "*", !!(n->flags & SYNTAX_MULTIPLE));
    put(out, "+", !!(n->flags & SYNTAX_MULTIPLE_TOKEN));
}

static void put_children(struct out *out, const struct syntax *s, unsigned parent, char between)
{
    unsigned n = 0;

    for (unsigned i = s->nodes[parent].child; i; i = s->nodes[i].next) {
        put(out, &between, n++ > 0);
        put_node(out, s, i);
    }
    assert_int_equal(n, s->nodes[parent].nchildren);
}

static void test_trees(void **state)
{
    static const struct {
        const char *text, *tree;
    } CASES[] = {
        {"", ""},
        {"key", "key"},
        {"key value", "key value"},
        {"key member [member ...]", "key member*"},
        {"key value [key value ...]", "(key value)*"},
        {"numkeys key [key ...] [LIMIT limit]", "numkeys key* LIMIT:limit?"},
        {"[section [section ...]]", "section?*"},
        {"[key ...]", "key?*"},
        {"key [NX | XX] [GET]", "key ('NX'|'XX')? 'GET'?"},
        {"[EX seconds | PERSIST]", "(EX:seconds|'PERSIST')?"},
        {"<ON | OFF>", "('ON'|'OFF')"},
        {"ON | OFF", "('ON'|'OFF')"},
        {"[TYPE <A | B>]", "TYPE:('A'|'B')?"},
        {"[LIMIT offset count]", "LIMIT:(offset count)?"},
        {"[COUNT count [ANY]]", "(COUNT:count 'ANY'?)?"},
        {"[ID client-id [client-id ...]]", "ID:client-id?*"},
        {"[PREFIX prefix [PREFIX prefix ...]]", "PREFIX:prefix?*+"},
        {"[protover [AUTH username password] [SETNAME name]]",
         "(protover AUTH:(username password)? SETNAME:name?)?"},
        {"<a | <[B b] | [C c]> [<[B b] | [C c]> ...]>", "(a|(B:b?|C:c?)*)"},
        {"A B c", "'A' B:c"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct syntax s;
        struct out out = {.len = 0};
        if (!syntax_parse(CASES[i].text, &s))
            fail_msg("not accepted: %s", CASES[i].text);
        put_children(&out, &s, 0, ' ');
        assert_string_equal(out.text, CASES[i].tree);
    }
}

static void test_errors(void **state)
{
    static const char *const TEXTS[] = {"a [",     "a ]", "[a",         "<a",     "a>",
                                        "a | | b", "| a", "[a [a ...]", "<a | b]"};
    struct syntax s;

    (void)state;
    for (size_t i = 0; i < sizeof TEXTS / sizeof *TEXTS; i++) {
        if (syntax_parse(TEXTS[i], &s))
            fail_msg("accepted: %s", TEXTS[i]);
    }
}

static void test_limits(void **state)
{
    char text[2 * SYNTAX_NODES + 2] = "";
    struct syntax s;

    (void)state;
    for (int i = 0; i < SYNTAX_NODES - 1; i++)
        strcat(text, "a ");
    assert_true(syntax_parse(text, &s)); // the root is one more
    assert_int_equal(s.n, SYNTAX_NODES);
    strcat(text, "a");
    assert_false(syntax_parse(text, &s));
    assert_true(syntax_parse("[[[[[[a]]]]]]", &s));
    assert_false(syntax_parse("[[[[[[[[[[a]]]]]]]]]]", &s));
}

static void test_types(void **state)
{
    struct syntax s;

    (void)state;
    assert_true(syntax_parse("key count pattern unix-time-seconds other X <A | B> [a b]", &s));
    static const char *const WANT[] = {"key",    "integer", "pattern", "unix-time",
                                       "string", "oneof",   "block"};
    unsigned n = 0;
    for (unsigned i = s.nodes[0].child; i; i = s.nodes[i].next)
        assert_string_equal(syntax_type(&s.nodes[i]), WANT[n++]);
    assert_int_equal(n, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trees),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
