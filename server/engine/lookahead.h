// SPDX-License-Identifier: MIT
//
// Looking ahead over pipelined requests. What a request reads first (the bucket of its key, the
// entry, the value, a member in it) is seldom in the cache, and each miss costs more than all the
// instructions of a small command. With several requests at hand the misses of all of them are
// started together, one level after the other, before the first request runs.
#pragma once

#include "server/engine/exec.h"

struct client;
struct request;

enum { LOOKAHEAD_MAX = 16 };

// Fills in hints[i] for each of n (<= LOOKAHEAD_MAX) requests of the client, and brings what they
// will read into the cache. Between exec_begin/end, on the client's thread. The hints stay true
// however long they are kept.
void lookahead(struct client *, const struct request *, struct exec_hint *hints, int n);
