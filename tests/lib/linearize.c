// SPDX-License-Identifier: MIT
#include "tests/lib/linearize.h"

#include <stdlib.h>

#include "tests/lib/check.h"
#include "tests/lib/linear_report.h"
#include "tests/lib/linear_search.h"

enum { KEYS_MAX = 4 * HISTORY_ARGS_MAX, DEFAULT_STEPS = 5 * 1000 * 1000 };
#define DEFAULT_BYTES ((size_t)128 << 20)

// A key with one of the operations that name it.
struct key_use {
    struct bytes key;
    int op;
};

struct split {
    const struct history_op *ops;
    int nops;
    int *group;           // of each operation: another one of its group, or itself (union-find)
    struct key_use *uses; // the distinct keys seen so far
    int nuses, capacity;
};

static void *allocate(int n, size_t size)
{
    void *block = calloc((size_t)n + 1, size);

    check(block != NULL);
    return block;
}

// ---- groups of operations with common keys ------------------------------------------------------

static int group_of(struct split *s, int op)
{
    while (s->group[op] != op) {
        s->group[op] = s->group[s->group[op]];
        op = s->group[op];
    }
    return op;
}

static void join(struct split *s, int a, int b)
{
    s->group[group_of(s, b)] = group_of(s, a);
}

static void join_by_key(struct split *s, int op, struct bytes key)
{
    for (int i = 0; i < s->nuses; i++) {
        if (bytes_equal(s->uses[i].key, key)) {
            join(s, s->uses[i].op, op);
            return;
        }
    }
    if (s->nuses == s->capacity) {
        s->capacity = 2 * s->capacity + 16;
        s->uses = realloc(s->uses, (size_t)s->capacity * sizeof *s->uses);
        check(s->uses != NULL);
    }
    s->uses[s->nuses++] = (struct key_use){key, op};
}

static void as_call(const struct history_op *op, int number, struct linear_call *call)
{
    *call = (struct linear_call){
        .op = number,
        .client = op->client,
        .number = op->number,
        .called_ns = op->called_ns,
        .returned_ns = op->returned_ns,
        .optional = op->returned_ns == HISTORY_OPEN,
    };
}

static void join_pipelines(struct split *s)
{
    struct linear_call earlier, later;

    for (int i = 0; i < s->nops; i++) {
        as_call(&s->ops[i], i, &earlier);
        for (int k = i + 1; k < s->nops && s->ops[k].called_ns <= earlier.returned_ns; k++) {
            as_call(&s->ops[k], k, &later);
            if (linear_pipelined(&earlier, &later))
                join(s, i, k);
        }
    }
}

static void split_init(struct split *s, const struct linear_model *model)
{
    bool all = false;

    s->group = allocate(s->nops, sizeof *s->group);
    for (int i = 0; i < s->nops; i++)
        s->group[i] = i;
    for (int i = 0; i < s->nops; i++) {
        struct bytes keys[KEYS_MAX];
        int n = model->keys(&s->ops[i], keys, KEYS_MAX);
        all |= n == LINEAR_ALL_KEYS;
        for (int k = 0; k < n; k++)
            join_by_key(s, i, keys[k]);
    }
    for (int i = 1; all && i < s->nops; i++)
        join(s, 0, i);
    join_pipelines(s);
}

static void split_free(struct split *s)
{
    free(s->group);
    free(s->uses);
}

// ---- one group ----------------------------------------------------------------------------------

static void explain(const struct linear_problem *p, enum linear_verdict verdict,
                    const struct history_op *const *ops, struct strbuf *report)
{
    if (verdict == LINEAR_VIOLATION)
        linear_report(p, ops, report);
    if (verdict == LINEAR_UNDECIDED)
        strbuf_addf(report,
                    "Undecided: %d operations on common keys take more than %zu steps or %zu "
                    "bytes; record shorter histories.\n",
                    p->ncalls, p->limits.steps, p->limits.nbytes);
}

static enum linear_verdict check_group(const struct history_op *const *ops, int nops,
                                       const struct linear_model *model,
                                       const struct linear_limits *limits, struct strbuf *report)
{
    struct linear_call *calls = allocate(nops, sizeof *calls);
    struct record_set starts;
    struct linear_problem p = {.model = model,
                               .group = model->open(ops, nops),
                               .calls = calls,
                               .ncalls = nops,
                               .starts = &starts,
                               .limits = {DEFAULT_STEPS, DEFAULT_BYTES}};

    if (limits && limits->steps)
        p.limits.steps = limits->steps;
    if (limits && limits->nbytes)
        p.limits.nbytes = limits->nbytes;
    for (int i = 0; i < nops; i++)
        as_call(ops[i], i, &calls[i]);
    size_t nbytes = linear_start_bytes(model, p.group);
    unsigned char *zero = allocate((int)nbytes, 1);
    record_set_init(&starts, nbytes);
    record_set_add(&starts, zero);
    enum linear_verdict verdict = linear_search(&p);
    explain(&p, verdict, ops, report);
    record_set_free(&starts);
    free(zero);
    free(calls);
    model->close(p.group);
    return verdict;
}

enum linear_verdict linearize(struct history *h, const struct linear_model *model,
                              const struct linear_limits *limits, struct strbuf *report)
{
    enum linear_verdict verdict = LINEAR_OK;
    struct split s = {0};

    s.ops = history_ops(h, &s.nops);
    split_init(&s, model);
    const struct history_op **group = allocate(s.nops, sizeof *group);
    for (int i = 0; i < s.nops && verdict == LINEAR_OK; i++) {
        int n = 0;
        if (group_of(&s, i) != i)
            continue;
        for (int k = 0; k < s.nops; k++) {
            if (group_of(&s, k) == i)
                group[n++] = &s.ops[k];
        }
        verdict = check_group(group, n, model, limits, report);
    }
    free(group);
    split_free(&s);
    return verdict;
}
