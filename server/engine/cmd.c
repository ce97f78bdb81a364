// SPDX-License-Identifier: MIT
#include "server/engine/cmd.h"

#include <stdio.h>

#include "datatypes/str.h"

// ---- arguments --------------------------------------------------------------------------------

bool cmd_arg_i64(struct cmd_ctx *c, int arg, int64_t *out)
{
    if (bytes_to_i64(c->argv[arg], out))
        return true;
    cmd_reply_status(c, STATUS_NOT_INTEGER);
    return false;
}

bool cmd_arg_i64_range(struct cmd_ctx *c, int arg, int64_t min, int64_t max, int64_t *out,
                       const char *error)
{
    int64_t n;

    if (bytes_to_i64(c->argv[arg], &n) && n >= min && n <= max) {
        *out = n;
        return true;
    }
    if (error)
        reply_error(c->reply, error);
    else
        cmd_reply_status(c, STATUS_NOT_INTEGER);
    return false;
}

bool cmd_arg_double(struct cmd_ctx *c, int arg, double *out)
{
    if (bytes_to_double(c->argv[arg], out))
        return true;
    cmd_reply_status(c, STATUS_NOT_FLOAT);
    return false;
}

bool cmd_arg_is(const struct cmd_ctx *c, int arg, const char *word)
{
    return bytes_equal_nocase(c->argv[arg], word);
}

// ---- replies ----------------------------------------------------------------------------------

void cmd_reply_syntax(struct cmd_ctx *c)
{
    reply_error(c->reply, "syntax error");
}

void cmd_reply_wrongtype(struct cmd_ctx *c)
{
    reply_error(c->reply, "-WRONGTYPE Operation against a key holding the wrong kind of value");
}

void cmd_reply_arity(struct cmd_ctx *c)
{
    reply_errorf(c->reply, "wrong number of arguments for '%s' command", c->cmd->full_name);
}

void cmd_reply_status(struct cmd_ctx *c, enum status status)
{
    switch (status) {
    case STATUS_OK:
        reply_ok(c->reply);
        break;
    case STATUS_NO_MEMORY:
        reply_error(c->reply, "-OOM command not allowed: out of memory");
        break;
    case STATUS_WRONG_TYPE:
        cmd_reply_wrongtype(c);
        break;
    case STATUS_NOT_INTEGER:
        reply_error(c->reply, "value is not an integer or out of range");
        break;
    case STATUS_NOT_FLOAT:
        reply_error(c->reply, "value is not a valid float");
        break;
    case STATUS_OVERFLOW:
        reply_error(c->reply, "increment or decrement would overflow");
        break;
    case STATUS_NAN_OR_INF:
        reply_error(c->reply, "increment would produce NaN or Infinity");
        break;
    case STATUS_TOO_LONG:
        reply_error(c->reply, "string exceeds maximum allowed size (proto-max-bulk-len)");
        break;
    case STATUS_NOT_FOUND:
        reply_error(c->reply, "no such key");
        break;
    case STATUS_BAD_DATA:
        reply_error(c->reply, "Bad data format");
        break;
    }
}

// The container's name (or the command's own) in upper case.
static void upper_name(const struct cmd_ctx *c, char *out, size_t nout)
{
    const struct command_entry *e = c->cmd->parent ? c->cmd->parent : c->cmd;
    size_t n = 0;

    for (const char *p = e->row->name; *p && n + 1 < nout; p++)
        out[n++] = *p >= 'a' && *p <= 'z' ? (char)(*p - 32) : *p;
    out[n] = '\0';
}

void cmd_reply_unknown_sub(struct cmd_ctx *c)
{
    struct bytes sub = c->argc > 1 ? c->argv[1] : BYTES("");
    int shown = (int)(sub.len < 128 ? sub.len : 128);
    char name[48];

    upper_name(c, name, sizeof name);
    reply_errorf(c->reply, "unknown subcommand '%.*s'. Try %s HELP.", shown, sub.data, name);
}

void cmd_reply_help(struct cmd_ctx *c, const char *const *lines)
{
    char title[128], name[48];
    size_t n = 0;

    while (lines[n])
        n++;
    upper_name(c, name, sizeof name);
    int len = snprintf(title, sizeof title,
                       "%s <subcommand> [<arg> [value] [opt] ...]. Subcommands are:", name);
    reply_array(c->reply, n + 3);
    reply_simple(c->reply, len > 0 ? title : name);
    for (size_t i = 0; i < n; i++)
        reply_simple(c->reply, lines[i]);
    reply_simple(c->reply, "HELP");
    reply_simple(c->reply, "    Prints this help.");
}

void cmd_reply_string(struct cmd_ctx *c, struct value v)
{
    struct str_view view;

    str_view(v, &view);
    cmd_reply_bulk(c, view.data, view.len);
}

void cmd_reply_bulk(struct cmd_ctx *c, const char *data, size_t len)
{
    if (len <= CMD_SLICE_BYTES || !c->job) {
        reply_bulk(c->reply, data, len);
        return;
    }
    reply_bulk_header(c->reply, len);
    for (size_t n; len > 0 && cmd_slice(c); data += n, len -= n) {
        n = len < CMD_SLICE_BYTES ? len : CMD_SLICE_BYTES;
        reply_raw(c->reply, data, n);
    }
    reply_raw(c->reply, "\r\n", 2);
}
