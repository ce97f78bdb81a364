// SPDX-License-Identifier: MIT
//
// A value as text, for tests of what has no commands at hand: "text", [list], {set}, {hash: pairs},
// (sorted set: scores). What has no order is sorted.
#pragma once

#include "datatypes/value.h"
#include "tests/lib/strbuf.h"

void value_text(struct strbuf *, struct value);
