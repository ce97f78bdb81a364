// SPDX-License-Identifier: MIT
//
// The shortest sequence that still shows a difference.
#pragma once

#include "tests/diff/pair.h"

// Drops commands, then arguments, as long as the same command (or the data at the end) still
// differs. `difference` is what the whole sequence showed, and then what the shorter one does.
// False: the difference does not come every time.
bool diff_shrink(struct diff_pair *, struct diff_sequence *, struct diff_difference *);
