// SPDX-License-Identifier: MIT
//
// The server program: configuration, what a process sets up once, and the server.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "server/engine/config.h"
#include "server/net/log.h"
#include "server/net/options.h"
#include "server/net/server.h"
#include "server/net/sockets.h"

static int fail(const char *what, const char *reason)
{
    fprintf(stderr, "keylot-server: %s: %s\n", what, reason);
    return 1;
}

// Lowers maxclients to what there are file descriptors for; false when that is none.
static bool settle_maxclients(struct config *config)
{
    int64_t wanted = atomic_load_explicit(&config->maxclients, memory_order_relaxed);
    int64_t possible = server_admit_clients(config, wanted);

    if (possible < 1) {
        return false;
    }
    if (possible < wanted) {
        log_line(config, LOGLEVEL_WARNING,
                 "The limit on open files allows %lld clients: maxclients lowered from %lld",
                 (long long)possible, (long long)wanted);
        atomic_store_explicit(&config->maxclients, possible, memory_order_relaxed);
    }
    config->admit_clients = server_admit_clients;
    return true;
}

// Leaves the terminal: the parent exits, the child goes on. Before there are any threads.
static bool daemonize(void)
{
    pid_t pid = fork();
    int fd;

    if (pid < 0) {
        return false;
    }
    if (pid > 0) {
        _exit(0);
    }
    setsid();
    fd = open("/dev/null", O_RDWR);
    if (fd >= 0) {
        dup2(fd, STDIN_FILENO);
        dup2(fd, STDOUT_FILENO);
        dup2(fd, STDERR_FILENO);
    }
    if (fd > STDERR_FILENO) {
        close(fd);
    }
    return true;
}

static void write_pidfile(const struct config *config)
{
    FILE *file = fopen(config->pidfile, "we");

    if (!file || fprintf(file, "%d\n", (int)getpid()) < 0) {
        log_line(config, LOGLEVEL_WARNING, "Cannot write the pidfile '%s': %s", config->pidfile,
                 strerror(errno));
    }
    if (file) {
        fclose(file);
    }
}

static int serve(struct config *config)
{
    struct listen_sockets sockets;
    char error[512];
    int exit_status;

    signal(SIGPIPE, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    if (!log_check(config)) {
        snprintf(error, sizeof(error), "cannot write the logfile '%s'", config->logfile);
        return fail(error, strerror(errno));
    }
    if (!settle_maxclients(config)) {
        return fail("cannot serve clients", "the limit on open files is too low");
    }
    // Before the terminal is left, so that a port in use is reported there.
    if (!sockets_listen(&sockets, config->bind, config->port, config->tcp_backlog, error,
                        sizeof(error))) {
        fprintf(stderr, "keylot-server: %s\n", error);
        return 1;
    }
    // CONFIG GET and INFO then tell the port that was chosen.
    config->port = sockets.port;
    if (config->daemonize && !daemonize()) {
        return fail("cannot run in the background", strerror(errno));
    }
    if (config->pidfile[0] != '\0') {
        write_pidfile(config);
    }
    exit_status = server_run(config, &sockets);
    if (config->pidfile[0] != '\0') {
        unlink(config->pidfile);
    }
    return exit_status;
}

int main(int argc, char **argv)
{
    struct config *config = config_new();
    int exit_status = 1;

    if (!config) {
        return fail("cannot start", "out of memory");
    }
    switch (options_read(argc, argv, config)) {
    case OPTIONS_RUN:
        exit_status = serve(config);
        break;
    case OPTIONS_DONE:
        exit_status = 0;
        break;
    case OPTIONS_ERROR:
        break;
    }
    config_free(config);
    return exit_status;
}
