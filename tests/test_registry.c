// SPDX-License-Identifier: MIT
//
// Every row of the command table: what a row promises must fit together, since COMMAND, INFO and
// the dispatcher believe it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "server/engine/command.h"
#include "server/engine/syntax.h"

// Fails with the command's name when the condition does not hold.
#define row_assert(e, condition)                                                                   \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            print_error("%s: not so: %s\n", (e)->full_name, #condition);                           \
            fail();                                                                                \
        }                                                                                          \
    } while (0)

static bool is_container(const struct command_entry *e)
{
    return e->nchildren > 0;
}

static void test_names_are_unique_and_lower_case(void **state)
{
    (void)state;
    for (unsigned i = 0; i < registry_count(); i++) {
        const struct command_entry *e = registry_at(i);
        row_assert(e, e->id == i);
        row_assert(e, e->row->name[0] != '\0');
        for (const char *p = e->row->name; *p; p++)
            row_assert(e, (*p >= 'a' && *p <= 'z') || *p == '-' || *p == '_');
        for (unsigned j = 0; j < i; j++)
            row_assert(e, strcmp(e->full_name, registry_at(j)->full_name) != 0);
    }
}

static void test_every_row_is_found(void **state)
{
    char upper[48];

    (void)state;
    for (unsigned i = 0; i < registry_count(); i++) {
        const struct command_entry *e = registry_at(i);
        size_t n = strlen(e->row->name);
        for (size_t k = 0; k < n; k++)
            upper[k] = e->row->name[k] >= 'a' ? (char)(e->row->name[k] - 32) : e->row->name[k];
        struct bytes name = {upper, n};
        if (e->parent)
            row_assert(e, registry_find_sub(e->parent, name) == e);
        else
            row_assert(e, registry_find(name) == e);
    }
    assert_null(registry_find(BYTES("nosuch")));
    assert_null(registry_find(BYTES("")));
    assert_null(registry_find(BYTES("get\0")));
}

static void test_parents_and_children_agree(void **state)
{
    (void)state;
    for (unsigned i = 0; i < registry_count(); i++) {
        const struct command_entry *e = registry_at(i);
        for (unsigned k = 0; k < e->nchildren; k++)
            row_assert(e, registry_at(e->first_child + k)->parent == e);
        row_assert(e, !e->parent || !is_container(e));
        row_assert(e, (e->row->subcommands != NULL) == is_container(e));
        // A container is either run alone or refused by its arity before its handler is needed.
        row_assert(e, e->row->handler || (is_container(e) && e->row->arity == -2));
    }
}

static void test_arity_covers_the_keys(void **state)
{
    (void)state;
    for (unsigned i = 0; i < registry_count(); i++) {
        const struct command_entry *e = registry_at(i);
        struct key_spec keys = e->row->keys;
        int arity = e->row->arity, least = arity < 0 ? -arity : arity;

        row_assert(e, arity != 0 && least >= (e->parent ? 2 : 1));
        row_assert(e, e->row->numkeys == 0 || e->row->numkeys + 1 < least);
        row_assert(e, e->row->numkeys == 0 || e->row->numkeys > keys.last);
        if (!keys.first) {
            row_assert(e, keys.last == 0 && keys.step == 0);
            continue;
        }
        row_assert(e, keys.step >= 1 && keys.first >= (e->parent ? 2 : 1));
        row_assert(e, keys.first < least);
        row_assert(e, keys.last < 0 ? arity < 0 : keys.last >= keys.first && keys.last < least);
    }
}

static void test_locks_and_flags_agree(void **state)
{
    (void)state;
    for (unsigned i = 0; i < registry_count(); i++) {
        const struct command_entry *e = registry_at(i);
        uint32_t flags = e->row->flags;
        bool keys = command_has_keys(e), writes = e->row->lock == LOCK_WRITE;

        row_assert(e, keys || e->row->lock == LOCK_NONE);
        row_assert(e, !(flags & CMD_WRITE) || !keys);    // keys that change: LOCK_WRITE says so
        row_assert(e, !(flags & CMD_READONLY) || !keys); // likewise for keys that do not
        row_assert(e, !(flags & CMD_WRITE) || !(flags & CMD_READONLY));
        row_assert(e, !(flags & CMD_DENYOOM) || command_writes(e));
        row_assert(e, !(flags & CMD_READ_REST) ||
                          (writes && (e->row->keys.last != 1 || e->row->numkeys)));
        row_assert(e, !(command_writes(e) && command_readonly(e)));
        row_assert(e, !(flags & CMD_CACHES) || (writes && command_readonly(e)));
    }
}

static void test_texts_are_there(void **state)
{
    struct syntax syntax;

    (void)state;
    for (unsigned i = 0; i < registry_count(); i++) {
        const struct command *row = registry_at(i)->row;
        row_assert(registry_at(i), row->summary && row->since && row->syntax);
        size_t n = strlen(row->summary);
        row_assert(registry_at(i), n > 3 && row->summary[n - 1] == '.');
        row_assert(registry_at(i), row->since[0] >= '1' && row->since[0] <= '9');
        row_assert(registry_at(i), syntax_parse(row->syntax, &syntax));
    }
}

// The number of words that must be given, at least: what the arity says.
static int least_words(const struct syntax *s, unsigned parent)
{
    const struct syntax_node *node = &s->nodes[parent];
    int sum = 0, least = -1;

    for (unsigned i = node->child; i; i = s->nodes[i].next) {
        const struct syntax_node *child = &s->nodes[i];
        int n = child->kind == SYNTAX_BLOCK || child->kind == SYNTAX_ONE_OF ? least_words(s, i) : 1;
        if (child->token.len && child->kind != SYNTAX_TOKEN)
            n++;
        if ((child->flags & SYNTAX_OPTIONAL) && node->kind != SYNTAX_ONE_OF)
            n = 0;
        sum += n;
        if (least < 0 || n < least)
            least = n;
    }
    return node->kind == SYNTAX_ONE_OF ? least : sum;
}

// Redis's arities are lower than what the syntax asks for in a few rows, never higher.
static void test_arity_is_not_above_the_syntax(void **state)
{
    struct syntax syntax;

    (void)state;
    for (unsigned i = 0; i < registry_count(); i++) {
        const struct command_entry *e = registry_at(i);
        int arity = e->row->arity, least = arity < 0 ? -arity : arity;
        if (!syntax_parse(e->row->syntax, &syntax) || syntax.nodes[0].nchildren == 0)
            continue;
        int words = 1 + (e->parent != NULL) + least_words(&syntax, 0);
        if (arity > 0)
            assert_int_equal(words, least);
        else if (words < least)
            print_error("%s: syntax %d words, arity %d\n", e->full_name, words, arity);
        row_assert(e, words >= least);
    }
}

static int setup(void **state)
{
    (void)state;
    return registry_init() && registry_init() ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_are_unique_and_lower_case),
        cmocka_unit_test(test_every_row_is_found),
        cmocka_unit_test(test_parents_and_children_agree),
        cmocka_unit_test(test_arity_covers_the_keys),
        cmocka_unit_test(test_locks_and_flags_agree),
        cmocka_unit_test(test_texts_are_there),
        cmocka_unit_test(test_arity_is_not_above_the_syntax),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
