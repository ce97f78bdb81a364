// SPDX-License-Identifier: MIT
//
// COMMAND: the command table as clients see it. Everything is read off the rows, so a new command
// needs nothing here.
#include <stdio.h>
#include <string.h>

#include "server/engine/cmd.h"
#include "server/engine/command.h"
#include "server/engine/exec.h"
#include "server/engine/glob.h"
#include "server/engine/syntax.h"

// ---- flags and categories ---------------------------------------------------------------------

enum { WORDS_MAX = 24 };

// Some words out of a set: they are counted before they are written.
struct words {
    const char *at[WORDS_MAX];
    size_t n;
};

static void add_word(struct words *w, bool wanted, const char *word)
{
    if (wanted && w->n < WORDS_MAX)
        w->at[w->n++] = word;
}

static void reply_words(struct cmd_ctx *c, const struct words *w)
{
    reply_set(c->reply, w->n);
    for (size_t i = 0; i < w->n; i++)
        reply_simple(c->reply, w->at[i]);
}

// The words of a text with a blank between any two, each written by `reply_word`.
static void reply_split(struct cmd_ctx *c, const char *text,
                        void (*reply_word)(struct reply *, const char *))
{
    char copy[128], *rest = NULL;
    struct words w = {.n = 0};

    snprintf(copy, sizeof copy, "%s", text);
    for (char *word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
        add_word(&w, true, word);
    reply_set(c->reply, w.n);
    for (size_t i = 0; i < w.n; i++)
        reply_word(c->reply, w.at[i]);
}

static struct words flags_of(const struct command_entry *e)
{
    uint32_t flags = e->row->flags;
    struct words w = {.n = 0};

    add_word(&w, command_writes(e), "write");
    add_word(&w, command_readonly(e), "readonly");
    add_word(&w, flags & CMD_DENYOOM, "denyoom");
    add_word(&w, flags & CMD_ADMIN, "admin");
    add_word(&w, flags & CMD_PUBSUB, "pubsub");
    add_word(&w, flags & CMD_NOSCRIPT, "noscript");
    add_word(&w, flags & CMD_BLOCKING, "blocking");
    add_word(&w, flags & CMD_LOADING, "loading");
    add_word(&w, flags & CMD_STALE, "stale");
    add_word(&w, flags & CMD_SKIP_MONITOR, "skip_monitor");
    add_word(&w, flags & CMD_SKIP_SLOWLOG, "skip_slowlog");
    add_word(&w, flags & CMD_FAST, "fast");
    add_word(&w, flags & CMD_NO_AUTH, "no_auth");
    add_word(&w, flags & CMD_NO_MULTI, "no_multi");
    add_word(&w,
             e->row->numkeys || e->row->store_options || flags & CMD_OTHER_KEYS ||
                 (command_has_keys(e) && e->row->keys.first == 0),
             "movablekeys");
    add_word(&w, flags & CMD_ALLOW_BUSY, "allow_busy");
    return w;
}

// The category of a family's data type, or NULL.
static const char *type_category(const char *family)
{
    static const char *const TYPES[][2] = {
        {"set", "@set"},
        {"set_combine", "@set"},
        {"hash_walk", "@hash"},
        {"zset", "@sortedset"},
        {"zset_range", "@sortedset"},
        {"zset_pop", "@sortedset"},
        {"zset_combine", "@sortedset"},
        {"list", "@list"},
        {"list_move", "@list"},
        {"hash", "@hash"},
        {"string", "@string"},
        {"bitmap", "@bitmap"},
        {"geo", "@geo"},
        {"geo_search", "@geo"},
        {"stream", "@stream"},
        {"hyperloglog", "@hyperloglog"},
        {"transaction", "@transaction"},
        {"scripting", "@scripting"},
    };
    for (size_t i = 0; i < sizeof TYPES / sizeof *TYPES; i++) {
        if (strcmp(family, TYPES[i][0]) == 0)
            return TYPES[i][1];
    }
    return NULL;
}

static struct words categories_of(const struct command_entry *e)
{
    static const char *const SORTED_TYPES[] = {"@set", "@sortedset", "@list"};
    uint32_t flags = e->row->flags;
    const char *type = type_category(e->family);
    bool of_server = type && (strcmp(type, "@transaction") == 0 || strcmp(type, "@scripting") == 0);
    struct words w = {.n = 0};

    add_word(&w, flags & CMD_KEYSPACE, "@keyspace");
    add_word(&w, command_readonly(e), "@read");
    add_word(&w, command_writes(e), "@write");
    add_word(&w, type && !of_server, type);
    for (size_t i = 0; i < sizeof SORTED_TYPES / sizeof *SORTED_TYPES; i++)
        add_word(&w, flags & CMD_OTHER_KEYS, SORTED_TYPES[i]);
    add_word(&w, flags & CMD_PUBSUB, "@pubsub");
    add_word(&w, flags & (CMD_ADMIN | CMD_ADMINISTRATIVE), "@admin");
    add_word(&w, flags & CMD_FAST, "@fast");
    add_word(&w, !(flags & CMD_FAST), "@slow");
    add_word(&w, flags & CMD_BLOCKING, "@blocking");
    add_word(&w, flags & (CMD_ADMIN | CMD_DANGEROUS), "@dangerous");
    add_word(&w, flags & CMD_CONNECTION, "@connection");
    add_word(&w, of_server, type);
    return w;
}

static bool has_category(const struct command_entry *e, struct bytes name)
{
    struct words w = categories_of(e);

    for (size_t i = 0; i < w.n; i++) {
        if (bytes_equal_nocase(name, w.at[i] + 1))
            return true;
    }
    return false;
}

// ---- key specifications -----------------------------------------------------------------------

// What the command does with its keys; `first` only matters where the first key is a special one.
static const char *use_of(const struct command *row, enum lock_class mode, bool first)
{
    const char *use = first ? row->key_use : row->rest_use;

    if (use)
        return use;
    if (mode != LOCK_WRITE)
        return "RO access";
    return first && (row->flags & CMD_READ_REST) ? "OW update" : "RW access update";
}

static void reply_type_and_spec(struct cmd_ctx *c, const char *type, size_t nfields)
{
    reply_map(c->reply, 2);
    reply_bulk_str(c->reply, "type");
    reply_bulk_str(c->reply, type);
    reply_bulk_str(c->reply, "spec");
    reply_map(c->reply, nfields);
}

static void reply_field(struct cmd_ctx *c, const char *name, int64_t value)
{
    reply_bulk_str(c->reply, name);
    reply_int(c->reply, value);
}

static void reply_spec(struct cmd_ctx *c, const char *use)
{
    reply_map(c->reply, 3);
    reply_bulk_str(c->reply, "flags");
    reply_split(c, use, reply_simple);
    reply_bulk_str(c->reply, "begin_search");
}

// Keys that are looked for from argument `index` on.
static void reply_spec_from(struct cmd_ctx *c, int index, const char *use)
{
    reply_spec(c, use);
    reply_type_and_spec(c, "index", 1);
    reply_field(c, "index", index);
    reply_bulk_str(c->reply, "find_keys");
}

static void reply_range(struct cmd_ctx *c, int lastkey, int keystep)
{
    reply_type_and_spec(c, "range", 3);
    reply_field(c, "lastkey", lastkey);
    reply_field(c, "keystep", keystep);
    reply_field(c, "limit", 0);
}

static void reply_range_spec(struct cmd_ctx *c, struct key_spec keys, const char *use)
{
    reply_spec_from(c, keys.first, use);
    reply_range(c, keys.last < 0 ? keys.last : keys.last - keys.first, keys.step);
}

// The key behind a word among the arguments from `from` on.
static void reply_keyword_spec(struct cmd_ctx *c, const char *word, int from, const char *use)
{
    reply_spec(c, use);
    reply_type_and_spec(c, "keyword", 2);
    reply_bulk_str(c->reply, "keyword");
    reply_bulk_str(c->reply, word);
    reply_field(c, "startfrom", from);
    reply_bulk_str(c->reply, "find_keys");
    reply_range(c, 0, 1);
}

static void reply_counted_spec(struct cmd_ctx *c, int numkeys, const char *use)
{
    reply_spec_from(c, numkeys, use);
    reply_type_and_spec(c, "keynum", 3);
    reply_field(c, "keynumidx", 0);
    reply_field(c, "firstkey", 1);
    reply_field(c, "keystep", 1);
}

// Keys that only the command's own function finds.
static void reply_unknown_spec(struct cmd_ctx *c, const char *use)
{
    reply_spec(c, use);
    reply_type_and_spec(c, "unknown", 0);
    reply_bulk_str(c->reply, "find_keys");
    reply_type_and_spec(c, "unknown", 0);
}

// Two keys of which both may change play different parts (RENAME): each has a specification of its
// own.
static bool is_pair(const struct command *row)
{
    return row->lock == LOCK_WRITE && row->keys.last == row->keys.first + 1 && row->keys.step == 1;
}

static unsigned count_key_specs(const struct command *row)
{
    if (row->numkeys)
        return row->keys.first ? 2 : 1;
    if (row->store_options)
        return 3;
    if (row->flags & CMD_OTHER_KEYS) // what is sorted, what is found in it, what is stored
        return row->lock == LOCK_WRITE ? 3 : 2;
    if (row->keys.first == 0)
        return row->getkeys && !(row->flags & CMD_HIDDEN_KEYS);
    return (row->flags & CMD_READ_REST) || is_pair(row) ? 2 : 1;
}

static void reply_key_specs(struct cmd_ctx *c, const struct command *row)
{
    bool read_rest = row->flags & CMD_READ_REST;
    struct key_spec first = {row->keys.first, row->keys.first, 1};
    struct key_spec rest = {row->keys.first + 1, row->keys.last, row->keys.step};
    unsigned n = count_key_specs(row);

    reply_set(c->reply, n);
    if (row->numkeys) {
        if (n == 2)
            reply_range_spec(c, first, use_of(row, LOCK_WRITE, true));
        reply_counted_spec(c, row->numkeys, use_of(row, read_rest ? LOCK_READ : row->lock, n == 1));
    } else if (row->store_options) {
        reply_range_spec(c, first, use_of(row, LOCK_READ, true));
        reply_keyword_spec(c, "STORE", row->store_options, use_of(row, LOCK_WRITE, false));
        reply_keyword_spec(c, "STOREDIST", row->store_options, use_of(row, LOCK_WRITE, false));
    } else if (row->flags & CMD_OTHER_KEYS) {
        reply_range_spec(c, first, "RO access");
        reply_unknown_spec(c, "RO access");
        if (n == 3)
            reply_unknown_spec(c, "OW update");
    } else if (n == 2) {
        reply_range_spec(c, first, use_of(row, LOCK_WRITE, true));
        reply_range_spec(c, rest, use_of(row, read_rest ? LOCK_READ : LOCK_WRITE, false));
    } else if (row->keys.first) {
        reply_range_spec(c, row->keys, use_of(row, row->lock, true));
    } else if (n) {
        reply_unknown_spec(c, row->lock == LOCK_WRITE ? "RW access update incomplete"
                                                      : "RO access incomplete");
    }
}

// ---- COMMAND, COMMAND INFO, COMMAND COUNT -----------------------------------------------------

static void reply_info(struct cmd_ctx *c, const struct command_entry *e, bool with_subcommands)
{
    struct words flags = flags_of(e), categories = categories_of(e);
    unsigned nsubs = with_subcommands ? e->nchildren : 0;

    reply_array(c->reply, 10);
    reply_bulk_str(c->reply, e->full_name);
    reply_int(c->reply, e->row->arity);
    reply_words(c, &flags);
    reply_int(c->reply, e->row->keys.first);
    reply_int(c->reply, e->row->keys.last);
    reply_int(c->reply, e->row->keys.step);
    reply_words(c, &categories);
    reply_split(c, e->row->tips ? e->row->tips : "", reply_bulk_str);
    reply_key_specs(c, e->row);
    reply_set(c->reply, nsubs);
    for (unsigned i = 0; i < nsubs; i++) // they have no subcommands of their own
        reply_info(c, registry_at(e->first_child + i), false);
}

static unsigned count_top_level(void)
{
    unsigned n = 0;

    for (unsigned id = 0; id < registry_count(); id++)
        n += registry_at(id)->parent == NULL;
    return n;
}

static void cmd_command(struct cmd_ctx *c)
{
    reply_array(c->reply, count_top_level());
    for (unsigned id = 0; id < registry_count(); id++) {
        if (!registry_at(id)->parent)
            reply_info(c, registry_at(id), true);
    }
}

static void cmd_command_count(struct cmd_ctx *c)
{
    reply_int(c->reply, count_top_level());
}

// "get", "config", "config|get"; NULL when there is none.
static const struct command_entry *find_by_full_name(struct bytes name)
{
    const char *bar = name.len ? memchr(name.data, '|', name.len) : NULL;

    if (!bar)
        return registry_find(name);
    size_t before = (size_t)(bar - name.data);
    const struct command_entry *e = registry_find((struct bytes){name.data, before});
    return e ? registry_find_sub(e, (struct bytes){bar + 1, name.len - before - 1}) : NULL;
}

static void cmd_command_info(struct cmd_ctx *c)
{
    if (c->argc == 2) {
        cmd_command(c);
        return;
    }
    reply_array(c->reply, (size_t)c->argc - 2);
    for (int i = 2; i < c->argc; i++) {
        const struct command_entry *e = find_by_full_name(c->argv[i]);
        if (e)
            reply_info(c, e, true);
        else
            reply_null(c->reply);
    }
}

// ---- COMMAND DOCS -----------------------------------------------------------------------------

// The group of the command in Redis's documentation; as a rule that is the family.
static const char *group_of(const struct command_entry *e)
{
    // clang-format off
    static const char *const FAMILIES[][2] = {
        {"client", "connection"},
        {"command", "server"},
        {"config", "server"},
        {"database", "server"},
        {"debug", "server"},
        {"memory", "server"},
        {"expire", "generic"},
        {"object", "generic"},
        {"dump", "generic"},
        {"scan", "generic"},
        {"sort", "generic"},
        {"set_combine", "set"},
        {"hash_walk", "hash"},
        {"list_move", "list"},
        {"zset", "sorted-set"},
        {"zset_range", "sorted-set"},
        {"zset_pop", "sorted-set"},
        {"zset_combine", "sorted-set"},
        {"geo_search", "geo"},
        {"transaction", "transactions"},
    };
    // clang-format on

    for (size_t i = 0; i < sizeof FAMILIES / sizeof *FAMILIES; i++) {
        if (strcmp(e->family, FAMILIES[i][0]) == 0)
            return FAMILIES[i][1];
    }
    return e->family;
}

static void reply_lower(struct cmd_ctx *c, struct bytes s)
{
    char lower[64];
    size_t n = s.len < sizeof lower ? s.len : sizeof lower;

    for (size_t i = 0; i < n; i++)
        lower[i] = bytes_lower(s.data[i]);
    reply_bulk(c->reply, lower, n);
}

// What the arguments of one command are written from.
struct docs {
    struct cmd_ctx *c;
    const struct command *row;
    struct syntax syntax;
    unsigned nkeys; // key arguments seen so far
};

static void reply_arguments(struct docs *d, unsigned parent);

static void reply_argument_flags(struct cmd_ctx *c, unsigned flags)
{
    struct words w = {.n = 0};

    add_word(&w, flags & SYNTAX_OPTIONAL, "optional");
    add_word(&w, flags & SYNTAX_MULTIPLE, "multiple");
    add_word(&w, flags & SYNTAX_MULTIPLE_TOKEN, "multiple_token");
    reply_bulk_str(c->reply, "flags");
    reply_words(c, &w);
}

static void reply_argument(struct docs *d, unsigned i)
{
    struct reply *r = d->c->reply;
    const struct syntax_node *node = &d->syntax.nodes[i];
    const char *type = syntax_type(node);
    unsigned nspecs = count_key_specs(d->row);
    bool is_key = strcmp(type, "key") == 0;

    if (is_key && nspecs == 0) {
        is_key = false;
        type = "string";
    }
    reply_map(r, 2 + (size_t)is_key + (node->token.len != 0) + (node->flags != 0) +
                     (node->nchildren != 0));
    reply_bulk_str(r, "name");
    reply_lower(d->c, node->name);
    reply_bulk_str(r, "type");
    reply_bulk_str(r, type);
    if (is_key) {
        // The first specification is of one key when there are two.
        reply_field(d->c, "key_spec_index", d->nkeys < nspecs ? d->nkeys : nspecs - 1);
        d->nkeys++;
    }
    if (node->token.len) {
        reply_bulk_str(r, "token");
        reply_bulk_bytes(r, node->token);
    }
    if (node->flags)
        reply_argument_flags(d->c, node->flags);
    if (node->nchildren) {
        reply_bulk_str(r, "arguments");
        reply_arguments(d, i);
    }
}

// As deep as the syntax nests, which syntax_parse() limits.
static void reply_arguments(struct docs *d, unsigned parent)
{
    reply_array(d->c->reply, d->syntax.nodes[parent].nchildren);
    for (unsigned i = d->syntax.nodes[parent].child; i; i = d->syntax.nodes[i].next)
        reply_argument(d, i);
}

// The name and the map of a command's documentation.
static void reply_docs(struct cmd_ctx *c, const struct command_entry *e, bool with_subcommands)
{
    struct docs d = {.c = c, .row = e->row};
    unsigned nsubs = with_subcommands ? e->nchildren : 0;
    bool has_arguments = syntax_parse(e->row->syntax, &d.syntax) && d.syntax.nodes[0].nchildren > 0;

    reply_bulk_str(c->reply, e->full_name);
    reply_map(c->reply, 3 + (size_t)has_arguments + (nsubs > 0));
    reply_bulk_str(c->reply, "summary");
    reply_bulk_str(c->reply, e->row->summary);
    reply_bulk_str(c->reply, "since");
    reply_bulk_str(c->reply, e->row->since);
    reply_bulk_str(c->reply, "group");
    reply_bulk_str(c->reply, group_of(e));
    if (has_arguments) {
        reply_bulk_str(c->reply, "arguments");
        reply_arguments(&d, 0);
    }
    if (nsubs) {
        reply_bulk_str(c->reply, "subcommands");
        reply_map(c->reply, nsubs);
        for (unsigned i = 0; i < nsubs; i++) // one level deep
            reply_docs(c, registry_at(e->first_child + i), false);
    }
}

static void cmd_command_docs(struct cmd_ctx *c)
{
    if (c->argc == 2) {
        reply_map(c->reply, count_top_level());
        for (unsigned id = 0; id < registry_count(); id++) {
            if (!registry_at(id)->parent)
                reply_docs(c, registry_at(id), true);
        }
        return;
    }
    size_t n = 0, at = reply_deferred_begin(c->reply);
    for (int i = 2; i < c->argc; i++) {
        const struct command_entry *e = find_by_full_name(c->argv[i]);
        if (!e)
            continue;
        reply_docs(c, e, true);
        n++;
    }
    reply_deferred_map(c->reply, at, n);
}

// ---- COMMAND LIST -----------------------------------------------------------------------------

enum filter { FILTER_NONE, FILTER_MODULE, FILTER_CATEGORY, FILTER_PATTERN };

static bool passes(const struct command_entry *e, enum filter filter, struct bytes value)
{
    switch (filter) {
    case FILTER_NONE:
        return true;
    case FILTER_MODULE:
        return false; // there are no modules
    case FILTER_CATEGORY:
        return has_category(e, value);
    case FILTER_PATTERN:
        return glob_match(value, bytes_of(e->full_name), true);
    }
    return false;
}

static void cmd_command_list(struct cmd_ctx *c)
{
    enum filter filter = FILTER_NONE;
    struct bytes value = BYTES("");

    if (c->argc == 5 && cmd_arg_is(c, 2, "filterby")) {
        if (cmd_arg_is(c, 3, "module"))
            filter = FILTER_MODULE;
        else if (cmd_arg_is(c, 3, "aclcat"))
            filter = FILTER_CATEGORY;
        else if (cmd_arg_is(c, 3, "pattern"))
            filter = FILTER_PATTERN;
        value = c->argv[4];
    }
    if (c->argc != 2 && filter == FILTER_NONE) {
        cmd_reply_syntax(c);
        return;
    }
    size_t n = 0, at = reply_deferred_begin(c->reply);
    for (unsigned id = 0; id < registry_count(); id++) {
        if (!passes(registry_at(id), filter, value))
            continue;
        reply_bulk_str(c->reply, registry_at(id)->full_name);
        n++;
    }
    reply_deferred_array(c->reply, at, n);
}

// ---- COMMAND GETKEYS, COMMAND GETKEYSANDFLAGS -------------------------------------------------

struct key_listing {
    struct cmd_ctx *c;
    const struct command_entry *e;
    bool with_flags;
    int n;
};

// What the call that is asked about does to a key.
static const char *use_in_call(const struct key_listing *l, enum lock_class mode, bool first)
{
    struct cmd_ctx call = *l->c;

    if (!first || !l->e->row->call_use)
        return use_of(l->e->row, mode, first);
    call.argc -= 2;
    call.argv += 2;
    return l->e->row->call_use(&call);
}

static void list_key(int arg, enum lock_class mode, void *ctx)
{
    struct key_listing *l = ctx;
    struct cmd_ctx *c = l->c;

    if (l->with_flags) {
        bool first = l->n++ == 0 || count_key_specs(l->e->row) == 1;
        reply_array(c->reply, 2);
        reply_bulk_bytes(c->reply, c->argv[2 + arg]);
        reply_split(c, use_in_call(l, mode, first), reply_simple);
    } else {
        reply_bulk_bytes(c->reply, c->argv[2 + arg]);
    }
}

// The command that the arguments from the third on are; NULL: an error was replied.
static const struct command_entry *find_inner(struct cmd_ctx *c)
{
    const struct command_entry *e = registry_find(c->argv[2]);

    if (e && e->nchildren && c->argc > 3)
        e = registry_find_sub(e, c->argv[3]);
    if (!e) {
        reply_error(c->reply, "Invalid command specified");
        return NULL;
    }
    if (!command_has_keys(e)) {
        reply_error(c->reply, "The command has no key arguments");
        return NULL;
    }
    int argc = c->argc - 2, arity = e->row->arity;
    if (arity > 0 ? argc != arity : argc < -arity) {
        reply_error(c->reply, "Invalid number of arguments specified for command");
        return NULL;
    }
    return e;
}

// Whether there is nothing behind the first key where others must follow, so far as the table tells
// (PFMERGE of one key, which is good all the same). Redis then finds no keys at all.
static bool lacks_rest(const struct command *row, int n)
{
    return (row->flags & CMD_READ_REST) && !row->numkeys && n == 1;
}

static void list_keys(struct cmd_ctx *c, bool with_flags)
{
    struct key_listing l = {.c = c, .e = find_inner(c), .with_flags = with_flags};

    if (!l.e)
        return;
    size_t mark = reply_mark(c->reply);
    size_t at = reply_deferred_begin(c->reply);
    int n = exec_keys_of(c, l.e, c->argc - 2, c->argv + 2, list_key, &l);
    if (n > 0 && !lacks_rest(l.e->row, n)) {
        reply_deferred_array(c->reply, at, (size_t)n);
        return;
    }
    reply_truncate(c->reply, mark);
    if (n < 0)
        cmd_reply_status(c, STATUS_NO_MEMORY);
    else
        reply_error(c->reply, "Invalid arguments specified for command");
}

static void cmd_command_getkeys(struct cmd_ctx *c)
{
    list_keys(c, false);
}

static void cmd_command_getkeysandflags(struct cmd_ctx *c)
{
    list_keys(c, true);
}

static void cmd_command_help(struct cmd_ctx *c)
{
    static const char *const LINES[] = {
        "(no subcommand)",
        "    The table of all commands.",
        "COUNT",
        "    How many commands there are.",
        "DOCS [<command-name> ...]",
        "    Summaries and arguments of these commands, or of all.",
        "GETKEYS <full-command>",
        "    Which of the command's arguments are keys.",
        "GETKEYSANDFLAGS <full-command>",
        "    The same with what the command does to each key.",
        "INFO [<command-name> ...]",
        "    The rows of these commands in the table, or all.",
        "LIST [FILTERBY (MODULE <name> | ACLCAT <category> | PATTERN <pattern>)]",
        "    The commands' names.",
        NULL,
    };
    cmd_reply_help(c, LINES);
}

enum { ANY_TIME = CMD_LOADING | CMD_STALE | CMD_CONNECTION };

// clang-format off
static const struct command subcommands[] = {
    {"count", 2, NO_KEYS, LOCK_NONE, ANY_TIME, cmd_command_count, "", "2.8.13",
     "How many commands there are."},
    {"docs", -2, NO_KEYS, LOCK_NONE, ANY_TIME, cmd_command_docs,
     "[command-name [command-name ...]]", "7.0.0", "Summaries and arguments of commands.",
     .tips = "nondeterministic_output_order"},
    {"getkeys", -4, NO_KEYS, LOCK_NONE, ANY_TIME, cmd_command_getkeys,
     "", "2.8.13", "Which arguments of a command are keys."},
    {"getkeysandflags", -4, NO_KEYS, LOCK_NONE, ANY_TIME, cmd_command_getkeysandflags,
     "", "7.0.0", "Which arguments are keys, and what happens to them."},
    {"help", 2, NO_KEYS, LOCK_NONE, ANY_TIME, cmd_command_help, "", "5.0.0",
     "Lists the subcommands."},
    {"info", -2, NO_KEYS, LOCK_NONE, ANY_TIME, cmd_command_info,
     "[command-name [command-name ...]]", "2.8.13", "The rows of commands in the table.",
     .tips = "nondeterministic_output_order"},
    {"list", -2, NO_KEYS, LOCK_NONE, ANY_TIME, cmd_command_list,
     "[FILTERBY <MODULE module-name | ACLCAT category | PATTERN pattern>]", "7.0.0",
     "The names of commands.",
     .tips = "nondeterministic_output_order"},
    COMMANDS_END,
};

COMMANDS(command) = {
    {"command", -1, NO_KEYS, LOCK_NONE, ANY_TIME, cmd_command, "", "2.8.13",
     "The table of all commands.", .subcommands = subcommands,
     .tips = "nondeterministic_output_order"},
    COMMANDS_END,
};
