// SPDX-License-Identifier: MIT
#include "tests/lib/linear_crew.h"

#include <hiredis/hiredis.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "tests/lib/check.h"
#include "tests/lib/history.h"
#include "tests/lib/inproc.h"
#include "tests/lib/kv_model.h"
#include "tests/lib/linear_tear.h"
#include "tests/lib/linearize.h"
#include "tests/lib/preempt.h"
#include "tests/lib/reply_text.h"
#include "tests/lib/wire.h"

enum {
    OPS_MAX = LINEAR_CREW_OPS,
    REPLY_LIMIT_S = 60,
    GONE_LIMIT_MS = 20000,
    PREEMPT_US = 100,
};

struct linear_crew;

// A client: a connection, or in process an inproc_client. The last one is the main thread's.
struct worker {
    pthread_t thread;
    struct linear_crew *crew;
    int index;
    struct history_log *log;
    struct linear_load load;
    struct strbuf torn; // reply to a command that was run in pieces
    struct inproc_client *in;
    redisContext *c;
    int64_t id;                // of the connection, as CLIENT ID tells
    int64_t lost_ids[OPS_MAX]; // connections dropped in this round
    int nlost;
    char lines[OPS_MAX][LINEAR_LOAD_LINE]; // the round's commands
    struct strbuf text;
    char error[256]; // "": none
};

struct linear_crew {
    struct linear_plan plan;
    struct test_server *server; // or:
    struct inproc *inproc;
    struct history *history;
    struct worker workers[LINEAR_CREW_CLIENTS + 1];
    pthread_barrier_t turn; // passed by all, the main thread too, around each round
    _Atomic int arrived;    // workers that were ready for a round, all rounds together
    // Written by the main thread between two rounds.
    int round, nkeys, depth;
    bool lossy, over;
};

// ---- a client -----------------------------------------------------------------------------------

static void note_error(struct worker *w, const char *what)
{
    if (!w->error[0])
        snprintf(w->error, sizeof w->error, "client %d: %s%s%s", w->index, what,
                 w->c && w->c->err ? ": " : "", w->c ? w->c->errstr : "");
}

// The reply as text, NULL when none came.
static const char *receive(struct worker *w)
{
    void *reply = NULL;

    strbuf_clear(&w->text);
    if (redisGetReply(w->c, &reply) != REDIS_OK) {
        note_error(w, "no reply");
        return NULL;
    }
    reply_text(reply, &w->text);
    freeReplyObject(reply);
    return w->text.data;
}

static void dial(struct worker *w)
{
    struct timeval limit = {REPLY_LIMIT_S, 0};
    const char *id;

    w->c = redisConnect("127.0.0.1", server_port(w->crew->server));
    if (!w->c || w->c->err) {
        note_error(w, "cannot connect");
        return;
    }
    redisSetTimeout(w->c, limit);
    redisAppendCommand(w->c, "CLIENT ID");
    id = receive(w);
    w->id = id ? strtoll(id + 1, NULL, 10) : 0;
}

static void open_client(struct worker *w)
{
    if (w->crew->inproc)
        w->in = inproc_client_new(w->crew->inproc);
    else
        dial(w);
}

static void close_client(struct worker *w)
{
    if (w->in)
        inproc_client_free(w->in);
    if (w->c)
        redisFree(w->c);
    strbuf_free(&w->text);
    strbuf_free(&w->torn);
}

static void run_in_process(void *worker, const char *command)
{
    struct worker *w = worker;
    inproc_run(w->in, "%s", command);
}

static void append(void *worker, const char *command)
{
    struct worker *w = worker;
    redisAppendCommand(w->c, command); // there is no % in it
}

// Returns the reply as text, NULL when none came.
static const char *run(struct worker *w, const char *line)
{
    if (!w->in) {
        append(w, line);
        return receive(w);
    }
    run_in_process(w, line);
    strbuf_clear(&w->text);
    reply_text_of_raw(w->in->client.reply.data, w->in->client.reply.len, &w->text);
    return w->text.data;
}

// A piece of a torn command.
static const char *run_piece(void *worker, const char *command)
{
    sched_yield(); // as a store that lets others in between
    return run(worker, command);
}

static void record_inproc(struct worker *w, const char *line)
{
    const char *torn = w->crew->plan.torn;

    history_call(w->log, line);
    strbuf_clear(&w->torn);
    if (torn && linear_tear(torn, line, run_piece, w, &w->torn)) {
        history_return(w->log, history_now_ns(), w->torn.data);
        return;
    }
    linear_load_each(line, run_in_process, w);
    history_return_raw(w->log, history_now_ns(), w->in->client.reply.data, w->in->client.reply.len);
}

// ---- recording a round --------------------------------------------------------------------------

// Returns how many replies there will be; the last one is the operation's.
static int send_recorded(struct worker *w, const char *line)
{
    history_call(w->log, line);
    return linear_load_each(line, append, w);
}

static void receive_recorded(struct worker *w, int nreplies)
{
    const char *reply = "";
    int64_t now_ns;

    for (int i = 0; i < nreplies && reply; i++)
        reply = receive(w);
    now_ns = history_now_ns();

    if (reply)
        history_return(w->log, now_ns, reply);
    else
        history_lost(w->log);
}

static void run_pipeline(struct worker *w, int first, int n)
{
    int nreplies[OPS_MAX];

    for (int i = 0; i < n; i++)
        nreplies[i] = send_recorded(w, w->lines[first + i]);
    for (int i = 0; i < n && !w->error[0]; i++)
        receive_recorded(w, nreplies[i]);
}

// Sends a command and hangs up without waiting for the reply.
static void run_and_hang_up(struct worker *w, const char *line)
{
    int written = 0;

    send_recorded(w, line);
    while (!written && redisBufferWrite(w->c, &written) == REDIS_OK)
        continue;
    history_lost(w->log);
    w->lost_ids[w->nlost++] = w->id;
    redisFree(w->c);
    dial(w);
}

static void run_wire_round(struct worker *w)
{
    struct linear_crew *crew = w->crew;
    int ops = crew->plan.ops;
    int lose_at = crew->lossy ? (int)rng_below(&w->load.rng, (uint64_t)(2 * ops)) : ops;

    for (int i = 0, n; i < ops && !w->error[0]; i += n) {
        n = 1 + (int)rng_below(&w->load.rng, (uint64_t)crew->depth);
        if (n > ops - i)
            n = ops - i;
        if (lose_at < i + n) {
            run_and_hang_up(w, w->lines[i]);
            lose_at = ops;
            n = 1;
        } else {
            run_pipeline(w, i, n);
        }
    }
}

static void run_inproc_round(struct worker *w)
{
    struct preemption preemption;

    preempt_begin(&preemption, PREEMPT_US);
    for (int i = 0; i < w->crew->plan.ops; i++)
        record_inproc(w, w->lines[i]);
    preempt_end(&preemption);
}

// Thinks of the round's commands beforehand, so that the round is nothing but commands.
static void prepare_worker(struct worker *w)
{
    struct linear_crew *crew = w->crew;

    linear_load_init(&w->load, crew->plan.seed + (uint64_t)(crew->round * 64 + w->index),
                     crew->plan.mix, w->index, crew->nkeys);
    for (int i = 0; i < crew->plan.ops; i++)
        linear_load_next(&w->load, w->lines[i]);
    w->nlost = 0;
}

// All begin at the same moment: a barrier wakes one after the other.
static void meet(struct linear_crew *crew)
{
    int all = (crew->round + 1) * crew->plan.nclients;

    atomic_fetch_add_explicit(&crew->arrived, 1, memory_order_acq_rel);
    while (atomic_load_explicit(&crew->arrived, memory_order_acquire) < all)
        sched_yield();
}

static void *worker_main(void *arg)
{
    struct worker *w = arg;
    struct linear_crew *crew = w->crew;

    open_client(w);
    for (;;) {
        pthread_barrier_wait(&crew->turn);
        if (crew->over)
            break;
        prepare_worker(w);
        meet(crew);
        if (w->in)
            run_inproc_round(w);
        else
            run_wire_round(w);
        pthread_barrier_wait(&crew->turn);
    }
    close_client(w);
    return NULL;
}

// ---- the main thread's part ---------------------------------------------------------------------

static struct worker *main_client(struct linear_crew *crew)
{
    return &crew->workers[crew->plan.nclients];
}

static void prepare_round(struct linear_crew *crew)
{
    struct rng rng;

    rng_seed(&rng, crew->plan.seed + (uint64_t)(crew->round * 64 + crew->plan.nclients));
    crew->nkeys = 2 + (int)rng_below(&rng, 3);
    crew->depth = 1 + (int)rng_below(&rng, (uint64_t)crew->plan.depth);
    crew->lossy = crew->plan.lossy && rng_below(&rng, 4) == 0;
    history_clear(crew->history);
    // Sometimes the dictionary goes, sometimes only the keys.
    run(main_client(crew), rng_below(&rng, 2) ? "FLUSHALL" : "DEL k0 k1 k2 k3 k4");
}

// What was sent over a connection that was dropped may be run until the server has noticed.
static void wait_until_gone(struct linear_crew *crew)
{
    struct worker *w = main_client(crew);
    char line[64];

    for (int i = 0; i < crew->plan.nclients; i++) {
        for (int k = 0; k < crew->workers[i].nlost; k++) {
            const char *reply = "";
            snprintf(line, sizeof line, "CLIENT LIST ID %" PRId64, crew->workers[i].lost_ids[k]);
            wait_until((reply = run(w, line)) == NULL || strcmp(reply, "\"\"") == 0, GONE_LIMIT_MS);
        }
    }
}

static void read_everything(struct linear_crew *crew)
{
    // All but one of them: WRONGTYPE.
    static const char *const READS[] = {"GET k%d", "SMEMBERS k%d", "HGETALL k%d", "LRANGE k%d 0 -1",
                                        "ZRANGE k%d 0 -1 WITHSCORES"};
    struct worker *w = main_client(crew);
    char line[64];

    for (int key = 0; key < crew->nkeys; key++) {
        for (size_t i = 0; i < sizeof READS / sizeof READS[0]; i++) {
            snprintf(line, sizeof line, READS[i], key);
            if (w->in) {
                record_inproc(w, line);
            } else {
                receive_recorded(w, send_recorded(w, line));
            }
        }
    }
}

// True when the round was as it must be; else the report tells what was not.
static bool check_round(struct linear_crew *crew, struct strbuf *report)
{
    bool good = true;

    wait_until_gone(crew);
    read_everything(crew);
    for (int i = 0; i <= crew->plan.nclients; i++) {
        if (crew->workers[i].error[0]) {
            strbuf_addf(report, "%s\n", crew->workers[i].error);
            good = false;
        }
    }
    return good && linearize(crew->history, &kv_model, NULL, report) == LINEAR_OK;
}

static void crew_open(struct linear_crew *crew)
{
    int n = crew->plan.nclients;

    crew->history = history_new(n + 1, OPS_MAX);
    pthread_barrier_init(&crew->turn, NULL, (unsigned)n + 1);
    for (int i = 0; i <= n; i++) {
        crew->workers[i].crew = crew;
        crew->workers[i].index = i;
        crew->workers[i].log = history_log(crew->history, i);
    }
    open_client(main_client(crew));
    for (int i = 0; i < n; i++)
        check_int(pthread_create(&crew->workers[i].thread, NULL, worker_main, &crew->workers[i]),
                  0);
}

static void crew_close(struct linear_crew *crew)
{
    crew->over = true;
    pthread_barrier_wait(&crew->turn);
    for (int i = 0; i < crew->plan.nclients; i++)
        pthread_join(crew->workers[i].thread, NULL);
    close_client(main_client(crew));
    pthread_barrier_destroy(&crew->turn);
    history_free(crew->history);
}

int linear_crew_run(const struct linear_plan *plan, struct inproc *inproc,
                    struct test_server *server, struct strbuf *report)
{
    static struct linear_crew crew;
    bool good = true;

    check(plan->nclients <= LINEAR_CREW_CLIENTS && plan->ops <= LINEAR_CREW_OPS);
    memset(&crew, 0, sizeof crew);
    crew.plan = *plan;
    crew.server = server;
    crew.inproc = inproc;
    crew_open(&crew);
    for (; crew.round < plan->rounds && good; crew.round += good) {
        prepare_round(&crew);
        pthread_barrier_wait(&crew.turn);
        pthread_barrier_wait(&crew.turn);
        good = check_round(&crew, report);
    }
    crew_close(&crew);
    return good ? -1 : crew.round;
}
