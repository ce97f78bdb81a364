// SPDX-License-Identifier: MIT
#include "server/engine/config_words.h"

#include <stdint.h>
#include <stdio.h>

#include "datatypes/mem.h"

static bool blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r') || c == '\0';
}

static int hex_digit(char c)
{
    char l = bytes_lower(c);

    return c >= '0' && c <= '9' ? c - '0' : l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

// Resolves the escape behind the backslash at `in`; returns how many bytes it takes.
static size_t unescape(const char *in, const char *end, char *out)
{
    static const char names[] = "nrtba", values[] = "\n\r\t\b\a";
    const char *name;

    if (end - in >= 4 && in[1] == 'x' && hex_digit(in[2]) >= 0 && hex_digit(in[3]) >= 0) {
        *out = (char)(hex_digit(in[2]) * 16 + hex_digit(in[3]));
        return 4;
    }
    name = in[1] == '\0' ? NULL : strchr(names, in[1]);
    *out = name ? values[name - names] : in[1];
    return 2;
}

// Reads one word at `in` into *out, which advances; returns where the word ended, NULL when a quote
// is not closed.
static const char *read_word(const char *in, const char *end, char **out)
{
    char quote = 0;

    while (in < end) {
        if (quote && *in == quote) {
            in++;
            return in == end || blank(*in) ? in : NULL;
        }
        if (quote == '"' && *in == '\\' && end - in >= 2) {
            in += unescape(in, end, (*out)++);
        } else if (quote == '\'' && *in == '\\' && end - in >= 2 && in[1] == '\'') {
            *(*out)++ = '\'';
            in += 2;
        } else if (!quote && blank(*in)) {
            return in;
        } else if (!quote && (*in == '"' || *in == '\'')) {
            quote = *in++;
        } else {
            *(*out)++ = *in++;
        }
    }
    return quote ? NULL : in;
}

enum words_result words_split(struct words *words, struct bytes line)
{
    const char *in = line.data, *end = line.data + line.len;
    // A word takes at least one byte and a blank, and no word grows by being unquoted.
    size_t most = line.len / 2 + 1;
    char *out;

    *words = (struct words){0};
    words->word = mem_alloc(most * sizeof(struct bytes));
    words->memory = mem_alloc(line.len + most + 1);
    if (!words->word || !words->memory) {
        words_free(words);
        return WORDS_NO_MEMORY;
    }
    out = words->memory;
    for (;;) {
        char *start = out;

        while (in < end && blank(*in)) {
            in++;
        }
        if (in == end) {
            return WORDS_OK;
        }
        in = read_word(in, end, &out);
        if (!in) {
            words_free(words);
            return WORDS_UNBALANCED;
        }
        words->word[words->n++] = (struct bytes){start, (size_t)(out - start)};
        *out++ = '\0';
    }
}

void words_free(struct words *words)
{
    mem_free(words->word);
    mem_free(words->memory);
    *words = (struct words){0};
}

static bool needs_quotes(struct bytes word)
{
    for (size_t i = 0; i < word.len; i++) {
        unsigned char c = (unsigned char)word.data[i];

        if (c <= ' ' || c >= 127 || c == '"' || c == '\'' || c == '\\' || c == '#') {
            return true;
        }
    }
    return word.len == 0;
}

size_t words_quote(char *out, struct bytes word)
{
    static const char hex[] = "0123456789abcdef";
    char *start = out;

    if (!needs_quotes(word)) {
        memcpy(out, word.data, word.len);
        out[word.len] = '\0';
        return word.len;
    }
    *out++ = '"';
    for (size_t i = 0; i < word.len; i++) {
        unsigned char c = (unsigned char)word.data[i];

        if (c == '"' || c == '\\') {
            *out++ = '\\';
            *out++ = (char)c;
        } else if (c < ' ' || c >= 127) {
            *out++ = '\\';
            *out++ = 'x';
            *out++ = hex[c >> 4];
            *out++ = hex[c & 15];
        } else {
            *out++ = (char)c;
        }
    }
    *out++ = '"';
    *out = '\0';
    return (size_t)(out - start);
}
