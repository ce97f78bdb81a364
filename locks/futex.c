// SPDX-License-Identifier: MIT
#include "locks/futex.h"

#include <errno.h>
#include <linux/futex.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S 1000000000

bool futex_wait(_Atomic uint32_t *word, uint32_t expected, int64_t deadline_ns)
{
    struct timespec at, *until = NULL;
    if (deadline_ns >= 0) {
        at.tv_sec = deadline_ns / NS_PER_S;
        at.tv_nsec = deadline_ns % NS_PER_S;
        until = &at;
    }
    // The BITSET form takes an absolute time; plain FUTEX_WAIT would take a span, which every
    // spurious wake-up would start anew.
    long rc = syscall(SYS_futex, word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, expected, until,
                      NULL, FUTEX_BITSET_MATCH_ANY);
    return !(rc == -1 && errno == ETIMEDOUT);
}

void futex_wake(_Atomic uint32_t *word, int n)
{
    syscall(SYS_futex, word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, n, NULL, NULL, 0);
}
