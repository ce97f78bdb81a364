// SPDX-License-Identifier: MIT
//
// What a connection says about itself: PING ECHO SELECT QUIT RESET AUTH HELLO.
#include "resp/bytes.h"
#include "server/engine/client.h"
#include "server/engine/cmd.h"
#include "server/engine/store.h"

static void cmd_ping(struct cmd_ctx *c)
{
    if (c->argc > 2)
        cmd_reply_arity(c);
    else if (c->argc == 2)
        reply_bulk_bytes(c->reply, c->argv[1]);
    else
        reply_simple(c->reply, "PONG");
}

static void cmd_echo(struct cmd_ctx *c)
{
    reply_bulk_bytes(c->reply, c->argv[1]);
}

static void cmd_select(struct cmd_ctx *c)
{
    int64_t db;

    if (!cmd_arg_i64(c, 1, &db))
        return;
    if (db < INT32_MIN || db > INT32_MAX) {
        reply_errorf(c->reply, "value is out of range, value must between %d and %d", INT32_MIN,
                     INT32_MAX);
        return;
    }
    if (db < 0 || db >= c->store->ndbs) {
        reply_error(c->reply, "DB index is out of range");
        return;
    }
    atomic_store_explicit(&c->client->db, (int)db, memory_order_relaxed);
    reply_ok(c->reply);
}

static void cmd_quit(struct cmd_ctx *c)
{
    reply_ok(c->reply);
    client_flag_set(c->client, CLIENT_CLOSE_AFTER_REPLY);
}

static void cmd_reset(struct cmd_ctx *c)
{
    client_reset(c->client);
    reply_simple(c->reply, "RESET");
}

// There is one user, "default", and it has no password: every password is right for it.
static bool user_accepted(struct cmd_ctx *c, struct bytes user)
{
    if (bytes_equal(user, BYTES("default")))
        return true;
    reply_error(c->reply, "-WRONGPASS invalid username-password pair or user is disabled.");
    return false;
}

static void cmd_auth(struct cmd_ctx *c)
{
    for (int i = 1; i < c->argc; i++)
        cmd_hide_arg(c, i);
    if (c->argc > 3) {
        cmd_reply_syntax(c);
    } else if (c->argc == 2) {
        reply_error(c->reply, "AUTH <password> called without any password configured for the "
                              "default user. Are you sure your configuration is correct?");
    } else if (user_accepted(c, c->argv[1])) {
        reply_ok(c->reply);
    }
}

// ---- HELLO ------------------------------------------------------------------------------------

// The protocol that is asked for, 0 for the one that there is; false: an error was replied.
static bool parse_protocol(struct cmd_ctx *c, int *protocol)
{
    int64_t version;

    *protocol = 0;
    if (c->argc == 1)
        return true;
    if (!bytes_to_i64(c->argv[1], &version)) {
        reply_error(c->reply, "Protocol version is not an integer or out of range");
        return false;
    }
    if (version != 2 && version != 3) {
        reply_error(c->reply, "-NOPROTO unsupported protocol version");
        return false;
    }
    *protocol = (int)version;
    return true;
}

static bool rename_client(struct cmd_ctx *c, struct bytes name)
{
    if (!client_name_valid(name)) {
        reply_error(c->reply, CLIENT_NAME_ERROR);
        return false;
    }
    if (!client_set_name(c->client, name)) {
        cmd_reply_status(c, STATUS_NO_MEMORY);
        return false;
    }
    return true;
}

// Each option as it is read: what stands before one that is wrong has happened, as in Redis. False:
// an error was replied.
static bool apply_options(struct cmd_ctx *c)
{
    for (int i = 2; i < c->argc; i++) {
        int more = c->argc - 1 - i;
        bool good;
        if (cmd_arg_is(c, i, "auth") && more >= 2) {
            cmd_hide_arg(c, i + 1);
            cmd_hide_arg(c, i + 2);
            good = user_accepted(c, c->argv[i + 1]);
            i += 2;
        } else if (cmd_arg_is(c, i, "setname") && more >= 1) {
            good = rename_client(c, c->argv[++i]);
        } else {
            reply_errorf(c->reply, "Syntax error in HELLO option '%.*s'",
                         bytes_precision(c->argv[i]), c->argv[i].data);
            good = false;
        }
        if (!good)
            return false;
    }
    return true;
}

static void reply_hello(struct cmd_ctx *c)
{
    reply_map(c->reply, 7);
    reply_bulk_str(c->reply, "server");
    reply_bulk_str(c->reply, "redis");
    reply_bulk_str(c->reply, "version");
    reply_bulk_str(c->reply, "7.0.15");
    reply_bulk_str(c->reply, "proto");
    reply_int(c->reply, c->reply->protocol);
    reply_bulk_str(c->reply, "id");
    reply_int(c->reply, (int64_t)c->client->id);
    reply_bulk_str(c->reply, "mode");
    reply_bulk_str(c->reply, "standalone");
    reply_bulk_str(c->reply, "role");
    reply_bulk_str(c->reply, "master");
    reply_bulk_str(c->reply, "modules");
    reply_empty_array(c->reply);
}

static void cmd_hello(struct cmd_ctx *c)
{
    int protocol;

    if (!parse_protocol(c, &protocol) || !apply_options(c))
        return;
    if (protocol) {
        atomic_store_explicit(&c->client->protocol, protocol, memory_order_relaxed);
        c->reply->protocol = protocol;
    }
    reply_hello(c);
}

enum {
    ANY_TIME = CMD_LOADING | CMD_STALE | CMD_FAST | CMD_CONNECTION,
    BEFORE_AUTH = ANY_TIME | CMD_NOSCRIPT | CMD_NO_AUTH | CMD_ALLOW_BUSY,
};

// clang-format off
COMMANDS(connection) = {
    {"ping", -1, NO_KEYS, LOCK_NONE, CMD_FAST | CMD_CONNECTION, cmd_ping, "[message]", "1.0.0",
     "Answers PONG, or the message.",
     .tips = "request_policy:all_shards response_policy:all_succeeded"},
    {"echo", 2, NO_KEYS, LOCK_NONE, ANY_TIME, cmd_echo, "message", "1.0.0",
     "Answers the message."},
    {"select", 2, NO_KEYS, LOCK_NONE, ANY_TIME, cmd_select, "index", "1.0.0",
     "Changes the connection's database."},
    {"quit", -1, NO_KEYS, LOCK_NONE, BEFORE_AUTH | CMD_AT_ONCE, cmd_quit, "", "1.0.0",
     "Closes the connection."},
    {"reset", 1, NO_KEYS, LOCK_NONE, BEFORE_AUTH | CMD_AT_ONCE, cmd_reset, "", "6.2.0",
     "Brings the connection back to the state of a new one."},
    {"auth", -2, NO_KEYS, LOCK_NONE, BEFORE_AUTH, cmd_auth, "[username] password", "1.0.0",
     "Authenticates the connection."},
    {"hello", -1, NO_KEYS, LOCK_NONE, BEFORE_AUTH, cmd_hello,
     "[protover [AUTH username password] [SETNAME clientname]]", "6.0.0",
     "Switches the protocol and tells about server and connection."},
    COMMANDS_END,
};
