// SPDX-License-Identifier: MIT
//
// Which cells cover a shape
// The cell in which the shape's centre lies and its eight neighbours, of a size such that the shape
// does not reach beyond them:
//
//     6 1 5       The numbers are the order in which they are searched. Where the shape keeps
//     4 0 3       within the middle row or column, the cells beyond it are left out. East and west
//     8 2 7       of the map, and north and south of it, it goes on at the other side.
//
// The size is first guessed from the radius alone: a cell of s steps is 1 / 2^s of the map's width
// wide, less towards the poles. The guess is then checked against the box around the shape.
//
// Size and order are those of Redis, as they show where a result is not sorted. Redis loses members
// of some shapes near the poles, of very wide ones, and those at exactly 180 degrees or the map's
// northern end, which have a column and a row of cells of their own; here they are found.
#include "datatypes/geohash.h"

#include <math.h>
#include <stddef.h>

#define EARTH_RADIUS   6372797.560856 // metres
#define MAP_HALF_WIDTH 20037726.37    // metres, on Mercator's map

#define RADIANS (M_PI / 180.0) // in a degree

enum {
    SCORE_BITS = 2 * GEOHASH_STEPS,
    TEXT_BITS = 5, // a letter
};

struct cell {
    uint32_t x, y; // columns from the west, rows from the south
    int steps;
};

static const double LONGITUDE_SPAN = 2 * GEOHASH_LONGITUDE_MAX;
static const double LATITUDE_SPAN = GEOHASH_LATITUDE_MAX - -GEOHASH_LATITUDE_MAX;

// ---- weaving bits -----------------------------------------------------------------------------

// Puts a zero above each bit.
static uint64_t spread(uint32_t n)
{
    uint64_t v = n;

    v = (v | v << 16) & UINT64_C(0x0000ffff0000ffff);
    v = (v | v << 8) & UINT64_C(0x00ff00ff00ff00ff);
    v = (v | v << 4) & UINT64_C(0x0f0f0f0f0f0f0f0f);
    v = (v | v << 2) & UINT64_C(0x3333333333333333);
    return (v | v << 1) & UINT64_C(0x5555555555555555);
}

// Takes every other bit out again.
static uint32_t gather(uint64_t v)
{
    v &= UINT64_C(0x5555555555555555);
    v = (v | v >> 1) & UINT64_C(0x3333333333333333);
    v = (v | v >> 2) & UINT64_C(0x0f0f0f0f0f0f0f0f);
    v = (v | v >> 4) & UINT64_C(0x00ff00ff00ff00ff);
    v = (v | v >> 8) & UINT64_C(0x0000ffff0000ffff);
    return (uint32_t)(v | v >> 16);
}

static uint64_t cell_bits(const struct cell *cell)
{
    return spread(cell->x) << 1 | spread(cell->y);
}

// ---- points and cells -------------------------------------------------------------------------

// Which of the 2^steps parts of a span a coordinate is in, that far from its beginning. The very
// end of the span gives the part beyond the last.
static uint32_t part_of(double distance, double span, int steps)
{
    return (uint32_t)(distance / span * (double)(UINT64_C(1) << steps));
}

static struct cell cell_of(struct geo_point p, int steps)
{
    return (struct cell){
        part_of(p.longitude - -GEOHASH_LONGITUDE_MAX, LONGITUDE_SPAN, steps),
        part_of(p.latitude - -GEOHASH_LATITUDE_MAX, LATITUDE_SPAN, steps),
        steps,
    };
}

// Where the column of the cell, or one that many columns further east, begins.
static double cell_west(const struct cell *cell, int further)
{
    double n = (double)cell->x + further;

    return -GEOHASH_LONGITUDE_MAX + n / (double)(UINT64_C(1) << cell->steps) * LONGITUDE_SPAN;
}

// Likewise the row of the cell, or one further north.
static double cell_south(const struct cell *cell, int further)
{
    double n = (double)cell->y + further;

    return -GEOHASH_LATITUDE_MAX + n / (double)(UINT64_C(1) << cell->steps) * LATITUDE_SPAN;
}

static double clamp(double n, double limit)
{
    return n < -limit ? -limit : n > limit ? limit : n;
}

// Scores that ZADD made may be anything. What is no unsigned number of 64 bits is read as the
// machine converts it, for Redis's sake.
static uint64_t score_bits(double score)
{
    if (score >= 0x1p63)
        return score < 0x1p64 ? (uint64_t)score : 0;
    return score >= -0x1p63 ? (uint64_t)(int64_t)score : UINT64_C(1) << 63;
}

bool geo_point_valid(struct geo_point p)
{
    return p.longitude >= -GEOHASH_LONGITUDE_MAX && p.longitude <= GEOHASH_LONGITUDE_MAX &&
           p.latitude >= -GEOHASH_LATITUDE_MAX && p.latitude <= GEOHASH_LATITUDE_MAX;
}

double geohash_score(struct geo_point p)
{
    struct cell cell = cell_of(p, GEOHASH_STEPS);

    return (double)cell_bits(&cell);
}

struct geo_point geohash_point(double score)
{
    uint64_t bits = score_bits(score);
    struct cell cell = {gather(bits >> 1), gather(bits), GEOHASH_STEPS};

    return (struct geo_point){
        clamp((cell_west(&cell, 0) + cell_west(&cell, 1)) / 2, GEOHASH_LONGITUDE_MAX),
        clamp((cell_south(&cell, 0) + cell_south(&cell, 1)) / 2, GEOHASH_LATITUDE_MAX),
    };
}

void geohash_text(double score, char *out)
{
    static const char LETTERS[] = "0123456789bcdefghjkmnpqrstuvwxyz";
    struct geo_point p = geohash_point(score);
    struct cell cell = {
        part_of(p.longitude - -180.0, 360.0, GEOHASH_STEPS),
        part_of(p.latitude - -90.0, 180.0, GEOHASH_STEPS),
        GEOHASH_STEPS,
    };
    uint64_t bits = cell_bits(&cell);
    int shift = SCORE_BITS;

    for (int i = 0; i < GEOHASH_TEXT_CHARS; i++) {
        shift -= TEXT_BITS;
        out[i] = shift < 0 ? LETTERS[0] : LETTERS[bits >> shift & 31];
    }
}

// ---- distances --------------------------------------------------------------------------------

// Metres between two latitudes.
static double latitude_distance(double a, double b)
{
    return EARTH_RADIUS * fabs(b * RADIANS - a * RADIANS);
}

double geo_distance(struct geo_point a, struct geo_point b)
{
    // The haversine formula. Redis's order of operations matters for the last digits.
    double v = sin((b.longitude * RADIANS - a.longitude * RADIANS) / 2);

    if (v == 0)
        return latitude_distance(a.latitude, b.latitude);
    double from = a.latitude * RADIANS, to = b.latitude * RADIANS;
    double u = sin((to - from) / 2);
    double h = u * u + cos(from) * cos(to) * v * v;
    return 2.0 * EARTH_RADIUS * asin(h < 1 ? sqrt(h) : 1);
}

// ---- shapes -----------------------------------------------------------------------------------

bool geo_shape_has(const struct geo_shape *shape, struct geo_point p, double *metres)
{
    struct geo_point c = shape->centre;

    if (shape->form == GEO_BOX) {
        if (latitude_distance(p.latitude, c.latitude) > shape->height / 2)
            return false;
        if (geo_distance(p, (struct geo_point){c.longitude, p.latitude}) > shape->width / 2)
            return false;
    }
    *metres = geo_distance(c, p);
    return shape->form == GEO_BOX || !(*metres > shape->radius);
}

// Coordinates between which a shape lies. Some are beyond the ends of the map.
struct bounds {
    double west, south, east, north;
};

// How far a shape reaches from its centre.
struct reach {
    double up, across; // metres to the north and south, and to the east and west
    double edge;       // the latitude furthest from the equator
};

static struct reach reach_of(const struct geo_shape *shape)
{
    bool box = shape->form == GEO_BOX;
    double up = box ? shape->height / 2 : shape->radius;
    double across = box ? shape->width / 2 : shape->radius;
    double latitude = shape->centre.latitude, degrees = up / EARTH_RADIUS / RADIANS;

    return (struct reach){up, across, latitude < 0 ? latitude - degrees : latitude + degrees};
}

static struct bounds bounds_around(struct geo_point c, const struct reach *reach, double degrees)
{
    double up = reach->up / EARTH_RADIUS / RADIANS;

    return (struct bounds){c.longitude - degrees, c.latitude - up, c.longitude + degrees,
                           c.latitude + up};
}

// What Redis takes for the bounds: metres are most degrees of longitude at the edge, and so many if
// the earth were flat.
static struct bounds flat_bounds(const struct geo_shape *shape)
{
    struct reach reach = reach_of(shape);

    return bounds_around(shape->centre, &reach,
                         reach.across / EARTH_RADIUS / cos(reach.edge * RADIANS) / RADIANS);
}

// The same on a sphere.
static struct bounds round_bounds(const struct geo_shape *shape)
{
    struct reach reach = reach_of(shape);
    double angle = reach.across / EARTH_RADIUS, degrees = 180;

    if (shape->form == GEO_BOX) {
        // The haversine formula for two points at the edge; nothing is north or south of the map.
        double v = sin(angle / 2) / cos(clamp(reach.edge, GEOHASH_LATITUDE_MAX) * RADIANS);
        if (angle < M_PI && v < 1)
            degrees = 2 * asin(v) / RADIANS;
    } else if (fabs(reach.edge) < 90) {
        // Where the furthest meridian touches the circle. Around a pole there is none.
        degrees = asin(sin(angle) / cos(shape->centre.latitude * RADIANS)) / RADIANS;
    }
    return bounds_around(shape->centre, &reach, degrees);
}

// How small cells may be so that nine of them are likely to do.
static int guess_steps(const struct geo_shape *shape)
{
    double w = shape->width / 2, h = shape->height / 2;
    double metres = shape->form == GEO_CIRCLE ? shape->radius : sqrt(w * w + h * h);
    int steps = -1;

    if (metres == 0)
        return GEOHASH_STEPS;
    for (; metres < MAP_HALF_WIDTH; metres *= 2)
        steps++;
    steps -= fabs(shape->centre.latitude) > 66;
    steps -= fabs(shape->centre.latitude) > 80;
    return steps < 1 ? 1 : steps > GEOHASH_STEPS ? GEOHASH_STEPS : steps;
}

static uint32_t last_part(int steps)
{
    return (UINT32_C(1) << steps) - 1;
}

// The cell of a shape's centre; never one of those beyond the last column or row.
static struct cell centre_cell(struct geo_point p, int steps)
{
    struct cell cell = cell_of(p, steps);

    cell.x -= cell.x > last_part(steps);
    cell.y -= cell.y > last_part(steps);
    return cell;
}

// The cell that many columns and rows away; beyond the last one come the first.
static struct cell neighbour(struct cell cell, int dx, int dy)
{
    cell.x = (cell.x + (uint32_t)dx) & last_part(cell.steps);
    cell.y = (cell.y + (uint32_t)dy) & last_part(cell.steps);
    return cell;
}

// Whether Redis takes larger cells: the shape reaches beyond the cells around this one, or one of
// these is at the other side of the map.
static bool may_be_too_small(struct cell cell, const struct bounds *b)
{
    struct cell next = neighbour(cell, 1, 1), before = neighbour(cell, -1, -1);

    return cell_south(&next, 1) < b->north || cell_south(&before, 0) > b->south ||
           cell_west(&next, 1) < b->east || cell_west(&before, 0) > b->west;
}

// Whether the shape reaches beyond the cells around this one, but for what is beyond the map's
// northern and southern end.
static bool is_too_small(struct cell cell, const struct bounds *b)
{
    return cell_west(&cell, -1) > b->west || cell_west(&cell, 2) < b->east ||
           cell_south(&cell, -1) > fmax(b->south, -GEOHASH_LATITUDE_MAX) ||
           cell_south(&cell, 2) < fmin(b->north, GEOHASH_LATITUDE_MAX);
}

static int choose_steps(const struct geo_shape *shape, const struct bounds *flat,
                        const struct bounds *round)
{
    int steps = guess_steps(shape);

    if (steps > 1 && may_be_too_small(centre_cell(shape->centre, steps), flat))
        steps--;
    while (steps > 1 && is_too_small(centre_cell(shape->centre, steps), round))
        steps--;
    return steps;
}

// The cells that are searched.
struct cover {
    struct cell cells[GEOHASH_CELLS_MAX];
    int n;
};

static void add_cell(struct cover *cover, struct cell cell)
{
    for (int i = 0; i < cover->n; i++) {
        if (cover->cells[i].x == cell.x && cover->cells[i].y == cell.y)
            return; // a map of two columns or rows has the same one on either side
    }
    cover->cells[cover->n++] = cell;
}

static void add_around(struct cover *cover, struct cell centre, const struct bounds *flat,
                       const struct bounds *round)
{
    static const struct {
        int dx, dy;
    } AROUND[] = {{0, 0}, {0, 1}, {0, -1}, {1, 0}, {-1, 0}, {1, 1}, {-1, 1}, {1, -1}, {-1, -1}};
    // With one step there are four cells, each of them on both sides of the others.
    bool within = centre.steps >= 2;
    bool no_north = within && cell_south(&centre, 1) > flat->north;
    bool no_south = within && cell_south(&centre, 0) < flat->south;
    bool no_east = within && cell_west(&centre, 1) > fmax(flat->east, round->east);
    bool no_west = within && cell_west(&centre, 0) < fmin(flat->west, round->west);

    for (size_t i = 0; i < sizeof AROUND / sizeof *AROUND; i++) {
        int dx = AROUND[i].dx, dy = AROUND[i].dy;
        if (!(dy > 0 && no_north) && !(dy < 0 && no_south) && !(dx > 0 && no_east) &&
            !(dx < 0 && no_west))
            add_cell(cover, neighbour(centre, dx, dy));
    }
}

// The cells beyond the last column and row, beside those that are searched.
static void add_ends(struct cover *cover)
{
    uint32_t last = last_part(cover->cells[0].steps);

    for (int i = 0, n = cover->n; i < n; i++) {
        struct cell cell = cover->cells[i];
        bool right = cell.x == last, top = cell.y == last;
        if (right)
            add_cell(cover, (struct cell){cell.x + 1, cell.y, cell.steps});
        if (top)
            add_cell(cover, (struct cell){cell.x, cell.y + 1, cell.steps});
        if (right && top)
            add_cell(cover, (struct cell){cell.x + 1, cell.y + 1, cell.steps});
    }
}

static struct geo_scores scores_of(const struct cell *cell)
{
    uint64_t bits = cell_bits(cell);
    int shift = SCORE_BITS - 2 * cell->steps;

    return (struct geo_scores){(double)(bits << shift), (double)((bits + 1) << shift)};
}

int geo_shape_cells(const struct geo_shape *shape, struct geo_scores cells[GEOHASH_CELLS_MAX])
{
    struct bounds flat = flat_bounds(shape), round = round_bounds(shape);
    int steps = choose_steps(shape, &flat, &round);
    struct cover cover = {.n = 0};

    add_around(&cover, centre_cell(shape->centre, steps), &flat, &round);
    add_ends(&cover);
    for (int i = 0; i < cover.n; i++)
        cells[i] = scores_of(&cover.cells[i]);
    return cover.n;
}
