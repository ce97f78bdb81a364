// SPDX-License-Identifier: MIT
#include "datatypes/packed_set.h"

#include <assert.h>
#include <string.h>

size_t packed_next(const struct packed_view *view, size_t offset, const char **member, size_t *len)
{
    return (size_t)(packed_text_read(view->data + offset, member, len) - view->data);
}

// Members of one set often share a length and a prefix ("user:1001"), and differ in the last bytes.
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

bool packed_find(const struct packed_blob *ps, const char *member, size_t len, size_t *offset)
{
    struct packed_view view = packed_blob_view(ps);

    for (size_t at = 0; at < view.nbytes;) {
        const char *here;
        size_t here_len;
        size_t next = packed_next(&view, at, &here, &here_len);
        if (here_len == len && same_bytes(here, member, len)) {
            if (offset != NULL)
                *offset = at;
            return true;
        }
        at = next;
    }
    return false;
}

void packed_push(struct packed_blob *ps, const char *member, size_t len)
{
    struct packed_view view = packed_blob_own_view(ps);
    assert(packed_text_size(len) <= ps->cap - view.nbytes);

    const char *end = packed_text_write(ps->data + view.nbytes, member, len);
    packed_blob_publish(ps, view.count + 1, (size_t)(end - ps->data));
}

struct packed_blob *packed_add(struct packed_blob *ps, const char *member, size_t len)
{
    struct packed_view view = packed_blob_own_view(ps);

    if (packed_text_size(len) > ps->cap - view.nbytes) {
        // To the next size class only: that wastes little, and a small set grows a few dozen times.
        ps = packed_blob_grown(ps, packed_text_size(len));
        if (ps == NULL)
            return NULL;
    }
    packed_push(ps, member, len);
    return ps;
}

struct packed_blob *packed_without(const struct packed_blob *ps, size_t offset)
{
    struct packed_view view = packed_blob_own_view(ps);
    const char *member;
    size_t len;
    size_t next = packed_next(&view, offset, &member, &len);
    size_t nbytes = view.nbytes - (next - offset);

    struct packed_blob *copy = packed_blob_new(nbytes);
    if (copy == NULL)
        return NULL;
    memcpy(copy->data, view.data, offset);
    memcpy(copy->data + offset, view.data + next, view.nbytes - next);
    packed_blob_publish(copy, view.count - 1, nbytes);
    return copy;
}
