// SPDX-License-Identifier: MIT
// Forced in front of each source that is compiled for the explorer: its atomic operations give way
// first, once their arguments are known. All are sequentially consistent, see explore.h.
// compare_exchange_weak fails for no reason whenever the explorer chooses.
#pragma once

#include "tests/model/explore.h"

#include <stdatomic.h>

#define EXPLORE_TEXT_(x) #x
#define EXPLORE_TEXT(x)  EXPLORE_TEXT_(x)
#define EXPLORE_AT(op)   __FILE__ ":" EXPLORE_TEXT(__LINE__) " " op

#undef atomic_load_explicit
#define atomic_load_explicit(object, order)                                                        \
    ({                                                                                             \
        __auto_type object_ = (object);                                                            \
        explore_access(object_, EXPLORE_AT("load"));                                               \
        __atomic_load_n(object_, __ATOMIC_SEQ_CST);                                                \
    })

// An operation with one value: how it is called in traces, and the builtin.
#define EXPLORE_OPERATION(op, builtin, object, value)                                              \
    ({                                                                                             \
        __auto_type object_ = (object);                                                            \
        __auto_type value_ = (value);                                                              \
        explore_access(object_, EXPLORE_AT(op));                                                   \
        builtin(object_, value_, __ATOMIC_SEQ_CST);                                                \
    })

#undef atomic_store_explicit
#define atomic_store_explicit(object, value, order)                                                \
    EXPLORE_OPERATION("store", __atomic_store_n, object, value)
#undef atomic_exchange_explicit
#define atomic_exchange_explicit(object, value, order)                                             \
    EXPLORE_OPERATION("exchange", __atomic_exchange_n, object, value)
#undef atomic_fetch_add_explicit
#define atomic_fetch_add_explicit(object, value, order)                                            \
    EXPLORE_OPERATION("add", __atomic_fetch_add, object, value)
#undef atomic_fetch_sub_explicit
#define atomic_fetch_sub_explicit(object, value, order)                                            \
    EXPLORE_OPERATION("subtract", __atomic_fetch_sub, object, value)
#undef atomic_fetch_or_explicit
#define atomic_fetch_or_explicit(object, value, order)                                             \
    EXPLORE_OPERATION("or", __atomic_fetch_or, object, value)
#undef atomic_fetch_and_explicit
#define atomic_fetch_and_explicit(object, value, order)                                            \
    EXPLORE_OPERATION("and", __atomic_fetch_and, object, value)

// Where it would fail anyway there is nothing to choose. Written out, so that `expected` need not
// have an address: what lies on a stack is part of the state, needed or not.
#define EXPLORE_COMPARE_EXCHANGE(weak, object, expected, desired)                                  \
    ({                                                                                             \
        __auto_type object_ = (object);                                                            \
        __auto_type expected_ = (expected);                                                        \
        __auto_type desired_ = (desired);                                                          \
        explore_access(object_, EXPLORE_AT("compare-exchange"));                                   \
        bool done_ = *object_ == *expected_ && !((weak) && explore_choose(2) == 1);                \
        if (done_)                                                                                 \
            *object_ = desired_;                                                                   \
        else                                                                                       \
            *expected_ = *object_;                                                                 \
        done_;                                                                                     \
    })

#undef atomic_compare_exchange_strong_explicit
#define atomic_compare_exchange_strong_explicit(object, expected, desired, success, failure)       \
    EXPLORE_COMPARE_EXCHANGE(false, object, expected, desired)
#undef atomic_compare_exchange_weak_explicit
#define atomic_compare_exchange_weak_explicit(object, expected, desired, success, failure)         \
    EXPLORE_COMPARE_EXCHANGE(true, object, expected, desired)
