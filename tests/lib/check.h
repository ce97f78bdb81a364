// SPDX-License-Identifier: MIT
//
// Assertions that may be used on any thread (cmocka's may not: they jump). They print what they saw
// and end the program.
#pragma once

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define check(condition)                                                                           \
    do {                                                                                           \
        if (!(condition))                                                                          \
            check_fail(__FILE__, __LINE__, "is false: " #condition);                               \
    } while (0)

#define check_int(actual, expected) check_int_at(__FILE__, __LINE__, #actual, actual, expected)
#define check_str(actual, expected) check_str_at(__FILE__, __LINE__, #actual, actual, expected)
#define check_str_prefix(actual, prefix)                                                           \
    check_str_prefix_at(__FILE__, __LINE__, #actual, actual, prefix)

_Noreturn static inline void check_fail(const char *file, int line, const char *what)
{
    fprintf(stderr, "%s:%d: %s\n", file, line, what);
    abort();
}

static inline void check_int_at(const char *file, int line, const char *what, int64_t actual,
                                int64_t expected)
{
    if (actual == expected)
        return;
    fprintf(stderr, "%s:%d: %s is %" PRId64 ", expected %" PRId64 "\n", file, line, what, actual,
            expected);
    abort();
}

static inline void check_str_at(const char *file, int line, const char *what, const char *actual,
                                const char *expected)
{
    if (strcmp(actual, expected) == 0)
        return;
    fprintf(stderr, "%s:%d: %s is \"%s\", expected \"%s\"\n", file, line, what, actual, expected);
    abort();
}

static inline void check_str_prefix_at(const char *file, int line, const char *what,
                                       const char *actual, const char *prefix)
{
    if (strncmp(actual, prefix, strlen(prefix)) == 0)
        return;
    fprintf(stderr, "%s:%d: %s is \"%s\", expected to begin with \"%s\"\n", file, line, what,
            actual, prefix);
    abort();
}
