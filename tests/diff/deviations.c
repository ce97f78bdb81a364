// SPDX-License-Identifier: MIT
#include "tests/diff/deviations.h"

#include <fnmatch.h>
#include <stddef.h>
#include <string.h>

#define NO_DOUBLE "-ERR One or more scores can't be converted into double"

// Shell patterns of the two replies.
static const struct {
    const char *command, *keylot, *redis;
    const char *reason;
} DEVIATIONS[] = {
    {"OBJECT REFCOUNT", ":1", ":2",
     "in a transaction Redis counts the argument that the value came from, too"},
    {"OBJECT REFCOUNT", ":2147483647", ":1",
     "small integers are shared in Redis, but not those that COPY makes"},
    {"OBJECT IDLETIME", ":[0-3]", ":*",
     "small integers are shared in Redis, and with them the time at which one was used"},
    {"LPOS", "-ERR *", "*",
     "a RANK of -2^63 has no positive counterpart; Redis 7.0 overflows there"},
    {"SORT", "*", NO_DOUBLE, "after a number out of range Redis refuses good ones, too"},
    {"SORT_RO", "*", NO_DOUBLE, "after a number out of range Redis refuses good ones, too"},
    {"SORT", "*x00*", "*x00*", "Redis compares texts up to a zero byte, as strcoll() does"},
    {"SORT_RO", "*x00*", "*x00*", "Redis compares texts up to a zero byte, as strcoll() does"},
};

bool diff_deviates(const struct diff_row *row, const char *keylot, const char *redis)
{
    for (size_t i = 0; i < sizeof(DEVIATIONS) / sizeof(DEVIATIONS[0]); i++) {
        if (strcmp(DEVIATIONS[i].command, row->name) == 0 &&
            fnmatch(DEVIATIONS[i].keylot, keylot, 0) == 0 &&
            fnmatch(DEVIATIONS[i].redis, redis, 0) == 0) {
            return true;
        }
    }
    return false;
}
