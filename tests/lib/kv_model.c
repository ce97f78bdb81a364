// SPDX-License-Identifier: MIT
#include "tests/lib/kv_model.h"

#include <stdlib.h>
#include <string.h>

#include "tests/lib/check.h"
#include "tests/lib/kv_command.h"
#include "tests/lib/reply_text.h"

static const struct kv_command *const FAMILIES[] = {
    kv_generic_commands, kv_string_commands, kv_set_commands,
    kv_hash_commands,    kv_list_commands,   kv_zset_commands,
};

// A command as it is run: looked up, its keys numbered, its reply normalised.
struct step {
    const struct kv_command *row;
    const struct history_step *recorded;
    int *keys, nkeys;
    char *reply; // NULL: none came
};

struct op {
    struct step *steps;
    int nsteps;
    bool known; // all replies came: there is one choice only
};

struct group {
    struct kv_pool *pool;
    struct op *ops;
    int nops;
    struct bytes *names; // of the keys, by number
    int nnames;
    struct strbuf reply, sorted;
};

static void *allocate(int n, size_t size)
{
    void *block = calloc((size_t)n + 1, size);

    check(block != NULL);
    return block;
}

static const struct kv_command *find_row(struct bytes name)
{
    for (size_t i = 0; i < sizeof FAMILIES / sizeof FAMILIES[0]; i++) {
        for (const struct kv_command *row = FAMILIES[i]; row->name; row++) {
            if (bytes_equal_nocase(name, row->name))
                return row;
        }
    }
    fprintf(stderr, "the model has no command '%.*s'\n", bytes_precision(name), name.data);
    abort();
}

// The arguments that are keys; returns how many.
static int key_args(const struct kv_command *row, int argc, const struct bytes *argv, int *args)
{
    int last = row->last_key < 0 ? argc + row->last_key : row->last_key;
    int64_t counted = 0;
    int n = 0;

    for (int i = row->first_key; i > 0 && i <= last && i < argc; i += row->key_step)
        args[n++] = i;
    if (row->numkeys_at)
        check(kv_integer(argv[row->numkeys_at], &counted) && row->numkeys_at + counted < argc);
    for (int i = 1; i <= counted; i++)
        args[n++] = row->numkeys_at + i;
    return n;
}

static int model_keys(const struct history_op *op, struct bytes *keys, int max)
{
    int n = 0;

    for (int i = 0; i < op->nsteps; i++) {
        const struct history_step *step = &op->steps[i];
        const struct kv_command *row = find_row(step->argv[0]);
        int args[HISTORY_ARGS_MAX], nargs = key_args(row, step->argc, step->argv, args);
        if (row->flags & KV_ALL_KEYS)
            return LINEAR_ALL_KEYS;
        for (int k = 0; k < nargs; k++, n++) {
            check(n < max);
            keys[n] = step->argv[args[k]];
        }
    }
    return n;
}

// ---- a group of operations ----------------------------------------------------------------------

static int number_of_key(struct group *g, struct bytes name)
{
    for (int i = 0; i < g->nnames; i++) {
        if (bytes_equal(g->names[i], name))
            return i;
    }
    g->names = realloc(g->names, (size_t)(g->nnames + 1) * sizeof *g->names);
    check(g->names != NULL);
    g->names[g->nnames] = name;
    return g->nnames++;
}

static void normalise(const struct kv_command *row, const char *reply, struct strbuf *out)
{
    strbuf_clear(out);
    if (row->flags & KV_UNORDERED)
        reply_text_sort(reply, 1, out);
    else if (row->flags & KV_PAIRS)
        reply_text_sort(reply, 2, out);
    else
        strbuf_addf(out, "%s", reply);
}

static void open_step(struct group *g, const struct history_step *recorded, struct step *step)
{
    int args[HISTORY_ARGS_MAX];

    step->row = find_row(recorded->argv[0]);
    step->recorded = recorded;
    step->nkeys = key_args(step->row, recorded->argc, recorded->argv, args);
    step->keys = allocate(step->nkeys, sizeof *step->keys);
    for (int i = 0; i < step->nkeys; i++)
        step->keys[i] = number_of_key(g, recorded->argv[args[i]]);
    if (recorded->reply) {
        normalise(step->row, recorded->reply, &g->sorted);
        step->reply = strdup(g->sorted.data);
    }
}

static void *model_open(const struct history_op *const *ops, int nops)
{
    struct group *g = allocate(1, sizeof *g);

    g->pool = kv_pool_new();
    g->ops = allocate(nops, sizeof *g->ops);
    g->nops = nops;
    for (int i = 0; i < nops; i++) {
        struct op *op = &g->ops[i];
        op->nsteps = ops[i]->nsteps;
        op->steps = allocate(op->nsteps, sizeof *op->steps);
        op->known = true;
        for (int k = 0; k < op->nsteps; k++) {
            open_step(g, &ops[i]->steps[k], &op->steps[k]);
            op->known &= op->steps[k].reply != NULL;
        }
    }
    return g;
}

static void model_close(void *group)
{
    struct group *g = group;

    for (int i = 0; i < g->nops; i++) {
        for (int k = 0; k < g->ops[i].nsteps; k++) {
            free(g->ops[i].steps[k].keys);
            free(g->ops[i].steps[k].reply);
        }
        free(g->ops[i].steps);
    }
    free(g->ops);
    free(g->names);
    strbuf_free(&g->reply);
    strbuf_free(&g->sorted);
    kv_pool_free(g->pool);
    free(g);
}

static size_t model_state_bytes(const void *group)
{
    const struct group *g = group;

    return (size_t)g->nnames * sizeof(uint32_t);
}

// ---- running ------------------------------------------------------------------------------------

// False: the recorded reply is another one.
static bool run_step(struct group *g, const struct step *step, struct kv_run *run)
{
    run->row = step->row;
    run->argc = step->recorded->argc;
    run->argv = step->recorded->argv;
    run->keys = step->keys;
    run->nkeys = step->nkeys;
    run->recorded = step->reply;
    strbuf_clear(&g->reply);
    run->row->run(run);
    if (run->impossible)
        return false;
    if (!step->reply)
        return true;
    if (!(step->row->flags & (KV_UNORDERED | KV_PAIRS)))
        return strcmp(g->reply.data, step->reply) == 0;
    normalise(step->row, g->reply.data, &g->sorted);
    return strcmp(g->sorted.data, step->reply) == 0;
}

static enum linear_answer model_apply(void *group, int number, unsigned choice, const void *before,
                                      void *after)
{
    struct group *g = group;
    const struct op *op = &g->ops[number];
    struct kv_run run = {.pool = g->pool,
                         .state = after,
                         .nstate = g->nnames,
                         .reply = &g->reply,
                         .choice = choice,
                         .ways = 1};
    bool agrees = true;

    if (choice > 0 && op->known)
        return LINEAR_END;
    memcpy(after, before, model_state_bytes(g));
    for (int i = 0; i < op->nsteps && agrees; i++)
        agrees = run_step(g, &op->steps[i], &run);
    if (choice >= run.ways)
        return LINEAR_END;
    return agrees ? LINEAR_YES : LINEAR_NO;
}

static bool model_pure(const void *group, int number)
{
    const struct op *op = &((const struct group *)group)->ops[number];

    for (int i = 0; i < op->nsteps; i++) {
        if (!(op->steps[i].row->flags & KV_READ))
            return false;
    }
    return true;
}

static void print_value(const struct kv_value *v, struct strbuf *out)
{
    static const char *const BRACKETS[] = {
        [KV_STRING] = "", [KV_SET] = "{}", [KV_HASH] = "{}", [KV_LIST] = "[]", [KV_ZSET] = "()",
    };
    bool pairs = v->type == KV_HASH || v->type == KV_ZSET;

    strbuf_add(out, BRACKETS[v->type], v->type != KV_STRING);
    for (int i = 0; i < v->n; i++) {
        if (i > 0)
            strbuf_addf(out, pairs && i % 2 ? ":" : " ");
        strbuf_add_quoted(out, v->items[i].data, v->items[i].len);
    }
    strbuf_add(out, BRACKETS[v->type] + (v->type != KV_STRING), v->type != KV_STRING);
}

// Keys that do not exist are left out.
static void model_print(const void *group, const void *state, struct strbuf *out)
{
    const struct group *g = group;
    const uint32_t *numbers = state;
    bool empty = true;

    for (int i = 0; i < g->nnames; i++) {
        if (numbers[i] == KV_ABSENT)
            continue;
        strbuf_addf(out, "%s%.*s=", empty ? "" : " ", bytes_precision(g->names[i]),
                    g->names[i].data);
        print_value(kv_value(g->pool, numbers[i]), out);
        empty = false;
    }
    if (empty)
        strbuf_addf(out, "no keys");
}

const struct linear_model kv_model = {
    .keys = model_keys,
    .open = model_open,
    .close = model_close,
    .state_bytes = model_state_bytes,
    .apply = model_apply,
    .pure = model_pure,
    .print = model_print,
};

// ---- for commands -------------------------------------------------------------------------------

uint32_t *kv_slot(const struct kv_run *r, int i)
{
    check(i < r->nkeys);
    return &r->state[r->keys[i]];
}

const struct kv_value *kv_get(const struct kv_run *r, int i)
{
    return kv_value(r->pool, *kv_slot(r, i));
}

const struct kv_value *kv_get_type(struct kv_run *r, int i, enum kv_type type)
{
    const struct kv_value *v = kv_get(r, i);

    if (v->type == KV_NONE || v->type == type)
        return v;
    kv_reply_error(r, "WRONGTYPE");
    return NULL;
}

void kv_put(struct kv_run *r, int i, enum kv_type type, const struct bytes *items, int n)
{
    *kv_slot(r, i) = kv_number(r->pool, type, items, n);
}

void kv_put_items(struct kv_run *r, int i, enum kv_type type, const struct kv_items *items)
{
    kv_put(r, i, type, items->items, items->n);
}

bool kv_delete(struct kv_run *r, int i)
{
    bool there = *kv_slot(r, i) != KV_ABSENT;

    *kv_slot(r, i) = KV_ABSENT;
    return there;
}

unsigned kv_choose(struct kv_run *r, unsigned n)
{
    // How many ways the second of two has would depend on which way the first went.
    check_int(r->ways, 1);
    r->ways = n;
    return r->choice % n;
}

bool kv_arg_is(const struct kv_run *r, int arg, const char *word)
{
    return arg < r->argc && bytes_equal_nocase(r->argv[arg], word);
}

bool kv_integer(struct bytes text, int64_t *out)
{
    char digits[24];
    char *end;

    if (text.len == 0 || text.len >= sizeof digits)
        return false;
    memcpy(digits, text.data, text.len);
    digits[text.len] = '\0';
    *out = strtoll(digits, &end, 10);
    return *end == '\0';
}

struct bytes kv_integer_text(int64_t n, char room[KV_INTEGER_CHARS])
{
    return (struct bytes){room, (size_t)snprintf(room, KV_INTEGER_CHARS, "%" PRId64, n)};
}

int kv_range(const struct kv_run *r, int arg, int n, int *first)
{
    int64_t from, to;

    check(kv_integer(r->argv[arg], &from) && kv_integer(r->argv[arg + 1], &to));
    from += from < 0 ? n : 0;
    to += to < 0 ? n : 0;
    from = from < 0 ? 0 : from;
    to = to < n ? to : n - 1;
    *first = (int)from;
    return from <= to ? (int)(to - from + 1) : 0;
}

void kv_reply_ok(struct kv_run *r)
{
    strbuf_addf(r->reply, "OK");
}

void kv_reply_nil(struct kv_run *r)
{
    strbuf_addf(r->reply, "(nil)");
}

void kv_reply_int(struct kv_run *r, int64_t n)
{
    strbuf_addf(r->reply, ":%" PRId64, n);
}

void kv_reply_bulk(struct kv_run *r, struct bytes text)
{
    strbuf_add_quoted(r->reply, text.data, text.len);
}

void kv_reply_array(struct kv_run *r, const struct bytes *items, int n)
{
    kv_reply_every(r, items, n, 1);
}

void kv_reply_every(struct kv_run *r, const struct bytes *items, int n, int step)
{
    strbuf_addf(r->reply, "[");
    for (int i = 0; i < n; i += step) {
        strbuf_addf(r->reply, i ? " " : "");
        kv_reply_bulk(r, items[i]);
    }
    strbuf_addf(r->reply, "]");
}

void kv_reply_error(struct kv_run *r, const char *code)
{
    strbuf_addf(r->reply, "-%s", code);
}
