// SPDX-License-Identifier: MIT
#include "datatypes/packed.h"

#include <assert.h>
#include <string.h>

// ---- walking ---------------------------------------------------------------------------------

size_t packed_next(const struct packed_layout *layout, const struct packed_view *view,
                   size_t offset, struct packed_text *record)
{
    const char *at = view->data + offset;
    for (unsigned i = 0; i < layout->width; i++)
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

bool packed_find(const struct packed_layout *layout, const struct packed_view *view,
                 const char *key, size_t len, struct packed_place *place)
{
    for (const char *at = view->data, *end = at + view->nbytes; at < end;) {
        const char *here, *rest;
        size_t here_len, rest_len;
        const char *next = packed_text_read(at, &here, &here_len);
        for (unsigned i = 1; i < layout->width; i++)
            next = packed_text_read(next, &rest, &rest_len);
        if (here_len == len && same_bytes(here, key, len)) {
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
    size_t nbytes = 0;
    for (unsigned i = 0; i < layout->width; i++)
        nbytes += packed_text_size(record[i].len);
    return nbytes;
}

static char *write_record(const struct packed_layout *layout, char *at,
                          const struct packed_text *record)
{
    for (unsigned i = 0; i < layout->width; i++)
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
