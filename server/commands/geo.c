// SPDX-License-Identifier: MIT
//
// Places as members of a sorted set: a place is its member's score (datatypes/geohash.h). Searching
// is in geo_search.c.
#include "datatypes/geohash.h"
#include "datatypes/zset.h"
#include "server/engine/cmd.h"
#include "server/engine/geo_args.h"
#include "server/engine/work.h"
#include "server/engine/zset_add.h"

enum { WORK_PER_PLACE = 20 }; // writing two coordinates

// ---- GEOADD -----------------------------------------------------------------------------------

// Reads the arguments. False: an error was replied.
static bool parse_geoadd(struct cmd_ctx *c, struct zset_add *add, bool *ch)
{
    char room[GEO_ERROR_CHARS];
    int arg = 2;

    for (; arg < c->argc; arg++) {
        if (cmd_arg_is(c, arg, "nx"))
            add->nx = true;
        else if (cmd_arg_is(c, arg, "xx"))
            add->xx = true;
        else if (cmd_arg_is(c, arg, "ch"))
            *ch = true;
        else
            break;
    }
    int rest = c->argc - arg;
    if (rest == 0 || rest % 3 != 0 || (add->nx && add->xx)) {
        cmd_reply_syntax(c);
        return false;
    }
    if (!zset_add_reserve(add, rest / 3))
        return false;
    for (; arg < c->argc; arg += 3) {
        struct geo_point p;
        const char *error = geo_parse_point(c->argv[arg], c->argv[arg + 1], &p, room);
        if (error) {
            reply_error(c->reply, error);
            return false;
        }
        zset_add_pair(add, geohash_score(p), arg + 2);
        cmd_step(c, 2);
    }
    return true;
}

/* GEOADD key [NX | XX] [CH] longitude latitude member [...]  -> number added; with CH number
 * changed */
static void cmd_geoadd(struct cmd_ctx *c)
{
    struct zset_add add;
    bool ch = false;

    zset_add_init(&add, c);
    if (parse_geoadd(c, &add, &ch) && zset_add_run(&add))
        reply_int(c->reply, ch ? add.added + add.updated : add.added);
    zset_add_free(&add);
}

// ---- looking ----------------------------------------------------------------------------------

// The score of the member that is argument `arg`; false when there is none.
static bool find_score(struct cmd_ctx *c, struct value set, int arg, double *score)
{
    struct zset_place place;

    if (value_is_none(set) || !zset_find(set, c->argv[arg].data, c->argv[arg].len, &place))
        return false;
    *score = place.score;
    return true;
}

/* GEODIST key member1 member2 [M | KM | FT | MI]  -> their distance or nil */
static void cmd_geodist(struct cmd_ctx *c)
{
    double unit = 1, from, to;
    struct value set;

    if (c->argc > 5) {
        cmd_reply_syntax(c);
        return;
    }
    const char *error = c->argc == 5 ? geo_parse_unit(c->argv[4], &unit) : NULL;
    if (error) {
        reply_error(c->reply, error);
        return;
    }
    if (!key_get_type(c, 0, TYPE_ZSET, &set))
        return;
    if (!find_score(c, set, 2, &from) || !find_score(c, set, 3, &to)) {
        reply_null(c->reply);
        return;
    }
    double metres = geo_distance(geohash_point(from), geohash_point(to));
    geo_reply_distance(c->reply, metres / unit);
}

/* GEOHASH key [member ...]  -> for each its place in the letters of geohash.org, or nil */
static void cmd_geohash(struct cmd_ctx *c)
{
    char text[GEOHASH_TEXT_CHARS];
    struct value set;
    double score;

    if (!key_get_type(c, 0, TYPE_ZSET, &set))
        return;
    reply_array(c->reply, (size_t)c->argc - 2);
    for (int i = 2; i < c->argc && cmd_step(c, 2); i++) {
        if (!find_score(c, set, i, &score)) {
            reply_null(c->reply);
            continue;
        }
        geohash_text(score, text);
        reply_bulk(c->reply, text, sizeof text);
    }
}

/* GEOPOS key [member ...]  -> for each [longitude, latitude] or nil */
static void cmd_geopos(struct cmd_ctx *c)
{
    struct value set;
    double score;

    if (!key_get_type(c, 0, TYPE_ZSET, &set))
        return;
    reply_array(c->reply, (size_t)c->argc - 2);
    for (int i = 2; i < c->argc && cmd_step(c, WORK_PER_PLACE); i++) {
        if (!find_score(c, set, i, &score)) {
            reply_null_array(c->reply);
            continue;
        }
        struct geo_point p = geohash_point(score);
        reply_array(c->reply, 2);
        reply_long_double(c->reply, (long double)p.longitude);
        reply_long_double(c->reply, (long double)p.latitude);
    }
}

static uint64_t work_geopos(struct cmd_ctx *c)
{
    return WORK_PER_PLACE * work_args(c);
}

// clang-format off
COMMANDS(geo) = {
    {"geoadd", -5, KEYS(1, 1, 1), LOCK_WRITE, CMD_DENYOOM, cmd_geoadd,
     "key [NX | XX] [CH] longitude latitude member [longitude latitude member ...]", "3.2.0",
     "Adds places to a sorted set or moves them.",
     .key_use = "RW update", .work = work_args, .member = 4},
    {"geodist", -4, KEYS(1, 1, 1), LOCK_NONE, 0, cmd_geodist,
     "key member1 member2 [M | KM | FT | MI]", "3.2.0",
     "Returns the distance between two places of a sorted set.",
     .member = 2},
    {"geohash", -2, KEYS(1, 1, 1), LOCK_NONE, 0, cmd_geohash, "key member [member ...]", "3.2.0",
     "Returns places of a sorted set in the letters of geohash.org.",
     .work = work_args, .member = 2},
    {"geopos", -2, KEYS(1, 1, 1), LOCK_NONE, 0, cmd_geopos, "key member [member ...]", "3.2.0",
     "Returns longitudes and latitudes of places of a sorted set.",
     .work = work_geopos, .member = 2},
    COMMANDS_END,
};
// clang-format on
