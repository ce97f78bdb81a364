// SPDX-License-Identifier: MIT
//
// What tests of the request parser share: parsing a stream of bytes, cut anywhere, into a text that
// can be compared: "[SET|k|v]" a request, "!error" at the end, "..." when the stream ended in the
// middle of a request.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "resp/request.h"
#include "tests/lib/strbuf.h"

enum { PARSING_BATCH = 16 }; // most requests taken at a time

// Of the parsers opened here: a resize function that fails on demand and counts its calls.
extern struct parsing_hook {
    size_t calls;
    size_t fail_at; // the call that fails, counted from 1; 0: none
} parsing_hook;

extern const struct request_limits parsing_usual, parsing_before_auth;

// Opens a parser and resets the hook.
void parsing_open(struct request_parser *);
// Commits data[0..len) in as many reads as the space handed out needs.
void parsing_feed(struct request_parser *, const char *data, size_t len, size_t want);
// Takes out all requests there are. False after a protocol error. A call that runs out of memory is
// repeated, which must be possible.
bool parsing_drain(struct request_parser *, const struct request_limits *, struct strbuf *);
// Parses the whole stream, cut at the positions given (ascending; len closes the list), one by one
// and in batches of several sizes, which must not make a difference. The caller frees the text.
char *parsing_cut(struct bytes, const size_t *cuts, const struct request_limits *);
