// SPDX-License-Identifier: MIT
//
// Commands run in pieces, each a command of its own: what they would be in a store that forgets to
// lock. A checker that does not notice is worth nothing.
#pragma once

#include <stdbool.h>

#include "tests/lib/strbuf.h"

// When the line is the command `name` in a form that can be torn, runs its pieces with `run`, which
// returns their replies as text, appends the reply that the whole would have had, and returns true.
// Commands that can be torn: MSET MGET SADD HSET HMGET HINCRBY RPUSH LMOVE ZADD ZMSCORE ZINCRBY.
bool linear_tear(const char *name, const char *line,
                 const char *(*run)(void *arg, const char *command), void *arg,
                 struct strbuf *reply);
