// SPDX-License-Identifier: MIT
//
// A struct type_ctx with an epoch domain of its own, default limits and repeatable chance, for
// tests of the data types. Its thread is inside an epoch section from open to close.
#pragma once

#include "datatypes/siphash.h"
#include "datatypes/rng.h"
#include "datatypes/type_ctx.h"
#include "locks/epoch.h"

struct type_fixture {
    struct epoch *domain;
    struct siphash_seed seed;
    struct rng rng;
    struct type_limits limits;
    struct type_ctx ctx;
};

void type_fixture_open(struct type_fixture *, uint64_t seed);
void type_fixture_close(struct type_fixture *);

// Leaves the section, waits until everything retired is freed, and enters again.
void type_fixture_drain(struct type_fixture *);
