// SPDX-License-Identifier: MIT
//
// Glob patterns as KEYS, SCAN MATCH and CONFIG GET take them: * ? [abc] [^a-z] and \ to quote.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "resp/bytes.h"

// True when the pattern matches the whole text; bytes are compared as they are, or without regard
// to ASCII case. Takes at most time proportional to the product of the lengths.
bool glob_match(struct bytes pattern, struct bytes text, bool nocase);

// True when the pattern has no special character, so that it can only match itself.
bool glob_is_literal(struct bytes pattern);
