// SPDX-License-Identifier: MIT
#include "tests/lib/parsing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void add_request(struct strbuf *t, int argc, const struct bytes *argv)
{
    int i;

    for (i = 0; i < argc; i++) {
        strbuf_addf(t, "%s", i == 0 ? "[" : "|");
        strbuf_add(t, argv[i].data, argv[i].len);
    }
    strbuf_addf(t, "%s", "]");
}

struct parsing_hook parsing_hook;

static void *hooked_resize(void *ptr, size_t size)
{
    parsing_hook.calls++;
    return parsing_hook.calls == parsing_hook.fail_at ? NULL : realloc(ptr, size);
}

void parsing_open(struct request_parser *p)
{
    request_init(p);
    p->resize = hooked_resize;
    parsing_hook.calls = parsing_hook.fail_at = 0;
}

// Takes requests out in batches of up to `max` instead of one by one. Returns as parsing_drain().
static bool drain_batches(struct request_parser *p, const struct request_limits *limits, int max,
                          struct strbuf *t)
{
    struct request requests[PARSING_BATCH];
    const char *error = NULL;
    int n;

    for (;;) {
        switch (request_batch(p, limits, requests, max, &n, &error)) {
        case REQUEST_READY:
            assert_in_range(n, 1, max);
            for (int i = 0; i < n; i++) {
                assert_true(requests[i].argc > 0);
                add_request(t, requests[i].argc, requests[i].argv);
            }
            break;
        case REQUEST_PROTOCOL_ERROR:
            assert_int_equal(n, 0);
            strbuf_addf(t, "%s", "!");
            strbuf_addf(t, "%s", error);
            return false;
        case REQUEST_INCOMPLETE:
            assert_int_equal(n, 0);
            return true;
        case REQUEST_NO_MEMORY:
            break;
        }
    }
}

bool parsing_drain(struct request_parser *p, const struct request_limits *limits, struct strbuf *t)
{
    const char *error = NULL;
    struct bytes *argv;
    int argc;

    for (;;) {
        switch (request_next(p, limits, &argc, &argv, &error)) {
        case REQUEST_READY:
            assert_true(argc > 0);
            add_request(t, argc, argv);
            break;
        case REQUEST_PROTOCOL_ERROR:
            assert_non_null(error);
            strbuf_addf(t, "%s", "!");
            strbuf_addf(t, "%s", error);
            return false;
        case REQUEST_INCOMPLETE:
            return true;
        case REQUEST_NO_MEMORY:
            break;
        }
    }
}

void parsing_feed(struct request_parser *p, const char *data, size_t len, size_t want)
{
    size_t nbytes;
    char *space;

    while (len > 0) {
        while (request_reserve(p, want, &space, &nbytes) == REQUEST_NO_MEMORY) {
        }
        assert_true(nbytes > 0);
        nbytes = nbytes < len ? nbytes : len;
        memcpy(space, data, nbytes);
        request_commit(p, nbytes);
        data += nbytes;
        len -= nbytes;
    }
}

// Has the parser get its memory, as one that has worked before: short requests then go another way.
static void warm_up(struct request_parser *p)
{
    static const char before[] = "1 2 3 4 5 6 7 8\n";
    struct strbuf t = {0};

    parsing_feed(p, before, sizeof(before) - 1, 16);
    assert_true(parsing_drain(p, &parsing_usual, &t));
    assert_string_equal(t.data, "[1|2|3|4|5|6|7|8]");
    free(t.data);
}

// Parses the whole stream, cut at the positions given (ascending; len closes the list); with
// batches of up to `batch` requests, 0: one by one.
static char *parse_in(struct bytes s, const size_t *cuts, const struct request_limits *limits,
                      int batch, bool warm)
{
    struct strbuf t = {0};
    struct request_parser p;
    size_t at = 0, end;
    bool alive = true;

    parsing_open(&p);
    if (warm) {
        warm_up(&p);
    }
    strbuf_add(&t, "", 0);
    while (alive && at < s.len) {
        end = *cuts < s.len ? *cuts++ : s.len;
        parsing_feed(&p, s.data + at, end - at, 16);
        at = end;
        alive = batch ? drain_batches(&p, limits, batch, &t) : parsing_drain(&p, limits, &t);
    }
    if (alive && (request_pending(&p) > 0 || p.args_left > 0)) {
        strbuf_addf(&t, "%s", "...");
    }
    request_free(&p);
    return t.data;
}

char *parsing_cut(struct bytes s, const size_t *cuts, const struct request_limits *limits)
{
    char *text = parse_in(s, cuts, limits, 0, false);

    for (int batch = 0; batch <= PARSING_BATCH; batch = batch ? batch * 4 : 1) {
        char *same = parse_in(s, cuts, limits, batch, true);
        assert_string_equal(same, text);
        free(same);
        same = parse_in(s, cuts, limits, batch, false);
        assert_string_equal(same, text);
        free(same);
    }
    return text;
}

const struct request_limits parsing_usual = {REQUEST_MAX_BULK, REQUEST_MAX_INLINE, REQUEST_MAX_ARGS,
                                             true};
const struct request_limits parsing_before_auth = {REQUEST_MAX_BULK, REQUEST_MAX_INLINE,
                                                   REQUEST_MAX_ARGS, false};
