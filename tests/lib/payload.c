// SPDX-License-Identifier: MIT
#include "tests/lib/payload.h"

#include <errno.h>
#include <liblzf/lzf.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/check.h"

void payload_byte(struct strbuf *p, unsigned byte)
{
    strbuf_add(p, &(char){(char)byte}, 1);
}

void payload_number(struct strbuf *p, uint64_t n, size_t nbytes)
{
    for (size_t i = 0; i < nbytes; i++, n >>= 8)
        payload_byte(p, n & 255);
}

static void big_endian(struct strbuf *p, uint64_t n, size_t nbytes)
{
    for (size_t i = nbytes; i-- > 0;)
        payload_byte(p, n >> (8 * i) & 255);
}

void payload_length(struct strbuf *p, uint64_t n)
{
    if (n < 64) {
        payload_byte(p, (unsigned)n);
    } else if (n < 16384) {
        big_endian(p, 0x4000 | n, 2);
    } else {
        payload_byte(p, n <= UINT32_MAX ? 0x80 : 0x81);
        big_endian(p, n, n <= UINT32_MAX ? 4 : 8);
    }
}

void payload_text(struct strbuf *p, const char *text, size_t len)
{
    payload_length(p, len);
    strbuf_add(p, text, len);
}

void payload_lzf(struct strbuf *p, const char *text, size_t len)
{
    size_t room = len * 2 + 64;
    char *packed = malloc(room);

    check(packed != NULL);
    unsigned n = lzf_compress(text, (unsigned)len, packed, (unsigned)room);
    check(n > 0);
    payload_byte(p, 0xc3);
    payload_length(p, n);
    payload_length(p, len);
    strbuf_add(p, packed, n);
    free(packed);
}

uint64_t payload_crc(const char *data, size_t len)
{
    uint64_t crc = 0;

    for (size_t i = 0; i < len; i++) {
        crc ^= (unsigned char)data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? crc >> 1 ^ 0x95ac9329ac4bc9b5 : crc >> 1;
    }
    return crc;
}

void payload_end(struct strbuf *p, unsigned version)
{
    payload_number(p, version, 2);
    payload_number(p, payload_crc(p->data, p->len), 8);
}

// ---- blobs -----------------------------------------------------------------------------------

// The words one by one; NULL at the end. "_" is passed as "".
static const char *next_word(char **rest)
{
    char *word = strtok_r(NULL, " ", rest);

    return word && strcmp(word, "_") == 0 ? "" : word;
}

static bool is_number(const char *word, long long *n)
{
    char *end;

    errno = 0;
    *n = strtoll(word, &end, 10);
    return errno == 0 && *word != '\0' && *end == '\0' && word[0] != '+' &&
           (word[0] != '0' || word[1] == '\0') && strncmp(word, "-0", 2) != 0;
}

// Adds a blob of a header, its entries and the end mark, as a text.
static void add_blob(struct strbuf *p, const struct strbuf *head, const struct strbuf *entries)
{
    struct strbuf blob = {NULL, 0, 0};

    strbuf_add(&blob, head->data, head->len);
    if (entries->len > 0)
        strbuf_add(&blob, entries->data, entries->len);
    payload_byte(&blob, 0xff);
    payload_text(p, blob.data, blob.len);
    strbuf_free(&blob);
}

static void listpack_int(struct strbuf *e, long long n)
{
    if (n >= 0 && n <= 127) {
        payload_byte(e, (unsigned)n);
    } else if (n >= -4096 && n <= 4095) {
        big_endian(e, 0xc000 | ((uint64_t)n & 0x1fff), 2);
    } else if (n >= -32768 && n <= 32767) {
        payload_byte(e, 0xf1);
        payload_number(e, (uint64_t)n, 2);
    } else if (n >= -(1 << 23) && n < 1 << 23) {
        payload_byte(e, 0xf2);
        payload_number(e, (uint64_t)n, 3);
    } else if (n >= INT32_MIN && n <= INT32_MAX) {
        payload_byte(e, 0xf3);
        payload_number(e, (uint64_t)n, 4);
    } else {
        payload_byte(e, 0xf4);
        payload_number(e, (uint64_t)n, 8);
    }
}

static void listpack_text(struct strbuf *e, const char *text, size_t len)
{
    if (len < 64) {
        payload_byte(e, 0x80 | (unsigned)len);
    } else if (len < 4096) {
        big_endian(e, 0xe000 | len, 2);
    } else {
        payload_byte(e, 0xf0);
        payload_number(e, len, 4);
    }
    strbuf_add(e, text, len);
}

// The length behind an entry of `n` bytes, by Redis's limits.
static void listpack_back(struct strbuf *e, size_t n)
{
    int size = n <= 127 ? 1 : n < 16383 ? 2 : n < 2097151 ? 3 : 4;

    for (int i = size; i-- > 0;)
        payload_byte(e, (n >> (7 * i) & 127) | (i < size - 1 ? 128 : 0));
}

static void listpack_end(struct strbuf *p, struct strbuf *entries, size_t count)
{
    struct strbuf head = {NULL, 0, 0};

    payload_number(&head, 6 + entries->len + 1, 4);
    payload_number(&head, count, 2);
    add_blob(p, &head, entries);
    strbuf_free(&head);
    strbuf_free(entries);
}

void payload_listpack(struct strbuf *p, const char *words)
{
    struct strbuf entries = {NULL, 0, 0};
    char *copy = strdup(words), *rest = copy;
    size_t count = 0;

    check(copy != NULL);
    for (const char *word = next_word(&rest); word; word = next_word(&rest), count++) {
        size_t before = entries.len;
        long long n;
        if (is_number(word, &n))
            listpack_int(&entries, n);
        else
            listpack_text(&entries, word, strlen(word));
        listpack_back(&entries, entries.len - before);
    }
    free(copy);
    listpack_end(p, &entries, count);
}

void payload_listpack_long(struct strbuf *p, size_t len)
{
    struct strbuf entries = {NULL, 0, 0};
    char *text = malloc(len);

    check(text != NULL);
    memset(text, 'x', len);
    listpack_text(&entries, text, len);
    listpack_back(&entries, entries.len);
    free(text);
    listpack_end(p, &entries, 1);
}

static void ziplist_int(struct strbuf *e, long long n)
{
    static const struct {
        unsigned code, nbytes;
    } forms[] = {{0xfe, 1}, {0xc0, 2}, {0xf0, 3}, {0xd0, 4}, {0xe0, 8}};
    size_t i = 0;

    if (n >= 0 && n <= 12) {
        payload_byte(e, 0xf1 + (unsigned)n);
        return;
    }
    while (i < 4 &&
           (n < -(1LL << (8 * forms[i].nbytes - 1)) || n >= 1LL << (8 * forms[i].nbytes - 1)))
        i++;
    payload_byte(e, forms[i].code);
    payload_number(e, (uint64_t)n, forms[i].nbytes);
}

static void ziplist_text(struct strbuf *e, const char *text, size_t len)
{
    if (len < 64) {
        payload_byte(e, (unsigned)len);
    } else if (len < 16384) {
        big_endian(e, 0x4000 | len, 2);
    } else {
        payload_byte(e, 0x80);
        big_endian(e, len, 4);
    }
    strbuf_add(e, text, len);
}

void payload_ziplist(struct strbuf *p, const char *words)
{
    struct strbuf entries = {NULL, 0, 0}, head = {NULL, 0, 0};
    char *copy = strdup(words), *rest = copy;
    size_t count = 0, before = 0, last = 0;

    check(copy != NULL);
    for (const char *word = next_word(&rest); word; word = next_word(&rest), count++) {
        long long n;
        last = entries.len;
        payload_byte(&entries, before < 254 ? (unsigned)before : 254);
        if (before >= 254)
            payload_number(&entries, before, 4);
        if (is_number(word, &n))
            ziplist_int(&entries, n);
        else
            ziplist_text(&entries, word, strlen(word));
        before = entries.len - last;
    }
    free(copy);
    payload_number(&head, 10 + entries.len + 1, 4);
    payload_number(&head, 10 + last, 4);
    payload_number(&head, count, 2);
    add_blob(p, &head, &entries);
    strbuf_free(&head);
    strbuf_free(&entries);
}

static void zipmap_length(struct strbuf *e, size_t len)
{
    payload_byte(e, len < 254 ? (unsigned)len : 254);
    if (len >= 254)
        payload_number(e, len, 4);
}

void payload_zipmap(struct strbuf *p, const char *words)
{
    struct strbuf entries = {NULL, 0, 0}, head = {NULL, 0, 0};
    char *copy = strdup(words), *rest = copy;
    size_t count = 0;

    check(copy != NULL);
    for (const char *word = next_word(&rest); word; word = next_word(&rest), count++) {
        unsigned unused = count % 4; // some values have room behind them
        zipmap_length(&entries, strlen(word));
        if (count % 2 != 0)
            payload_byte(&entries, unused);
        strbuf_add(&entries, word, strlen(word));
        for (unsigned i = 0; count % 2 != 0 && i < unused; i++)
            payload_byte(&entries, 'u');
    }
    free(copy);
    payload_byte(&head, count / 2 < 254 ? (unsigned)(count / 2) : 254);
    add_blob(p, &head, &entries);
    strbuf_free(&head);
    strbuf_free(&entries);
}
