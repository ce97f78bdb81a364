// SPDX-License-Identifier: MIT
//
// Chunk: some neighbouring elements of a list in one block, with room to grow at both ends.
//
//     +0  cap     bytes that the entries may take
//     +4  begin   where the first joint is
//     +8  end     where the last one is
//     +12 count   entries
//     +16 data    |  room  | joint | payload | joint | payload | joint |  room  |
//                 0        begin                               end      cap
//
// An entry has a code, which tells how long its payload is and what:
//
//     0..239      a text of that many bytes
//     240..247    an integer of 1..8 bytes
//     255         a longer text; its payload is [length] [text] [length], the length in 4 bytes
//
// A joint is one byte: the exclusive or of the codes of the entries on its two sides, where the
// outside counts as code 0. Who knows an entry's code thus learns the code of either neighbour, and
// a chunk is walked in both directions at the price of one byte an element (an XOR linked list,
// with codes for addresses). An entry cannot be read at a bare offset, therefore: a place in a
// chunk is an offset and a code.
//
// A text that is the canonical decimal form of an int64_t is stored as an integer when that is
// shorter. So each element has one form only, and two are equal when their codes and payloads are.
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
    char data[]; // cap + 1 bytes: each entry brings a joint, and there is one more
};

// What a chunk's block takes beside the entries.
#define CHUNK_OVERHEAD (sizeof(struct chunk) + 1)

// A place between entries: the joint that is there, and the code of the entry behind it (0 at the
// end). Any change of the chunk makes it void.
struct chunk_place {
    uint32_t at;
    unsigned char code;
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

// What the element takes, its joint included.
static inline size_t chunk_item_size(const struct chunk_item *item)
{
    return 1 + item->len + (item->code == CHUNK_LONG ? 2 * sizeof item->len : 0);
}

static inline size_t chunk_used(const struct chunk *c)
{
    return c->end - c->begin;
}

// ---- walking ---------------------------------------------------------------------------------

static inline struct chunk_place chunk_first(const struct chunk *c)
{
    return (struct chunk_place){c->begin, (unsigned char)c->data[c->begin]};
}

// Behind the last entry.
static inline struct chunk_place chunk_end(const struct chunk *c)
{
    return (struct chunk_place){c->end, 0};
}

// Code of the entry before the place; 0 at the front.
static inline unsigned char chunk_code_before(const struct chunk *c, struct chunk_place p)
{
    return (unsigned char)c->data[p.at] ^ p.code;
}

// Bytes of a payload with that code; `length` is where a long text's length stands.
static inline uint32_t chunk_payload_len(unsigned char code, const char *length)
{
    uint32_t len;

    if (code <= CHUNK_TEXT_MAX)
        return code;
    if (code != CHUNK_LONG)
        return code - CHUNK_INT;
    memcpy(&len, length, sizeof len);
    return len + 2 * (uint32_t)sizeof len;
}

// The place behind the entry at `p`, which is not the end.
static inline struct chunk_place chunk_next(const struct chunk *c, struct chunk_place p)
{
    const char *payload = c->data + p.at + 1;
    uint32_t at = p.at + 1 + chunk_payload_len(p.code, payload);
    return (struct chunk_place){at, (unsigned char)c->data[at] ^ p.code};
}

// The place before the entry that ends at `p`, which is not the front.
static inline struct chunk_place chunk_prev(const struct chunk *c, struct chunk_place p)
{
    unsigned char code = chunk_code_before(c, p);
    const char *length = c->data + p.at - sizeof(uint32_t);
    return (struct chunk_place){p.at - 1 - chunk_payload_len(code, length), code};
}

// What chunk_read() does for integers and long texts.
void chunk_read_other(const struct chunk *, struct chunk_place from, struct chunk_place to,
                      struct chunk_element *);

// Reads the entry between two places.
static inline void chunk_read(const struct chunk *c, struct chunk_place from, struct chunk_place to,
                              struct chunk_element *out)
{
    out->data = c->data + from.at + 1;
    out->len = to.at - from.at - 1;
    if (from.code > CHUNK_TEXT_MAX)
        chunk_read_other(c, from, to, out);
}

// Whether the entry at `p` is that element.
static inline bool chunk_entry_is(const struct chunk *c, struct chunk_place p,
                                  const struct chunk_item *item)
{
    const char *payload = c->data + p.at + 1;

    if (p.code != item->code)
        return false;
    if (p.code == CHUNK_LONG) {
        if (memcmp(payload, &item->len, sizeof item->len) != 0)
            return false;
        payload += sizeof item->len;
    }
    return item->len == 0 || memcmp(payload, item->payload, item->len) == 0;
}

// The place before the entry with index i <= count (i == count: the end), found from the nearer
// side.
struct chunk_place chunk_at(const struct chunk *, size_t i);

// ---- making and changing ---------------------------------------------------------------------

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

// Takes `n` entries away at a side: all up to, or from, that place.
void chunk_cut(struct chunk *, enum chunk_side side, struct chunk_place, size_t n);

// Puts an element at a place. There is room for it, whatever the side (cap - used).
void chunk_insert(struct chunk *, struct chunk_place, const struct chunk_item *);

// Takes the entry at a place away; returns the place where it was.
struct chunk_place chunk_remove(struct chunk *, struct chunk_place);

// The same entries in a block with `nbytes` of room in all, which is enough; the old one is freed.
// NULL without memory: nothing is changed.
struct chunk *chunk_resize(struct chunk *, size_t nbytes, enum chunk_side side);

// Adds the `n` entries between two places of another chunk, in their order, at a side that has room
// (to.at - from.at).
void chunk_push_entries(struct chunk *, enum chunk_side, const struct chunk *other,
                        struct chunk_place from, struct chunk_place to, size_t n);

// Removes up to `n` entries that are that element, beginning at a side; returns how many went.
size_t chunk_filter(struct chunk *, enum chunk_side from, const struct chunk_item *, size_t n);
