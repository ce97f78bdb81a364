// SPDX-License-Identifier: MIT
#include "tests/lib/starved.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "datatypes/mem.h"

enum { WORDS_MAX = 1024 }; // of a command

const char LONG_A[LONG_CHARS + 1] =
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const char LONG_B[LONG_CHARS + 1] =
    "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

static struct inproc store;
struct inproc_client *starved;

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

// Appends the reply's lines in sorted order, so that sets of the same members look the same.
static void append_sorted(char *state, size_t *used, const char *reply)
{
    static char copy[STATE_CHARS];
    static char *lines[STATE_CHARS / 2];
    size_t n = 0;

    assert_true(strlen(reply) < sizeof copy);
    strcpy(copy, reply);
    for (char *line = strtok(copy, "\r\n"); line; line = strtok(NULL, "\r\n"))
        lines[n++] = line;
    qsort(lines, n, sizeof lines[0], compare_texts);
    for (size_t i = 0; i < n; i++) {
        int len = snprintf(state + *used, STATE_CHARS - *used, "%s ", lines[i]);
        *used += (size_t)len;
        assert_true(*used < STATE_CHARS);
    }
}

// The key's elements, in order, when it is a list.
static void append_list(char *state, size_t *used, const char *key)
{
    if (strcmp(inproc_run(starved, "TYPE %s", key), "+list\r\n") != 0)
        return;
    const char *reply = inproc_run(starved, "LRANGE %s 0 -1", key);
    *used += (size_t)snprintf(state + *used, STATE_CHARS - *used, "%s ", reply);
    assert_true(*used < STATE_CHARS);
    append_sorted(state, used, inproc_run(starved, "LLEN %s", key));
}

// A string may hold any bytes: a hash of all of them (FNV-1a).
static void append_string(char *state, size_t *used, const char *key)
{
    const char *reply = inproc_run(starved, "GET %s", key);
    size_t len = reply[1] == '-' ? 0 : strtoul(reply + 1, NULL, 10);
    const char *text = strchr(reply, '\n') + 1;
    uint64_t hash = UINT64_C(14695981039346656037);

    for (size_t i = 0; i < len; i++)
        hash = (hash ^ (unsigned char)text[i]) * UINT64_C(1099511628211);
    *used += (size_t)snprintf(state + *used, STATE_CHARS - *used, "%zu:%" PRIx64 " ", len, hash);
    assert_true(*used < STATE_CHARS);
}

// All that the keys a, b, c and d hold, as text.
void starved_describe(char *state)
{
    static const char *const keys[] = {"a", "b", "c", "d"};
    size_t used = 0;

    for (int i = 0; i < 4; i++) {
        const char *type = inproc_run(starved, "TYPE %s", keys[i]);
        bool is_set = strcmp(type, "+set\r\n") == 0, is_zset = strcmp(type, "+zset\r\n") == 0,
             is_hash = strcmp(type, "+hash\r\n") == 0;
        const char *whole = is_set ? "SMEMBERS" : is_hash ? "HGETALL" : "GET";
        bool is_string = strcmp(type, "+string\r\n") == 0;
        append_sorted(state, &used, keys[i]);
        if (is_zset) { // in order, and each score behind its member
            int len = snprintf(state + used, STATE_CHARS - used, "%s%s",
                               inproc_run(starved, "ZRANGE %s 0 -1 WITHSCORES", keys[i]), "\n");
            used += (size_t)len;
            assert_true(used < STATE_CHARS);
            append_sorted(state, &used, inproc_run(starved, "ZCARD %s", keys[i]));
            append_sorted(state, &used, inproc_run(starved, "EXPIRETIME %s", keys[i]));
            continue;
        }
        append_sorted(state, &used, inproc_run(starved, "%s %s", whole, keys[i]));
        append_sorted(state, &used, inproc_run(starved, "EXPIRETIME %s", keys[i]));
        if (is_set || is_hash)
            append_sorted(state, &used,
                          inproc_run(starved, "%s %s", is_set ? "SCARD" : "HLEN", keys[i]));
        if (is_string)
            append_string(state, &used, keys[i]);
        append_list(state, &used, keys[i]);
    }
    append_sorted(state, &used, inproc_run(starved, "DBSIZE"));
}

// Runs a command with no memory after the n-th allocation for n = 0, 1, ... until it succeeds.
// Returns how often it failed. `want` is what it answers in the end, NULL: whatever is no error.
int run_argv_short_of_memory(int argc, struct bytes *argv, const char *want)
{
    static char before[STATE_CHARS], after[STATE_CHARS];
    int failures = 0;

    starved_describe(before);
    for (long n = 0; n < ALLOCATIONS_MAX; n++) {
        size_t len;
        mem_fail_after(n);
        const char *reply = inproc_argv(starved, argc, argv, &len);
        mem_fail_after(-1);
        const char *error = strstr(reply, "-OOM ");
        assert_true(error == NULL || error == reply); // the error is all of the reply
        if (error == NULL) {
            if (want)
                assert_string_equal(reply, want);
            else
                assert_int_not_equal(reply[0], '-');
            return failures;
        }
        failures++;
        starved_describe(after);
        assert_string_equal(after, before);
    }
    fail_msg("%.*s never succeeds", bytes_precision(argv[0]), argv[0].data);
    return 0;
}

// The same for a command as words with blanks between.
int run_short_of_memory(const char *command, const char *want)
{
    static char copy[1 << 15];
    struct bytes argv[WORDS_MAX];
    int argc = 0;

    assert_true(strlen(command) < sizeof copy);
    strcpy(copy, command);
    for (char *word = strtok(copy, " "); word; word = strtok(NULL, " ")) {
        assert_true(argc < WORDS_MAX);
        argv[argc++] = bytes_of(word);
    }
    return run_argv_short_of_memory(argc, argv, want);
}

int starved_setup(void **state)
{
    (void)state;
    inproc_run(starved, "FLUSHALL");
    return 0;
}

void starved_open(void)
{
    inproc_open(&store);
    starved = inproc_client_new(&store);
}

void starved_close(void)
{
    inproc_settle(starved);
    inproc_client_free(starved);
    inproc_close(&store);
}
