// SPDX-License-Identifier: MIT
#include "tests/lib/linear_search.h"

#include <stdlib.h>
#include <string.h>

#include "tests/lib/check.h"

enum { WORD_BITS = 64 };

// A call or a return in the list.
struct event {
    struct event *prev, *next;
    struct event *mate; // the other one of the operation; NULL for a call that need not return
    int64_t at_ns;
    int call; // index in the problem
    bool is_return;
};

struct search {
    struct linear_problem *p;
    struct event list;                   // head of the ring: neither call nor return
    struct event *events, **call_events; // all of them; the calls by their index
    int nevents;
    int *after;  // of each call: the one of the same client that must be done before, or -1
    int awaited; // returns in the list
    // The present configuration: a bit for each call that is done, then the state.
    unsigned char *config, *tried;
    unsigned char *end; // room for a record of `ends`
    size_t done_bytes, state_bytes;
    struct record_set seen;
    // The order so far, with the state before each.
    struct event **order;
    unsigned *choices;
    unsigned char *states;
    int depth;
    size_t steps;
    int64_t blocked_ns; // moment of the latest return that was never reached
};

static void *allocate(size_t n, size_t size)
{
    void *block = calloc(n + 1, size);

    check(block != NULL);
    return block;
}

// Bytes of a state in sets and arrays.
static size_t state_stride(const struct linear_model *model, const void *group)
{
    return (model->state_bytes(group) + 7) / 8 * 8;
}

size_t linear_start_bytes(const struct linear_model *model, const void *group)
{
    return sizeof(uint64_t) + state_stride(model, group);
}

bool linear_pipelined(const struct linear_call *earlier, const struct linear_call *later)
{
    // An operation that was never answered orders nothing: its client went on without it.
    return earlier->client == later->client && earlier->number < later->number &&
           earlier->returned_ns != HISTORY_OPEN && earlier->returned_ns > later->called_ns;
}

// ---- the list -----------------------------------------------------------------------------------

static int compare_events(const void *pa, const void *pb)
{
    const struct event *a = pa, *b = pb;

    if (a->at_ns != b->at_ns)
        return a->at_ns < b->at_ns ? -1 : 1;
    // What happens at the same moment overlaps.
    if (a->is_return != b->is_return)
        return a->is_return ? 1 : -1;
    return a->call - b->call;
}

static void make_events(struct search *s)
{
    for (int i = 0; i < s->p->ncalls; i++) {
        const struct linear_call *call = &s->p->calls[i];
        s->events[s->nevents++] = (struct event){.at_ns = call->called_ns, .call = i};
        if (call->optional)
            continue;
        s->events[s->nevents++] =
            (struct event){.at_ns = call->returned_ns, .call = i, .is_return = true};
        s->awaited++;
    }
    qsort(s->events, (size_t)s->nevents, sizeof *s->events, compare_events);
}

static void link_events(struct search *s)
{
    struct event *last = &s->list;

    for (int i = 0; i < s->nevents; i++) {
        struct event *e = &s->events[i];
        if (!e->is_return) {
            s->call_events[e->call] = e;
        } else {
            e->mate = s->call_events[e->call];
            e->mate->mate = e;
        }
        e->prev = last;
        last->next = e;
        last = e;
    }
    last->next = &s->list;
    s->list.prev = last;
}

static void find_pipelines(struct search *s)
{
    const struct linear_call *calls = s->p->calls;

    for (int i = 0; i < s->p->ncalls; i++) {
        int k = i - 1;
        while (k >= 0 && calls[k].client != calls[i].client)
            k--;
        // Replies come in order: when this one was there already, all before it were.
        s->after[i] = k >= 0 && linear_pipelined(&calls[k], &calls[i]) ? k : -1;
    }
}

static void unlink_event(struct event *e)
{
    e->prev->next = e->next;
    e->next->prev = e->prev;
}

static void relink_event(struct event *e)
{
    e->prev->next = e;
    e->next->prev = e;
}

// Takes an operation out of the list.
static void unlink_call(struct search *s, struct event *e)
{
    unlink_event(e);
    if (!e->mate)
        return;
    unlink_event(e->mate);
    s->awaited--;
}

// Undoes the last unlink_call() that has not been undone.
static void relink_call(struct search *s, struct event *e)
{
    if (e->mate) {
        relink_event(e->mate);
        s->awaited++;
    }
    relink_event(e);
}

// ---- the configuration --------------------------------------------------------------------------

static bool is_done(const struct search *s, int call)
{
    return s->config[call / 8] & (1u << call % 8);
}

// Makes the call the next in the order, with the first choice from `choice` on that leads somewhere
// new. False: there is none.
static bool advance(struct search *s, struct event *e, unsigned choice)
{
    const struct linear_model *model = s->p->model;
    unsigned char *state = s->config + s->done_bytes;

    if (s->after[e->call] >= 0 && !is_done(s, s->after[e->call]))
        return false;
    for (;; choice++) {
        enum linear_answer answer = model->apply(s->p->group, s->p->calls[e->call].op, choice,
                                                 state, s->tried + s->done_bytes);
        s->steps++;
        if (answer == LINEAR_END)
            return false;
        if (answer == LINEAR_NO)
            continue;
        memcpy(s->tried, s->config, s->done_bytes);
        s->tried[e->call / 8] |= (unsigned char)(1u << e->call % 8);
        if (record_set_add(&s->seen, s->tried))
            break;
    }
    memcpy(s->states + (size_t)s->depth * s->state_bytes, state, s->state_bytes);
    memcpy(s->config, s->tried, s->done_bytes + s->state_bytes);
    s->order[s->depth] = e;
    s->choices[s->depth] = choice;
    s->depth++;
    unlink_call(s, e);
    return true;
}

// Takes the last of the order back.
static struct event *retreat(struct search *s, unsigned *choice)
{
    struct event *e = s->order[--s->depth];

    *choice = s->choices[s->depth];
    memcpy(s->config + s->done_bytes, s->states + (size_t)s->depth * s->state_bytes,
           s->state_bytes);
    s->config[e->call / 8] &= (unsigned char)~(1u << e->call % 8);
    relink_call(s, e);
    return e;
}

static bool within_limits(const struct search *s)
{
    return s->steps < s->p->limits.steps && record_set_bytes(&s->seen) < s->p->limits.nbytes;
}

static void note_blocked(struct search *s, const struct event *e)
{
    if (e == &s->list || e->at_ns < s->blocked_ns)
        return;
    s->blocked_ns = e->at_ns;
    s->p->blocked = e->call;
}

static void note_end(struct search *s)
{
    uint64_t done = 0;
    int bit = 0;

    for (int i = 0; i < s->p->ncalls; i++) {
        if (!s->p->calls[i].optional)
            continue;
        check(bit < WORD_BITS);
        done |= (uint64_t)is_done(s, i) << bit++;
    }
    memcpy(s->end, &done, sizeof done);
    memcpy(s->end + sizeof done, s->config + s->done_bytes, s->state_bytes);
    record_set_add(s->p->ends, s->end);
}

// From the present configuration.
static enum linear_verdict search_from_here(struct search *s)
{
    struct event *e = s->list.next;
    unsigned choice = 0;

    for (;;) {
        if (s->awaited == 0) {
            if (!s->p->ends)
                return LINEAR_OK;
            note_end(s);
        }
        if (!within_limits(s))
            return LINEAR_UNDECIDED;
        if (e != &s->list && !e->is_return) {
            bool advanced = advance(s, e, choice);
            e = advanced ? s->list.next : e->next;
            choice = 0;
            continue;
        }
        note_blocked(s, e);
        if (s->depth == 0)
            return LINEAR_VIOLATION;
        e = retreat(s, &choice);
        choice++;
    }
}

// ---- from outside -------------------------------------------------------------------------------

static void search_init(struct search *s, struct linear_problem *p)
{
    size_t n = (size_t)p->ncalls;

    *s = (struct search){.p = p, .blocked_ns = INT64_MIN};
    s->done_bytes = (n + WORD_BITS - 1) / WORD_BITS * (WORD_BITS / 8);
    s->state_bytes = state_stride(p->model, p->group);
    s->events = allocate(2 * n, sizeof *s->events);
    s->after = allocate(n, sizeof *s->after);
    s->call_events = allocate(n, sizeof *s->call_events);
    s->config = allocate(s->done_bytes + s->state_bytes, 1);
    s->tried = allocate(s->done_bytes + s->state_bytes, 1);
    s->end = allocate(sizeof(uint64_t) + s->state_bytes, 1);
    s->order = allocate(n, sizeof *s->order);
    s->choices = allocate(n, sizeof *s->choices);
    s->states = allocate(n, s->state_bytes);
    record_set_init(&s->seen, s->done_bytes + s->state_bytes);
    make_events(s);
    link_events(s);
    find_pipelines(s);
}

static void search_free(struct search *s)
{
    free(s->events);
    free(s->call_events);
    free(s->after);
    free(s->config);
    free(s->tried);
    free(s->end);
    free(s->order);
    free(s->choices);
    free(s->states);
    record_set_free(&s->seen);
}

static enum linear_verdict search_from(struct search *s, const void *start)
{
    struct event *done[WORD_BITS];
    enum linear_verdict verdict;
    uint64_t bits;
    int n = 0;

    memcpy(&bits, start, sizeof bits);
    memset(s->config, 0, s->done_bytes);
    memcpy(s->config + s->done_bytes, (const char *)start + sizeof bits, s->state_bytes);
    for (int i = 0; i < WORD_BITS && i < s->p->ncalls; i++) {
        if (!(bits & UINT64_C(1) << i))
            continue;
        s->config[i / 8] |= (unsigned char)(1u << i % 8);
        unlink_call(s, s->call_events[i]);
        done[n++] = s->call_events[i];
    }
    verdict = search_from_here(s);
    // Only what has failed has put its own choices back.
    while (verdict == LINEAR_VIOLATION && n > 0)
        relink_call(s, done[--n]);
    return verdict;
}

enum linear_verdict linear_search(struct linear_problem *p)
{
    enum linear_verdict verdict = LINEAR_VIOLATION;
    struct search s;

    search_init(&s, p);
    for (size_t i = 0; i < p->starts->n && verdict == LINEAR_VIOLATION; i++)
        verdict = search_from(&s, record_set_at(p->starts, i));
    search_free(&s);
    return verdict;
}
