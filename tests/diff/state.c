// SPDX-License-Identifier: MIT
//
// All that is in the databases of two servers: keys, types, encodings, expire times, values.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/diff/compare.h"
#include "tests/diff/pair.h"

enum { DATABASES = 16 };

static const struct {
    const char *type, *command;
    enum diff_rule rule;
} VALUES[] = {
    {"string", "GET %s", DIFF_SAME},
    {"hash", "HGETALL %s", DIFF_PAIRS},
    {"list", "LRANGE %s 0 -1", DIFF_SAME},
    {"set", "SMEMBERS %s", DIFF_ANY_ORDER},
    {"zset", "ZRANGE %s 0 -1 WITHSCORES", DIFF_SAME},
};

// Asks both the same about a key, which is given as a quoted text.
static bool answers_differ(struct wire *const looking[DIFF_SIDES], const char *format,
                           const char *key, enum diff_rule rule, struct diff_difference *difference)
{
    struct strbuf line = {0};
    bool differ;

    strbuf_addf(&line, format, key);
    for (int side = 0; side < DIFF_SIDES; side++) {
        wire_send(looking[side], "%s", line.data);
    }
    const char *keylot = diff_reply(looking[DIFF_KEYLOT]), *redis = diff_reply(looking[DIFF_REDIS]);

    differ = !diff_agree(rule, bytes_of(keylot), bytes_of(redis));
    if (differ) {
        diff_found(difference, "", "");
        strbuf_addf(&difference->keylot, "%s -> %s", line.data, keylot);
        strbuf_addf(&difference->redis, "%s -> %s", line.data, redis);
    }
    strbuf_free(&line);
    return differ;
}

static bool key_differs(struct wire *const looking[DIFF_SIDES], const char *key,
                        struct diff_difference *difference)
{
    char type[32];

    if (answers_differ(looking, "TYPE %s", key, DIFF_SAME, difference) ||
        answers_differ(looking, "PTTL %s", key, DIFF_NEAR_MS, difference)) {
        return true;
    }
    snprintf(type, sizeof(type), "%s", wire_run(looking[DIFF_REDIS], "TYPE %s", key));
    for (size_t i = 0; i < sizeof(VALUES) / sizeof(VALUES[0]); i++) {
        if (strcmp(VALUES[i].type, type) == 0 &&
            answers_differ(looking, VALUES[i].command, key, VALUES[i].rule, difference)) {
            return true;
        }
    }
    return answers_differ(looking, "OBJECT ENCODING %s", key, DIFF_SAME, difference);
}

static bool database_differs(struct wire *const looking[DIFF_SIDES],
                             struct diff_difference *difference)
{
    struct strbuf text = {0};
    struct diff_elements keys;
    bool differ = answers_differ(looking, "KEYS %s", "*", DIFF_ANY_ORDER, difference);

    if (differ) {
        return true;
    }
    strbuf_addf(&text, "%s", wire_run(looking[DIFF_REDIS], "KEYS *"));
    keys = diff_elements((struct bytes){text.data, text.len});
    for (int i = 0; i < keys.n && !differ; i++) {
        struct strbuf key = {0};

        strbuf_add(&key, keys.items[i].data, keys.items[i].len);
        differ = key_differs(looking, key.data, difference);
        strbuf_free(&key);
    }
    free(keys.items);
    strbuf_free(&text);
    return differ;
}

bool diff_states_differ(struct wire *const looking[DIFF_SIDES], struct diff_difference *difference)
{
    bool differ = false;

    for (int db = 0; db < DATABASES && !differ; db++) {
        for (int side = 0; side < DIFF_SIDES; side++) {
            expect(looking[side], "OK", "SELECT %d", db);
        }
        differ = database_differs(looking, difference);
    }
    return differ;
}
