// SPDX-License-Identifier: MIT
//
// OBJECT: how a key's value is stored and when it was used. Looking does not count as a use.
#include "server/engine/cmd.h"

// The key's value; replies null when there is none.
static bool object_lookup(struct cmd_ctx *c, struct value *v)
{
    *v = key_peek(c, 0);
    if (value_is_none(*v))
        reply_null(c->reply);
    return !value_is_none(*v);
}

/* OBJECT ENCODING key */
static void cmd_object_encoding(struct cmd_ctx *c)
{
    struct value v;

    if (object_lookup(c, &v))
        reply_bulk_str(c->reply, value_encoding(v));
}

/* OBJECT FREQ key: an error as long as no policy counts uses. */
static void cmd_object_freq(struct cmd_ctx *c)
{
    struct value v;

    if (object_lookup(c, &v))
        reply_error(c->reply,
                    "An LFU maxmemory policy is not selected, access frequency not tracked. Please "
                    "note that when switching between policies at runtime LRU and LFU data will "
                    "take some time to adjust.");
}

/* OBJECT IDLETIME key  -> seconds since the key was last used */
static void cmd_object_idletime(struct cmd_ctx *c)
{
    struct value v;

    if (object_lookup(c, &v))
        reply_int(c->reply, key_idle_seconds(c, 0));
}

/* OBJECT REFCOUNT key */
static void cmd_object_refcount(struct cmd_ctx *c)
{
    struct value v;

    if (object_lookup(c, &v))
        reply_int(c->reply, value_refcount(v));
}

/* OBJECT HELP */
static void cmd_object_help(struct cmd_ctx *c)
{
    static const char *const lines[] = {
        "ENCODING <key>",
        "    Return the kind of internal representation used in order to store the value",
        "    associated with a <key>.",
        "FREQ <key>",
        "    Return the access frequency index of the <key>. The returned integer is",
        "    proportional to the logarithm of the recent access frequency of the key.",
        "IDLETIME <key>",
        "    Return the idle time of the <key>, that is the approximated number of",
        "    seconds elapsed since the last access to the key.",
        "REFCOUNT <key>",
        "    Return the number of references of the value associated with the specified",
        "    <key>.",
        NULL,
    };

    cmd_reply_help(c, lines);
}

// clang-format off
static const struct command object_subcommands[] = {
    {"encoding", 3, KEYS(2, 2, 1), LOCK_NONE, CMD_KEYSPACE, cmd_object_encoding, "key", "2.2.3",
     "Names the internal representation of a key's value.",
     .key_use = "RO", .tips = "nondeterministic_output"},
    {"freq", 3, KEYS(2, 2, 1), LOCK_NONE, CMD_KEYSPACE, cmd_object_freq, "key", "4.0.0",
     "How often a key is used, as a logarithmic counter.",
     .key_use = "RO", .tips = "nondeterministic_output"},
    {"help", 2, NO_KEYS, LOCK_NONE, CMD_KEYSPACE | CMD_LOADING | CMD_STALE, cmd_object_help, "",
     "6.2.0", "Lists the subcommands."},
    {"idletime", 3, KEYS(2, 2, 1), LOCK_NONE, CMD_KEYSPACE, cmd_object_idletime, "key", "2.2.3",
     "The seconds since a key was last used.",
     .key_use = "RO", .tips = "nondeterministic_output"},
    {"refcount", 3, KEYS(2, 2, 1), LOCK_NONE, CMD_KEYSPACE, cmd_object_refcount, "key", "2.2.3",
     "The number of references to a key's value.",
     .key_use = "RO", .tips = "nondeterministic_output"},
    COMMANDS_END,
};

COMMANDS(object) = {
    {"object", -2, NO_KEYS, LOCK_NONE, 0, NULL, "", "2.2.3",
     "A container for commands that look at how values are stored.", object_subcommands},
    COMMANDS_END,
};
// clang-format on
