// SPDX-License-Identifier: MIT
//
// Members of sorted sets in replies, and spans of them under a key: replied, removed. Handlers with
// a `work` row only, as both go in steps.
#pragma once

#include "datatypes/zset.h"
#include "resp/reply.h"

struct cmd_ctx;

// The header of `n` members: with scores RESP2 counts each twice, RESP3 has pairs.
void zset_reply_header(struct reply *, size_t n, bool scores);
// One member in it.
void zset_reply_member(struct cmd_ctx *, const struct zset_member *, bool scores);

// Replies the members of a span, upwards or downwards, without a header. False: the client has
// gone, return at once.
bool zset_reply_span(struct cmd_ctx *, struct value, struct zset_span, bool down, bool scores);

// Removes a span of the sorted set of key `i`, and the key when nothing is left. All or nothing.
enum status zset_remove_span(struct cmd_ctx *, int i, struct value, struct zset_span);
