// SPDX-License-Identifier: MIT
#include "tests/model/lot.h"

#include "locks/parking_lot.h"

#include <string.h>

struct queue {
    const void *address;
    struct park_waiter *head;
    uint64_t locked; // by somebody
};

static struct queue queues[LOT_ADDRESSES];
static bool never_fair;

struct parker {
    struct park_waiter waiter;
    bool woken;
};

// ---- queues ------------------------------------------------------------------------------------

void lot_open(const void *const *addresses)
{
    memset(queues, 0, sizeof(queues));
    lot_on_sleep(NULL);
    lot_never_due(false);
    never_fair = false;
    for (size_t i = 0; addresses[i] != NULL; i++)
        queues[i].address = addresses[i];
}

void lot_never_fair(void)
{
    never_fair = true;
}

struct explore_region lot_region(void)
{
    return (struct explore_region){queues, sizeof(queues)};
}

static struct queue *queue_of(const void *address)
{
    for (struct queue *q = queues; q < queues + LOT_ADDRESSES; q++)
        if (q->address == address)
            return q;
    explore_fail("nobody should park or unpark at %p", address);
    return queues;
}

size_t lot_waiters(const void *address)
{
    size_t n = 0;
    for (const struct park_waiter *w = queue_of(address)->head; w != NULL; w = w->next)
        n++;
    return n;
}

bool lot_quiet(const void *address)
{
    return !queue_of(address)->locked;
}

static bool is_unlocked(const void *arg)
{
    const struct queue *queue = arg;
    return !queue->locked;
}

static struct queue *lock_queue(const void *address, const char *where)
{
    struct queue *queue = queue_of(address);
    explore_wait(where, is_unlocked, queue, false);
    queue->locked = true;
    return queue;
}

// Needs no step of its own: nobody can tell this moment from the one before the next step.
static void unlock_queue(struct queue *queue)
{
    queue->locked = false;
}

static void append(struct queue *queue, struct park_waiter *waiter)
{
    struct park_waiter **end = &queue->head;
    while (*end != NULL)
        end = &(*end)->next;
    waiter->next = NULL;
    waiter->key = (uintptr_t)queue->address;
    *end = waiter;
}

// Takes out the waiter that *link leads to.
static struct park_waiter *take_out(struct park_waiter **link)
{
    struct park_waiter *waiter = *link;
    *link = waiter->next;
    waiter->next = NULL;
    waiter->key = 0;
    return waiter;
}

// ---- parking -----------------------------------------------------------------------------------

static bool enqueue(const void *addr, struct park_waiter *waiter, bool (*validate)(void *arg),
                    void *arg, uintptr_t park_token)
{
    struct queue *queue = lock_queue(addr, "park: bucket lock");
    bool valid = validate(arg);
    if (valid) {
        waiter->park_token = park_token;
        append(queue, waiter);
    } else {
        explore_saw(LOT_INVALID);
    }
    unlock_queue(queue);
    return valid;
}

static bool cancel_can_go_on(const void *arg)
{
    const struct park_waiter *waiter = arg;
    return waiter->key == 0 || is_unlocked(queue_of((const void *)waiter->key));
}

bool park_cancel(struct park_waiter *waiter,
                 void (*cancelled)(void *arg, const void *addr, bool was_last), void *arg)
{
    explore_wait("park_cancel: bucket lock", cancel_can_go_on, waiter, false);
    if (waiter->key == 0)
        return false;
    struct queue *queue = queue_of((const void *)waiter->key);
    queue->locked = true;
    struct park_waiter **link = &queue->head;
    while (*link != waiter)
        link = &(*link)->next;
    take_out(link);
    if (cancelled != NULL)
        cancelled(arg, queue->address, queue->head == NULL);
    unlock_queue(queue);
    return true;
}

static bool is_woken(const void *arg)
{
    const struct parker *parker = arg;
    return parker->woken;
}

struct park_result park(const void *addr, const struct park_ops *ops, void *arg,
                        uintptr_t park_token, int64_t deadline_ns)
{
    struct parker self = {0};
    if (!enqueue(addr, &self.waiter, ops->validate, arg, park_token))
        return (struct park_result){.status = PARK_INVALID};
    explore_saw(LOT_SLEPT);
    if (ops->before_sleep != NULL)
        ops->before_sleep(arg);
    if (!explore_wait("wakes up", is_woken, &self, deadline_ns >= 0)) {
        if (park_cancel(&self.waiter, ops->timed_out, arg)) {
            explore_saw(LOT_TIMED_OUT);
            return (struct park_result){.status = PARK_TIMED_OUT};
        }
        explore_saw(LOT_TIMED_OUT_LATE);
        explore_wait("wakes up late", is_woken, &self, false);
    }
    return (struct park_result){.status = PARK_UNPARKED, .token = self.waiter.unpark_token};
}

bool park_async(const void *addr, struct park_waiter *waiter, bool (*validate)(void *arg),
                void *arg, uintptr_t park_token)
{
    return enqueue(addr, waiter, validate, arg, park_token);
}

// ---- unparking ---------------------------------------------------------------------------------

static void deliver(struct park_waiter *list, uintptr_t token)
{
    struct park_waiter *next;
    for (struct park_waiter *w = list; w != NULL; w = next) {
        explore_step("unpark: wakes one");
        next = w->next;
        w->next = NULL;
        w->unpark_token = token;
        if (w->wake != NULL)
            w->wake(w, token);
        else
            ((struct parker *)w)->woken = true;
    }
}

static uintptr_t conclude(struct queue *queue, struct unpark_result *result,
                          uintptr_t (*callback)(void *, struct unpark_result), void *arg)
{
    result->have_more = queue->head != NULL;
    result->be_fair = result->unparked > 0 && !never_fair && explore_choose(2) == 1;
    if (result->be_fair)
        explore_saw(LOT_FAIR);
    return callback(arg, *result);
}

struct unpark_result unpark_filter(const void *addr,
                                   enum unpark_choice (*filter)(void *arg, uintptr_t park_token),
                                   uintptr_t (*callback)(void *arg, struct unpark_result result),
                                   void *arg)
{
    struct queue *queue = lock_queue(addr, "unpark_filter: bucket lock");
    struct unpark_result result = {0};
    struct park_waiter *list = NULL, **end = &list, **link = &queue->head;
    while (*link != NULL) {
        enum unpark_choice choice = filter(arg, (*link)->park_token);
        if (choice == UNPARK_STOP)
            break;
        if (choice == UNPARK_SKIP) {
            link = &(*link)->next;
            continue;
        }
        *end = take_out(link);
        end = &(*end)->next;
        result.unparked++;
    }
    uintptr_t token = conclude(queue, &result, callback, arg);
    unlock_queue(queue);
    deliver(list, token);
    return result;
}

struct unpark_result unpark_one(const void *addr,
                                uintptr_t (*callback)(void *arg, struct unpark_result result),
                                void *arg)
{
    struct queue *queue = lock_queue(addr, "unpark_one: bucket lock");
    struct unpark_result result = {0};
    struct park_waiter *woken = queue->head;
    if (woken != NULL) {
        take_out(&queue->head);
        result.unparked = 1;
        result.park_token = woken->park_token;
    }
    uintptr_t token = conclude(queue, &result, callback, arg);
    unlock_queue(queue);
    deliver(woken, token);
    return result;
}

static enum unpark_choice choose_all(void *arg, uintptr_t park_token)
{
    (void)arg, (void)park_token;
    return UNPARK_WAKE;
}

static uintptr_t token_from(void *arg, struct unpark_result result)
{
    (void)result;
    return *(uintptr_t *)arg;
}

size_t unpark_all(const void *addr, uintptr_t token)
{
    return unpark_filter(addr, choose_all, token_from, &token).unparked;
}

static bool both_unlocked(const void *arg)
{
    struct queue *const *pair = arg;
    return is_unlocked(pair[0]) && is_unlocked(pair[1]);
}

struct unpark_result unpark_requeue(const void *from, const void *to,
                                    struct requeue_plan (*plan)(void *arg),
                                    uintptr_t (*callback)(void *arg, struct unpark_result result),
                                    void *arg)
{
    struct queue *pair[] = {queue_of(from), queue_of(to)};
    explore_wait("unpark_requeue: bucket locks", both_unlocked, pair, false);
    pair[0]->locked = pair[1]->locked = true;
    struct requeue_plan todo = plan(arg);
    struct unpark_result result = {0};
    struct park_waiter *list = NULL, **end = &list;
    for (; pair[0]->head != NULL && result.unparked < todo.wake; result.unparked++) {
        *end = take_out(&pair[0]->head);
        end = &(*end)->next;
    }
    for (; pair[0]->head != NULL && result.requeued < todo.requeue; result.requeued++)
        append(pair[1], take_out(&pair[0]->head));
    uintptr_t token = conclude(pair[0], &result, callback, arg);
    unlock_queue(pair[1]);
    unlock_queue(pair[0]);
    deliver(list, token);
    return result;
}
