// SPDX-License-Identifier: MIT
//
// Strings that are changed in place while others read them, with and without locks: no reader may
// see a change before an earlier one, or half of one.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datatypes/rng.h"
#include "tests/lib/check.h"
#include "tests/lib/inproc.h"
#include "tests/lib/preempt.h"

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
enum { SCALE = 1 };
#else
enum { SCALE = 6 };
#endif

enum {
    LIVES = 4 * SCALE,
    BITS = 40000, // grows through small copies, then in place
    STRIDE = 7,   // bits that are set in a life: every seventh
    READERS = 2,
    MIN_READS = 300,
};

static struct inproc store;
static _Atomic int life;  // of the key "m<life>" that the writer is busy with
static _Atomic bool stop; // relaxed: only ends the loops; joining the threads orders the rest
static _Atomic unsigned reads;

static bool stopped(void)
{
    return atomic_load_explicit(&stop, memory_order_relaxed);
}

// Sets bits in ascending order, each life in a key of its own.
static void *write_bits(void *arg)
{
    struct inproc_client *c = inproc_client_new(&store);

    (void)arg;
    for (int n = 0; n < LIVES || atomic_load(&reads) < MIN_READS; n++) {
        atomic_store_explicit(&life, n, memory_order_release);
        for (int bit = 0; bit < BITS; bit += STRIDE) {
            check_int(inproc_int(c, "SETBIT m%d %d 1", n, bit), 0);
            if (bit % 997 == 0)
                inproc_run(c, bit % 2 ? "EXPIRE m%d 1000" : "PERSIST m%d", n);
            if (bit % 5000 == 0) // zeros at the end change nothing that is looked at
                inproc_run(c, "SETBIT m%d %d 0", n, bit + 3000);
            inproc_run(c, "BITFIELD pair SET i64 #0 %d SET i64 #200 %d", bit, bit);
        }
        inproc_run(c, "SET pair %s", "short"); // replaced, made again and in place once more
        inproc_run(c, "BITFIELD pair SET i64 #0 7 SET i64 #200 7");
    }
    atomic_store_explicit(&stop, true, memory_order_relaxed);
    inproc_client_free(c);
    return NULL;
}

// The bytes of a bulk reply.
static const unsigned char *bulk(const char *reply, size_t *len)
{
    check(reply[0] == '$');
    *len = reply[1] == '-' ? 0 : (size_t)atol(reply + 1);
    return (const unsigned char *)strchr(reply, '\n') + 1;
}

// All bits that the writer sets are set up to some place, and none behind it.
static void check_prefix(const char *reply)
{
    size_t len;
    const unsigned char *text = bulk(reply, &len);
    bool ended = false;

    for (size_t bit = 0; bit < len * 8; bit++) {
        bool set = text[bit / 8] & (0x80 >> bit % 8);
        if (bit % STRIDE != 0) {
            check(!set);
        } else {
            check(!(set && ended));
            ended |= !set;
        }
    }
}

static void check_pair(const char *reply)
{
    size_t len;
    const unsigned char *text = bulk(reply, &len);

    if (len > 1600)
        check(memcmp(text, text + 1600, 8) == 0);
    else
        check(len == 0 || len == strlen("short"));
}

static void read_once(struct inproc_client *c, struct rng *rng)
{
    int n = atomic_load_explicit(&life, memory_order_acquire);
    int64_t high = (int64_t)rng_below(rng, BITS / STRIDE) * STRIDE;
    int64_t low = (int64_t)rng_below(rng, (uint64_t)high / STRIDE + 1) * STRIDE, count;
    int64_t a, b;

    if (inproc_int(c, "GETBIT m%d %d", n, (int)high))
        check_int(inproc_int(c, "GETBIT m%d %d", n, (int)low), 1);
    count = inproc_int(c, "BITCOUNT m%d", n);
    a = inproc_int(c, "STRLEN m%d", n);
    check(count <= a * 8 / STRIDE + 1);
    b = inproc_int(c, "BITCOUNT m%d", n);
    check(b >= count);
    check(b <= inproc_int(c, "BITCOUNT m%d 0 %d BIT", n, BITS * 2));
    check(inproc_int(c, "STRLEN m%d", n) >= a);
    check_prefix(inproc_run(c, "GET m%d", n));
    check_prefix(inproc_run(c, "GETRANGE m%d 0 -1", n));
    check_pair(inproc_run(c, "GET pair"));
    inproc_run(c, "TTL m%d", n);
    inproc_run(c, "OBJECT ENCODING m%d", n);
    atomic_fetch_add_explicit(&reads, 1, memory_order_relaxed);
}

static void *read_bits(void *arg)
{
    struct inproc_client *c = inproc_client_new(&store);
    struct rng rng;

    rng_seed(&rng, (uint64_t)(intptr_t)arg);
    while (!stopped())
        read_once(c, &rng);
    inproc_client_free(c);
    return NULL;
}

static void run_threads(void *(*writer)(void *), void *(*reader)(void *))
{
    pthread_t threads[1 + READERS];

    atomic_store(&stop, false);
    atomic_store(&reads, 0);
    atomic_store(&life, 0);
    assert_int_equal(pthread_create(&threads[0], NULL, writer, NULL), 0);
    for (int i = 1; i <= READERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, reader, (void *)(intptr_t)i), 0);
    for (int i = 0; i <= READERS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
}

static void test_bits_are_seen_in_order(void **state)
{
    (void)state;
    run_threads(write_bits, read_bits);
}

// ---- several fields at once -------------------------------------------------------------------

enum { TWINS = 200 * SCALE, APART = 50000 * SCALE, FIELDS = 40 };

static _Atomic int busy_with; // the twins that are being set; relaxed: a hint where to look

// Sets bits x and x + APART in one command, with much between them.
static void *write_twins(void *arg)
{
    struct inproc_client *c = inproc_client_new(&store);
    struct preemption preemption;
    char between[FIELDS * 20];
    size_t used = 0;

    (void)arg;
    for (int i = 0; i < FIELDS; i++)
        used += (size_t)snprintf(between + used, sizeof between - used, " SET i64 %d %d",
                                 2 * APART + i * 64, i);
    preempt_begin(&preemption, 50);
    for (int x = 0; x < TWINS; x++) {
        atomic_store_explicit(&busy_with, x, memory_order_relaxed);
        const char *reply =
            inproc_run(c, "BITFIELD twins SET u1 %d 1%s SET u1 %d 1", x, between, x + APART);
        check(reply[0] == '*'); // an error would leave the readers nothing to see
    }
    preempt_end(&preemption);
    atomic_store_explicit(&stop, true, memory_order_relaxed);
    inproc_client_free(c);
    return NULL;
}

// Who sees the first of two has to see the second.
static void *read_twins(void *arg)
{
    struct inproc_client *c = inproc_client_new(&store);

    (void)arg;
    while (!stopped()) {
        int x = atomic_load_explicit(&busy_with, memory_order_relaxed);
        if (inproc_int(c, "GETBIT twins %d", x))
            check_int(inproc_int(c, "GETBIT twins %d", x + APART), 1);
    }
    inproc_client_free(c);
    return NULL;
}

static void test_fields_of_one_command_appear_together(void **state)
{
    (void)state;
    run_threads(write_twins, read_twins);
}

// ---- HyperLogLogs -----------------------------------------------------------------------------

static void *write_elements(void *arg)
{
    struct inproc_client *c = inproc_client_new(&store);

    (void)arg;
    for (int i = 0; i < 6000 * SCALE || atomic_load(&reads) < MIN_READS; i++)
        inproc_int(c, "PFADD h e%d f%d", i, i);
    atomic_store_explicit(&stop, true, memory_order_relaxed);
    inproc_client_free(c);
    return NULL;
}

// Elements only come, so counts only grow; PFCOUNT itself writes.
static void *count_elements(void *arg)
{
    struct inproc_client *c = inproc_client_new(&store);
    int64_t last = 0;
    size_t len;

    (void)arg;
    while (!stopped()) {
        int64_t count = inproc_int(c, "PFCOUNT h");
        check(count >= last);
        last = inproc_int(c, "PFCOUNT h none");
        check(last >= count);
        const unsigned char *text = bulk(inproc_run(c, "GET h"), &len);
        check(len == 0 || memcmp(text, "HYLL", 4) == 0);
        check(len < 3100 || len == 12304);
        inproc_run(c, "PFMERGE other%d h", (int)(intptr_t)arg);
        check(inproc_int(c, "PFCOUNT other%d", (int)(intptr_t)arg) >= last);
        atomic_fetch_add_explicit(&reads, 1, memory_order_relaxed);
    }
    inproc_client_free(c);
    return NULL;
}

static void test_counts_grow(void **state)
{
    (void)state;
    run_threads(write_elements, count_elements);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bits_are_seen_in_order),
        cmocka_unit_test(test_fields_of_one_command_appear_together),
        cmocka_unit_test(test_counts_grow),
    };
    inproc_open(&store);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    inproc_close(&store);
    return failed;
}
