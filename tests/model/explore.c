// SPDX-License-Identifier: MIT
#include "tests/model/explore.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

// A stack holds the deepest calls of the code under test, and the printing of a failure.
#define STACK_SIZE (64 * 1024)
// How far the calls made during one step reach below where a thread rests.
#define STEP_DEPTH 2048
#define MAX_FREED  4
#define MAX_MOVES  8
// One step in so many is taken twice, to see that both lead to one state.
#define REPEAT_ONE_IN 32
// Steps that a trace shows: the last ones.
#define TRACE_STEPS 150

// ---- coroutines ------------------------------------------------------------------------------

// Resume points as __builtin_setjmp() leaves them: frame, code, stack pointer. It saves no
// registers, so the compiler keeps all that are needed on the stack, where the copies find them.
enum { CONTEXT_STACK_POINTER = 2, CONTEXT_WORDS = 5 };

struct thread {
    void *context[CONTEXT_WORDS];
    bool (*guard)(const void *arg); // NULL: may go on
    const void *guard_arg;
    const char *where;
    unsigned choices; // not 0: must go on at once, with each input below this
    unsigned input;
    bool timed; // may go on in spite of the guard, by timeout
    bool ended;
};

enum { INPUT_NONE, INPUT_TIMED_OUT };

// What belongs to the state besides the stacks and the regions.
static struct {
    struct thread threads[EXPLORE_THREADS];
    const volatile void *freed[MAX_FREED];
    size_t nfreed;
} world;

static const struct explore_scenario *scenario;
static struct explore_result *result;
static unsigned nthreads;
static char stacks[EXPLORE_THREADS][STACK_SIZE] __attribute__((aligned(64)));
static struct thread *running; // NULL: the explorer itself
static void *home[CONTEXT_WORDS];
static ucontext_t first_home;

__attribute__((noipa)) static void leap(void **to)
{
    __builtin_longjmp(to, 1);
}

__attribute__((noipa)) static void change(void **from, void **to)
{
    if (__builtin_setjmp(from) == 0)
        leap(to);
}

static void rest(void)
{
    change(running->context, home);
}

static void thread_main(void)
{
    explore_step("begins");
    scenario->threads[explore_self()]();
    running->ended = true;
    rest();
}

static char *stack_top(unsigned i)
{
    return stacks[i] + STACK_SIZE;
}

static char *stack_used(unsigned i)
{
    return world.threads[i].context[CONTEXT_STACK_POINTER];
}

// What earlier steps left below the stack is no part of the state, and must not become one by lying
// in a frame of the next step.
static void forget_below(unsigned i)
{
    char *used = stack_used(i);
    memset(used - STEP_DEPTH, 0, STEP_DEPTH);
}

static void resume(unsigned i, unsigned input)
{
    forget_below(i);
    running = &world.threads[i];
    running->input = input;
    running->choices = 0;
    change(home, running->context);
    running = NULL;
    if (world.threads[i].ended) // where makes no difference
        memset(&world.threads[i], 0, offsetof(struct thread, ended));
}

// Runs a thread on its fresh stack up to its first step.
static void start(unsigned i)
{
    static ucontext_t context;
    running = &world.threads[i];
    getcontext(&context);
    context.uc_stack.ss_sp = stacks[i];
    context.uc_stack.ss_size = STACK_SIZE;
    context.uc_link = NULL;
    makecontext(&context, thread_main, 0);
    if (__builtin_setjmp(home) == 0)
        swapcontext(&first_home, &context);
    running = NULL;
}

bool explore_wait(const char *where, bool (*guard)(const void *arg), const void *arg, bool timed)
{
    if (running == NULL)
        return true;
    running->where = where;
    running->guard = guard;
    running->guard_arg = arg;
    running->timed = timed;
    rest();
    return running->input != INPUT_TIMED_OUT;
}

void explore_step(const char *where)
{
    explore_wait(where, NULL, NULL, false);
}

void explore_access(const volatile void *object, const char *where)
{
    explore_step(where);
    for (size_t i = 0; i < world.nfreed; i++)
        if (world.freed[i] == object)
            explore_fail("%s: accesses memory that is gone", where);
}

unsigned explore_choose(unsigned n)
{
    if (running == NULL)
        return 0;
    running->choices = n;
    rest();
    return running->input;
}

unsigned explore_self(void)
{
    return (unsigned)(running - world.threads);
}

void explore_free(const volatile void *object)
{
    if (world.nfreed == MAX_FREED)
        abort();
    world.freed[world.nfreed++] = object;
}

void explore_saw(unsigned bit)
{
    result->seen |= UINT64_C(1) << bit;
}

void explore_fail(const char *format, ...)
{
    if (result->failure[0] == '\0') {
        va_list args;
        va_start(args, format);
        vsnprintf(result->failure, sizeof(result->failure), format, args);
        va_end(args);
    }
    if (running != NULL)
        rest(); // for ever
}

// The assertions of the code under test arrive here instead of in the C library.
_Noreturn void __assert_fail(const char *expression, const char *file, unsigned line,
                             const char *function);
_Noreturn void __assert_fail(const char *expression, const char *file, unsigned line,
                             const char *function)
{
    explore_fail("%s:%u: %s: assertion is false: %s", file, line, function, expression);
    abort(); // not in a thread
}

// ---- states ----------------------------------------------------------------------------------

struct move {
    uint8_t thread, input;
};

// A state on the path that the search stands on.
struct node {
    size_t at; // of its copy
    struct move moves[MAX_MOVES];
    unsigned nmoves, next;
    unsigned came_by; // the thread whose step led here
    const char *where;
};

static struct {
    struct node *nodes;
    size_t depth, cap;
    char *bytes; // the copies, one behind the other
    size_t nbytes, bytes_cap;
} path;

// Calls fn for each piece of memory that the state is made of.
static void each_piece(void (*fn)(void *base, size_t nbytes, void *arg), void *arg)
{
    fn(&world, sizeof(world), arg);
    for (const struct explore_region *r = scenario->regions;
         r < scenario->regions + EXPLORE_REGIONS && r->base != NULL; r++)
        fn(r->base, r->nbytes, arg);
    // After the world, which says how much of each stack there is.
    for (unsigned i = 0; i < nthreads; i++)
        if (!world.threads[i].ended)
            fn(stack_used(i), (size_t)(stack_top(i) - stack_used(i)), arg);
}

static void *grown(void *array, size_t nbytes)
{
    void *larger = realloc(array, nbytes);
    if (larger == NULL)
        abort();
    return larger;
}

static void save_piece(void *base, size_t nbytes, void *arg)
{
    (void)arg;
    if (path.nbytes + nbytes > path.bytes_cap) {
        path.bytes_cap = 2 * path.bytes_cap + nbytes;
        path.bytes = grown(path.bytes, path.bytes_cap);
    }
    memcpy(path.bytes + path.nbytes, base, nbytes);
    path.nbytes += nbytes;
}

static void restore_piece(void *base, size_t nbytes, void *arg)
{
    const char **from = arg;
    memcpy(base, *from, nbytes);
    *from += nbytes;
}

static void restore(const struct node *node)
{
    const char *from = path.bytes + node->at;
    each_piece(restore_piece, &from);
}

struct fingerprint {
    uint64_t a, b;
};

static void hash_piece(void *base, size_t nbytes, void *arg)
{
    struct fingerprint *f = arg;
    const char *bytes = base;
    for (size_t i = 0; i < nbytes; i += sizeof(uint64_t)) {
        uint64_t word = 0;
        memcpy(&word, bytes + i, nbytes - i < sizeof(word) ? nbytes - i : sizeof(word));
        f->a = (f->a ^ word) * UINT64_C(0x9E3779B97F4A7C15);
        f->a ^= f->a >> 32;
        f->b = (f->b + word) * UINT64_C(0xD6E8FEB86659FD93);
        f->b ^= f->b >> 29;
    }
}

// The states entered so far: an open hash table, an empty place is {0, 0}.
static struct {
    struct fingerprint *places;
    size_t mask, n;
} known;

static bool known_add(struct fingerprint f)
{
    size_t i = f.a & known.mask;
    while (known.places[i].a != 0 || known.places[i].b != 0) {
        if (known.places[i].a == f.a && known.places[i].b == f.b)
            return false;
        i = (i + 1) & known.mask;
    }
    known.places[i] = f;
    known.n++;
    return true;
}

static void known_resize(size_t n)
{
    struct fingerprint *old = known.places;
    size_t old_n = old != NULL ? known.mask + 1 : 0;
    known.places = calloc(n, sizeof(*known.places));
    if (known.places == NULL)
        abort();
    known.mask = n - 1;
    known.n = 0;
    for (size_t i = 0; i < old_n; i++)
        if (old[i].a != 0 || old[i].b != 0)
            known_add(old[i]);
    free(old);
}

static struct fingerprint present_state(void)
{
    struct fingerprint f = {1, 1};
    each_piece(hash_piece, &f);
    return f;
}

// Whether the present state is a new one.
static bool enter_state(void)
{
    if (2 * known.n > known.mask)
        known_resize(2 * (known.mask + 1));
    return known_add(present_state());
}

// ---- searching -------------------------------------------------------------------------------

static void add_move(struct node *node, unsigned thread, unsigned input)
{
    if (node->nmoves == MAX_MOVES)
        abort();
    node->moves[node->nmoves++] = (struct move){(uint8_t)thread, (uint8_t)input};
}

// The thread that stands in a choice, or nthreads.
static unsigned choosing(void)
{
    unsigned i = 0;
    while (i < nthreads && world.threads[i].choices == 0)
        i++;
    return i;
}

// All that may happen next. Who ran last comes first, which keeps traces readable.
static void find_moves(struct node *node)
{
    unsigned chooser = choosing();
    if (chooser < nthreads) {
        for (unsigned c = 0; c < world.threads[chooser].choices; c++)
            add_move(node, chooser, c);
        return;
    }
    bool all_ended = true;
    unsigned timeouts = 0;
    for (unsigned n = 0; n < nthreads; n++) {
        unsigned i = (node->came_by + n) % nthreads;
        const struct thread *t = &world.threads[i];
        if (t->ended)
            continue;
        all_ended = false;
        bool ready = t->guard == NULL || t->guard(t->guard_arg);
        if (ready || t->timed)
            add_move(node, i, ready ? INPUT_NONE : INPUT_TIMED_OUT);
        timeouts += !ready && t->timed;
    }
    if (all_ended) {
        result->ends++;
        if (scenario->finally != NULL)
            scenario->finally();
    } else if (node->nmoves == timeouts) {
        explore_fail("nobody can go on%s", timeouts > 0 ? ", but by a deadline" : "");
    }
}

// Makes the present state the end of the path.
static void push(unsigned came_by, const char *where)
{
    if (path.depth == path.cap) {
        path.cap = 2 * path.cap + 256;
        path.nodes = grown(path.nodes, path.cap * sizeof(*path.nodes));
    }
    struct node *node = &path.nodes[path.depth++];
    *node = (struct node){.at = path.nbytes, .came_by = came_by, .where = where};
    each_piece(save_piece, NULL);
    find_moves(node);
}

static void pop(void)
{
    path.nbytes = path.nodes[--path.depth].at;
}

static void check_invariant(void)
{
    if (scenario->invariant != NULL && result->failure[0] == '\0' && choosing() == nthreads)
        scenario->invariant();
}

static void add_text(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void add_text(const char *format, ...)
{
    size_t len = strlen(result->failure);
    va_list args;
    va_start(args, format);
    vsnprintf(result->failure + len, sizeof(result->failure) - len, format, args);
    va_end(args);
}

static void add_state(unsigned thread, const char *where)
{
    char text[256] = "";
    if (scenario->show != NULL)
        scenario->show(text, sizeof(text));
    add_text("\n  thread %u  %-48s %s", thread, where, text);
}

// The steps of the path, each with the state that it led to, and the step that failed.
static void add_trace(unsigned thread, const char *where)
{
    add_text("\nafter %zu steps:", path.depth);
    char last[256] = "";
    if (scenario->show != NULL)
        scenario->show(last, sizeof(last));
    size_t i = path.depth > TRACE_STEPS ? path.depth - TRACE_STEPS : 1;
    for (; i < path.depth; i++) {
        restore(&path.nodes[i]);
        add_state(path.nodes[i].came_by, path.nodes[i].where);
    }
    add_text("\n  thread %u  %-48s %s", thread, where, last);
}

// Takes the step again that has led from the end of the path to the present state.
static void repeat(struct move move)
{
    struct fingerprint first = present_state();
    restore(&path.nodes[path.depth - 1]);
    resume(move.thread, move.input);
    struct fingerprint second = present_state();
    if (first.a != second.a || first.b != second.b)
        explore_fail("one step led to two states: the regions leave something out");
}

static void take(struct move move)
{
    struct thread *t = &world.threads[move.thread];
    const char *where = t->choices > 0                   ? "chooses"
                        : t->guard != NULL && move.input ? "times out"
                                                         : t->where;
    resume(move.thread, move.input);
    result->steps++;
    if (result->steps % REPEAT_ONE_IN == 0 && result->failure[0] == '\0')
        repeat(move);
    check_invariant();
    if (result->failure[0] == '\0' && enter_state()) {
        push(move.thread, where);
        // In the new state itself: its step is the last of the path.
        if (result->failure[0] != '\0')
            pop();
    }
    if (result->failure[0] != '\0')
        add_trace(move.thread, where);
}

static void search(void)
{
    const struct node *present = &path.nodes[0];
    while (path.depth > 0 && result->failure[0] == '\0') {
        struct node *node = &path.nodes[path.depth - 1];
        if (node->next == node->nmoves) {
            pop();
            present = NULL;
            continue;
        }
        if (known.n > scenario->max_states)
            return;
        if (node != present)
            restore(node);
        size_t depth = path.depth;
        take(node->moves[node->next++]);
        present = path.depth > depth ? &path.nodes[path.depth - 1] : NULL;
    }
    result->complete = result->failure[0] == '\0';
}

// A step that reaches for no memory fails like any other, with its trace.
static void on_fault(int signal_number)
{
    if (running == NULL)
        abort();
    explore_fail("signal %d: no memory there", signal_number);
}

static void start_all(void)
{
    for (nthreads = 0; nthreads < EXPLORE_THREADS && scenario->threads[nthreads] != NULL;)
        start(nthreads++);
}

void explore(const struct explore_scenario *which, struct explore_result *out)
{
    // Not blocked while handled, since the handler does not return.
    struct sigaction fault = {.sa_handler = on_fault, .sa_flags = SA_NODEFER}, before;
    scenario = which;
    result = out;
    memset(result, 0, sizeof(*result));
    memset(&world, 0, sizeof(world));
    memset(stacks, 0, sizeof(stacks));
    known_resize(1 << 16);
    scenario->begin();
    sigaction(SIGSEGV, &fault, &before);
    start_all();
    enter_state();
    push(0, "");
    search();
    sigaction(SIGSEGV, &before, NULL);
    result->states = known.n;
    free(known.places);
    free(path.nodes);
    free(path.bytes);
    memset(&known, 0, sizeof(known));
    memset(&path, 0, sizeof(path));
}
