// SPDX-License-Identifier: MIT
//
// The reply of one step of SCAN, SSCAN, HSCAN or ZSCAN: [next cursor, [element ...]]. Elements are
// gathered aside, because the cursor comes first.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "datatypes/value.h"
#include "resp/reply.h"
#include "server/engine/scan_args.h"

struct scan_page {
    const struct scan_args *args;
    struct reply items;
    size_t seen; // elements, those that the pattern refuses included
    size_t n;    // replies in `items`
};

void scan_page_init(struct scan_page *, struct cmd_ctx *, const struct scan_args *);

// Counts an element as seen; true when it is asked for. The caller then writes it to `items` and
// adds the number of its replies to `n`.
bool scan_page_wants(struct scan_page *, const char *name, size_t len);

// Replies the page and frees it.
void scan_page_reply(struct scan_page *, struct cmd_ctx *, uint64_t cursor);

// SSCAN, HSCAN and ZSCAN: scans the collection of key 0, which must be of that type or absent.
// `step` is one step of the type's own scan, and adds to the page.
void scan_page_of_key(struct cmd_ctx *, enum value_type,
                      uint64_t (*step)(struct value, uint64_t cursor, struct scan_page *));
