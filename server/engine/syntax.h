// SPDX-License-Identifier: MIT
//
// The arguments of a command as a tree, read from the row's syntax text, for COMMAND DOCS.
//
//     list    = item ... { '|' item ... }        alternatives
//     item    = name                             an argument: lower case
//             | TOKEN [name | '<' list '>']      a word to be written as it is, and what follows it
//             | '<' list '>'                     one of, or all of, these
//             | '[' list ']'                     the same, may be left out
//             | '[' item ... '...' ']'           what stands before (or this) once more, and again
//
// The tree lies in one array; child and next are indexes into it, 0 for none (element 0 is the
// root).
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "resp/bytes.h"

enum { SYNTAX_NODES = 96 };

enum syntax_kind {
    SYNTAX_ARGUMENT, // name
    SYNTAX_TOKEN,    // token alone
    SYNTAX_ONE_OF,   // one of the children
    SYNTAX_BLOCK,    // all of the children
};

enum syntax_flag {
    SYNTAX_OPTIONAL = 1,
    SYNTAX_MULTIPLE = 2,       // may be repeated
    SYNTAX_MULTIPLE_TOKEN = 4, // with its token each time
};

struct syntax_node {
    enum syntax_kind kind;
    unsigned flags;
    struct bytes name, token; // in the text that was parsed; empty: none
    unsigned child, next;
    unsigned nchildren;
    unsigned begin, end; // where it stands in the text
};

struct syntax {
    struct syntax_node nodes[SYNTAX_NODES];
    unsigned n;
};

// Reads a text; the arguments are the children of nodes[0]. False: the text does not follow the
// rules above, or has more than SYNTAX_NODES items.
bool syntax_parse(const char *text, struct syntax *out);
// The type of an argument as COMMAND DOCS names it ("string", "integer", "key", "oneof" ...).
const char *syntax_type(const struct syntax_node *);
