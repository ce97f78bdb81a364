// SPDX-License-Identifier: MIT
//
// Strings
//
// A string lives in the value word when it can (see value.h) and in one block otherwise:
//
//     VALUE_STR        +0  len        published length            VALUE_STR_TTL   +0  expires_at_ms
//                      +4  cap_flags  RAW | INT | capacity                        +8  struct str
//                      +8  bytes ...                                              +16 bytes ...
//
// Both sizes of header leave a 16-byte text in one 32-byte block. Long strings get the second
// layout even without an expire time, so that EXPIRE never copies them.
//
// A third layout, VALUE_STR_MUTABLE, is a struct object with a struct str behind it. A string of
// MUTABLE_FROM bytes or more gets it (by one last copy) when a part of it is changed for the first
// time, as in a bitmap. From then on its bytes are changed in place, under the key's write lock and
// in a write section like those of collections. Who wants all of its bytes must hold its lock;
// str_len() and str_byte() work without.
//
// Invariants
// 1. Bytes below `len` never change while a reader may hold the word: SETRANGE inside the string
//    makes a new block, and only writes wholly beyond `len` are done in place. Of a mutable string
//    they change by str_put() in a write section.
// 2. `len` only grows. It is stored (release) after the bytes below it were written and loaded once
//    (acquire) by each reader, so a reader sees the string before or after an append, never
//    between.
// 3. `cap_flags` and the block's layout are written before the word is published and never after.
// 4. INT is set exactly when the text is a canonical int64_t that SET stored (it is for OBJECT
// ENCODING);
//    RAW when APPEND or SETRANGE made the block, and it has room to grow in place.
//
// Concurrency: writers of a key exclude each other by its write lock; readers hold an epoch
// section. The expire time is one atomic word of its own (value.h, struct object has the same).
#include "datatypes/str.h"

#include <assert.h>
#include <string.h>

#include "datatypes/lazyfree.h"
#include "datatypes/mem.h"

struct str {
    _Atomic uint32_t len;
    uint32_t cap_flags;
    char data[];
};

struct str_ttl {
    _Atomic int64_t expires_at_ms;
    struct str str;
};

struct str_mutable {
    struct object object;
    struct str str;
};

enum {
    TINY_MAX = 7,               // longest text inside the value word
    EMBSTR_MAX = 44,            // OBJECT ENCODING says raw above this length, as Redis does
    TTL_ROOM_FROM = 1024,       // strings this long always have room for an expire time
    BLOCK_MIN = 16,             // smaller requests are not aligned to 16, which the word needs
    GROW_LINEAR_FROM = 1 << 20, // capacity doubles up to here, then grows by this much
    MUTABLE_FROM = 1024,        // shorter strings are copied when a part of them is changed
    COPY_SLICE = 1 << 16,       // bytes of a large string that are written between two steps
    COPY_BYTES_PER_UNIT = 512,  // and how many of them are a unit of work
};

#define STR_RAW      (UINT32_C(1) << 31)
#define STR_INT      (UINT32_C(1) << 30)
#define STR_CAP_MASK (STR_INT - 1)

#define INLINE_INT_MAX ((INT64_C(1) << 59) - 1)
#define INLINE_INT_MIN (-(INT64_C(1) << 59))

_Static_assert(STR_MAX_BYTES == STR_CAP_MASK, "the capacity field must hold every length");
_Static_assert(sizeof(struct str) == 8 && sizeof(struct str_ttl) == 16, "headers without padding");
_Static_assert(sizeof(struct str_mutable) == 24, "headers without padding");

// ---- numbers as text -------------------------------------------------------------------------

bool str_parse_i64(const char *data, size_t len, int64_t *out)
{
    if (len == 0 || len > STR_I64_MAX)
        return false;
    bool negative = data[0] == '-';
    size_t i = negative;
    if (i == len || data[i] < '0' || data[i] > '9')
        return false;
    if (data[i] == '0' && len > 1) // "0" only: no "-0", no leading zeros
        return false;

    uint64_t limit = negative ? (uint64_t)INT64_MAX + 1 : (uint64_t)INT64_MAX;
    uint64_t n = 0;
    for (; i < len; i++) {
        unsigned digit = (unsigned char)data[i] - (unsigned)'0';
        if (digit > 9 || n > (limit - digit) / 10)
            return false;
        n = n * 10 + digit;
    }
    *out = (int64_t)(negative ? -n : n);
    return true;
}

size_t str_format_i64(int64_t n, char buf[static STR_I64_MAX])
{
    char reversed[STR_I64_MAX];
    uint64_t rest = n < 0 ? -(uint64_t)n : (uint64_t)n;
    size_t digits = 0, len = 0;

    do {
        reversed[digits++] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest != 0);
    if (n < 0)
        buf[len++] = '-';
    while (digits > 0)
        buf[len++] = reversed[--digits];
    return len;
}

// ---- the word and the block ------------------------------------------------------------------

static bool fits_inline_int(int64_t n)
{
    return n >= INLINE_INT_MIN && n <= INLINE_INT_MAX;
}

static struct value inline_int(int64_t n)
{
    return (struct value){(uint64_t)n << 4 | VALUE_INT};
}

static int64_t inline_int_of(struct value v)
{
    return (int64_t)v.bits >> 4;
}

static struct value inline_text(const char *data, size_t len)
{
    uint64_t bits = VALUE_TINY | (uint64_t)len << 4;
    for (size_t i = 0; i < len; i++)
        bits |= (uint64_t)(unsigned char)data[i] << (8 * (i + 1));
    return (struct value){bits};
}

static bool has_block(struct value v)
{
    return value_kind(v) == VALUE_STR || value_kind(v) == VALUE_STR_TTL ||
           value_kind(v) == VALUE_STR_MUTABLE;
}

static struct str *block_of(struct value v)
{
    if (value_kind(v) == VALUE_STR)
        return value_pointer(v);
    if (value_kind(v) == VALUE_STR_MUTABLE)
        return &((struct str_mutable *)value_pointer(v))->str;
    return &((struct str_ttl *)value_pointer(v))->str;
}

static size_t block_capacity(const struct str *s)
{
    return s->cap_flags & STR_CAP_MASK;
}

static size_t header_of(enum value_kind kind)
{
    if (kind == VALUE_STR)
        return sizeof(struct str);
    return kind == VALUE_STR_TTL ? sizeof(struct str_ttl) : sizeof(struct str_mutable);
}

// A private block of length 0 with room for at least `nbytes` <= STR_MAX_BYTES; NULL without
// memory. VALUE_STR has no room for an expire time.
static struct str *block_new_kind(enum value_kind kind, size_t nbytes, uint32_t flags,
                                  int64_t expires_at_ms, struct value *word)
{
    size_t header = header_of(kind);
    size_t size = mem_good_size(header + nbytes < BLOCK_MIN ? BLOCK_MIN : header + nbytes);
    void *block = mem_alloc(size);
    if (block == NULL)
        return NULL;

    *word = value_make(kind, block);
    if (kind == VALUE_STR_TTL) {
        atomic_init(&((struct str_ttl *)block)->expires_at_ms, expires_at_ms);
    } else if (kind == VALUE_STR_MUTABLE) {
        struct object *o = block;
        atomic_init(&o->expires_at_ms, expires_at_ms);
        atomic_init(&o->seq, 0);
    }
    struct str *s = block_of(*word);
    size_t cap = size - header < STR_CAP_MASK ? size - header : STR_CAP_MASK;
    s->cap_flags = (uint32_t)cap | flags;
    atomic_init(&s->len, 0);
    return s;
}

// The same of the kind that a string of that size has.
static struct str *block_new(size_t nbytes, uint32_t flags, int64_t expires_at_ms,
                             struct value *word)
{
    bool ttl = expires_at_ms != NO_EXPIRE || nbytes >= TTL_ROOM_FROM;
    return block_new_kind(ttl ? VALUE_STR_TTL : VALUE_STR, nbytes, flags, expires_at_ms, word);
}

// A block that holds exactly these bytes.
static enum status block_from(const char *data, size_t len, uint32_t flags, int64_t expires_at_ms,
                              struct value *out)
{
    if (len > STR_MAX_BYTES)
        return STATUS_TOO_LONG;
    struct value word;
    struct str *s = block_new(len, flags, expires_at_ms, &word);
    if (s == NULL)
        return STATUS_NO_MEMORY;
    memcpy(s->data, data, len);
    atomic_init(&s->len, (uint32_t)len); // private: publishing the word releases it
    *out = word;
    return STATUS_OK;
}

// ---- reading ---------------------------------------------------------------------------------

void str_view(struct value v, struct str_view *view)
{
    assert(value_is_string(v));
    if (has_block(v)) {
        const struct str *s = block_of(v);
        // Acquire pairs with the release in publish_length(): the bytes below it are there.
        view->len = atomic_load_explicit(&s->len, memory_order_acquire);
        view->data = s->data;
        return;
    }
    view->data = view->buf;
    if (value_kind(v) == VALUE_INT) {
        view->len = str_format_i64(inline_int_of(v), view->buf);
        return;
    }
    view->len = v.bits >> 4 & 15;
    for (size_t i = 0; i < TINY_MAX; i++)
        view->buf[i] = (char)(v.bits >> (8 * (i + 1)));
}

uint8_t str_byte(struct value v, size_t i)
{
    if (value_kind(v) == VALUE_STR_MUTABLE) {
        const struct str *s = block_of(v);
        if (i >= atomic_load_explicit(&s->len, memory_order_acquire))
            return 0;
        // Acquire pairs with str_put(): who sees the new byte also sees that a section is open.
        return (uint8_t)__atomic_load_n(&s->data[i], __ATOMIC_ACQUIRE);
    }
    struct str_view view;
    str_view(v, &view);
    return i < view.len ? (uint8_t)view.data[i] : 0;
}

size_t str_len(struct value v)
{
    struct str_view view;
    str_view(v, &view);
    return view.len;
}

enum status str_to_i64(struct value v, int64_t *out)
{
    if (value_kind(v) == VALUE_INT) {
        *out = inline_int_of(v);
        return STATUS_OK;
    }
    struct str_view view;
    str_view(v, &view);
    return str_parse_i64(view.data, view.len, out) ? STATUS_OK : STATUS_NOT_INTEGER;
}

// ---- making ----------------------------------------------------------------------------------

enum status str_new(const char *data, size_t len, int64_t expires_at_ms, struct value *out)
{
    int64_t n = 0;
    bool is_int = str_parse_i64(data, len, &n);

    if (expires_at_ms == NO_EXPIRE && is_int && fits_inline_int(n)) {
        *out = inline_int(n);
        return STATUS_OK;
    }
    return is_int ? block_from(data, len, STR_INT, expires_at_ms, out)
                  : str_new_text(data, len, expires_at_ms, out);
}

enum status str_new_text(const char *data, size_t len, int64_t expires_at_ms, struct value *out)
{
    if (expires_at_ms == NO_EXPIRE && len <= TINY_MAX) {
        *out = inline_text(data, len);
        return STATUS_OK;
    }
    return block_from(data, len, 0, expires_at_ms, out);
}

enum status str_from_i64(int64_t n, int64_t expires_at_ms, struct value *out)
{
    if (expires_at_ms == NO_EXPIRE && fits_inline_int(n)) {
        *out = inline_int(n);
        return STATUS_OK;
    }
    char text[STR_I64_MAX];
    size_t len = str_format_i64(n, text);
    return block_from(text, len, STR_INT, expires_at_ms, out);
}

// ---- changing --------------------------------------------------------------------------------

static size_t max_bytes(const struct type_ctx *ctx)
{
    // Relaxed: any recent value of the setting serves.
    size_t max = atomic_load_explicit(&ctx->limits->max_string_bytes, memory_order_relaxed);
    return max < STR_MAX_BYTES ? max : STR_MAX_BYTES;
}

// True when `len` bytes (at least the present length) may be reached without a new block. A block
// whose encoding name would have to change needs a new one, see invariants 3 and 4.
static bool can_grow_in_place(struct value v, size_t len)
{
    if (!has_block(v))
        return false;
    const struct str *s = block_of(v);
    bool stays_raw = (s->cap_flags & STR_RAW) || len > EMBSTR_MAX;
    return stays_raw && len <= block_capacity(s);
}

static void publish_length(struct str *s, size_t len)
{
    // Release: whoever loads this length sees the bytes that were written before.
    atomic_store_explicit(&s->len, (uint32_t)len, memory_order_release);
}

static size_t grown_capacity(size_t len)
{
    size_t cap = len < GROW_LINEAR_FROM ? 2 * len : len + GROW_LINEAR_FROM;
    return cap < STR_MAX_BYTES ? cap : STR_MAX_BYTES;
}

enum status str_append(struct type_ctx *ctx, struct value old, const char *data, size_t len,
                       struct value *out, size_t *new_len)
{
    size_t max = max_bytes(ctx);
    struct str_view view = {.len = 0};
    if (!value_is_none(old))
        str_view(old, &view);
    if (view.len > max || len > max - view.len)
        return STATUS_TOO_LONG;

    size_t total = view.len + len;
    if (value_is_none(old)) {
        enum status status = str_new(data, len, NO_EXPIRE, out);
        if (status == STATUS_OK)
            *new_len = total;
        return status;
    }

    struct value word = old;
    struct str *s;
    if (can_grow_in_place(old, total)) {
        s = block_of(old);
    } else {
        s = block_new(grown_capacity(total), STR_RAW, str_expires_at(old), &word);
        if (s == NULL)
            return STATUS_NO_MEMORY;
        memcpy(s->data, view.data, view.len);
    }
    if (len > 0) // data may be NULL otherwise
        memcpy(s->data + view.len, data, len);
    publish_length(s, total);
    *out = word;
    *new_len = total;
    return STATUS_OK;
}

enum status str_set_range(struct type_ctx *ctx, struct value old, size_t offset, const char *data,
                          size_t len, struct value *out, size_t *new_len)
{
    assert(len > 0);
    size_t max = max_bytes(ctx);
    if (offset > max || len > max - offset)
        return STATUS_TOO_LONG;

    struct str_view view = {.len = 0};
    if (!value_is_none(old))
        str_view(old, &view);
    size_t end = offset + len;
    size_t total = end > view.len ? end : view.len;

    struct value word = old;
    struct str *s;
    if (offset >= view.len && can_grow_in_place(old, total)) {
        s = block_of(old);
    } else {
        // Only a string that was there and now grows is likely to grow again.
        bool grows = view.len > 0 && total > view.len;
        int64_t expires_at_ms = value_is_none(old) ? NO_EXPIRE : str_expires_at(old);
        s = block_new(grows ? grown_capacity(total) : total, STR_RAW, expires_at_ms, &word);
        if (s == NULL)
            return STATUS_NO_MEMORY;
        if (view.len > 0)
            memcpy(s->data, view.data, view.len);
    }
    if (offset > view.len)
        memset(s->data + view.len, 0, offset - view.len);
    memcpy(s->data + offset, data, len);
    publish_length(s, total);
    *out = word;
    *new_len = total;
    return STATUS_OK;
}

// ---- bytes changed one by one -----------------------------------------------------------------

enum status str_new_room(size_t nbytes, int64_t expires_at_ms, struct value *out, char **bytes)
{
    if (nbytes > STR_MAX_BYTES)
        return STATUS_TOO_LONG;
    struct str *s = block_new(nbytes, STR_RAW, expires_at_ms, out);
    if (s == NULL)
        return STATUS_NO_MEMORY;
    *bytes = s->data;
    return STATUS_OK;
}

void str_fill_room(struct value v, size_t len)
{
    assert(len <= block_capacity(block_of(v)));
    publish_length(block_of(v), len);
}

// Writes a large private string: `from` NULL zeroes it. What is read is locked by the caller.
static void write_in_steps(struct type_ctx *ctx, char *to, const char *from, size_t len)
{
    while (len > 0) {
        size_t n = len < COPY_SLICE ? len : COPY_SLICE;
        if (from) {
            memcpy(to, from, n);
            from += n;
        } else {
            memset(to, 0, n);
        }
        to += n;
        len -= n;
        type_step(ctx, n / COPY_BYTES_PER_UNIT);
    }
}

static bool can_edit_in_place(struct value v, size_t len)
{
    return value_kind(v) == VALUE_STR_MUTABLE && len <= block_capacity(block_of(v));
}

size_t str_edit_cost(struct value old, size_t min_len)
{
    size_t len = value_is_none(old) ? 0 : str_len(old);
    size_t total = min_len > len ? min_len : len;

    return can_edit_in_place(old, total) ? total - len : total;
}

enum status str_edit_prepare(struct type_ctx *ctx, struct value old, size_t min_len,
                             struct str_edit *e)
{
    struct str_view view = {.len = 0};
    if (!value_is_none(old))
        str_view(old, &view);
    size_t total = min_len > view.len ? min_len : view.len;
    if (total > STR_MAX_BYTES)
        return STATUS_TOO_LONG;

    *e = (struct str_edit){.word = old, .min_len = total};
    if (can_edit_in_place(old, total)) {
        e->bytes = block_of(old)->data;
        e->in_place = true;
        return STATUS_OK;
    }
    int64_t expires_at_ms = value_is_none(old) ? NO_EXPIRE : value_expires_at(old);
    bool grows = view.len > 0 && total > view.len;
    size_t cap = grows ? grown_capacity(total) : total;
    struct str *s = total >= MUTABLE_FROM
                        ? block_new_kind(VALUE_STR_MUTABLE, cap, STR_RAW, expires_at_ms, &e->word)
                        : block_new(cap, STR_RAW, expires_at_ms, &e->word);
    if (s == NULL)
        return STATUS_NO_MEMORY;
    if (view.len > 0)
        write_in_steps(ctx, s->data, view.data, view.len);
    write_in_steps(ctx, s->data + view.len, NULL, total - view.len);
    publish_length(s, total);
    e->bytes = s->data;
    return STATUS_OK;
}

void str_edit_begin(struct str_edit *e)
{
    struct str *s = block_of(e->word);
    size_t len = atomic_load_explicit(&s->len, memory_order_relaxed);

    if (e->min_len > len) {
        memset(s->data + len, 0, e->min_len - len); // nobody reads beyond the length
        publish_length(s, e->min_len);
    }
}

// ---- parts of value.c ------------------------------------------------------------------------

const char *str_encoding(struct value v)
{
    if (value_kind(v) == VALUE_INT)
        return "int";
    if (!has_block(v))
        return "embstr";
    const struct str *s = block_of(v);
    if (s->cap_flags & STR_INT)
        return "int";
    return s->cap_flags & STR_RAW || str_len(v) > EMBSTR_MAX ? "raw" : "embstr";
}

int64_t str_expires_at(struct value v)
{
    if (value_kind(v) == VALUE_STR_MUTABLE)
        return atomic_load_explicit(&value_object(v)->expires_at_ms, memory_order_acquire);
    if (value_kind(v) != VALUE_STR_TTL)
        return NO_EXPIRE;
    const struct str_ttl *block = value_pointer(v);
    return atomic_load_explicit(&block->expires_at_ms, memory_order_acquire);
}

enum status str_set_expire(struct value v, int64_t at_ms, struct value *out)
{
    if (value_kind(v) == VALUE_STR_TTL) {
        struct str_ttl *block = value_pointer(v);
        // A word of its own: a reader sees the old time or the new one, both with the same text.
        atomic_store_explicit(&block->expires_at_ms, at_ms, memory_order_release);
        *out = v;
        return STATUS_OK;
    }
    if (at_ms == NO_EXPIRE) {
        *out = v;
        return STATUS_OK;
    }
    uint32_t flags = 0;
    if (value_kind(v) == VALUE_INT)
        flags = STR_INT;
    else if (has_block(v))
        flags = block_of(v)->cap_flags & ~STR_CAP_MASK;
    struct str_view view;
    str_view(v, &view);
    return block_from(view.data, view.len, flags, at_ms, out);
}

enum status str_copy(struct value v, struct value *out)
{
    if (!has_block(v)) {
        *out = v;
        return STATUS_OK;
    }
    struct str_view view;
    str_view(v, &view);
    uint32_t flags = block_of(v)->cap_flags & ~STR_CAP_MASK;
    return block_from(view.data, view.len, flags, str_expires_at(v), out);
}

void str_free(struct value v)
{
    if (has_block(v))
        mem_free(value_pointer(v));
}

bool str_free_lazily(struct lazyfree *lf, struct value v)
{
    bool large = str_memory(v) >= LAZYFREE_BYTES;
    if (large)
        lazyfree_add_block(lf, value_pointer(v));
    else
        str_free(v);
    return large;
}

void str_retire(struct type_ctx *ctx, struct value v)
{
    if (has_block(v))
        lazyfree_retire_block(ctx->epoch, value_pointer(v));
}

size_t str_memory(struct value v)
{
    return has_block(v) ? mem_usable(value_pointer(v)) : 0;
}
