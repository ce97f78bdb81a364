// SPDX-License-Identifier: MIT
//
// The commands that the differential test knows: one row each, in rows.c. A row has a template of
// the arguments, from which random ones are made, and says how the replies of two servers are
// compared.
//
// Templates are words separated by blanks:
//
//     key, member ...   a random argument of that kind (values.c has the kinds)
//     NX  EX|PX  0      that word, or one of several, in any case of letters
//     lexkey, geokey    a key that only rows which say so get at; such keys come first in a row
//     command           the name and the arguments of another row
//     plain             the same, of one that replies once, and leaves the connection as it is
//     value...          the kind, once or several times
//     ( a b )...        the group, once or several times
//     [ a | b ]         nothing or one of the alternatives; several such groups in a row come in
//     any
//                       order, and some twice
//     { a | b }         one of the alternatives
#pragma once

// How replies are compared. All but the first are asked only of replies that are no errors.
enum diff_rule {
    DIFF_SAME,
    DIFF_ANY_ORDER, // the elements of an array or set
    DIFF_PAIRS,     // a map, or an array of pairs, whose pairs are in any order
    DIFF_NEAR_S,    // a time in seconds: moments apart
    DIFF_NEAR_MS,
    DIFF_IDLE,     // seconds, moments apart
    DIFF_GREETING, // but for the number of the connection
    // Those below run alone, outside of transactions.
    DIFF_SCAN,      // all that the iteration returns, from cursor 0 to its end
    DIFF_RANDOM,    // as many elements, all from the collection, distinct for positive counts
    DIFF_POP,       // the same; then the popped ones are removed from the other server
    DIFF_EXCHANGED, // what one server serialises the other one must read
    DIFF_ANY_KEY,   // a key that is there
    DIFF_SETTLES,   // the same before long
    DIFF_EXPIRING,  // the same, and the expire time of a few milliseconds is waited for
    DIFF_SILENT,    // CLIENT REPLY OFF or SKIP and a command: what follows has the next reply
};

enum diff_flag {
    DIFF_RARE = 1,         // empties too much to come often
    DIFF_TIMES = 2,        // small positive numbers could be expire times: kept away from now
    DIFF_SMALL_COUNT = 4,  // a negative count asks for as many elements
    DIFF_SMALL_OFFSET = 8, // an offset makes a string of that length
    DIFF_UNSPOILT = 16,    // no strange arguments
    DIFF_BIT_OFFSET = 32,  // an offset makes a string of that many bits
    DIFF_STATEFUL = 64,    // changes how the connection goes on
};

struct diff_row {
    const char *name; // "GET", "OBJECT ENCODING"
    const char *args;
    enum diff_rule rule;
    unsigned flags;
};

#define DIFF_TYPE_LETTERS "shlezp" // of the groups for types, whose keys other groups use, too

// The rows of a command group and the first letter of the keys that hold its type.
struct diff_group {
    const char *name;
    char letter;
    int weight; // how often, relative to the others
    const struct diff_row *rows;
    int nrows;
};

extern const struct diff_group diff_groups[];
extern const int diff_ngroups;
