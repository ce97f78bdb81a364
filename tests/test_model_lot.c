// SPDX-License-Identifier: MIT
// Every interleaving of a few threads in the parking lot itself, the real locks/parking_lot.c on
// modelled futexes, explored (tests/model/explore.h). The other models rest on what is checked
// here: that queueing and choosing whom to wake are one step, that each wake arrives, once.
#include "tests/model/lot.h"
#include "tests/model/model_test.h"
#include "tests/model/real_lot.h"

#include "locks/condvar.h"
#include "locks/mutex.h"
#include "locks/parking_lot.h"

#include <stdio.h>

// Any deadline that may pass: whether it does is the explorer's choice.
enum { SOME_DEADLINE = 1 };

// What may be seen.
enum {
    WOKEN = LOT_EVENTS,
    TIMED_OUT,
    INVALID,
    CANCELLED,
    CANCELLED_LATE,
    FOUND_NOBODY,
    GREW,
    PASSED
};

static struct world {
    struct mutex mutex;
    struct condvar condvar;
    _Atomic uint32_t event;    // what threads park for
    uint32_t holders, permits; // as in the models of mutex and condition variable
    uint32_t unparked, woken, timed_out, calls;
    struct park_waiter waiter;
} worlds[256];

// The one in use: where it lies decides in which buckets its addresses are.
static struct world *w = worlds;

// Takes one where this address and the condition variable's are in the same bucket, or are not.
static void choose_world(size_t offset, bool same_bucket)
{
    for (w = worlds; w < worlds + sizeof(worlds) / sizeof(worlds[0]); w++)
        if ((real_lot_bucket((char *)w + offset) == real_lot_bucket(&w->condvar)) == same_bucket)
            return;
    abort();
}

static void begin(void)
{
    memset(w, 0, sizeof(*w));
    real_lot_open();
}

static void finally(void)
{
    real_lot_check_idle();
    explore_check_int(w->mutex.state, 0);
    explore_check_int(w->holders, 0);
}

static void show(char *text, size_t size)
{
    snprintf(text, size, "event %u, mutex %u, %zu queued", w->event, w->mutex.state,
             real_lot_waiters());
}

// `growing` adds what a larger table takes.
static struct explore_scenario scenario(bool growing)
{
    struct explore_scenario s = {.begin = begin, .finally = finally, .show = show};
    real_lot_regions(s.regions);
    s.regions[REAL_LOT_REGIONS - !growing] = (struct explore_region){w, sizeof(*w)};
    return s;
}

// ---- parking -----------------------------------------------------------------------------------

static bool event_is_out(void *arg)
{
    (void)arg;
    return atomic_load_explicit(&w->event, memory_order_relaxed) == 0;
}

static void note_timeout(void *arg, const void *addr, bool was_last)
{
    (void)was_last;
    explore_check(addr == (const void *)&w->event);
    *(bool *)arg = true;
}

static bool goes_first(void *arg, uintptr_t park_token)
{
    (void)arg;
    explore_check_int(park_token, 7);
    explore_saw(PASSED);
    return true;
}

static void park_until(int64_t deadline_ns, bool (*goes_before)(void *arg, uintptr_t park_token))
{
    struct park_ops ops = {
        .validate = event_is_out, .goes_before = goes_before, .timed_out = note_timeout};
    bool gave_up = false;
    struct park_result result = park(&w->event, &ops, &gave_up, 7, deadline_ns);
    explore_check_int(gave_up, result.status == PARK_TIMED_OUT);
    if (result.status == PARK_UNPARKED) {
        explore_check_int(result.token, 9);
        w->woken++;
    }
    w->timed_out += result.status == PARK_TIMED_OUT;
    explore_saw(result.status == PARK_UNPARKED  ? WOKEN
                : result.status == PARK_INVALID ? INVALID
                                                : TIMED_OUT);
}

static void parks(void)
{
    park_until(DEADLINE_NONE, NULL);
}

static void parks_timed(void)
{
    park_until(SOME_DEADLINE, NULL);
}

static void parks_first_timed(void)
{
    park_until(SOME_DEADLINE, goes_first);
}

static uintptr_t count_and_tell(void *arg, struct unpark_result result)
{
    (void)arg;
    if (result.unparked > 0)
        explore_check_int(result.park_token, 7);
    return 9;
}

static size_t unpark_next(void)
{
    size_t n = unpark_one(&w->event, count_and_tell, NULL).unparked;
    w->unparked += (uint32_t)n;
    if (n == 0)
        explore_saw(FOUND_NOBODY);
    return n;
}

static void let_all_go(void)
{
    atomic_store_explicit(&w->event, 1, memory_order_relaxed);
    w->unparked += (uint32_t)unpark_all(&w->event, 9);
}

static void let_two_go(void)
{
    atomic_store_explicit(&w->event, 1, memory_order_relaxed);
    unpark_next();
    unpark_next();
}

static void let_one_go(void)
{
    atomic_store_explicit(&w->event, 1, memory_order_relaxed);
    unpark_next();
}

static void finally_counted(void)
{
    finally();
    explore_check_int(w->woken + w->calls, w->unparked);
}

static void test_park(void **state)
{
    (void)state;
    struct explore_scenario s = scenario(false);
    s.finally = finally_counted;
    uint64_t see = LOT_SAW(WOKEN) | LOT_SAW(INVALID);
    EXPLORE(s, "lot: park, unpark one", see | LOT_SAW(FOUND_NOBODY), parks, let_one_go);
    EXPLORE(s, "lot: park, unpark all", see, parks, let_all_go);
    EXPLORE(s, "lot: park x2, unpark all", see, parks, parks, let_all_go);
    EXPLORE(s, "lot: park timed, unpark one", see | LOT_SAW(TIMED_OUT), parks_timed, let_one_go);
    EXPLORE(s, "lot: park timed, unpark one x2", see | LOT_SAW(TIMED_OUT), parks_timed, let_one_go,
            let_one_go);
    EXPLORE(s, "lot: park timed x2, unpark all", see | LOT_SAW(TIMED_OUT), parks_timed, parks_timed,
            let_all_go);
    EXPLORE(s, "lot: park, park timed, unpark two", see | LOT_SAW(TIMED_OUT), parks, parks_timed,
            let_two_go);
    see |= LOT_SAW(TIMED_OUT) | LOT_SAW(PASSED);
    EXPLORE(s, "lot: park, another goes first, unpark two", see, parks, parks_first_timed,
            let_two_go);
    EXPLORE(s, "lot: park timed, another goes first, unpark all", see, parks_timed,
            parks_first_timed, let_all_go);
}

// ---- callbacks ---------------------------------------------------------------------------------

static void count_call(struct park_waiter *waiter, uintptr_t token)
{
    explore_check(waiter == &w->waiter);
    explore_check_int(token, 9);
    w->calls++;
}

static void note_cancel(void *arg, const void *addr, bool was_last)
{
    (void)arg, (void)addr, (void)was_last;
    w->timed_out++;
}

static bool was_called(const void *arg)
{
    (void)arg;
    return w->calls > 0;
}

static void queue_and_cancel(void)
{
    w->waiter.wake = count_call;
    if (!park_async(&w->event, &w->waiter, event_is_out, NULL, 7))
        return;
    explore_step("queued");
    bool cancelled = park_cancel(&w->waiter, note_cancel, NULL);
    explore_check_int(w->timed_out, cancelled);
    explore_saw(cancelled ? CANCELLED : CANCELLED_LATE);
    if (cancelled)
        explore_check_int(w->calls, 0);
    else
        explore_wait("is called", was_called, NULL, false);
}

static void test_callback(void **state)
{
    (void)state;
    struct explore_scenario s = scenario(false);
    s.finally = finally_counted;
    uint64_t see = LOT_SAW(CANCELLED) | LOT_SAW(CANCELLED_LATE);
    EXPLORE(s, "lot: cancel, unpark one", see, queue_and_cancel, let_one_go);
    EXPLORE(s, "lot: cancel, unpark one x2", see, queue_and_cancel, let_one_go, let_one_go);
    EXPLORE(s, "lot: cancel, park, unpark all", see, queue_and_cancel, parks, let_all_go);
}

// ---- the locks on it ---------------------------------------------------------------------------

static void inside(void)
{
    explore_check_int(w->holders, 0);
    w->holders++;
    explore_step("inside");
    w->holders--;
}

static void lock(void)
{
    mutex_lock(&w->mutex);
    inside();
    mutex_unlock(&w->mutex);
}

static void lock_timed(void)
{
    if (!mutex_lock_until(&w->mutex, SOME_DEADLINE))
        return;
    inside();
    mutex_unlock(&w->mutex);
}

static void wait_for_permit(void)
{
    mutex_lock(&w->mutex);
    while (w->permits == 0)
        condvar_wait(&w->condvar, &w->mutex);
    w->permits--;
    inside();
    mutex_unlock(&w->mutex);
}

static void wait_for_permit_timed(void)
{
    mutex_lock(&w->mutex);
    bool in_time = true;
    while (w->permits == 0 && in_time)
        in_time = condvar_wait_until(&w->condvar, &w->mutex, SOME_DEADLINE);
    inside();
    mutex_unlock(&w->mutex);
}

static void permit(void)
{
    mutex_lock(&w->mutex);
    w->permits += 2;
    condvar_notify_all(&w->condvar);
    mutex_unlock(&w->mutex);
}

static void test_mutex(void **state)
{
    (void)state;
    EXPLORE(scenario(false), "lot: mutex x2", 0, lock, lock);
    EXPLORE(scenario(false), "lot: mutex, timed mutex", 0, lock, lock_timed);
    if (!model_full())
        return;
    EXPLORE(scenario(false), "lot: mutex x3", 0, lock, lock, lock);
    EXPLORE(scenario(false), "lot: mutex x2, timed", 0, lock, lock, lock_timed);
}

static const char *const requeue_names[2][2] = {
    {"lot: requeue between two buckets", "lot: requeue timed, two buckets"},
    {"lot: requeue within one bucket", "lot: requeue timed, one bucket"},
};

static void explore_requeue(bool same_bucket)
{
    choose_world(offsetof(struct world, mutex), same_bucket);
    const char *const *names = requeue_names[same_bucket];
    EXPLORE(scenario(false), names[0], 0, wait_for_permit, permit);
    EXPLORE(scenario(false), names[1], 0, wait_for_permit_timed, permit);
    w = worlds;
}

static struct requeue_plan plan_to_move_all(void *arg)
{
    (void)arg;
    return (struct requeue_plan){.requeue = SIZE_MAX};
}

static uintptr_t no_token(void *arg, struct unpark_result result)
{
    (void)arg, (void)result;
    return 0;
}

static void move_there(void)
{
    unpark_requeue(&w->event, &w->condvar, plan_to_move_all, no_token, NULL);
}

static void move_back_and_let_go(void)
{
    unpark_requeue(&w->condvar, &w->event, plan_to_move_all, no_token, NULL);
    atomic_store_explicit(&w->event, 1, memory_order_relaxed);
    unpark_all(&w->event, 9);
    unpark_all(&w->condvar, 9); // the other may have moved them in between
}

static void test_requeue_both_ways(void **state)
{
    (void)state;
    choose_world(offsetof(struct world, event), false);
    EXPLORE(scenario(false), "lot: requeue both ways, two buckets", LOT_SAW(WOKEN), move_there,
            move_back_and_let_go, parks);
    choose_world(offsetof(struct world, event), true);
    EXPLORE(scenario(false), "lot: requeue both ways, one bucket", LOT_SAW(WOKEN), move_there,
            move_back_and_let_go, parks);
    w = worlds;
}

static void test_requeue(void **state)
{
    (void)state;
    explore_requeue(true);
    explore_requeue(false);
}

// ---- growth ------------------------------------------------------------------------------------

static void grows(void)
{
    size_t before = parking_lot_buckets();
    parking_lot_reserve(3);
    explore_check(parking_lot_buckets() >= before);
    explore_saw(GREW);
}

static void test_growth(void **state)
{
    (void)state;
    struct explore_scenario s = scenario(true);
    s.finally = finally_counted;
    uint64_t see = LOT_SAW(GREW) | LOT_SAW(WOKEN) | LOT_SAW(INVALID);
    EXPLORE(s, "lot: grow, park, unpark one", see, grows, parks, let_one_go);
    EXPLORE(s, "lot: grow, park timed, unpark one", see | LOT_SAW(TIMED_OUT), grows, parks_timed,
            let_one_go);
    EXPLORE(s, "lot: grow x2, cancel", LOT_SAW(GREW) | LOT_SAW(CANCELLED), grows, grows,
            queue_and_cancel);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_park),
        cmocka_unit_test(test_callback),
        cmocka_unit_test(test_mutex),
        cmocka_unit_test(test_requeue),
        cmocka_unit_test(test_requeue_both_ways),
        cmocka_unit_test(test_growth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
