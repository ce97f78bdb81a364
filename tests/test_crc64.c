// SPDX-License-Identifier: MIT
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "datatypes/crc64.h"
#include "datatypes/rng.h"
#include "tests/lib/payload.h"

enum { BYTES_MAX = 300 };

static void test_crc64_known(void **state)
{
    (void)state;
    assert_true(crc64(0, "", 0) == 0);
    assert_true(crc64(0, "123456789", 9) == 0xe9c6d914c4b8d9ca);
}

// Every length, from every place in a word, whole and in two pieces, against bit by bit.
static void test_crc64_pieces(void **state)
{
    static char data[BYTES_MAX + 8];
    struct rng rng;

    (void)state;
    rng_seed(&rng, 1);
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (char)rng_below(&rng, 256);
    for (size_t len = 0; len <= BYTES_MAX; len++) {
        const char *at = data + len % 8;
        uint64_t want = payload_crc(at, len);
        assert_true(crc64(0, at, len) == want);
        for (size_t cut = 0; cut <= len; cut += 1 + len / 20)
            assert_true(crc64(crc64(0, at, cut), at + cut, len - cut) == want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_crc64_known),
        cmocka_unit_test(test_crc64_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
