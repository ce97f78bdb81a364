// SPDX-License-Identifier: MIT
//
// Hashes
//
//     VALUE_HASH_PACKED --> | struct object (16) | packed: state, capacity | field, value, ... |
//     VALUE_HASH        --> | struct object (16) | dict --> one node a pair: | field | value |
//
// A hash is packed until a text does not fit or a limit of struct type_limits is passed; then all
// its pairs move to a dictionary, and never back. Which of the two it is stands in the value word,
// so a reader knows it without another load.
//
// A packed hash is one allocation, header included. A hash of 10 short fields then takes about 16
// bytes less than with a header of its own, and one cache miss less to read. The price: the block
// moves as the hash changes, so that every change may hand back another value (*out).
//
// Fields that many hashes have are written in a blob as numbers (names.h): of a hash of 10 fields
// of 7 bytes and values of 10 these are 20 bytes instead of 80.
//
// Invariants
// 1. What a blob has published never changes; a pair added within capacity is published by one
//    store (packed.h). Everything else makes a new block.
// 2. A dictionary is changed in place, as dict.h allows with lock-free readers (DICT_OWNED: the
//    key's write lock makes the writer the only one). A node never changes: another value for a
//    field is another node in its place, by one store.
// 3. Blocks and nodes that are unlinked are retired to the epoch by whoever unlinked them.
// 4. A function that returns STATUS_NO_MEMORY has published nothing: it allocates all it needs
//    first.
//
// Concurrency: as hash.h says for each function. A look-up of one field is one instant even without
// the check of object.seq: it reads one published state of a blob, or finds one node. The check is
// for commands that read several fields.
#include "datatypes/hash.h"

#include <assert.h>

#include "datatypes/hash_internal.h"
#include "datatypes/lazyfree.h"
#include "datatypes/mem.h"
#include "datatypes/names.h"
#include "datatypes/str.h"

_Static_assert(sizeof(struct object) % 16 == 0, "a blob behind the header is aligned");

enum {
    CACHE_LINE_BYTES = 64,
    PREFETCH_LINES = 3, // of a packed hash, behind the first one
    COPY_WORK = 2,      // for each pair that is copied to a dictionary, see type_step()
};

// ---- nodes -----------------------------------------------------------------------------------

static void node_key(const void *node, const char **field, size_t *nfield)
{
    packed_text_read(node, field, nfield);
}

static const struct dict_type pairs = {.key = node_key};

static void *node_new(const struct hash_pair *pair)
{
    char *node = mem_alloc(packed_text_size(pair->nfield) + packed_text_size(pair->nvalue));
    if (node == NULL)
        return NULL;
    char *end = packed_text_write(node, pair->field, pair->nfield);
    packed_text_write(end, pair->value, pair->nvalue);
    return node;
}

void hash_forget(struct type_ctx *ctx, void *before)
{
    lazyfree_retire_block(ctx->epoch, before);
}

// ---- values ----------------------------------------------------------------------------------

static void object_init(struct object *object, int64_t expires_at_ms)
{
    atomic_init(&object->expires_at_ms, expires_at_ms);
    atomic_init(&object->seq, 0);
}

// The value of a private blob.
static struct value packed_value(const struct packed_blob *blob, int64_t expires_at_ms)
{
    struct object *object = packed_blob_block(blob, hash_layout.head);
    object_init(object, expires_at_ms);
    return value_make(VALUE_HASH_PACKED, object);
}

static enum status dict_value_new(struct type_ctx *ctx, int64_t expires_at_ms, struct value *out)
{
    struct hash *h = mem_alloc(sizeof *h);
    struct dict *dict = h != NULL ? dict_create(&pairs, DICT_OWNED, ctx->seed) : NULL;
    if (dict == NULL) {
        mem_free(h);
        return STATUS_NO_MEMORY;
    }
    object_init(&h->object, expires_at_ms);
    h->dict = dict;
    *out = value_make(VALUE_HASH, h);
    return STATUS_OK;
}

// A dictionary of every pair of `from`, with the same expire time.
static enum status dict_value_from(struct type_ctx *ctx, struct value from, struct value *out)
{
    struct hash_iter iter;
    void *before;
    enum status status = dict_value_new(ctx, value_expires_at(from), out);

    if (status != STATUS_OK || value_is_none(from))
        return status;
    hash_iter_init(&iter, from);
    while (status == STATUS_OK && hash_iter_next(&iter)) {
        type_step(ctx, COPY_WORK);
        status = hash_exchange(ctx, *out, &iter.pair, &before);
    }
    if (status != STATUS_OK)
        hash_discard(ctx, *out);
    return status;
}

// ---- limits of the packed encoding -----------------------------------------------------------

static size_t limit_of(const _Atomic size_t *limit)
{
    return atomic_load_explicit(limit, memory_order_relaxed); // any recent value serves
}

static bool packed_may_hold(const struct type_limits *limits, size_t count, size_t longest,
                            size_t nbytes)
{
    return count <= limit_of(&limits->hash_max_packed_entries) &&
           longest <= limit_of(&limits->hash_max_packed_value) && nbytes <= PACKED_MAX_BYTES;
}

static size_t longest_of(const struct hash_pair *pair)
{
    return pair->nfield > pair->nvalue ? pair->nfield : pair->nvalue;
}

// ---- setting ---------------------------------------------------------------------------------

enum status hash_exchange(struct type_ctx *ctx, struct value v, const struct hash_pair *pair,
                          void **before)
{
    struct dict *dict = hash_dict(v);
    uint64_t hash = dict_hash(dict, pair->field, pair->nfield);
    void *old = dict_find(dict, hash, pair->field, pair->nfield), *existing;

    if (longest_of(pair) > STR_MAX_BYTES)
        return STATUS_TOO_LONG;
    void *node = node_new(pair);
    if (node == NULL)
        return STATUS_NO_MEMORY;
    if (old != NULL) {
        dict_replace(dict, ctx->epoch, hash, old, node);
    } else if (dict_insert(dict, ctx->epoch, hash, node, &existing) != STATUS_OK) {
        mem_free(node);
        return STATUS_NO_MEMORY;
    }
    dict_note_length(dict, longest_of(pair));
    *before = old;
    return STATUS_OK;
}

void hash_put_back(struct type_ctx *ctx, struct value v, const char *field, size_t nfield,
                   void *before)
{
    struct dict *dict = hash_dict(v);
    uint64_t hash = dict_hash(dict, field, nfield);
    void *node = dict_find(dict, hash, field, nfield);

    assert(node != NULL);
    if (before != NULL)
        dict_replace(dict, ctx->epoch, hash, node, before);
    else
        dict_remove(dict, ctx->epoch, hash, node);
    hash_forget(ctx, node);
}

static enum status set_in_dict(struct type_ctx *ctx, struct value v, const struct hash_pair *pair,
                               bool *added)
{
    void *before;
    enum status status = hash_exchange(ctx, v, pair, &before);

    if (status != STATUS_OK)
        return status;
    *added = before == NULL;
    if (before != NULL)
        hash_forget(ctx, before);
    return STATUS_OK;
}

// `old`, which is packed or absent, becomes a dictionary with that pair.
static enum status set_moving(struct type_ctx *ctx, struct value old, const struct hash_pair *pair,
                              struct value *out, bool *added)
{
    struct value v;
    enum status status = dict_value_from(ctx, old, &v);

    if (status != STATUS_OK)
        return status;
    status = set_in_dict(ctx, v, pair, added);
    if (status != STATUS_OK)
        hash_discard(ctx, v);
    else
        *out = v;
    return status;
}

static void record_of(const struct hash_pair *pair, int name, struct packed_text record[2])
{
    record[0] = (struct packed_text){pair->field, pair->nfield, (unsigned)(name - NAME_NONE)};
    record[1] = (struct packed_text){.data = pair->value, .len = pair->nvalue};
}

static enum status set_first(struct type_ctx *ctx, const struct hash_pair *pair, struct value *out,
                             bool *added)
{
    struct packed_text record[2];

    record_of(pair, name_meet(pair->field, pair->nfield), record);
    size_t nbytes = packed_record_size(&hash_layout, record);
    if (!packed_may_hold(ctx->limits, 1, longest_of(pair), nbytes))
        return set_moving(ctx, VALUE_ABSENT, pair, out, added);
    struct packed_blob *blob = packed_blob_new(hash_layout.head, nbytes);
    if (blob == NULL)
        return STATUS_NO_MEMORY;
    packed_push(&hash_layout, blob, record);
    *out = packed_value(blob, NO_EXPIRE);
    *added = true;
    return STATUS_OK;
}

static enum status set_in_packed(struct type_ctx *ctx, struct value old,
                                 const struct hash_pair *pair, struct value *out, bool *added)
{
    struct packed_blob *blob = hash_packed(old), *now;
    struct packed_view view = packed_blob_own_view(blob);
    struct packed_text record[2];
    struct packed_place place = {0, 0};

    record_of(pair, name_find(pair->field, pair->nfield), record);
    *added = !packed_find(&hash_layout, &view, &record[0], &place);
    if (*added && !record[0].name)
        record_of(pair, name_meet(pair->field, pair->nfield), record);
    size_t nbytes =
        view.nbytes - (place.to - place.from) + packed_record_size(&hash_layout, record);
    if (!packed_may_hold(ctx->limits, view.count + *added, longest_of(pair), nbytes))
        return set_moving(ctx, old, pair, out, added);
    now = *added ? packed_add(&hash_layout, blob, record)
                 : packed_replace(&hash_layout, blob, place, record);
    if (now == NULL)
        return STATUS_NO_MEMORY;
    *out = now == blob ? old : packed_value(now, value_expires_at(old));
    return STATUS_OK;
}

enum status hash_set(struct type_ctx *ctx, struct value old, const struct hash_pair *pair,
                     struct value *out, bool *added)
{
    if (value_is_none(old))
        return set_first(ctx, pair, out, added);
    if (hash_is_packed(old))
        return set_in_packed(ctx, old, pair, out, added);
    *out = old;
    return set_in_dict(ctx, old, pair, added);
}

enum status hash_aside(struct type_ctx *ctx, struct value old, const struct hash_room *room,
                       struct value *out)
{
    size_t most = limit_of(&ctx->limits->hash_max_packed_entries);
    size_t nbytes = room->nbytes + 2 * room->count; // with the lengths of short texts
    struct packed_blob *blob;

    if (!packed_may_hold(ctx->limits, 0, room->longest, 0))
        return dict_value_from(ctx, old, out);
    if (room->count > most) // some name a field twice, or it will not stay packed
        nbytes = (size_t)((double)nbytes / (double)room->count * (double)most);
    if (nbytes > PACKED_MAX_BYTES / 2)
        nbytes = 0;
    blob = value_is_none(old) ? packed_blob_new(hash_layout.head, nbytes)
                              : packed_blob_grown(hash_packed(old), hash_layout.head, nbytes);
    if (blob == NULL)
        return STATUS_NO_MEMORY;
    *out = packed_value(blob, value_expires_at(old));
    return STATUS_OK;
}

struct value hash_fit(struct value v)
{
    if (!hash_is_packed(v))
        return v;
    struct packed_blob *blob = packed_fit(&hash_layout, hash_packed(v));
    return value_make(VALUE_HASH_PACKED, packed_blob_block(blob, hash_layout.head));
}

// ---- removing --------------------------------------------------------------------------------

static enum status remove_from_packed(struct value old, const char *field, size_t nfield,
                                      struct value *out, bool *removed)
{
    const struct packed_blob *blob = hash_packed(old);
    struct packed_view view = packed_blob_own_view(blob);
    struct packed_text key = {.data = field, .len = nfield};
    struct packed_place place;

    *removed = packed_find(&hash_layout, &view, &key, &place);
    *out = *removed ? VALUE_ABSENT : old;
    if (!*removed || hash_count(old) == 1)
        return STATUS_OK;
    const struct packed_blob *rest = packed_replace(&hash_layout, blob, place, NULL);
    if (rest == NULL)
        return STATUS_NO_MEMORY;
    *out = packed_value(rest, value_expires_at(old));
    return STATUS_OK;
}

enum status hash_remove(struct type_ctx *ctx, struct value old, const char *field, size_t nfield,
                        struct value *out, bool *removed)
{
    if (hash_is_packed(old))
        return remove_from_packed(old, field, nfield, out, removed);

    struct dict *dict = hash_dict(old);
    uint64_t hash = dict_hash(dict, field, nfield);
    void *node = dict_find(dict, hash, field, nfield);
    *removed = node != NULL;
    if (node != NULL) {
        dict_remove(dict, ctx->epoch, hash, node);
        hash_forget(ctx, node);
    }
    *out = dict_count(dict) > 0 ? old : VALUE_ABSENT;
    return STATUS_OK;
}

// ---- looking up ------------------------------------------------------------------------------

bool hash_get(struct value v, const char *field, size_t nfield, const char **value, size_t *nvalue)
{
    struct hash_pair pair;

    if (hash_is_packed(v)) {
        struct packed_view view = packed_blob_view(hash_packed(v));
        struct packed_text key = {.data = field, .len = nfield}, record[2];
        struct packed_place place;
        if (!packed_find(&hash_layout, &view, &key, &place))
            return false;
        packed_next(&hash_layout, &view, place.from, record);
        hash_pair_of(&pair, record);
    } else {
        const struct dict *dict = hash_dict(v);
        const void *node = dict_find(dict, dict_hash(dict, field, nfield), field, nfield);
        if (node == NULL)
            return false;
        hash_node_pair(node, &pair);
    }
    *value = pair.value;
    *nvalue = pair.nvalue;
    return true;
}

size_t hash_count(struct value v)
{
    return hash_is_packed(v) ? packed_blob_view(hash_packed(v)).count : dict_count(hash_dict(v));
}

bool hash_is_packed(struct value v)
{
    return value_kind(v) == VALUE_HASH_PACKED;
}

size_t hash_longest(struct value v)
{
    if (!hash_is_packed(v))
        return dict_longest(hash_dict(v));
    size_t nbytes = packed_blob_view(hash_packed(v)).nbytes;
    return nbytes > NAME_MAX_LEN ? nbytes : NAME_MAX_LEN; // a name is longer than its number
}

size_t hash_bytes_most(struct value v, size_t n)
{
    if (hash_is_packed(v))
        return packed_blob_view(hash_packed(v)).nbytes + n * NAME_MAX_LEN;
    return dict_bytes_most(hash_dict(v), 2 * n);
}

uint64_t hash_prefetch(struct value v, const char *field, size_t nfield)
{
    uint64_t hash;

    if (hash_is_packed(v)) { // the first line is there; a field is found by walking the others
        for (int i = 1; i <= PREFETCH_LINES; i++)
            __builtin_prefetch((const char *)value_pointer(v) + (size_t)i * CACHE_LINE_BYTES);
        return 0;
    }
    hash = dict_hash(hash_dict(v), field, nfield);
    dict_prefetch(hash_dict(v), hash);
    return hash;
}

void hash_prefetch_field(struct value v, uint64_t hash)
{
    if (!hash_is_packed(v))
        dict_prefetch_node(hash_dict(v), hash);
}

// ---- parts of value.c ------------------------------------------------------------------------

enum status hash_copy(struct type_ctx *ctx, struct value v, struct value *out)
{
    if (!hash_is_packed(v))
        return dict_value_from(ctx, v, out);
    const struct packed_blob *copy = packed_blob_copy(hash_packed(v), hash_layout.head);
    if (copy == NULL)
        return STATUS_NO_MEMORY;
    *out = packed_value(copy, value_expires_at(v));
    return STATUS_OK;
}

size_t hash_memory(struct value v, size_t samples)
{
    size_t nbytes = mem_usable(value_pointer(v));
    return hash_is_packed(v) ? nbytes : nbytes + dict_memory_with_nodes(hash_dict(v), samples);
}

const char *hash_encoding(struct value v)
{
    return hash_is_packed(v) ? "listpack" : "hashtable";
}
