// SPDX-License-Identifier: MIT
//
// Memory: thin layer over the allocator, the one place that knows it is jemalloc.
// Every function is thread-safe. NULL means that there is no memory; nothing aborts.
#pragma once

#include <stdbool.h>
#include <stddef.h>

// Allocates at least `nbytes` bytes (aligned to 16 when nbytes >= 16, else to 8); NULL without
// memory.
void *mem_alloc(size_t nbytes);
// The same, zeroed.
void *mem_zalloc(size_t nbytes);
// The same with an alignment (a power of two), zeroed: for cache-line sized things.
void *mem_zalloc_aligned(size_t alignment, size_t nbytes);
// As realloc(); on failure the old block is untouched.
void *mem_realloc(void *ptr, size_t nbytes);
// Frees a block; NULL is allowed.
void mem_free(void *ptr);
// Part of a block whose contents are not needed any more: gives its whole pages back to the system
// at once, so that mem_free() has no more to do for them. The bytes may be written again.
void mem_discard(void *part, size_t nbytes);

// Bytes that a request of `nbytes` really gets: use it to size growable buffers without waste.
size_t mem_good_size(size_t nbytes);
// Bytes that the block at `ptr` really holds.
size_t mem_usable(const void *ptr);

// Bytes handed out by the allocator and not freed, over the whole process; resident bytes likewise.
size_t mem_used(void);
size_t mem_resident(void);
// Name and version of the allocator, for INFO.
const char *mem_allocator(void);

// Lets the allocator return unused memory to the system by a thread of its own, instead of when the
// program happens to allocate: for programs that may have one more thread. After any fork.
void mem_start_background_purge(void);

// Test hook: the n-th allocation from now on this thread (0 = the next) and all after it fail,
// until called with a negative n. Works in every build.
void mem_fail_after(long n);
