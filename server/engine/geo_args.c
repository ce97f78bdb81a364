// SPDX-License-Identifier: MIT
#include "server/engine/geo_args.h"

#include <math.h>
#include <stdio.h>

const char *geo_parse_point(struct bytes longitude, struct bytes latitude, struct geo_point *p,
                            char room[GEO_ERROR_CHARS])
{
    if (!bytes_to_double(longitude, &p->longitude) || !bytes_to_double(latitude, &p->latitude))
        return "value is not a valid float";
    if (geo_point_valid(*p))
        return NULL;
    snprintf(room, GEO_ERROR_CHARS, "invalid longitude,latitude pair %f,%f", p->longitude,
             p->latitude);
    return room;
}

const char *geo_parse_unit(struct bytes word, double *metres)
{
    static const struct {
        const char *word;
        double metres;
    } UNITS[] = {{"m", 1}, {"km", 1000}, {"ft", 0.3048}, {"mi", 1609.34}};

    for (size_t i = 0; i < sizeof UNITS / sizeof *UNITS; i++) {
        if (bytes_equal_nocase(word, UNITS[i].word)) {
            *metres = UNITS[i].metres;
            return NULL;
        }
    }
    return "unsupported unit provided. please use M, KM, FT, MI";
}

void geo_reply_distance(struct reply *reply, double distance)
{
    enum { CHARS = 32, PARTS = 10000 };
    // Not printf's rounding: a value that becomes a tie when it is multiplied goes to the even one.
    long long parts = (long long)rint(distance * PARTS);
    char text[CHARS];
    int len = snprintf(text, sizeof text, "%lld.%04lld", parts / PARTS, parts % PARTS);

    reply_bulk(reply, text, (size_t)len);
}
