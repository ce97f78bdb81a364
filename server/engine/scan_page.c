// SPDX-License-Identifier: MIT
#include "server/engine/scan_page.h"

#include "resp/digits.h"
#include "server/engine/cmd.h"

enum { STEP_WORK = 4 }; // units (command.h) of a step that meets a sparse part

void scan_page_init(struct scan_page *page, struct cmd_ctx *c, const struct scan_args *args)
{
    *page = (struct scan_page){.args = args};
    reply_init(&page->items, c->reply->protocol);
}

bool scan_page_wants(struct scan_page *page, const char *name, size_t len)
{
    page->seen++;
    return scan_args_match(page->args, name, len);
}

void scan_page_reply(struct scan_page *page, struct cmd_ctx *c, uint64_t cursor)
{
    char text[DIGITS_MAX];

    if (page->items.failed) {
        cmd_reply_status(c, STATUS_NO_MEMORY);
    } else {
        reply_array(c->reply, 2);
        reply_bulk(c->reply, text, digits_write_u64(text, cursor));
        reply_array(c->reply, page->n);
        reply_raw(c->reply, page->items.data, page->items.len);
    }
    reply_free(&page->items);
}

void scan_page_of_key(struct cmd_ctx *c, enum value_type type,
                      uint64_t (*step)(struct value, uint64_t cursor, struct scan_page *))
{
    struct scan_args args;
    struct scan_page page;
    struct value v;
    uint64_t cursor = 0;

    if (!scan_args_cursor(c, 2, &args) || !key_get_type(c, 0, type, &v))
        return;
    if (!value_is_none(v) && !scan_args_options(c, 3, &args)) // Redis looks no further without it
        return;
    scan_page_init(&page, c, &args);
    if (!value_is_none(v)) {
        uint64_t steps = scan_args_steps(&args);
        cursor = args.cursor;
        do {
            cursor = step(v, cursor, &page);
        } while (cursor != 0 && --steps > 0 && page.seen < args.count && cmd_step(c, STEP_WORK));
    }
    scan_page_reply(&page, c, cursor);
}
