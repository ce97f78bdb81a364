// SPDX-License-Identifier: MIT
#include "server/engine/textbuf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "datatypes/mem.h"

enum { TEXTBUF_FIRST = 2048 };

// Makes room for `more` bytes and a terminator.
static bool reserve(struct textbuf *t, size_t more)
{
    size_t need = t->len + more + 1;

    if (t->failed)
        return false;
    if (need <= t->cap)
        return true;
    size_t cap = t->cap ? t->cap : TEXTBUF_FIRST;
    while (cap < need)
        cap *= 2;
    char *data = mem_realloc(t->data, cap);
    if (!data) {
        t->failed = true;
        return false;
    }
    t->data = data;
    t->cap = cap;
    return true;
}

void textbuf_add(struct textbuf *t, struct bytes s)
{
    if (!reserve(t, s.len))
        return;
    if (s.len)
        memcpy(t->data + t->len, s.data, s.len);
    t->len += s.len;
    t->data[t->len] = '\0';
}

void textbuf_printf(struct textbuf *t, const char *format, ...)
{
    va_list args;

    if (!reserve(t, 128))
        return;
    va_start(args, format);
    int n = vsnprintf(t->data + t->len, t->cap - t->len, format, args);
    va_end(args);
    if (n < 0)
        return;
    if ((size_t)n >= t->cap - t->len) { // it did not fit: once more with room
        if (!reserve(t, (size_t)n)) {
            t->data[t->len] = '\0';
            return;
        }
        va_start(args, format);
        vsnprintf(t->data + t->len, t->cap - t->len, format, args);
        va_end(args);
    }
    t->len += (size_t)n;
}

void textbuf_human(char *out, size_t nout, uint64_t nbytes)
{
    static const char UNITS[] = "KMGTPE";
    double n = (double)nbytes;
    int unit = -1;

    if (nbytes < 1024) {
        snprintf(out, nout, "%dB", (int)nbytes);
        return;
    }
    while (n >= 1024 && unit < (int)sizeof UNITS - 2) {
        n /= 1024;
        unit++;
    }
    snprintf(out, nout, "%.2f%c", n, UNITS[unit]);
}

void textbuf_free(struct textbuf *t)
{
    mem_free(t->data);
    *t = TEXTBUF_EMPTY;
}
