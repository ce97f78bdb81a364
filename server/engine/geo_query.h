// SPDX-License-Identifier: MIT
//
// Finds the members of a sorted set that lie within a shape: GEOSEARCH and its older forms. For
// handlers with a `work` row, under the read lock of the set.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "datatypes/geohash.h"
#include "datatypes/status.h"
#include "datatypes/value.h"

struct cmd_ctx;

enum { GEO_FOUND_INLINE = 16 }; // members that are listed without allocating

enum geo_order { GEO_UNORDERED, GEO_NEAREST, GEO_FARTHEST };

// A member within the shape; `data` points into the set.
struct geo_found {
    const char *data;
    size_t len;
    double score, metres; // metres from the centre
    size_t seen;          // how many were found before it: who is as far away comes later
};

struct geo_query {
    struct geo_shape shape;
    enum geo_order order;
    size_t count; // most members to find; 0: all
    bool any;     // any `count` members, not the first ones in order

    // The result, in order.
    struct geo_found *found;
    size_t n;

    // Private from here on.
    size_t capacity, seen;
    bool heap; // `found` is one
    struct geo_found few[GEO_FOUND_INLINE];
};

// Members that will be looked at in the sorted set, whose key is locked.
size_t geo_query_size(const struct geo_query *, struct value set);

// Searches a sorted set. *gone: the client has, and the result is not complete. Without memory
// there is no result. geo_query_free() in any case.
enum status geo_query_run(struct geo_query *, struct cmd_ctx *, struct value set, bool *gone);
void geo_query_free(struct geo_query *);
