// SPDX-License-Identifier: MIT
#include "tests/lib/type_fixture.h"

#include <stdio.h>
#include <stdlib.h>

void type_fixture_open(struct type_fixture *f, uint64_t seed)
{
    f->domain = epoch_create();
    f->seed = (struct siphash_seed){seed, ~seed};
    rng_seed(&f->rng, seed);
    type_limits_init(&f->limits);
    f->ctx = (struct type_ctx){.seed = &f->seed, .rng = &f->rng, .limits = &f->limits};
    if (f->domain != NULL)
        f->ctx.epoch = epoch_register(f->domain);
    if (f->ctx.epoch == NULL) {
        fprintf(stderr, "type_fixture_open: out of memory\n");
        abort();
    }
    epoch_enter(f->ctx.epoch);
}

void type_fixture_close(struct type_fixture *f)
{
    epoch_exit(f->ctx.epoch);
    epoch_unregister(f->ctx.epoch);
    epoch_destroy(f->domain);
}

void type_fixture_drain(struct type_fixture *f)
{
    epoch_exit(f->ctx.epoch);
    epoch_drain(f->ctx.epoch);
    epoch_enter(f->ctx.epoch);
}
