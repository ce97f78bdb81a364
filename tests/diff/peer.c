// SPDX-License-Identifier: MIT
#include "tests/diff/peer.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lib/wire.h"

enum { START_LIMIT_MS = 20000, PORT_TRIES = 10, NO_PROGRAM = 127 };

struct diff_peer {
    pid_t pid;
    int port;
};

// A port that was free a moment ago.
static int free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    close(fd);
    return ntohs(address.sin_port);
}

// The child's side: never returns.
static void run_program(const char *port)
{
    const char *program = getenv("KL_REDIS_SERVER");
    const char *argv[] = {"redis-server", "--port",     port,      "--bind",
                          "127.0.0.1",    "--save",     "",        "--appendonly",
                          "no",           "--loglevel", "warning", "--enable-debug-command",
                          "local",        NULL};
    int nothing = open("/dev/null", O_RDWR);

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setenv("LC_ALL", "C", 1); // the order of SORT ALPHA
    dup2(nothing, STDIN_FILENO);
    dup2(nothing, STDOUT_FILENO);
    dup2(nothing, STDERR_FILENO);
    execvp(program ? program : "redis-server", (char *const *)argv);
    if (!program) {
        execvp("redis-check-rdb", (char *const *)argv);
    }
    _exit(NO_PROGRAM);
}

// Whether the child, and nobody else, answers on the port. Gives it time to; *status is set when it
// has ended instead.
static bool answers(pid_t pid, int port, int *status)
{
    int64_t end = wire_clock_ms() + START_LIMIT_MS;
    char own[32];
    struct wire *w;
    bool ours;

    while (!(w = wire_dial(port))) {
        if (waitpid(pid, status, WNOHANG) == pid) {
            return false;
        }
        assert_true(wire_clock_ms() < end);
        usleep(1000);
    }
    snprintf(own, sizeof(own), "process_id:%d\r", (int)pid);
    ours = strstr(wire_text(w, NULL, "INFO server"), own) != NULL;
    wire_close(w);
    return ours;
}

struct diff_peer *diff_peer_start(void)
{
    struct diff_peer *peer = calloc(1, sizeof(*peer));

    assert_non_null(peer);
    for (int i = 0; i < PORT_TRIES; i++) {
        char port[16];
        int status = 0;

        peer->port = free_port();
        snprintf(port, sizeof(port), "%d", peer->port);
        fflush(NULL);
        peer->pid = fork();
        assert_true(peer->pid >= 0);
        if (peer->pid == 0) {
            run_program(port);
        }
        if (answers(peer->pid, peer->port, &status)) {
            return peer;
        }
        if (WIFEXITED(status) && WEXITSTATUS(status) == NO_PROGRAM) {
            free(peer);
            return NULL;
        }
        // Somebody took the port in between.
        kill(peer->pid, SIGKILL);
        waitpid(peer->pid, NULL, 0);
    }
    fail_msg("redis-server does not start");
    return NULL;
}

int diff_peer_port(const struct diff_peer *peer)
{
    return peer->port;
}

void diff_peer_stop(struct diff_peer *peer)
{
    kill(peer->pid, SIGTERM);
    waitpid(peer->pid, NULL, 0);
    free(peer);
}
