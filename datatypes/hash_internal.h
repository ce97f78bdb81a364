// SPDX-License-Identifier: MIT
//
// What hash.c (setting, removing, looking up), hash_walk.c (walking and picking) and hash_free.c
// share.
#pragma once

#include <stdatomic.h>

#include "datatypes/dict.h"
#include "datatypes/hash.h"
#include "datatypes/packed.h"

// A packed hash: the blob begins behind the header, a record is a field and its value.
static const struct packed_layout hash_layout = {
    .head = sizeof(struct object), .width = 2, .names = true};

static inline struct packed_blob *hash_packed(struct value v)
{
    return (struct packed_blob *)((char *)value_pointer(v) + sizeof(struct object));
}

// One in a dictionary. A node is the two texts, one after the other.
struct hash {
    struct object object;
    struct dict *dict; // never changes
};

static inline struct dict *hash_dict(struct value v)
{
    return ((struct hash *)value_pointer(v))->dict;
}

static inline void hash_pair_of(struct hash_pair *pair, const struct packed_text text[2])
{
    *pair = (struct hash_pair){text[0].data, text[0].len, text[1].data, text[1].len};
}

static inline void hash_node_pair(const void *node, struct hash_pair *pair)
{
    const char *value = packed_text_read(node, &pair->field, &pair->nfield);
    packed_text_read(value, &pair->value, &pair->nvalue);
}
