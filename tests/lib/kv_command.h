// SPDX-License-Identifier: MIT
//
// What a command of the sequential model (kv_model.h) sees. A family of commands is one file with a
// table of rows, listed in kv_model.c.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "resp/bytes.h"
#include "tests/lib/history.h"
#include "tests/lib/kv_value.h"
#include "tests/lib/strbuf.h"

enum kv_flags {
    KV_READ = 1,      // changes nothing
    KV_UNORDERED = 2, // the order of the reply's elements means nothing
    KV_ALL_KEYS = 4,  // concerns every key there is
    KV_PAIRS = 8,     // the order of the reply's pairs means nothing
};

struct kv_run;

struct kv_command {
    const char *name;                  // in lower case
    int first_key, last_key, key_step; // as in COMMAND INFO
    int flags;
    // Changes the state and writes the reply.
    void (*run)(struct kv_run *);
    int numkeys_at; // the argument that tells how many keys follow it; 0: none
};

// One command in one state.
struct kv_run {
    struct kv_pool *pool;
    uint32_t *state; // a value's number for each key; changed in place
    int nstate;
    const struct kv_command *row;
    int argc;
    const struct bytes *argv;
    const int *keys; // index in `state` of each key argument
    int nkeys;
    const char *recorded;  // the reply that came, for commands that chance decides; NULL: none came
    struct strbuf *reply;  // the reply that the model gives, as text
    unsigned choice, ways; // see kv_choose()
    bool impossible;       // the choice turned out to be none
};

extern const struct kv_command kv_generic_commands[], kv_string_commands[], kv_set_commands[],
    kv_hash_commands[], kv_list_commands[], kv_zset_commands[];

// ---- keys: `i` counts the key arguments ---------------------------------------------------------

const struct kv_value *kv_get(const struct kv_run *, int i);
// The same when the key is absent or of that type; else replies WRONGTYPE and returns NULL.
const struct kv_value *kv_get_type(struct kv_run *, int i, enum kv_type);
void kv_put(struct kv_run *, int i, enum kv_type, const struct bytes *items, int n);
void kv_put_items(struct kv_run *, int i, enum kv_type, const struct kv_items *);
// Numbers of values as they are, for what moves them about. True when there was one.
bool kv_delete(struct kv_run *, int i);
uint32_t *kv_slot(const struct kv_run *, int i);

// Of `n` things that may have happened where the reply does not tell (because none came): the index
// of the one to go by. All are tried in turn. At most once an operation.
unsigned kv_choose(struct kv_run *, unsigned n);

bool kv_arg_is(const struct kv_run *, int arg, const char *word);
// False: not an integer (nothing is replied).
bool kv_integer(struct bytes text, int64_t *out);
// The integer as text in `room`.
enum { KV_INTEGER_CHARS = 24 };
struct bytes kv_integer_text(int64_t n, char room[KV_INTEGER_CHARS]);
// What a first and a last index, arguments `arg` and `arg` + 1, mean in a row of n: negative ones
// count from its end. Returns how many there are from *first on.
int kv_range(const struct kv_run *, int arg, int n, int *first);

// ---- replies ------------------------------------------------------------------------------------

void kv_reply_ok(struct kv_run *);
void kv_reply_nil(struct kv_run *);
void kv_reply_int(struct kv_run *, int64_t n);
void kv_reply_bulk(struct kv_run *, struct bytes);
void kv_reply_array(struct kv_run *, const struct bytes *items, int n);
// Every `step`-th of n items.
void kv_reply_every(struct kv_run *, const struct bytes *items, int n, int step);
void kv_reply_error(struct kv_run *, const char *code);
