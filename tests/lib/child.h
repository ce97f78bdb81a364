// SPDX-License-Identifier: MIT
//
// Code that is expected to end the process, run in a child of its own. The caller must have no
// other threads.
#pragma once

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/lib/check.h"

enum { CHILD_LIMIT_S = 60, CHILD_TEXT = 16 * 1024 };

struct child_end {
    int status;            // as of waitpid()
    char text[CHILD_TEXT]; // what it wrote to standard error
};

// Runs fn(arg) in a child that is killed when it takes too long.
static inline void child_run(void (*fn)(void *arg), void *arg, struct child_end *end)
{
    int ends[2];
    size_t used = 0;
    ssize_t n;

    check(pipe(ends) == 0);
    fflush(NULL);
    pid_t pid = fork();
    check(pid >= 0);
    if (pid == 0) {
        const struct rlimit no_core = {0, 0};
        setrlimit(RLIMIT_CORE, &no_core);
        alarm(CHILD_LIMIT_S);
        dup2(ends[1], STDERR_FILENO);
        fn(arg);
        _exit(0);
    }
    close(ends[1]);
    while ((n = read(ends[0], end->text + used, sizeof(end->text) - 1 - used)) > 0)
        used += (size_t)n;
    end->text[used] = '\0';
    close(ends[0]);
    check(waitpid(pid, &end->status, 0) == pid);
}

// Fails the test, with what the child wrote.
#define CHILD_FAILS(end, what)                                                                     \
    do {                                                                                           \
        print_error("%s; it ended with status %#x and wrote:\n%s\n", what,                         \
                    (unsigned)(end)->status, (end)->text);                                         \
        _fail(file, line);                                                                         \
    } while (0)

// Runs it and fails the test unless it aborts with a message that contains each of the texts, an
// array ended by NULL. Returns the message, valid to the next call.
static inline const char *child_aborts(const char *file, int line, void (*fn)(void *arg), void *arg,
                                       const char *const *texts)
{
    static struct child_end end;

    child_run(fn, arg, &end);
    if (!WIFSIGNALED(end.status) || WTERMSIG(end.status) != SIGABRT)
        CHILD_FAILS(&end, "the child did not abort()");
    for (; *texts != NULL; texts++)
        if (strstr(end.text, *texts) == NULL) {
            print_error("\"%s\" is missing\n", *texts);
            CHILD_FAILS(&end, "the child wrote something else");
        }
    return end.text;
}

#define CHILD_ABORTS(fn, arg, ...)                                                                 \
    child_aborts(__FILE__, __LINE__, fn, arg, (const char *const[]){__VA_ARGS__, NULL})

// Runs it and fails the test unless it comes to its end and writes nothing.
static inline void child_ends_well(const char *file, int line, void (*fn)(void *arg), void *arg)
{
    static struct child_end end;

    child_run(fn, arg, &end);
    if (end.status != 0 || end.text[0] != '\0')
        CHILD_FAILS(&end, "the child did not end well");
}

#define CHILD_ENDS_WELL(fn, arg) child_ends_well(__FILE__, __LINE__, fn, arg)
