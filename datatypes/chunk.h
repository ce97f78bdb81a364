// SPDX-License-Identifier: MIT
//
// Chunk: some neighbouring elements of a list in one block, with room to grow at both ends.
//
//     +0  cap     bytes of data
//     +4  begin   where the first entry starts
//     +8  end     where the last one ends
//     +12 count   entries
//     +16 data    |  room  | entry | entry | ... | entry |  room  |
//                 0        begin                         end      cap
//
// An entry reads the same from both sides:
//
//     [code] [payload] [code]                   code 0..239: a text of that many bytes
//                                               code 240..247: an integer of 1..8 bytes
//     [255] [length] [text] [length] [255]      a longer text, its length in 4 bytes
//
// A text that is the canonical decimal form of an int64_t is stored as an integer when that is
// shorter. So each element has one form only, and two are equal when their entries are.
//
// Concurrency: none. A chunk is read under at least the read lock of its key and changed under the
// write lock; there are no readers without a lock, so it is changed in place and freed at once.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum chunk_side { CHUNK_FRONT, CHUNK_BACK };

enum {
    CHUNK_TEXT_MAX = 239, // longest text whose length fits the code
    CHUNK_INT = 239,      // code of an integer of n bytes: CHUNK_INT + n
    CHUNK_LONG = 255,
};

// Longest element: what is left of the 32-bit offsets is for the room around it.
#define CHUNK_ELEMENT_MAX ((size_t)1 << 30)

struct chunk {
    uint32_t cap;
    uint32_t begin, end;
    uint32_t count;
    char data[];
};

// How much a chunk may take. One element is allowed whatever its size.
struct chunk_limit {
    size_t nbytes; // of all entries
    size_t count;
};

// An element in the form in which it is stored.
struct chunk_item {
    const char *payload; // lies in the caller's bytes, or in `number`
    uint32_t len;
    unsigned char code;
    char number[8];
};

// An element as it is read; `data` points into the chunk or into `buf`.
struct chunk_element {
    const char *data;
    size_t len;
    char buf[24];
};

// Encodes an element, len <= CHUNK_ELEMENT_MAX; `data` must outlive the item, which is used where
// it lies.
void chunk_item(struct chunk_item *, const char *data, size_t len);

static inline size_t chunk_item_size(const struct chunk_item *item)
{
    return item->len + (item->code == CHUNK_LONG ? 10u : 2u);
}

static inline size_t chunk_used(const struct chunk *c)
{
    return c->end - c->begin;
}

// ---- walking ---------------------------------------------------------------------------------

// What surrounds the payload on each side, and the payload's length, from the entry's first byte.
static inline size_t chunk_entry_len(const char *entry, size_t *head)
{
    unsigned code = (unsigned char)*entry;
    uint32_t len;

    *head = 1;
    if (code <= CHUNK_TEXT_MAX)
        return code;
    if (code != CHUNK_LONG)
        return code - CHUNK_INT;
    memcpy(&len, entry + 1, sizeof len);
    *head = 1 + sizeof len;
    return len;
}

// Where the entry after the one at `at` starts.
static inline size_t chunk_next(const struct chunk *c, size_t at)
{
    size_t head, len = chunk_entry_len(c->data + at, &head);
    return at + 2 * head + len;
}

// Where the entry that ends at `end` starts.
static inline size_t chunk_prev(const struct chunk *c, size_t end)
{
    unsigned code = (unsigned char)c->data[end - 1];
    uint32_t len;

    if (code <= CHUNK_TEXT_MAX)
        return end - code - 2;
    if (code != CHUNK_LONG)
        return end - (code - CHUNK_INT) - 2;
    memcpy(&len, c->data + end - 1 - sizeof len, sizeof len);
    return end - len - 2 * (1 + sizeof len);
}

// Writes out the integer whose entry starts at `entry`.
void chunk_read_number(const char *entry, struct chunk_element *out);

// The element whose entry starts at `at`; returns where the next entry starts.
static inline size_t chunk_read(const struct chunk *c, size_t at, struct chunk_element *out)
{
    const char *entry = c->data + at;
    unsigned code = (unsigned char)*entry;
    size_t head, len = chunk_entry_len(entry, &head);

    if (code > CHUNK_TEXT_MAX && code != CHUNK_LONG) {
        chunk_read_number(entry, out);
    } else {
        out->data = entry + head;
        out->len = len;
    }
    return at + 2 * head + len;
}

// Whether the entry at `at` is that element.
static inline bool chunk_entry_is(const struct chunk *c, size_t at, const struct chunk_item *item)
{
    const char *entry = c->data + at;
    size_t head;

    if ((unsigned char)*entry != item->code)
        return false;
    return chunk_entry_len(entry, &head) == item->len &&
           (item->len == 0 || memcmp(entry + head, item->payload, item->len) == 0);
}

// Where the entry with index i <= count starts (i == count: the end), from the nearer side.
size_t chunk_at(const struct chunk *, size_t i);

// ---- making and changing
// -------------------------------------------------------------------------

// An empty chunk with at least `nbytes` of room, all of it where pushing at `side` needs it; NULL
// without memory. Freed with mem_free().
struct chunk *chunk_new(size_t nbytes, enum chunk_side side);

// A copy without spare room.
struct chunk *chunk_copy(const struct chunk *);
// The same with room for `nbytes` of entries in all, what is left of it at one side.
struct chunk *chunk_clone(const struct chunk *, size_t nbytes, enum chunk_side);

// Whether a chunk may take an entry of `nbytes` more at that side. False also when there is so
// little room at the other side that moving the entries there does not pay.
bool chunk_takes(const struct chunk *, size_t nbytes, enum chunk_side,
                 const struct chunk_limit *limit);

// Makes room for `nbytes` more at a side, where chunk_takes() allowed it. The chunk may move; the
// old one is freed then. `roomy`: grow by more than is needed, for a chunk that will fill up. NULL
// without memory: nothing is changed.
struct chunk *chunk_reserve(struct chunk *, size_t nbytes, enum chunk_side,
                            const struct chunk_limit *limit, bool roomy);

// Adds an element at a side that has room for it.
void chunk_push(struct chunk *, enum chunk_side, const struct chunk_item *);

// Takes `n` <= count entries away at a side.
void chunk_drop(struct chunk *, enum chunk_side, size_t n);

// Puts an element before the entry at `at` (or at the end). There is room for it, whatever the side
// (cap - used).
void chunk_insert(struct chunk *, size_t at, const struct chunk_item *);

// Takes the entry at `at` away; returns where the one after it starts now.
size_t chunk_remove(struct chunk *, size_t at);

// The same entries in a block with `nbytes` of room in all, which is enough; the old one is freed.
// NULL without memory: nothing is changed.
struct chunk *chunk_resize(struct chunk *, size_t nbytes, enum chunk_side side);

// Adds `n` entries, which lie at `from` and take `nbytes`, in their order at a side that has room.
void chunk_push_entries(struct chunk *, enum chunk_side, const char *from, size_t nbytes, size_t n);

// Removes up to `n` entries that are that element, beginning at a side; returns how many went.
size_t chunk_filter(struct chunk *, enum chunk_side from, const struct chunk_item *, size_t n);
