// SPDX-License-Identifier: MIT
#include "tests/lib/linear_load.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "tests/lib/check.h"

// How often a command comes in each mix, and its words, where %k is a key, %v a new value, %s a new
// score, %i a small number, %t a bit of text, %m a member, field or element that others name, too,
// %d an end of a list, and %f are other keys with values, which only keep the command busy between
// its first key and its last.
struct recipe {
    unsigned char weight[LINEAR_MIXES]; // strings, sets, hashes, lists, zsets, mixed, single
    const char *words;
    bool lock_free; // reads one key without a lock
    bool chance;    // what it does is known from its reply only
};

static const struct recipe RECIPES[] = {
    {{16, 0, 0, 0, 0, 4, 4}, "GET %k", true},
    {{4, 0, 0, 0, 0, 1, 1}, "STRLEN %k", true},
    {{2, 2, 2, 3, 2, 1, 1}, "EXISTS %k", true},
    {{2, 2, 2, 3, 2, 2, 1}, "TYPE %k", true},
    {{4, 0, 0, 0, 0, 1, 2}, "SET %k %v"},
    {{1, 0, 0, 0, 0, 1, 1}, "SET %k %v NX"},
    {{1, 0, 0, 0, 0, 0, 1}, "SET %k %v XX GET"},
    {{2, 0, 0, 0, 0, 0, 1}, "SETNX %k %v"},
    {{2, 0, 0, 0, 0, 1, 2}, "GETSET %k %v"},
    {{2, 0, 0, 0, 0, 1, 2}, "GETDEL %k"},
    {{2, 0, 0, 0, 0, 1, 2}, "APPEND %k %t"},
    {{2, 0, 0, 0, 0, 1, 3}, "INCR %k"},
    {{1, 0, 0, 0, 0, 0, 1}, "INCRBY %k %i"},
    {{2, 2, 2, 2, 2, 4, 4}, "DEL %k"},
    {{2, 2, 2, 2, 2, 4, 0}, "DEL %k %k"},
    {{2, 2, 2, 2, 2, 2, 0}, "EXISTS %k %k"},
    {{4, 0, 0, 0, 0, 1, 0}, "MGET %k %k %k"},
    {{4, 0, 0, 0, 0, 1, 0}, "MSET %k %v %k %v"},
    {{6, 0, 0, 0, 0, 1, 0}, "MSET %k %v %f %k %v"},
    {{2, 0, 0, 0, 0, 1, 0}, "MSETNX %k %v %k %v"},
    {{5, 3, 3, 3, 3, 4, 0}, "RENAME %k %k"},
    {{2, 2, 2, 2, 2, 2, 0}, "RENAMENX %k %k"},
    {{2, 2, 2, 1, 2, 2, 0}, "COPY %k %k"},
    {{2, 2, 2, 1, 2, 2, 0}, "COPY %k %k REPLACE"},
    {{0, 6, 0, 0, 0, 1, 3}, "SCARD %k", true},
    {{0, 8, 0, 0, 0, 1, 3}, "SISMEMBER %k %m", true},
    {{0, 4, 0, 0, 0, 1, 1}, "SMISMEMBER %k %m %m %m", true},
    {{0, 8, 0, 0, 0, 0, 1}, "SMISMEMBER %k %m %m %m %m %m %m %m %m", true},
    {{0, 4, 0, 0, 0, 1, 1}, "SMEMBERS %k"},
    {{0, 1, 0, 0, 0, 0, 1}, "SRANDMEMBER %k", .chance = true},
    {{0, 6, 0, 0, 0, 2, 3}, "SADD %k %m"},
    {{0, 4, 0, 0, 0, 1, 2}, "SADD %k %m %m %m"},
    {{0, 6, 0, 0, 0, 1, 2}, "SADD %k %m %m %m %m %m %m %m %m"},
    {{0, 3, 0, 0, 0, 1, 2}, "SREM %k %m"},
    {{0, 2, 0, 0, 0, 1, 1}, "SREM %k %m %m %m"},
    {{0, 5, 0, 0, 0, 1, 2}, "SREM %k %m %m %m %m %m %m %m %m"},
    {{0, 4, 0, 0, 0, 1, 2}, "SPOP %k", .chance = true},
    {{0, 2, 0, 0, 0, 1, 1}, "SPOP %k 2", .chance = true},
    {{0, 8, 0, 0, 0, 2, 0}, "SMOVE %k %k %m"},
    {{0, 2, 0, 0, 0, 1, 0}, "SUNION %k %k"},
    {{0, 2, 0, 0, 0, 0, 0}, "SINTER %k %k"},
    {{0, 2, 0, 0, 0, 0, 0}, "SDIFF %k %k"},
    {{0, 3, 0, 0, 0, 1, 0}, "SUNIONSTORE %k %k %k"},
    {{0, 2, 0, 0, 0, 1, 0}, "SINTERSTORE %k %k %k"},
    {{0, 2, 0, 0, 0, 1, 0}, "SDIFFSTORE %k %k %k"},
    {{0, 0, 8, 0, 0, 2, 3}, "HGET %k %m", true},
    {{0, 0, 6, 0, 0, 1, 3}, "HLEN %k", true},
    {{0, 0, 3, 0, 0, 1, 1}, "HEXISTS %k %m", true},
    {{0, 0, 2, 0, 0, 0, 1}, "HSTRLEN %k %m", true},
    {{0, 0, 5, 0, 0, 1, 1}, "HMGET %k %m %m %m", true},
    {{0, 0, 8, 0, 0, 0, 1}, "HMGET %k %m %m %m %m %m %m %m %m", true},
    {{0, 0, 4, 0, 0, 1, 1}, "HGETALL %k"},
    {{0, 0, 1, 0, 0, 0, 1}, "HKEYS %k"},
    {{0, 0, 1, 0, 0, 0, 1}, "HVALS %k"},
    {{0, 0, 5, 0, 0, 2, 3}, "HSET %k %m %v"},
    {{0, 0, 5, 0, 0, 1, 2}, "HSET %k %m %v %m %v %m %v"},
    {{0, 0, 5, 0, 0, 1, 1}, "HSET %k %m %v %m %v %m %v %m %v %m %v %m %v %m %v %m %v %m %v %m %v"},
    {{0, 0, 2, 0, 0, 0, 1}, "HMSET %k %m %v %m %v"},
    {{0, 0, 3, 0, 0, 1, 1}, "HSETNX %k %m %v"},
    {{0, 0, 4, 0, 0, 1, 2}, "HINCRBY %k %m %i"},
    {{0, 0, 4, 0, 0, 1, 2}, "HDEL %k %m"},
    {{0, 0, 3, 0, 0, 1, 1}, "HDEL %k %m %m %m"},
    {{0, 0, 3, 0, 0, 1, 2}, "HDEL %k %m %m %m %m %m %m %m %m"},
    {{0, 0, 0, 12, 0, 2, 3}, "LLEN %k", true},
    {{0, 0, 0, 4, 0, 1, 2}, "LINDEX %k %i"},
    {{0, 0, 0, 5, 0, 1, 2}, "LRANGE %k 0 -1"},
    {{0, 0, 0, 2, 0, 1, 1}, "LRANGE %k %i %i"},
    {{0, 0, 0, 5, 0, 2, 3}, "LPUSH %k %v"},
    {{0, 0, 0, 5, 0, 2, 3}, "RPUSH %k %v"},
    {{0, 0, 0, 2, 0, 1, 1}, "LPUSH %k %v %m %v"},
    {{0, 0, 0, 3, 0, 1, 2}, "RPUSH %k %m %m %v %m"},
    {{0, 0, 0, 1, 0, 0, 1}, "LPUSHX %k %v"},
    {{0, 0, 0, 1, 0, 0, 1}, "RPUSHX %k %v"},
    {{0, 0, 0, 5, 0, 1, 3}, "LPOP %k"},
    {{0, 0, 0, 5, 0, 1, 3}, "RPOP %k"},
    {{0, 0, 0, 2, 0, 1, 1}, "LPOP %k 3"},
    {{0, 0, 0, 2, 0, 0, 1}, "RPOP %k 2"},
    {{0, 0, 0, 2, 0, 1, 1}, "LSET %k %i %v"},
    {{0, 0, 0, 2, 0, 0, 1}, "LINSERT %k BEFORE %m %v"},
    {{0, 0, 0, 2, 0, 1, 1}, "LREM %k 0 %m"},
    {{0, 0, 0, 2, 0, 0, 1}, "LREM %k %i %m"},
    {{0, 0, 0, 3, 0, 1, 1}, "LTRIM %k %i %i"},
    {{0, 0, 0, 8, 0, 2, 0}, "LMOVE %k %k %d %d"},
    {{0, 0, 0, 2, 0, 1, 0}, "RPOPLPUSH %k %k"},
    {{0, 0, 0, 0, 8, 2, 3}, "ZSCORE %k %m", true},
    {{0, 0, 0, 0, 6, 1, 3}, "ZCARD %k", true},
    {{0, 0, 0, 0, 5, 1, 1}, "ZMSCORE %k %m %m %m", true},
    {{0, 0, 0, 0, 8, 0, 1}, "ZMSCORE %k %m %m %m %m %m %m %m %m", true},
    {{0, 0, 0, 0, 4, 1, 2}, "ZRANGE %k 0 -1 WITHSCORES"},
    {{0, 0, 0, 0, 1, 0, 1}, "ZRANGE %k %i %i"},
    {{0, 0, 0, 0, 2, 1, 1}, "ZRANK %k %m"},
    {{0, 0, 0, 0, 1, 0, 1}, "ZREVRANK %k %m"},
    {{0, 0, 0, 0, 1, 0, 1}, "ZCOUNT %k %i %i"},
    {{0, 0, 0, 0, 3, 2, 2}, "ZADD %k %i %m"},
    {{0, 0, 0, 0, 3, 1, 2}, "ZADD %k %s %m"},
    {{0, 0, 0, 0, 4, 1, 2}, "ZADD %k %s %m %i %m %s %m"},
    {{0, 0, 0, 0, 6, 1, 1}, "ZADD %k %s %m %s %m %i %m %s %m %s %m %i %m %s %m"},
    {{0, 0, 0, 0, 1, 0, 1}, "ZADD %k NX %s %m %s %m"},
    {{0, 0, 0, 0, 2, 1, 1}, "ZADD %k XX CH %s %m %i %m"},
    {{0, 0, 0, 0, 1, 0, 1}, "ZADD %k NX INCR %i %m"},
    {{0, 0, 0, 0, 1, 1, 1}, "ZADD %k XX INCR %i %m"},
    {{0, 0, 0, 0, 4, 1, 2}, "ZINCRBY %k %i %m"},
    {{0, 0, 0, 0, 4, 1, 2}, "ZREM %k %m"},
    {{0, 0, 0, 0, 3, 1, 1}, "ZREM %k %m %m %m"},
    {{0, 0, 0, 0, 2, 1, 1}, "ZREM %k %m %m %m %m %m %m %m %m"},
    {{0, 0, 0, 0, 1, 0, 1}, "ZREMRANGEBYRANK %k %i %i"},
    {{0, 0, 0, 0, 4, 1, 2}, "ZPOPMIN %k"},
    {{0, 0, 0, 0, 2, 1, 1}, "ZPOPMAX %k 2"},
    {{0, 0, 0, 0, 4, 2, 0}, "ZUNIONSTORE %k 2 %k %k"},
    {{0, 0, 0, 0, 3, 1, 0}, "ZINTERSTORE %k 2 %k %k"},
    {{0, 0, 0, 0, 0, 1, 0}, "FLUSHALL"},
};

enum {
    FILLERS = 24,
    TRANSACTIONS = 8,    // one in so many
    TRANSACTION_MAX = 4, // commands
};
enum { NRECIPES = sizeof RECIPES / sizeof RECIPES[0] };

void linear_load_init(struct linear_load *load, uint64_t seed, enum linear_mix mix, int client,
                      int nkeys)
{
    static const unsigned CHARACTERS[] = {0, 50, 95};

    *load = (struct linear_load){.mix = mix, .client = client, .nkeys = nkeys};
    rng_seed(&load->rng, seed);
    load->reads_percent = CHARACTERS[rng_below(&load->rng, 3)];
}

static unsigned draw(struct linear_load *load, unsigned n)
{
    return (unsigned)rng_below(&load->rng, n);
}

static unsigned weight(const struct linear_load *load, const struct recipe *recipe, bool reading)
{
    // The model follows one command of a transaction whose reply is unknown, not two.
    if (recipe->chance && load->gambled)
        return 0;
    return reading && !recipe->lock_free ? 0 : recipe->weight[load->mix];
}

static const struct recipe *draw_recipe(struct linear_load *load)
{
    bool reading = draw(load, 100) < load->reads_percent;
    unsigned total = 0, at;
    int i = 0;

    for (int k = 0; k < NRECIPES; k++)
        total += weight(load, &RECIPES[k], reading);
    for (at = draw(load, total); at >= weight(load, &RECIPES[i], reading); i++)
        at -= weight(load, &RECIPES[i], reading);
    return &RECIPES[i];
}

struct line {
    char *text;
    size_t len;
};

static void add(struct line *line, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(struct line *line, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    line->len +=
        (size_t)vsnprintf(line->text + line->len, LINEAR_LOAD_LINE - line->len, format, args);
    va_end(args);
    check(line->len < LINEAR_LOAD_LINE);
}

// A value of each of the forms that the server keeps: integer, text within the value word, text in
// a block of its own.
static void add_value(struct linear_load *load, struct line *line)
{
    int n = load->nvalues++;

    switch (draw(load, 3)) {
    case 0:
        add(line, "%d", (load->client + 1) * 10000 + n);
        break;
    case 1:
        add(line, "%c%d", 'a' + load->client, n);
        break;
    default:
        add(line, "%c%d-which-needs-a-block", 'a' + load->client, n);
    }
}

static void add_word(struct linear_load *load, char what, struct line *line)
{
    switch (what) {
    case 'k':
        add(line, "k%u", draw(load, (unsigned)load->nkeys));
        break;
    case 'v':
        add_value(load, line);
        break;
    case 'f':
        for (int i = 0; i < FILLERS; i++)
            add(line, i ? " f%d x" : "f%d x", i);
        break;
    case 'i':
        add(line, "%d", (int)draw(load, 9) - 4);
        break;
    case 's':
        add(line, "%d", (load->client + 1) * 10000 + load->nvalues++);
        break;
    case 'd':
        add(line, draw(load, 2) ? "LEFT" : "RIGHT");
        break;
    case 't':
        add(line, "%c%d", 'A' + load->client, load->nvalues++);
        break;
    default:
        check_int(what, 'm');
        // Mostly integers at first, so that sets of integers occur and cease to be such.
        add(line, draw(load, 3) ? "%u" : "m%u", draw(load, 8));
    }
}

static void add_command(struct linear_load *load, struct line *line)
{
    const struct recipe *recipe = draw_recipe(load);

    load->gambled |= recipe->chance;
    for (const char *at = recipe->words; *at; at++) {
        if (*at == '%')
            add_word(load, *++at, line);
        else
            add(line, "%c", *at);
    }
}

const char *linear_load_next(struct linear_load *load, char line[LINEAR_LOAD_LINE])
{
    struct line out = {.text = line};
    unsigned more = 0;

    if (load->mix != LINEAR_SINGLE && draw(load, TRANSACTIONS) == 0)
        more = 1 + draw(load, TRANSACTION_MAX - 1);
    load->gambled = false;
    add_command(load, &out);
    for (; more > 0; more--) {
        add(&out, "\n");
        add_command(load, &out);
    }
    load->gambled = false;
    return line;
}

int linear_load_each(const char *line, void (*fn)(void *arg, const char *command), void *arg)
{
    char command[LINEAR_LOAD_LINE];
    const char *end = strchr(line, '\n');
    int n = 2;

    if (!end) {
        fn(arg, line);
        return 1;
    }
    fn(arg, "MULTI");
    for (const char *at = line; at; at = end ? end + 1 : NULL, n++) {
        end = strchr(at, '\n');
        snprintf(command, sizeof command, "%.*s", end ? (int)(end - at) : (int)strlen(at), at);
        fn(arg, command);
    }
    fn(arg, "EXEC");
    return n;
}
