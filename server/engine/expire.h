// SPDX-License-Identifier: MIT
//
// Active expiry: finds keys whose time has come although nobody asks for them, and frees them.
// (Nobody can see an expired key anyway: reading checks the time.)
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct thread;

// Goes on through the databases where the last call stopped, until the monotonic clock passes
// until_ns (then it returns true) or everything was looked at once. Outside exec_begin; if another
// thread is at it, returns at once.
bool expire_cycle(struct thread *, int64_t until_ns);
