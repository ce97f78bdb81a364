// SPDX-License-Identifier: MIT
//
// CLIENT: looking at connections and managing them. Other threads' clients are read and killed
// under the lock of their thread's list, for which client_each() sees.
#include <stdlib.h>
#include <string.h>

#include "datatypes/mem.h"
#include "resp/bytes.h"
#include "server/engine/client.h"
#include "server/engine/cmd.h"
#include "server/engine/store.h"
#include "server/engine/textbuf.h"

enum client_type { CLIENT_TYPE_ANY, CLIENT_TYPE_NORMAL, CLIENT_TYPE_OTHER };

// NORMAL is the only type that there is yet; the other known words are types that nobody has.
static bool parse_type(struct cmd_ctx *c, int arg, enum client_type *out)
{
    static const char *const OTHERS[] = {"master", "replica", "slave", "pubsub"};

    if (cmd_arg_is(c, arg, "normal")) {
        *out = CLIENT_TYPE_NORMAL;
        return true;
    }
    for (size_t i = 0; i < sizeof OTHERS / sizeof *OTHERS; i++) {
        if (cmd_arg_is(c, arg, OTHERS[i])) {
            *out = CLIENT_TYPE_OTHER;
            return true;
        }
    }
    reply_errorf(c->reply, "Unknown client type '%.*s'", bytes_precision(c->argv[arg]),
                 c->argv[arg].data);
    return false;
}

// ---- CLIENT LIST, CLIENT INFO -----------------------------------------------------------------

// The lines of CLIENT LIST while they are collected, in whatever order the clients come.
struct listing {
    struct textbuf text;
    struct line {
        uint64_t id;
        size_t at, len; // in text
    } * lines;
    size_t n, cap;
    int64_t now_ms;
    bool failed;
};

static void add_flags(struct textbuf *out, uint32_t flags, bool multi)
{
    size_t before = out->len;

    if (multi)
        textbuf_add(out, BYTES("x"));
    if (flags & CLIENT_WATCH_BROKEN)
        textbuf_add(out, BYTES("d"));
    if (flags & CLIENT_CLOSE_AFTER_REPLY)
        textbuf_add(out, BYTES("c"));
    if (flags & CLIENT_CLOSE_NOW)
        textbuf_add(out, BYTES("A"));
    if (flags & CLIENT_NO_EVICT)
        textbuf_add(out, BYTES("e"));
    if (flags & CLIENT_NO_TOUCH)
        textbuf_add(out, BYTES("T"));
    if (out->len == before)
        textbuf_add(out, BYTES("N"));
}

static size_t load_size(const _Atomic size_t *value)
{
    return atomic_load_explicit(value, memory_order_relaxed);
}

static int load_int(const _Atomic int *value)
{
    return atomic_load_explicit(value, memory_order_relaxed);
}

// One client as a line without its end. Caller holds the clients_lock of the client's thread.
static void add_line_locked(struct textbuf *out, const struct client *client, int64_t now_ms)
{
    const struct command_entry *last =
        atomic_load_explicit(&client->last_cmd, memory_order_relaxed);
    int64_t last_ms = atomic_load_explicit(&client->last_ms, memory_order_relaxed);
    size_t pending = load_size(&client->reply_bytes);
    long long age = (now_ms - client->created_ms) / 1000, idle = (now_ms - last_ms) / 1000;

    textbuf_printf(out, "id=%llu addr=%s laddr=%s fd=%d name=%s age=%lld idle=%lld flags=",
                   (unsigned long long)client->id, client->addr, client->laddr, client->fd,
                   client->name ? client->name : "", age > 0 ? age : 0, idle > 0 ? idle : 0);
    int multi = load_int(&client->multi);
    add_flags(out, atomic_load_explicit(&client->flags, memory_order_relaxed), multi >= 0);
    textbuf_printf(out, " db=%d sub=0 psub=0 ssub=0 multi=%d qbuf=%zu qbuf-free=%zu argv-mem=0",
                   load_int(&client->db), multi, load_size(&client->query_bytes),
                   load_size(&client->query_free));
    textbuf_printf(out, " multi-mem=%zu rbs=%zu rbp=%zu obl=%zu oll=0 omem=%zu tot-mem=%zu",
                   load_size(&client->multi_mem), pending, pending, pending, pending,
                   load_size(&client->memory));
    textbuf_printf(out, " events=%s cmd=%s user=default redir=-1 resp=%d", pending ? "rw" : "r",
                   last ? last->full_name : "NULL", load_int(&client->protocol));
    if (client->lib_name || client->lib_ver)
        textbuf_printf(out, " lib-name=%s lib-ver=%s", client->lib_name ? client->lib_name : "",
                       client->lib_ver ? client->lib_ver : "");
}

static void collect_line(struct client *client, void *arg)
{
    struct listing *l = arg;
    size_t at = l->text.len;

    if (l->n == l->cap) {
        size_t cap = l->cap ? 2 * l->cap : 64;
        struct line *lines = mem_realloc(l->lines, cap * sizeof *lines);
        if (!lines) {
            l->failed = true;
            return;
        }
        l->lines = lines;
        l->cap = cap;
    }
    add_line_locked(&l->text, client, l->now_ms);
    l->lines[l->n++] = (struct line){client->id, at, l->text.len - at};
}

static int compare_lines(const void *a, const void *b)
{
    const struct line *x = a, *y = b;
    return (x->id > y->id) - (x->id < y->id);
}

// Collects all clients, in the order of their ids.
static void collect(struct cmd_ctx *c, struct listing *l)
{
    *l = (struct listing){.now_ms = c->now_ms};
    client_each(c->store, collect_line, l);
    if (l->n)
        qsort(l->lines, l->n, sizeof *l->lines, compare_lines);
}

static void add_collected(struct textbuf *out, const struct listing *l, const struct line *line)
{
    textbuf_add(out, (struct bytes){l->text.data + line->at, line->len});
    textbuf_add(out, BYTES("\n"));
}

// Replies the text, or the error when something did not fit in memory; frees both.
static void reply_listing(struct cmd_ctx *c, struct listing *l, struct textbuf *out)
{
    if (l->failed || l->text.failed || out->failed)
        cmd_reply_status(c, STATUS_NO_MEMORY);
    else
        reply_verbatim(c->reply, "txt", textbuf_bytes(out).data, out->len);
    mem_free(l->lines);
    textbuf_free(&l->text);
    textbuf_free(out);
}

static void list_by_id(struct cmd_ctx *c, int first_id)
{
    struct listing l;
    struct textbuf out = TEXTBUF_EMPTY;

    for (int i = first_id; i < c->argc; i++) {
        int64_t id;
        if (!bytes_to_i64(c->argv[i], &id)) {
            reply_error(c->reply, "Invalid client ID");
            return;
        }
    }
    collect(c, &l);
    for (int i = first_id; i < c->argc && l.n && !l.text.failed; i++) {
        int64_t id = 0;
        (void)bytes_to_i64(c->argv[i], &id); // checked above
        struct line wanted = {.id = (uint64_t)id};
        const struct line *line = bsearch(&wanted, l.lines, l.n, sizeof wanted, compare_lines);
        if (line && id > 0)
            add_collected(&out, &l, line);
    }
    reply_listing(c, &l, &out);
}

static void cmd_client_list(struct cmd_ctx *c)
{
    enum client_type type = CLIENT_TYPE_ANY;
    struct listing l;
    struct textbuf out = TEXTBUF_EMPTY;

    if (c->argc > 3 && cmd_arg_is(c, 2, "id")) {
        list_by_id(c, 3);
        return;
    }
    if (c->argc == 4 && cmd_arg_is(c, 2, "type")) {
        if (!parse_type(c, 3, &type))
            return;
    } else if (c->argc != 2) {
        cmd_reply_syntax(c);
        return;
    }
    collect(c, &l);
    for (size_t i = 0; i < l.n && type != CLIENT_TYPE_OTHER && !l.text.failed; i++)
        add_collected(&out, &l, &l.lines[i]);
    reply_listing(c, &l, &out);
}

static void cmd_client_info(struct cmd_ctx *c)
{
    struct textbuf out = TEXTBUF_EMPTY;

    mutex_lock(&c->thread->clients_lock);
    add_line_locked(&out, c->client, c->now_ms);
    mutex_unlock(&c->thread->clients_lock);
    textbuf_add(&out, BYTES("\n"));
    if (out.failed)
        cmd_reply_status(c, STATUS_NO_MEMORY);
    else
        reply_verbatim(c->reply, "txt", out.data, out.len);
    textbuf_free(&out);
}

// ---- CLIENT KILL ------------------------------------------------------------------------------

// Which clients to kill: those that every filter given applies to.
struct kill {
    uint64_t id;              // 0: any
    struct bytes addr, laddr; // .data NULL: any
    enum client_type type;
    bool skip_me;
    struct client *me;
    int64_t killed;
};

static bool same_text(struct bytes want, const char *have)
{
    return !want.data || bytes_equal(want, bytes_of(have));
}

static void kill_if_meant(struct client *client, void *arg)
{
    struct kill *k = arg;

    if ((k->id && k->id != client->id) || !same_text(k->addr, client->addr) ||
        !same_text(k->laddr, client->laddr) || k->type == CLIENT_TYPE_OTHER)
        return;
    if (client == k->me) {
        if (k->skip_me)
            return;
        // It is to get the answer first.
        client_flag_set(client, CLIENT_CLOSE_AFTER_REPLY);
    } else {
        client->ops->kill(client);
    }
    k->killed++;
}

// One option and its value at `arg`; false: an error was replied.
static bool parse_kill_option(struct cmd_ctx *c, int arg, struct kill *k)
{
    struct bytes value = c->argv[arg + 1];

    if (cmd_arg_is(c, arg, "id")) {
        int64_t id;
        if (!cmd_arg_i64_range(c, arg + 1, 1, INT64_MAX, &id, "client-id should be greater than 0"))
            return false;
        k->id = (uint64_t)id;
    } else if (cmd_arg_is(c, arg, "type")) {
        return parse_type(c, arg + 1, &k->type);
    } else if (cmd_arg_is(c, arg, "addr")) {
        k->addr = value;
    } else if (cmd_arg_is(c, arg, "laddr")) {
        k->laddr = value;
    } else if (cmd_arg_is(c, arg, "user")) {
        if (!bytes_equal(value, BYTES("default"))) {
            reply_errorf(c->reply, "No such user '%.*s'", bytes_precision(value), value.data);
            return false;
        }
    } else if (cmd_arg_is(c, arg, "skipme") && bytes_equal_nocase(value, "yes")) {
        k->skip_me = true;
    } else if (cmd_arg_is(c, arg, "skipme") && bytes_equal_nocase(value, "no")) {
        k->skip_me = false;
    } else {
        cmd_reply_syntax(c);
        return false;
    }
    return true;
}

static void cmd_client_kill(struct cmd_ctx *c)
{
    bool old_form = c->argc == 3; // CLIENT KILL addr
    struct kill k = {.me = c->client, .skip_me = !old_form};

    if (old_form) {
        k.addr = c->argv[2];
    } else {
        for (int i = 2; i < c->argc; i += 2) {
            if (i + 1 == c->argc) {
                cmd_reply_syntax(c);
                return;
            }
            if (!parse_kill_option(c, i, &k))
                return;
        }
    }
    client_each(c->store, kill_if_meant, &k);
    if (!old_form)
        reply_int(c->reply, k.killed);
    else if (k.killed)
        reply_ok(c->reply);
    else
        reply_error(c->reply, "No such client");
}

// ---- the connection's own settings ------------------------------------------------------------

static void cmd_client_id(struct cmd_ctx *c)
{
    reply_int(c->reply, (int64_t)c->client->id);
}

static void cmd_client_getname(struct cmd_ctx *c)
{
    // The owner thread is the only one that changes the name, so it may read it without the lock.
    if (c->client->name)
        reply_bulk_str(c->reply, c->client->name);
    else
        reply_null(c->reply);
}

static void cmd_client_setname(struct cmd_ctx *c)
{
    if (!client_name_valid(c->argv[2]))
        reply_error(c->reply, CLIENT_NAME_ERROR);
    else if (!client_set_name(c->client, c->argv[2]))
        cmd_reply_status(c, STATUS_NO_MEMORY);
    else
        reply_ok(c->reply);
}

static void cmd_client_setinfo(struct cmd_ctx *c)
{
    bool version = cmd_arg_is(c, 2, "lib-ver");

    if (!version && !cmd_arg_is(c, 2, "lib-name")) {
        reply_errorf(c->reply, "Unrecognized option '%.*s'", bytes_precision(c->argv[2]),
                     c->argv[2].data);
    } else if (!client_name_valid(c->argv[3])) {
        reply_errorf(c->reply, "%s cannot contain spaces, newlines or special characters.",
                     version ? "lib-ver" : "lib-name");
    } else if (!client_set_lib(c->client, c->argv[3], version)) {
        cmd_reply_status(c, STATUS_NO_MEMORY);
    } else {
        reply_ok(c->reply);
    }
}

// ON answers; OFF and SKIP are silent themselves. The dispatcher drops the replies that come after.
static void cmd_client_reply(struct cmd_ctx *c)
{
    if (cmd_arg_is(c, 2, "on")) {
        client_flag_clear(c->client, CLIENT_REPLY_OFF | CLIENT_REPLY_SKIP);
        reply_ok(c->reply);
    } else if (cmd_arg_is(c, 2, "off")) {
        client_flag_set(c->client, CLIENT_REPLY_OFF);
    } else if (cmd_arg_is(c, 2, "skip")) {
        client_flag_set(c->client, CLIENT_REPLY_SKIP_NEXT);
    } else {
        cmd_reply_syntax(c);
    }
}

static void switch_flag(struct cmd_ctx *c, uint32_t flag)
{
    if (cmd_arg_is(c, 2, "on")) {
        client_flag_set(c->client, flag);
    } else if (cmd_arg_is(c, 2, "off")) {
        client_flag_clear(c->client, flag);
    } else {
        cmd_reply_syntax(c);
        return;
    }
    reply_ok(c->reply);
}

static void cmd_client_no_evict(struct cmd_ctx *c)
{
    switch_flag(c, CLIENT_NO_EVICT);
}

static void cmd_client_no_touch(struct cmd_ctx *c)
{
    switch_flag(c, CLIENT_NO_TOUCH);
}

static void cmd_client_help(struct cmd_ctx *c)
{
    static const char *const LINES[] = {
        "GETNAME",
        "    The name of this connection.",
        "ID",
        "    The id of this connection.",
        "INFO",
        "    This connection as a line of CLIENT LIST.",
        "KILL <ip:port>",
        "    Close the connection that comes from <ip:port>.",
        "KILL <option> <value> [<option> <value> [...]]",
        "    Close the connections to which all of these apply, and tell how many:",
        "    * ID <client-id>",
        "    * ADDR <ip:port>, LADDR <ip:port>: its address there, and here",
        "    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)",
        "    * USER <username>",
        "    * SKIPME (YES|NO): whether to spare this connection (default: yes)",
        "LIST [TYPE (NORMAL|MASTER|REPLICA|PUBSUB) | ID <client-id> [<client-id> ...]]",
        "    One line for each connection.",
        "NO-EVICT (ON|OFF)",
        "    Keep this connection when memory runs short.",
        "NO-TOUCH (ON|OFF)",
        "    Let the commands of this connection not count as uses of their keys.",
        "REPLY (ON|OFF|SKIP)",
        "    Whether this connection gets replies; SKIP: none to the next command.",
        "SETINFO (LIB-NAME|LIB-VER) <value>",
        "    Tell the client library's name or version.",
        "SETNAME <name>",
        "    Name this connection.",
        NULL,
    };
    cmd_reply_help(c, LINES);
}

enum {
    OWN = CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_CONNECTION,
    MANAGE = OWN | CMD_ADMIN,
    HELP = CMD_LOADING | CMD_STALE | CMD_CONNECTION,
};

// clang-format off
static const struct command subcommands[] = {
    {"getname", 2, NO_KEYS, LOCK_NONE, OWN, cmd_client_getname, "", "2.6.9",
     "The connection's name."},
    {"help", 2, NO_KEYS, LOCK_NONE, HELP, cmd_client_help, "", "5.0.0",
     "Lists the subcommands."},
    {"id", 2, NO_KEYS, LOCK_NONE, OWN, cmd_client_id, "", "5.0.0",
     "The connection's id."},
    {"info", 2, NO_KEYS, LOCK_NONE, OWN, cmd_client_info, "", "6.2.0",
     "The connection as a line of CLIENT LIST.",
     .tips = "nondeterministic_output"},
    {"kill", -3, NO_KEYS, LOCK_NONE, MANAGE, cmd_client_kill,
     "<ip:port | <[ID client-id] | [TYPE <NORMAL | MASTER | SLAVE | REPLICA | PUBSUB>] | "
     "[USER username] | [ADDR ip:port] | [LADDR ip:port] | [SKIPME yes/no]> "
     "[<[ID client-id] | [TYPE <NORMAL | MASTER | SLAVE | REPLICA | PUBSUB>] | "
     "[USER username] | [ADDR ip:port] | [LADDR ip:port] | [SKIPME yes/no]> ...]>", "2.4.0",
     "Closes connections."},
    {"list", -2, NO_KEYS, LOCK_NONE, MANAGE, cmd_client_list,
     "[TYPE <NORMAL | MASTER | REPLICA | PUBSUB>] [ID client-id [client-id ...]]", "2.4.0",
     "One line for each connection.",
     .tips = "nondeterministic_output"},
    {"no-evict", 3, NO_KEYS, LOCK_NONE, MANAGE, cmd_client_no_evict, "<ON | OFF>", "7.0.0",
     "Whether the connection is kept when memory runs short."},
    {"no-touch", 3, NO_KEYS, LOCK_NONE, OWN, cmd_client_no_touch, "<ON | OFF>", "7.2.0",
     "Whether the connection's commands count as uses of their keys."},
    {"reply", 3, NO_KEYS, LOCK_NONE, OWN, cmd_client_reply, "<ON | OFF | SKIP>", "3.2.0",
     "Whether the connection gets replies."},
    {"setinfo", 4, NO_KEYS, LOCK_NONE, OWN, cmd_client_setinfo,
     "<LIB-NAME libname | LIB-VER libver>", "7.2.0",
     "Tells the client library's name or version."},
    {"setname", 3, NO_KEYS, LOCK_NONE, OWN, cmd_client_setname, "connection-name", "2.6.9",
     "Names the connection."},
    COMMANDS_END,
};

COMMANDS(client) = {
    {"client", -2, NO_KEYS, LOCK_NONE, 0, NULL, "", "2.4.0",
     "A container of commands about connections.", .subcommands = subcommands},
    COMMANDS_END,
};
