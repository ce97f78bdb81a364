// SPDX-License-Identifier: MIT
//
// HyperLogLogs, which are strings (datatypes/hll.c has their form). A dense one is changed in
// place, like a bitmap; a sparse one is copied, changed and published.
//
// PFCOUNT of one key keeps its result in the string, as Redis does, where GET shows it: so it takes
// the write lock, although it only reads as far as clients are concerned.
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "datatypes/hll.h"
#include "datatypes/rng.h"
#include "datatypes/str.h"
#include "server/engine/cmd.h"
#include "server/engine/work.h"

enum {
    WORK_WALK = 300,        // of looking at all registers of a string once
    WORK_RAISE = 10,        // of changing one in a sparse string
    ROOM = 128,             // bytes by which a sparse string may grow until it is copied again
    SELFTEST_FILLS = 50,    // times that all registers are written and read
    SELFTEST_MAX = 1000000, // elements added
};

// The key's string, which must be a HyperLogLog; len 0: there is none. False: an error was replied.
static bool get_hll(struct cmd_ctx *c, int i, struct bytes *out)
{
    struct str_view view;
    struct value v;

    *out = (struct bytes){NULL, 0};
    if (!key_get_type(c, i, TYPE_STRING, &v))
        return false;
    if (value_is_none(v))
        return true;
    str_view(v, &view);
    if (!hll_valid(view.data, view.len)) {
        reply_error(c->reply, "-WRONGTYPE Key is not a valid HyperLogLog string value.");
        return false;
    }
    *out = (struct bytes){view.data, view.len}; // too long to lie in the view
    return true;
}

// OBJECT ENCODING shows whether a short string was set or has been changed since. In Redis one that
// these commands have taken for a HyperLogLog of their own is never again as it was set. False: an
// error was replied.
static bool own_string(struct cmd_ctx *c, struct bytes *string)
{
    struct value v = key_peek(c, 0), copy;
    char *bytes;

    if (string->len == 0 || strcmp(value_encoding(v), "embstr") != 0)
        return true;
    enum status status = str_new_room(string->len, value_expires_at(v), &copy, &bytes);
    if (status != STATUS_OK) {
        cmd_reply_status(c, status);
        return false;
    }
    memcpy(bytes, string->data, string->len);
    str_fill_room(copy, string->len);
    key_recode(c, 0, copy);
    string->data = bytes;
    return true;
}

// ---- changing ---------------------------------------------------------------------------------

// The first key's HyperLogLog while it may be changed. Until something has to be, `data` is the
// key's own string.
struct draft {
    struct cmd_ctx *c;
    const char *data;
    size_t len;
    bool dense;
    char *bytes;       // the same once they may be written, else NULL
    struct value word; // then: what the key is to hold
    bool is_room;      // the word is private, from str_new_room()
    size_t room;       // bytes that it has
    bool corrupted;    // the string was found to make no sense
};

// False: an error was replied.
static bool draft_begin(struct draft *d, struct cmd_ctx *c)
{
    struct bytes string;

    *d = (struct draft){.c = c};
    if (!get_hll(c, 0, &string) || !own_string(c, &string))
        return false;
    d->data = string.data;
    d->len = string.len;
    d->dense = string.len > 0 && hll_is_dense(string.data);
    return true;
}

static void reply_corrupted(struct cmd_ctx *c)
{
    reply_error(c->reply, "-INVALIDOBJ Corrupted HLL object detected");
}

static void draft_discard(struct draft *d)
{
    if (d->is_room)
        value_free(d->word);
    d->is_room = false;
}

// Lets the key hold what was made of it.
static void draft_publish(struct draft *d)
{
    if (!d->bytes)
        return;
    if (d->is_room)
        str_fill_room(d->word, d->len);
    key_set(d->c, 0, d->word);
}

// Takes new room of that size, and lets the old one go once `fill` has used it. False: an error was
// replied, and the draft is as before.
static bool draft_move(struct draft *d, size_t room, bool (*fill)(struct draft *, char *to))
{
    struct value word, old = key_peek(d->c, 0);
    int64_t expires_at_ms = value_is_none(old) ? NO_EXPIRE : value_expires_at(old);
    char *bytes;
    enum status status = str_new_room(room, expires_at_ms, &word, &bytes);

    if (status != STATUS_OK) {
        cmd_reply_status(d->c, status);
        return false;
    }
    if (!fill(d, bytes)) {
        value_free(word);
        d->corrupted = true;
        reply_corrupted(d->c);
        return false;
    }
    draft_discard(d);
    d->word = word;
    d->is_room = true;
    d->room = room;
    d->data = d->bytes = bytes;
    return true;
}

static bool fill_empty(struct draft *d, char *to)
{
    hll_sparse_init(to);
    d->len = HLL_EMPTY_BYTES;
    return true;
}

static bool fill_sparse(struct draft *d, char *to)
{
    memcpy(to, d->data, d->len);
    return true;
}

static bool fill_dense(struct draft *d, char *to)
{
    if (!hll_sparse_to_dense(d->data, d->len, to))
        return false;
    d->len = HLL_DENSE_BYTES;
    d->dense = true;
    return true;
}

// Makes it writable, and lets a sparse one have room for one more change. False: an error was
// replied.
static bool draft_open(struct draft *d)
{
    struct str_edit e;

    if (d->len == 0)
        return draft_move(d, HLL_EMPTY_BYTES + ROOM, fill_empty);
    if (!d->dense) {
        bool enough = d->bytes && d->len + HLL_SPARSE_GROWTH <= d->room;
        return enough || draft_move(d, d->len + ROOM, fill_sparse);
    }
    if (d->bytes)
        return true;
    if (!key_edit_string(d->c, 0, d->len, &e))
        return false;
    d->word = e.word;
    d->data = d->bytes = e.bytes;
    return true;
}

static bool draft_to_dense(struct draft *d)
{
    return d->dense || draft_move(d, HLL_DENSE_BYTES, fill_dense);
}

// Raises a register of a draft that is not empty. False: an error was replied.
static bool draft_raise(struct draft *d, struct hll_place place, bool *changed)
{
    size_t max =
        atomic_load_explicit(&d->c->types->limits->hll_sparse_max_bytes, memory_order_relaxed);
    struct hll_spot spot;

    if (!d->dense && place.rank <= HLL_SPARSE_RANK_MAX) {
        if (!hll_sparse_find(d->data, d->len, place.reg, &spot)) {
            d->corrupted = true;
            reply_corrupted(d->c);
            return false;
        }
        if (spot.rank >= place.rank)
            return true;
        if (!draft_open(d))
            return false;
        if (hll_sparse_raise(d->bytes, &d->len, &spot, place, max)) {
            *changed = true;
            return true;
        }
    }
    if (!draft_to_dense(d))
        return false;
    if (hll_dense_get(d->data, place.reg) >= place.rank)
        return true;
    if (!draft_open(d))
        return false;
    hll_dense_put(d->bytes, place.reg, place.rank);
    *changed = true;
    return true;
}

// ---- PFADD ------------------------------------------------------------------------------------

static uint64_t pfadd_work(struct cmd_ctx *c)
{
    struct value v = key_peek(c, 0);
    size_t len = value_is_string(v) ? str_len(v) : 0;
    // A sparse string is searched for each element.
    uint64_t each = len == HLL_DENSE_BYTES ? 1 : 1 + len / 128;

    return work_args(c) + (uint64_t)c->argc * each + work_of_bytes(len);
}

// Adds all elements. False: an error was replied.
static bool add_elements(struct draft *d, bool *changed)
{
    struct cmd_ctx *c = d->c;

    for (int i = 2; i < c->argc; i++) {
        (void)cmd_step(c, d->dense ? 1 : WORK_RAISE);
        if (!draft_raise(d, hll_place(c->argv[i].data, c->argv[i].len), changed))
            return false;
    }
    return true;
}

/* PFADD key [element ...]  -> 1 when the registers have changed, or the key is new */
static void cmd_pfadd(struct cmd_ctx *c)
{
    struct draft d;
    bool changed = false;

    if (!draft_begin(&d, c))
        return;
    if (d.len == 0) {
        if (!draft_open(&d))
            return;
        changed = true;
    }
    if (!add_elements(&d, &changed)) {
        // What was added before the corrupted part was met stays added, as in Redis.
        if (d.corrupted)
            draft_publish(&d);
        else
            draft_discard(&d);
        return;
    }
    if (changed)
        hll_uncache(d.bytes);
    draft_publish(&d);
    reply_int(c->reply, changed);
}

// ---- PFCOUNT and PFMERGE ----------------------------------------------------------------------

static void pfcount_keys(struct cmd_ctx *c)
{
    enum lock_class mode = c->argc == 2 ? LOCK_WRITE : LOCK_READ;

    for (int i = 1; i < c->argc; i++) {
        if (cmd_add_key(c, i, c->db, mode) < 0)
            break;
    }
}

static void count_one(struct cmd_ctx *c)
{
    struct bytes string;
    struct str_edit e;
    uint64_t count;

    if (!get_hll(c, 0, &string) || !own_string(c, &string))
        return;
    if (string.len == 0) {
        reply_int(c->reply, 0);
        return;
    }
    if (!hll_cached(string.data, &count)) {
        if (!hll_count(string.data, string.len, &count)) {
            reply_corrupted(c);
            return;
        }
        if (!key_edit_string(c, 0, string.len, &e))
            return;
        hll_cache(e.bytes, count);
        key_set(c, 0, e.word);
    }
    reply_int(c->reply, (int64_t)count);
}

// Merges the registers of all keys; false: an error was replied, or the client has gone.
// *any_dense: at least one of them is dense.
static bool merge_keys(struct cmd_ctx *c, uint8_t registers[HLL_REGISTERS], bool *any_dense)
{
    memset(registers, 0, HLL_REGISTERS);
    *any_dense = false;
    for (int i = 0; i < c->nkeys; i++) {
        struct bytes string;
        if (!get_hll(c, i, &string))
            return false;
        if (string.len > 0) {
            *any_dense |= hll_is_dense(string.data);
            if (!hll_merge(registers, string.data, string.len)) {
                reply_corrupted(c);
                return false;
            }
        }
        if (!cmd_step(c, WORK_WALK))
            return false;
    }
    return true;
}

static uint64_t walk_work(struct cmd_ctx *c)
{
    return (uint64_t)c->nkeys * WORK_WALK + work_all_keys(c);
}

/* PFCOUNT key [key ...]  -> the number of different elements in all of them */
static void cmd_pfcount(struct cmd_ctx *c)
{
    uint8_t registers[HLL_REGISTERS];
    bool any_dense;

    if (c->nkeys == 1)
        count_one(c);
    else if (merge_keys(c, registers, &any_dense))
        reply_int(c->reply, (int64_t)hll_count_registers(registers));
}

// Raises the registers of the destination. False: an error was replied.
static bool merge_into(struct draft *d, const uint8_t registers[HLL_REGISTERS])
{
    uint8_t own[HLL_REGISTERS] = {0};
    bool changed;

    // Most need no search through a sparse string.
    if (!hll_merge(own, d->data, d->len)) {
        reply_corrupted(d->c);
        return false;
    }
    for (unsigned reg = 0; reg < HLL_REGISTERS; reg++) {
        if (registers[reg] <= own[reg])
            continue;
        if (!draft_raise(d, (struct hll_place){reg, registers[reg]}, &changed))
            return false;
        (void)cmd_step(d->c, d->dense ? 1 : WORK_RAISE);
    }
    return true;
}

/* PFMERGE destination [key ...] */
static void cmd_pfmerge(struct cmd_ctx *c)
{
    uint8_t registers[HLL_REGISTERS];
    struct draft d;
    bool any_dense;

    if (!merge_keys(c, registers, &any_dense) || !draft_begin(&d, c))
        return;
    if (!draft_open(&d))
        return;
    if ((any_dense && !draft_to_dense(&d)) || !merge_into(&d, registers)) {
        draft_discard(&d);
        return;
    }
    hll_uncache(d.bytes);
    draft_publish(&d);
    reply_ok(c->reply);
}

static uint64_t pfmerge_work(struct cmd_ctx *c)
{
    return walk_work(c) + WORK_WALK;
}

// ---- PFDEBUG ----------------------------------------------------------------------------------

// Makes the key's string dense; false: an error was replied.
static bool store_dense(struct draft *d)
{
    if (!draft_to_dense(d))
        return false;
    draft_publish(d);
    return true;
}

static void debug_getreg(struct draft *d)
{
    struct cmd_ctx *c = d->c;

    if (!store_dense(d))
        return;
    reply_array(c->reply, HLL_REGISTERS);
    for (unsigned reg = 0; reg < HLL_REGISTERS && cmd_step(c, 1); reg++)
        reply_int(c->reply, hll_dense_get(d->data, reg));
}

// Writes a run as text: "z:n" and "Z:n" n registers that are zero, "v:r,n" n that are r.
static int format_run(char *to, size_t size, struct hll_run run)
{
    if (run.rank > 0)
        return snprintf(to, size, "v:%u,%u ", run.rank, run.nregs);
    return snprintf(to, size, "%c:%u ", run.nbytes == 1 ? 'z' : 'Z', run.nregs);
}

static void debug_decode(struct draft *d)
{
    struct cmd_ctx *c = d->c;
    struct hll_run run;
    size_t nchars = 0;
    char text[32], *to;

    if (d->dense) {
        reply_error(c->reply, "HLL encoding is not sparse");
        return;
    }
    for (size_t at = HLL_HEADER_BYTES; at < d->len; at += run.nbytes) {
        run = hll_sparse_run(d->data, d->len, at);
        nchars += (size_t)format_run(text, sizeof text, run);
    }
    if (nchars > 0)
        nchars--; // the last blank
    to = reply_bulk_space(c->reply, nchars);
    if (!to)
        return;
    for (size_t at = HLL_HEADER_BYTES, used = 0; at < d->len; at += run.nbytes) {
        run = hll_sparse_run(d->data, d->len, at);
        size_t n = (size_t)format_run(text, sizeof text, run);
        memcpy(to + used, text, used + n > nchars ? nchars - used : n);
        used += n;
    }
}

/* PFDEBUG GETREG | DECODE | ENCODING | TODENSE key */
static void cmd_pfdebug(struct cmd_ctx *c)
{
    struct draft d;

    if (!draft_begin(&d, c))
        return;
    if (d.len == 0) {
        reply_error(c->reply, "The specified key does not exist");
        return;
    }
    if (cmd_arg_is(c, 1, "getreg")) {
        debug_getreg(&d);
    } else if (cmd_arg_is(c, 1, "decode")) {
        debug_decode(&d);
    } else if (cmd_arg_is(c, 1, "encoding")) {
        reply_simple(c->reply, d.dense ? "dense" : "sparse");
    } else if (cmd_arg_is(c, 1, "todense")) {
        bool was_dense = d.dense;
        if (store_dense(&d))
            reply_int(c->reply, !was_dense);
    } else {
        reply_errorf(c->reply, "Unknown PFDEBUG subcommand '%.*s'", bytes_precision(c->argv[1]),
                     c->argv[1].data);
    }
}

static uint64_t pfdebug_work(struct cmd_ctx *c)
{
    return work_first_key(c) + (cmd_arg_is(c, 1, "getreg") ? HLL_REGISTERS : 0);
}

// ---- PFSELFTEST -------------------------------------------------------------------------------

// Writes random ranks to all registers and reads them. False: an error was replied.
static bool test_registers(struct cmd_ctx *c)
{
    char dense[HLL_DENSE_BYTES] = {0};
    uint8_t ranks[HLL_REGISTERS];

    for (int fill = 0; fill < SELFTEST_FILLS; fill++) {
        for (unsigned reg = 0; reg < HLL_REGISTERS; reg++) {
            ranks[reg] = (uint8_t)(rng_next(c->types->rng) & 63);
            hll_dense_put(dense, reg, ranks[reg]);
        }
        for (unsigned reg = 0; reg < HLL_REGISTERS; reg++) {
            unsigned rank = hll_dense_get(dense, reg);
            if (rank == ranks[reg])
                continue;
            reply_errorf(c->reply, "-TESTFAILED Register %u is %u, not %u", reg, rank, ranks[reg]);
            return false;
        }
        if (!cmd_step(c, 2 * WORK_WALK))
            return false;
    }
    return true;
}

// A sparse and a dense HyperLogLog to which the same is added.
struct twins {
    char sparse[4096], dense[HLL_DENSE_BYTES];
    size_t len;
    bool fits; // the sparse one has not become too long
};

static void add_to_twins(struct twins *t, struct hll_place place)
{
    struct hll_spot spot;

    if (hll_dense_get(t->dense, place.reg) < place.rank)
        hll_dense_put(t->dense, place.reg, place.rank);
    t->fits = t->fits && place.rank <= HLL_SPARSE_RANK_MAX &&
              hll_sparse_find(t->sparse, t->len, place.reg, &spot) &&
              (spot.rank >= place.rank || hll_sparse_raise(t->sparse, &t->len, &spot, place, 3000));
}

// Whether both count `n` elements, within six standard errors.
static bool twins_count(struct cmd_ctx *c, const struct twins *t, int64_t n)
{
    double allowed = n <= 10 ? 1 : ceil(6 * 1.04 / sqrt(HLL_REGISTERS) * (double)n);
    uint64_t dense = 0, sparse = 0;

    hll_count(t->dense, HLL_DENSE_BYTES, &dense);
    if (t->fits && (!hll_count(t->sparse, t->len, &sparse) || sparse != dense)) {
        reply_error(c->reply, "-TESTFAILED The dense and the sparse encoding disagree");
        return false;
    }
    if (fabs((double)dense - (double)n) > allowed) {
        reply_errorf(c->reply, "-TESTFAILED %" PRIu64 " counted of %" PRId64, dense, n);
        return false;
    }
    return true;
}

static bool test_counting(struct cmd_ctx *c)
{
    struct twins t = {.len = HLL_EMPTY_BYTES, .fits = true};
    uint64_t seed = rng_next(c->types->rng);
    int64_t checkpoint = 1;

    hll_sparse_init(t.sparse);
    hll_sparse_to_dense(t.sparse, t.len, t.dense);
    for (int64_t n = 1; n <= SELFTEST_MAX; n++) {
        uint64_t element = seed ^ (uint64_t)n;
        add_to_twins(&t, hll_place((const char *)&element, sizeof element));
        if (n == checkpoint) {
            if (!twins_count(c, &t, n))
                return false;
            checkpoint *= 10;
        }
        if (!cmd_step(c, 1))
            return false;
    }
    return true;
}

static uint64_t pfselftest_work(struct cmd_ctx *c)
{
    (void)c;
    return SELFTEST_MAX;
}

/* PFSELFTEST */
static void cmd_pfselftest(struct cmd_ctx *c)
{
    if (test_registers(c) && test_counting(c))
        reply_ok(c->reply);
}

// clang-format off
COMMANDS(hyperloglog) = {
    {"pfadd", -2, KEYS(1, 1, 1), LOCK_WRITE, CMD_DENYOOM | CMD_FAST, cmd_pfadd,
     "key [element [element ...]]", "2.8.9", "Adds elements to a HyperLogLog.",
     .key_use = "RW insert",
     .work = pfadd_work},
    {"pfcount", -2, KEYS(1, -1, 1), LOCK_WRITE, CMD_CACHES, cmd_pfcount, "key [key ...]", "2.8.9",
     "Estimates how many different elements were added to HyperLogLogs.",
     .key_use = "RW access",
     .getkeys = pfcount_keys,
     .work = walk_work},
    {"pfdebug", 3, KEYS(2, 2, 1), LOCK_WRITE, CMD_DENYOOM | CMD_ADMIN, cmd_pfdebug,
     "subcommand key", "2.8.9", "Shows the inside of a HyperLogLog.",
     .key_use = "RW access",
     .work = pfdebug_work},
    {"pfmerge", -2, KEYS(1, -1, 1), LOCK_WRITE, CMD_DENYOOM | CMD_READ_REST, cmd_pfmerge,
     "destkey [sourcekey [sourcekey ...]]", "2.8.9", "Merges HyperLogLogs into one.",
     .key_use = "RW access insert",
     .work = pfmerge_work},
    {"pfselftest", 1, NO_KEYS, LOCK_NONE, CMD_ADMIN, cmd_pfselftest, "", "2.8.9",
     "Tests the HyperLogLog implementation.",
     .work = pfselftest_work},
    COMMANDS_END,
};
// clang-format on
