// SPDX-License-Identifier: MIT
//
// Searching the places of a sorted set: GEOSEARCH, GEOSEARCHSTORE, and the older GEORADIUS and its
// kin. All read their arguments into one description, `struct search`; engine/geo_query.h finds the
// members, which are replied or stored.
#include <stdio.h>

#include "datatypes/zset.h"
#include "datatypes/zset_build.h"
#include "server/engine/cmd.h"
#include "server/engine/geo_args.h"
#include "server/engine/geo_query.h"

enum {
    ORDER_SLICE = 256,   // members of a stored result put in order between two steps
    LOOK_FROM = 256,     // members from which on it pays to look how many an area has
    WORK_PER_MEMBER = 8, // looking at it, putting it in order, replying it
    WORK_PER_STORED = 12,
};

#define NOT_INTEGER "value is not an integer or out of range"
#define NO_MEMBER   "could not decode requested zset member"
#define SYNTAX      "syntax error"

enum search_form {
    RADIUS,           // GEORADIUS: a place and a radius in front of the options
    RADIUS_BY_MEMBER, // GEORADIUSBYMEMBER: a member and a radius
    SEARCH,           // GEOSEARCH: everything is an option
    SEARCH_STORE,     // GEOSEARCHSTORE
};

// What a command asks for.
struct search {
    const struct cmd_ctx *c;
    enum search_form form;
    bool read_only;   // ..._RO: no STORE
    struct value set; // that is searched, maybe absent
    int options;      // the first argument that is one

    bool from_member, from_point; // what has been said of the centre
    bool by_radius, by_box;       // and of the shape
    double unit;                  // in metres
    bool with_distance, with_hash, with_place;
    bool store, store_distance;
    struct geo_query query;
    char error[GEO_ERROR_CHARS];
};

// ---- reading the arguments; each returns NULL or the error ------------------------------------

static const char *parse_length(struct search *s, int arg, const char *error, double *length)
{
    return bytes_to_double(s->c->argv[arg], length) ? NULL : error;
}

static const char *parse_radius(struct search *s, int arg)
{
    struct geo_shape *shape = &s->query.shape;
    const char *error = parse_length(s, arg, "need numeric radius", &shape->radius);

    if (error)
        return error;
    if (shape->radius < 0)
        return "radius cannot be negative";
    error = geo_parse_unit(s->c->argv[arg + 1], &s->unit);
    shape->form = GEO_CIRCLE;
    shape->radius *= s->unit;
    s->by_radius = true;
    return error;
}

static const char *parse_box(struct search *s, int arg)
{
    struct geo_shape *shape = &s->query.shape;
    const char *error = parse_length(s, arg, "need numeric width", &shape->width);

    if (!error)
        error = parse_length(s, arg + 1, "need numeric height", &shape->height);
    if (error)
        return error;
    if (shape->width < 0 || shape->height < 0)
        return "height or width cannot be negative";
    error = geo_parse_unit(s->c->argv[arg + 2], &s->unit);
    shape->form = GEO_BOX;
    shape->width *= s->unit;
    shape->height *= s->unit;
    s->by_box = true;
    return error;
}

// The centre is a member of the set; where there is no set, nothing is looked up.
static const char *parse_member(struct search *s, int arg)
{
    struct bytes member = s->c->argv[arg];
    struct zset_place place;

    s->from_member = true;
    if (value_is_none(s->set))
        return NULL;
    if (!zset_find(s->set, member.data, member.len, &place))
        return NO_MEMBER;
    s->query.shape.centre = geohash_point(place.score);
    return NULL;
}

static const char *parse_point(struct search *s, int arg)
{
    s->from_point = true;
    return geo_parse_point(s->c->argv[arg], s->c->argv[arg + 1], &s->query.shape.centre, s->error);
}

static const char *parse_count(struct search *s, int arg)
{
    int64_t count;

    if (!bytes_to_i64(s->c->argv[arg], &count))
        return NOT_INTEGER;
    if (count <= 0)
        return "COUNT must be > 0";
    s->query.count = (size_t)count;
    return NULL;
}

// Options of one word. False: none of them.
static bool parse_word(struct search *s, int arg)
{
    const struct cmd_ctx *c = s->c;

    if (cmd_arg_is(c, arg, "withdist"))
        s->with_distance = true;
    else if (cmd_arg_is(c, arg, "withhash"))
        s->with_hash = true;
    else if (cmd_arg_is(c, arg, "withcoord"))
        s->with_place = true;
    else if (cmd_arg_is(c, arg, "any"))
        s->query.any = true;
    else if (cmd_arg_is(c, arg, "asc"))
        s->query.order = GEO_NEAREST;
    else if (cmd_arg_is(c, arg, "desc"))
        s->query.order = GEO_FARTHEST;
    else
        return false;
    return true;
}

// STORE key and STOREDIST key of the older commands; their key is found by radius_keys().
static bool is_store(const struct cmd_ctx *c, int arg, bool *distance)
{
    *distance = cmd_arg_is(c, arg, "storedist");
    return arg + 1 < c->argc && (*distance || cmd_arg_is(c, arg, "store"));
}

// An option of GEOSEARCH at *arg, which is moved to its last argument.
static const char *parse_search_option(struct search *s, int *arg)
{
    const struct cmd_ctx *c = s->c;
    int at = *arg, left = c->argc - at - 1;

    if (left >= 1 && !s->from_point && cmd_arg_is(c, at, "frommember")) {
        *arg += 1;
        return parse_member(s, at + 1);
    }
    if (left >= 2 && !s->from_member && cmd_arg_is(c, at, "fromlonlat")) {
        *arg += 2;
        return parse_point(s, at + 1);
    }
    if (left >= 2 && !s->by_box && cmd_arg_is(c, at, "byradius")) {
        *arg += 2;
        return parse_radius(s, at + 1);
    }
    if (left >= 3 && !s->by_radius && cmd_arg_is(c, at, "bybox")) {
        *arg += 3;
        return parse_box(s, at + 1);
    }
    if (s->form == SEARCH_STORE && cmd_arg_is(c, at, "storedist")) {
        s->store_distance = true;
        return NULL;
    }
    return SYNTAX;
}

// The option at *arg, which is moved to its last argument.
static const char *parse_option(struct search *s, int *arg)
{
    const struct cmd_ctx *c = s->c;
    int at = *arg;
    bool distance;

    if (parse_word(s, at))
        return NULL;
    if (at + 1 < c->argc && cmd_arg_is(c, at, "count")) {
        *arg += 1;
        return parse_count(s, at + 1);
    }
    if (s->form == SEARCH || s->form == SEARCH_STORE)
        return parse_search_option(s, arg);
    if (!s->read_only && is_store(c, at, &distance)) {
        *arg += 1;
        s->store = true;
        s->store_distance = distance;
        return NULL;
    }
    return SYNTAX;
}

// What stands in front of the options.
static const char *parse_head(struct search *s)
{
    const char *error;

    switch (s->form) {
    case RADIUS:
        s->options = 6;
        error = parse_point(s, 2);
        return error ? error : parse_radius(s, 4);
    case RADIUS_BY_MEMBER:
        s->options = 5;
        if (value_is_none(s->set)) // Redis does not look at the radius then
            return NULL;
        error = parse_member(s, 2);
        return error ? error : parse_radius(s, 3);
    case SEARCH_STORE:
        s->options = 3;
        s->store = true;
        return NULL;
    default:
        s->options = 2;
        return NULL;
    }
}

// What the options come to together.
static const char *check(struct search *s)
{
    bool search = s->form == SEARCH || s->form == SEARCH_STORE;
    struct bytes name = s->c->argv[0];

    if (s->store && (s->with_distance || s->with_hash || s->with_place)) {
        snprintf(s->error, sizeof s->error,
                 "%s is not compatible with WITHDIST, WITHHASH and WITHCOORD options",
                 search ? "GEOSEARCHSTORE" : "STORE option in GEORADIUS");
        return s->error;
    }
    if (search && !s->from_member && !s->from_point) {
        snprintf(s->error, sizeof s->error,
                 "exactly one of FROMMEMBER or FROMLONLAT can be specified for %.*s",
                 bytes_precision(name), name.data);
        return s->error;
    }
    if (search && !s->by_radius && !s->by_box) {
        snprintf(s->error, sizeof s->error,
                 "exactly one of BYRADIUS and BYBOX can be specified for %.*s",
                 bytes_precision(name), name.data);
        return s->error;
    }
    if (s->query.any && s->query.count == 0)
        return "the ANY argument requires COUNT argument";
    return NULL;
}

// Reads the whole command, of which `set` is the sorted set that is searched, or absent.
static const char *parse(struct search *s, const struct cmd_ctx *c, enum search_form form,
                         struct value set)
{
    struct geo_query *q = &s->query;

    s->c = c;
    s->form = form;
    s->set = set;
    s->read_only = c->cmd->row->lock != LOCK_WRITE;
    s->from_member = s->from_point = s->by_radius = s->by_box = false;
    s->with_distance = s->with_hash = s->with_place = s->store = s->store_distance = false;
    s->unit = 1;
    q->order = GEO_UNORDERED;
    q->count = 0;
    q->any = false;
    const char *error = parse_head(s);
    for (int arg = s->options; arg < c->argc && !error; arg++)
        error = parse_option(s, &arg);
    if (!error)
        error = check(s);
    // The first of all can only be the nearest.
    if (q->count != 0 && !q->any && q->order == GEO_UNORDERED)
        q->order = GEO_NEAREST;
    return error;
}

// ---- replying and storing ---------------------------------------------------------------------

static void reply_found(struct cmd_ctx *c, const struct search *s, const struct geo_found *m)
{
    size_t extra = (size_t)s->with_distance + s->with_hash + s->with_place;

    if (extra != 0)
        reply_array(c->reply, 1 + extra);
    reply_bulk(c->reply, m->data, m->len);
    if (s->with_distance)
        geo_reply_distance(c->reply, m->metres / s->unit);
    if (s->with_hash)
        reply_int(c->reply, (int64_t)m->score);
    if (s->with_place) {
        struct geo_point p = geohash_point(m->score);
        reply_array(c->reply, 2);
        reply_long_double(c->reply, (long double)p.longitude);
        reply_long_double(c->reply, (long double)p.latitude);
    }
}

static void reply_all(struct cmd_ctx *c, const struct search *s)
{
    const struct geo_query *q = &s->query;
    size_t work = s->with_place ? 20 : s->with_distance ? 8 : 1;

    reply_array(c->reply, q->n);
    for (size_t i = 0; i < q->n && cmd_step(c, work); i++)
        reply_found(c, s, &q->found[i]);
}

// A private sorted set of what was found; *out VALUE_ABSENT when that is nothing.
static enum status build(struct cmd_ctx *c, const struct search *s, struct value *out)
{
    const struct geo_query *q = &s->query;
    struct zset_build b;

    *out = VALUE_ABSENT;
    if (q->n == 0)
        return STATUS_OK;
    enum status status = zset_build_begin(&b, c->types);
    if (status != STATUS_OK)
        return status;
    for (size_t i = 0; i < q->n && status == STATUS_OK; i++) {
        const struct geo_found *m = &q->found[i];
        double score = s->store_distance ? m->metres / s->unit : m->score;
        status = zset_build_add(&b, m->data, m->len, score, ZSET_SUM);
        cmd_step(c, 4);
    }
    while (status == STATUS_OK && zset_build_order(&b, ORDER_SLICE))
        cmd_step(c, 4 * ORDER_SLICE);
    if (status == STATUS_OK)
        return zset_build_finish(&b, true, out);
    zset_build_abort(&b);
    return status;
}

static void store_all(struct cmd_ctx *c, const struct search *s, int to)
{
    struct value result;
    enum status status = build(c, s, &result);

    if (status != STATUS_OK) {
        cmd_reply_status(c, status);
        return;
    }
    key_set(c, to, result);
    reply_int(c->reply, (int64_t)s->query.n);
}

// ---- the commands -----------------------------------------------------------------------------

static void search_set(struct cmd_ctx *c, struct search *s, int to)
{
    bool gone;
    enum status status = geo_query_run(&s->query, c, s->set, &gone);

    if (status != STATUS_OK)
        cmd_reply_status(c, status);
    else if (s->store && !gone)
        store_all(c, s, to);
    else if (!gone)
        reply_all(c, s);
    geo_query_free(&s->query);
}

// Searches the set of key `from`; what is stored goes to key `to`.
static void search(struct cmd_ctx *c, enum search_form form, int from, int to)
{
    struct search s;
    struct value set;

    if (!key_get_type(c, from, TYPE_ZSET, &set))
        return;
    const char *error = parse(&s, c, form, set);
    if (error) {
        reply_error(c->reply, error);
    } else if (!value_is_none(set)) {
        search_set(c, &s, to);
    } else if (s.store) {
        key_delete(c, to);
        reply_int(c->reply, 0);
    } else {
        reply_empty_array(c->reply);
    }
}

/* GEORADIUS key longitude latitude radius unit [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT count
 * [ANY]] [ASC | DESC] [STORE key] [STOREDIST key]  -> the members, or how many were stored */
static void cmd_georadius(struct cmd_ctx *c)
{
    search(c, RADIUS, 0, c->nkeys - 1);
}

/* GEORADIUSBYMEMBER key member radius unit [...], likewise */
static void cmd_georadiusbymember(struct cmd_ctx *c)
{
    search(c, RADIUS_BY_MEMBER, 0, c->nkeys - 1);
}

/* GEOSEARCH key <FROMMEMBER member | FROMLONLAT longitude latitude> <BYRADIUS radius unit | BYBOX
 * width height unit> [ASC | DESC] [COUNT count [ANY]] [WITHCOORD] [WITHDIST] [WITHHASH] */
static void cmd_geosearch(struct cmd_ctx *c)
{
    search(c, SEARCH, 0, 0);
}

/* GEOSEARCHSTORE destination source ... [STOREDIST]  -> how many were stored */
static void cmd_geosearchstore(struct cmd_ctx *c)
{
    search(c, SEARCH_STORE, 1, 0);
}

// The key that is searched and those that options from argument `arg` on say to store to, of which
// the last one counts. Words that are no options are passed over: the handler reports them.
static void radius_keys(struct cmd_ctx *c, int arg)
{
    bool distance;

    if (cmd_add_key(c, 1, c->db, LOCK_READ) < 0)
        return;
    for (; arg < c->argc; arg++) {
        if (is_store(c, arg, &distance)) {
            if (cmd_add_key(c, ++arg, c->db, LOCK_WRITE) < 0)
                return;
        } else if (cmd_arg_is(c, arg, "count")) {
            arg++;
        }
    }
}

static void keys_of_georadius(struct cmd_ctx *c)
{
    radius_keys(c, 6);
}

static void keys_of_georadiusbymember(struct cmd_ctx *c)
{
    radius_keys(c, 5);
}

// The members in the cells around the shape. Of a large set they are counted once it is locked;
// until then they are taken for few.
static uint64_t work_search(struct cmd_ctx *c, enum search_form form, int from)
{
    struct search s;

    if (from >= c->nkeys)
        return 1;
    struct value set = key_peek(c, from);
    if (value_type(set) != TYPE_ZSET)
        return 1;
    uint64_t n = zset_count(set);
    if (n >= LOOK_FROM) {
        if (!keys_locked(c) || parse(&s, c, form, set))
            return 1;
        n = geo_query_size(&s.query, set);
    }
    bool stores = form == SEARCH_STORE || c->nkeys > 1;
    return 1 + n * (stores ? WORK_PER_STORED + WORK_PER_MEMBER : WORK_PER_MEMBER);
}

static uint64_t work_georadius(struct cmd_ctx *c)
{
    return work_search(c, RADIUS, 0);
}

static uint64_t work_georadiusbymember(struct cmd_ctx *c)
{
    return work_search(c, RADIUS_BY_MEMBER, 0);
}

static uint64_t work_geosearch(struct cmd_ctx *c)
{
    return work_search(c, SEARCH, 0);
}

static uint64_t work_geosearchstore(struct cmd_ctx *c)
{
    return work_search(c, SEARCH_STORE, 1);
}

#define OPTIONS "[WITHCOORD] [WITHDIST] [WITHHASH] [COUNT count [ANY]] [ASC | DESC]"
#define STORES  " [STORE key] [STOREDIST key]"
#define UNIT    "<M | KM | FT | MI>"
#define AREA                                                                                       \
    "<FROMMEMBER member | FROMLONLAT longitude latitude> "                                         \
    "<BYRADIUS radius " UNIT " | BYBOX width height " UNIT "> "                                    \
    "[ASC | DESC] [COUNT count [ANY]]"

// clang-format off
COMMANDS(geo_search) = {
    {"georadius", -6, KEYS(1, 1, 1), LOCK_WRITE, CMD_DENYOOM | CMD_LOOK_AGAIN, cmd_georadius,
     "key longitude latitude radius " UNIT " " OPTIONS STORES, "3.2.0",
     "Returns or stores the places of a sorted set around a point.",
     .getkeys = keys_of_georadius, .store_options = 6,
     .key_use = "RO access", .rest_use = "OW update", .work = work_georadius},
    {"georadius_ro", -6, KEYS(1, 1, 1), LOCK_READ, CMD_LOOK_AGAIN, cmd_georadius,
     "key longitude latitude radius " UNIT " " OPTIONS, "3.2.10",
     "Returns the places of a sorted set around a point.",
     .work = work_georadius},
    {"georadiusbymember", -5, KEYS(1, 1, 1), LOCK_WRITE, CMD_DENYOOM | CMD_LOOK_AGAIN,
     cmd_georadiusbymember, "key member radius " UNIT " " OPTIONS STORES, "3.2.0",
     "Returns or stores the places of a sorted set around one of them.",
     .getkeys = keys_of_georadiusbymember, .store_options = 5,
     .key_use = "RO access", .rest_use = "OW update", .work = work_georadiusbymember},
    {"georadiusbymember_ro", -5, KEYS(1, 1, 1), LOCK_READ, CMD_LOOK_AGAIN, cmd_georadiusbymember,
     "key member radius " UNIT " " OPTIONS, "3.2.10",
     "Returns the places of a sorted set around one of them.",
     .work = work_georadiusbymember},
    {"geosearch", -7, KEYS(1, 1, 1), LOCK_READ, CMD_LOOK_AGAIN, cmd_geosearch,
     "key " AREA " [WITHCOORD] [WITHDIST] [WITHHASH]", "6.2.0",
     "Returns the places of a sorted set within a circle or a box.",
     .work = work_geosearch},
    {"geosearchstore", -8, KEYS(1, 2, 1), LOCK_WRITE,
     CMD_DENYOOM | CMD_READ_REST | CMD_LOOK_AGAIN, cmd_geosearchstore,
     "destination source " AREA " [STOREDIST]", "6.2.0",
     "Stores the places of a sorted set within a circle or a box.",
     .work = work_geosearchstore},
    COMMANDS_END,
};
// clang-format on
