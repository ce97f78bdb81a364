// SPDX-License-Identifier: MIT
#include "server/engine/zset_bound.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "datatypes/mem.h"

// The number that `text`, terminated, consists of.
static bool parse_number(const char *text, double *out)
{
    char *end;

    *out = strtod(text, &end);
    return *end == '\0' && !isnan(*out);
}

static bool parse_score(struct bytes s, double *score, bool *open)
{
    char few[128], *text = few;

    *open = s.len > 0 && s.data[0] == '(';
    if (bytes_to_double(s, score)) // the usual ones
        return true;
    if (s.len >= sizeof few && !(text = mem_alloc(s.len + 1)))
        return false;
    memcpy(text, s.data, s.len);
    text[s.len] = '\0';
    bool ok = parse_number(text + *open, score);
    if (text != few)
        mem_free(text);
    return ok;
}

bool zset_parse_score_range(struct bytes min, struct bytes max, struct zset_score_range *range)
{
    return parse_score(min, &range->min, &range->min_open) &&
           parse_score(max, &range->max, &range->max_open);
}

// The text ends at a NUL as far as "-" and "+" are concerned.
static bool stands_alone(struct bytes s)
{
    return s.len == 1 || s.data[1] == '\0';
}

static bool parse_lex(struct bytes s, struct zset_lex_bound *bound)
{
    *bound = (struct zset_lex_bound){.end = ZSET_LEX_MEMBER};
    if (s.len == 0)
        return false;
    switch (s.data[0]) {
    case '-':
        bound->end = ZSET_LEX_LOWEST;
        return stands_alone(s);
    case '+':
        bound->end = ZSET_LEX_HIGHEST;
        return stands_alone(s);
    case '(':
    case '[':
        bound->open = s.data[0] == '(';
        bound->data = s.data + 1;
        bound->len = s.len - 1;
        return true;
    default:
        return false;
    }
}

bool zset_parse_lex_range(struct bytes min, struct bytes max, struct zset_lex_range *range)
{
    return parse_lex(min, &range->min) && parse_lex(max, &range->max);
}
