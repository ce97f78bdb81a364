// SPDX-License-Identifier: MIT
#include "bench/tail.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

// One heavy client, a thread with a connection.
struct heavy {
    const struct row *row;
    int fd;
    int number, of; // 1 .. of
    uint64_t until_ns;
    double ops, busy_seconds, seconds;
};

// Puts the client's number where the text has %d.
static void personal(char *out, size_t size, const char *text, int number)
{
    const char *mark = strstr(text, "%d");
    if (mark == NULL)
        snprintf(out, size, "%s", text);
    else
        snprintf(out, size, "%.*s%d%s", (int)(mark - text), text, number, mark + 2);
}

static struct feed feed_of(const struct heavy *heavy, uint32_t first, uint32_t end)
{
    struct feed feed = {heavy->row->feed, .first = first, .end = end};
    personal(feed.key, sizeof(feed.key), heavy->row->feed_key, heavy->number);
    return feed;
}

static void build(const struct heavy *heavy)
{
    if (heavy->row->before != NULL) {
        char request[REQUEST_MAX];
        conn_send(heavy->fd, request, request_write(request, heavy->row->before));
        conn_read_lines(heavy->fd, 1);
    }
    if (heavy->row->feed != FEED_NONE)
        feed_all(feed_of(heavy, 0, scaled(heavy->row->feed_size)), heavy->fd);
}

static void run_commands(struct heavy *heavy)
{
    char words[WORDS_MAX];
    personal(words, sizeof(words), heavy->row->command, heavy->number);
    do {
        build(heavy);
        uint64_t start = now_ns();
        conn_must(heavy->fd, words);
        heavy->busy_seconds += (double)(now_ns() - start) * 1e-9;
        heavy->ops++;
    } while (now_ns() < heavy->until_ns);
}

// Each client adds its share of the keys.
static void run_growth(struct heavy *heavy)
{
    uint32_t share = scaled(heavy->row->feed_size) / (uint32_t)heavy->of;
    uint32_t first = (uint32_t)(heavy->number - 1) * share;
    struct feed feed = feed_of(heavy, first, first + share);
    uint64_t start = now_ns();
    for (uint32_t keys; (keys = feed_step(&feed, heavy->fd)) > 0;)
        heavy->ops += keys;
    heavy->busy_seconds = (double)(now_ns() - start) * 1e-9;
}

static void *heavy_main(void *arg)
{
    struct heavy *heavy = arg;
    uint64_t start = now_ns();
    if (heavy->row->command != NULL)
        run_commands(heavy);
    else
        run_growth(heavy);
    heavy->seconds = (double)(now_ns() - start) * 1e-9;
    return NULL;
}

struct work heavy_run(const struct row *row, const struct server *server, int clients,
                      double seconds)
{
    struct heavy heavies[MAX_CLIENTS];
    pthread_t threads[MAX_CLIENTS];
    uint64_t until = now_ns() + (uint64_t)(seconds * 1e9);
    for (int i = 0; i < clients; i++)
        heavies[i] = (struct heavy){.row = row,
                                    .fd = conn_open(server->port, row->own_db ? i + 1 : row->db),
                                    .number = i + 1,
                                    .of = clients,
                                    .until_ns = until};
    for (int i = 0; i < clients; i++)
        if (pthread_create(&threads[i], NULL, heavy_main, &heavies[i]) != 0)
            fail("no more threads");
    struct work work = {0};
    double ops = 0, busy_seconds = 0;
    for (int i = 0; i < clients; i++) {
        pthread_join(threads[i], NULL);
        close(heavies[i].fd);
        ops += heavies[i].ops;
        busy_seconds += heavies[i].busy_seconds;
        work.rate += heavies[i].ops / heavies[i].seconds;
    }
    work.op_ms = ops > 0 ? busy_seconds / ops * 1e3 : 0;
    return work;
}
