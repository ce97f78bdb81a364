// SPDX-License-Identifier: MIT
#include "server/engine/scan_page.h"

#include "resp/digits.h"
#include "server/engine/cmd.h"

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
