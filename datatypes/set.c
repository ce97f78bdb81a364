// SPDX-License-Identifier: MIT
//
// Sets
//
//     struct set (32 bytes)
//     +0  expires_at_ms, seq     struct object
//     +16 body                   pointer | kind ----> intset       sorted integers      intset.h
//     +24 count                                       packed       short strings    packed.h
//                                                     dict         one node a member    dict.h
//                                                     (none)       the set is empty
//
// A set starts as an intset when its first member is an integer, else as a packed blob, and moves
// on when a member does not fit or a limit of struct type_limits is passed: intset -> packed ->
// dictionary or intset -> dictionary, never back. For OBJECT ENCODING a packed blob is a
// "hashtable": Redis 7.0 has no such encoding, and to its users the two behave alike.
//
// Invariants
// 1. The handle never moves; body and kind are one word, so a reader never takes one for the other.
// 2. What a body has published never changes, except for a dictionary, which is changed in place as
//    dict.h allows with lock-free readers (DICT_OWNED: the key's write lock makes the writer the
//    only one). A body or node that is replaced or removed is retired to the epoch, not freed.
// 3. `count` and the body are two words: between their stores a reader may see one changed and the
// other
//    not. Both stores lie in the write section, and the reader's check of object.seq throws such an
//    answer away.
// 4. A function that returns STATUS_NO_MEMORY has published nothing: it allocates all it needs
// first.
//
// Concurrency: as set.h says for each function. [free] functions only follow words loaded with
// acquire, and every store they can see is a release (value.h, rule 4).
#include "datatypes/set.h"

#include <assert.h>
#include <string.h>

#include "datatypes/dict_iter.h"
#include "datatypes/lazyfree.h"
#include "datatypes/mem.h"
#include "datatypes/set_internal.h"
#include "datatypes/str.h"
#include "locks/epoch.h"

_Static_assert(sizeof(struct set) == 32, "the handle is one small block");

enum {
    PREALLOC_MAX_BYTES = 4096, // a hint is not trusted with more than this
    COPY_WORK = 2,             // for each member that is copied to a dictionary, see type_step()
};

// ---- nodes and dictionaries ------------------------------------------------------------------

void set_node_member(const void *node, const char **member, size_t *len)
{
    packed_text_read(node, member, len);
}

static void *node_new(const char *member, size_t len)
{
    char *node = mem_alloc(packed_text_size(len));
    if (node != NULL)
        packed_text_write(node, member, len);
    return node;
}

static const struct dict_type members = {.key = set_node_member};

struct dict *set_dict_new(struct type_ctx *ctx)
{
    return dict_create(&members, DICT_OWNED, ctx->seed);
}

enum status set_dict_add(struct type_ctx *ctx, struct dict *dict, uint64_t hash, const char *member,
                         size_t len)
{
    void *node = node_new(member, len);
    if (node == NULL)
        return STATUS_NO_MEMORY;
    void *existing;
    enum status status = dict_insert(dict, ctx->epoch, hash, node, &existing);
    assert(status != STATUS_OK || existing == NULL);
    if (status != STATUS_OK)
        mem_free(node);
    else
        dict_note_length(dict, len);
    return status;
}

void set_dict_remove(struct type_ctx *ctx, struct dict *dict, uint64_t hash, void *node)
{
    bool removed = dict_remove(dict, ctx->epoch, hash, node);
    assert(removed);
    (void)removed;
    lazyfree_retire_block(ctx->epoch, node);
}

// ---- the body word ---------------------------------------------------------------------------

size_t set_body_memory(uint64_t body, size_t samples)
{
    if (set_body_kind(body) == SET_BODY_NONE)
        return 0;
    if (set_body_kind(body) == SET_BODY_DICT)
        return dict_memory_with_nodes(set_body_pointer(body), samples);
    return mem_usable(set_body_pointer(body));
}

void set_publish(struct type_ctx *ctx, struct set *s, uint64_t body, size_t count)
{
    uint64_t old =
        atomic_load_explicit(&s->body, memory_order_relaxed); // only the writer stores it
    size_t old_count = set_own_count(s);
    if (body != old)
        atomic_store_explicit(&s->body, body, memory_order_release);
    set_publish_count(s, count);
    if (body != old && set_body_kind(old) != SET_BODY_NONE)
        set_body_retire(ctx, old, old_count);
}

// ---- choosing the encoding -------------------------------------------------------------------

static size_t limit_of(const _Atomic size_t *limit)
{
    return atomic_load_explicit(limit, memory_order_relaxed); // any recent value serves
}

static bool intset_may_hold(const struct type_limits *limits, size_t count)
{
    return count <= limit_of(&limits->set_max_intset_entries) && count <= INTSET_MAX_COUNT;
}

// Whether a packed blob may hold `count` members, the longest of `longest` bytes, all entries
// together of `nbytes`.
static bool packed_may_hold(const struct type_limits *limits, size_t count, size_t longest,
                            size_t nbytes)
{
    return count <= limit_of(&limits->set_max_packed_entries) &&
           longest <= limit_of(&limits->set_max_packed_value) && nbytes <= PACKED_MAX_BYTES;
}

// A body for `expected` members like `hint`, SET_BODY_NONE when it is better left to the first
// set_add(); false without memory.
static bool body_for(struct type_ctx *ctx, const char *hint, size_t len, size_t expected,
                     uint64_t *body)
{
    const struct type_limits *limits = ctx->limits;
    int64_t n;
    void *pointer;

    *body = 0;
    if (hint == NULL || expected < 2)
        return true;
    if (str_parse_i64(hint, len, &n)) {
        size_t most = PREALLOC_MAX_BYTES / sizeof(n);
        if (!intset_may_hold(limits, expected < most ? expected : most))
            return true;
        pointer = intset_new(n, expected < most ? expected : most);
        *body = set_body_make(SET_BODY_INTSET, pointer);
    } else if (packed_may_hold(limits, expected, len, 0)) {
        size_t most = PREALLOC_MAX_BYTES / packed_text_size(len);
        pointer = packed_blob_new(set_layout.head,
                                  (expected < most ? expected : most) * packed_text_size(len));
        *body = set_body_make(SET_BODY_PACKED, pointer);
    } else {
        pointer = set_dict_new(ctx);
        *body = set_body_make(SET_BODY_DICT, pointer);
    }
    return pointer != NULL;
}

struct set *set_handle_new(int64_t expires_at_ms, uint64_t body, size_t count)
{
    struct set *s = mem_alloc(sizeof *s);
    if (s == NULL)
        return NULL;
    atomic_init(&s->object.expires_at_ms, expires_at_ms);
    atomic_init(&s->object.seq, 0);
    atomic_init(&s->body, body);
    atomic_init(&s->count, count);
    return s;
}

enum status set_new(struct type_ctx *ctx, const char *hint, size_t hint_len, size_t expected,
                    struct value *out)
{
    uint64_t body;
    if (!body_for(ctx, hint, hint_len, expected, &body))
        return STATUS_NO_MEMORY;
    struct set *s = set_handle_new(NO_EXPIRE, body, 0);
    if (s == NULL) {
        set_body_free(body);
        return STATUS_NO_MEMORY;
    }
    *out = value_make(VALUE_SET, s);
    return STATUS_OK;
}

// ---- moving to a later encoding --------------------------------------------------------------

// A dictionary of every member of `body`; NULL without memory.
static struct dict *dict_from_body(struct type_ctx *ctx, uint64_t body)
{
    struct dict *dict = set_dict_new(ctx);
    if (dict == NULL)
        return NULL;
    struct set_iter iter;
    set_iter_init_body(&iter, body);
    while (set_iter_next(&iter)) {
        uint64_t hash = dict_hash(dict, iter.member.data, iter.member.len);
        type_step(ctx, COPY_WORK);
        if (set_dict_add(ctx, dict, hash, iter.member.data, iter.member.len) != STATUS_OK) {
            set_dict_free(dict);
            return NULL;
        }
    }
    return dict;
}

static enum status move_to_dict(struct type_ctx *ctx, struct set *s, const char *member, size_t len)
{
    struct dict *dict = dict_from_body(ctx, set_body(s));
    if (dict == NULL)
        return STATUS_NO_MEMORY;
    if (set_dict_add(ctx, dict, dict_hash(dict, member, len), member, len) != STATUS_OK) {
        set_dict_free(dict);
        return STATUS_NO_MEMORY;
    }
    set_publish(ctx, s, set_body_make(SET_BODY_DICT, dict), set_own_count(s) + 1);
    return STATUS_OK;
}

// From an intset, or from nothing, because `member` is not an integer (or none may be kept so).
static enum status move_to_packed(struct type_ctx *ctx, struct set *s, const char *member,
                                  size_t len)
{
    size_t count = set_own_count(s);
    size_t nbytes = packed_text_size(len);
    size_t longest = len;
    struct set_iter iter;

    if (!packed_may_hold(ctx->limits, count + 1, len, nbytes)) // before walking a large one
        return move_to_dict(ctx, s, member, len);
    set_iter_init_body(&iter, set_body(s));
    while (set_iter_next(&iter)) {
        nbytes += packed_text_size(iter.member.len);
        longest = iter.member.len > longest ? iter.member.len : longest;
    }
    if (!packed_may_hold(ctx->limits, count + 1, longest, nbytes))
        return move_to_dict(ctx, s, member, len);

    struct packed_blob *blob = packed_blob_new(set_layout.head, nbytes);
    if (blob == NULL)
        return STATUS_NO_MEMORY;
    set_iter_init_body(&iter, set_body(s));
    while (set_iter_next(&iter))
        packed_push(&set_layout, blob,
                    &(struct packed_text){.data = iter.member.data, .len = iter.member.len});
    packed_push(&set_layout, blob, &(struct packed_text){.data = member, .len = len});
    set_publish(ctx, s, set_body_make(SET_BODY_PACKED, blob), count + 1);
    return STATUS_OK;
}

// ---- adding ----------------------------------------------------------------------------------

static enum status add_first(struct type_ctx *ctx, struct set *s, const char *member, size_t len)
{
    int64_t n;
    if (!str_parse_i64(member, len, &n) || !intset_may_hold(ctx->limits, 1))
        return move_to_packed(ctx, s, member, len);

    struct intset *is = intset_new(n, 1);
    if (is == NULL)
        return STATUS_NO_MEMORY;
    intset_push(is, n);
    set_publish(ctx, s, set_body_make(SET_BODY_INTSET, is), 1);
    return STATUS_OK;
}

static enum status intset_body_add(struct type_ctx *ctx, struct set *s, struct intset *is,
                                   const char *member, size_t len, bool *added)
{
    int64_t n;
    size_t pos, count = set_own_count(s);

    *added = true; // what the ways out below have in common
    if (!str_parse_i64(member, len, &n))
        return move_to_packed(ctx, s, member, len);
    if (intset_find(is, n, &pos)) {
        *added = false;
        return STATUS_OK;
    }
    // Past the limit Redis goes to the hash table, never to a packed blob.
    if (!intset_may_hold(ctx->limits, count + 1))
        return count > 0 ? move_to_dict(ctx, s, member, len) : move_to_packed(ctx, s, member, len);
    is = intset_add(is, pos, n);
    if (is == NULL)
        return STATUS_NO_MEMORY;
    set_publish(ctx, s, set_body_make(SET_BODY_INTSET, is), count + 1);
    return STATUS_OK;
}

static enum status packed_body_add(struct type_ctx *ctx, struct set *s, struct packed_blob *blob,
                                   const char *member, size_t len, bool *added)
{
    struct packed_view view = packed_blob_view(blob);

    *added =
        !packed_find(&set_layout, &view, &(struct packed_text){.data = member, .len = len}, NULL);
    if (!*added)
        return STATUS_OK;
    size_t nbytes = view.nbytes + packed_text_size(len);
    if (!packed_may_hold(ctx->limits, view.count + 1, len, nbytes))
        return move_to_dict(ctx, s, member, len);
    blob = packed_add(&set_layout, blob, &(struct packed_text){.data = member, .len = len});
    if (blob == NULL)
        return STATUS_NO_MEMORY;
    set_publish(ctx, s, set_body_make(SET_BODY_PACKED, blob), view.count + 1);
    return STATUS_OK;
}

static enum status dict_body_add(struct type_ctx *ctx, struct set *s, struct dict *dict,
                                 const char *member, size_t len, bool *added)
{
    uint64_t hash = dict_hash(dict, member, len);
    *added = dict_find(dict, hash, member, len) == NULL;
    if (!*added)
        return STATUS_OK;
    enum status status = set_dict_add(ctx, dict, hash, member, len);
    if (status == STATUS_OK)
        set_publish_count(s, set_own_count(s) + 1);
    return status;
}

enum status set_add(struct type_ctx *ctx, struct value v, const char *member, size_t len,
                    bool *added)
{
    struct set *s = value_pointer(v);
    uint64_t body = set_body(s);
    void *pointer = set_body_pointer(body);

    switch (set_body_kind(body)) {
    case SET_BODY_INTSET:
        return intset_body_add(ctx, s, pointer, member, len, added);
    case SET_BODY_PACKED:
        return packed_body_add(ctx, s, pointer, member, len, added);
    case SET_BODY_DICT:
        return dict_body_add(ctx, s, pointer, member, len, added);
    case SET_BODY_NONE:
        break;
    }
    *added = true;
    return add_first(ctx, s, member, len);
}

// ---- removing --------------------------------------------------------------------------------

// Publishes what is left after one removal from a compact body: `rest` is NULL when nothing is left
// (nothing was allocated then) or without memory.
static enum status publish_rest(struct type_ctx *ctx, struct set *s, enum set_body_kind kind,
                                const void *rest, bool *removed)
{
    size_t count = set_own_count(s) - 1;
    if (rest == NULL && count > 0)
        return STATUS_NO_MEMORY;
    set_publish(ctx, s, rest == NULL ? 0 : set_body_make(kind, rest), count);
    *removed = true;
    return STATUS_OK;
}

enum status set_remove(struct type_ctx *ctx, struct value v, const char *member, size_t len,
                       bool *removed)
{
    struct set *s = value_pointer(v);
    uint64_t body = set_body(s);
    void *pointer = set_body_pointer(body);
    bool only_one = set_own_count(s) == 1;

    *removed = false;
    switch (set_body_kind(body)) {
    case SET_BODY_INTSET: {
        int64_t n;
        size_t pos;
        if (!str_parse_i64(member, len, &n) || !intset_find(pointer, n, &pos))
            return STATUS_OK;
        const struct intset *rest = only_one ? NULL : intset_without(pointer, pos);
        return publish_rest(ctx, s, SET_BODY_INTSET, rest, removed);
    }
    case SET_BODY_PACKED: {
        struct packed_view view = packed_blob_own_view(pointer);
        struct packed_place place;
        if (!packed_find(&set_layout, &view, &(struct packed_text){.data = member, .len = len},
                         &place))
            return STATUS_OK;
        const struct packed_blob *rest =
            only_one ? NULL : packed_replace(&set_layout, pointer, place, NULL);
        return publish_rest(ctx, s, SET_BODY_PACKED, rest, removed);
    }
    case SET_BODY_DICT: {
        uint64_t hash = dict_hash(pointer, member, len);
        void *node = dict_find(pointer, hash, member, len);
        if (node == NULL)
            return STATUS_OK;
        set_dict_remove(ctx, pointer, hash, node);
        set_publish_count(s, set_own_count(s) - 1);
        *removed = true;
        return STATUS_OK;
    }
    case SET_BODY_NONE:
        break;
    }
    return STATUS_OK;
}

// ---- reading ---------------------------------------------------------------------------------

uint64_t set_prefetch(struct value v, const char *member, size_t len)
{
    uint64_t body = set_body(value_pointer(v)), hash;

    if (set_body_kind(body) != SET_BODY_DICT)
        return 0;
    hash = dict_hash(set_body_pointer(body), member, len);
    dict_prefetch(set_body_pointer(body), hash);
    return hash;
}

void set_prefetch_member(struct value v, uint64_t hash)
{
    uint64_t body = set_body(value_pointer(v));

    if (set_body_kind(body) == SET_BODY_DICT)
        dict_prefetch_node(set_body_pointer(body), hash);
}

bool set_contains(struct type_ctx *ctx, struct value v, const char *member, size_t len)
{
    (void)ctx;
    uint64_t body = set_body(value_pointer(v));
    const void *pointer = set_body_pointer(body);
    int64_t n;

    switch (set_body_kind(body)) {
    case SET_BODY_INTSET:
        return str_parse_i64(member, len, &n) && intset_find(pointer, n, NULL);
    case SET_BODY_PACKED: {
        struct packed_view view = packed_blob_view(pointer);
        return packed_find(&set_layout, &view, &(struct packed_text){.data = member, .len = len},
                           NULL);
    }
    case SET_BODY_DICT:
        return dict_find(pointer, dict_hash(pointer, member, len), member, len) != NULL;
    case SET_BODY_NONE:
        break;
    }
    return false;
}

size_t set_count(struct value v)
{
    const struct set *s = value_pointer(v);
    return atomic_load_explicit(&s->count, memory_order_acquire);
}

size_t set_bytes_most(struct value v, size_t n)
{
    uint64_t body = set_body(value_pointer(v));
    const void *pointer = set_body_pointer(body);

    switch (set_body_kind(body)) {
    case SET_BODY_INTSET:
        return intset_count(pointer) * STR_I64_MAX;
    case SET_BODY_PACKED:
        return packed_blob_view(pointer).nbytes;
    case SET_BODY_DICT:
        return dict_bytes_most(pointer, n);
    case SET_BODY_NONE:
        break;
    }
    return 0;
}

bool set_is_compact(struct value v)
{
    return set_body_kind(set_body(value_pointer(v))) != SET_BODY_DICT;
}

// ---- parts of value.c ------------------------------------------------------------------------

enum status set_copy(struct type_ctx *ctx, struct value v, struct value *out)
{
    const struct set *s = value_pointer(v);
    uint64_t body = set_body(s);
    enum set_body_kind kind = set_body_kind(body);
    void *copy = NULL;

    if (kind == SET_BODY_INTSET)
        copy = intset_copy(set_body_pointer(body));
    else if (kind == SET_BODY_PACKED)
        copy = packed_blob_copy(set_body_pointer(body), set_layout.head);
    else if (kind == SET_BODY_DICT)
        copy = dict_from_body(ctx, body);
    if (copy == NULL && kind != SET_BODY_NONE)
        return STATUS_NO_MEMORY;

    uint64_t copied = set_body_make(kind, copy);
    struct set *handle = set_handle_new(value_expires_at(v), copied, set_count(v));
    if (handle == NULL) {
        set_body_free(copied);
        return STATUS_NO_MEMORY;
    }
    *out = value_make(VALUE_SET, handle);
    return STATUS_OK;
}

size_t set_memory(struct value v, size_t samples)
{
    const struct set *s = value_pointer(v);
    return mem_usable(s) + set_body_memory(set_body(s), samples);
}

const char *set_encoding(struct value v)
{
    enum set_body_kind kind = set_body_kind(set_body(value_pointer(v)));
    return kind == SET_BODY_NONE || kind == SET_BODY_INTSET ? "intset" : "hashtable";
}
