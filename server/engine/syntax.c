// SPDX-License-Identifier: MIT
//
// Recursive descent over texts that are constants of this program: nesting is as deep as somebody
// wrote it, at most NESTING_MAX.
#include "server/engine/syntax.h"

#include <string.h>

enum { NESTING_MAX = 8 };

struct parser {
    const char *text;
    unsigned pos;
    unsigned depth;
    struct syntax *out;
};

// The children of a node while they are added.
struct sequence {
    unsigned first, last, n;
};

static bool parse_list(struct parser *p, char end, unsigned parent);

static unsigned new_node(struct parser *p, enum syntax_kind kind)
{
    if (p->out->n == SYNTAX_NODES)
        return 0;
    p->out->nodes[p->out->n] = (struct syntax_node){.kind = kind, .begin = p->pos};
    return p->out->n++;
}

static struct syntax_node *node_at(struct parser *p, unsigned i)
{
    return &p->out->nodes[i];
}

static void append(struct parser *p, struct sequence *s, unsigned i)
{
    node_at(p, i)->next = 0;
    if (s->last)
        node_at(p, s->last)->next = i;
    else
        s->first = i;
    s->last = i;
    s->n++;
}

static void skip_blanks(struct parser *p)
{
    while (p->text[p->pos] == ' ')
        p->pos++;
}

static bool is_word_end(char ch)
{
    return ch == '\0' || strchr(" |[]<>", ch) != NULL;
}

static struct bytes take_word(struct parser *p)
{
    unsigned begin = p->pos;

    while (!is_word_end(p->text[p->pos]))
        p->pos++;
    return (struct bytes){p->text + begin, p->pos - begin};
}

static bool is_token(struct bytes word)
{
    for (size_t i = 0; i < word.len; i++) {
        if (word.data[i] >= 'a' && word.data[i] <= 'z')
            return false;
    }
    return true;
}

// The first of the sequence's last nodes that together have that text, or 0.
static unsigned find_repeated(struct parser *p, const struct sequence *s, struct bytes text)
{
    for (unsigned i = s->first; i; i = node_at(p, i)->next) {
        unsigned begin = node_at(p, i)->begin, end = node_at(p, s->last)->end;
        if (bytes_equal((struct bytes){p->text + begin, end - begin}, text))
            return i;
    }
    return 0;
}

// Makes the nodes from `i` to the end of the sequence one node, which may be repeated.
static bool mark_repeated(struct parser *p, struct sequence *s, unsigned i)
{
    if (i == s->last) {
        node_at(p, i)->flags |= SYNTAX_MULTIPLE;
        if (node_at(p, i)->token.len)
            node_at(p, i)->flags |= SYNTAX_MULTIPLE_TOKEN;
        return true;
    }
    // The block takes the place of its first node, whose copy becomes the first child.
    unsigned copy = new_node(p, SYNTAX_BLOCK);
    if (!copy)
        return false;
    struct syntax_node *block = node_at(p, i);
    *node_at(p, copy) = *block;
    *block = (struct syntax_node){.kind = SYNTAX_BLOCK,
                                  .flags = SYNTAX_MULTIPLE,
                                  .child = copy,
                                  .name = block->name,
                                  .begin = block->begin,
                                  .end = node_at(p, s->last)->end};
    for (unsigned child = copy; child; child = node_at(p, child)->next) {
        block->nchildren++;
        if (child != copy)
            s->n--;
    }
    s->last = i;
    return true;
}

// Where the "..." of a repetition that begins at p->pos stands, or 0: no "..." before the ']'.
static unsigned find_dots(const struct parser *p)
{
    unsigned depth = 0;

    for (unsigned i = p->pos; p->text[i]; i++) {
        char ch = p->text[i];
        if (ch == '[' || ch == '<')
            depth++;
        else if ((ch == ']' || ch == '>') && depth-- == 0)
            return 0;
        else if (depth == 0 && strncmp(p->text + i, "...", 3) == 0)
            return i;
    }
    return 0;
}

// Turns a node with a list of children into the one child that it has, if that is all.
static void unwrap(struct parser *p, unsigned i)
{
    struct syntax_node *node = node_at(p, i);

    if (node->kind != SYNTAX_BLOCK || node->nchildren != 1)
        return;
    struct syntax_node child = *node_at(p, node->child);
    child.flags |= node->flags;
    child.begin = node->begin;
    child.end = node->end;
    child.next = node->next;
    *node = child;
}

// "TOKEN a b" as one group: the token belongs to the whole of it.
static void lift_token(struct parser *p, unsigned i)
{
    struct syntax_node *node = node_at(p, i), *first = node_at(p, node->child);

    if (node->kind != SYNTAX_BLOCK || node->nchildren < 2 || first->kind != SYNTAX_ARGUMENT ||
        !first->token.len)
        return;
    for (unsigned child = node->child; child; child = node_at(p, child)->next) {
        const struct syntax_node *n = node_at(p, child);
        if (n->kind != SYNTAX_ARGUMENT || n->flags || (n->token.len && n != first))
            return;
    }
    node->token = node->name = first->token;
    first->token = BYTES("");
}

// After '<' or '[' of a group that closes with `end`; 0 on an error.
static unsigned parse_group(struct parser *p, char end, unsigned flags)
{
    unsigned i = new_node(p, SYNTAX_BLOCK);

    if (!i || !parse_list(p, end, i))
        return 0;
    node_at(p, i)->begin--; // the bracket belongs to it
    node_at(p, i)->flags |= flags;
    node_at(p, i)->end = p->pos;
    unwrap(p, i);
    lift_token(p, i);
    return i;
}

// After '['.
static bool parse_brackets(struct parser *p, struct sequence *s)
{
    unsigned dots = find_dots(p);

    if (!dots) {
        unsigned i = parse_group(p, ']', SYNTAX_OPTIONAL);
        if (i)
            append(p, s, i);
        return i != 0;
    }
    unsigned to = dots;
    while (to > p->pos && p->text[to - 1] == ' ')
        to--;
    struct bytes again = {p->text + p->pos, to - p->pos};
    unsigned repeated = find_repeated(p, s, again);
    bool value_only = !repeated && s->last && bytes_equal(node_at(p, s->last)->name, again);
    if (repeated || value_only) {
        p->pos = dots + 3;
        skip_blanks(p);
        if (p->text[p->pos++] != ']')
            return false;
        if (repeated)
            return mark_repeated(p, s, repeated);
        node_at(p, s->last)->flags |= SYNTAX_MULTIPLE; // TOKEN value [value ...]
        return true;
    }
    unsigned i = parse_group(p, ']', SYNTAX_OPTIONAL | SYNTAX_MULTIPLE);
    if (i)
        append(p, s, i);
    return i != 0;
}

static bool parse_word(struct parser *p, struct sequence *s)
{
    unsigned begin = p->pos;
    struct bytes word = take_word(p), token = {0};
    unsigned i = 0;

    if (word.len == 0)
        return false;
    if (is_token(word)) {
        token = word;
        unsigned after = p->pos;
        skip_blanks(p);
        char ch = p->text[p->pos];
        if (ch == '<') { // TOKEN <one | of | these>
            p->pos++;
            i = parse_group(p, '>', 0);
        } else if (is_word_end(ch) || ch == '.') {
            p->pos = after;
        } else {
            unsigned next = p->pos;
            word = take_word(p);
            if (is_token(word)) {
                p->pos = next; // the next word is a token of its own
                word = token;
            }
        }
    }
    if (!i)
        i = new_node(p, SYNTAX_ARGUMENT);
    if (!i)
        return false;
    struct syntax_node *node = node_at(p, i);
    if (node->kind == SYNTAX_ARGUMENT) {
        node->name = word;
        if (token.data == word.data)
            node->kind = SYNTAX_TOKEN;
    }
    node->token = token;
    node->begin = begin;
    node->end = (unsigned)(node->kind == SYNTAX_TOKEN ? token.data + token.len - p->text : p->pos);
    append(p, s, i);
    return true;
}

// Up to '|' or the end of the list.
static bool parse_sequence(struct parser *p, struct sequence *s)
{
    for (;;) {
        skip_blanks(p);
        char ch = p->text[p->pos];
        bool ok;
        if (ch == '\0' || ch == '|' || ch == ']' || ch == '>')
            return true;
        if (strncmp(p->text + p->pos, "...", 3) == 0) {
            p->pos += 3; // of a repetition that nothing before it begins
            continue;
        }
        if (ch == '[') {
            p->pos++;
            ok = parse_brackets(p, s);
        } else if (ch == '<') {
            p->pos++;
            unsigned i = parse_group(p, '>', 0);
            ok = i != 0;
            if (ok)
                append(p, s, i);
        } else {
            ok = parse_word(p, s);
        }
        if (!ok)
            return false;
    }
}

// One alternative of several: a single node, or a block of them.
static bool add_alternative(struct parser *p, struct sequence *all, const struct sequence *s)
{
    unsigned i = s->first;

    if (s->n == 0)
        return false;
    if (s->n > 1) {
        i = new_node(p, SYNTAX_BLOCK);
        if (!i)
            return false;
        node_at(p, i)->child = s->first;
        node_at(p, i)->nchildren = s->n;
        node_at(p, i)->name = node_at(p, s->first)->name;
        node_at(p, i)->begin = node_at(p, s->first)->begin;
        node_at(p, i)->end = node_at(p, s->last)->end;
        lift_token(p, i);
    }
    append(p, all, i);
    return true;
}

// Up to and with `end` ('\0': the end of the text); the items become children of `parent`.
static bool parse_list(struct parser *p, char end, unsigned parent)
{
    struct sequence all = {0}, s = {0};
    bool several = false;

    if (++p->depth > NESTING_MAX)
        return false;
    for (;;) {
        s = (struct sequence){0};
        if (!parse_sequence(p, &s))
            return false;
        if (p->text[p->pos] != '|')
            break;
        p->pos++;
        several = true;
        if (!add_alternative(p, &all, &s))
            return false;
    }
    if (p->text[p->pos] != end)
        return false;
    if (end)
        p->pos++;
    if (several && !add_alternative(p, &all, &s))
        return false;
    struct syntax_node *node = node_at(p, parent);
    node->kind = several ? SYNTAX_ONE_OF : SYNTAX_BLOCK;
    node->child = several ? all.first : s.first;
    node->nchildren = several ? all.n : s.n;
    if (node->child)
        node->name = node_at(p, node->child)->name;
    p->depth--;
    return true;
}

bool syntax_parse(const char *text, struct syntax *out)
{
    struct parser p = {.text = text, .out = out};

    out->n = 0;
    (void)new_node(&p, SYNTAX_BLOCK); // the root, number 0
    if (!parse_list(&p, '\0', 0))
        return false;
    if (out->nodes[0].kind == SYNTAX_ONE_OF) { // alternatives at the top are one argument
        unsigned i = new_node(&p, SYNTAX_ONE_OF);
        if (!i)
            return false;
        out->nodes[i] = out->nodes[0];
        out->nodes[0] = (struct syntax_node){.kind = SYNTAX_BLOCK, .child = i, .nchildren = 1};
    }
    return true;
}

// ---- types ------------------------------------------------------------------------------------

static bool one_of(struct bytes name, const char *const *names)
{
    for (; *names; names++) {
        if (bytes_equal(name, bytes_of(*names)))
            return true;
    }
    return false;
}

const char *syntax_type(const struct syntax_node *node)
{
    static const char *const KEYS[] = {"key", "newkey",    "source", "destination", "key1", "key2",
                                       "dst", "sourcekey", "src",    "destkey",     NULL};
    static const char *const INTEGERS[] = {
        "seconds",   "milliseconds",   "microseconds",  "count",    "cursor",      "offset",
        "numkeys",   "limit",          "decrement",     "start",    "end",         "stop",
        "db",        "destination-db", "index",         "index1",   "bit",         "index2",
        "client-id", "rank",           "len",           "protover", "numlocal",    "timeout",
        "idletime",  "freq",           "min-match-len", "version",  "num-matches", "weight",
        NULL};
    static const char *const TIMES[] = {"unix-time-seconds", "unix-time-milliseconds", NULL};

    switch (node->kind) {
    case SYNTAX_TOKEN:
        return "pure-token";
    case SYNTAX_ONE_OF:
        return "oneof";
    case SYNTAX_BLOCK:
        return "block";
    case SYNTAX_ARGUMENT:
        break;
    }
    if (one_of(node->name, KEYS))
        return "key";
    if (one_of(node->name, INTEGERS))
        return "integer";
    if (one_of(node->name, TIMES))
        return "unix-time";
    if (bytes_equal(node->name, BYTES("pattern")))
        return "pattern";
    return "string";
}
