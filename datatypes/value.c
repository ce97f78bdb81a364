// SPDX-License-Identifier: MIT
//
// The operations that every kind of value has: each is a switch over the kind, and the work is done
// by the module of the type. A new type adds its kind here and nowhere else below the commands.
#include "datatypes/value.h"

#include <limits.h>
#include <string.h>

#include "datatypes/hash.h"
#include "datatypes/list.h"
#include "datatypes/set.h"
#include "datatypes/str.h"
#include "datatypes/zset.h"

enum { SHARED_INTEGERS = 10000 }; // from 0 on

enum value_type value_type(struct value v)
{
    switch (value_kind(v)) {
    case VALUE_INT:
    case VALUE_TINY:
    case VALUE_STR:
    case VALUE_STR_TTL:
    case VALUE_STR_MUTABLE:
        return TYPE_STRING;
    case VALUE_SET:
        return TYPE_SET;
    case VALUE_HASH:
    case VALUE_HASH_PACKED:
        return TYPE_HASH;
    case VALUE_LIST:
        return TYPE_LIST;
    case VALUE_ZSET:
        return TYPE_ZSET;
    case VALUE_NONE:
        break;
    }
    return TYPE_NONE;
}

const char *value_type_name(struct value v)
{
    static const char *const names[] = {
        [TYPE_NONE] = "none", [TYPE_STRING] = "string", [TYPE_SET] = "set",
        [TYPE_HASH] = "hash", [TYPE_LIST] = "list",     [TYPE_ZSET] = "zset",
    };
    return names[value_type(v)];
}

const char *value_encoding(struct value v)
{
    switch (value_type(v)) {
    case TYPE_STRING:
        return str_encoding(v);
    case TYPE_SET:
        return set_encoding(v);
    case TYPE_HASH:
        return hash_encoding(v);
    case TYPE_LIST:
        return "quicklist"; // whatever it is inside, as in Redis 7.0
    case TYPE_ZSET:
        return zset_encoding(v);
    default:
        return "none";
    }
}

int value_refcount(struct value v)
{
    int64_t n;
    bool shared = strcmp(value_encoding(v), "int") == 0 && str_to_i64(v, &n) == STATUS_OK &&
                  n >= 0 && n < SHARED_INTEGERS;

    return shared ? INT_MAX : 1;
}

int64_t value_expires_at(struct value v)
{
    if (!value_is_object(v))
        return str_expires_at(v);
    return atomic_load_explicit(&value_object(v)->expires_at_ms, memory_order_acquire);
}

enum status value_set_expire(struct type_ctx *ctx, struct value v, int64_t at_ms, struct value *out)
{
    (void)ctx;
    if (!value_is_object(v))
        return str_set_expire(v, at_ms, out);
    // Release for rule 4 of the header: one store changes it, and no section is needed.
    atomic_store_explicit(&value_object(v)->expires_at_ms, at_ms, memory_order_release);
    *out = v;
    return STATUS_OK;
}

enum status value_copy(struct type_ctx *ctx, struct value v, struct value *out)
{
    switch (value_type(v)) {
    case TYPE_SET:
        return set_copy(ctx, v, out);
    case TYPE_HASH:
        return hash_copy(ctx, v, out);
    case TYPE_LIST:
        return list_copy(ctx, v, out);
    case TYPE_ZSET:
        return zset_copy(ctx, v, out);
    default:
        return str_copy(v, out);
    }
}

void value_free(struct value v)
{
    switch (value_type(v)) {
    case TYPE_SET:
        set_free(v);
        break;
    case TYPE_HASH:
        hash_free(v);
        break;
    case TYPE_LIST:
        list_free(v);
        break;
    case TYPE_ZSET:
        zset_free(v);
        break;
    default:
        str_free(v);
        break;
    }
}

bool value_free_lazily(struct lazyfree *lf, struct value v)
{
    switch (value_type(v)) {
    case TYPE_SET:
        return set_free_lazily(lf, v);
    case TYPE_HASH:
        return hash_free_lazily(lf, v);
    case TYPE_LIST:
        return list_free_lazily(lf, v);
    case TYPE_ZSET:
        return zset_free_lazily(lf, v);
    default:
        return str_free_lazily(lf, v);
    }
}

void value_retire(struct type_ctx *ctx, struct value v)
{
    switch (value_type(v)) {
    case TYPE_SET:
        set_retire(ctx, v);
        break;
    case TYPE_HASH:
        hash_retire(ctx, v);
        break;
    case TYPE_LIST:
        list_retire(ctx, v);
        break;
    case TYPE_ZSET:
        zset_retire(ctx, v);
        break;
    default:
        str_retire(ctx, v);
        break;
    }
}

size_t value_memory(struct value v, size_t samples)
{
    switch (value_type(v)) {
    case TYPE_SET:
        return set_memory(v, samples);
    case TYPE_HASH:
        return hash_memory(v, samples);
    case TYPE_LIST:
        return list_memory(v, samples);
    case TYPE_ZSET:
        return zset_memory(v, samples);
    default:
        return str_memory(v);
    }
}

size_t value_weight(struct value v)
{
    switch (value_type(v)) {
    case TYPE_SET:
        return set_count(v);
    case TYPE_HASH:
        return hash_count(v);
    case TYPE_LIST:
        return list_count(v);
    case TYPE_ZSET:
        return zset_count(v);
    default:
        return 1;
    }
}

uint64_t value_prefetch(struct value v, const char *member, size_t len)
{
    switch (value_type(v)) {
    case TYPE_SET:
        return set_prefetch(v, member, len);
    case TYPE_HASH:
        return hash_prefetch(v, member, len);
    case TYPE_ZSET:
        return zset_prefetch(v, member, len);
    case TYPE_LIST:
        list_prefetch(v);
        return 0;
    default:
        return 0;
    }
}

void value_prefetch_member(struct value v, uint64_t hash)
{
    switch (value_type(v)) {
    case TYPE_SET:
        set_prefetch_member(v, hash);
        break;
    case TYPE_HASH:
        hash_prefetch_field(v, hash);
        break;
    case TYPE_ZSET:
        zset_prefetch_member(v, hash);
        break;
    default:
        break;
    }
}
