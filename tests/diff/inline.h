// SPDX-License-Identifier: MIT
//
// Commands as lines, the way people type them into a socket, instead of as arrays of strings.
#pragma once

#include "tests/lib/strbuf.h"

struct bytes;

enum diff_form {
    DIFF_ARRAY,       // no line
    DIFF_LINE_BARE,   // quoted where it must be
    DIFF_LINE_DOUBLE, // everything in double quotes, ended by \n alone
    DIFF_LINE_SINGLE, // in single quotes where these will do; more blanks, and empty lines before
    DIFF_FORMS,
};

// Appends the line, its end included.
void diff_add_line(struct strbuf *, enum diff_form, int argc, const struct bytes *argv);
