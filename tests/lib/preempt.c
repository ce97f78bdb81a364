// SPDX-License-Identifier: MIT
#include "tests/lib/preempt.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

#include "tests/lib/check.h"

// Not in every libc's headers.
#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

static void give_way(int signal)
{
    int saved_errno = errno;

    (void)signal;
    sched_yield();
    errno = saved_errno;
}

void preempt_begin(struct preemption *p, unsigned period_us)
{
    struct sigaction action = {.sa_handler = give_way, .sa_flags = SA_RESTART};
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGUSR1};
    // Each thread its own period, so that they do not march in step.
    long period_ns = (long)period_us * 1000 + (gettid() % 16 - 8) * (long)period_us * 50;
    struct itimerspec every = {{0, period_ns}, {0, period_ns}};

    event.sigev_notify_thread_id = gettid();
    check_int(sigaction(SIGUSR1, &action, NULL), 0);
    check_int(timer_create(CLOCK_MONOTONIC, &event, &p->timer), 0);
    check_int(timer_settime(p->timer, 0, &every, NULL), 0);
}

void preempt_end(struct preemption *p)
{
    check_int(timer_delete(p->timer), 0);
}
