// SPDX-License-Identifier: MIT
#include "server/net/options.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "server/engine/config.h"
#include "version.inc"

enum { ERROR_CHARS = 1024 };

static void print_help(void)
{
    puts("Usage: keylot-server [FILE] [--NAME VALUE ...]\n"
         "\n"
         "A multithreaded key-value server that speaks the Redis protocol.\n"
         "\n"
         "  FILE            configuration, in the syntax of redis.conf\n"
         "  --NAME VALUE    any parameter of the file, after it: --port 7000 --bind '* -::*'\n"
         "  -v, --version   print the version\n"
         "  -h, --help      print this\n"
         "\n"
         "Examples:\n"
         "  keylot-server                                 127.0.0.1:6379\n"
         "  keylot-server --port 0                        any free port; the log names it\n"
         "  keylot-server keylot.conf --loglevel verbose\n"
         "  keylot-server --connection-threads 0          one thread for each connection");
}

static bool is_one_of(const char *arg, const char *shorter, const char *longer)
{
    return strcmp(arg, shorter) == 0 || strcmp(arg, longer) == 0;
}

static enum options_result fail(const char *reason)
{
    fprintf(stderr, "keylot-server: %s\n", reason);
    return OPTIONS_ERROR;
}

// Sets the parameter argv[i] ("--name") from what stands behind it; returns the index of the next
// one, 0 after an error. A value that begins with -- is taken as the next parameter, except right
// behind the name.
static int read_option(int argc, char **argv, int i, struct config *config)
{
    char error[ERROR_CHARS];
    const char *name = argv[i] + 2;
    int first = i + 1, end = first;

    while (end < argc && (end == first || strncmp(argv[end], "--", 2) != 0)) {
        end++;
    }
    if (!config_set_initial(config, name, end - first, (const char *const *)argv + first, error,
                            sizeof(error))) {
        fail(error);
        return 0;
    }
    return end;
}

enum options_result options_read(int argc, char **argv, struct config *config)
{
    char error[ERROR_CHARS];
    int i = 1;

    if (argc == 2 && is_one_of(argv[1], "-v", "--version")) {
        puts("keylot-server " KEYLOT_VERSION);
        return OPTIONS_DONE;
    }
    if (argc == 2 && is_one_of(argv[1], "-h", "--help")) {
        print_help();
        return OPTIONS_DONE;
    }
    if (i < argc && argv[i][0] != '-') {
        if (!config_load_file(config, argv[i], error, sizeof(error))) {
            return fail(error);
        }
        i++;
    }
    while (i < argc) {
        if (strncmp(argv[i], "--", 2) != 0 || argv[i][2] == '\0') {
            snprintf(error, sizeof(error), "'%s' is not an option (see --help)", argv[i]);
            return fail(error);
        }
        i = read_option(argc, argv, i, config);
        if (i == 0) {
            return OPTIONS_ERROR;
        }
    }
    return OPTIONS_RUN;
}
