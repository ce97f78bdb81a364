// SPDX-License-Identifier: MIT
// Deadlocks among threads that wait for mutexes and rwlocks, found in debug builds.
//
// The ranks (rank.h) forbid the orders of locking that lead there, so this is the second line: it
// finds what a wrong table, or a lock taken at a wrong rank, lets through. Cycles of keys are
// looked for by the engine, which knows their names; a cycle through both is impossible, because
// who may wait for a key holds no mutex (checked by rank_may_wait()).
#pragma once

#ifdef KL_DEBUG

// Called by a thread that has slept for a while in the parking lot. If it is part of a cycle of
// threads each of which waits for a lock that the next one holds, prints them and ends the process.
// Never reports a cycle that is none: all of it was there at one moment.
void deadlock_look(void);

#endif
