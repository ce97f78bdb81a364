// SPDX-License-Identifier: MIT
//
// The digest of a value that Redis's DEBUG DIGEST-VALUE shows: equal values of two servers have the
// same one, whatever their encodings and the order of what has none. It depends on type, elements,
// and whether there is an expire time. A tool for tests, no protection: SHA-1, combined by xor.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "datatypes/value.h"

enum { DIGEST_BYTES = 20 };

// Who waits for a digest. Nothing is changed meanwhile: step may leave and enter epoch sections as
// long as the read lock is held.
struct digest_caller {
    // Called as it goes on, with the number of bytes that were hashed; false: stop.
    bool (*step)(void *arg, size_t nbytes);
    void *arg;
};

// The digest of a value, of VALUE_ABSENT all zero. False: it was stopped.
bool digest_value(struct value, const struct digest_caller *, unsigned char out[DIGEST_BYTES]);

// About how many bytes that means for a value with so many in its elements (a guess is enough).
size_t digest_value_bytes(struct value, size_t nbytes);
