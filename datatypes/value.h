// SPDX-License-Identifier: MIT
//
// The value word: everything about a key's value in 64 bits that are read and published as one.
//
//     low 4 bits   payload                                     kind
//     0            all zero: the key does not exist            VALUE_NONE
//     1            60-bit signed integer                       VALUE_INT      } strings
//     2            bits 4-7 length 0..7, bytes 1..7 the text   VALUE_TINY     }
//     3            pointer to struct str                       VALUE_STR      }
//     4            pointer to struct str_ttl                   VALUE_STR_TTL  }
//     5..9         pointer to a struct that begins with object VALUE_SET, VALUE_HASH, ...
//     10           pointer to struct str_mutable, which does   VALUE_STR_MUTABLE (a string, too)
//
// Why one word: a lock-free reader must never combine an old value with a new type or expire time.
// So the expire time lives with the value, not with the key: strings with one are a VALUE_STR_TTL,
// and every collection has room for one in its header.
//
// What readers without a lock rely on (they are inside an epoch section):
// 1. A value word is published by a release store and loaded by an acquire load.
// 2. Bytes of a string below its published length never change; APPEND within capacity writes
//    beyond the length first and publishes the length after.
//    A VALUE_STR_MUTABLE is the exception: for its bytes rules 3 and 4 hold, and only str_byte()
//    and str_len() may look at them without a lock.
// 3. A collection is changed only by the holder of its key's write lock, inside a write section
//    (object_write_begin/end), which makes `seq` odd while it lasts. A reader that sees the same
//    even seq before and after has seen one state of the collection, not a half-applied change.
//    Reading during a section is safe memory-wise and ends; only the answer is to be thrown away.
// 4. For 3 to hold every store that a lock-free reader of a collection may load is a release
//    store, and every such load an acquire load: who sees new data then also sees the odd seq.
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "datatypes/status.h"
#include "datatypes/type_ctx.h"

enum value_kind {
    VALUE_NONE = 0,
    VALUE_INT = 1,
    VALUE_TINY = 2,
    VALUE_STR = 3,
    VALUE_STR_TTL = 4,
    VALUE_SET = 5,
    VALUE_HASH = 6,
    VALUE_LIST = 7,
    VALUE_ZSET = 8,
    VALUE_HASH_PACKED = 9,  // a hash in one block; VALUE_HASH is one in a dictionary
    VALUE_STR_MUTABLE = 10, // an object to readers without locks, a string to everybody else
};

enum value_type { TYPE_NONE, TYPE_STRING, TYPE_SET, TYPE_HASH, TYPE_LIST, TYPE_ZSET };

struct lazyfree;

struct value {
    uint64_t bits;
};

// Header that every collection begins with, and every string that is changed in place.
struct object {
    _Atomic int64_t expires_at_ms; // unix time or NO_EXPIRE; changed by one store, no section
    _Atomic uint64_t seq;          // odd while a write section lasts
};

#define VALUE_ABSENT ((struct value){0})
#define NO_EXPIRE    ((int64_t)-1)

static inline enum value_kind value_kind(struct value v)
{
    return (enum value_kind)(v.bits & 15);
}

static inline bool value_is_none(struct value v)
{
    return v.bits == 0;
}

static inline bool value_is_string(struct value v)
{
    enum value_kind kind = value_kind(v);
    return (kind >= VALUE_INT && kind <= VALUE_STR_TTL) || kind == VALUE_STR_MUTABLE;
}

// Whether it begins with a struct object: whoever reads it without a lock must look at `seq`.
static inline bool value_is_object(struct value v)
{
    return value_kind(v) >= VALUE_SET;
}

// The block that the word points to; only for kinds that point.
static inline void *value_pointer(struct value v)
{
    return (void *)(uintptr_t)(v.bits & ~(uint64_t)15);
}

static inline struct value value_make(enum value_kind kind, const void *pointer)
{
    return (struct value){(uint64_t)(uintptr_t)pointer | (uint64_t)kind};
}

static inline struct object *value_object(struct value v)
{
    return value_pointer(v);
}

// The user-visible type and its name ("string", "set", ..., "none").
enum value_type value_type(struct value);
const char *value_type_name(struct value);

// Redis's name of the encoding ("int", "embstr", "raw", "intset", "hashtable", ...).
const char *value_encoding(struct value);

// How many share it, in Redis's terms: small integers need no memory of their own, which Redis
// shows as endless sharing; every other value belongs to its key alone.
int value_refcount(struct value);

// Unix time in ms at which the value expires, or NO_EXPIRE.
int64_t value_expires_at(struct value);

// True when the value has an expire time that has come.
static inline bool value_expired(struct value v, int64_t now_ms)
{
    if (value_kind(v) < VALUE_STR_TTL) // none, and the kinds that have no room for a time
        return false;
    int64_t at = value_expires_at(v);
    return at != NO_EXPIRE && at <= now_ms;
}

// Gives the value another expire time (NO_EXPIRE: none). *out is what the key must hold from now
// on: the same word when it could be changed in place by one atomic store, or a new string that the
// caller publishes (retiring the old word). Caller holds the key's write lock, or the value is
// private.
enum status value_set_expire(struct type_ctx *, struct value, int64_t at_ms, struct value *out);

// A deep copy that shares nothing, with the same expire time. Caller holds at least the read lock.
enum status value_copy(struct type_ctx *, struct value, struct value *out);

// Frees a value that nobody else can see, at once. Large collections: time in proportion to their
// size.
void value_free(struct value);

// Frees a value that nobody else can see at once if that is soon done, and returns false. A large
// one becomes one object in the queue; true then. The caller has counted it (lazyfree_expect()).
bool value_free_lazily(struct lazyfree *, struct value);

// Frees it once no reader can see it any more: a large one in slices, if the epoch domain has a
// reclaimer (see lazyfree.h). The caller has unpublished it.
void value_retire(struct type_ctx *, struct value);

// Bytes of memory that it occupies; collections are estimated from `samples` members (0: all).
size_t value_memory(struct value, size_t samples);

// Number of elements of a collection, 1 for a string: what freeing or copying it costs, roughly.
size_t value_weight(struct value);

// Brings what a look-up of that member of a collection will read into the cache, in two steps with
// other work between them: the first returns what the second takes. Hints. Readers' rules.
uint64_t value_prefetch(struct value, const char *member, size_t len);
void value_prefetch_member(struct value, uint64_t hash);

// Begins a change to a collection that readers can see; a no-op inside a section. Caller holds the
// key's write lock. Relaxed is enough because of rule 4 above.
static inline void object_write_begin(struct object *o)
{
    uint64_t seq = atomic_load_explicit(&o->seq, memory_order_relaxed);
    atomic_store_explicit(&o->seq, seq | 1, memory_order_relaxed);
}

// Whether a section is open. Caller holds the key's write lock.
static inline bool object_changing(const struct object *o)
{
    return atomic_load_explicit(&o->seq, memory_order_relaxed) & 1;
}

// Ends it; a no-op outside a section. A collection that was emptied and unpublished is left odd for
// ever, so that late readers look the key up again.
static inline void object_write_end(struct object *o)
{
    uint64_t seq = atomic_load_explicit(&o->seq, memory_order_relaxed);
    atomic_store_explicit(&o->seq, (seq + 1) & ~(uint64_t)1, memory_order_release);
}
