// SPDX-License-Identifier: MIT
//
// The words of an inline request, as typed into telnet: separated by blanks, "quoted" with the
// escapes \n \r \t \b \a \xHH and \<any>, or 'quoted' with the one escape \'.
#pragma once

#include <stddef.h>

#include "resp/bytes.h"

// Splits line[0..len) into words and returns how many there are, or -1 when quotes are unbalanced
// or a closing quote is not followed by a blank. With args == NULL it only counts. Otherwise quotes
// and escapes are resolved inside `line`, and args, which must have room for the counted number,
// receives words that point into it.
int inline_split(char *line, size_t len, struct bytes *args);
