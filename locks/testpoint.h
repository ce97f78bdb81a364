// SPDX-License-Identifier: MIT
// Points inside the slow paths where a debug build lets a test interfere, to widen windows that
// are a few instructions long. Without KL_DEBUG they compile to nothing.
#pragma once

enum lock_point {
    LOCK_POINT_BEFORE_QUEUE,  // about to take a bucket lock in order to park
    LOCK_POINT_QUEUED,        // queued, the bucket lock is free, not yet asleep
    LOCK_POINT_TIMED_OUT,     // the deadline has passed, still queued as far as we know
    LOCK_POINT_BEFORE_UNPARK, // about to take a bucket lock in order to wake
    LOCK_POINT_BEFORE_WAKE,   // wake decided and dequeued, the waiter not yet told
    LOCK_POINT_SETTLE,        // readers behind a cancelled writer are about to be let in
    LOCK_POINT_REHASH,        // a larger table is built, its waiters not yet moved
};

#ifdef KL_DEBUG
// Installs the hook (NULL: none). It runs on whatever thread passes the point and may sleep, but
// must not park: SETTLE and REHASH are passed under bucket locks.
void lock_testpoint_set(void (*hook)(enum lock_point point));
void lock_testpoint(enum lock_point point);
#else
static inline void lock_testpoint(enum lock_point point)
{
    (void)point;
}
#endif
