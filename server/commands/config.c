// SPDX-License-Identifier: MIT
//
// CONFIG: the configuration at run time. The parameters themselves are in server/engine/config.c.
#include "server/engine/cmd.h"
#include "server/engine/config.h"
#include "server/engine/rates.h"
#include "server/engine/stats.h"
#include "server/engine/store.h"

enum { CONFIG_ERROR_CHARS = 512 };

// All of them leave the epoch and the gate meanwhile: they wait for the configuration's lock, whose
// holder may be waiting for the disk (REWRITE).

static void cmd_config_get(struct cmd_ctx *c)
{
    cmd_pause_begin(c);
    config_get(c->store->config, c->argc - 2, c->argv + 2, c->reply);
    cmd_pause_end(c);
}

// Those that Redis knows, even if the parameter is none of ours.
static void hide_passwords(struct cmd_ctx *c)
{
    for (int i = 2; i + 1 < c->argc; i += 2) {
        if (cmd_arg_is(c, i, "requirepass") || cmd_arg_is(c, i, "masterauth"))
            cmd_hide_arg(c, i + 1);
    }
}

static void cmd_config_set(struct cmd_ctx *c)
{
    char error[CONFIG_ERROR_CHARS];
    bool ok;

    hide_passwords(c);
    if (c->argc % 2 != 0) {
        cmd_reply_syntax(c);
        return;
    }
    cmd_pause_begin(c);
    ok = config_set_running(c->store->config, (c->argc - 2) / 2, c->argv + 2, error, sizeof error);
    cmd_pause_end(c);
    if (ok)
        reply_ok(c->reply);
    else
        reply_error(c->reply, error);
}

static void cmd_config_resetstat(struct cmd_ctx *c)
{
    stats_reset(c->store);
    rates_reset(c->store);
    reply_ok(c->reply);
}

static void cmd_config_rewrite(struct cmd_ctx *c)
{
    char error[CONFIG_ERROR_CHARS];
    bool ok;

    cmd_pause_begin(c);
    ok = config_rewrite(c->store->config, error, sizeof error);
    cmd_pause_end(c);
    if (ok)
        reply_ok(c->reply);
    else
        reply_error(c->reply, error);
}

static void cmd_config_help(struct cmd_ctx *c)
{
    static const char *const LINES[] = {
        "GET <pattern> [<pattern> ...]",
        "    The parameters whose names match one of the patterns, and their values.",
        "SET <directive> <value> [<directive> <value> ...]",
        "    Change parameters: all of them or, on an error, none.",
        "RESETSTAT",
        "    Bring the counters of INFO back to zero.",
        "REWRITE",
        "    Write the present parameters into the configuration file.",
        NULL,
    };
    cmd_reply_help(c, LINES);
}

enum {
    MANAGE = CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE,
    HELP = CMD_LOADING | CMD_STALE,
};

// clang-format off
static const struct command subcommands[] = {
    {"get", -3, NO_KEYS, LOCK_NONE, MANAGE, cmd_config_get, "parameter [parameter ...]", "2.0.0",
     "The values of parameters."},
    {"help", 2, NO_KEYS, LOCK_NONE, HELP, cmd_config_help, "", "5.0.0",
     "Lists the subcommands."},
    {"resetstat", 2, NO_KEYS, LOCK_NONE, MANAGE, cmd_config_resetstat, "", "2.0.0",
     "Brings the counters of INFO back to zero."},
    {"rewrite", 2, NO_KEYS, LOCK_NONE, MANAGE, cmd_config_rewrite, "", "2.8.0",
     "Writes the parameters into the configuration file."},
    {"set", -4, NO_KEYS, LOCK_NONE, MANAGE, cmd_config_set,
     "parameter value [parameter value ...]", "2.0.0", "Changes parameters.",
     .tips = "request_policy:all_nodes response_policy:all_succeeded"},
    COMMANDS_END,
};

COMMANDS(config) = {
    {"config", -2, NO_KEYS, LOCK_NONE, 0, NULL, "", "2.0.0",
     "A container of commands about the configuration.", .subcommands = subcommands},
    COMMANDS_END,
};
