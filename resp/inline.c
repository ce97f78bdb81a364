// SPDX-License-Identifier: MIT

#include "resp/inline.h"

#include <stdbool.h>

// One word being read. A word never grows by resolving, so it is written over its own source: the
// write position never passes the read position.
struct word {
    const char *at;  // next byte to read
    const char *end; // end of the line
    char *out;       // where the next byte goes; NULL when only counting
    char *start;     // where the word began
};

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

// Vertical tab and form feed separate words, but do not end one: so does Redis.
static bool ends_word(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = bytes_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void put(struct word *w, char c)
{
    if (w->out != NULL) {
        *w->out++ = c;
    }
}

static char escaped(char c)
{
    switch (c) {
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    case 'b':
        return '\b';
    case 'a':
        return '\a';
    default:
        return c;
    }
}

// Reads one escape of a double quoted part; `at` is on the backslash.
static void read_escape(struct word *w)
{
    size_t left = (size_t)(w->end - w->at);

    if (left >= 4 && w->at[1] == 'x' && hex_digit(w->at[2]) >= 0 && hex_digit(w->at[3]) >= 0) {
        put(w, (char)(hex_digit(w->at[2]) * 16 + hex_digit(w->at[3])));
        w->at += 4;
    } else if (left >= 2) {
        put(w, escaped(w->at[1]));
        w->at += 2;
    } else {
        put(w, '\\');
        w->at++;
    }
}

// Reads up to and over the closing `quote`, which ends the word. False when it is missing or glued
// to what follows.
static bool read_quoted(struct word *w, char quote)
{
    while (w->at < w->end) {
        if (*w->at == quote) {
            w->at++;
            return w->at == w->end || is_blank(*w->at);
        }
        if (*w->at != '\\') {
            put(w, *w->at++);
        } else if (quote == '"') {
            read_escape(w);
        } else if (w->end - w->at >= 2 && w->at[1] == '\'') {
            put(w, '\'');
            w->at += 2;
        } else {
            put(w, *w->at++);
        }
    }
    return false;
}

// Reads one word. False when its quotes are unbalanced.
static bool read_word(struct word *w)
{
    while (w->at < w->end && !ends_word(*w->at)) {
        char c = *w->at;

        if (c == '"' || c == '\'') {
            w->at++;
            return read_quoted(w, c);
        }
        put(w, c);
        w->at++;
    }
    return true;
}

int inline_split(char *line, size_t len, struct bytes *args)
{
    struct word w = {.at = line, .end = line + len};
    int count = 0;

    for (;;) {
        while (w.at < w.end && is_blank(*w.at)) {
            w.at++;
        }
        if (w.at == w.end) {
            return count;
        }
        w.start = line + (w.at - line);
        w.out = args == NULL ? NULL : w.start;
        if (!read_word(&w)) {
            return -1;
        }
        if (args != NULL) {
            args[count] = (struct bytes){w.start, (size_t)(w.out - w.start)};
        }
        count++;
    }
}
