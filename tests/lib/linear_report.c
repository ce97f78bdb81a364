// SPDX-License-Identifier: MIT
#include "tests/lib/linear_report.h"

#include <stdlib.h>
#include <string.h>

#include "tests/lib/check.h"

enum { STATES_SHOWN = 8 };

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

// How many operations at the beginning were over before the others began; not the blocked one.
static int find_quiet(const struct window *w)
{
    int64_t latest_ns = INT64_MIN;
    int quiet = 0;

    for (int i = 0; i <= w->blocked; i++) {
        const struct linear_call *call = &w->calls[i];
        if (latest_ns < call->called_ns)
            quiet = i;
        // What may still happen later is never over.
        int64_t over_ns = call->optional ? INT64_MAX : call->returned_ns;
        if (over_ns > latest_ns)
            latest_ns = over_ns;
    }
    return quiet;
}

// Replaces what was over before the rest began by the states that it may have led to.
static void cut_begin(struct window *w)
{
    struct linear_problem before = w->p;
    struct record_set ends;

    record_set_init(&ends, w->starts.record_bytes);
    before.ncalls = find_quiet(w);
    before.ends = &ends;
    if (before.ncalls > 0 && linear_search(&before) == LINEAR_VIOLATION && ends.n > 0) {
        remove_calls(w, 0, before.ncalls);
        record_set_free(&w->starts);
        w->starts = ends;
    } else {
        record_set_free(&ends);
    }
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
        w->p.model->print(w->p.group, record_set_at(&w->starts, i), out);
        strbuf_addf(out, "\n");
    }
    if (w->starts.n > STATES_SHOWN)
        strbuf_addf(out, "    or one of %zu more states\n", w->starts.n - STATES_SHOWN);
    for (int i = 0; i < w->p.ncalls; i++) {
        strbuf_addf(out, "  ");
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
    cut_begin(&w);
    print_window(&w, ops, p->ncalls, out);
    record_set_free(&w.starts);
    free(w.calls);
}
