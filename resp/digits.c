// SPDX-License-Identifier: MIT

#include "resp/digits.h"

#include <string.h>

static const char pairs[] = "00010203040506070809"
                            "10111213141516171819"
                            "20212223242526272829"
                            "30313233343536373839"
                            "40414243444546474849"
                            "50515253545556575859"
                            "60616263646566676869"
                            "70717273747576777879"
                            "80818283848586878889"
                            "90919293949596979899";

unsigned digits_count(uint64_t value)
{
    unsigned count = 1;

    // Four digits a division: lengths and counts are short, one or two rounds do.
    for (;;) {
        if (value < 10) {
            return count;
        }
        if (value < 100) {
            return count + 1;
        }
        if (value < 1000) {
            return count + 2;
        }
        if (value < 10000) {
            return count + 3;
        }
        value /= 10000;
        count += 4;
    }
}

size_t digits_write_u64(char *out, uint64_t value)
{
    unsigned count = digits_count(value);
    char *end = out + count;

    while (value >= 100) {
        end -= 2;
        memcpy(end, pairs + value % 100 * 2, 2);
        value /= 100;
    }
    if (value >= 10) {
        memcpy(end - 2, pairs + value * 2, 2);
    } else {
        end[-1] = (char)('0' + value);
    }
    return count;
}

size_t digits_write_i64(char *out, int64_t value)
{
    if (value < 0) {
        *out = '-';
        return 1 + digits_write_u64(out + 1, 0 - (uint64_t)value);
    }
    return digits_write_u64(out, (uint64_t)value);
}
