// SPDX-License-Identifier: MIT
#include "server/engine/scan_args.h"

#include <string.h>

#include "server/engine/cmd.h"
#include "server/engine/glob.h"
#include "server/engine/work.h"

enum {
    DEFAULT_COUNT = 10,
    STEPS_PER_ELEMENT = 10,
};

// A cursor as strtoul() reads one: sign, digits, nothing else up to a zero byte or the end; the
// empty text is 0.
static bool parse_cursor(struct bytes text, uint64_t *cursor)
{
    if (text.len > 0)
        text.len = strnlen(text.data, text.len);
    bool negative = text.len > 0 && text.data[0] == '-';
    size_t i = negative || (text.len > 0 && text.data[0] == '+') ? 1 : 0;
    uint64_t n = 0;

    if (i > 0 && i == text.len)
        return false;
    for (; i < text.len; i++) {
        unsigned digit = (unsigned char)text.data[i] - (unsigned)'0';
        if (digit > 9 || __builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, digit, &n))
            return false;
    }
    *cursor = negative ? -n : n;
    return true;
}

bool scan_args_cursor(struct cmd_ctx *c, int arg, struct scan_args *args)
{
    *args = (struct scan_args){.count = DEFAULT_COUNT};
    if (parse_cursor(c->argv[arg], &args->cursor))
        return true;
    reply_error(c->reply, "invalid cursor");
    return false;
}

static bool parse_options(struct cmd_ctx *c, int first, bool typed, struct scan_args *args)
{
    for (int i = first; i < c->argc; i += 2) {
        bool has_value = i + 1 < c->argc;
        int64_t count;

        if (has_value && cmd_arg_is(c, i, "count")) {
            if (!cmd_arg_i64(c, i + 1, &count))
                return false;
            if (count < 1) {
                cmd_reply_syntax(c);
                return false;
            }
            args->count = (uint64_t)count;
        } else if (has_value && cmd_arg_is(c, i, "match")) {
            args->pattern = c->argv[i + 1];
            args->by_name = !bytes_equal(args->pattern, BYTES("*"));
        } else if (has_value && typed && cmd_arg_is(c, i, "type")) {
            args->type = c->argv[i + 1];
            args->by_type = true;
        } else {
            cmd_reply_syntax(c);
            return false;
        }
    }
    return true;
}

bool scan_args_options(struct cmd_ctx *c, int first, struct scan_args *args)
{
    return parse_options(c, first, false, args);
}

bool scan_args_options_typed(struct cmd_ctx *c, int first, struct scan_args *args)
{
    return parse_options(c, first, true, args);
}

bool scan_args_match(const struct scan_args *args, const char *name, size_t len)
{
    return !args->by_name || glob_match(args->pattern, (struct bytes){name, len}, false);
}

uint64_t scan_args_steps(const struct scan_args *args)
{
    uint64_t steps;

    return __builtin_mul_overflow(args->count, STEPS_PER_ELEMENT, &steps) ? UINT64_MAX : steps;
}

uint64_t scan_args_work(struct cmd_ctx *c)
{
    uint64_t wanted = DEFAULT_COUNT;
    int64_t count;

    for (int i = 2; i + 1 < c->argc; i++) {
        if (cmd_arg_is(c, i, "count") && bytes_to_i64(c->argv[i + 1], &count) && count > 0)
            wanted = (uint64_t)count;
    }
    return c->nkeys > 0 ? work_of_elements(c, key_peek(c, 0), wanted) : wanted;
}
