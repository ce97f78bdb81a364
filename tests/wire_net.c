// SPDX-License-Identifier: MIT
#include "tests/lib/wire.h"
static void test_basic(void **state)
{
    struct wire *w = *state;
    expect(w, "OK", "SET k 10");
    expect(w, ":11", "INCR k");
    expect(w, "-WRONGTYPE Operation against a key holding the wrong kind of value", "SADD k a");
    expect(w, ":3", "SADD s a \"b\\x00\" c");
    expect_sorted(w, "[\"a\" \"b\\x00\" \"c\"]", "SMEMBERS s");
    expect(w, "(nil)", "GET x");
}
int main(void)
{
    const struct CMUnitTest tests[] = {WIRE_TEST(test_basic)};
    return run_modes(tests);
}
