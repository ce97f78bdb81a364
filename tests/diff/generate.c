// SPDX-License-Identifier: MIT
#include "tests/diff/generate.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/diff/values.h"
#include "tests/lib/check.h"

enum {
    OPTIONS_MAX = 12,    // optional groups in a row
    NUMKEYS_MAX = 3,     // keys behind a count
    REPEATS = 4,         // most repetitions, normally
    MANY_REPEATS = 40,   // and once in a while
    FAR_MS = 200 * 1000, // what numbers of DIFF_TIMES rows are moved up by
    SMALL = 1000,
    STRING_LIMIT = 512 * 1024 * 1024,
};

// A command being made.
struct maker {
    struct diff_values values;
    struct diff_command *command;
    struct bytes argv[DIFF_ARGS_MAX];
    const struct diff_group *focus; // that every other command is from; NULL: none
    int nkeys;                      // how many keys followed the last count
    bool in_transaction[DIFF_CONNECTIONS];
    int connection;
    // A connection that watches a key: the other one gets a few commands, then comes MULTI, PING,
    // EXEC.
    int watcher, watch_left;
    const struct diff_group *watched; // whose keys the others use
};

static unsigned below(struct maker *m, unsigned n)
{
    return (unsigned)rng_below(&m->values.rng, n);
}

static struct bytes copy(const char *data, size_t len)
{
    char *memory = malloc(len + 1);

    check(memory != NULL);
    memcpy(memory, data, len);
    return (struct bytes){memory, len};
}

static void push(struct maker *m, const char *data, size_t len)
{
    if (m->command->argc < DIFF_ARGS_MAX) {
        m->argv[m->command->argc++] = copy(data, len);
    }
}

// ---- rows -------------------------------------------------------------------------------------

static const struct diff_row *choose_from(struct maker *m, const struct diff_group *group)
{
    const struct diff_row *row;

    m->values.letter = group->letter;
    do {
        row = &group->rows[below(m, (unsigned)group->nrows)];
    } while ((row->flags & DIFF_RARE) && !diff_chance(&m->values, 20));
    return row;
}

static const struct diff_row *choose_row(struct maker *m)
{
    const struct diff_group *group = diff_groups;
    int total = 0, left;

    if (m->focus && diff_chance(&m->values, 2)) {
        return choose_from(m, m->focus);
    }
    for (int i = 0; i < diff_ngroups; i++) {
        total += diff_groups[i].weight;
    }
    for (left = (int)below(m, (unsigned)total); left >= group->weight; group++) {
        left -= group->weight;
    }
    return choose_from(m, group);
}

// ---- templates --------------------------------------------------------------------------------

// A word of a template, and what follows it.
struct word {
    const char *at;
    size_t len;
    const char *next;
};

static struct word word_at(const char *at)
{
    struct word word;

    at += strspn(at, " ");
    word.at = at;
    word.len = strcspn(at, " ");
    word.next = at + word.len;
    return word;
}

static bool is(struct word word, const char *text)
{
    return word.len == strlen(text) && memcmp(word.at, text, word.len) == 0;
}

static bool opens(struct word word)
{
    return word.len == 1 && strchr("([{", *word.at) != NULL;
}

static bool closes(struct word word)
{
    return word.len > 0 && strchr(")]}", *word.at) != NULL;
}

// The word that closes the group which `at` is inside of; the starts of its alternatives.
static struct word group_end(const char *at, const char *starts[], int *nstarts)
{
    int depth = 0;

    starts[0] = at;
    *nstarts = 1;
    for (;;) {
        struct word word = word_at(at);

        check(word.len > 0);
        if (depth == 0 && closes(word)) {
            return word;
        }
        depth += opens(word) - closes(word);
        at = word.next;
        if (depth == 0 && is(word, "|") && *nstarts < OPTIONS_MAX) {
            starts[(*nstarts)++] = at;
        }
    }
}

static void expand(struct maker *m, const char *at);

static void expand_one_of(struct maker *m, const char *inside)
{
    const char *starts[OPTIONS_MAX];
    int n;

    group_end(inside, starts, &n);
    expand(m, starts[below(m, (unsigned)n)]);
}

// Optional groups in a row: some of them, in some order. Returns what follows.
static const char *expand_options(struct maker *m, const char *at)
{
    const char *insides[OPTIONS_MAX], *starts[OPTIONS_MAX];
    int n = 0, nstarts;
    struct word word;

    for (word = word_at(at); is(word, "["); word = word_at(at)) {
        check(n < OPTIONS_MAX);
        insides[n++] = word.next;
        at = group_end(word.next, starts, &nstarts).next;
    }
    if (diff_chance(&m->values, 3)) {
        for (int i = n - 1; i > 0; i--) {
            int j = (int)below(m, (unsigned)i + 1);
            const char *other = insides[j];

            insides[j] = insides[i];
            insides[i] = other;
        }
    }
    for (int i = 0; i < n; i++) {
        if (below(m, 5) < 2) {
            expand_one_of(m, insides[i]);
        }
        if (diff_chance(&m->values, 60)) {
            expand_one_of(m, insides[below(m, (unsigned)n)]);
        }
    }
    return at;
}

static int repeats(struct maker *m)
{
    return 1 +
           (int)below(m, diff_chance(&m->values, m->values.wide ? 2 : 25) ? MANY_REPEATS : REPEATS);
}

// One of A|B|C in upper, lower or mixed case.
static void push_literal(struct maker *m, struct word word)
{
    char text[64];
    size_t len = 0, skip = 1;
    const char *at = word.at;
    bool lower = diff_chance(&m->values, 4), mixed = diff_chance(&m->values, 8);

    for (size_t i = 0; i < word.len; i++) {
        skip += word.at[i] == '|';
    }
    for (skip = below(m, (unsigned)skip); skip > 0; skip--) {
        at = strchr(at, '|') + 1;
    }
    for (; at < word.next && *at != '|' && len < sizeof(text); at++) {
        text[len++] = (char)(lower || (mixed && diff_chance(&m->values, 2)) ? tolower(*at) : *at);
    }
    push(m, text, len);
}

// Whether the kind is of keys that only commands get at which name the kind.
static bool is_own_key(const char *kind, size_t len)
{
    return len > 3 && memcmp(kind + len - 3, "key", 3) == 0 &&
           !(len == strlen("anykey") && memcmp(kind, "anykey", len) == 0);
}

static void push_kind(struct maker *m, const char *kind, size_t len)
{
    struct strbuf text = {0};
    bool fixed = is_own_key(kind, len) || (m->command->row->flags & DIFF_UNSPOILT);

    strbuf_clear(&text);
    if (!fixed && diff_chance(&m->values, 70)) {
        diff_strange(&m->values, &text);
    } else if (!diff_value(&m->values, kind, len, &text)) {
        fprintf(stderr, "no kind of argument: %.*s\n", (int)len, kind);
        abort();
    }
    push(m, text.data, text.len);
    strbuf_free(&text);
}

static void push_numkeys(struct maker *m)
{
    char text[16];

    m->nkeys = 1 + (int)below(m, NUMKEYS_MAX);
    snprintf(text, sizeof(text), "%d", m->nkeys + (diff_chance(&m->values, 40) ? 1 : 0));
    push(m, text, strlen(text));
    for (int i = 0; i < m->nkeys; i++) {
        push_kind(m, "key", strlen("key"));
    }
}

static bool is_plain(const struct diff_row *row)
{
    return row->rule < DIFF_SCAN && !(row->flags & DIFF_STATEFUL);
}

static void push_command(struct maker *m, bool plain)
{
    const struct diff_row *row = choose_row(m);

    while (plain && !is_plain(row)) {
        row = choose_row(m);
    }
    if (!strstr(row->args, "command") && !strstr(row->args, "plain")) {
        expand(m, row->name);
        expand(m, row->args);
    }
}

static void push_word(struct maker *m, struct word word)
{
    bool many = word.len > 3 && memcmp(word.next - 3, "...", 3) == 0;
    size_t len = word.len - (many ? 3 : 0);

    if (!islower((unsigned char)*word.at)) {
        push_literal(m, word);
    } else if (is(word, "command") || is(word, "plain")) {
        push_command(m, is(word, "plain"));
    } else if (is(word, "numkeys")) {
        push_numkeys(m);
    } else if (is(word, "weights")) {
        for (int i = 0; i < m->nkeys; i++) {
            push_kind(m, "score", strlen("score"));
        }
    } else {
        for (int n = many ? repeats(m) : 1; n > 0; n--) {
            push_kind(m, word.at, len);
        }
    }
}

// Expands to the end of the template, of the alternative or of the group.
static void expand(struct maker *m, const char *at)
{
    const char *starts[OPTIONS_MAX];
    int nstarts;

    for (struct word word = word_at(at); word.len > 0 && !is(word, "|") && !closes(word);
         word = word_at(at)) {
        if (is(word, "[")) {
            at = expand_options(m, at);
        } else if (opens(word)) {
            for (int n = *word.at == '(' ? repeats(m) : 1; n > 0; n--) {
                expand_one_of(m, word.next);
            }
            at = group_end(word.next, starts, &nstarts).next;
        } else {
            push_word(m, word);
            at = word.next;
        }
    }
}

// ---- commands ---------------------------------------------------------------------------------

static void drop(struct maker *m, int at)
{
    free((char *)m->argv[at].data);
    memmove(m->argv + at, m->argv + at + 1,
            (size_t)(--m->command->argc - at) * sizeof(struct bytes));
}

// Spoils the arguments behind the name in one of several ways.
static void mutate(struct maker *m, int first)
{
    int argc = m->command->argc;
    struct strbuf text = {0};
    struct bytes other;
    int at = argc > first ? first + (int)below(m, (unsigned)(argc - first)) : -1;

    strbuf_clear(&text);
    switch (at < 0 ? 4 : below(m, 5)) {
    case 0:
        drop(m, at);
        break;
    case 1:
        push(m, m->argv[at].data, m->argv[at].len);
        break;
    case 2:
        other = m->argv[at];
        m->argv[at] = m->argv[argc - 1];
        m->argv[argc - 1] = other;
        break;
    case 3:
        drop(m, at);
        // fall through
    default:
        diff_strange(&m->values, &text);
        push(m, text.data, text.len);
        if (at >= 0 && m->command->argc == argc) {
            other = m->argv[argc - 1];
            memmove(m->argv + at + 1, m->argv + at, (size_t)(argc - 1 - at) * sizeof(struct bytes));
            m->argv[at] = other;
        }
    }
    strbuf_free(&text);
}

// What the integer in an argument must be instead, so that the reply depends on no moment and is of
// bounded length.
static int64_t tamed(unsigned flags, int64_t n)
{
    if ((flags & DIFF_TIMES) && n > 0 && n < FAR_MS) {
        return n + FAR_MS;
    }
    if ((flags & DIFF_SMALL_COUNT) && n < -SMALL && n != INT64_MIN) {
        return -7;
    }
    if ((flags & DIFF_SMALL_OFFSET) && n > SMALL && n < STRING_LIMIT) {
        return SMALL;
    }
    if ((flags & DIFF_BIT_OFFSET) && n > SMALL && n < STRING_LIMIT * INT64_C(8)) {
        return SMALL;
    }
    return n;
}

static void tame(struct maker *m, int first)
{
    unsigned flags = m->command->row->flags;

    for (int i = first + 1; i < m->command->argc; i++) {
        char text[32], *end;
        int64_t n;

        if (m->argv[i].len == 0 || m->argv[i].len >= sizeof(text)) {
            continue;
        }
        memcpy(text, m->argv[i].data, m->argv[i].len);
        text[m->argv[i].len] = '\0';
        n = strtoll(text, &end, 10);
        if (*end == '\0' && tamed(flags, n) != n) {
            snprintf(text, sizeof(text), "%lld", (long long)tamed(flags, n));
            free((char *)m->argv[i].data);
            m->argv[i] = copy(text, strlen(text));
        }
    }
}

static const struct diff_row *row_named(const char *name)
{
    for (int i = 0; i < diff_ngroups; i++) {
        for (int j = 0; j < diff_groups[i].nrows; j++) {
            if (strcmp(diff_groups[i].rows[j].name, name) == 0) {
                return &diff_groups[i].rows[j];
            }
        }
    }
    abort();
}

// What belongs to a watch that has begun: the next row, or NULL for any.
static const struct diff_row *continue_watch(struct maker *m)
{
    static const char *const END[] = {"EXEC", "PING", "MULTI"};
    int left = m->watch_left > 0 ? m->watch_left-- : 0;

    m->values.favourite = left > 0;
    if (left == 0) {
        return NULL;
    }
    m->connection = left <= 3 ? m->watcher : 1 - m->watcher;
    return left <= 3 ? row_named(END[left - 1]) : choose_from(m, m->watched);
}

static void begin_watch(struct maker *m)
{
    m->watcher = m->connection;
    m->watch_left = 3 + (int)below(m, 4);
    do {
        m->watched = &diff_groups[below(m, (unsigned)diff_ngroups)];
        // Redis tells nobody of what PFADD did before it came upon a corrupted part.
    } while (!strchr(DIFF_TYPE_LETTERS, m->watched->letter) || m->watched->letter == 'p');
    m->values.letter = m->watched->letter;
    m->values.favourite = 1;
}

static const struct diff_row *next_row(struct maker *m)
{
    const struct diff_row *row = continue_watch(m);
    bool *in_transaction;

    if (row) {
        return row;
    }
    if (diff_chance(&m->values, 25)) {
        m->connection = (int)below(m, DIFF_CONNECTIONS);
    }
    in_transaction = &m->in_transaction[m->connection];
    row = *in_transaction && diff_chance(&m->values, 8) ? row_named("EXEC") : choose_row(m);
    if (strcmp(row->name, "MULTI") == 0) {
        *in_transaction = true;
    } else if (strcmp(row->name, "EXEC") == 0 || strcmp(row->name, "DISCARD") == 0) {
        *in_transaction = false;
    } else if (strcmp(row->name, "WATCH") == 0) {
        begin_watch(m);
    }
    return row;
}

// How many keys of their own kind a row has, its first arguments.
static int own_keys(const char *args)
{
    struct word word = word_at(args);
    int n = 0;

    for (; is_own_key(word.at, word.len); word = word_at(word.next)) {
        n++;
    }
    return n;
}

static void make_command(struct maker *m, struct diff_command *command)
{
    const struct diff_row *row = next_row(m);
    int first;

    *command = (struct diff_command){.row = row, .connection = m->connection};
    m->command = command;
    expand(m, row->name);
    first = command->argc;
    expand(m, row->args);
    first += own_keys(row->args);
    if (row->rule != DIFF_EXPIRING && !(row->flags & DIFF_UNSPOILT) &&
        diff_chance(&m->values, 20)) {
        mutate(m, first);
    }
    tame(m, first);
    if (diff_chance(&m->values, 20)) {
        command->form = (enum diff_form)below(m, DIFF_FORMS);
    }
    command->argv = malloc((size_t)command->argc * sizeof(struct bytes));
    check(command->argv != NULL);
    memcpy(command->argv, m->argv, (size_t)command->argc * sizeof(struct bytes));
}

void diff_generate(struct diff_sequence *sequence, uint64_t seed, int n)
{
    struct maker m = {.values.now_ms = (int64_t)time(NULL) * 1000};

    rng_seed(&m.values.rng, seed);
    sequence->n = n;
    sequence->small_limits = diff_chance(&m.values, 2);
    m.values.wide = diff_chance(&m.values, 3);
    if (m.values.wide) {
        m.focus = &diff_groups[below(&m, (unsigned)diff_ngroups)];
    }
    sequence->commands = malloc((size_t)n * sizeof(struct diff_command));
    check(sequence->commands != NULL);
    for (int i = 0; i < n; i++) {
        make_command(&m, &sequence->commands[i]);
    }
}

void diff_sequence_free(struct diff_sequence *sequence)
{
    for (int i = 0; i < sequence->n; i++) {
        for (int j = 0; j < sequence->commands[i].argc; j++) {
            free((char *)sequence->commands[i].argv[j].data);
        }
        free(sequence->commands[i].argv);
    }
    free(sequence->commands);
}

void diff_command_print(const struct diff_command *command)
{
    struct strbuf text = {0};

    strbuf_addf(&text, "    connection %d%s: ", command->connection,
                command->form == DIFF_ARRAY ? "" : ", a line");
    for (int i = 0; i < command->argc; i++) {
        strbuf_addf(&text, i ? " " : "");
        strbuf_add_quoted(&text, command->argv[i].data, command->argv[i].len);
    }
    fprintf(stderr, "%s\n", text.data);
    strbuf_free(&text);
}
