// SPDX-License-Identifier: MIT
// The real parking lot (locks/parking_lot.c) as part of a scenario's state, with two buckets to
// begin with and none of the clock's hand-overs.
#pragma once

#include "tests/model/explore.h"

enum { REAL_LOT_REGIONS = 5 };

// Empty again. For a scenario's begin.
void real_lot_open(void);
void real_lot_regions(struct explore_region regions[REAL_LOT_REGIONS]);
// In which of the two buckets an address belongs.
unsigned real_lot_bucket(const void *address);
// How many wait, on whatever.
size_t real_lot_waiters(void);
// For a scenario's end: no bucket of any table is locked or has waiters.
void real_lot_check_idle(void);
