// SPDX-License-Identifier: MIT
//
// Places and units of length as clients write them, and distances as they read them.
#pragma once

#include "datatypes/geohash.h"
#include "resp/bytes.h"
#include "resp/reply.h"

enum { GEO_ERROR_CHARS = 768 }; // room for the longest numbers in an error

// A place on the map. Returns NULL or the error, which may be written into `room`.
const char *geo_parse_point(struct bytes longitude, struct bytes latitude, struct geo_point *,
                            char room[GEO_ERROR_CHARS]);

// "m", "km", "ft" or "mi" in any case: how many metres that is. Returns NULL or the error.
const char *geo_parse_unit(struct bytes, double *metres);

// A distance on earth, in any of the units, with four digits behind the point.
void geo_reply_distance(struct reply *, double distance);
