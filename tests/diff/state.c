// SPDX-License-Identifier: MIT
//
// All that is in the databases of two servers: keys, types, encodings, expire times, values.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/diff/compare.h"
#include "tests/diff/pair.h"

enum { DATABASES = 16 };

// What is asked about a key. Values are asked for as if it were of every type: the wrong ones must
// be refused alike.
static const struct {
    const char *command;
    enum diff_rule rule;
} QUESTIONS[] = {
    {"TYPE %s", DIFF_SAME},
    {"PTTL %s", DIFF_NEAR_MS},
    {"GET %s", DIFF_SAME},
    {"HGETALL %s", DIFF_PAIRS},
    {"LRANGE %s 0 -1", DIFF_SAME},
    {"SMEMBERS %s", DIFF_ANY_ORDER},
    {"ZRANGE %s 0 -1 WITHSCORES", DIFF_SAME},
    {"DEBUG DIGEST-VALUE %s", DIFF_SAME},
    {"OBJECT ENCODING %s", DIFF_SAME},
};
enum { NQUESTIONS = sizeof(QUESTIONS) / sizeof(QUESTIONS[0]) };

// The last question, but of the sorted sets of SORT (rows.c).
static int nquestions(struct bytes key)
{
    return NQUESTIONS - (key.len > 1 && key.data[1] == 'o');
}

static void ask(struct wire *const looking[DIFF_SIDES], const char *format, const char *argument)
{
    struct strbuf line = {0};

    strbuf_addf(&line, format, argument);
    for (int side = 0; side < DIFF_SIDES; side++) {
        wire_send(looking[side], "%s", line.data);
    }
    strbuf_free(&line);
}

// Reads both answers to a question; the first ones that differ are kept. What redis-server said is
// left in `answer`, if that is not NULL.
static bool answers_differ(struct wire *const looking[DIFF_SIDES], enum diff_rule rule,
                           const char *question, const char *argument, bool differ,
                           struct diff_difference *difference, struct strbuf *answer)
{
    const char *keylot = diff_reply(looking[DIFF_KEYLOT]), *redis = diff_reply(looking[DIFF_REDIS]);

    if (!differ && !diff_agree(rule, bytes_of(keylot), bytes_of(redis))) {
        struct strbuf line = {0};

        differ = true;
        strbuf_addf(&line, question, argument);
        diff_found(difference, "", "");
        strbuf_addf(&difference->keylot, "%s -> %s", line.data, keylot);
        strbuf_addf(&difference->redis, "%s -> %s", line.data, redis);
        strbuf_free(&line);
    }
    if (answer) {
        strbuf_clear(answer);
        strbuf_addf(answer, "%s", redis);
    }
    return differ;
}

// Asks everything about all keys of a database at once.
static bool keys_differ(struct wire *const looking[DIFF_SIDES], const char *db,
                        const struct diff_elements *keys, struct diff_difference *difference)
{
    struct strbuf key = {0};
    bool differ;

    ask(looking, "SELECT %s", db);
    for (int i = 0; i < keys->n; i++) {
        strbuf_clear(&key);
        strbuf_add(&key, keys->items[i].data, keys->items[i].len);
        for (int q = 0; q < nquestions(keys->items[i]); q++) {
            ask(looking, QUESTIONS[q].command, key.data);
        }
    }
    differ = answers_differ(looking, DIFF_SAME, "SELECT %s", db, false, difference, NULL);
    for (int i = 0; i < keys->n; i++) {
        strbuf_clear(&key);
        strbuf_add(&key, keys->items[i].data, keys->items[i].len);
        for (int q = 0; q < nquestions(keys->items[i]); q++) {
            differ = answers_differ(looking, QUESTIONS[q].rule, QUESTIONS[q].command, key.data,
                                    differ, difference, NULL);
        }
    }
    strbuf_free(&key);
    return differ;
}

bool diff_states_differ(struct wire *const looking[DIFF_SIDES], struct diff_difference *difference)
{
    struct strbuf names[DATABASES] = {{0}};
    char db[DATABASES][8];
    bool differ = false;

    for (int i = 0; i < DATABASES; i++) {
        snprintf(db[i], sizeof(db[i]), "%d", i);
        ask(looking, "SELECT %s", db[i]);
        ask(looking, "KEYS %s", "*");
    }
    for (int i = 0; i < DATABASES; i++) {
        differ = answers_differ(looking, DIFF_SAME, "SELECT %s", db[i], differ, difference, NULL);
        differ =
            answers_differ(looking, DIFF_ANY_ORDER, "KEYS %s", "*", differ, difference, &names[i]);
    }
    for (int i = 0; i < DATABASES && !differ; i++) {
        struct diff_elements keys = diff_elements((struct bytes){names[i].data, names[i].len});

        if (keys.n > 0) {
            differ = keys_differ(looking, db[i], &keys, difference);
        }
        free(keys.items);
    }
    for (int i = 0; i < DATABASES; i++) {
        strbuf_free(&names[i]);
    }
    return differ;
}
