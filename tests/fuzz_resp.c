// SPDX-License-Identifier: MIT
//
// Fuzz target of the request parser. The first bytes of an input choose the limits, the sizes of
// the reads and which allocation fails; the rest is the stream. It is parsed whole and in pieces,
// and both must give the same requests and the same end; along the way the parser's bounds are
// checked.

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "resp/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t len);

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, #condition);          \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

// What a stream was parsed into, in short.
struct outcome {
    uint64_t hash; // over all arguments and their lengths
    size_t nrequests;
    char error[64]; // "" without one
};

static size_t allocation; // calls left until one fails; 0: none does

static void *failing_resize(void *ptr, size_t size)
{
    return allocation > 0 && --allocation == 0 ? NULL : realloc(ptr, size);
}

static void mix(struct outcome *o, const void *data, size_t len)
{
    const unsigned char *byte = data;
    size_t i;

    for (i = 0; i < len; i++) {
        o->hash = (o->hash ^ byte[i]) * 0x100000001b3;
    }
}

// Takes out what is complete. False after an error.
static bool drain(struct request_parser *p, const struct request_limits *limits, struct outcome *o)
{
    const char *error;
    struct bytes *argv;
    int argc, i;

    for (;;) {
        switch (request_next(p, limits, &argc, &argv, &error)) {
        case REQUEST_READY:
            CHECK(argc > 0);
            o->nrequests++;
            mix(o, &argc, sizeof(argc));
            for (i = 0; i < argc; i++) {
                // Every argument lies in the buffer; ASan sees whether it is alive.
                CHECK(argv[i].data >= p->buf && argv[i].data + argv[i].len <= p->buf + p->len);
                mix(o, &argv[i].len, sizeof(argv[i].len));
                mix(o, argv[i].data, argv[i].len);
            }
            break;
        case REQUEST_PROTOCOL_ERROR:
            CHECK(strlen(error) < sizeof(o->error));
            strcpy(o->error, error);
            return false;
        case REQUEST_INCOMPLETE:
            return true;
        case REQUEST_NO_MEMORY:
            break; // failing_resize fails once
        }
    }
}

// Parses the stream in reads of at most `chunk` bytes, varied with `seed`; chunk 0: all at once.
static struct outcome parse(const uint8_t *data, size_t len, const struct request_limits *limits,
                            size_t chunk, uint32_t seed)
{
    struct outcome o = {.hash = 0xcbf29ce484222325};
    struct request_parser p;
    size_t sent = 0, nbytes;
    char *space;
    bool alive = true;

    request_init(&p);
    p.resize = failing_resize;
    while (alive && sent < len) {
        while (request_reserve(&p, chunk == 0 ? len : chunk, &space, &nbytes) ==
               REQUEST_NO_MEMORY) {
        }
        CHECK(nbytes > 0);
        if (chunk != 0) {
            seed = seed * 1664525 + 1013904223;
            nbytes = nbytes < (seed >> 8) % chunk + 1 ? nbytes : (seed >> 8) % chunk + 1;
        }
        nbytes = nbytes < len - sent ? nbytes : len - sent;
        memcpy(space, data + sent, nbytes);
        request_commit(&p, nbytes);
        sent += nbytes;
        alive = drain(&p, limits, &o);
        CHECK(p.pos <= p.len && p.len <= p.cap && p.nargs <= p.args_cap);
        // The array of arguments is at most 16 / 6 of the bytes, doubled.
        CHECK(request_memory(&p) <= 16 * (sent + chunk) + 2 * len + 4096);
    }
    request_free(&p);
    return o;
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t len)
{
    static const size_t lines[] = {REQUEST_MAX_INLINE, 1, 8, 40};
    struct request_limits limits = REQUEST_LIMITS_DEFAULT;
    struct outcome whole, pieces;
    size_t chunk, fails;
    uint32_t seed;

    if (len < 4) {
        return 0;
    }
    limits.authenticated = (input[0] & 1) == 0;
    limits.max_inline = lines[input[0] >> 1 & 3];
    limits.max_bulk = (input[0] & 8) != 0 ? 16 : REQUEST_MAX_BULK;
    limits.max_args = (input[0] & 16) != 0 ? 4 : REQUEST_MAX_ARGS;
    chunk = input[1] % 8 == 0 ? 1 + input[1] * (size_t)16 : 1 + input[1] % 8;
    fails = input[2] % 16;
    seed = input[3];
    input += 4;
    len -= 4;
    allocation = 0;
    whole = parse(input, len, &limits, 0, 0);
    allocation = fails;
    pieces = parse(input, len, &limits, chunk, seed);
    CHECK(whole.nrequests == pieces.nrequests);
    CHECK(whole.hash == pieces.hash);
    CHECK(strcmp(whole.error, pieces.error) == 0);
    return 0;
}
