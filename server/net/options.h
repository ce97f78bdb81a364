// SPDX-License-Identifier: MIT
//
// The command line: `keylot-server [file] [--name value ...]`, --help, --version.
#pragma once

struct config;

enum options_result {
    OPTIONS_RUN,   // the configuration is complete
    OPTIONS_DONE,  // what was asked for has been printed: exit with 0
    OPTIONS_ERROR, // one sentence has been printed on standard error: exit with 1
};

// Reads the file and the options into the configuration, in this order.
enum options_result options_read(int argc, char **argv, struct config *);
