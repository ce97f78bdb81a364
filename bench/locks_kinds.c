// SPDX-License-Identifier: MIT
#define LOCKS_UNRANKED // measures what is below the ranks
#include "bench/locks.h"

#include "locks/cpu.h"
#include "locks/futex.h"
#include "locks/mutex.h"
#include "locks/rwlock.h"
#include "locks/spin.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define NS_PER_S       1000000000.0
#define BY_CLOCK_NS    10000
#define US_PER_S       1000000.0
#define CALIBRATION_NS 20000000

// ---- the locks -------------------------------------------------------------------------------

union any_lock {
    struct mutex mutex;
    struct rwlock rwlock;
    pthread_mutex_t pthread_mutex;
    pthread_rwlock_t pthread_rwlock;
    pthread_spinlock_t spin;
};

// The kinds of Keylot's locks are its presets, in their order.
_Static_assert((int)KIND_PTHREAD == (int)LOCK_PRESETS, "a kind for each preset");

static void apply_preset(enum kind kind)
{
    lock_tuning_set(&lock_presets[kind < KIND_PTHREAD ? (int)kind : 0]);
}

const char *kind_name(enum kind kind, enum family family)
{
    static const char *const names[][KINDS] = {
        {"keylot default", "keylot throughput", "keylot fairness", "pthread_mutex",
         "pthread adaptive", "spinlock"},
        {"keylot default", "keylot throughput", "keylot fairness", "pthread_rwlock",
         "pthread_rwlock wr", "spinlock"},
    };
    return names[family][kind];
}

size_t kind_lock_size(enum kind kind, enum family family)
{
    if (kind <= KIND_KEYLOT_FAIRNESS)
        return family == FAMILY_MUTEX ? sizeof(struct mutex) : sizeof(struct rwlock);
    if (kind == KIND_SPIN)
        return sizeof(pthread_spinlock_t);
    return family == FAMILY_MUTEX ? sizeof(pthread_mutex_t) : sizeof(pthread_rwlock_t);
}

static void lock_init(enum kind kind, enum family family, union any_lock *lock)
{
    memset(lock, 0, sizeof(*lock)); // a free mutex or rwlock of Keylot
    if (kind == KIND_SPIN) {
        pthread_spin_init(&lock->spin, PTHREAD_PROCESS_PRIVATE);
    } else if (kind >= KIND_PTHREAD && family == FAMILY_MUTEX) {
        pthread_mutexattr_t attr;
        pthread_mutexattr_init(&attr);
        pthread_mutexattr_settype(&attr, kind == KIND_PTHREAD2 ? PTHREAD_MUTEX_ADAPTIVE_NP
                                                               : PTHREAD_MUTEX_NORMAL);
        pthread_mutex_init(&lock->pthread_mutex, &attr);
        pthread_mutexattr_destroy(&attr);
    } else if (kind >= KIND_PTHREAD) {
        pthread_rwlockattr_t attr;
        pthread_rwlockattr_init(&attr);
        pthread_rwlockattr_setkind_np(&attr, kind == KIND_PTHREAD2
                                                 ? PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP
                                                 : PTHREAD_RWLOCK_PREFER_READER_NP);
        pthread_rwlock_init(&lock->pthread_rwlock, &attr);
        pthread_rwlockattr_destroy(&attr);
    }
}

// What a worker loop is specialised for. Kinds that differ in parameters only share a loop, and
// each lock is inlined or called as its users would.
enum access {
    KEYLOT_MUTEX,
    KEYLOT_READ,
    KEYLOT_WRITE,
    PTHREAD_MUTEX,
    PTHREAD_READ,
    PTHREAD_WRITE,
    SPINLOCK,
};

static enum access access_of(enum kind kind, enum family family, bool read)
{
    if (kind == KIND_SPIN)
        return SPINLOCK;
    enum access mutex = kind >= KIND_PTHREAD ? PTHREAD_MUTEX : KEYLOT_MUTEX;
    if (family == FAMILY_MUTEX)
        return mutex;
    return mutex + (read ? 1 : 2);
}

#define ALWAYS_INLINE static inline __attribute__((always_inline))

ALWAYS_INLINE void acquire(enum access access, union any_lock *lock)
{
    switch (access) {
    case KEYLOT_MUTEX:
        mutex_lock(&lock->mutex);
        break;
    case KEYLOT_READ:
        rwlock_lock_read(&lock->rwlock);
        break;
    case KEYLOT_WRITE:
        rwlock_lock_write(&lock->rwlock);
        break;
    case PTHREAD_MUTEX:
        pthread_mutex_lock(&lock->pthread_mutex);
        break;
    case PTHREAD_READ:
        pthread_rwlock_rdlock(&lock->pthread_rwlock);
        break;
    case PTHREAD_WRITE:
        pthread_rwlock_wrlock(&lock->pthread_rwlock);
        break;
    case SPINLOCK:
        pthread_spin_lock(&lock->spin);
        break;
    }
}

ALWAYS_INLINE void release(enum access access, union any_lock *lock)
{
    switch (access) {
    case KEYLOT_MUTEX:
        mutex_unlock(&lock->mutex);
        break;
    case KEYLOT_READ:
        rwlock_unlock_read(&lock->rwlock);
        break;
    case KEYLOT_WRITE:
        rwlock_unlock_write(&lock->rwlock);
        break;
    case PTHREAD_MUTEX:
        pthread_mutex_unlock(&lock->pthread_mutex);
        break;
    case PTHREAD_READ:
    case PTHREAD_WRITE:
        pthread_rwlock_unlock(&lock->pthread_rwlock);
        break;
    case SPINLOCK:
        pthread_spin_unlock(&lock->spin);
        break;
    }
}

// ---- time ------------------------------------------------------------------------------------

static double tick_rate = 1;
static double step_rate = 1; // steps a nanosecond

double ticks_per_ns(void)
{
    return tick_rate;
}

// Work that takes its time and touches no memory: a chain of dependent multiplications.
static inline void burn(uint64_t steps)
{
    uint64_t x = steps | 1;
    for (uint64_t i = 0; i < steps; i++) {
        x *= UINT64_C(6364136223846793005);
        __asm__ __volatile__("" : "+r"(x));
    }
}

static inline void burn_until(uint64_t tick)
{
    while ((int64_t)(cpu_ticks() - tick) < 0)
        ;
}

void kinds_calibrate(void)
{
    enum { STEPS = 100000, TRIES = 50 };
    int64_t start_ns = clock_monotonic_ns(), now_ns;
    uint64_t start = cpu_ticks();
    do
        now_ns = clock_monotonic_ns();
    while (now_ns - start_ns < CALIBRATION_NS);
    tick_rate = (double)(cpu_ticks() - start) / (double)(now_ns - start_ns);
    uint64_t best = UINT64_MAX;
    for (int i = 0; i < TRIES; i++) {
        start = cpu_ticks();
        burn(STEPS);
        uint64_t ticks = cpu_ticks() - start;
        best = ticks < best ? ticks : best;
    }
    step_rate = STEPS * tick_rate / (double)best;
}

// ---- workers ---------------------------------------------------------------------------------

// What the threads of a run are doing. Futex word: threads sleep on it while it says PHASE_IDLE.
enum { PHASE_IDLE, PHASE_ACTIVE, PHASE_END };

struct shared {
    union any_lock lock __attribute__((aligned(CACHE_LINE)));
    uint64_t guarded; // changed under the lock, in the lock's own cache line as data often is
    _Atomic uint32_t phase __attribute__((aligned(CACHE_LINE)));
    pthread_barrier_t ready;
};

struct worker {
    struct shared *shared;
    const struct role *role;
    enum access access;
    uint64_t ops;
    struct waits waits;
    double cpu_us;
    uint64_t switches;
} __attribute__((aligned(CACHE_LINE)));

ALWAYS_INLINE void hold_or_work(uint64_t steps, uint64_t ticks)
{
    if (ticks != 0)
        burn_until(cpu_ticks() + ticks);
    else if (steps != 0)
        burn(steps);
}

ALWAYS_INLINE void loop(enum access access, struct worker *worker)
{
    struct shared *shared = worker->shared;
    const struct role *role = worker->role;
    uint64_t hold = (uint64_t)(role->hold_ns * step_rate);
    uint64_t hold_ticks = role->hold_ns < BY_CLOCK_NS ? 0 : (uint64_t)(role->hold_ns * tick_rate);
    uint64_t work = (uint64_t)(role->work_ns * step_rate);
    uint64_t mask = role->sample - 1; // sample 0: all ones, and only the 0th is timed
    bool read = role->read;
    uint64_t ops = 0;
    for (;;) {
        // Relaxed: the phase orders nothing.
        uint32_t phase = atomic_load_explicit(&shared->phase, memory_order_relaxed);
        if (__builtin_expect(phase != PHASE_ACTIVE, 0)) {
            if (phase == PHASE_END)
                break;
            futex_wait(&shared->phase, PHASE_IDLE, DEADLINE_NONE);
            continue;
        }
        if ((ops & mask) == 0) {
            uint64_t start = cpu_ticks();
            acquire(access, &shared->lock);
            waits_add(&worker->waits, cpu_ticks() - start);
        } else {
            acquire(access, &shared->lock);
        }
        if (!read)
            shared->guarded++;
        hold_or_work(hold, hold_ticks);
        release(access, &shared->lock);
        ops++;
        hold_or_work(work, 0);
        if (role->sleep_ns != 0)
            nanosleep(&(struct timespec){.tv_nsec = role->sleep_ns}, NULL);
    }
    worker->ops = ops;
}

// Not inlined into each other, so that each access has a loop of its own.
#define LOOP(name, access)                                                                         \
    static __attribute__((noinline)) void name(struct worker *worker)                              \
    {                                                                                              \
        loop(access, worker);                                                                      \
    }
LOOP(loop_keylot_mutex, KEYLOT_MUTEX)
LOOP(loop_keylot_read, KEYLOT_READ)
LOOP(loop_keylot_write, KEYLOT_WRITE)
LOOP(loop_pthread_mutex, PTHREAD_MUTEX)
LOOP(loop_pthread_read, PTHREAD_READ)
LOOP(loop_pthread_write, PTHREAD_WRITE)
LOOP(loop_spinlock, SPINLOCK)

static void *work(void *arg)
{
    static void (*const loops[])(struct worker *) = {
        [KEYLOT_MUTEX] = loop_keylot_mutex, [KEYLOT_READ] = loop_keylot_read,
        [KEYLOT_WRITE] = loop_keylot_write, [PTHREAD_MUTEX] = loop_pthread_mutex,
        [PTHREAD_READ] = loop_pthread_read, [PTHREAD_WRITE] = loop_pthread_write,
        [SPINLOCK] = loop_spinlock,
    };
    struct worker *worker = arg;
    struct rusage before, after;
    pthread_barrier_wait(&worker->shared->ready);
    getrusage(RUSAGE_THREAD, &before);
    loops[worker->access](worker);
    getrusage(RUSAGE_THREAD, &after);
    worker->cpu_us = (double)(after.ru_utime.tv_sec - before.ru_utime.tv_sec) * US_PER_S +
                     (double)(after.ru_utime.tv_usec - before.ru_utime.tv_usec) +
                     (double)(after.ru_stime.tv_sec - before.ru_stime.tv_sec) * US_PER_S +
                     (double)(after.ru_stime.tv_usec - before.ru_stime.tv_usec);
    worker->switches = (uint64_t)(after.ru_nvcsw - before.ru_nvcsw) +
                       (uint64_t)(after.ru_nivcsw - before.ru_nivcsw);
    return NULL;
}

static void sleep_ms(uint32_t ms)
{
    struct timespec span = {ms / 1000, ms % 1000 * 1000000L};
    nanosleep(&span, NULL);
}

static void set_phase(struct shared *shared, uint32_t phase)
{
    // Relaxed: see loop().
    atomic_store_explicit(&shared->phase, phase, memory_order_relaxed);
    futex_wake(&shared->phase, MAX_THREADS);
}

// Returns the seconds of activity.
static double conduct(struct shared *shared, const struct experiment *experiment)
{
    uint32_t on_ms = experiment->on_ms ? experiment->on_ms : experiment->run_ms;
    double active_ns = 0;
    for (uint32_t ms = 0; ms < experiment->run_ms; ms += on_ms) {
        if (ms > 0) {
            set_phase(shared, PHASE_IDLE);
            sleep_ms(experiment->off_ms);
        }
        int64_t start = clock_monotonic_ns();
        set_phase(shared, PHASE_ACTIVE);
        sleep_ms(on_ms);
        active_ns += (double)(clock_monotonic_ns() - start);
    }
    set_phase(shared, PHASE_END);
    return active_ns / NS_PER_S;
}

static void waits_merge(struct waits *into, const struct waits *from)
{
    into->n += from->n;
    into->sum_ticks += from->sum_ticks;
    if (from->max_ticks > into->max_ticks)
        into->max_ticks = from->max_ticks;
    for (int i = 0; i < WAIT_BUCKETS; i++)
        into->bucket[i] += from->bucket[i];
}

void kind_run(enum kind kind, const struct experiment *experiment, struct outcome *out)
{
    static struct worker workers[MAX_THREADS];
    static struct shared shared;
    memset(workers, 0, sizeof(workers));
    memset(out, 0, sizeof(*out) * ROLES);
    apply_preset(kind);
    lock_init(kind, experiment->family, &shared.lock);
    atomic_store_explicit(&shared.phase, PHASE_IDLE, memory_order_relaxed);
    int threads = experiment->role[0].threads + experiment->role[1].threads;
    pthread_barrier_init(&shared.ready, NULL, (unsigned)threads + 1);
    pthread_t ids[MAX_THREADS];
    for (int i = 0; i < threads; i++) {
        const struct role *role = &experiment->role[i >= experiment->role[0].threads];
        workers[i].shared = &shared;
        workers[i].role = role;
        workers[i].access = access_of(kind, experiment->family, role->read);
        if (pthread_create(&ids[i], NULL, work, &workers[i]) != 0) {
            perror("locks: thread");
            exit(1);
        }
    }
    pthread_barrier_wait(&shared.ready);
    double seconds = conduct(&shared, experiment);
    for (int i = 0; i < threads; i++) {
        pthread_join(ids[i], NULL);
        bool second = i >= experiment->role[0].threads;
        struct outcome *outcome = &out[second];
        outcome->ops[second ? i - experiment->role[0].threads : i] = workers[i].ops;
        waits_merge(&outcome->waits, &workers[i].waits);
        outcome->cpu_us += workers[i].cpu_us;
        outcome->switches += workers[i].switches;
        outcome->seconds = seconds;
    }
    pthread_barrier_destroy(&shared.ready);
}
