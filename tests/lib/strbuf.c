// SPDX-License-Identifier: MIT
#include "tests/lib/strbuf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void strbuf_clear(struct strbuf *t)
{
    t->len = 0;
    strbuf_add(t, "", 0);
}

void strbuf_free(struct strbuf *t)
{
    free(t->data);
    *t = (struct strbuf){0};
}

void strbuf_add(struct strbuf *t, const char *data, size_t len)
{
    if (t->len + len + 1 > t->cap) {
        t->cap = 2 * (t->len + len) + 64;
        t->data = realloc(t->data, t->cap);
        if (!t->data) {
            abort();
        }
    }
    memcpy(t->data + t->len, data, len);
    t->len += len;
    t->data[t->len] = '\0';
}

void strbuf_addf(struct strbuf *t, const char *format, ...)
{
    char *made;
    int len;
    va_list args;

    va_start(args, format);
    len = vasprintf(&made, format, args);
    va_end(args);
    if (len < 0) {
        abort();
    }
    strbuf_add(t, made, (size_t)len);
    free(made);
}

void strbuf_add_quoted(struct strbuf *t, const char *data, size_t len)
{
    static const char raw[] = "\n\r\t\a\b\"\\", names[] = "nrtab\"\\";

    strbuf_add(t, "\"", 1);
    for (size_t i = 0; i < len; i++) {
        const char *special = data[i] ? strchr(raw, data[i]) : NULL;
        size_t plain = i;

        while (plain < len && data[plain] >= ' ' && data[plain] <= '~' && data[plain] != '"' &&
               data[plain] != '\\') {
            plain++;
        }
        if (plain > i) {
            strbuf_add(t, data + i, plain - i);
            i = plain - 1;
        } else if (special) {
            strbuf_addf(t, "\\%c", names[special - raw]);
        } else {
            strbuf_addf(t, "\\x%02x", (unsigned char)data[i]);
        }
    }
    strbuf_add(t, "\"", 1);
}
