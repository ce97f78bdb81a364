// SPDX-License-Identifier: MIT
#include "tests/lib/server.h"

#include <errno.h>
#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lib/wire.h"

enum { START_LIMIT_MS = 30000, STOP_LIMIT_MS = 20000, RUN_LIMIT_MS = 60000, ARGS_MAX = 64 };

struct test_server {
    pid_t pid;
    int port;
    int output_fd; // a file in memory that takes both outputs
    char *output;
};

bool server_sanitized(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return true;
#else
    return false;
#endif
}

const char *server_program(void)
{
    static char path[4096];
    const char *other = getenv("KEYLOT_SERVER");
    ssize_t len;

    if (other) {
        return other;
    }
    len = readlink("/proc/self/exe", path, sizeof(path) - 32);
    assert_true(len > 0);
    path[len] = '\0';
    // build/tests/wire_x -> build/keylot-server
    for (int i = 0; i < 2; i++) {
        char *slash = strrchr(path, '/');

        assert_non_null(slash);
        *slash = '\0';
    }
    strcat(path, "/keylot-server");
    return path;
}

// The child's side: never returns.
static void run_program(const char *const *argv, int out_fd, int err_fd, unsigned nofile)
{
    int nothing = open("/dev/null", O_RDONLY);

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(nothing, STDIN_FILENO);
    dup2(out_fd, STDOUT_FILENO);
    dup2(err_fd, STDERR_FILENO);
    if (nofile > 0) {
        struct rlimit limit = {nofile, nofile};

        setrlimit(RLIMIT_NOFILE, &limit);
    }
    execv(argv[0], (char *const *)argv);
    fprintf(stderr, "cannot run %s: %s\n", argv[0], strerror(errno));
    _exit(127);
}

static pid_t spawn(const char *const *first, const char *const *rest, int out_fd, int err_fd,
                   unsigned nofile)
{
    const char *argv[ARGS_MAX] = {server_program()};
    int argc = 1;
    pid_t pid;

    for (; first && *first; first++) {
        assert_true(argc < ARGS_MAX - 1);
        argv[argc++] = *first;
    }
    for (; rest && *rest; rest++) {
        assert_true(argc < ARGS_MAX - 1);
        argv[argc++] = *rest;
    }
    fflush(NULL);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        run_program(argv, out_fd, err_fd, nofile);
    }
    return pid;
}

static int decode_status(int status)
{
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// Waits for the child at most that long; false when it still runs.
static bool reap(pid_t pid, int limit_ms, int *exit_status)
{
    int64_t end = wire_clock_ms() + limit_ms;
    int status;

    while (waitpid(pid, &status, WNOHANG) == 0) {
        if (wire_clock_ms() > end) {
            return false;
        }
        usleep(1000);
    }
    *exit_status = decode_status(status);
    return true;
}

// All of a file in memory, terminated; the caller frees it.
static char *read_all(int fd)
{
    off_t size = lseek(fd, 0, SEEK_END);
    char *text = malloc((size_t)size + 1);
    ssize_t len;

    assert_non_null(text);
    len = pread(fd, text, (size_t)size, 0);
    text[len > 0 ? len : 0] = '\0';
    return text;
}

const char *server_output(struct test_server *s)
{
    free(s->output);
    s->output = read_all(s->output_fd);
    return s->output;
}

static void destroy(struct test_server *s)
{
    close(s->output_fd);
    free(s->output);
    free(s);
}

static void fail_with_output(struct test_server *s, const char *what)
{
    print_error("server %s; it printed:\n%s\n", what, server_output(s));
    fail();
}

// The port in the line that says that the server accepts connections, or 0.
static int find_port(const char *output)
{
    static const char words[] = "Ready to accept connections on port ";
    const char *at = strstr(output, words);

    // The whole line must be there, or digits could be missing.
    if (!at || !strchr(at, '\n')) {
        return 0;
    }
    return atoi(at + sizeof(words) - 1);
}

static void wait_for_port(struct test_server *s)
{
    int64_t end = wire_clock_ms() + START_LIMIT_MS;
    int status;

    while ((s->port = find_port(server_output(s))) == 0) {
        if (waitpid(s->pid, &status, WNOHANG) == s->pid) {
            fail_with_output(s, "ended instead of starting");
        }
        if (wire_clock_ms() > end) {
            kill(s->pid, SIGKILL);
            fail_with_output(s, "did not start in time");
        }
        usleep(1000);
    }
}

struct test_server *server_start_limited(const char *const *extra_args, unsigned nofile)
{
    static const char *const last[] = {"--port", "0", NULL};
    struct test_server *s = calloc(1, sizeof(*s));

    assert_non_null(s);
    s->output_fd = memfd_create("server output", MFD_CLOEXEC);
    assert_true(s->output_fd >= 0);
    s->pid = spawn(extra_args, last, s->output_fd, s->output_fd, nofile);
    wait_for_port(s);
    return s;
}

struct test_server *server_start(const char *const *extra_args)
{
    return server_start_limited(extra_args, 0);
}

int server_port(const struct test_server *s)
{
    return s->port;
}

pid_t server_pid(const struct test_server *s)
{
    return s->pid;
}

long server_status_kb(const struct test_server *s, const char *field)
{
    char path[64], line[256];
    size_t len = strlen(field);
    long value = -1;
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%d/status", (int)s->pid);
    file = fopen(path, "r");
    while (file && fgets(line, sizeof(line), file)) {
        if (strncmp(line, field, len) == 0 && line[len] == ':') {
            value = atol(line + len + 1);
        }
    }
    if (file) {
        fclose(file);
    }
    return value;
}

// The number that a shell command prints, -1 when it prints none.
static long count_by(const char *format, int pid)
{
    char command[128];
    long n = -1;
    FILE *pipe;

    snprintf(command, sizeof(command), format, pid);
    pipe = popen(command, "r");
    assert_non_null(pipe);
    if (fscanf(pipe, "%ld", &n) != 1) {
        n = -1;
    }
    pclose(pipe);
    return n;
}

long server_connection_threads(const struct test_server *s)
{
    return count_by("cat /proc/%d/task/*/comm 2>/dev/null | grep -c keylot-conn", (int)s->pid);
}

long server_files(const struct test_server *s)
{
    return count_by("ls /proc/%d/fd | wc -l", (int)s->pid);
}

int server_wait(struct test_server *s, int limit_ms)
{
    int exit_status = -1;

    if (!reap(s->pid, limit_ms, &exit_status)) {
        kill(s->pid, SIGKILL);
        waitpid(s->pid, NULL, 0);
        fail_with_output(s, "did not end in time");
    }
    if (exit_status != 0) {
        print_error("server ended with status %d; it printed:\n%s\n", exit_status,
                    server_output(s));
    }
    destroy(s);
    return exit_status;
}

void server_stop(struct test_server *s)
{
    kill(s->pid, SIGTERM);
    assert_int_equal(server_wait(s, STOP_LIMIT_MS), 0);
}

void server_kill(struct test_server *s)
{
    kill(s->pid, SIGKILL);
    waitpid(s->pid, NULL, 0);
    destroy(s);
}

struct redisContext *server_connect(const struct test_server *s)
{
    redisContext *c = redisConnect("127.0.0.1", s->port);

    assert_non_null(c);
    if (c->err) {
        fail_msg("cannot connect to port %d: %s", s->port, c->errstr);
    }
    return c;
}

void server_run(struct server_run *run, const char *const *args)
{
    int out_fd = memfd_create("stdout", MFD_CLOEXEC), err_fd = memfd_create("stderr", MFD_CLOEXEC);
    pid_t pid;
    char *text;

    assert_true(out_fd >= 0 && err_fd >= 0);
    pid = spawn(args, NULL, out_fd, err_fd, 0);
    if (!reap(pid, RUN_LIMIT_MS, &run->exit_status)) {
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        fail_msg("%s did not end in time", server_program());
    }
    text = read_all(out_fd);
    snprintf(run->out, sizeof(run->out), "%s", text);
    free(text);
    text = read_all(err_fd);
    snprintf(run->err, sizeof(run->err), "%s", text);
    free(text);
    close(out_fd);
    close(err_fd);
}
