// SPDX-License-Identifier: MIT
//
// Bitmaps: strings as arrays of bits and of small integers. Reading takes no lock; a large string
// is changed in place (datatypes/str.h, str_edit_prepare()).
#include <string.h>

#include "datatypes/bits.h"
#include "datatypes/mem.h"
#include "datatypes/str.h"
#include "server/engine/cmd.h"
#include "server/engine/work.h"

#define BAD_OFFSET "bit offset is not an integer or out of range"

enum {
    SLICE = 1 << 16,   // bytes looked at between two steps
    INLINE_VIEWS = 16, // sources that BITOP has room for without allocating
};

// ---- arguments --------------------------------------------------------------------------------

// A position of a bit; behind a '#' it counts fields of `width` bits (0: there are none).
static bool parse_offset(const struct cmd_ctx *c, int arg, unsigned width, uint64_t *out)
{
    size_t max = atomic_load_explicit(&c->types->limits->max_string_bytes, memory_order_relaxed);
    struct bytes text = c->argv[arg];
    int64_t n, factor = 1;

    if (width > 0 && text.len > 0 && text.data[0] == '#') {
        text = (struct bytes){text.data + 1, text.len - 1};
        factor = width;
    }
    if (!bytes_to_i64(text, &n) || __builtin_mul_overflow(n, factor, &n) || n < 0 ||
        (uint64_t)n / 8 >= max)
        return false;
    *out = (uint64_t)n;
    return true;
}

// BYTE or BIT; false: an error was replied.
static bool parse_unit(struct cmd_ctx *c, int arg, bool *in_bits)
{
    *in_bits = cmd_arg_is(c, arg, "bit");
    if (*in_bits || cmd_arg_is(c, arg, "byte"))
        return true;
    cmd_reply_syntax(c);
    return false;
}

// ---- ranges -----------------------------------------------------------------------------------

// The bits from `first` to `last`.
struct bit_range {
    uint64_t first, last;
};

// Makes bits of an inclusive range of bits or bytes whose ends may count from the end of the
// string; false: it is empty.
static bool clip_range(int64_t start, int64_t end, bool in_bits, size_t nbytes,
                       struct bit_range *out)
{
    int64_t size = (int64_t)nbytes * (in_bits ? 8 : 1);

    if (start < 0)
        start = start + size > 0 ? start + size : 0;
    if (end < 0)
        end = end + size > 0 ? end + size : 0;
    if (end >= size)
        end = size - 1;
    if (start > end)
        return false;
    out->first = (uint64_t)start * (in_bits ? 1 : 8);
    out->last = in_bits ? (uint64_t)end : (uint64_t)end * 8 + 7;
    return true;
}

static bool bit_at(const char *data, uint64_t at)
{
    return (unsigned char)data[at / 8] >> (7 - at % 8) & 1;
}

// Counts the bits of a range, in slices. False: the client has gone.
static bool count_range(struct cmd_ctx *c, const char *data, struct bit_range range, uint64_t *out)
{
    size_t at = range.first / 8, end = range.last / 8 + 1;
    unsigned before = range.first % 8, behind = 7 - range.last % 8;
    unsigned cut = (unsigned char)data[at] & ~(0xffu >> before);
    uint64_t n = 0;

    n -= (uint64_t)__builtin_popcount(cut);
    cut = (unsigned char)data[end - 1] & ~(0xffu << behind);
    n -= (uint64_t)__builtin_popcount(cut);
    for (size_t len; at < end; at += len) {
        len = end - at < SLICE ? end - at : SLICE;
        n += bits_count(data + at, len);
        if (!cmd_step(c, work_of_bytes(len)))
            return false;
    }
    *out = n;
    return true;
}

// The first bit of that value in the range, -1 when there is none. False: the client has gone.
static bool find_in_range(struct cmd_ctx *c, const char *data, struct bit_range range, bool bit,
                          int64_t *out)
{
    uint64_t at = range.first, end = range.last + 1;

    *out = -1;
    for (; at < end && at % 8 != 0; at++) {
        if (bit_at(data, at) == bit)
            goto found;
    }
    while (end - at >= 8) {
        uint64_t nbits = (end - at) / 8 * 8, ahead;
        if (nbits > SLICE * 8)
            nbits = SLICE * 8;
        ahead = bits_find(data + at / 8, nbits / 8, bit);
        at += ahead;
        if (ahead < nbits)
            goto found;
        if (!cmd_step(c, work_of_bytes(nbits / 8)))
            return false;
    }
    for (; at < end; at++) {
        if (bit_at(data, at) == bit)
            goto found;
    }
    return true;
found:
    *out = (int64_t)at;
    return true;
}

// ---- single bits ------------------------------------------------------------------------------

// What making the string changeable costs.
static uint64_t edit_work(struct cmd_ctx *c, uint64_t last_bit)
{
    struct value v = key_peek(c, 0);

    if (!value_is_none(v) && !value_is_string(v))
        return 1;
    return 1 + work_of_bytes(str_edit_cost(v, last_bit / 8 + 1));
}

static uint64_t setbit_work(struct cmd_ctx *c)
{
    uint64_t at;

    return parse_offset(c, 2, 0, &at) ? edit_work(c, at) : 1;
}

// A change that changes no bit: those who watch the key do not notice. As in Redis the string is
// from now on one that was made for changes (OBJECT ENCODING raw).
static void change_nothing(struct cmd_ctx *c, struct value v)
{
    struct str_edit e;

    if (strcmp(value_encoding(v), "raw") == 0)
        return;
    if (str_edit_prepare(c->types, v, str_len(v), &e) != STATUS_OK)
        return; // it stays what it is
    str_edit_begin(&e);
    key_recode(c, 0, e.word);
}

/* SETBIT key offset value  -> the bit before */
static void cmd_setbit(struct cmd_ctx *c)
{
    struct str_edit e;
    struct value old;
    int64_t bit;
    uint64_t at;
    uint8_t before, mask;

    if (!parse_offset(c, 2, 0, &at)) {
        reply_error(c->reply, BAD_OFFSET);
        return;
    }
    if (!cmd_arg_i64_range(c, 3, 0, 1, &bit, "bit is not an integer or out of range") ||
        !key_get_type(c, 0, TYPE_STRING, &old))
        return;
    mask = (uint8_t)(0x80 >> at % 8);
    if (!value_is_none(old) && at / 8 < str_len(old) &&
        ((str_byte(old, at / 8) & mask) != 0) == (bit != 0)) {
        change_nothing(c, old);
        reply_int(c->reply, bit);
        return;
    }
    if (!key_edit_string(c, 0, at / 8 + 1, &e))
        return;
    before = (uint8_t)e.bytes[at / 8];
    str_put(&e.bytes[at / 8], bit ? before | mask : before & (uint8_t)~mask);
    key_set(c, 0, e.word);
    reply_int(c->reply, (before & mask) != 0);
}

/* GETBIT key offset */
static void cmd_getbit(struct cmd_ctx *c)
{
    struct value v;
    uint64_t at;

    if (!parse_offset(c, 2, 0, &at)) {
        reply_error(c->reply, BAD_OFFSET);
        return;
    }
    if (!key_get_live_string(c, 0, &v))
        return;
    uint8_t byte = value_is_none(v) ? 0 : str_byte(v, at / 8);
    reply_int(c->reply, byte >> (7 - at % 8) & 1);
}

// ---- whole strings ----------------------------------------------------------------------------

/* BITCOUNT key [start end [BYTE | BIT]]  -> bits that are set */
static void cmd_bitcount(struct cmd_ctx *c)
{
    int64_t start = 0, end = -1;
    bool in_bits = false;
    struct bit_range range;
    struct str_view view;
    struct value v;
    uint64_t n;

    if (!key_get_type(c, 0, TYPE_STRING, &v))
        return;
    if (value_is_none(v)) { // whatever else was said
        reply_int(c->reply, 0);
        return;
    }
    if (c->argc == 4 || c->argc == 5) {
        if (!cmd_arg_i64(c, 2, &start) || !cmd_arg_i64(c, 3, &end))
            return;
        if (start < 0 && end < 0 && start > end) {
            reply_int(c->reply, 0);
            return;
        }
        if (c->argc == 5 && !parse_unit(c, 4, &in_bits))
            return;
    } else if (c->argc != 2) {
        cmd_reply_syntax(c);
        return;
    }
    str_view(v, &view);
    if (!clip_range(start, end, in_bits, view.len, &range))
        reply_int(c->reply, 0);
    else if (count_range(c, view.data, range, &n))
        reply_int(c->reply, (int64_t)n);
}

/* BITPOS key bit [start [end [BYTE | BIT]]]  -> the first bit of that value, or -1 */
static void cmd_bitpos(struct cmd_ctx *c)
{
    int64_t bit, start = 0, end = -1, at;
    bool in_bits = false;
    struct bit_range range;
    struct str_view view;
    struct value v;

    if (!cmd_arg_i64(c, 2, &bit))
        return;
    if (bit != 0 && bit != 1) {
        reply_error(c->reply, "The bit argument must be 1 or 0.");
        return;
    }
    if (!key_get_type(c, 0, TYPE_STRING, &v))
        return;
    if (value_is_none(v)) { // zeros without end
        reply_int(c->reply, bit ? -1 : 0);
        return;
    }
    if (c->argc > 6) {
        cmd_reply_syntax(c);
        return;
    }
    if ((c->argc > 3 && !cmd_arg_i64(c, 3, &start)) ||
        (c->argc > 5 && !parse_unit(c, 5, &in_bits)) || (c->argc > 4 && !cmd_arg_i64(c, 4, &end)))
        return;
    str_view(v, &view);
    if (!clip_range(start, end, in_bits, view.len, &range)) {
        reply_int(c->reply, -1);
        return;
    }
    if (!find_in_range(c, view.data, range, bit, &at))
        return;
    // Without an end the string goes on with zeros.
    if (at < 0 && !bit && c->argc < 5)
        at = (int64_t)view.len * 8;
    reply_int(c->reply, at);
}

// ---- BITOP ------------------------------------------------------------------------------------

static bool parse_op(struct cmd_ctx *c, enum bits_op *op)
{
    static const char *const names[] = {
        [BITS_AND] = "and", [BITS_OR] = "or", [BITS_XOR] = "xor", [BITS_NOT] = "not"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (!cmd_arg_is(c, 1, names[i]))
            continue;
        *op = (enum bits_op)i;
        if (*op != BITS_NOT || c->argc == 4)
            return true;
        reply_error(c->reply, "BITOP NOT must be called with a single source key.");
        return false;
    }
    cmd_reply_syntax(c);
    return false;
}

// The part of the operand from `at` on as `len` bytes: what it lacks is zero.
static void combine_part(enum bits_op op, char *to, const struct str_view *from, size_t at,
                         size_t len)
{
    size_t there = from->len > at ? from->len - at : 0;

    if (there > len)
        there = len;
    if (there > 0)
        bits_combine(op, to, from->data + at, there);
    if (op == BITS_AND && there < len)
        memset(to + there, 0, len - there);
}

// Combines the operands into `to`, of the length of the longest, in slices.
static void combine(struct cmd_ctx *c, enum bits_op op, char *to, size_t len,
                    const struct str_view *views, int n)
{
    for (size_t at = 0, part; at < len; at += part) {
        part = len - at < SLICE ? len - at : SLICE;
        memset(to + at, 0, part);
        // The first is copied: that is what OR makes of it and zeros.
        combine_part(op == BITS_NOT ? BITS_NOT : BITS_OR, to + at, &views[0], at, part);
        for (int i = 1; i < n; i++)
            combine_part(op, to + at, &views[i], at, part);
        (void)cmd_step(c, (unsigned)n * work_of_bytes(part));
    }
}

// Looks at all source strings; false: an error was replied. *max_len: of the longest.
static bool view_sources(struct cmd_ctx *c, struct str_view *views, size_t *max_len)
{
    *max_len = 0;
    for (int i = 1; i < c->nkeys; i++) {
        struct value v;
        if (!key_get_type(c, i, TYPE_STRING, &v))
            return false;
        views[i - 1] = (struct str_view){.len = 0};
        if (!value_is_none(v))
            str_view(v, &views[i - 1]);
        if (views[i - 1].len > *max_len)
            *max_len = views[i - 1].len;
    }
    return true;
}

static void bitop(struct cmd_ctx *c, enum bits_op op, struct str_view *views)
{
    enum status status;
    struct value v;
    size_t len;
    char *bytes;

    if (!view_sources(c, views, &len))
        return;
    if (len == 0) {
        key_delete(c, 0);
        reply_int(c->reply, 0);
        return;
    }
    status = str_new_room(len, NO_EXPIRE, &v, &bytes);
    if (status != STATUS_OK) {
        cmd_reply_status(c, status);
        return;
    }
    combine(c, op, bytes, len, views, c->nkeys - 1);
    str_fill_room(v, len);
    key_set(c, 0, v);
    reply_int(c->reply, (int64_t)len);
}

/* BITOP AND | OR | XOR | NOT destination key [key ...]  -> length of the result */
static void cmd_bitop(struct cmd_ctx *c)
{
    struct str_view few[INLINE_VIEWS], *views = few;
    enum bits_op op;

    if (!parse_op(c, &op))
        return;
    if (c->nkeys - 1 > INLINE_VIEWS)
        views = mem_alloc((size_t)(c->nkeys - 1) * sizeof *views);
    if (views)
        bitop(c, op, views);
    else
        cmd_reply_status(c, STATUS_NO_MEMORY);
    if (views != few)
        mem_free(views);
}

// ---- BITFIELD ---------------------------------------------------------------------------------

enum field_verb { FIELD_GET, FIELD_SET, FIELD_INCRBY };

struct field_op {
    enum field_verb verb;
    enum bits_overflow overflow;
    struct bits_type type;
    uint64_t at;
    int64_t value; // of SET and INCRBY
};

// Goes through the operations of a BITFIELD.
struct field_parser {
    int next;                    // argument
    enum bits_overflow overflow; // in force
    const char *error;
};

static bool parse_type(struct bytes text, struct bits_type *type)
{
    int64_t width;

    if (text.len < 2 || (text.data[0] != 'i' && text.data[0] != 'u'))
        return false;
    type->is_signed = text.data[0] == 'i';
    if (!bytes_to_i64((struct bytes){text.data + 1, text.len - 1}, &width) || width < 1 ||
        width > (type->is_signed ? 64 : 63))
        return false;
    type->width = (unsigned)width;
    return true;
}

static bool parse_overflow(const struct cmd_ctx *c, int arg, enum bits_overflow *out)
{
    if (cmd_arg_is(c, arg, "wrap"))
        *out = BITS_WRAP;
    else if (cmd_arg_is(c, arg, "sat"))
        *out = BITS_SATURATE;
    else if (cmd_arg_is(c, arg, "fail"))
        *out = BITS_FAIL;
    else
        return false;
    return true;
}

// The operation that begins at the argument, OVERFLOW excepted; false with p->error set.
static bool parse_field_op(const struct cmd_ctx *c, struct field_parser *p, struct field_op *op)
{
    int arg = p->next, left = c->argc - arg - 1;

    if (cmd_arg_is(c, arg, "get") && left >= 2)
        op->verb = FIELD_GET;
    else if (cmd_arg_is(c, arg, "set") && left >= 3)
        op->verb = FIELD_SET;
    else if (cmd_arg_is(c, arg, "incrby") && left >= 3)
        op->verb = FIELD_INCRBY;
    else
        p->error = "syntax error";
    if (p->error)
        return false;
    op->overflow = p->overflow;
    if (!parse_type(c->argv[arg + 1], &op->type))
        p->error = "Invalid bitfield type. Use something like i16 u8. Note that u64 is not "
                   "supported but i64 is.";
    else if (!parse_offset(c, arg + 2, op->type.width, &op->at))
        p->error = BAD_OFFSET;
    else if (op->verb != FIELD_GET && !bytes_to_i64(c->argv[arg + 3], &op->value))
        p->error = "value is not an integer or out of range";
    p->next += op->verb == FIELD_GET ? 3 : 4;
    return p->error == NULL;
}

// The next operation; false at the end, or with p->error set.
static bool next_field_op(const struct cmd_ctx *c, struct field_parser *p, struct field_op *op)
{
    while (p->next < c->argc && cmd_arg_is(c, p->next, "overflow") && p->next + 1 < c->argc) {
        if (!parse_overflow(c, p->next + 1, &p->overflow)) {
            p->error = "Invalid OVERFLOW type specified";
            return false;
        }
        p->next += 2;
    }
    return p->next < c->argc && parse_field_op(c, p, op);
}

// All operations at a glance.
struct field_plan {
    size_t nops;
    bool writes;
    uint64_t last_bit; // of those that write
    const char *error;
};

static struct field_plan plan_fields(const struct cmd_ctx *c)
{
    struct field_parser p = {.next = 2};
    struct field_plan plan = {.nops = 0};
    struct field_op op;

    for (; next_field_op(c, &p, &op); plan.nops++) {
        uint64_t last = op.at + op.type.width - 1;
        if (op.verb == FIELD_GET)
            continue;
        plan.writes = true;
        if (last > plan.last_bit)
            plan.last_bit = last;
    }
    plan.error = p.error;
    return plan;
}

static uint64_t bitfield_work(struct cmd_ctx *c)
{
    struct field_plan plan = plan_fields(c);

    return work_args(c) + (plan.writes && !plan.error ? edit_work(c, plan.last_bit) : 0);
}

// What an operation reads, and would write; false: nothing, because of an overflow.
static bool field_result(const struct field_op *op, struct bytes string, uint64_t *old,
                         uint64_t *new)
{
    bool set = op->verb == FIELD_SET;

    *old = *new = bits_get(string.data, string.len, op->at, op->type);
    if (op->verb == FIELD_GET)
        return true;
    bool overflows = bits_add(op->type, set ? (uint64_t)op->value : *old, set ? 0 : op->value,
                              op->overflow, new);
    return !overflows || op->overflow != BITS_FAIL;
}

// Whether any operation changes the string, which reaches as far as they do.
static bool fields_change(struct cmd_ctx *c, struct bytes string)
{
    struct field_parser p = {.next = 2};
    struct field_op op;
    uint64_t old, new;

    while (next_field_op(c, &p, &op) && cmd_step(c, 1)) {
        if (field_result(&op, string, &old, &new) && old != new)
            return true;
    }
    return false;
}

// Runs one operation on a string and replies; `e` is there if something may change.
static void run_field_op(struct cmd_ctx *c, const struct field_op *op, struct bytes string,
                         struct str_edit *e)
{
    uint64_t old, new;

    if (!field_result(op, string, &old, &new)) {
        reply_null(c->reply);
        return;
    }
    if (e && op->verb != FIELD_GET)
        bits_put(e->bytes, op->at, op->type, new);
    reply_int(c->reply, (int64_t)(op->verb == FIELD_SET ? old : new));
}

static void run_fields(struct cmd_ctx *c, size_t nops, struct bytes string, struct str_edit *e)
{
    struct field_parser p = {.next = 2};
    struct field_op op;

    reply_array(c->reply, nops);
    while (next_field_op(c, &p, &op) && cmd_step(c, 1))
        run_field_op(c, &op, string, e);
}

// Both commands; `read_only`: BITFIELD_RO.
static void bitfield(struct cmd_ctx *c, bool read_only)
{
    struct field_plan plan = plan_fields(c);
    struct str_view view = {.len = 0};
    struct str_edit e;
    struct value v;

    if (plan.error) {
        reply_error(c->reply, plan.error);
        return;
    }
    if (read_only && plan.writes) {
        reply_error(c->reply, "BITFIELD_RO only supports the GET subcommand");
        return;
    }
    if (!key_get_type(c, 0, TYPE_STRING, &v))
        return;
    if (!value_is_none(v))
        str_view(v, &view);
    struct bytes string = {view.data, view.len};
    bool fits = plan.last_bit / 8 < view.len;
    if (!plan.writes || (fits && !fields_change(c, string))) {
        run_fields(c, plan.nops, string, NULL);
        if (plan.writes)
            change_nothing(c, v);
    } else if (key_edit_string(c, 0, plan.last_bit / 8 + 1, &e)) {
        run_fields(c, plan.nops, (struct bytes){e.bytes, e.min_len}, &e);
        key_set(c, 0, e.word);
    }
}

/* BITFIELD key [GET type offset | [OVERFLOW WRAP | SAT | FAIL] SET type offset value |
 *     [OVERFLOW ...] INCRBY type offset increment] ...  -> the value of each, or nil */
static void cmd_bitfield(struct cmd_ctx *c)
{
    bitfield(c, false);
}

// COMMAND takes arguments that make no sense for some that write.
static const char *bitfield_use(const struct cmd_ctx *c)
{
    for (int i = 2, left; i < c->argc; i++) {
        left = c->argc - i - 1;
        if (cmd_arg_is(c, i, "get") && left >= 2)
            i += 2;
        else if (cmd_arg_is(c, i, "overflow") && left >= 1)
            i++;
        else
            return "RW access update";
    }
    return "RO access";
}

/* BITFIELD_RO key [GET type offset] ... */
static void cmd_bitfield_ro(struct cmd_ctx *c)
{
    bitfield(c, true);
}

// clang-format off
COMMANDS(bitmap) = {
    {"bitcount", -2, KEYS(1, 1, 1), LOCK_NONE, 0, cmd_bitcount, "key [start end [BYTE|BIT]]", "2.6.0",
     "Counts the bits of a string that are set.",
     .work = work_first_key},
    {"bitfield", -2, KEYS(1, 1, 1), LOCK_WRITE, CMD_DENYOOM, cmd_bitfield,
     "key [<GET <encoding offset>|<[OVERFLOW <WRAP|SAT|FAIL>] "
     "<SET <encoding offset value>|INCRBY <encoding offset increment>>>> ...]", "3.2.0",
     "Reads, sets and increments integers of any width inside a string.",
     .key_use = "RW access update variable_flags", .call_use = bitfield_use,
     .work = bitfield_work},
    {"bitfield_ro", -2, KEYS(1, 1, 1), LOCK_NONE, CMD_FAST, cmd_bitfield_ro,
     "key [GET <encoding offset> [GET <encoding offset> ...]]", "6.0.0",
     "Reads integers of any width inside a string.",
     .work = work_args},
    {"bitop", -4, KEYS(2, -1, 1), LOCK_WRITE, CMD_DENYOOM | CMD_READ_REST, cmd_bitop,
     "operation destkey key [key ...]", "2.6.0",
     "Combines the bits of strings, or inverts them, into another string.",
     .work = work_all_keys},
    {"bitpos", -3, KEYS(1, 1, 1), LOCK_NONE, 0, cmd_bitpos, "key bit [start [end [BYTE|BIT]]]",
     "2.8.7", "Finds the first bit of a string that is set, or clear.",
     .work = work_first_key},
    {"getbit", 3, KEYS(1, 1, 1), LOCK_NONE, CMD_FAST, cmd_getbit, "key offset", "2.2.0",
     "Returns one bit of a string."},
    {"setbit", 4, KEYS(1, 1, 1), LOCK_WRITE, CMD_DENYOOM, cmd_setbit, "key offset value", "2.2.0",
     "Sets or clears one bit of a string.",
     .key_use = "RW access update",
     .work = setbit_work},
    COMMANDS_END,
};
// clang-format on
