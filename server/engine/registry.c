// SPDX-License-Identifier: MIT
//
// The command table: all families' rows, and a hash of the names. Built once for the process from
// constant data, then read only.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/engine/command.h"

#define FAMILY(f) extern const struct command commands_##f[];
#include "families.inc"
#undef FAMILY

struct family {
    const char *name;
    const struct command *rows;
};

static const struct family FAMILIES[] = {
#define FAMILY(f) {#f, commands_##f},
#include "families.inc"
#undef FAMILY
};

enum {
    SLOTS = 1024, // of the hash of names: at least twice the number of top-level commands
};

static struct registry {
    pthread_once_t once;
    bool ok;
    unsigned n;
    struct command_entry *entries;
    const struct command_entry *slots[SLOTS]; // open addressing, top-level commands only
} registry = {.once = PTHREAD_ONCE_INIT};

// FNV-1a of the lower-cased name.
static unsigned hash_name(struct bytes name)
{
    uint32_t h = 2166136261u;

    for (size_t i = 0; i < name.len; i++)
        h = (h ^ (unsigned char)bytes_lower(name.data[i])) * 16777619u;
    return (h ^ h >> 15) & (SLOTS - 1);
}

static void add_entry(struct command_entry *e, unsigned id, const struct command *row,
                      const char *family, const struct command_entry *parent)
{
    e->row = row;
    e->parent = parent;
    e->family = family;
    e->id = id;
    e->name_len = strlen(row->name);
    if (parent)
        snprintf(e->full_name, sizeof e->full_name, "%s|%s", parent->row->name, row->name);
    else
        snprintf(e->full_name, sizeof e->full_name, "%s", row->name);
}

static void add_to_hash(const struct command_entry *e)
{
    unsigned slot = hash_name(bytes_of(e->row->name));

    while (registry.slots[slot])
        slot = (slot + 1) & (SLOTS - 1);
    registry.slots[slot] = e;
}

static void build(void)
{
    const size_t nfamilies = sizeof FAMILIES / sizeof *FAMILIES;
    unsigned total = 0, id = 0;

    for (size_t f = 0; f < nfamilies; f++) {
        for (const struct command *row = FAMILIES[f].rows; row->name; row++) {
            total++;
            for (const struct command *sub = row->subcommands; sub && sub->name; sub++)
                total++;
        }
    }
    registry.entries = calloc(total, sizeof *registry.entries);
    if (!registry.entries)
        return;
    for (size_t f = 0; f < nfamilies; f++) {
        for (const struct command *row = FAMILIES[f].rows; row->name; row++) {
            struct command_entry *e = &registry.entries[id];
            add_entry(e, id++, row, FAMILIES[f].name, NULL);
            add_to_hash(e);
            e->first_child = id;
            for (const struct command *sub = row->subcommands; sub && sub->name; sub++) {
                add_entry(&registry.entries[id], id, sub, FAMILIES[f].name, e);
                id++;
            }
            e->nchildren = id - e->first_child;
        }
    }
    registry.n = total;
    registry.ok = true;
}

bool registry_init(void)
{
    pthread_once(&registry.once, build);
    return registry.ok;
}

const struct command_entry *registry_find(struct bytes name)
{
    for (unsigned slot = hash_name(name); registry.slots[slot]; slot = (slot + 1) & (SLOTS - 1)) {
        if (command_named(registry.slots[slot], name))
            return registry.slots[slot];
    }
    return NULL;
}

const struct command_entry *registry_find_sub(const struct command_entry *parent, struct bytes name)
{
    for (unsigned i = 0; i < parent->nchildren; i++) {
        const struct command_entry *sub = &registry.entries[parent->first_child + i];
        if (command_named(sub, name))
            return sub;
    }
    return NULL;
}

unsigned registry_count(void)
{
    return registry.n;
}

const struct command_entry *registry_at(unsigned id)
{
    return &registry.entries[id];
}

bool command_writes(const struct command_entry *e)
{
    return (e->row->lock == LOCK_WRITE && !(e->row->flags & CMD_CACHES)) ||
           (e->row->flags & CMD_WRITE);
}

bool command_readonly(const struct command_entry *e)
{
    // WATCH names keys and reads nothing.
    bool has_keys = command_has_keys(e) && !(e->row->flags & CMD_AT_ONCE);
    return !command_writes(e) && (has_keys || (e->row->flags & CMD_READONLY));
}
