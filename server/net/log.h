// SPDX-License-Identifier: MIT
//
// The server's log: lines with process id, date and level, in the form that Redis's have, on
// standard output or in `logfile`. A file is opened for each line, so that it may be moved away at
// any time. Thread-safe; a line is written with one system call.
#pragma once

#include <stdbool.h>

#include "server/engine/config.h"

// Lines of a level below `loglevel` are dropped.
void log_line(const struct config *, enum loglevel, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// Whether the logfile can be written; errno says why not.
bool log_check(const struct config *);
