// SPDX-License-Identifier: MIT
//
// Places on the earth as scores of a sorted set, and what lies within a shape. Pure functions.
//
// A place is a cell of a grid: longitude and latitude are each cut into 2^steps equal parts, and
// the two numbers are woven into one, so that near places mostly have near numbers:
//
//     bit         2s-1   2s-2  ...   1      0
//     of          lon    lat        lon    lat        most significant bits first
//
// With 26 steps that is 52 bits, which a double holds exactly: the score. A cell of fewer steps is
// the range of scores that begin with its bits. Latitudes end where the web's square map of the
// world does, at 85.05 degrees.
//
// Scores, distances and the order of cells are Redis's to the last bit.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum {
    GEOHASH_STEPS = 26,      // of a score
    GEOHASH_TEXT_CHARS = 11, // of geohash_text()
    GEOHASH_CELLS_MAX = 16,  // that cover a shape: nine, and seven at the ends of the map
};

#define GEOHASH_LONGITUDE_MAX 180.0
#define GEOHASH_LATITUDE_MAX  85.05112878

// In degrees.
struct geo_point {
    double longitude, latitude;
};

// Whether a place is on the map.
bool geo_point_valid(struct geo_point);

// The score of a place on the map.
double geohash_score(struct geo_point);

// The middle of the cell that a score stands for. Any score but NaN: scores that are no places give
// some point on the map.
struct geo_point geohash_point(double score);

// The place of a score in the letters of geohash.org, which count latitudes from pole to pole;
// GEOHASH_TEXT_CHARS bytes without terminator. The last one would need bits that a score does not
// have, and is 0.
void geohash_text(double score, char *out);

// Metres along the surface of a sphere.
double geo_distance(struct geo_point, struct geo_point);

// ---- shapes -----------------------------------------------------------------------------------

enum geo_form { GEO_CIRCLE, GEO_BOX };

// Around a place on the map. A box is as wide as it is at the latitude of the point in question.
struct geo_shape {
    struct geo_point centre;
    enum geo_form form;
    double radius;        // of a circle, in metres
    double width, height; // of a box, in metres
};

// Whether a point is inside; *metres is then how far it is from the centre.
bool geo_shape_has(const struct geo_shape *, struct geo_point, double *metres);

// Scores from `first` up to, not including, `end`.
struct geo_scores {
    double first, end;
};

// The cells that cover a shape, as ranges of scores without overlaps, in the order in which Redis
// goes through them. Returns how many.
int geo_shape_cells(const struct geo_shape *, struct geo_scores cells[GEOHASH_CELLS_MAX]);
