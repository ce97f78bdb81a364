// SPDX-License-Identifier: MIT
#include "datatypes/mem.h"

#include <malloc.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef KL_LIBC_MALLOC
#include <jemalloc/jemalloc.h>
#endif

// Allocations that may still succeed on this thread before all fail; negative: no limit.
static _Thread_local long fail_after = -1;

void mem_fail_after(long n)
{
    fail_after = n;
}

static bool must_fail_slow(void)
{
    if (fail_after == 0)
        return true;
    fail_after--;
    return false;
}

static inline bool must_fail(void)
{
    return __builtin_expect(fail_after >= 0, 0) && must_fail_slow();
}

#ifdef KL_LIBC_MALLOC

// The C library's allocator, for the sanitizer builds. It has no figures that hold under a
// sanitizer, so the bytes are counted here. Relaxed: a statistic, it orders nothing.
static _Atomic size_t used_bytes;

static void *count(void *ptr)
{
    if (ptr)
        atomic_fetch_add_explicit(&used_bytes, malloc_usable_size(ptr), memory_order_relaxed);
    return ptr;
}

static void uncount(void *ptr)
{
    if (ptr)
        atomic_fetch_sub_explicit(&used_bytes, malloc_usable_size(ptr), memory_order_relaxed);
}

void *mem_alloc(size_t nbytes)
{
    return must_fail() ? NULL : count(malloc(nbytes ? nbytes : 1));
}

void *mem_zalloc(size_t nbytes)
{
    return must_fail() ? NULL : count(calloc(1, nbytes ? nbytes : 1));
}

void *mem_zalloc_aligned(size_t alignment, size_t nbytes)
{
    if (must_fail() || nbytes > SIZE_MAX - alignment)
        return NULL;
    size_t rounded = (nbytes + alignment - 1) & ~(alignment - 1);
    void *ptr = aligned_alloc(alignment, rounded ? rounded : alignment);
    if (ptr)
        memset(ptr, 0, rounded);
    return count(ptr);
}

void *mem_realloc(void *ptr, size_t nbytes)
{
    if (must_fail())
        return NULL;
    size_t before = ptr ? malloc_usable_size(ptr) : 0;
    void *moved = realloc(ptr, nbytes ? nbytes : 1);
    if (moved)
        atomic_fetch_sub_explicit(&used_bytes, before, memory_order_relaxed);
    return count(moved);
}

void mem_free(void *ptr)
{
    uncount(ptr);
    free(ptr);
}

size_t mem_good_size(size_t nbytes)
{
    return nbytes < 16 ? 16 : (nbytes + 15) & ~(size_t)15;
}

size_t mem_used(void)
{
    return atomic_load_explicit(&used_bytes, memory_order_relaxed);
}

const char *mem_allocator(void)
{
    return "libc";
}

void mem_start_background_purge(void)
{
}

#else

void *mem_alloc(size_t nbytes)
{
    return must_fail() ? NULL : malloc(nbytes ? nbytes : 1);
}

void *mem_zalloc(size_t nbytes)
{
    return must_fail() ? NULL : calloc(1, nbytes ? nbytes : 1);
}

void *mem_zalloc_aligned(size_t alignment, size_t nbytes)
{
    if (must_fail())
        return NULL;
    return mallocx(nbytes ? nbytes : 1, MALLOCX_ALIGN(alignment) | MALLOCX_ZERO);
}

void *mem_realloc(void *ptr, size_t nbytes)
{
    return must_fail() ? NULL : realloc(ptr, nbytes ? nbytes : 1);
}

void mem_free(void *ptr)
{
    free(ptr);
}

size_t mem_good_size(size_t nbytes)
{
    // nallocx answers 0 for a size that can never be had; then the request itself will fail.
    size_t good = nallocx(nbytes ? nbytes : 1, 0);
    return good ? good : nbytes;
}

size_t mem_used(void)
{
    // The figures are a snapshot that jemalloc takes when its epoch is written.
    uint64_t epoch = 1;
    size_t used = 0, len = sizeof epoch;
    mallctl("epoch", &epoch, &len, &epoch, sizeof epoch);
    len = sizeof used;
    mallctl("stats.allocated", &used, &len, NULL, 0);
    return used;
}

const char *mem_allocator(void)
{
    return "jemalloc-" JEMALLOC_VERSION;
}

void mem_start_background_purge(void)
{
    bool on = true;
    mallctl("background_thread", NULL, NULL, &on, sizeof on);
}

#endif

void mem_discard(void *part, size_t nbytes)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t first = ((uintptr_t)part + page - 1) & ~(page - 1);
    uintptr_t end = ((uintptr_t)part + nbytes) & ~(page - 1);

    if (end > first)
        madvise((void *)first, end - first, MADV_DONTNEED); // if not, mem_free() will see to it
}

size_t mem_usable(const void *ptr)
{
    return ptr ? malloc_usable_size((void *)(uintptr_t)ptr) : 0;
}

size_t mem_resident(void)
{
    // Second field of statm: resident pages, as the kernel sees them.
    unsigned long total = 0, resident = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    if (!f)
        return 0;
    int fields = fscanf(f, "%lu %lu", &total, &resident);
    fclose(f);
    return fields == 2 ? resident * (size_t)sysconf(_SC_PAGESIZE) : 0;
}
