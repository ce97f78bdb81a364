// SPDX-License-Identifier: MIT
#include "tests/diff/inline.h"

#include <ctype.h>
#include <string.h>

#include "resp/bytes.h"

static bool all(struct bytes word, bool (*good)(unsigned char))
{
    for (size_t i = 0; i < word.len; i++) {
        if (!good((unsigned char)word.data[i])) {
            return false;
        }
    }
    return true;
}

static bool needs_no_quotes(unsigned char c)
{
    return isalnum(c) || (c != '\0' && strchr("_-.:*?[]()+#>", c));
}

static bool needs_no_escape(unsigned char c)
{
    return isprint(c) && c != '\'' && c != '\\';
}

static void add_word(struct strbuf *line, enum diff_form form, struct bytes word)
{
    if (form == DIFF_LINE_BARE && word.len > 0 && all(word, needs_no_quotes)) {
        strbuf_add(line, word.data, word.len);
    } else if (form == DIFF_LINE_SINGLE && all(word, needs_no_escape)) {
        strbuf_add(line, "'", 1);
        strbuf_add(line, word.data, word.len);
        strbuf_add(line, "'", 1);
    } else {
        strbuf_add_quoted(line, word.data, word.len);
    }
}

void diff_add_line(struct strbuf *line, enum diff_form form, int argc, const struct bytes *argv)
{
    if (form == DIFF_LINE_SINGLE) {
        strbuf_addf(line, "\r\n\n  ");
    }
    for (int i = 0; i < argc; i++) {
        strbuf_addf(line, "%s", i == 0 ? "" : form == DIFF_LINE_SINGLE ? " \t " : " ");
        add_word(line, form, argv[i]);
    }
    strbuf_addf(line, form == DIFF_LINE_DOUBLE ? "\n" : "\r\n");
}
