// SPDX-License-Identifier: MIT
//
// Where in a database keys will expire next, so that active expiry looks nowhere else.
//
// The keys of a database are in groups by the low bits of their hash, a few to a group. For each
// group there is one number: no key in it expires before that time. The number may be too early,
// as when the key that it came from was deleted or lives longer now; it is then found out and set
// right when it comes. So nothing has to be taken back, and what there is to remember does not
// grow with what happens to the keys. Four bytes a group, and that for all keys of a database of
// which any has an expire time: about 0.7 bytes a key.
//
// Invariant: a key that is published with an expire time, and whose expire_index_note() has
// returned, is in a group whose number is not later, or is being looked at.
//
// Concurrency. expire_index_note() is called by any number of threads at a time, the others by one
// thread at a time; all inside an epoch section, and none beside who has closed the gate.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct epoch_thread;
struct expire_index;

enum { EXPIRE_INDEX_MIN_BITS = 6 }; // of a new index

// An empty index; NULL without memory. Works best from two years before to six years after
// `now_ms`, by a clock that may be set back and forth; beyond that groups are looked at too often.
struct expire_index *expire_index_create(int64_t now_ms);
// Nobody uses it any more.
void expire_index_free(struct expire_index *);

// A key with that hash is published and expires at that time. Cannot fail.
void expire_index_note(struct expire_index *, uint64_t hash, int64_t at_ms);

// Sees to it that the groups are of the right size for that many keys in the database, a part of
// the work at a time. False: not finished, and no group is to be taken.
bool expire_index_fit(struct expire_index *, struct epoch_thread *, size_t nkeys);

// Takes up to `max` groups whose time has come, looking at some of them only. For each the caller
// looks at its keys and calls expire_index_note() for what is left. Returns how many; *end: all
// groups have been looked at, and for a moment there is no point in doing so again.
size_t expire_index_take(struct expire_index *, int64_t now_ms, uint32_t *groups, size_t max,
                         bool *end);

// The hashes of a group are those whose low bits are its number: so many bits.
unsigned expire_index_bits(const struct expire_index *);
