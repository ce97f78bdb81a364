// SPDX-License-Identifier: MIT
//
// The ends of ranges of sorted sets as clients write them: "1.5", "(1.5", "-inf" for scores, "[a",
// "(a", "-", "+" for members.
#pragma once

#include "datatypes/zset.h"
#include "resp/bytes.h"

// False: not a range. As Redis reads numbers here: blanks before them are skipped and an empty text
// is 0, unlike anywhere else.
bool zset_parse_score_range(struct bytes min, struct bytes max, struct zset_score_range *);

// False: not a range. The bounds point into `min` and `max`.
bool zset_parse_lex_range(struct bytes min, struct bytes max, struct zset_lex_range *);
