// SPDX-License-Identifier: MIT
//
// SORT and SORT_RO.
//
// The elements are loaded, their weights looked up, sorted, and what GET asks for is looked up. All
// keys that are looked up stay locked to the end, so the whole is one instant; when one cannot be
// had at once the command is run again (key_other()).
#include <string.h>

#include "datatypes/hash.h"
#include "datatypes/list.h"
#include "datatypes/mem.h"
#include "datatypes/set.h"
#include "datatypes/str.h"
#include "datatypes/zset.h"
#include "server/engine/arena.h"
#include "server/engine/cmd.h"
#include "server/engine/sort_order.h"
#include "server/engine/work.h"

enum { WORK_OF_LOOKUP = 8 }; // units for a key that is found and locked

// ---- options ------------------------------------------------------------------------------------

enum option { ASC, DESC, ALPHA, LIMIT, STORE, BY, GET, NO_OPTION };

// The option at argument *arg, which moves behind it.
static enum option next_option(const struct cmd_ctx *c, int *arg)
{
    static const struct {
        const char *word;
        int operands;
    } OPTIONS[] = {
        [ASC] = {"asc", 0},     [DESC] = {"desc", 0},   [ALPHA] = {"alpha", 0},
        [LIMIT] = {"limit", 2}, [STORE] = {"store", 1}, [BY] = {"by", 1},
        [GET] = {"get", 1},
    };
    bool stores = c->cmd->row->lock == LOCK_WRITE;

    for (enum option o = ASC; o < NO_OPTION; o++) {
        if (!cmd_arg_is(c, *arg, OPTIONS[o].word) || OPTIONS[o].operands >= c->argc - *arg ||
            (o == STORE && !stores))
            continue;
        *arg += 1 + OPTIONS[o].operands;
        return o;
    }
    return NO_OPTION;
}

// BY and GET: the name of a key made of an element, "weight_*" or "object_*->field".
struct pattern {
    bool names_key;              // has a '*'
    bool is_element;             // GET #
    struct bytes prefix, suffix; // around the element
    struct bytes field;          // of the hash under the key; data NULL: the key holds a string
};

static void parse_pattern(struct bytes text, struct pattern *p)
{
    const char *star = text.len > 0 ? memchr(text.data, '*', text.len) : NULL, *end, *arrow;

    *p = (struct pattern){.is_element = text.len == 1 && text.data[0] == '#'};
    if (!star)
        return;
    end = text.data + text.len;
    p->names_key = true;
    p->prefix = (struct bytes){text.data, (size_t)(star - text.data)};
    arrow = memmem(star + 1, (size_t)(end - star - 1), "->", 2);
    if (arrow && arrow + 2 < end)
        p->field = (struct bytes){arrow + 2, (size_t)(end - arrow - 2)};
    else
        arrow = end;
    p->suffix = (struct bytes){star + 1, (size_t)(arrow - star - 1)};
}

struct sort {
    struct cmd_ctx *c;
    bool alpha, descending, unsorted, stores;
    int64_t limit_start, limit_count; // the latter negative: no limit
    bool has_by;
    struct pattern by;
    size_t ngets;
    struct pattern *gets;

    struct value source;
    size_t first, n; // of all elements in order, those that are asked for
    size_t nitems;
    struct sort_item *items;
    const struct sort_item **order;
    struct value *got; // for each of the `n` elements, what each GET found
    struct value list; // of the results, for STORE

    struct arena memory; // `gets`, and texts that lie in no value
    char *name;          // room for the name of a key
    size_t name_size;
    enum status status; // not STATUS_OK: the command is answered so
};

static bool add_get(struct sort *s, struct bytes text)
{
    // As many as arguments are left; SORT has one GET, rarely two.
    if (!s->gets)
        s->gets = arena_take(&s->memory, (size_t)s->c->argc / 2 * sizeof *s->gets);
    if (!s->gets) {
        s->status = STATUS_NO_MEMORY;
        return false;
    }
    parse_pattern(text, &s->gets[s->ngets++]);
    return true;
}

// The option that ended before argument `next`.
static bool apply_option(struct sort *s, enum option o, int next)
{
    struct cmd_ctx *c = s->c;
    struct bytes last = c->argv[next - 1];

    switch (o) {
    case ASC:
    case DESC:
        s->descending = o == DESC;
        return true;
    case ALPHA:
        s->alpha = true;
        return true;
    case LIMIT:
        return cmd_arg_i64(c, next - 2, &s->limit_start) &&
               cmd_arg_i64(c, next - 1, &s->limit_count);
    case STORE:
        s->stores = true;
        return true;
    case BY:
        parse_pattern(last, &s->by);
        s->has_by = s->by.names_key;
        s->unsorted |= !s->by.names_key;
        return true;
    case GET:
        if (add_get(s, last))
            return true;
        cmd_reply_status(c, s->status);
        return false;
    default:
        cmd_reply_syntax(c);
        return false;
    }
}

// False: an error was replied.
static bool parse_options(struct sort *s)
{
    for (int arg = 2; arg < s->c->argc;) {
        enum option o = next_option(s->c, &arg);
        if (!apply_option(s, o, arg))
            return false;
    }
    return true;
}

static bool can_be_sorted(struct value v)
{
    enum value_type type = value_type(v);
    return type == TYPE_LIST || type == TYPE_SET || type == TYPE_ZSET;
}

// Which elements are asked for, by LIMIT.
static void choose_range(struct sort *s)
{
    size_t count = value_is_none(s->source) ? 0 : value_weight(s->source);

    s->first = s->limit_start < 0 ? 0 : (size_t)s->limit_start;
    if (s->first > count)
        s->first = count;
    s->n = count - s->first;
    if (s->limit_count >= 0 && (size_t)s->limit_count < s->n)
        s->n = (size_t)s->limit_count;
    // In no order: those that are not asked for are not loaded either.
    s->nitems = s->unsorted ? s->n : count;
}

// ---- loading ------------------------------------------------------------------------------------

// `volatile_data`: the bytes are about to be overwritten.
static bool add_item(struct sort *s, size_t i, struct bytes element, bool volatile_data)
{
    if (volatile_data) {
        element.data = arena_copy(&s->memory, element.data, element.len);
        if (!element.data) {
            s->status = STATUS_NO_MEMORY;
            return false;
        }
    }
    s->items[i].element = element;
    return cmd_step(s->c, 1);
}

static bool load_list(struct sort *s, size_t count)
{
    struct list_iter it;
    bool backwards = s->unsorted && s->descending;
    size_t skipped = s->unsorted ? s->first : 0;

    if (s->nitems == 0)
        return true;
    list_iter_init(&it, s->source, backwards ? count - 1 - skipped : skipped, backwards);
    for (size_t i = 0; i < s->nitems && list_iter_next(&it); i++) {
        struct bytes element = {it.element.data, it.element.len};
        if (!add_item(s, i, element, it.element.data == it.element.buf))
            return false;
    }
    return true;
}

static bool load_zset(struct sort *s, size_t count)
{
    struct zset_iter it;
    bool down = s->unsorted && s->descending;
    size_t skipped = s->unsorted ? s->first : 0;

    if (s->nitems == 0)
        return true;
    zset_iter_init(&it, s->source, down ? count - 1 - skipped : skipped, down);
    for (size_t i = 0; i < s->nitems && zset_iter_next(&it); i++) {
        if (!add_item(s, i, (struct bytes){it.member.data, it.member.len}, false))
            return false;
    }
    return true;
}

static bool load_set(struct sort *s)
{
    struct set_iter it;
    size_t skipped = s->unsorted ? s->first : 0;

    set_iter_init(&it, s->source);
    for (size_t i = 0; i < skipped && set_iter_next(&it); i++) {
        if (!cmd_step(s->c, 1))
            return false;
    }
    for (size_t i = 0; i < s->nitems && set_iter_next(&it); i++) {
        struct bytes element = {it.member.data, it.member.len};
        if (!add_item(s, i, element, it.member.data == it.member.buf))
            return false;
    }
    return true;
}

// Loads the elements; false: no memory, or the client has gone.
static bool load(struct sort *s)
{
    size_t count = value_is_none(s->source) ? 0 : value_weight(s->source);

    if (s->nitems == 0)
        return true;
    s->items = mem_alloc(s->nitems * sizeof *s->items);
    s->order = mem_alloc(s->nitems * sizeof *s->order);
    if (!s->items || !s->order) {
        s->status = STATUS_NO_MEMORY;
        return false;
    }
    switch (value_type(s->source)) {
    case TYPE_LIST:
        return load_list(s, count);
    case TYPE_ZSET:
        return load_zset(s, count);
    default:
        return load_set(s);
    }
}

// ---- keys made of elements ----------------------------------------------------------------------

static bool reserve_name(struct sort *s, size_t size)
{
    char *grown;

    if (size <= s->name_size)
        return true;
    grown = mem_realloc(s->name, 2 * size);
    if (!grown) {
        s->status = STATUS_NO_MEMORY;
        return false;
    }
    s->name = grown;
    s->name_size = 2 * size;
    return true;
}

static size_t append(char *to, size_t at, struct bytes text)
{
    if (text.len > 0)
        memcpy(to + at, text.data, text.len);
    return at + text.len;
}

// Finds the value of the pattern's key for an element. False: not yet, see key_other(), or no
// memory.
static bool look_up(struct sort *s, const struct pattern *p, struct bytes element,
                    struct value *out)
{
    size_t len = 0;

    *out = VALUE_ABSENT;
    if (!reserve_name(s, p->prefix.len + element.len + p->suffix.len + 1))
        return false;
    len = append(s->name, len, p->prefix);
    len = append(s->name, len, element);
    len = append(s->name, len, p->suffix);
    return key_other(s->c, (struct bytes){s->name, len}, out);
}

// The text that the pattern names in the value of its key; false: there is none.
static bool text_in(const struct pattern *p, struct value v, struct str_view *view)
{
    if (p->field.data)
        return value_type(v) == TYPE_HASH &&
               hash_get(v, p->field.data, p->field.len, &view->data, &view->len);
    if (value_type(v) != TYPE_STRING)
        return false;
    str_view(v, view);
    return true;
}

// ---- weights ------------------------------------------------------------------------------------

static void weigh(struct sort *s, struct sort_item *item, const struct str_view *view)
{
    struct bytes text = view ? (struct bytes){view->data, view->len} : SORT_BY_NOTHING;

    if (!s->alpha) {
        item->score = 0;
        enum status status = view ? sort_number(text, &item->score) : STATUS_OK;
        if (status != STATUS_OK)
            s->status = status;
        return;
    }
    if (view && view->data == view->buf) {
        text.data = arena_copy(&s->memory, text.data, text.len);
        if (!text.data)
            s->status = STATUS_NO_MEMORY;
    }
    item->by = text;
}

static bool weigh_by_keys(struct sort *s)
{
    for (size_t i = 0; i < s->nitems && s->status != STATUS_NO_MEMORY; i++) {
        struct sort_item *item = &s->items[i];
        struct str_view view;
        struct value v;
        if (look_up(s, &s->by, item->element, &v))
            weigh(s, item, text_in(&s->by, v, &view) ? &view : NULL);
        if (!cmd_step(s->c, WORK_OF_LOOKUP))
            return false;
    }
    return keys_complete(s->c) && s->status == STATUS_OK;
}

static bool weigh_elements(struct sort *s)
{
    for (size_t i = 0; i < s->nitems && s->status == STATUS_OK; i++) {
        struct sort_item *item = &s->items[i];
        struct str_view view = {.data = item->element.data, .len = item->element.len};
        weigh(s, item, &view);
        if (!cmd_step(s->c, 1))
            return false;
    }
    return s->status == STATUS_OK;
}

// Puts the elements into their order. False: as look_up(), or the client has gone.
static bool put_in_order(struct sort *s)
{
    if (s->unsorted) {
        for (size_t i = 0; i < s->nitems; i++)
            s->order[i] = &s->items[i];
        s->first = 0;
        return true;
    }
    if (s->nitems == 0)
        return true;
    if (!(s->has_by ? weigh_by_keys(s) : weigh_elements(s)))
        return false;
    if (sort_items(s->c, s->items, s->nitems, s->first + s->n, s->alpha, s->descending, s->order))
        return true;
    s->status = STATUS_NO_MEMORY;
    return false;
}

// ---- results ------------------------------------------------------------------------------------

// Looks up what GET asks for.
static bool get_all(struct sort *s)
{
    if (s->ngets == 0 || s->n == 0)
        return true;
    if (s->n > SIZE_MAX / sizeof *s->got / s->ngets ||
        !(s->got = mem_alloc(s->n * s->ngets * sizeof *s->got))) {
        s->status = STATUS_NO_MEMORY;
        return false;
    }
    for (size_t i = 0; i < s->n; i++) {
        for (size_t g = 0; g < s->ngets; g++) {
            struct value *v = &s->got[i * s->ngets + g];
            *v = VALUE_ABSENT;
            if (s->gets[g].names_key)
                (void)look_up(s, &s->gets[g], s->order[s->first + i]->element, v);
            if (s->status != STATUS_OK || !cmd_step(s->c, WORK_OF_LOOKUP))
                return false;
        }
    }
    return keys_complete(s->c);
}

// Calls fn for each text of the result; `text.data` NULL stands for nothing found.
static bool each_result(struct sort *s, bool (*fn)(struct sort *, struct bytes text))
{
    for (size_t i = 0; i < s->n; i++) {
        struct bytes element = s->order[s->first + i]->element;
        if (s->ngets == 0 && !fn(s, element))
            return false;
        for (size_t g = 0; g < s->ngets; g++) {
            const struct pattern *p = &s->gets[g];
            struct str_view view;
            struct bytes text = {NULL, 0};
            if (p->is_element)
                text = element;
            else if (p->names_key && text_in(p, s->got[i * s->ngets + g], &view))
                text = (struct bytes){view.len > 0 ? view.data : "", view.len};
            if (!fn(s, text))
                return false;
        }
    }
    return true;
}

static bool reply_text(struct sort *s, struct bytes text)
{
    if (text.data)
        cmd_reply_bulk(s->c, text.data, text.len);
    else
        reply_null(s->c->reply);
    return cmd_step(s->c, 1);
}

static bool push_text(struct sort *s, struct bytes text)
{
    s->status = list_push(s->c->types, s->list, CHUNK_BACK, text.data ? text.data : "", text.len);
    (void)cmd_step(s->c, 1);
    return s->status == STATUS_OK;
}

// Key 1 becomes the list of the results.
static void store_results(struct sort *s)
{
    size_t count = s->n * (s->ngets > 0 ? s->ngets : 1);

    if (count == 0) {
        key_delete(s->c, 1);
        reply_int(s->c->reply, 0);
        return;
    }
    s->status = list_new(s->c->types, 0, CHUNK_BACK, &s->list);
    if (s->status != STATUS_OK)
        return;
    if (!each_result(s, push_text)) {
        list_free(s->list);
        return;
    }
    key_set(s->c, 1, s->list);
    reply_int(s->c->reply, (int64_t)count);
}

static void sort(struct sort *s)
{
    choose_range(s);
    if (!load(s) || !put_in_order(s) || !get_all(s))
        return;
    if (s->stores) {
        store_results(s);
        return;
    }
    reply_array(s->c->reply, s->n * (s->ngets > 0 ? s->ngets : 1));
    (void)each_result(s, reply_text);
}

static void reply_failure(struct sort *s)
{
    if (s->status == STATUS_NOT_FLOAT)
        reply_error(s->c->reply, "One or more scores can't be converted into double");
    else
        cmd_reply_status(s->c, s->status);
}

/* SORT key [BY pattern] [LIMIT offset count] [GET pattern ...] [ASC | DESC] [ALPHA]
 * [STORE destination]  -> array, with STORE its length */
static void cmd_sort(struct cmd_ctx *c)
{
    struct sort s = {.c = c, .limit_count = -1, .status = STATUS_OK};

    if (parse_options(&s)) {
        s.source = key_get(c, 0);
        // What is stored has to be the same every time.
        if (s.unsorted && s.stores && value_type(s.source) == TYPE_SET) {
            s.unsorted = s.has_by = false;
            s.alpha = true;
        }
        if (!value_is_none(s.source) && !can_be_sorted(s.source))
            s.status = STATUS_WRONG_TYPE;
        else
            sort(&s);
        if (s.status != STATUS_OK && keys_complete(c))
            reply_failure(&s);
    }
    mem_free(s.items);
    mem_free(s.order);
    mem_free(s.got);
    mem_free(s.name);
    arena_free(&s.memory);
}

static void sort_keys(struct cmd_ctx *c)
{
    int destination = 0;

    cmd_add_key(c, 1, c->db, LOCK_READ);
    for (int arg = 2; arg < c->argc;) {
        enum option o = next_option(c, &arg);
        if (o == STORE)
            destination = arg - 1; // the last one counts
        if (o == NO_OPTION)        // SORT will say so; COMMAND GETKEYS goes on
            arg++;
    }
    if (destination)
        cmd_add_key(c, destination, c->db, LOCK_WRITE);
}

static uint64_t work_sort(struct cmd_ctx *c)
{
    struct value source = key_peek(c, 0);
    uint64_t n = can_be_sorted(source) ? value_weight(source) : 0, first = 0, wanted = n, gets = 0;
    bool by = false, unsorted = false;

    for (int arg = 2; arg < c->argc;) {
        enum option o = next_option(c, &arg);
        int64_t start, count;
        if (o == NO_OPTION)
            break;
        gets += o == GET;
        if (o == BY) {
            by = memchr(c->argv[arg - 1].data, '*', c->argv[arg - 1].len) != NULL;
            unsorted |= !by;
        }
        if (o == LIMIT && bytes_to_i64(c->argv[arg - 2], &start) &&
            bytes_to_i64(c->argv[arg - 1], &count)) {
            first = start < 0 ? 0 : (uint64_t)start < n ? (uint64_t)start : n;
            wanted = count < 0 || (uint64_t)count > n - first ? n - first : (uint64_t)count;
        }
    }
    uint64_t work = unsorted && value_type(source) != TYPE_SET ? wanted : n;
    if (!unsorted)
        work += sort_items_work(n, first + wanted) + (by ? n * WORK_OF_LOOKUP : 0);
    return work + wanted * (1 + gets * WORK_OF_LOOKUP);
}

// clang-format off
COMMANDS(sort) = {
    {"sort", -2, KEYS(1, 1, 1), LOCK_WRITE, CMD_DENYOOM | CMD_DANGEROUS | CMD_OTHER_KEYS, cmd_sort,
     "key [BY pattern] [LIMIT offset count] [GET pattern [GET pattern ...]] [ASC | DESC] [ALPHA] [STORE destination]",
     "1.0.0", "Sorts the elements of a list, set or sorted set, and perhaps stores the result.",
     .rest_use = "OW update",
     .getkeys = sort_keys, .work = work_sort},
    {"sort_ro", -2, KEYS(1, 1, 1), LOCK_READ, CMD_DANGEROUS | CMD_OTHER_KEYS, cmd_sort,
     "key [BY pattern] [LIMIT offset count] [GET pattern [GET pattern ...]] [ASC | DESC] [ALPHA]",
     "7.0.0", "Sorts the elements of a list, set or sorted set.",
     .getkeys = sort_keys, .work = work_sort},
    COMMANDS_END,
};
// clang-format on
