// SPDX-License-Identifier: MIT
#include "server/net/log.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { LINE_CHARS = 1024 };

static int open_file(const struct config *config)
{
    return open(config->logfile, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
}

bool log_check(const struct config *config)
{
    int fd;

    if (config->logfile[0] == '\0') {
        return true;
    }
    fd = open_file(config);
    if (fd < 0) {
        return false;
    }
    close(fd);
    return true;
}

// "4711:M 22 Nov 2026 12:00:00.123 * "; returns its length.
static size_t format_head(char *line, size_t size, enum loglevel level)
{
    static const char marks[] = ".-*#";
    struct timeval now;
    struct tm local;
    size_t len;

    gettimeofday(&now, NULL);
    localtime_r(&now.tv_sec, &local);
    len = (size_t)snprintf(line, size, "%d:M ", (int)getpid());
    len += strftime(line + len, size - len, "%d %b %Y %H:%M:%S", &local);
    len += (size_t)snprintf(line + len, size - len, ".%03d %c ", (int)(now.tv_usec / 1000),
                            marks[level]);
    return len;
}

void log_line(const struct config *config, enum loglevel level, const char *format, ...)
{
    char line[LINE_CHARS];
    size_t len;
    va_list args;
    int written, fd = STDOUT_FILENO;

    if ((int)level < atomic_load_explicit(&config->loglevel, memory_order_relaxed)) {
        return;
    }
    len = format_head(line, sizeof(line), level);
    va_start(args, format);
    written = vsnprintf(line + len, sizeof(line) - len, format, args);
    va_end(args);
    len += written > 0 ? (size_t)written : 0;
    if (len > sizeof(line) - 1) {
        len = sizeof(line) - 1;
    }
    line[len++] = '\n';
    if (config->logfile[0] != '\0') {
        fd = open_file(config);
    }
    // A log that cannot be written has nowhere to be reported.
    if (fd >= 0 && write(fd, line, len) < 0) {
        len = 0;
    }
    if (fd >= 0 && fd != STDOUT_FILENO) {
        close(fd);
    }
}
