// SPDX-License-Identifier: MIT
//
// Places and scores, distances, and which cells cover a shape: against known values, and against
// trying every one of many random places.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "datatypes/geohash.h"
#include "datatypes/rng.h"

static const struct geo_point PALERMO = {13.361389, 38.115556}, CATANIA = {15.087269, 37.502669};

static struct rng rng;

static int seed(void **state)
{
    (void)state;
    rng_seed(&rng, 4711);
    return 0;
}

static double between(double min, double max)
{
    return min + (max - min) * ((double)(rng_next(&rng) >> 11) * 0x1p-53);
}

// Anywhere; often at the ends of the map, or close to them.
static struct geo_point random_point(void)
{
    struct geo_point p = {between(-180, 180), between(-85.05112878, 85.05112878)};

    switch (rng_below(&rng, 12)) {
    case 0:
        p.longitude = 180;
        break;
    case 1:
        p.longitude = -180;
        break;
    case 2:
        p.longitude = p.longitude < 0 ? between(-180, -178) : between(178, 180);
        break;
    case 3:
        p.latitude = GEOHASH_LATITUDE_MAX;
        break;
    case 4:
        p.latitude = -GEOHASH_LATITUDE_MAX;
        break;
    case 5:
        p.latitude = p.latitude < 0 ? between(-85.05, -80) : between(80, 85.05);
        break;
    default:
        break;
    }
    return p;
}

static void assert_near(double got, double want, double within)
{
    if (!(fabs(got - want) <= within))
        fail_msg("%.17g is not within %g of %.17g", got, within, want);
}

// ---- scores -----------------------------------------------------------------------------------

static void assert_score(double longitude, double latitude, double want)
{
    double score = geohash_score((struct geo_point){longitude, latitude});

    if (score != want)
        fail_msg("%.17g %.17g: %.17g instead of %.17g", longitude, latitude, score, want);
}

static void test_scores(void **state)
{
    (void)state;
    assert_score(PALERMO.longitude, PALERMO.latitude, 3479099956230698);
    assert_score(CATANIA.longitude, CATANIA.latitude, 3479447370796909);
    assert_score(0, 0, 0x3p50); // the first bit of each
    assert_score(-180, -85.05112878, 0);
    assert_score(180, 0, 0x1p53 + 0x1p50);   // a column of its own
    assert_score(-180, 85.05112878, 0x1p52); // a row of its own
    assert_score(180, 85.05112878, 0x1p53 + 0x1p52);
}

// The place of a score is the middle of its cell, less than half a cell from the original.
static void test_there_and_back(void **state)
{
    const double width = 360 / 0x1p26, height = 2 * GEOHASH_LATITUDE_MAX / 0x1p26;

    (void)state;
    for (int i = 0; i < 100000; i++) {
        struct geo_point p = random_point();
        double score = geohash_score(p);
        struct geo_point back = geohash_point(score);
        assert_true(geo_point_valid(back));
        assert_near(back.longitude, p.longitude, width * 0.50001);
        // A double does not hold all of the bits of the column at 180 degrees.
        assert_near(back.latitude, p.latitude, height * (score < 0x1p53 ? 0.50001 : 1.50001));
        if (fabs(p.longitude) < 180 && fabs(p.latitude) < GEOHASH_LATITUDE_MAX)
            assert_score(back.longitude, back.latitude, score);
    }
    struct geo_point p = geohash_point(3479099956230698);
    assert_near(p.longitude, 13.361389338970184, 0);
    assert_near(p.latitude, 38.115556395496299, 0);
}

static void test_scores_that_are_no_places(void **state)
{
    static const double scores[] = {-1,    -0.5,   1.5,  0x1p54,  0x1p63,   0x1.8p63, 0x1p64,
                                    1e300, -1e300, -0.0, -0x1p63, INFINITY, -INFINITY};

    (void)state;
    for (size_t i = 0; i < sizeof scores / sizeof *scores; i++) {
        if (!geo_point_valid(geohash_point(scores[i])))
            fail_msg("%g gives no point on the map", scores[i]);
    }
    assert_near(geohash_point(-1).longitude, 180, 0);
    assert_near(geohash_point(INFINITY).longitude, geohash_point(0).longitude, 0);
}

static void test_validity(void **state)
{
    (void)state;
    assert_true(geo_point_valid((struct geo_point){180, 85.05112878}));
    assert_true(geo_point_valid((struct geo_point){-180, -85.05112878}));
    assert_false(geo_point_valid((struct geo_point){180.000001, 0}));
    assert_false(geo_point_valid((struct geo_point){-180.000001, 0}));
    assert_false(geo_point_valid((struct geo_point){0, 85.0512}));
    assert_false(geo_point_valid((struct geo_point){0, -85.0512}));
    assert_false(geo_point_valid((struct geo_point){NAN, 0}));
    assert_false(geo_point_valid((struct geo_point){0, INFINITY}));
}

static void assert_text(struct geo_point p, const char *want)
{
    char text[GEOHASH_TEXT_CHARS + 1] = "";

    geohash_text(geohash_score(p), text);
    assert_string_equal(text, want);
}

static void test_text(void **state)
{
    (void)state;
    assert_text(PALERMO, "sqc8b49rny0");
    assert_text(CATANIA, "sqdtr74hyu0");
    assert_text((struct geo_point){-5.6, 42.6}, "ezs42e44yx0"); // the example of Wikipedia
    assert_text((struct geo_point){0, 0}, "s0000000000");
}

// ---- distances --------------------------------------------------------------------------------

static void test_distances(void **state)
{
    const double quarter = 6372797.560856 * M_PI / 2;
    struct geo_point origin = {0, 0};

    (void)state;
    assert_near(
        geo_distance(geohash_point(geohash_score(PALERMO)), geohash_point(geohash_score(CATANIA))),
        166274.1516, 0.00005);
    assert_near(geo_distance(PALERMO, PALERMO), 0, 0);
    assert_near(geo_distance(origin, (struct geo_point){90, 0}), quarter, 1e-6);
    assert_near(geo_distance(origin, (struct geo_point){0, 45}), quarter / 2, 1e-6);
    assert_near(geo_distance(origin, (struct geo_point){180, 0}), 2 * quarter, 1e-6);
    assert_near(geo_distance((struct geo_point){-180, 10}, (struct geo_point){180, 10}), 0, 1e-6);
    assert_near(geo_distance((struct geo_point){10, 80}, (struct geo_point){-170, 80}),
                quarter * 20 / 90, 1e-6); // over the pole
    for (int i = 0; i < 100000; i++) {
        struct geo_point a = random_point(), b = random_point();
        struct geo_point opposite = {a.longitude > 0 ? a.longitude - 180 : a.longitude + 180,
                                     -a.latitude};
        double d = geo_distance(a, b);
        assert_true(d >= 0 && d <= 2 * quarter);
        assert_near(geo_distance(b, a), d, 1e-6);
        assert_near(geo_distance(a, opposite), 2 * quarter, 1);
    }
}

// ---- shapes -----------------------------------------------------------------------------------

static struct geo_shape circle(struct geo_point centre, double radius)
{
    return (struct geo_shape){.centre = centre, .form = GEO_CIRCLE, .radius = radius};
}

static struct geo_shape box(struct geo_point centre, double width, double height)
{
    return (struct geo_shape){.centre = centre, .form = GEO_BOX, .width = width, .height = height};
}

static void test_inside(void **state)
{
    double metres = -1;
    struct geo_point origin = {0, 0}, east = {1, 0}, north = {0, 1};
    double degree = geo_distance(origin, east);
    struct geo_shape shape = circle(origin, degree);

    (void)state;
    assert_true(geo_shape_has(&shape, east, &metres));
    assert_near(metres, degree, 0);
    shape.radius = nextafter(degree, 0);
    assert_false(geo_shape_has(&shape, east, &metres));
    shape = box(origin, 2.001 * degree, degree);
    assert_true(geo_shape_has(&shape, east, &metres));
    assert_near(metres, degree, 0);
    assert_false(geo_shape_has(&shape, north, &metres));
    shape = box(origin, degree, 2.001 * degree);
    assert_false(geo_shape_has(&shape, east, &metres));
    assert_true(geo_shape_has(&shape, north, &metres));
    // A degree of longitude is half as long there, so a box of that width holds it.
    shape = box((struct geo_point){0, 60}, 1.01 * degree, degree);
    assert_true(geo_shape_has(&shape, (struct geo_point){1, 60}, &metres));
    assert_false(geo_shape_has(&shape, (struct geo_point){1.02, 60}, &metres));
    assert_false(geo_shape_has(&shape, (struct geo_point){1.02, 59.6}, &metres));
    assert_true(geo_shape_has(&shape, (struct geo_point){1.02, 60.4}, &metres));
}

static bool covered(const struct geo_scores *cells, int n, double score)
{
    for (int i = 0; i < n; i++) {
        if (score >= cells[i].first && score < cells[i].end)
            return true;
    }
    return false;
}

static void assert_apart(const struct geo_scores *cells, int n)
{
    for (int i = 0; i < n; i++) {
        assert_true(cells[i].first < cells[i].end);
        for (int j = 0; j < i; j++)
            assert_true(cells[i].first >= cells[j].end || cells[j].first >= cells[i].end);
    }
}

static struct geo_shape random_shape(void)
{
    struct geo_point centre = random_point();
    double a = pow(10, between(0, 7.6)), b = pow(10, between(0, 7.6));

    switch (rng_below(&rng, 4)) {
    case 0:
        return circle(centre, a);
    case 1:
        return box(centre, a, b);
    case 2: // wide where it is nearest to a pole
        centre.latitude /= 2;
        return box(centre, between(1e6, 6e6), between(6e6, 11e6));
    default:
        return box(centre, a, a * between(0.1, 2));
    }
}

// A point that is likely to be just inside or just outside.
static struct geo_point point_near(const struct geo_shape *shape)
{
    const double radius = 6372797.560856;
    bool is_box = shape->form == GEO_BOX;
    double up = (is_box ? shape->height / 2 : shape->radius) / radius * 180 / M_PI;
    double angle = (is_box ? shape->width / 2 : shape->radius) / radius;
    struct geo_point p = shape->centre;

    p.latitude += between(-1.02, 1.02) * up;
    p.latitude = fmin(fmax(p.latitude, -GEOHASH_LATITUDE_MAX), GEOHASH_LATITUDE_MAX);
    double v = sin(fmin(angle, M_PI) / 2) / cos(p.latitude * M_PI / 180);
    double across = 2 * asin(fmin(v, 1)) * 180 / M_PI;
    bool at_edge = rng_below(&rng, 2) == 0;
    p.longitude += (at_edge ? copysign(between(0.98, 1), between(-1, 1)) : between(-1, 1)) * across;
    p.longitude = remainder(p.longitude, 360);
    return p;
}

// No place within a shape is outside of its cells, wherever on the map that is.
static void test_cells_cover(void **state)
{
    struct geo_scores cells[GEOHASH_CELLS_MAX];
    int inside = 0;

    (void)state;
    for (int i = 0; i < 20000; i++) {
        struct geo_shape shape = random_shape();
        int n = geo_shape_cells(&shape, cells);
        assert_true(n >= 1 && n <= GEOHASH_CELLS_MAX);
        assert_apart(cells, n);
        for (int j = 0; j < 60; j++) {
            struct geo_point p = j % 2 ? random_point() : point_near(&shape);
            double score = geohash_score(p), metres;
            if (!geo_shape_has(&shape, geohash_point(score), &metres))
                continue;
            inside++;
            if (!covered(cells, n, score))
                fail_msg("%s at %.9g %.9g of %g by %g: %.9g %.9g, %g m away, is not covered",
                         shape.form == GEO_BOX ? "box" : "circle", shape.centre.longitude,
                         shape.centre.latitude, shape.form == GEO_BOX ? shape.width : shape.radius,
                         shape.height, p.longitude, p.latitude, metres);
        }
    }
    assert_true(inside > 100000);
}

static double share(const struct geo_scores *cells, int n)
{
    double sum = 0;

    for (int i = 0; i < n; i++)
        sum += cells[i].end - cells[i].first;
    return sum / 0x1p52;
}

static void test_cells_are_few(void **state)
{
    struct geo_scores cells[GEOHASH_CELLS_MAX];
    struct geo_shape shape = circle(PALERMO, 1000);

    (void)state;
    // The middle cell is the first; its neighbours have its size.
    int n = geo_shape_cells(&shape, cells);
    assert_true(covered(cells, 1, geohash_score(PALERMO)));
    for (int i = 1; i < n; i++)
        assert_true(cells[i].end - cells[i].first == cells[0].end - cells[0].first);
    assert_true(share(cells, n) < 1e-6); // of the map: squares of 20 km at most
    shape.radius = 0;
    n = geo_shape_cells(&shape, cells);
    assert_true(share(cells, n) <= 9 / 0x1p52);
    shape.radius = 1e5;
    n = geo_shape_cells(&shape, cells);
    assert_true(share(cells, n) < 0.01);
    // Everywhere, over the map's ends.
    shape.radius = INFINITY;
    n = geo_shape_cells(&shape, cells);
    for (int i = 0; i < 1000; i++)
        assert_true(covered(cells, n, geohash_score(random_point())));
    shape = box(PALERMO, 1, INFINITY);
    n = geo_shape_cells(&shape, cells);
    assert_true(covered(cells, n, geohash_score((struct geo_point){PALERMO.longitude, 80})));
}

// A short way over the antimeridian is searched in few cells.
static void test_antimeridian(void **state)
{
    struct geo_scores cells[GEOHASH_CELLS_MAX];
    struct geo_shape shape = circle((struct geo_point){179.999, 10}, 5000);

    (void)state;
    int n = geo_shape_cells(&shape, cells);
    assert_true(covered(cells, n, geohash_score((struct geo_point){-179.98, 10})));
    assert_true(covered(cells, n, geohash_score((struct geo_point){180, 10})));
    assert_true(share(cells, n) < 1.5); // what is beyond 180 degrees counts as much as a cell
    assert_false(covered(cells, n, geohash_score((struct geo_point){170, 10})));
    assert_false(covered(cells, n, geohash_score((struct geo_point){0, 10})));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_scores, seed),
        cmocka_unit_test_setup(test_there_and_back, seed),
        cmocka_unit_test_setup(test_scores_that_are_no_places, seed),
        cmocka_unit_test_setup(test_validity, seed),
        cmocka_unit_test_setup(test_text, seed),
        cmocka_unit_test_setup(test_distances, seed),
        cmocka_unit_test_setup(test_inside, seed),
        cmocka_unit_test_setup(test_cells_cover, seed),
        cmocka_unit_test_setup(test_cells_are_few, seed),
        cmocka_unit_test_setup(test_antimeridian, seed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
