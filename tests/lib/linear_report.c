// SPDX-License-Identifier: MIT
#include "tests/lib/linear_report.h"

#include <stdlib.h>
#include <string.h>

#include "tests/lib/check.h"

enum { STATES_SHOWN = 8, WINDOW_OPS = 16 };

// What is left of the problem.
struct window {
    struct linear_problem p;
    struct linear_call *calls; // p.calls, to be changed
    struct record_set starts;
    int blocked; // index of the blocked call
};

static bool still_fails(struct window *w)
{
    return linear_search(&w->p) == LINEAR_VIOLATION;
}

// The part of the history up to the return of the blocked operation.
static void cut_end(struct window *w, const struct linear_problem *p)
{
    int64_t end_ns = p->calls[p->blocked].returned_ns;
    int n = 0;

    for (int i = 0; i < p->ncalls; i++) {
        if (p->calls[i].called_ns > end_ns)
            continue;
        if (i == p->blocked)
            w->blocked = n;
        w->calls[n] = p->calls[i];
        w->calls[n].optional |= p->calls[i].returned_ns > end_ns;
        n++;
    }
    w->p.ncalls = n;
}

static void remove_calls(struct window *w, int at, int n)
{
    w->p.ncalls -= n;
    memmove(w->calls + at, w->calls + at + n, (size_t)(w->p.ncalls - at) * sizeof *w->calls);
    if (at < w->blocked)
        w->blocked -= n;
}

static void drop_reads(struct window *w)
{
    for (int i = w->p.ncalls - 1; i >= 0; i--) {
        struct linear_call call = w->calls[i];
        int blocked = w->blocked;

        if (i == blocked || !w->p.model->pure(w->p.group, call.op))
            continue;
        remove_calls(w, i, 1);
        if (still_fails(w))
            continue;
        memmove(w->calls + i + 1, w->calls + i, (size_t)(w->p.ncalls - i) * sizeof *w->calls);
        w->calls[i] = call;
        w->p.ncalls++;
        w->blocked = blocked;
    }
}

// Whether a call may still happen when calls[at] is called.
static bool in_flight(const struct linear_call *call, int64_t at_ns)
{
    return call->optional || call->returned_ns >= at_ns;
}

// The last call up to the blocked one before which nothing was in flight; 0: there is none.
static int find_quiet(const struct window *w)
{
    int64_t over_ns = INT64_MIN;
    int quiet = 0;

    for (int i = 0; i <= w->blocked; i++) {
        const struct linear_call *call = &w->calls[i];
        if (over_ns < call->called_ns)
            quiet = i;
        if (call->optional)
            over_ns = INT64_MAX;
        else if (call->returned_ns > over_ns)
            over_ns = call->returned_ns;
    }
    return quiet;
}

// Where to begin.
static int find_begin(const struct window *w)
{
    int quiet = find_quiet(w), late = w->p.ncalls - WINDOW_OPS;

    if (late > w->blocked)
        late = w->blocked;
    return quiet > late ? quiet : late;
}

// Lets the window begin with calls[begin]: replaces what was over by the states that it may have
// led to.
static void cut_begin(struct window *w, int begin)
{
    struct linear_problem before = w->p;
    struct linear_call *calls = calloc((size_t)begin + 1, sizeof *calls);
    int64_t begin_ns = w->calls[begin].called_ns;
    struct record_set ends;

    check(calls != NULL);
    record_set_init(&ends, w->starts.record_bytes);
    memcpy(calls, w->calls, (size_t)begin * sizeof *calls);
    for (int i = 0; i < begin; i++)
        calls[i].optional = in_flight(&calls[i], begin_ns);
    before.calls = calls;
    before.ncalls = begin;
    before.ends = &ends;
    if (begin > 0 && linear_search(&before) == LINEAR_VIOLATION) {
        for (int i = begin - 1; i >= 0; i--) {
            if (!calls[i].optional)
                remove_calls(w, i, 1);
        }
        record_set_free(&w->starts);
        w->starts = ends;
    } else {
        record_set_free(&ends);
    }
    free(calls);
}

static void print_start(const struct window *w, const void *start, struct strbuf *out)
{
    const char *separator = "   after ";
    uint64_t done;

    memcpy(&done, start, sizeof done);
    w->p.model->print(w->p.group, (const char *)start + sizeof done, out);
    for (int i = 0; done; i++, done >>= 1) {
        if (!(done & 1))
            continue;
        strbuf_addf(out, "%s%d", separator, i + 1);
        separator = ", ";
    }
    strbuf_addf(out, "\n");
}

static void print_window(const struct window *w, const struct history_op *const *ops, int nops,
                         struct strbuf *out)
{
    int64_t t0_ns = ops[w->calls[0].op]->called_ns;

    strbuf_addf(out,
                "Not linearizable: no order of these operations explains their replies (%d of %d "
                "on these keys; microseconds; [called, returned]).\n",
                w->p.ncalls, nops);
    for (size_t i = 0; i < w->starts.n && i < STATES_SHOWN; i++) {
        strbuf_addf(out, i ? "    or " : "before ");
        print_start(w, record_set_at(&w->starts, i), out);
    }
    if (w->starts.n > STATES_SHOWN)
        strbuf_addf(out, "    or one of %zu more states\n", w->starts.n - STATES_SHOWN);
    for (int i = 0; i < w->p.ncalls; i++) {
        strbuf_addf(out, "%4d. ", i + 1);
        history_print(ops[w->calls[i].op], t0_ns, out);
        strbuf_addf(out, i == w->blocked ? "   <-- fits nowhere\n" : "\n");
    }
}

void linear_report(const struct linear_problem *p, const struct history_op *const *ops,
                   struct strbuf *out)
{
    struct window w = {.p = *p};

    w.calls = calloc((size_t)p->ncalls, sizeof *w.calls);
    check(w.calls != NULL);
    record_set_init(&w.starts, p->starts->record_bytes);
    for (size_t i = 0; i < p->starts->n; i++)
        record_set_add(&w.starts, record_set_at(p->starts, i));
    w.p.calls = w.calls;
    w.p.starts = &w.starts;
    cut_end(&w, p);
    drop_reads(&w);
    cut_begin(&w, find_begin(&w));
    print_window(&w, ops, p->ncalls, out);
    record_set_free(&w.starts);
    free(w.calls);
}
