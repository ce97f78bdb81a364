// SPDX-License-Identifier: MIT
//
// What the list commands have in common, those that wait for elements included: which end, adding
// to a key, taking from it.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "datatypes/list.h"
#include "resp/bytes.h"

struct cmd_ctx;

enum { LIST_LOOKS_PER_UNIT = 16 }; // elements compared in one unit of work (command.h)

// Estimates for rows with CMD_LOOK_AGAIN, which know how long elements are, and how many blocks
// hold them, only once the list is locked. Of replying `n` elements from an index on, of dropping
// `n`, and of walking the list of key 0 in search of an element: at most this, it may be found
// soon.
uint64_t list_ops_range_work(struct cmd_ctx *, struct value list, size_t index, size_t n);
uint64_t list_ops_drop_work(struct cmd_ctx *, struct value list, size_t n);
uint64_t list_ops_search_work(struct cmd_ctx *);

// Reads LEFT or RIGHT from an argument; false: it is neither. Replies nothing.
bool list_ops_side(const struct cmd_ctx *, int arg, enum chunk_side *);

// Adds `n` >= 1 elements one after the other at a side of the list of key `i`, which is `list` now
// or absent: all or none of them. The bytes may not lie inside that list. Every command that adds
// an element at an end comes through here, so this is where a key gets its first elements; RENAME,
// COPY and the like, which bring a whole list, go through key_set() as this does.
enum status list_ops_push(struct cmd_ctx *, int i, struct value list, enum chunk_side,
                          const struct bytes *elements, int n);

// Replies `n` elements as bulk strings, without a header, from an index on towards the back or
// `backwards`; there are as many. False: the command is to return at once (cmd_step()).
bool list_ops_reply(struct cmd_ctx *, struct value list, size_t index, size_t n, bool backwards);

// Removes `n` elements at a side of the list of key `i`; the key goes with the last one.
void list_ops_drop(struct cmd_ctx *, int i, struct value list, enum chunk_side, size_t n);

// Replies and removes up to `n` > 0 elements at a side of the list of key `i`, as an array.
void list_ops_pop(struct cmd_ctx *, int i, struct value list, enum chunk_side, size_t n);
