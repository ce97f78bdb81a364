// SPDX-License-Identifier: MIT
#include "tests/lib/crew.h"

#include "tests/lib/check.h"

static void *worker_main(void *arg)
{
    struct worker *w = arg;

    w->c = inproc_client_new(&w->crew->p);
    rng_seed(&w->rng, (uint64_t)w->index + 1);
    pthread_barrier_wait(&w->crew->start);
    w->work(w);
    inproc_client_free(w->c);
    return NULL;
}

void run_crew(struct crew *crew, int n, void (*const *work)(struct worker *))
{
    pthread_t threads[16];
    struct worker workers[16] = {0};

    check(n <= 16);
    pthread_barrier_init(&crew->start, NULL, (unsigned)n);
    for (int i = 0; i < n; i++) {
        workers[i] = (struct worker){.crew = crew, .index = i, .work = work[i]};
        check_int(pthread_create(&threads[i], NULL, worker_main, &workers[i]), 0);
    }
    for (int i = 0; i < n; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&crew->start);
}

bool still_working(struct worker *w)
{
    return atomic_load_explicit(&w->crew->working, memory_order_acquire) > 0;
}

void done_working(struct worker *w)
{
    atomic_fetch_sub_explicit(&w->crew->working, 1, memory_order_release);
}
