// SPDX-License-Identifier: MIT
//
// Configuration: the table, files, the command line, CONFIG GET / SET / REWRITE as functions.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "datatypes/mem.h"
#include "resp/bytes.h"
#include "resp/reply.h"
#include "server/engine/config.h"
#include "server/engine/config_param.h"
#include "server/engine/config_words.h"

static int setup(void **state)
{
    *state = config_new();
    return *state ? 0 : -1;
}

static int teardown(void **state)
{
    config_free(*state);
    return 0;
}

// The value of a parameter as CONFIG GET shows it, in a static buffer.
static const char *value_of(struct config *config, const char *name)
{
    static char text[1024];

    param_format(config, param_find(bytes_of(name)), text, sizeof(text));
    return text;
}

// CONFIG SET with pairs ended by NULL; the error text, or "" when all is set.
static const char *set(struct config *config, ...)
{
    static char error[512];
    struct bytes pairs[200];
    int n = 0;
    va_list args;
    const char *word;

    va_start(args, config);
    while ((word = va_arg(args, const char *)) != NULL) {
        pairs[n++] = bytes_of(word);
    }
    va_end(args);
    error[0] = '\0';
    if (config_set_running(config, n / 2, pairs, error, sizeof(error))) {
        assert_string_equal(error, "");
    } else {
        assert_string_not_equal(error, "");
    }
    return error;
}

// The RESP3 reply of CONFIG GET with these patterns, in a static buffer.
static const char *get(struct config *config, int n, const char *a, const char *b)
{
    static char text[8192];
    struct bytes patterns[] = {bytes_of(a), bytes_of(b ? b : "")};
    struct reply reply;

    reply_init(&reply, 3);
    config_get(config, n, patterns, &reply);
    assert_true(reply.len < sizeof(text));
    memcpy(text, reply.data, reply.len);
    text[reply.len] = '\0';
    reply_free(&reply);
    return text;
}

// A file with that content, removed by the test; the path is in a static buffer.
static const char *make_file(const char *content)
{
    static char path[64];
    FILE *file;
    int fd;

    snprintf(path, sizeof(path), "/tmp/keylot-config-XXXXXX");
    fd = mkstemp(path);
    assert_true(fd >= 0);
    file = fdopen(fd, "w");
    assert_non_null(file);
    fputs(content, file);
    fclose(file);
    return path;
}

static const char *read_file(const char *path)
{
    static char text[4096];
    FILE *file = fopen(path, "r");

    assert_non_null(file);
    text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
    fclose(file);
    return text;
}

// ---- values -----------------------------------------------------------------------------------

static void test_config_defaults(void **state)
{
    struct config *config = *state;

    assert_string_equal(value_of(config, "port"), "6379");
    assert_string_equal(value_of(config, "bind"), "127.0.0.1 -::1");
    assert_string_equal(value_of(config, "maxclients"), "10000");
    assert_string_equal(value_of(config, "connection-threads"), "auto");
    assert_int_equal(config->connection_threads, CONNECTION_THREADS_AUTO);
    assert_string_equal(value_of(config, "proto-max-bulk-len"), "536870912");
    assert_string_equal(value_of(config, "client-output-buffer-limit"),
                        "normal 1073741824 268435456 60 slave 268435456 67108864 60 "
                        "pubsub 33554432 8388608 60");
    assert_string_equal(value_of(config, "loglevel"), "notice");
    assert_string_equal(value_of(config, "save"), "");
    assert_string_equal(value_of(config, "appendonly"), "no");
    assert_string_equal(value_of(config, "protected-mode"), "yes");
    // CONFIG SET's table of pairs must hold them all.
    assert_in_range(nparams, 1, 63);
}

static void test_config_set_values(void **state)
{
    struct config *config = *state;

    assert_string_equal(set(config, "TIMEOUT", "12", NULL), "");
    assert_int_equal(atomic_load(&config->timeout_s), 12);
    assert_string_equal(set(config, "proto-max-bulk-len", "2Mb", NULL), "");
    assert_int_equal(atomic_load(&config->limits.max_string_bytes), 2 << 20);
    assert_string_equal(set(config, "proto-max-bulk-len", "2m", NULL), "");
    assert_int_equal(atomic_load(&config->limits.max_string_bytes), 2000000);
    assert_string_equal(set(config, "client-query-buffer-limit", "3G", NULL), "");
    assert_string_equal(value_of(config, "client-query-buffer-limit"), "3000000000");
    assert_string_equal(set(config, "protected-mode", "NO", NULL), "");
    assert_false(atomic_load(&config->protected_mode));
    assert_string_equal(set(config, "loglevel", "Debug", NULL), "");
    assert_int_equal(atomic_load(&config->loglevel), LOGLEVEL_DEBUG);
    assert_string_equal(set(config, "set-max-intset-entries", "0", "hz", "500", NULL), "");
    assert_int_equal(atomic_load(&config->limits.set_max_intset_entries), 0);
    assert_string_equal(
        set(config, "client-output-buffer-limit", "normal 1kb 1b 2 REPLICA 1 2 3", NULL), "");
    assert_int_equal(atomic_load(&config->output_hard_limit), 1024);
    assert_string_equal(value_of(config, "client-output-buffer-limit"),
                        "normal 1024 1 2 slave 1 2 3 pubsub 33554432 8388608 60");
    assert_string_equal(set(config, "save", "", "appendonly", "no", "requirepass", "", NULL), "");
}

#define FAILED(name, reason) "CONFIG SET failed (possibly related to argument '" name "') - " reason

#define TEN_DIGITS "0123456789"
#define HUNDRED_DIGITS                                                                             \
    TEN_DIGITS TEN_DIGITS TEN_DIGITS TEN_DIGITS TEN_DIGITS TEN_DIGITS TEN_DIGITS TEN_DIGITS        \
        TEN_DIGITS TEN_DIGITS

static void test_config_set_errors(void **state)
{
    static const char *const cases[][3] = {
        {"hz", "abc", FAILED("hz", "argument couldn't be parsed into an integer")},
        {"HZ", "", FAILED("hz", "argument couldn't be parsed into an integer")},
        {"timeout", "010", FAILED("timeout", "argument couldn't be parsed into an integer")},
        {"hz", "0", FAILED("hz", "argument must be between 1 and 500 inclusive")},
        {"maxclients", "99999999999",
         FAILED("maxclients", "argument must be between 1 and 4294967295 inclusive")},
        {"timeout", "-1", FAILED("timeout", "argument must be between 0 and 2147483647 inclusive")},
        {"proto-max-bulk-len", "1xb",
         FAILED("proto-max-bulk-len", "argument must be a memory value")},
        {"proto-max-bulk-len", "-1",
         FAILED("proto-max-bulk-len", "argument must be a memory value")},
        {"proto-max-bulk-len", "99999999999999999999",
         FAILED("proto-max-bulk-len",
                "argument must be between 1048576 and 9223372036854775807 inclusive")},
        {"Proto-max-bulk-len", "9223372036854775807gb",
         FAILED("proto-max-bulk-len",
                "argument must be between 1048576 and 9223372036854775807 inclusive")},
        {"proto-max-bulk-len", HUNDRED_DIGITS HUNDRED_DIGITS, // and so many are no number at all
         FAILED("proto-max-bulk-len", "argument must be a memory value")},
        {"proto-max-bulk-len", "", // no digits are 0, as in Redis
         FAILED("proto-max-bulk-len",
                "argument must be between 1048576 and 9223372036854775807 inclusive")},
        {"proto-max-bulk-len", "1",
         FAILED("proto-max-bulk-len",
                "argument must be between 1048576 and 9223372036854775807 inclusive")},
        {"protected-mode", "1", FAILED("protected-mode", "argument must be 'yes' or 'no'")},
        {"loglevel", "foo",
         FAILED("loglevel",
                "argument(s) must be one of the following: debug, verbose, notice, warning")},
        {"client-output-buffer-limit", "normal 1 2",
         FAILED("client-output-buffer-limit",
                "Wrong number of arguments in buffer limit configuration.")},
        {"client-output-buffer-limit", "",
         FAILED("client-output-buffer-limit", "wrong number of arguments")},
        {"client-output-buffer-limit", "foo 1 2 3",
         FAILED("client-output-buffer-limit",
                "Invalid client class specified in buffer limit configuration.")},
        {"client-output-buffer-limit", "normal a 2 3",
         FAILED("client-output-buffer-limit",
                "Error in hard, soft or soft_seconds setting in buffer limit configuration.")},
        {"port", "1", FAILED("port", "can't set immutable config")},
        {"appendonly", "yes", FAILED("appendonly", "only 'no' is supported")},
        {"save", "900 1", FAILED("save", "only '' is supported")},
        {"foo", "1", "Unknown option or number of arguments for CONFIG SET - 'foo'"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_string_equal(set(*state, cases[i][0], cases[i][1], NULL), cases[i][2]);
    }
}

static void test_config_set_is_all_or_none(void **state)
{
    struct config *config = *state;

    assert_string_equal(set(config, "timeout", "7", "hz", "x", NULL),
                        FAILED("hz", "argument couldn't be parsed into an integer"));
    assert_int_equal(atomic_load(&config->timeout_s), 0);
    assert_string_equal(set(config, "timeout", "7", "hz", "20", "TIMEOUT", "8", NULL),
                        FAILED("TIMEOUT", "duplicate parameter"));
    assert_string_equal(set(config, "timeout", "7", "nope", "20", NULL),
                        "Unknown option or number of arguments for CONFIG SET - 'nope'");
    assert_int_equal(atomic_load(&config->timeout_s), 0);
    assert_string_equal(set(config, "timeout", "7", "hz", "20", NULL), "");
    assert_int_equal(atomic_load(&config->timeout_s), 7);
    assert_int_equal(atomic_load(&config->hz), 20);
}

static int64_t admit_hundred(const struct config *config, int64_t wanted)
{
    (void)config;
    return wanted < 100 ? wanted : 100;
}

static void test_config_set_maxclients_asks_the_system(void **state)
{
    struct config *config = *state;

    config->admit_clients = admit_hundred;
    assert_string_equal(set(config, "timeout", "5", "maxclients", "101", NULL),
                        FAILED("maxclients", "The operating system is not able to handle the "
                                             "specified number of clients, try with 100"));
    assert_int_equal(atomic_load(&config->maxclients), 10000);
    assert_int_equal(atomic_load(&config->timeout_s), 0);
    assert_string_equal(set(config, "maxclients", "100", NULL), "");
    assert_int_equal(atomic_load(&config->maxclients), 100);
}

static void test_config_get_patterns(void **state)
{
    struct config *config = *state;

    assert_string_equal(get(config, 1, "port", NULL), "%1\r\n$4\r\nport\r\n$4\r\n6379\r\n");
    // A name is answered as it was asked for; a pattern with the name itself; each once.
    assert_string_equal(get(config, 1, "PORT", NULL), "%1\r\n$4\r\nPORT\r\n$4\r\n6379\r\n");
    assert_string_equal(get(config, 2, "p?rt", "port"), "%1\r\n$4\r\nport\r\n$4\r\n6379\r\n");
    assert_string_equal(get(config, 2, "HZ*", "tcp-back*"),
                        "%2\r\n$11\r\ntcp-backlog\r\n$3\r\n511\r\n$2\r\nhz\r\n$2\r\n10\r\n");
    assert_string_equal(get(config, 1, "nothing", NULL), "%0\r\n");
    assert_string_equal(get(config, 1, "save", NULL), "%1\r\n$4\r\nsave\r\n$0\r\n\r\n");
    assert_non_null(strstr(get(config, 1, "*", NULL), "client-output-buffer-limit"));
}

// An older name is the parameter itself, wherever a name may stand.
static void test_config_alias(void **state)
{
    struct config *config = *state;
    char error[512];
    const char *path = make_file("Hash-Max-Ziplist-Value 9\n");

    assert_string_equal(set(config, "hash-max-ziplist-entries", "7", NULL), "");
    assert_int_equal(atomic_load(&config->limits.hash_max_packed_entries), 7);
    assert_string_equal(get(config, 1, "hash-max-ziplist-entries", NULL),
                        "%1\r\n$24\r\nhash-max-ziplist-entries\r\n$1\r\n7\r\n");
    assert_string_equal(get(config, 1, "hash-*-entries", NULL),
                        "%2\r\n$25\r\nhash-max-listpack-entries\r\n$1\r\n7\r\n"
                        "$24\r\nhash-max-ziplist-entries\r\n$1\r\n7\r\n");
    assert_non_null(
        strstr(set(config, "hash-max-ziplist-entries", "7", "hash-max-listpack-entries", "8", NULL),
               "duplicate parameter"));
    assert_true(config_load_file(config, path, error, sizeof(error)));
    assert_int_equal(atomic_load(&config->limits.hash_max_packed_value), 9);
    assert_true(config_rewrite(config, error, sizeof(error)));
    assert_string_equal(read_file(path), "hash-max-listpack-value 9\n"
                                         "# Generated by CONFIG REWRITE\n"
                                         "hash-max-listpack-entries 7\n");
    unlink(path);
}

// ---- the command line and files ---------------------------------------------------------------

static void test_config_initial(void **state)
{
    static const char *const one[] = {"7000"}, *const addresses[] = {"10.0.0.1", "-::1"};
    static const char *const bad[] = {"70000"}, *const automatic[] = {"AUTO"};
    struct config *config = *state;
    char error[256];

    assert_true(config_set_initial(config, "port", 1, one, error, sizeof(error)));
    assert_int_equal(config->port, 7000);
    assert_true(config_set_initial(config, "Bind", 2, addresses, error, sizeof(error)));
    assert_string_equal(config->bind, "10.0.0.1 -::1");
    assert_true(config_set_initial(config, "connection-threads", 1, automatic, error, 256));
    assert_int_equal(config->connection_threads, CONNECTION_THREADS_AUTO);
    assert_false(config_set_initial(config, "port", 1, bad, error, sizeof(error)));
    assert_string_equal(error, "port: argument must be between 0 and 65535 inclusive");
    assert_false(config_set_initial(config, "port", 0, NULL, error, sizeof(error)));
    assert_string_equal(error, "port: wrong number of arguments");
    assert_false(config_set_initial(config, "port", 2, addresses, error, sizeof(error)));
    assert_string_equal(error, "port: wrong number of arguments");
    assert_false(config_set_initial(config, "prt", 1, one, error, sizeof(error)));
    assert_string_equal(error, "unknown parameter 'prt'");
}

static void test_config_file(void **state)
{
    struct config *config = *state;
    char error[256], content[256], included[64];
    const char *path = make_file("logfile \"/tmp/a \\x62\\tc\"\r\n");

    snprintf(included, sizeof(included), "%s", path);
    snprintf(content, sizeof(content),
             "# isn't read\n \t# \"\n\n  port   7001  \nINCLUDE %s\nbind 127.0.0.1 '::1'\n"
             "client-output-buffer-limit normal 0 0 0\nhz 11\nhz 12",
             included);
    path = make_file(content);
    if (!config_load_file(config, path, error, sizeof(error))) {
        fail_msg("%s", error);
    }
    assert_int_equal(config->port, 7001);
    assert_string_equal(config->logfile, "/tmp/a b\tc");
    assert_string_equal(config->bind, "127.0.0.1 ::1");
    assert_int_equal(atomic_load(&config->output_hard_limit), 0);
    assert_int_equal(atomic_load(&config->hz), 12);
    assert_string_equal(config->file, path);
    unlink(path);
    unlink(included);
}

static void test_config_file_errors(void **state)
{
    static const char *const cases[][2] = {
        {"port 1\nport 70000\n", ":2: port: argument must be between 0 and 65535 inclusive"},
        {"\n\nfoo 1", ":3: unknown parameter 'foo'"},
        {"port \"7000\n", ":1: unbalanced quotes"},
        {"port \"70\"00\n", ":1: unbalanced quotes"},
        {"port\n", ":1: port: wrong number of arguments"},
        {"include /nonexistent\n", ":1: cannot read '/nonexistent': No such file or directory"},
        {"save 900 1\n", ":1: save: only '' is supported"},
    };
    char error[512], want[512];

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *path = make_file(cases[i][0]);

        assert_false(config_load_file(*state, path, error, sizeof(error)));
        snprintf(want, sizeof(want), "%s%s", path, cases[i][1]);
        assert_string_equal(error, want);
        unlink(path);
    }
    assert_false(config_load_file(*state, "/nonexistent", error, sizeof(error)));
    assert_string_equal(error, "cannot read '/nonexistent': No such file or directory");
}

static void test_config_file_including_itself(void **state)
{
    char error[4096], content[128];
    const char *path = make_file("");
    FILE *file;

    snprintf(content, sizeof(content), "include %s\n", path);
    file = fopen(path, "w");
    assert_non_null(file);
    fputs(content, file);
    fclose(file);
    assert_false(config_load_file(*state, path, error, sizeof(error)));
    assert_non_null(strstr(error, "files include each other"));
    unlink(path);
}

// The example shows every parameter with its default, under its present name.
static void test_config_example(void **state)
{
    struct config *config = *state, *defaults;
    char error[512], content[16384], line[64], now[1024];
    FILE *file = fopen("redis.conf.example", "r");

    if (!file) {
        skip(); // run from elsewhere
    }
    content[0] = '\n';
    content[1 + fread(content + 1, 1, sizeof(content) - 2, file)] = '\0';
    fclose(file);
    if (!config_load_file(config, "redis.conf.example", error, sizeof(error))) {
        fail_msg("%s", error);
    }
    defaults = config_new();
    assert_non_null(defaults);
    for (size_t i = 0; i < nparams; i++) {
        snprintf(line, sizeof(line), "\n%s ", params[i].name);
        if (!strstr(content, line)) {
            fail_msg("redis.conf.example lacks %s", params[i].name);
        }
        snprintf(now, sizeof(now), "%s", value_of(config, params[i].name));
        assert_string_equal(now, value_of(defaults, params[i].name));
    }
    config_free(defaults);
}

static void test_config_rewrite(void **state)
{
    struct config *config = *state;
    char error[512];
    struct stat st;
    const char *path = make_file("# that's mine\nport 7001\n\nhz 10\n# again\nhz 20\nsave \"\"\n"
                                 "client-query-buffer-limit 1048576\ntimeout 0");

    assert_false(config_rewrite(config, error, sizeof(error)));
    assert_string_equal(error, "The server is running without a config file");
    assert_int_equal(chmod(path, 0640), 0);
    assert_true(config_load_file(config, path, error, sizeof(error)));
    assert_string_equal(set(config, "hz", "33", "maxclients", "5", "client-output-buffer-limit",
                            "pubsub 1 2 3", NULL),
                        "");
    assert_true(config_rewrite(config, error, sizeof(error)));
    assert_string_equal(read_file(path),
                        "# that's mine\nport 7001\n\nhz 33\n# again\nsave \"\"\n"
                        "client-query-buffer-limit 1mb\ntimeout 0\n"
                        "# Generated by CONFIG REWRITE\nmaxclients 5\n"
                        "client-output-buffer-limit normal 1073741824 268435456 60 slave "
                        "268435456 67108864 60 pubsub 1 2 3\n");
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
    // Once more changes nothing, and what was written can be read.
    char first[4096];
    snprintf(first, sizeof(first), "%s", read_file(path));
    assert_true(config_load_file(config, path, error, sizeof(error)));
    assert_true(config_rewrite(config, error, sizeof(error)));
    assert_string_equal(read_file(path), first);
    unlink(path);
}

static void test_config_aliases(void **state)
{
    struct config *config = *state;
    char error[512];
    const char *path = make_file("list-max-ziplist-size 7\nhz 10\nlist-max-listpack-size 8\n");

    assert_true(config_load_file(config, path, error, sizeof(error)));
    assert_string_equal(value_of(config, "list-max-ziplist-size"), "8");
    assert_string_equal(set(config, "list-max-ziplist-size", "-5", NULL), "");
    assert_string_equal(value_of(config, "list-max-listpack-size"), "-5");
    assert_true(config_rewrite(config, error, sizeof(error)));
    assert_string_equal(read_file(path), "list-max-listpack-size -5\nhz 10\n");
    unlink(path);
}

static void test_config_alias_is_not_appended(void **state)
{
    struct config *config = *state;
    char error[512];
    const char *path = make_file("hz 10\n");

    assert_true(config_load_file(config, path, error, sizeof(error)));
    assert_string_equal(set(config, "list-max-ziplist-size", "3", NULL), "");
    assert_true(config_rewrite(config, error, sizeof(error)));
    assert_string_equal(read_file(path), "hz 10\n# Generated by CONFIG REWRITE\n"
                                         "list-max-listpack-size 3\n");
    unlink(path);
}

static void test_config_rewrite_cannot_write(void **state)
{
    struct config *config = *state;
    char error[512];
    const char *path = make_file("port 7001\n");

    assert_true(config_load_file(config, path, error, sizeof(error)));
    unlink(path);
    mem_free(config->file);
    config->file = mem_alloc(64);
    assert_non_null(config->file);
    snprintf(config->file, 64, "/nonexistent/file");
    assert_false(config_rewrite(config, error, sizeof(error)));
    assert_string_equal(error, "Rewriting config file: No such file or directory");
}

static void test_config_words_round_trip(void **state)
{
    char raw[256], quoted[WORDS_QUOTED_MAX(sizeof(raw))];
    struct words words;
    size_t len;

    (void)state;
    for (size_t i = 0; i < sizeof(raw); i++) {
        raw[i] = (char)i;
    }
    for (size_t from = 0; from < sizeof(raw); from += 37) {
        struct bytes word = {raw + from, sizeof(raw) - from};

        len = words_quote(quoted, word);
        assert_int_equal(words_split(&words, (struct bytes){quoted, len}), WORDS_OK);
        assert_int_equal(words.n, 1);
        assert_int_equal(words.word[0].len, word.len);
        assert_memory_equal(words.word[0].data, word.data, word.len);
        words_free(&words);
    }
    len = words_quote(quoted, BYTES(""));
    assert_int_equal(words_split(&words, (struct bytes){quoted, len}), WORDS_OK);
    assert_int_equal(words.n, 1);
    assert_int_equal(words.word[0].len, 0);
    words_free(&words);
}

// Each allocation of an operation fails once: the answer is a failure, the values are the old ones.
static void test_config_without_memory(void **state)
{
    struct config *config = *state, *fresh = NULL;
    struct bytes pairs[] = {BYTES("client-output-buffer-limit"), BYTES("normal 5 6 7"),
                            BYTES("timeout"), BYTES("9")};
    char error[512];
    bool done = false;
    long n = 0;

    for (; !fresh; n++) {
        mem_fail_after(n);
        fresh = config_new();
        mem_fail_after(-1);
    }
    assert_true(n > 5);
    config_free(fresh);
    for (n = 0; !done; n++) {
        mem_fail_after(n);
        done = config_set_running(config, 2, pairs, error, sizeof(error));
        mem_fail_after(-1);
        assert_int_equal(atomic_load(&config->timeout_s), done ? 9 : 0);
        assert_int_equal(atomic_load(&config->output_soft_seconds), done ? 7 : 60);
    }
    assert_true(n > 2);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_config_defaults),
        TEST(test_config_set_values),
        TEST(test_config_set_errors),
        TEST(test_config_set_is_all_or_none),
        TEST(test_config_set_maxclients_asks_the_system),
        TEST(test_config_get_patterns),
        TEST(test_config_initial),
        TEST(test_config_file),
        TEST(test_config_file_errors),
        TEST(test_config_file_including_itself),
        TEST(test_config_example),
        TEST(test_config_alias),
        TEST(test_config_rewrite),
        TEST(test_config_aliases),
        TEST(test_config_alias_is_not_appended),
        TEST(test_config_rewrite_cannot_write),
        TEST(test_config_words_round_trip),
        TEST(test_config_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
