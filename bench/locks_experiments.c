// SPDX-License-Identifier: MIT
#include "bench/locks.h"

#define US 1000

const struct experiment experiments[] = {
    {"solo-mutex", "uncontended mutex, lock and unlock", FAMILY_MUTEX, 60,
     .role = {{"thread", 1, .sample = 0}}},
    {"solo-read", "uncontended rwlock, read lock and unlock", FAMILY_RWLOCK, 60,
     .role = {{"reader", 1, .read = true, .sample = 0}}},
    {"solo-write", "uncontended rwlock, write lock and unlock", FAMILY_RWLOCK, 60,
     .role = {{"writer", 1, .sample = 0}}},
    {"pair", "2 threads, shortest hold", FAMILY_MUTEX, 300, .role = {{"thread", 2, .sample = 64}}},
    {"short", "8 threads, 200 ns hold, 200 ns between", FAMILY_MUTEX, 500,
     .role = {{"thread", 8, .hold_ns = 200, .work_ns = 200, .sample = 1}}},
    {"long", "8 threads, 500 us hold (busy)", FAMILY_MUTEX, 1000, .plot = true,
     .role = {{"thread", 8, .hold_ns = 500 * US, .sample = 1}}},
    {"bursts", "8 threads in bursts, 200 ms of every second", FAMILY_MUTEX, 400, 200, 800,
     .role = {{"thread", 8, .hold_ns = 50, .work_ns = 100, .sample = 1}}},
    {"hog-long", "one hog with a 500 us hold and no pause, 7 with 1 us that sleep 100 us between",
     FAMILY_MUTEX, 600, .plot = true,
     .role = {{"hog", 1, .hold_ns = 500 * US, .sample = 1},
              {"normal", 7, .hold_ns = 1000, .sleep_ns = 100 * US, .sample = 1}}},
    {"hog-short", "one hog that locks again at once, 7 that sleep 100 us between, 800 ns hold",
     FAMILY_MUTEX, 600, .plot = true,
     .role = {{"hog", 1, .hold_ns = 800, .sample = 1},
              {"normal", 7, .hold_ns = 800, .sleep_ns = 100 * US, .sample = 1}}},
    {"readers", "rwlock, 7 readers and 1 writer, no pause", FAMILY_RWLOCK, 500,
     .role = {{"reader", 7, .read = true, .sample = 8}, {"writer", 1, .sample = 1}}},
    {"mixed", "rwlock, 4 readers and 4 writers, no pause", FAMILY_RWLOCK, 500,
     .role = {{"reader", 4, .read = true, .sample = 8}, {"writer", 4, .sample = 8}}},
    {"hot-read", "rwlock, 2 readers", FAMILY_RWLOCK, 300,
     .role = {{"reader", 2, .read = true, .sample = 64}}},
};

const int experiment_count = sizeof(experiments) / sizeof(experiments[0]);
