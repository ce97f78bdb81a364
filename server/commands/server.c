// SPDX-License-Identifier: MIT
//
// The server as a whole: INFO TIME ROLE SHUTDOWN LOLWUT.
#include <time.h>

#include "server/engine/client.h"
#include "server/engine/cmd.h"
#include "server/engine/info.h"
#include "server/engine/store.h"
#include "server/engine/textbuf.h"
#include "version.inc"

static void cmd_info(struct cmd_ctx *c)
{
    uint32_t sections = c->argc == 1 ? info_default() : 0;
    struct textbuf out = TEXTBUF_EMPTY;

    for (int i = 1; i < c->argc; i++)
        sections |= info_named(c->argv[i]);
    info_write(c->store, sections, &out);
    if (out.failed)
        cmd_reply_status(c, STATUS_NO_MEMORY);
    else
        reply_verbatim(c->reply, "txt", textbuf_bytes(&out).data, out.len);
    textbuf_free(&out);
}

static void cmd_time(struct cmd_ctx *c)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    reply_array(c->reply, 2);
    reply_bulk_i64(c->reply, now.tv_sec);
    reply_bulk_i64(c->reply, now.tv_nsec / 1000);
}

static void cmd_role(struct cmd_ctx *c)
{
    reply_array(c->reply, 3);
    reply_bulk_str(c->reply, "master");
    reply_int(c->reply, 0);
    reply_empty_array(c->reply);
}

// ---- SHUTDOWN ---------------------------------------------------------------------------------

struct shutdown {
    bool save, nosave, now, force, abort;
};

static bool parse_shutdown(struct cmd_ctx *c, struct shutdown *s)
{
    for (int i = 1; i < c->argc; i++) {
        if (cmd_arg_is(c, i, "nosave"))
            s->nosave = true;
        else if (cmd_arg_is(c, i, "save"))
            s->save = true;
        else if (cmd_arg_is(c, i, "now"))
            s->now = true;
        else if (cmd_arg_is(c, i, "force"))
            s->force = true;
        else if (cmd_arg_is(c, i, "abort"))
            s->abort = true;
        else
            return false;
    }
    bool other = s->nosave || s->save || s->now || s->force;
    return !(s->nosave && s->save) && !(s->abort && other);
}

// NOW changes nothing: there are no replicas to wait for. A shutdown cannot be called back once it
// was asked for, so there never is one that ABORT could find.
static void cmd_shutdown(struct cmd_ctx *c)
{
    struct shutdown s = {0};

    if (!parse_shutdown(c, &s)) {
        cmd_reply_syntax(c);
    } else if (s.abort) {
        reply_error(c->reply, "No shutdown in progress.");
    } else if (s.save && !s.force) {
        // Going down without the save that was asked for would lose the data.
        reply_error(c->reply, "Errors trying to SHUTDOWN. The data cannot be saved; "
                              "use SHUTDOWN NOSAVE.");
    } else if (!c->store->request_shutdown) {
        reply_error(c->reply, "Errors trying to SHUTDOWN. Check logs.");
    } else {
        // No reply: the client finds the connection closed.
        c->store->request_shutdown(c->store, s.nosave, c->store->request_shutdown_arg);
        client_flag_set(c->client, CLIENT_CLOSE_AFTER_REPLY);
    }
}

// ---- LOLWUT -----------------------------------------------------------------------------------

// A row of key holes, each with the key in it turned a little further.
static void draw_locks(struct textbuf *out, int n)
{
    static const char *const ROWS[] = {"  .--.  ", " /    \\ ", "[======]", NULL, "[______]"};
    static const char *const TURNS[] = {"[  |   ]", "[  /   ]", "[  -   ]", "[  \\   ]"};

    for (size_t row = 0; row < sizeof ROWS / sizeof *ROWS; row++) {
        for (int i = 0; i < n; i++)
            textbuf_printf(out, "%s ", ROWS[row] ? ROWS[row] : TURNS[i % 4]);
        textbuf_add(out, BYTES("\n"));
    }
}

static void cmd_lolwut(struct cmd_ctx *c)
{
    struct textbuf out = TEXTBUF_EMPTY;
    int64_t version, columns = 6;

    if (c->argc > 2 && cmd_arg_is(c, 1, "version")) {
        if (!cmd_arg_i64(c, 2, &version))
            return;
        if (c->argc > 3 && !cmd_arg_i64_range(c, 3, 1, 16, &columns, NULL))
            return;
    }
    draw_locks(&out, (int)columns);
    textbuf_printf(&out, "\nEvery key its own lock. Keylot ver. %s\n", KEYLOT_VERSION);
    if (out.failed)
        cmd_reply_status(c, STATUS_NO_MEMORY);
    else
        reply_verbatim(c->reply, "txt", out.data, out.len);
    textbuf_free(&out);
}

enum { ANY_TIME = CMD_LOADING | CMD_STALE };

// clang-format off
COMMANDS(server) = {
    {"info", -1, NO_KEYS, LOCK_NONE, ANY_TIME | CMD_DANGEROUS, cmd_info,
     "[section [section ...]]", "1.0.0", "Facts and figures about the server.",
     .tips = "nondeterministic_output request_policy:all_shards response_policy:special"},
    {"time", 1, NO_KEYS, LOCK_NONE, ANY_TIME | CMD_FAST, cmd_time, "", "2.6.0",
     "The server's clock: seconds and microseconds.",
     .tips = "nondeterministic_output"},
    {"role", 1, NO_KEYS, LOCK_NONE,
     ANY_TIME | CMD_FAST | CMD_NOSCRIPT | CMD_ADMINISTRATIVE | CMD_DANGEROUS, cmd_role, "",
     "2.8.12", "The server's part in replication."},
    {"shutdown", -1, NO_KEYS, LOCK_NONE,
     ANY_TIME | CMD_ADMIN | CMD_NOSCRIPT | CMD_NO_MULTI | CMD_ALLOW_BUSY, cmd_shutdown,
     "[NOSAVE | SAVE] [NOW] [FORCE] [ABORT]", "1.0.0", "Ends the server."},
    {"lolwut", -1, NO_KEYS, LOCK_NONE, CMD_READONLY | CMD_FAST, cmd_lolwut,
     "[VERSION version]", "5.0.0", "A drawing and the server's version."},
    COMMANDS_END,
};
