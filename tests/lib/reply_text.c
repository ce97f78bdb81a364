// SPDX-License-Identifier: MIT
#include "tests/lib/reply_text.h"

#include <hiredis/hiredis.h>
#include <stdlib.h>

#include "tests/lib/check.h"

enum { SORTED_MAX = 1024 };

void reply_text(const struct redisReply *reply, struct strbuf *out)
{
    switch (reply->type) {
    case REDIS_REPLY_STATUS:
        strbuf_add(out, reply->str, (size_t)reply->len);
        break;
    case REDIS_REPLY_ERROR:
        strbuf_addf(out, "-%.*s", (int)strcspn(reply->str, " "), reply->str);
        break;
    case REDIS_REPLY_INTEGER:
        strbuf_addf(out, ":%lld", reply->integer);
        break;
    case REDIS_REPLY_NIL:
        strbuf_addf(out, "(nil)");
        break;
    case REDIS_REPLY_STRING:
        strbuf_add_quoted(out, reply->str, (size_t)reply->len);
        break;
    default:
        check_int(reply->type, REDIS_REPLY_ARRAY);
        strbuf_addf(out, "[");
        for (size_t i = 0; i < reply->elements; i++) {
            strbuf_addf(out, i ? " " : "");
            reply_text(reply->element[i], out);
        }
        strbuf_addf(out, "]");
    }
}

void reply_text_of_raw(const char *raw, size_t nbytes, struct strbuf *out)
{
    redisReader *reader = redisReaderCreate();
    void *reply = NULL;

    check(reader != NULL);
    check_int(redisReaderFeed(reader, raw, nbytes), REDIS_OK);
    check_int(redisReaderGetReply(reader, &reply), REDIS_OK);
    check(reply != NULL);
    reply_text(reply, out);
    freeReplyObject(reply);
    redisReaderFree(reader);
}

// The end of the element that begins at `text`: a blank or bracket outside of quotes and brackets.
static const char *element_end(const char *text)
{
    bool quoted = false;
    int depth = 0;

    for (; *text; text++) {
        if (quoted && *text == '\\')
            text++;
        else if (*text == '"')
            quoted = !quoted;
        else if (!quoted && depth == 0 && (*text == ' ' || *text == ']'))
            break;
        else if (!quoted)
            depth += (*text == '[') - (*text == ']');
    }
    return text;
}

int reply_text_elements(const char *text, struct bytes *elements, int max)
{
    int n = 0;

    if (*text != '[')
        return -1;
    for (text++; *text && *text != ']'; text += *text == ' ') {
        const char *end = element_end(text);
        if (n == max)
            return -1;
        elements[n++] = (struct bytes){text, (size_t)(end - text)};
        text = end;
    }
    return n;
}

static int compare_elements(const void *a, const void *b)
{
    return bytes_compare(*(const struct bytes *)a, *(const struct bytes *)b);
}

void reply_text_sort(const char *text, int each, struct strbuf *out)
{
    struct bytes elements[SORTED_MAX];
    int n = reply_text_elements(text, elements, SORTED_MAX);

    if (n < 0 || n % each != 0) {
        strbuf_addf(out, "%s", text);
        return;
    }
    // They stand one after the other in the text, so that those which belong together are one.
    for (int i = 0; i < n / each; i++) {
        const struct bytes *last = &elements[(i + 1) * each - 1];
        elements[i].data = elements[i * each].data;
        elements[i].len = (size_t)(last->data + last->len - elements[i].data);
    }
    n /= each;
    qsort(elements, (size_t)n, sizeof *elements, compare_elements);
    strbuf_addf(out, "[");
    for (int i = 0; i < n; i++) {
        strbuf_addf(out, i ? " " : "");
        strbuf_add(out, elements[i].data, elements[i].len);
    }
    strbuf_addf(out, "]");
}
