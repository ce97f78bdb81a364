// SPDX-License-Identifier: MIT
#include "locks/testpoint.h"

#ifdef KL_DEBUG

#include <stdatomic.h>
#include <stddef.h>

static void (*_Atomic installed)(enum lock_point point);

void lock_testpoint_set(void (*hook)(enum lock_point point))
{
    atomic_store_explicit(&installed, hook, memory_order_release);
}

void lock_testpoint(enum lock_point point)
{
    // Acquire: whatever the test prepared before it installed the hook is visible to the hook.
    void (*hook)(enum lock_point) = atomic_load_explicit(&installed, memory_order_acquire);
    if (hook != NULL)
        hook(point);
}

#endif
