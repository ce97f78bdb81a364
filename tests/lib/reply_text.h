// SPDX-License-Identifier: MIT
//
// Replies of RESP2 as text, nearly as in wire.h: OK, -ERR, :5, "a\x00b", (nil), ["a" :1 []]. Of an
// error there is only the code, so that elements of an array can be told apart by their blanks.
#pragma once

#include <stddef.h>

#include "resp/bytes.h"
#include "tests/lib/strbuf.h"

struct redisReply;

// Appends a reply that hiredis has read.
void reply_text(const struct redisReply *, struct strbuf *);
// Appends the one reply that these bytes are.
void reply_text_of_raw(const char *raw, size_t nbytes, struct strbuf *);

// Finds the elements of an array that is given as text. Returns how many there are, -1 when it is
// no array or has more than `max`.
int reply_text_elements(const char *text, struct bytes *elements, int max);
// Appends the array with its elements, `each` of which belong together, in the order of their text;
// anything else as it is.
void reply_text_sort(const char *text, int each, struct strbuf *);
