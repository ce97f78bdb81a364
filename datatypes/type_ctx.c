// SPDX-License-Identifier: MIT
#include "datatypes/type_ctx.h"

// Relaxed throughout: each limit is a number of its own, nothing else is published with it.
void type_limits_init(struct type_limits *limits)
{
    atomic_store_explicit(&limits->set_max_intset_entries, 512, memory_order_relaxed);
    atomic_store_explicit(&limits->set_max_packed_entries, 128, memory_order_relaxed);
    atomic_store_explicit(&limits->set_max_packed_value, 64, memory_order_relaxed);
    atomic_store_explicit(&limits->list_max_packed_size, -2, memory_order_relaxed);
    atomic_store_explicit(&limits->zset_max_packed_entries, 128, memory_order_relaxed);
    atomic_store_explicit(&limits->zset_max_packed_value, 64, memory_order_relaxed);
    atomic_store_explicit(&limits->hash_max_packed_entries, 512, memory_order_relaxed);
    atomic_store_explicit(&limits->hash_max_packed_value, 64, memory_order_relaxed);
    atomic_store_explicit(&limits->hll_sparse_max_bytes, 3000, memory_order_relaxed);
    atomic_store_explicit(&limits->max_string_bytes, (size_t)512 << 20, memory_order_relaxed);
}
