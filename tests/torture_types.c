// SPDX-License-Identifier: MIT
//
// All types at once on few shared keys, while values go from packed to indexed encodings and back
// under their readers: in process, where threads meet most often, and over the wire, where long
// commands run on threads of their own. For ThreadSanitizer, and for what must hold whatever the
// order of things:
//
// 1. A text says which number it belongs to, all of it: a torn one is found out. So does the value
//    of a field and the score of a member, so that what belongs to another one is found out.
// 2. No member or field comes twice in a reply, and sorted sets are sorted.
// 3. Counts stay within what there can be.
// 4. Keys have one type each. What is renamed to the two last keys comes in all types: only there
//    WRONGTYPE is an answer.
// 5. Once the keys are deleted nothing is left of them.
#include "tests/lib/wire.h"

#include <hiredis/hiredis.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "datatypes/mem.h"
#include "locks/epoch.h"
#include "tests/lib/check.h"
#include "tests/lib/inproc.h"
#include "tests/lib/preempt.h"
#include "tests/lib/reply_text.h"

enum {
    USERS = 4,
    NAMES = 400,       // numbers that members, fields and elements have
    FEW_NAMES = 12,    // fewer than a packed value may have, and none of them long
    PHASE = 5000,      // commands of all users in which values grow, or in which they shrink
    SCORE_STEP = 1000, // a score is the member's number and some of these
    SCORE_STEPS = 50,
    REPEATS = 24, // of a text, at most
    TEXT_MAX = 8 * REPEATS,
    LINE_CHARS = 2048,
    ASKED_MAX = 8,
    REPLY_LIMIT_S = 60,
    PREEMPT_US = 100,
    SLACK_BYTES = 256 * 1024,
};

// Sanitizers make everything ten times slower; interleavings do not need the numbers.
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
enum { INPROC_COMMANDS = 12000, WIRE_COMMANDS = 3000 };
#else
enum { INPROC_COMMANDS = 80000, WIRE_COMMANDS = 10000 };
#endif
enum { ELEMENTS_MAX = 3 * USERS * INPROC_COMMANDS }; // of a list, if nothing was ever popped

enum kind { TEXT, SET, HASH, LIST, ZSET, KINDS };

static const char *const KIND_NAMES[KINDS] = {"string", "set", "hash", "list", "zset"};

// Limits that a packed value reaches often; long texts reach the others.
#define SMALL_LIMITS                                                                               \
    "CONFIG SET set-max-intset-entries 8", "CONFIG SET set-max-listpack-entries 16",               \
        "CONFIG SET hash-max-listpack-entries 16", "CONFIG SET zset-max-listpack-entries 16",      \
        "CONFIG SET list-max-listpack-size 16"

static const char *const LIMITS[] = {SMALL_LIMITS, NULL};

static _Atomic unsigned commands_run; // of all users: decides the phase

struct user {
    pthread_t thread;
    struct inproc_client *in; // or:
    redisContext *c;
    struct rng rng;
    int ncommands;
    char line[LINE_CHARS]; // the command
    size_t len;
    enum kind kind;               // of the key that it names
    bool any_type;                // a key may have another one
    int asked[ASKED_MAX], nasked; // numbers of the names in it
};

static unsigned draw(struct user *u, unsigned n)
{
    return (unsigned)rng_below(&u->rng, n);
}

// Prints the command with its reply and ends the program.
_Noreturn static void wrong(const struct user *u, const redisReply *reply, const char *what)
{
    struct strbuf text = {0};

    reply_text(reply, &text);
    fprintf(stderr, "%s: %s -> %s\n", what, u->line, text.data);
    abort();
}

// ---- texts --------------------------------------------------------------------------------------

// What a number is called as a member or field: an integer, a short text or a long one.
static int name_of(int n, char text[TEXT_MAX])
{
    int len = 0;

    if (n % 4 != 3)
        return sprintf(text, n % 4 == 2 ? "m%d" : "%d", n);
    for (int i = 0; i < (n < 200 ? 3 : REPEATS); i++)
        len += sprintf(text + len, "%d.", n);
    return len;
}

// A text that belongs to a number in another way: some times the same.
static int value_of(int n, int times, char text[TEXT_MAX])
{
    int len = 0;

    for (int i = 0; i < times; i++)
        len += sprintf(text + len, "%d:", n);
    return len;
}

// The number of a name, -1 when the bytes are no name.
static int number_of_name(const redisReply *reply)
{
    int n = reply->type == REDIS_REPLY_STRING ? atoi(reply->str + (*reply->str == 'm')) : -1;
    char text[TEXT_MAX];

    if (n < 0 || n >= NAMES)
        return -1;
    return (size_t)name_of(n, text) == reply->len && memcmp(text, reply->str, reply->len) == 0 ? n
                                                                                               : -1;
}

// The number of a value, -1 when the bytes are no value.
static int number_of_value(const redisReply *reply)
{
    int n = reply->type == REDIS_REPLY_STRING ? atoi(reply->str) : -1;
    char text[TEXT_MAX];

    if (n < 0 || n >= NAMES)
        return -1;
    size_t piece = (size_t)value_of(n, 1, text), times = reply->len / piece;
    if (times == 0 || times > REPEATS || reply->len != times * piece)
        return -1;
    value_of(n, (int)times, text);
    return memcmp(text, reply->str, reply->len) == 0 ? n : -1;
}

// The number that the score belongs to, -1 when it is no score.
static int number_of_score(const redisReply *reply, int64_t *score)
{
    char *end = NULL;

    if (reply->type != REDIS_REPLY_STRING)
        return -1;
    *score = strtoll(reply->str, &end, 10);
    return *end == '\0' && *score >= 0 ? (int)(*score % SCORE_STEP) : -1;
}

// ---- what replies may be ------------------------------------------------------------------------

static void need_integer(struct user *u, const redisReply *reply, int64_t max)
{
    if (reply->type != REDIS_REPLY_INTEGER || reply->integer < 0 || reply->integer > max)
        wrong(u, reply, "a count or flag out of bounds");
}

static void need_flag(struct user *u, const redisReply *reply)
{
    need_integer(u, reply, 1);
}

static void need_count(struct user *u, const redisReply *reply)
{
    need_integer(u, reply, NAMES);
}

static void need_length(struct user *u, const redisReply *reply)
{
    need_integer(u, reply, u->kind == TEXT ? TEXT_MAX : ELEMENTS_MAX);
}

static void need_ok(struct user *u, const redisReply *reply)
{
    if (reply->type != REDIS_REPLY_STATUS || strcmp(reply->str, "OK") != 0)
        wrong(u, reply, "not OK");
}

static void need_rename(struct user *u, const redisReply *reply)
{
    if (reply->type != REDIS_REPLY_ERROR || strcmp(reply->str, "ERR no such key") != 0)
        need_ok(u, reply);
}

static void need_type(struct user *u, const redisReply *reply)
{
    bool good = reply->type == REDIS_REPLY_STATUS && strcmp(reply->str, "none") == 0;

    for (int kind = 0; kind < KINDS && !good; kind++)
        good = (u->any_type || kind == (int)u->kind) && reply->type == REDIS_REPLY_STATUS &&
               strcmp(reply->str, KIND_NAMES[kind]) == 0;
    if (!good)
        wrong(u, reply, "a type that the key cannot have");
}

// The n-th name of the command was asked for.
static void need_value_of(struct user *u, const redisReply *reply, const redisReply *value, int n)
{
    if (value->type != REDIS_REPLY_NIL && number_of_value(value) != u->asked[n])
        wrong(u, reply, "a value of another field, or torn");
}

static void need_score_of(struct user *u, const redisReply *reply, const redisReply *value, int n)
{
    int64_t score;

    if (value->type != REDIS_REPLY_NIL && number_of_score(value, &score) != u->asked[n])
        wrong(u, reply, "a score of another member");
}

static void need_field(struct user *u, const redisReply *reply)
{
    need_value_of(u, reply, reply, 0);
}

static void need_score(struct user *u, const redisReply *reply)
{
    need_score_of(u, reply, reply, 0);
}

static void need_array(struct user *u, const redisReply *reply, size_t each)
{
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements % each != 0)
        wrong(u, reply, "no array of this kind");
}

static void need_for_each(struct user *u, const redisReply *reply,
                          void (*need)(struct user *, const redisReply *, const redisReply *, int))
{
    need_array(u, reply, 1);
    if (reply->elements != (size_t)u->nasked)
        wrong(u, reply, "not as many as were asked for");
    for (int i = 0; i < u->nasked; i++)
        need(u, reply, reply->element[i], i);
}

static void need_fields(struct user *u, const redisReply *reply)
{
    need_for_each(u, reply, need_value_of);
}

static void need_rank(struct user *u, const redisReply *reply)
{
    if (reply->type != REDIS_REPLY_NIL)
        need_integer(u, reply, NAMES - 1);
}

static void need_scores(struct user *u, const redisReply *reply)
{
    need_for_each(u, reply, need_score_of);
}

// A name that did not come before in this reply; returns its number.
static int need_new_name(struct user *u, const redisReply *reply, const redisReply *name,
                         bool seen[NAMES])
{
    int n = number_of_name(name);

    if (n < 0)
        wrong(u, reply, "no name, or a torn one");
    if (seen[n])
        wrong(u, reply, "a name twice");
    seen[n] = true;
    return n;
}

static void need_name(struct user *u, const redisReply *reply)
{
    if (reply->type != REDIS_REPLY_NIL && number_of_name(reply) < 0)
        wrong(u, reply, "no name, or a torn one");
}

static void need_names(struct user *u, const redisReply *reply)
{
    bool seen[NAMES] = {false};

    need_array(u, reply, 1);
    for (size_t i = 0; i < reply->elements; i++)
        need_new_name(u, reply, reply->element[i], seen);
}

static void need_hash(struct user *u, const redisReply *reply)
{
    bool seen[NAMES] = {false};

    need_array(u, reply, 2);
    for (size_t i = 0; i < reply->elements; i += 2) {
        int n = need_new_name(u, reply, reply->element[i], seen);
        if (number_of_value(reply->element[i + 1]) != n)
            wrong(u, reply, "a value of another field, or torn");
    }
}

// Members by their scores; no two scores are the same.
static void need_sorted(struct user *u, const redisReply *reply)
{
    bool seen[NAMES] = {false};
    int64_t score, last = -1;

    need_array(u, reply, 2);
    for (size_t i = 0; i < reply->elements; i += 2, last = score) {
        int n = need_new_name(u, reply, reply->element[i], seen);
        if (number_of_score(reply->element[i + 1], &score) != n)
            wrong(u, reply, "a score of another member");
        if (score <= last)
            wrong(u, reply, "not in order");
    }
}

static void need_text(struct user *u, const redisReply *reply)
{
    if (reply->type != REDIS_REPLY_NIL && number_of_value(reply) < 0)
        wrong(u, reply, "torn");
}

static void need_texts(struct user *u, const redisReply *reply)
{
    if (reply->type == REDIS_REPLY_NIL) // LPOP with a count
        return;
    need_array(u, reply, 1);
    for (size_t i = 0; i < reply->elements; i++) {
        if (number_of_value(reply->element[i]) < 0)
            wrong(u, reply, "torn");
    }
}

// What OBJECT ENCODING has answered, so that the load is known to be what it says.
static struct {
    const char *name;
    enum kind kind;
    _Atomic unsigned seen;
} encodings[] = {
    {"embstr", TEXT},   {"raw", TEXT},       {"intset", SET},
    {"hashtable", SET}, // the latter for a packed one, too
    {"listpack", HASH}, {"hashtable", HASH}, {"quicklist", LIST},
    {"listpack", ZSET}, {"skiplist", ZSET},
};
enum { NENCODINGS = sizeof encodings / sizeof encodings[0] };

static void need_encoding(struct user *u, const redisReply *reply)
{
    if (reply->type == REDIS_REPLY_NIL || u->any_type)
        return;
    for (int i = 0; i < NENCODINGS; i++) {
        if (encodings[i].kind == u->kind && strcmp(encodings[i].name, reply->str) == 0) {
            atomic_fetch_add_explicit(&encodings[i].seen, 1, memory_order_relaxed);
            return;
        }
    }
    wrong(u, reply, "an encoding that values of this type do not have");
}

// ---- commands -----------------------------------------------------------------------------------

// How often it comes while values grow and while they shrink, and its words: %k is a key, %K one
// that it may be renamed to, %n a name, %v a value of the last name, %e a value of any, %s a score
// for the name that follows, %i a small number.
struct recipe {
    enum kind kind;
    unsigned char growing, shrinking;
    const char *words;
    void (*need)(struct user *, const redisReply *);
};

static const struct recipe RECIPES[] = {
    {TEXT, 8, 4, "SET %k %e", need_ok},
    {TEXT, 8, 8, "GET %k", need_text},
    {TEXT, 4, 4, "STRLEN %k", need_length},
    {TEXT, 1, 4, "GETDEL %k", need_text},
    {TEXT, 1, 3, "DEL %k", need_flag},
    {TEXT, 2, 2, "RENAME %k %K", need_rename},
    {TEXT, 2, 2, "OBJECT ENCODING %k", need_encoding},
    {TEXT, 1, 1, "TYPE %k", need_type},

    {SET, 16, 2, "SADD %k %n", need_count},
    {SET, 12, 1, "SADD %k %n %n %n %n %n %n", need_count},
    {SET, 8, 8, "SCARD %k", need_count},
    {SET, 6, 6, "SISMEMBER %k %n", need_flag},
    {SET, 4, 4, "SMEMBERS %k", need_names},
    {SET, 2, 2, "SRANDMEMBER %k", need_name},
    {SET, 1, 8, "SPOP %k", need_name},
    {SET, 1, 4, "SPOP %k %i", need_names},
    {SET, 1, 4, "SREM %k %n %n %n", need_count},
    {SET, 2, 2, "SMOVE %k %K %n", need_flag},
    {SET, 1, 1, "SUNIONSTORE %k %k %k", need_count},
    {SET, 1, 3, "DEL %k", need_flag},
    {SET, 1, 2, "RENAME %k %K", need_rename},
    {SET, 2, 2, "OBJECT ENCODING %k", need_encoding},
    {SET, 1, 1, "TYPE %k", need_type},

    {HASH, 16, 2, "HSET %k %n %v", need_count},
    {HASH, 12, 1, "HSET %k %n %v %n %v %n %v %n %v %n %v", need_count},
    {HASH, 8, 8, "HGET %k %n", need_field},
    {HASH, 4, 4, "HMGET %k %n %n %n %n", need_fields},
    {HASH, 6, 6, "HLEN %k", need_count},
    {HASH, 4, 4, "HGETALL %k", need_hash},
    {HASH, 1, 8, "HDEL %k %n", need_flag},
    {HASH, 1, 5, "HDEL %k %n %n %n %n", need_count},
    {HASH, 1, 3, "DEL %k", need_flag},
    {HASH, 1, 2, "RENAME %k %K", need_rename},
    {HASH, 2, 2, "OBJECT ENCODING %k", need_encoding},
    {HASH, 1, 1, "TYPE %k", need_type},

    {LIST, 12, 2, "LPUSH %k %e", need_length},
    {LIST, 8, 1, "RPUSH %k %e %e %e", need_length},
    {LIST, 8, 8, "LLEN %k", need_length},
    {LIST, 4, 4, "LRANGE %k 0 -1", need_texts},
    {LIST, 3, 3, "LINDEX %k %i", need_text},
    {LIST, 3, 3, "LMOVE %k %K LEFT RIGHT", need_text},
    {LIST, 1, 6, "LPOP %k", need_text},
    {LIST, 1, 4, "RPOP %k %i", need_texts},
    {LIST, 1, 1, "LTRIM %k 0 99", need_ok},
    {LIST, 0, 3, "LTRIM %k 1 %i", need_ok},
    {LIST, 1, 3, "DEL %k", need_flag},
    {LIST, 1, 2, "RENAME %k %K", need_rename},
    {LIST, 1, 1, "OBJECT ENCODING %k", need_encoding},
    {LIST, 1, 1, "TYPE %k", need_type},

    {ZSET, 16, 2, "ZADD %k %s", need_count},
    {ZSET, 12, 1, "ZADD %k %s %s %s %s %s %s", need_count},
    {ZSET, 8, 8, "ZSCORE %k %n", need_score},
    {ZSET, 4, 4, "ZMSCORE %k %n %n %n %n", need_scores},
    {ZSET, 6, 6, "ZCARD %k", need_count},
    {ZSET, 4, 4, "ZRANGE %k 0 -1 WITHSCORES", need_sorted},
    {ZSET, 2, 2, "ZRANK %k %n", need_rank},
    {ZSET, 1, 8, "ZREM %k %n", need_flag},
    {ZSET, 1, 4, "ZREM %k %n %n %n %n", need_count},
    {ZSET, 1, 4, "ZPOPMIN %k %i", need_sorted},
    {ZSET, 1, 3, "DEL %k", need_flag},
    {ZSET, 1, 2, "RENAME %k %K", need_rename},
    {ZSET, 2, 2, "OBJECT ENCODING %k", need_encoding},
    {ZSET, 1, 1, "TYPE %k", need_type},
};
enum { NRECIPES = sizeof RECIPES / sizeof RECIPES[0] };

// For all users at the same time, or they would undo what the others do.
static bool growing(void)
{
    return atomic_load_explicit(&commands_run, memory_order_relaxed) / PHASE % 2 == 0;
}

static const struct recipe *draw_recipe(struct user *u, bool grow)
{
    unsigned total = 0, at;
    int i = 0;

    for (int k = 0; k < NRECIPES; k++)
        total += grow ? RECIPES[k].growing : RECIPES[k].shrinking;
    for (at = draw(u, total); at >= (grow ? RECIPES[i].growing : RECIPES[i].shrinking); i++)
        at -= grow ? RECIPES[i].growing : RECIPES[i].shrinking;
    return &RECIPES[i];
}

static void add(struct user *u, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(struct user *u, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    u->len += (size_t)vsnprintf(u->line + u->len, sizeof u->line - u->len, format, args);
    va_end(args);
    check(u->len < sizeof u->line);
}

// Of the two keys of the type, or of the two of any type.
static void add_key(struct user *u)
{
    if (u->any_type)
        add(u, "any:%u", draw(u, 2));
    else
        add(u, "%s:%u", KIND_NAMES[u->kind], draw(u, 2));
}

static void add_word(struct user *u, char what, int names)
{
    char text[TEXT_MAX];
    int n = (int)draw(u, (unsigned)names);
    // Most texts are short, so that others decide the encoding, too.
    int times = 1 + (int)draw(u, names == FEW_NAMES || draw(u, 16) ? 2 : REPEATS);

    switch (what) {
    case 'k':
        add_key(u);
        break;
    case 'K':
        u->any_type |= draw(u, 4) == 0;
        add_key(u);
        break;
    case 's':
        add(u, "%d ", n + SCORE_STEP * (int)draw(u, SCORE_STEPS));
        // fall through
    case 'n':
        check(u->nasked < ASKED_MAX);
        u->asked[u->nasked++] = n;
        name_of(n, text);
        add(u, "%s", text);
        break;
    case 'v':
    case 'e':
        value_of(what == 'v' ? u->asked[u->nasked - 1] : n, times, text);
        add(u, "%s", text);
        break;
    default:
        check_int(what, 'i');
        add(u, "%u", 1 + draw(u, 8));
    }
}

static const struct recipe *make_command(struct user *u)
{
    bool grow = growing();
    const struct recipe *recipe = draw_recipe(u, grow);

    u->kind = recipe->kind;
    u->any_type = draw(u, 10) == 0;
    u->len = 0;
    u->nasked = 0;
    for (const char *at = recipe->words; *at; at++) {
        if (*at == '%')
            add_word(u, *++at, grow ? NAMES : FEW_NAMES);
        else
            add(u, "%c", *at);
    }
    return recipe;
}

// ---- users --------------------------------------------------------------------------------------

static redisReply *run_in_process(struct user *u)
{
    redisReader *reader = redisReaderCreate(); // a new one: a zero follows each reply
    void *reply = NULL;

    inproc_run(u->in, "%s", u->line);
    check_int(redisReaderFeed(reader, u->in->client.reply.data, u->in->client.reply.len), REDIS_OK);
    check_int(redisReaderGetReply(reader, &reply), REDIS_OK);
    redisReaderFree(reader);
    return reply;
}

static redisReply *run_over_the_wire(struct user *u)
{
    void *reply = NULL;

    redisAppendCommand(u->c, u->line); // there is no % in it
    if (redisGetReply(u->c, &reply) != REDIS_OK) {
        fprintf(stderr, "no reply to %s: %s\n", u->line, u->c->errstr);
        abort();
    }
    return reply;
}

static void run_one(struct user *u)
{
    const struct recipe *recipe = make_command(u);
    redisReply *reply = u->in ? run_in_process(u) : run_over_the_wire(u);

    check(reply != NULL);
    if (reply->type != REDIS_REPLY_ERROR || strncmp(reply->str, "WRONGTYPE", 9) != 0)
        recipe->need(u, reply);
    else if (!u->any_type)
        wrong(u, reply, "the key has another type");
    freeReplyObject(reply);
    // Relaxed: it orders nothing, and so hides no race.
    atomic_fetch_add_explicit(&commands_run, 1, memory_order_relaxed);
}

static void *use(void *arg)
{
    struct user *u = arg;
    struct preemption preemption;

    if (u->in)
        preempt_begin(&preemption, PREEMPT_US);
    for (int i = 0; i < u->ncommands; i++) {
        run_one(u);
        if (u->in && i % 100 == 0)
            store_cron(u->in->thread, 100);
    }
    if (u->in)
        preempt_end(&preemption);
    return NULL;
}

// With clients of the store in process, or else of the server.
static void run_users(struct inproc *p, const struct test_server *server, int ncommands)
{
    struct timeval limit = {REPLY_LIMIT_S, 0};
    static struct user users[USERS];

    memset(users, 0, sizeof users);
    for (int i = 0; i < USERS; i++) {
        struct user *u = &users[i];
        u->ncommands = ncommands;
        rng_seed(&u->rng, (uint64_t)i + 1);
        if (p) {
            u->in = inproc_client_new(p);
        } else {
            u->c = server_connect(server);
            redisSetTimeout(u->c, limit);
        }
    }
    for (int i = 0; i < USERS; i++)
        check_int(pthread_create(&users[i].thread, NULL, use, &users[i]), 0);
    for (int i = 0; i < USERS; i++)
        pthread_join(users[i].thread, NULL);
    for (int i = 0; i < USERS; i++) {
        if (p)
            inproc_client_free(users[i].in);
        else
            redisFree(users[i].c);
    }
}

// ---- in process ---------------------------------------------------------------------------------

static void delete_keys(struct inproc_client *c)
{
    for (int i = 0; i < 2; i++) {
        for (int kind = 0; kind < KINDS; kind++)
            inproc_int(c, "DEL %s:%d", KIND_NAMES[kind], i);
        inproc_int(c, "DEL any:%d", i);
    }
    check_int(inproc_int(c, "DBSIZE"), 0);
    inproc_settle(c);
    check_int((int64_t)epoch_pending_count(c->thread->store->epoch), 0);
}

static void test_in_process(void **state)
{
    struct inproc p;

    (void)state;
    inproc_open(&p);
    struct inproc_client *c = inproc_client_new(&p);
    for (const char *const *limit = LIMITS; *limit; limit++)
        check_str(inproc_run(c, "%s", *limit), "+OK\r\n");
    run_users(&p, NULL, INPROC_COMMANDS / 4); // brings caches and tables to their size
    delete_keys(c);
    size_t before = mem_used();
    run_users(&p, NULL, INPROC_COMMANDS);
    delete_keys(c);
    size_t after = mem_used();
    if (after > before + SLACK_BYTES)
        check_int((int64_t)after, (int64_t)before);
    for (int i = 0; i < NENCODINGS; i++) {
        if (atomic_load_explicit(&encodings[i].seen, memory_order_relaxed) == 0)
            fail_msg("no %s was ever a %s", KIND_NAMES[encodings[i].kind], encodings[i].name);
    }
    inproc_client_free(c);
    inproc_close(&p);
}

// ---- over the wire ------------------------------------------------------------------------------

static void test_over_the_wire(void **state)
{
    struct wire *w = wire_open(*state, 2);

    expect(w, "OK", "FLUSHALL");
    run_users(NULL, *state, WIRE_COMMANDS);
    for (int i = 0; i < 2; i++) {
        for (int kind = 0; kind < KINDS; kind++)
            wire_int(w, "DEL %s:%d", KIND_NAMES[kind], i);
        wire_int(w, "DEL any:%d", i);
    }
    expect(w, ":0", "DBSIZE");
    wire_close(w);
}

static const struct wire_mode modes[] = {
    {"connection-threads auto", .args = {"--connection-threads", "auto"},
     .commands = {SMALL_LIMITS}},
    {"connection-threads 0", .args = {"--connection-threads", "0"}, .commands = {SMALL_LIMITS}},
    {"slow-command-threshold 0",
     .args = {"--connection-threads", "2", "--slow-command-threshold", "0"},
     .commands = {SMALL_LIMITS}},
    {NULL},
};

int main(void)
{
    const struct CMUnitTest inproc[] = {cmocka_unit_test(test_in_process)};
    const struct CMUnitTest wire[] = {SERVER_TEST(test_over_the_wire)};
    int failed = cmocka_run_group_tests_name("in process", inproc, NULL, NULL);

    return failed + run_in_modes(wire, modes);
}
