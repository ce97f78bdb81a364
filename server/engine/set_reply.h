// SPDX-License-Identifier: MIT
//
// Replying sets and their members. The caller holds at least the read lock, or the set is private.
#pragma once

#include "datatypes/set.h"
#include "resp/reply.h"

struct cmd_ctx;

// One member as a bulk string; `reply` is a struct reply, so that this serves as a visitor.
void set_reply_member(const struct set_member *, void *reply);

// All members, without a header around them, in slices.
void set_reply_members(struct cmd_ctx *, struct value set);

// The whole set, likewise; VALUE_ABSENT is an empty one.
void set_reply_whole(struct cmd_ctx *, struct value set);
