// SPDX-License-Identifier: MIT
//
// The table of configuration parameters, for config.c and config_rewrite.c only: what each is
// called, what it takes, where it is kept. A new parameter is one row in config_param.c (and a
// field of struct config).
//
// Setting one has two steps, so that CONFIG SET can do all of its pairs or none: param_parse()
// checks and may fail, param_store() takes the parsed value over and cannot.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "resp/bytes.h"
#include "server/engine/config.h"

enum param_kind {
    PARAM_INT,    // a number within [min, max], or one of `names` for -1
    PARAM_MEMORY, // bytes, with an optional unit: b k kb m mb g gb in any case
    PARAM_BOOL,   // yes or no
    PARAM_ENUM,   // one of `names`; the number is its place
    PARAM_TEXT,   // one word
    PARAM_LIST,   // one or more words, kept with blanks between them
    PARAM_FIXED,  // nothing but the default is accepted yet; kept nowhere
    PARAM_LIMITS, // client-output-buffer-limit
};

enum param_flag {
    PARAM_IMMUTABLE = 1 << 0,  // not by CONFIG SET
    PARAM_MAXCLIENTS = 1 << 1, // config->admit_clients is asked while running
    PARAM_LOCKS = 1 << 2,      // config_apply_locks() after a change
    PARAM_SLOWLOG = 1 << 3,    // config_apply_slowlog() likewise
};

// How the field is kept.
enum param_field {
    FIELD_NONE,
    FIELD_INT,
    FIELD_BOOL,
    FIELD_TEXT, // char *, from mem_alloc
    FIELD_ATOMIC_INT,
    FIELD_ATOMIC_I64,
    FIELD_ATOMIC_SIZE,
    FIELD_ATOMIC_BOOL,
};

struct param {
    const char *name; // lower case
    enum param_kind kind;
    enum param_field field;
    size_t offset; // in struct config
    unsigned flags;
    const char *initial; // the default, as one would write it
    int64_t min, max;
    const char *const *names; // ended by NULL
    const char *alias;        // its older name, which works as well; NULL: none
};

extern const struct param params[];
extern const size_t nparams;

struct param_value {
    const struct param *param;
    int64_t number;
    char *text;
    int64_t limits[OUTPUT_CLASSES][3];
    unsigned classes; // bit per class that `limits` sets
};

// The parameter of that name or alias in any case, or NULL.
const struct param *param_find(struct bytes name);
// Checks and converts the words. False: `error` holds the reason; nothing is to be freed.
bool param_parse(const struct param *, int nvalues, const struct bytes *values,
                 struct param_value *out, char *error, size_t nerror);
// Sets the field, taking over the text. Under config->lock once there are threads.
void param_store(struct config *, struct param_value *);
void param_value_free(struct param_value *);
// The current value as CONFIG GET shows it (all in one string); at most `size` - 1 bytes and a
// terminator. Returns the whole length. Under config->lock.
size_t param_format(struct config *, const struct param *, char *out, size_t size);
// The longest text param_format gives now, its terminator included.
size_t param_format_room(struct config *, const struct param *);
