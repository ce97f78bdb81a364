// SPDX-License-Identifier: MIT
#include "tests/lib/value_text.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "datatypes/hash.h"
#include "datatypes/list.h"
#include "datatypes/set.h"
#include "datatypes/str.h"
#include "datatypes/zset.h"

// Texts of elements that are put in order before they are added.
struct items {
    struct strbuf *at;
    size_t n, cap;
};

static struct strbuf *new_item(struct items *items)
{
    if (items->n == items->cap) {
        items->cap = items->cap * 2 + 16;
        items->at = realloc(items->at, items->cap * sizeof *items->at);
        if (!items->at)
            abort();
    }
    items->at[items->n] = (struct strbuf){NULL, 0, 0};
    return &items->at[items->n++];
}

static int compare(const void *a, const void *b)
{
    return strcmp(((const struct strbuf *)a)->data, ((const struct strbuf *)b)->data);
}

static void add_items(struct strbuf *out, struct items *items, bool sort)
{
    if (sort && items->n > 0)
        qsort(items->at, items->n, sizeof *items->at, compare);
    for (size_t i = 0; i < items->n; i++) {
        strbuf_addf(out, "%s%s", i > 0 ? " " : "", items->at[i].data);
        strbuf_free(&items->at[i]);
    }
    free(items->at);
}

static void set_items(struct items *items, struct value v)
{
    struct set_iter it;

    set_iter_init(&it, v);
    while (set_iter_next(&it))
        strbuf_add_quoted(new_item(items), it.member.data, it.member.len);
}

static void hash_items(struct items *items, struct value v)
{
    struct hash_iter it;

    hash_iter_init(&it, v);
    while (hash_iter_next(&it)) {
        struct strbuf *item = new_item(items);
        strbuf_add_quoted(item, it.pair.field, it.pair.nfield);
        strbuf_addf(item, ": ");
        strbuf_add_quoted(item, it.pair.value, it.pair.nvalue);
    }
}

static void list_items(struct items *items, struct value v)
{
    struct list_iter it;

    list_iter_init(&it, v, 0, false);
    while (list_iter_next(&it))
        strbuf_add_quoted(new_item(items), it.element.data, it.element.len);
}

static void zset_items(struct items *items, struct value v)
{
    struct zset_iter it;

    zset_iter_init(&it, v, 0, false);
    while (zset_iter_next(&it)) {
        struct strbuf *item = new_item(items);
        strbuf_add_quoted(item, it.member.data, it.member.len);
        strbuf_addf(item, ": %.17g", it.member.score);
    }
}

void value_text(struct strbuf *out, struct value v)
{
    struct items items = {NULL, 0, 0};
    enum value_type type = value_type(v);
    struct str_view view;

    switch (type) {
    case TYPE_NONE:
        strbuf_addf(out, "none");
        return;
    case TYPE_STRING:
        str_view(v, &view);
        strbuf_add_quoted(out, view.data, view.len);
        return;
    case TYPE_SET:
        set_items(&items, v);
        break;
    case TYPE_HASH:
        hash_items(&items, v);
        break;
    case TYPE_LIST:
        list_items(&items, v);
        break;
    case TYPE_ZSET:
        zset_items(&items, v);
        break;
    }
    strbuf_addf(out, type == TYPE_LIST ? "[" : type == TYPE_ZSET ? "(" : "{");
    add_items(out, &items, type == TYPE_SET || type == TYPE_HASH);
    strbuf_addf(out, type == TYPE_LIST ? "]" : type == TYPE_ZSET ? ")" : "}");
}
