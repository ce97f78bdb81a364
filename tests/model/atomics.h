// SPDX-License-Identifier: MIT
// Forced in front of each source that is compiled for the explorer: its atomic operations give way
// first. All are sequentially consistent, see explore.h. compare_exchange_weak fails for no reason
// whenever the explorer chooses.
#pragma once

#include "tests/model/explore.h"

#include <stdatomic.h>

#define EXPLORE_TEXT_(x) #x
#define EXPLORE_TEXT(x)  EXPLORE_TEXT_(x)
#define EXPLORE_AT(op)   __FILE__ ":" EXPLORE_TEXT(__LINE__) " " op

#define EXPLORE_ATOMIC(object, op, expression)                                                     \
    ({                                                                                             \
        __auto_type object_ = (object);                                                            \
        explore_access(object_, EXPLORE_AT(op));                                                   \
        expression;                                                                                \
    })

#undef atomic_load_explicit
#define atomic_load_explicit(object, order)                                                        \
    EXPLORE_ATOMIC(object, "load", __atomic_load_n(object_, __ATOMIC_SEQ_CST))
#undef atomic_store_explicit
#define atomic_store_explicit(object, value, order)                                                \
    EXPLORE_ATOMIC(object, "store", __atomic_store_n(object_, value, __ATOMIC_SEQ_CST))
#undef atomic_exchange_explicit
#define atomic_exchange_explicit(object, value, order)                                             \
    EXPLORE_ATOMIC(object, "exchange", __atomic_exchange_n(object_, value, __ATOMIC_SEQ_CST))
#undef atomic_fetch_add_explicit
#define atomic_fetch_add_explicit(object, value, order)                                            \
    EXPLORE_ATOMIC(object, "add", __atomic_fetch_add(object_, value, __ATOMIC_SEQ_CST))
#undef atomic_fetch_sub_explicit
#define atomic_fetch_sub_explicit(object, value, order)                                            \
    EXPLORE_ATOMIC(object, "subtract", __atomic_fetch_sub(object_, value, __ATOMIC_SEQ_CST))
#undef atomic_fetch_or_explicit
#define atomic_fetch_or_explicit(object, value, order)                                             \
    EXPLORE_ATOMIC(object, "or", __atomic_fetch_or(object_, value, __ATOMIC_SEQ_CST))
#undef atomic_fetch_and_explicit
#define atomic_fetch_and_explicit(object, value, order)                                            \
    EXPLORE_ATOMIC(object, "and", __atomic_fetch_and(object_, value, __ATOMIC_SEQ_CST))

#define EXPLORE_COMPARE_EXCHANGE(object_, expected, desired)                                       \
    __atomic_compare_exchange_n(object_, expected, desired, false, __ATOMIC_SEQ_CST,               \
                                __ATOMIC_SEQ_CST)

#undef atomic_compare_exchange_strong_explicit
#define atomic_compare_exchange_strong_explicit(object, expected, desired, success, failure)       \
    EXPLORE_ATOMIC(object, "compare-exchange", EXPLORE_COMPARE_EXCHANGE(object_, expected, desired))
// Where it would fail anyway there is nothing to choose.
#undef atomic_compare_exchange_weak_explicit
#define atomic_compare_exchange_weak_explicit(object, expected, desired, success, failure)         \
    EXPLORE_ATOMIC(object, "compare-exchange", ({                                                  \
                       __auto_type expected_ = (expected);                                         \
                       bool equal_ = __atomic_load_n(object_, __ATOMIC_SEQ_CST) == *expected_;     \
                       !(equal_ && explore_choose(2) == 1) &&                                      \
                           EXPLORE_COMPARE_EXCHANGE(object_, expected_, desired);                  \
                   }))
