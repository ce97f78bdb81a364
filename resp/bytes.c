// SPDX-License-Identifier: MIT

#include "resp/bytes.h"

#include "resp/double.h"

bool bytes_to_u64(struct bytes s, uint64_t *out)
{
    uint64_t value = 0;
    size_t i;

    // 20 digits are the most a uint64 has. Only "0" itself may begin with a zero.
    if (s.len == 0 || s.len > 20 || (s.data[0] == '0' && s.len > 1)) {
        return false;
    }
    for (i = 0; i < s.len; i++) {
        unsigned digit = (unsigned char)s.data[i] - (unsigned)'0';

        if (digit > 9 || value > UINT64_MAX / 10 || value * 10 > UINT64_MAX - digit) {
            return false;
        }
        value = value * 10 + digit;
    }
    *out = value;
    return true;
}

bool bytes_to_i64(struct bytes s, int64_t *out)
{
    bool negative = s.len > 0 && s.data[0] == '-';
    uint64_t magnitude;

    if (!bytes_to_u64((struct bytes){s.data + negative, s.len - negative}, &magnitude)) {
        return false;
    }
    if (negative) {
        if (magnitude == 0 || magnitude > (uint64_t)INT64_MAX + 1) {
            return false;
        }
        // -(magnitude - 1) - 1 stays inside int64 even for its minimum.
        *out = -(int64_t)(magnitude - 1) - 1;
        return true;
    }
    if (magnitude > INT64_MAX) {
        return false;
    }
    *out = (int64_t)magnitude;
    return true;
}

bool bytes_to_double(struct bytes s, double *out)
{
    return double_parse(s.data, s.len, out);
}

bool bytes_to_long_double(struct bytes s, long double *out)
{
    return double_parse_long(s.data, s.len, out);
}
