// SPDX-License-Identifier: MIT
//
// Writes values in Redis's serialised form (rdb.h), piece by piece, so that who writes a large one
// can do other things in between, and need not have all of it in memory. Nothing is allocated.
//
// Collections are written as counted texts, whatever they are here: Redis chooses its own encoding
// when it reads them. Texts are not compressed. So the length of what will be written is known
// after a walk that only counts.
#pragma once

#include "datatypes/hash.h"
#include "datatypes/list.h"
#include "datatypes/set.h"
#include "datatypes/value.h"
#include "datatypes/zset.h"

enum { RDB_WRITER_BYTES = 1024 };

// Where the bytes go.
struct rdb_writer {
    // Takes some bytes; false: no more are wanted. NULL: they are only counted.
    bool (*put)(void *arg, const char *data, size_t len);
    void *arg;
    size_t nbytes; // written so far
    bool stopped;  // put() has returned false, and is not called again
    // Private to rdb_write.c from here on.
    uint64_t crc; // of what put() took
    size_t nbuf;  // bytes that it is still to take
    char buf[RDB_WRITER_BYTES];
};

void rdb_put_length(struct rdb_writer *, uint64_t n);
void rdb_put_text(struct rdb_writer *, const char *text, size_t len);

// A walk over a value that writes it. Nothing is changed in between: it may leave and enter epoch
// sections as long as the read lock is held.
struct rdb_walk {
    struct value value;
    bool begun;
    union {
        struct set_iter set;
        struct hash_iter hash;
        struct list_iter list;
        struct zset_iter zset;
    } at;
};
void rdb_walk_init(struct rdb_walk *, struct value);
// Writes the next element, or first of all the type and the count; false at the end.
bool rdb_walk_next(struct rdb_walk *, struct rdb_writer *);

// Hands over what is not yet with put().
void rdb_flush(struct rdb_writer *);

// Ends a payload: the version, and the checksum of all that was written. Flushes.
void rdb_put_footer(struct rdb_writer *);
