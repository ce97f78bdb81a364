// SPDX-License-Identifier: MIT
#include "datatypes/packed.h"

#include <assert.h>
#include <string.h>

#include "datatypes/names.h"

enum {
    PACKED_NAME = 240, // first byte of a key that is a name: this + the number's high byte
    NAME_BYTES = 2,
};

_Static_assert(PACKED_NAME + (NAME_SLOTS - 1) / 256 < PACKED_LONG, "every number has a code");

// ---- keys ------------------------------------------------------------------------------------

static bool is_name(const struct packed_layout *layout, const char *at)
{
    unsigned code = (unsigned char)*at;
    return layout->names && code >= PACKED_NAME && code != PACKED_LONG;
}

static unsigned name_at(const char *at)
{
    return ((unsigned char)at[0] - (unsigned)PACKED_NAME) << 8 | (unsigned char)at[1];
}

static const char *key_read(const struct packed_layout *layout, const char *at,
                            struct packed_text *key)
{
    key->name = 0;
    if (!is_name(layout, at))
        return packed_text_read(at, &key->data, &key->len);
    const struct name *name = name_of(name_at(at));
    *key = (struct packed_text){name->text, name->len, name_at(at) + 1};
    return at + NAME_BYTES;
}

// Keys have a one-byte length below this.
static size_t long_from(const struct packed_layout *layout)
{
    return layout->names ? PACKED_NAME : PACKED_LONG;
}

static size_t key_size(const struct packed_layout *layout, const struct packed_text *key)
{
    if (key->name)
        return NAME_BYTES;
    return key->len < long_from(layout) ? 1 + key->len : 1 + sizeof(uint32_t) + key->len;
}

static char *key_write(const struct packed_layout *layout, char *at, const struct packed_text *key)
{
    if (!key->name)
        return packed_text_put(at, key->data, key->len, long_from(layout));
    assert(layout->names);
    *at++ = (char)(PACKED_NAME + ((key->name - 1) >> 8));
    *at++ = (char)((key->name - 1) & 255);
    return at;
}

// ---- walking ---------------------------------------------------------------------------------

size_t packed_next(const struct packed_layout *layout, const struct packed_view *view,
                   size_t offset, struct packed_text *record)
{
    const char *at = key_read(layout, view->data + offset, &record[0]);
    for (unsigned i = 1; i < layout->width; i++)
        at = packed_text_read(at, &record[i].data, &record[i].len);
    return (size_t)(at - view->data);
}

struct packed_place packed_at(const struct packed_layout *layout, const struct packed_view *view,
                              size_t i, struct packed_text *record)
{
    struct packed_place place = {.to = 0};
    do {
        place.from = place.to;
        place.to = packed_next(layout, view, place.from, record);
    } while (i-- > 0);
    return place;
}

// Keys of one collection often share a length and a prefix ("user:1001"), and differ in the last
// bytes.
static bool same_bytes(const char *a, const char *b, size_t len)
{
    if (len >= sizeof(uint64_t)) {
        uint64_t x, y;
        memcpy(&x, a + len - sizeof x, sizeof x);
        memcpy(&y, b + len - sizeof y, sizeof y);
        if (x != y)
            return false;
        len -= sizeof x;
    }
    return len == 0 || memcmp(a, b, len) == 0;
}

// A key that is looked for. Its name is asked for when the first name is met, and not before.
struct search {
    struct packed_text key;
    bool asked;
};

// Whether the key at `at`, which does not begin with the length of a short text, is that one;
// *next is where the key ends.
static bool find_other(const struct packed_layout *layout, const char *at, struct search *search,
                       const char **next)
{
    struct packed_text here;

    if (!is_name(layout, at)) {
        *next = key_read(layout, at, &here);
        return here.len == search->key.len && same_bytes(here.data, search->key.data, here.len);
    }
    // Who wrote a name here had found it, and has published the blob since: so if it is the one
    // that is looked for, it is found now as well.
    if (!search->asked)
        search->key.name = (unsigned)(name_find(search->key.data, search->key.len) - NAME_NONE);
    search->asked = true;
    *next = at + NAME_BYTES;
    return name_at(at) + 1 == search->key.name;
}

bool packed_find(const struct packed_layout *layout, const struct packed_view *view,
                 const struct packed_text *key, struct packed_place *place)
{
    struct search search = {*key, key->name != 0};

    for (const char *at = view->data, *end = at + view->nbytes; at < end;) {
        struct packed_text rest;
        size_t len = (unsigned char)*at;
        const char *next;
        bool found;
        if (len < PACKED_NAME) {
            next = at + 1 + len;
            found = len == key->len && same_bytes(at + 1, key->data, len);
        } else {
            found = find_other(layout, at, &search, &next);
        }
        for (unsigned i = 1; i < layout->width; i++)
            next = packed_text_read(next, &rest.data, &rest.len);
        if (found) {
            if (place != NULL)
                *place =
                    (struct packed_place){(size_t)(at - view->data), (size_t)(next - view->data)};
            return true;
        }
        at = next;
    }
    return false;
}

// ---- changing --------------------------------------------------------------------------------

size_t packed_record_size(const struct packed_layout *layout, const struct packed_text *record)
{
    size_t nbytes = key_size(layout, &record[0]);
    for (unsigned i = 1; i < layout->width; i++)
        nbytes += packed_text_size(record[i].len);
    return nbytes;
}

static char *write_record(const struct packed_layout *layout, char *at,
                          const struct packed_text *record)
{
    at = key_write(layout, at, &record[0]);
    for (unsigned i = 1; i < layout->width; i++)
        at = packed_text_write(at, record[i].data, record[i].len);
    return at;
}

void packed_push(const struct packed_layout *layout, struct packed_blob *blob,
                 const struct packed_text *record)
{
    struct packed_view view = packed_blob_own_view(blob);
    assert(packed_record_size(layout, record) <= blob->cap - view.nbytes);

    const char *end = write_record(layout, blob->data + view.nbytes, record);
    packed_blob_publish(blob, view.count + 1, (size_t)(end - blob->data));
}

struct packed_blob *packed_add(const struct packed_layout *layout, struct packed_blob *blob,
                               const struct packed_text *record)
{
    struct packed_view view = packed_blob_own_view(blob);
    size_t nbytes = packed_record_size(layout, record);

    if (nbytes > blob->cap - view.nbytes) {
        // To the next size class only: that wastes little, and a small blob grows a few dozen
        // times.
        blob = packed_blob_grown(blob, layout->head, nbytes);
        if (blob == NULL)
            return NULL;
    }
    packed_push(layout, blob, record);
    return blob;
}

struct packed_blob *packed_fit(const struct packed_layout *layout, struct packed_blob *blob)
{
    size_t used = layout->head + PACKED_HEADER + packed_blob_own_view(blob).nbytes;
    size_t has = layout->head + PACKED_HEADER + blob->cap;

    if (mem_good_size(used) >= has)
        return blob;
    struct packed_blob *fitting = packed_blob_copy(blob, layout->head);
    if (fitting == NULL)
        return blob;
    memcpy(packed_blob_block(fitting, layout->head), packed_blob_block(blob, layout->head),
           layout->head);
    mem_free(packed_blob_block(blob, layout->head));
    return fitting;
}

struct packed_blob *packed_replace(const struct packed_layout *layout,
                                   const struct packed_blob *blob, struct packed_place place,
                                   const struct packed_text *record)
{
    struct packed_view view = packed_blob_own_view(blob);
    size_t after = view.nbytes - place.to;
    size_t nbytes = record != NULL ? packed_record_size(layout, record) : 0;

    struct packed_blob *copy = packed_blob_new(layout->head, place.from + nbytes + after);
    if (copy == NULL)
        return NULL;
    memcpy(copy->data, view.data, place.from);
    char *end = copy->data + place.from;
    if (record != NULL)
        end = write_record(layout, end, record);
    memcpy(end, view.data + place.to, after);
    packed_blob_publish(copy, view.count - (place.from < place.to) + (record != NULL),
                        place.from + nbytes + after);
    return copy;
}
