// SPDX-License-Identifier: MIT
#include "bench/tail.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

uint32_t divisor = 1;

uint32_t scaled(uint32_t n)
{
    return n / divisor > 0 ? n / divisor : 1;
}

// A command without arguments is an error anyway, but which one tells. Each gets a connection of
// its own, because MULTI needs none and changes what comes after it.
static bool server_knows(const struct server *server, const char *command)
{
    char head[HEAD_MAX];
    int fd = conn_open(server->port, 0);
    if (strcmp(command, "MULTI") == 0)
        conn_run(fd, "MULTI tail", head);
    else
        conn_run(fd, command, head);
    close(fd);
    return strstr(head, "unknown command") == NULL;
}

void server_ask(struct server *server)
{
    for (int r = 0; r < row_count; r++) {
        char needs[WORDS_MAX], *rest = NULL;
        snprintf(needs, sizeof(needs), "%s", rows[r].needs);
        for (char *name = strtok_r(needs, " ", &rest); name != NULL && !server->skips[r];
             name = strtok_r(NULL, " ", &rest))
            server->skips[r] = !server_knows(server, name);
    }
}

static void load(int fd, enum feed_kind kind, const char *key, uint32_t first, uint32_t count)
{
    struct feed feed = {kind, .first = first, .end = first + count};
    snprintf(feed.key, sizeof(feed.key), "%s", key);
    feed_all(feed, fd);
}

void server_load(const struct server *server, const bool *chosen)
{
    int fd = conn_open(server->port, 0);
    uint32_t million = scaled(1000000), half = scaled(500000);
    unsigned data = 0;
    for (int r = 0; r < row_count; r++)
        data |= chosen[r] && !server->skips[r] ? rows[r].data : 0;
    load(fd, FEED_MSET, "key", 0, million);
    if (data & DATA_SETS) {
        load(fd, FEED_SADD, "set:1", 0, million);
        load(fd, FEED_SADD, "set:2", half, million);
    }
    if (data & DATA_ZSETS) {
        load(fd, FEED_ZADD, "zset:1", 0, half);
        load(fd, FEED_ZADD, "zset:2", half / 2, half);
    }
    if (data & DATA_HASH)
        load(fd, FEED_HSET, "hash:1", 0, half);
    close(fd);
    server_settle(server);
}

double server_cpu_seconds(const struct server *server)
{
    char path[64], line[1024] = "";
    unsigned long user = 0, system = 0;
    snprintf(path, sizeof(path), "/proc/%d/stat", server->pid);
    FILE *stat = fopen(path, "r");
    if (stat == NULL || fgets(line, sizeof(line), stat) == NULL)
        fail("%s has ended", server->name);
    fclose(stat);
    // Fields 14 and 15; the name, field 2, ends with the last parenthesis.
    const char *fields = strrchr(line, ')');
    if (fields == NULL || sscanf(fields, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
                                 &user, &system) != 2)
        fail("%s is not understood", path);
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

void server_settle(const struct server *server)
{
    const struct timespec pause = {.tv_nsec = 100 * 1000 * 1000};
    double before = server_cpu_seconds(server), used = 1;
    for (int i = 0; i < 300 && used > 0.011; i++) {
        nanosleep(&pause, NULL);
        used = server_cpu_seconds(server) - before;
        before += used;
    }
}
