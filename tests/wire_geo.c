// SPDX-License-Identifier: MIT
//
// GEO commands over the wire: every option and every error. Replies were compared with redis-server
// 7.0.15; where the two differ on purpose, at the ends of the map, the test says so.
#include "tests/lib/wire.h"

#include <stdlib.h>
#include <string.h>

#define WRONGTYPE "-WRONGTYPE Operation against a key holding the wrong kind of value"
#define SYNTAX    "-ERR syntax error"
#define NOT_FLOAT "-ERR value is not a valid float"
#define NOT_INT   "-ERR value is not an integer or out of range"
#define UNIT      "-ERR unsupported unit provided. please use M, KM, FT, MI"
#define NO_MEMBER "-ERR could not decode requested zset member"

#define ARITY(name) "-ERR wrong number of arguments for '" name "' command"
#define PAIR(pair)  "-ERR invalid longitude,latitude pair " pair

static const char *const NOT_STORED =
    "-ERR STORE option in GEORADIUS is not compatible with WITHDIST, "
    "WITHHASH and WITHCOORD options";

// The same places as a packed sorted set and as an index: the tests below run once with each.
enum { ENCODINGS = 2 };
static void use_encoding(struct wire *w, int encoding)
{
    expect(w, "OK", "FLUSHALL");
    expect(w, "OK", "CONFIG SET zset-max-listpack-entries %d", encoding == 0 ? 128 : 0);
    expect(w, "OK", "SET str x");
}

static void done(struct wire *w)
{
    expect(w, "OK", "CONFIG SET zset-max-listpack-entries 128");
}

static void fill(struct wire *w)
{
    expect(w, ":3",
           "GEOADD g 13.361389 38.115556 Palermo 15.087269 37.502669 Catania 2.349014 48.864716 "
           "Paris");
    expect(w, ":5", "GEOADD ends 180 85.05112878 a -180 -85.05112878 b 0 0 c -0 -0 d 1e1 0x10 e");
    expect(w, ":4",
           "GEOADD s 12.758489 38.788135 edge1 17.241510 38.788135 edge2 13.361389 38.115556 "
           "Palermo 15.087269 37.502669 Catania");
    // Scores that are no places.
    expect(w, ":3", "ZADD g -1 minus 1e300 huge inf beyond");
}

static void test_geoadd(void **state)
{
    struct wire *w = *state;

    for (int encoding = 0; encoding < ENCODINGS; encoding++) {
        use_encoding(w, encoding);
        expect(w, ":2", "GEOADD g 13.361389 38.115556 Palermo 15.087269 37.502669 Catania");
        expect(w, "[\"Palermo\" \"3479099956230698\" \"Catania\" \"3479447370796909\"]",
               "ZRANGE g 0 -1 WITHSCORES");
        expect(w, ":1", "GEOADD g NX 13 38 Palermo 2.349014 48.864716 Paris");
        expect(w, ":0", "GEOADD g XX 13.5 38.2 Palermo 1 1 Nowhere");
        expect(w, ":1", "GEOADD g CH 13.361389 38.115556 Palermo 2.349014 48.864716 Paris");
        expect(w, ":1", "GEOADD g xx ch 13.4 38.1 Palermo 1 1 Nowhere");
        expect(w, ":1", "GEOADD g nx ch 13.5 38.1 Palermo 1 1 Here");
        expect(w, ":1", "GEOADD g CH 13.361389 38.115556 Palermo 13.361389 38.115556 Palermo");
        expect(w, "\"3479099956230698\"", "ZSCORE g Palermo");
        expect(w, ":4", "ZCARD g");
        expect(w, ":5",
               "GEOADD ends 180 85.05112878 a -180 -85.05112878 b 0 0 c -0 -0 d 1e1 0x10 e");
        expect(w,
               "[\"b\" \"0\" \"c\" \"3377699720527872\" \"d\" \"3377699720527872\" \"e\" "
               "\"3402577161216111\" \"a\" \"13510798882111488\"]",
               "ZRANGE ends 0 -1 WITHSCORES");
        expect(w, ":0", "GEOADD new XX 1 2 m");
        expect(w, ":0", "EXISTS new");
        // Errors.
        expect(w, ARITY("geoadd"), "GEOADD g 13.361389 38.115556");
        expect(w, SYNTAX, "GEOADD g NX XX 13 38 m");
        expect(w, SYNTAX, "GEOADD g NX CH XX");
        expect(w, SYNTAX, "GEOADD g CH CH CH");
        expect(w, SYNTAX, "GEOADD g 13 38 m 14");
        expect(w, SYNTAX, "GEOADD g INCR 13 38 m");
        expect(w, NOT_FLOAT, "GEOADD g x 38 m");
        expect(w, NOT_FLOAT, "GEOADD g 13 x m");
        expect(w, NOT_FLOAT, "GEOADD g nan 38 m");
        expect(w, PAIR("180.100000,38.000000"), "GEOADD g 180.1 38 m");
        expect(w, PAIR("13.000000,-85.100000"), "GEOADD g 13 -85.1 m");
        expect(w, PAIR("inf,38.000000"), "GEOADD g inf 38 m");
        expect(w, PAIR("200.000000,100.500000"), "GEOADD g 1 2 new 200 100.5 m");
        expect(w, "(nil)", "ZSCORE g new");
        expect(w, WRONGTYPE, "GEOADD str 13 38 m");
        expect(w, PAIR("13.000000,138.000000"), "GEOADD str 13 138 m");
    }
    done(w);
}

static void test_geodist(void **state)
{
    struct wire *w = *state;

    for (int encoding = 0; encoding < ENCODINGS; encoding++) {
        use_encoding(w, encoding);
        fill(w);
        expect(w, "\"166274.1516\"", "GEODIST g Palermo Catania");
        expect(w, "\"166274.1516\"", "GEODIST g Palermo Catania m");
        expect(w, "\"166.2742\"", "GEODIST g Palermo Catania KM");
        expect(w, "\"103.3182\"", "GEODIST g Catania Palermo mi");
        expect(w, "\"545518.8700\"", "GEODIST g Palermo Catania Ft");
        expect(w, "\"0.0000\"", "GEODIST g Palermo Palermo");
        expect(w, "\"18919844.5891\"", "GEODIST ends a b");
        expect(w, "\"10560.8115\"", "GEODIST ends a c km");
        expect(w, "(nil)", "GEODIST g Palermo none");
        expect(w, "(nil)", "GEODIST g none Palermo");
        expect(w, "(nil)", "GEODIST none Palermo Catania");
        expect(w, UNIT, "GEODIST g Palermo Catania cm");
        expect(w, UNIT, "GEODIST none a b cm");
        expect(w, UNIT, "GEODIST str a b cm");
        expect(w, SYNTAX, "GEODIST g Palermo Catania km x");
        expect(w, ARITY("geodist"), "GEODIST g Palermo");
        expect(w, WRONGTYPE, "GEODIST str a b");
    }
    done(w);
}

static void test_geohash(void **state)
{
    struct wire *w = *state;

    for (int encoding = 0; encoding < ENCODINGS; encoding++) {
        use_encoding(w, encoding);
        fill(w);
        expect(w, "[\"sqc8b49rny0\" (nil) \"sqdtr74hyu0\"]", "GEOHASH g Palermo none Catania");
        expect(w,
               "[\"bp05b5048p0\" \"00bh0hbj200\" \"s0000000000\" \"s0000000000\" \"s4z5589ybb0\"]",
               "GEOHASH ends a b c d e");
        expect(w, "[]", "GEOHASH g");
        expect(w, "[]", "GEOHASH none");
        expect(w, "[(nil) (nil)]", "GEOHASH none a b");
        expect(w, WRONGTYPE, "GEOHASH str a");
        expect(w, ARITY("geohash"), "GEOHASH");
    }
    done(w);
}

static void test_geopos(void **state)
{
    struct wire *w = *state;

    for (int encoding = 0; encoding < ENCODINGS; encoding++) {
        use_encoding(w, encoding);
        fill(w);
        expect(w,
               "[[\"13.36138933897018433\" \"38.11555639549629859\"] (nil-array) "
               "[\"15.08726745843887329\" \"37.50266842333162032\"]]",
               "GEOPOS g Palermo none Catania");
        expect(w,
               "[[\"180\" \"85.0511287799999991\"] [\"-179.99999731779098511\" "
               "\"-85.05112751263942528\"] [\"0.00000268220901489\" \"0.00000126736058093\"] "
               "[\"10.00000208616256714\" \"16.00000021781178106\"]]",
               "GEOPOS ends a b c e");
        expect(w, "[]", "GEOPOS g");
        expect(w, "[(nil-array)]", "GEOPOS none a");
        expect(w, WRONGTYPE, "GEOPOS str a");
        expect(w, ARITY("geopos"), "GEOPOS");
    }
    done(w);
}

static void test_georadius(void **state)
{
    struct wire *w = *state;

    for (int encoding = 0; encoding < ENCODINGS; encoding++) {
        use_encoding(w, encoding);
        fill(w);
        expect(w, "[\"Palermo\" \"Catania\"]", "GEORADIUS g 15 37 200 km");
        expect(w, "[\"Catania\" \"Palermo\"]", "GEORADIUS g 15 37 200 km ASC");
        expect(w, "[\"Palermo\" \"Catania\"]", "GEORADIUS g 15 37 200 km DESC");
        expect(w, "[[\"Palermo\" \"190.4424\"] [\"Catania\" \"56.4413\"]]",
               "GEORADIUS g 15 37 200 km WITHDIST");
        expect(w, "[[\"Palermo\" :3479099956230698] [\"Catania\" :3479447370796909]]",
               "GEORADIUS g 15 37 200 KM WITHHASH");
        expect(w,
               "[[\"Catania\" [\"15.08726745843887329\" \"37.50266842333162032\"]] [\"Palermo\" "
               "[\"13.36138933897018433\" \"38.11555639549629859\"]]]",
               "GEORADIUS g 15 37 200 km WITHCOORD asc");
        expect(w,
               "[[\"Palermo\" \"190.4424\" :3479099956230698 [\"13.36138933897018433\" "
               "\"38.11555639549629859\"]] [\"Catania\" \"56.4413\" :3479447370796909 "
               "[\"15.08726745843887329\" \"37.50266842333162032\"]]]",
               "GEORADIUS g 15 37 200 km WITHHASH WITHCOORD WITHDIST desc");
        expect(w, "[[\"Catania\" \"56441.2579\"]]", "GEORADIUS g 15 37 200000 m COUNT 1 withdist");
        expect(w, "[\"Palermo\"]", "GEORADIUS g 15 37 200 km COUNT 1 DESC");
        expect(w, "[\"Palermo\"]", "GEORADIUS g 15 37 200 km COUNT 1 ANY");
        expect(w, "[\"Palermo\" \"Catania\"]", "GEORADIUS g 15 37 200 km COUNT 10 ANY DESC");
        expect(w, "[[\"Palermo\" \"118.3357\"] [\"Catania\" \"35.0711\"]]",
               "GEORADIUS g 15 37 120 mi withdist");
        expect(w, "[[\"Catania\" \"185174.7305\"]]", "GEORADIUS g 15 37 600000 ft withdist");
        expect(w, "[]", "GEORADIUS g 15 37 200 m");
        expect(w, "[]", "GEORADIUS g 15 37 0 m");
        expect(w, "[]", "GEORADIUS none 15 37 200 km");
        expect(w, "[]", "GEORADIUS none 15 37 200 km WITHDIST");
        expect(w, "[[\"Catania\" \"56.4413\"] [\"Palermo\" \"190.4424\"]]",
               "GEORADIUS_RO g 15 37 200 km WITHDIST COUNT 2");
        expect(w, "[]", "GEORADIUS_RO none 15 37 200 km");
    }
    done(w);
}

static void test_georadius_store(void **state)
{
    struct wire *w = *state;

    for (int encoding = 0; encoding < ENCODINGS; encoding++) {
        use_encoding(w, encoding);
        fill(w);
        expect(w, ":2", "GEORADIUS g 15 37 200 km STORE d");
        expect(w, "[\"Palermo\" \"3479099956230698\" \"Catania\" \"3479447370796909\"]",
               "ZRANGE d 0 -1 WITHSCORES");
        expect(w, "zset", "TYPE d");
        expect(w, ":2", "GEORADIUS g 15 37 200 km STOREDIST d");
        expect(w, ":1", "GEORADIUS g 15 37 200000 m COUNT 1 STORE x STORE d STOREDIST d");
        expect(w, "[\"Catania\" \"56441.257870158202\"]", "ZRANGE d 0 -1 WITHSCORES");
        expect(w, ":0", "EXISTS x");
        expect(w, ":0", "GEORADIUS g 15 37 1 km STORE d");
        expect(w, ":0", "EXISTS d");
        expect(w, "OK", "SET str2 x");
        expect(w, ":2", "GEORADIUS g 15 37 200 km STORE str2");
        expect(w, ":2", "ZCARD str2");
        expect(w, ":0", "GEORADIUS none 15 37 1 km STORE str2");
        expect(w, ":0", "EXISTS str2");
        expect(w, ":1", "COPY g h");
        expect(w, ":2", "GEORADIUS h 15 37 200 km STORE h");
        expect(w, ":2", "ZCARD h");
        expect(w, ":1", "GEORADIUSBYMEMBER h Palermo 10 km STOREDIST h");
        expect(w, "[\"Palermo\" \"0\"]", "ZRANGE h 0 -1 WITHSCORES");
        expect(w, ":0", "GEORADIUSBYMEMBER none x y z STORE h");
        expect(w, ":0", "EXISTS h");
        // Errors.
        expect(w, ARITY("georadius"), "GEORADIUS g 15 37 200");
        expect(w, UNIT, "GEORADIUS g 15 37 200 cm");
        expect(w, "-ERR need numeric radius", "GEORADIUS g 15 37 x km");
        expect(w, "-ERR radius cannot be negative", "GEORADIUS g 15 37 -1 km");
        expect(w, "-ERR need numeric radius", "GEORADIUS g 15 37 nan km");
        expect(w, NOT_FLOAT, "GEORADIUS g x 37 1 km");
        expect(w, PAIR("15.000000,97.000000"), "GEORADIUS g 15 97 x km");
        expect(w, PAIR("15.000000,97.000000"), "GEORADIUS none 15 97 1 km");
        expect(w, WRONGTYPE, "GEORADIUS str 15 97 1 km");
        expect(w, SYNTAX, "GEORADIUS g 15 37 1 km WHAT");
        expect(w, SYNTAX, "GEORADIUS g 15 37 1 km COUNT");
        expect(w, "-ERR COUNT must be > 0", "GEORADIUS g 15 37 1 km COUNT 0");
        expect(w, "-ERR COUNT must be > 0", "GEORADIUS g 15 37 1 km COUNT -1");
        expect(w, NOT_INT, "GEORADIUS g 15 37 1 km COUNT x");
        expect(w, NOT_INT, "GEORADIUS none 15 37 1 km COUNT x");
        expect(w, "-ERR the ANY argument requires COUNT argument", "GEORADIUS g 15 37 1 km ANY");
        expect(w, SYNTAX, "GEORADIUS g 15 37 1 km STORE");
        expect(w, NOT_STORED, "GEORADIUS g 15 37 1 km STORE d WITHDIST");
        expect(w, NOT_STORED, "GEORADIUS g 15 37 1 km WITHHASH STOREDIST d");
        expect(w, NOT_STORED, "GEORADIUS g 15 37 1 km WITHCOORD STOREDIST d ANY");
        expect(w, NOT_STORED, "GEORADIUS none 15 37 1 km WITHCOORD STORE d");
        expect(w, SYNTAX, "GEORADIUS_RO g 15 37 1 km STORE d");
        expect(w, SYNTAX, "GEORADIUS_RO g 15 37 1 km STOREDIST d");
        expect(w, SYNTAX, "GEORADIUS g 15 37 1 km FROMMEMBER Palermo");
        expect(w, SYNTAX, "GEORADIUS g 15 37 1 km BYRADIUS 1 km");
    }
    done(w);
}

static void test_georadiusbymember(void **state)
{
    struct wire *w = *state;

    for (int encoding = 0; encoding < ENCODINGS; encoding++) {
        use_encoding(w, encoding);
        fill(w);
        expect(w, "[\"Catania\" \"Palermo\"]", "GEORADIUSBYMEMBER g Catania 200 km ASC");
        expect(w, "[[\"Palermo\" \"166.2742\"] [\"Catania\" \"0.0000\"]]",
               "GEORADIUSBYMEMBER g Catania 200 km WITHDIST desc");
        expect(w, "[[\"Catania\" :3479447370796909]]",
               "GEORADIUSBYMEMBER g Catania 200 km COUNT 1 WITHHASH");
        expect(w, "[\"Catania\" \"Palermo\"]", "GEORADIUSBYMEMBER_RO g Catania 200 km ASC");
        expect(w, SYNTAX, "GEORADIUSBYMEMBER_RO g Catania 200 km STORE d");
        expect(w, NO_MEMBER, "GEORADIUSBYMEMBER g none 200 km");
        expect(w, NO_MEMBER, "GEORADIUSBYMEMBER g none x km");
        expect(w, "-ERR need numeric radius", "GEORADIUSBYMEMBER g Catania x km");
        expect(w, "[]", "GEORADIUSBYMEMBER none Catania x cm");
        expect(w, SYNTAX, "GEORADIUSBYMEMBER none Catania x cm WHAT");
        expect(w, UNIT, "GEORADIUSBYMEMBER g Catania 1 cm");
        expect(w, ARITY("georadiusbymember"), "GEORADIUSBYMEMBER g Catania 1");
        expect(w, WRONGTYPE, "GEORADIUSBYMEMBER str Catania 1 km");
    }
    done(w);
}

static void test_geosearch(void **state)
{
    struct wire *w = *state;

    for (int encoding = 0; encoding < ENCODINGS; encoding++) {
        use_encoding(w, encoding);
        fill(w);
        expect(w, "[\"Catania\" \"Palermo\"]", "GEOSEARCH s FROMLONLAT 15 37 BYRADIUS 200 km ASC");
        expect(w,
               "[[\"Catania\" \"56.4413\" [\"15.08726745843887329\" \"37.50266842333162032\"]] "
               "[\"Palermo\" \"190.4424\" [\"13.36138933897018433\" \"38.11555639549629859\"]] "
               "[\"edge2\" \"279.7403\" [\"17.24151045083999634\" \"38.78813451624225195\"]] "
               "[\"edge1\" \"279.7405\" [\"12.7584877610206604\" \"38.78813451624225195\"]]]",
               "GEOSEARCH s FROMLONLAT 15 37 BYBOX 400 400 km ASC WITHCOORD WITHDIST");
        expect(w,
               "[[\"edge1\" :3479273021651468] [\"edge2\" :3481342659049484] [\"Palermo\" "
               ":3479099956230698] [\"Catania\" :3479447370796909]]",
               "GEOSEARCH s BYBOX 400 400 km FROMLONLAT 15 37 DESC WITHHASH");
        expect(w, "[\"Catania\" \"Palermo\" \"edge2\"]",
               "GEOSEARCH s frommember Catania bybox 400 400 km asc");
        expect(w, "[\"Catania\"]", "GEOSEARCH s FROMMEMBER Catania BYRADIUS 0 m");
        expect(w, "[\"Catania\"]", "GEOSEARCH s FROMMEMBER Catania BYBOX 0 0 m");
        expect(w, "[\"Catania\" \"Palermo\"]",
               "GEOSEARCH s FROMMEMBER Catania BYBOX 400 400 km COUNT 2");
        expect(w, "[\"edge2\" \"Palermo\"]",
               "GEOSEARCH s FROMMEMBER Catania BYBOX 400 400 km COUNT 2 DESC");
        expect(w, "[\"Palermo\" \"Catania\"]",
               "GEOSEARCH s FROMMEMBER Catania BYBOX 400 400 km COUNT 2 ANY");
        expect(w, "[\"Catania\"]", "GEOSEARCH s FROMMEMBER Catania BYBOX 400 1 km ASC");
        expect(w, "[\"Catania\"]", "GEOSEARCH s FROMMEMBER Catania BYBOX 1 400 km");
        expect(w, "[\"Palermo\"]",
               "GEOSEARCH s FROMMEMBER Catania FROMMEMBER Palermo BYRADIUS 1 km");
        expect(w, "[\"Catania\" \"Palermo\" \"edge2\" \"edge1\"]",
               "GEOSEARCH s FROMMEMBER Catania BYRADIUS 1 m BYRADIUS 300 km ASC");
        expect(w, "[]", "GEOSEARCH none FROMMEMBER Catania BYRADIUS 200 km");
        expect(w, "[]", "GEOSEARCH none FROMLONLAT 15 37 BYRADIUS 200 km WITHDIST");
        // Errors.
        expect(w, SYNTAX, "GEOSEARCH s FROMLONLAT 15 37 FROMMEMBER Catania BYRADIUS 1 km");
        expect(w, SYNTAX, "GEOSEARCH s FROMMEMBER Catania FROMLONLAT 15 37 BYRADIUS 1 km");
        expect(w, SYNTAX, "GEOSEARCH s BYRADIUS 1 km BYBOX 1 1 km FROMMEMBER Catania");
        expect(w, SYNTAX, "GEOSEARCH s BYBOX 1 1 km BYRADIUS 1 km FROMMEMBER Catania");
        expect(w, "-ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for GEOSEARCH",
               "GEOSEARCH s BYRADIUS 1 km ASC ASC");
        expect(w, "-ERR exactly one of BYRADIUS and BYBOX can be specified for GeoSearch",
               "GeoSearch s FROMMEMBER Catania ASC ASC ASC");
        expect(w, "-ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for GEOSEARCH",
               "GEOSEARCH none BYRADIUS 1 km ASC ASC");
        expect(w, "-ERR the ANY argument requires COUNT argument",
               "GEOSEARCH s FROMMEMBER Catania BYRADIUS 1 km ANY");
        expect(w, SYNTAX, "GEOSEARCH s FROMMEMBER Catania BYRADIUS 1 km STORE d");
        expect(w, SYNTAX, "GEOSEARCH s FROMMEMBER Catania BYRADIUS 1 km STOREDIST");
        expect(w, ARITY("geosearch"), "GEOSEARCH s FROMMEMBER Catania BYRADIUS 1");
        expect(w, "-ERR need numeric height", "GEOSEARCH s FROMMEMBER Catania BYBOX 1 km ASC");
        expect(w, "-ERR need numeric radius", "GEOSEARCH s FROMMEMBER Catania BYRADIUS x km");
        expect(w, "-ERR radius cannot be negative",
               "GEOSEARCH s FROMMEMBER Catania BYRADIUS -1 km");
        expect(w, "-ERR need numeric width", "GEOSEARCH s FROMMEMBER Catania BYBOX x 1 km");
        expect(w, "-ERR need numeric height", "GEOSEARCH s FROMMEMBER Catania BYBOX 1 x km");
        expect(w, "-ERR height or width cannot be negative",
               "GEOSEARCH s FROMMEMBER Catania BYBOX -1 1 km");
        expect(w, "-ERR height or width cannot be negative",
               "GEOSEARCH s FROMMEMBER Catania BYBOX 1 -1 cm");
        expect(w, UNIT, "GEOSEARCH s FROMMEMBER Catania BYBOX 1 1 cm");
        expect(w, NO_MEMBER, "GEOSEARCH s FROMMEMBER none BYBOX 1 1 cm");
        expect(w, NOT_FLOAT, "GEOSEARCH s FROMLONLAT 15 x BYRADIUS 1 km");
        expect(w, PAIR("215.000000,1.000000"), "GEOSEARCH s FROMLONLAT 215 1 BYRADIUS 1 km");
        expect(w, ARITY("geosearch"), "GEOSEARCH s FROMLONLAT 1 2 BYRADIUS");
        expect(w, WRONGTYPE, "GEOSEARCH str FROMLONLAT 215 1 BYRADIUS 1 km");
        expect(w, ARITY("geosearch"), "GEOSEARCH s FROMLONLAT 1 2");
    }
    done(w);
}

static void test_geosearchstore(void **state)
{
    struct wire *w = *state;

    for (int encoding = 0; encoding < ENCODINGS; encoding++) {
        use_encoding(w, encoding);
        fill(w);
        expect(w, ":4", "GEOSEARCHSTORE d s FROMLONLAT 15 37 BYBOX 400 400 km");
        expect(w,
               "[\"Palermo\" \"3479099956230698\" \"edge1\" \"3479273021651468\" \"Catania\" "
               "\"3479447370796909\" \"edge2\" \"3481342659049484\"]",
               "ZRANGE d 0 -1 WITHSCORES");
        expect(w, ":3", "GEOSEARCHSTORE d s FROMLONLAT 15 37 BYBOX 400 400 km COUNT 3 STOREDIST");
        expect(w, ":0", "GEOSEARCHSTORE d s FROMLONLAT 15 37 BYRADIUS 1 km");
        expect(w, ":0", "EXISTS d");
        expect(w, ":2", "GEOSEARCHSTORE s s FROMLONLAT 15 37 BYRADIUS 200 km");
        expect(w, ":2", "ZCARD s");
        expect(w, ":0", "GEOSEARCHSTORE d none FROMMEMBER m BYRADIUS 1 km");
        expect(w, "OK", "SET str2 x");
        expect(w, ":0", "GEOSEARCHSTORE str2 none FROMMEMBER m BYRADIUS 1 km");
        expect(w, ":0", "EXISTS str2");
        expect(
            w,
            "-ERR GEOSEARCHSTORE is not compatible with WITHDIST, WITHHASH and WITHCOORD options",
            "GEOSEARCHSTORE d s FROMMEMBER Catania BYRADIUS 1 km WITHDIST");
        expect(w,
               "-ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for GEOSEARCHSTORE",
               "GEOSEARCHSTORE d s BYRADIUS 1 km ASC ASC");
        expect(w, "-ERR exactly one of BYRADIUS and BYBOX can be specified for GEOSEARCHSTORE",
               "GEOSEARCHSTORE d s FROMMEMBER Catania ASC ASC ASC");
        expect(w, WRONGTYPE, "GEOSEARCHSTORE d str FROMMEMBER Catania BYRADIUS 1 km");
        expect(w, SYNTAX, "GEOSEARCHSTORE d s FROMMEMBER Catania BYRADIUS 1 km STORE");
        expect(w, ARITY("geosearchstore"), "GEOSEARCHSTORE d s FROMMEMBER Catania BYRADIUS 1");
    }
    done(w);
}

// The keys that options name are the transaction's, too; a later command finds what an earlier one
// has stored, and the time that it was given.
static void test_in_transactions(void **state)
{
    struct wire *w = *state;

    for (int encoding = 0; encoding < ENCODINGS; encoding++) {
        use_encoding(w, encoding);
        fill(w);
        expect(w, "OK", "MULTI");
        expect(w, "QUEUED", "GEORADIUS g 15 37 200 km STORE x STORE d");
        expect(w, "QUEUED", "PEXPIRE d 1");
        expect(w, "QUEUED", "GEOSEARCHSTORE e d FROMMEMBER Palermo BYRADIUS 10 km");
        expect(w, "QUEUED", "GEORADIUSBYMEMBER e Palermo 10 km STOREDIST d");
        expect(w, "QUEUED", "GEOADD e 13 38 new");
        expect(w, "QUEUED", "TTL d");
        expect(w, "QUEUED", "GEORADIUS d 0 0 1 km STORE e");
        expect(w, "QUEUED", "GEOPOS e new");
        expect(w, "[:2 :1 :1 :1 :1 :-1 :0 [(nil-array)]]", "EXEC");
        expect(w, "[\"Palermo\" \"0\"]", "ZRANGE d 0 -1 WITHSCORES");
        expect(w, ":-1", "TTL d");
        expect(w, ":0", "EXISTS e x");
        // Storing is a change of the destination alone, also where nothing is found.
        const char *const keys[] = {"d", "d", "g"}, *const areas[] = {"200", "0", "200"};
        for (int i = 0; i < 3; i++) {
            expect(w, "OK", "WATCH %s", keys[i]);
            wire_run(w, "GEORADIUS g 15 37 %s km STORE d", areas[i]);
            expect(w, "OK", "MULTI");
            expect(w, "QUEUED", "ECHO ran");
            expect(w, i == 2 ? "[\"ran\"]" : "(nil-array)", "EXEC");
        }
    }
    done(w);
}

static void test_keys(void **state)
{
    struct wire *w = *state;

    expect(w, "[\"k\"]", "COMMAND GETKEYS GEORADIUS k 1 2 3 km");
    expect(w, "[\"k\" \"d\"]", "COMMAND GETKEYS GEORADIUS k 1 2 3 km ASC STORE d");
    expect(w, "[\"k\" \"d\"]", "COMMAND GETKEYS GEORADIUS k 1 2 3 km STOREDIST d COUNT 3");
    expect(w, "[\"k\" \"a\" \"b\"]", "COMMAND GETKEYS GEORADIUS k 1 2 3 km STORE a STOREDIST b");
    // All of them, as the last one counts; redis-server names the first.
    expect(w, "[\"k\" \"a\" \"b\"]", "COMMAND GETKEYS GEORADIUS k 1 2 3 km STORE a STORE b");
    expect(w, "[\"k\" \"store\"]", "COMMAND GETKEYS GEORADIUS k 1 2 3 km STORE store");
    expect(w, "[\"k\"]", "COMMAND GETKEYS GEORADIUS k 1 2 3 km STORE");
    expect(w, "[\"k\" \"d\"]", "COMMAND GETKEYS GEORADIUSBYMEMBER k m 3 km STORE d");
    expect(w, "[[\"k\" [RO access]] [\"d\" [OW update]]]",
           "COMMAND GETKEYSANDFLAGS GEORADIUS k 1 2 3 km STORE d");
    expect(w, "[[\"k\" [RO access]]]", "COMMAND GETKEYSANDFLAGS GEORADIUSBYMEMBER k m 3 km");
    expect(w, "[[\"d\" [OW update]] [\"s\" [RO access]]]",
           "COMMAND GETKEYSANDFLAGS GEOSEARCHSTORE d s FROMMEMBER m BYRADIUS 1 km");
    expect(w, "[\"k\"]", "COMMAND GETKEYS GEOADD k 1 2 m");
    expect(
        w,
        "[[\"georadiusbymember\" :-5 [write denyoom movablekeys] :1 :1 :1 [@write @geo @slow] [] "
        "[[\"flags\" [RO access] \"begin_search\" [\"type\" \"index\" \"spec\" [\"index\" :1]] "
        "\"find_keys\" [\"type\" \"range\" \"spec\" [\"lastkey\" :0 \"keystep\" :1 \"limit\" :0]]] "
        "[\"flags\" [OW update] \"begin_search\" [\"type\" \"keyword\" \"spec\" [\"keyword\" "
        "\"STORE\" \"startfrom\" :5]] \"find_keys\" [\"type\" \"range\" \"spec\" [\"lastkey\" :0 "
        "\"keystep\" :1 \"limit\" :0]]] [\"flags\" [OW update] \"begin_search\" [\"type\" "
        "\"keyword\" \"spec\" [\"keyword\" \"STOREDIST\" \"startfrom\" :5]] \"find_keys\" "
        "[\"type\" \"range\" \"spec\" [\"lastkey\" :0 \"keystep\" :1 \"limit\" :0]]]] []]]",
        "COMMAND INFO GEORADIUSBYMEMBER");
}

static void test_resp3(void **state)
{
    struct wire *w = *state;

    expect(w, ":1", "GEOADD r 13.361389 38.115556 Palermo");
    expect(w, "[[,13.36138933897018433 ,38.11555639549629859] (nil)]", "GEOPOS r Palermo none");
    expect(w, "[(nil)]", "GEOPOS none a");
    expect(w, "\"0.0000\"", "GEODIST r Palermo Palermo");
    expect(w, "(nil)", "GEODIST r Palermo none");
    expect(w, "[\"sqc8b49rny0\" (nil)]", "GEOHASH r Palermo none");
    expect(w,
           "[[\"Palermo\" \"0.0000\" :3479099956230698 [,13.36138933897018433 "
           ",38.11555639549629859]]]",
           "GEOSEARCH r FROMMEMBER Palermo BYRADIUS 1 km WITHDIST WITHHASH WITHCOORD");
    expect(w, "[]", "GEOSEARCH none FROMMEMBER Palermo BYRADIUS 1 km WITHDIST WITHHASH WITHCOORD");
}

// Members at the very ends of the map are found from both sides. (redis-server finds some of them
// from nowhere.)
static void test_ends_of_the_map(void **state)
{
    struct wire *w = *state;

    expect(w, ":4", "GEOADD e 180 0 at 179.99 0 west -179.989 0 east 0 85.05112878 top");
    expect(w, "[\"at\" \"west\" \"east\"]", "GEOSEARCH e FROMLONLAT 180 0 BYRADIUS 3 km ASC");
    expect(w, "[\"west\" \"at\" \"east\"]", "GEOSEARCH e FROMLONLAT 179.99 0 BYRADIUS 3 km ASC");
    expect(w, "[\"east\" \"at\" \"west\"]", "GEOSEARCH e FROMLONLAT -179.99 0 BYRADIUS 3 km ASC");
    expect(w, "[\"east\" \"at\" \"west\"]", "GEOSEARCH e FROMMEMBER east BYBOX 5 1 km ASC");
    expect(w, "[\"top\"]", "GEOSEARCH e FROMLONLAT 0.001 85.05 BYRADIUS 3 km");
    expect(w, "[\"top\"]", "GEOSEARCH e FROMLONLAT 180 85 BYRADIUS 1200 km"); // over the pole
    expect(w, ":4", "GEOSEARCHSTORE d e FROMLONLAT 77 -12 BYRADIUS 20100 km");
}

// ---- against trying every member --------------------------------------------------------------

enum { PLACES = 400, SEARCHES = 8 };

// Distances of all places as GEODIST tells them, and how many a search must find.
static int count_within(const double *distances, double radius)
{
    int n = 0;

    for (int i = 0; i < PLACES; i++)
        n += distances[i] <= radius;
    return n;
}

static void test_many(void **state)
{
    struct wire *w = *state;
    static double distances[PLACES];

    srand(11);
    for (int i = 0; i < PLACES; i++) {
        double longitude = rand() % 360000 / 1000.0 - 180, latitude = rand() % 170000 / 1000.0 - 85;
        expect(w, ":1", "GEOADD many %f %f m%d", longitude, latitude, i);
    }
    for (int i = 0; i < SEARCHES; i++) {
        int centre = rand() % PLACES;
        double radius =
            rand() % 100 * (i % 2 ? 200 : 20) + 0.00005; // of GEODIST's digits none is in doubt
        for (int j = 0; j < PLACES; j++)
            distances[j] = strtod(wire_text(w, NULL, "GEODIST many m%d m%d km", centre, j), NULL);
        int want = count_within(distances, radius);
        int limit = want > 1 ? want / 2 : 1;
        assert_int_equal(wire_int(w,
                                  "GEOSEARCHSTORE d many FROMMEMBER m%d BYRADIUS %f km STOREDIST",
                                  centre, radius),
                         want);
        assert_int_equal(wire_int(w, "GEORADIUSBYMEMBER many m%d %f km COUNT %d STOREDIST half",
                                  centre, radius, limit),
                         limit);
        // The nearest ones, in order.
        char *first = strdup(wire_run(w, "ZRANGE d 0 %d WITHSCORES", limit - 1));
        assert_string_equal(wire_run(w, "ZRANGE half 0 -1 WITHSCORES"), first);
        free(first);
        first = strdup(wire_run(w, "ZRANGE d 0 %d", limit - 1));
        assert_string_equal(wire_run(w, "GEOSEARCH many FROMMEMBER m%d BYRADIUS %f km COUNT %d",
                                     centre, radius, limit),
                            first);
        free(first);
        first = strdup(wire_run(w, "ZREVRANGE d 0 %d", limit - 1));
        assert_string_equal(wire_run(w,
                                     "GEOSEARCH many FROMMEMBER m%d BYRADIUS %f km DESC COUNT %d",
                                     centre, radius, limit),
                            first);
        free(first);
        assert_int_equal(wire_int(w, "GEORADIUSBYMEMBER many m%d %f km COUNT %d ANY STORE half",
                                  centre, radius, limit),
                         limit);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WIRE_TEST(test_geoadd),
        WIRE_TEST(test_geodist),
        WIRE_TEST(test_geohash),
        WIRE_TEST(test_geopos),
        WIRE_TEST(test_georadius),
        WIRE_TEST(test_georadius_store),
        WIRE_TEST(test_georadiusbymember),
        WIRE_TEST(test_geosearch),
        WIRE_TEST(test_geosearchstore),
        WIRE_TEST(test_in_transactions),
        WIRE_TEST(test_keys),
        WIRE_TEST3(test_resp3),
        WIRE_TEST(test_ends_of_the_map),
        WIRE_TEST(test_many),
    };
    return run_modes(tests);
}
