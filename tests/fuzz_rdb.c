// SPDX-License-Identifier: MIT
//
// Fuzz target of the reader of serialised values. The first byte of an input chooses the limits of
// the encodings and whether an allocation fails; the second a payload of redis-server that the rest
// changes here and there, or none: the rest then is the value. The footer is made right. What is
// loaded is written and loaded again, and must be the same.

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datatypes/crc64.h"
#include "datatypes/mem.h"
#include "datatypes/rdb.h"
#include "datatypes/rdb_load.h"
#include "datatypes/rdb_write.h"
#include "tests/lib/redis_payloads.h"
#include "tests/lib/type_fixture.h"
#include "tests/lib/value_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t len);

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, #condition);          \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

enum { TEXT_MAX = 1 << 20 }; // values that are larger are not compared

static struct type_fixture fixture;

static void set_limits(unsigned choice)
{
    static const size_t entries[] = {512, 0, 2, 8}, values[] = {64, 0, 3, 100};
    struct type_limits *limits = &fixture.limits;

    type_limits_init(limits);
    limits->hash_max_packed_entries = limits->zset_max_packed_entries =
        limits->set_max_intset_entries = limits->set_max_packed_entries = entries[choice & 3];
    limits->hash_max_packed_value = limits->zset_max_packed_value = limits->set_max_packed_value =
        values[choice >> 2 & 3];
    limits->list_max_packed_size = choice & 16 ? 2 : -2;
}

// The payload that the input stands for, in a block of exactly its length.
static char *make_payload(const uint8_t *input, size_t len, size_t *nbytes)
{
    size_t known = input[0], n = len - 1;
    const struct redis_payload *from = NULL;
    char *payload;
    uint64_t crc;

    input++;
    if (known < redis_payloads_count) {
        from = &redis_payloads[known];
        n = from->payload.len - RDB_FOOTER_BYTES;
    }
    *nbytes = n + RDB_FOOTER_BYTES;
    payload = malloc(*nbytes);
    CHECK(payload != NULL);
    memcpy(payload, from != NULL ? from->payload.data : (const char *)input, n);
    for (size_t i = 0; from != NULL && i + 1 < len - 1; i += 2)
        payload[input[i] % n] = (char)input[i + 1];
    payload[n] = RDB_VERSION;
    payload[n + 1] = 0;
    crc = crc64(0, payload, n + 2);
    memcpy(payload + n + 2, &crc, sizeof crc);
    return payload;
}

static bool put_to_buffer(void *arg, const char *data, size_t len)
{
    strbuf_add(arg, data, len);
    return true;
}

static void check_value(struct value v)
{
    static struct strbuf written, before, after;
    struct rdb_writer w = {.put = put_to_buffer, .arg = &written};
    struct rdb_walk walk;
    struct value again;

    CHECK(value_weight(v) > 0);
    strbuf_clear(&written);
    rdb_walk_init(&walk, v);
    while (rdb_walk_next(&walk, &w)) {
    }
    rdb_put_footer(&w);
    CHECK(rdb_check(&fixture.ctx, written.data, written.len));
    CHECK(rdb_load(&fixture.ctx, written.data, written.len, &again) == STATUS_OK);
    CHECK(value_type(again) == value_type(v) && value_weight(again) == value_weight(v));
    if (written.len < TEXT_MAX) {
        strbuf_clear(&before);
        strbuf_clear(&after);
        value_text(&before, v);
        value_text(&after, again);
        CHECK(strcmp(before.data, after.data) == 0);
    }
    value_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t len)
{
    struct value v;
    size_t nbytes;

    if (len < 2)
        return 0;
    if (fixture.domain == NULL)
        type_fixture_open(&fixture, 1);
    set_limits(input[0]);
    char *payload = make_payload(input + 1, len - 1, &nbytes);
    CHECK(rdb_check(&fixture.ctx, payload, nbytes));
    rdb_load_work(&fixture.limits, payload, nbytes);
    mem_fail_after(input[0] & 32 ? input[0] >> 6 : -1);
    enum status status = rdb_load(&fixture.ctx, payload, nbytes, &v);
    mem_fail_after(-1);
    CHECK(status == STATUS_OK || status == STATUS_BAD_DATA || status == STATUS_NO_MEMORY);
    free(payload);
    if (status == STATUS_OK) {
        check_value(v);
        value_free(v);
    }
    type_fixture_drain(&fixture);
    return 0;
}
