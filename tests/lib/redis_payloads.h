// SPDX-License-Identifier: MIT
//
// What redis-server 7.0.15 answered to DUMP, one or more for each of its encodings.
#pragma once

#include <stddef.h>

#include "resp/bytes.h"

struct redis_payload {
    const char *what;
    struct bytes payload;
    const char *value; // as value_text() writes it
};

extern const struct redis_payload redis_payloads[];
extern const size_t redis_payloads_count;
