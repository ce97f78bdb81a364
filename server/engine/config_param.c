// SPDX-License-Identifier: MIT
#include "server/engine/config_param.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "datatypes/mem.h"

#define AT(field) offsetof(struct config, field)
#define KB        1024
#define MB        (1024 * 1024)

static const char *const loglevels[] = {"debug", "verbose", "notice", "warning", NULL};
static const char *const automatic[] = {"auto", NULL};
static const char *const as_preset[] = {"preset", NULL};
static const char *const presets[] = {"default", "throughput", "fairness", NULL};
static const char *const output_classes[] = {"normal", "slave", "pubsub", NULL};

// clang-format off
const struct param params[] = {
    {"bind", PARAM_LIST, FIELD_TEXT, AT(bind), PARAM_IMMUTABLE, "127.0.0.1 -::1"},
    {"port", PARAM_INT, FIELD_INT, AT(port), PARAM_IMMUTABLE, "6379", 0, 65535},
    {"tcp-backlog", PARAM_INT, FIELD_INT, AT(tcp_backlog), PARAM_IMMUTABLE, "511", 0, INT_MAX},
    {"protected-mode", PARAM_BOOL, FIELD_ATOMIC_BOOL, AT(protected_mode), 0, "yes"},
    {"timeout", PARAM_INT, FIELD_ATOMIC_I64, AT(timeout_s), 0, "0", 0, INT_MAX},
    {"tcp-keepalive", PARAM_INT, FIELD_ATOMIC_I64, AT(tcp_keepalive_s), 0, "300", 0, INT_MAX},
    {"maxclients", PARAM_INT, FIELD_ATOMIC_I64, AT(maxclients), PARAM_MAXCLIENTS, "10000", 1, UINT_MAX},
    {"connection-threads", PARAM_INT, FIELD_INT, AT(connection_threads), PARAM_IMMUTABLE, "auto", 0, 1024, automatic},
    {"worker-threads", PARAM_INT, FIELD_INT, AT(worker_threads), PARAM_IMMUTABLE, "auto", 1, 256, automatic},
    {"slow-command-threshold", PARAM_INT, FIELD_ATOMIC_I64, AT(slow_command_threshold), 0, "4000", 0, INT64_MAX},
    {"databases", PARAM_INT, FIELD_INT, AT(databases), PARAM_IMMUTABLE, "16", 1, INT_MAX},
    {"hz", PARAM_INT, FIELD_ATOMIC_I64, AT(hz), 0, "10", 1, 500},
    {"daemonize", PARAM_BOOL, FIELD_BOOL, AT(daemonize), PARAM_IMMUTABLE, "no"},
    {"pidfile", PARAM_TEXT, FIELD_TEXT, AT(pidfile), PARAM_IMMUTABLE, ""},
    {"logfile", PARAM_TEXT, FIELD_TEXT, AT(logfile), PARAM_IMMUTABLE, ""},
    {"loglevel", PARAM_ENUM, FIELD_ATOMIC_INT, AT(loglevel), 0, "notice", 0, 0, loglevels},
    {"proto-max-bulk-len", PARAM_MEMORY, FIELD_ATOMIC_SIZE, AT(limits.max_string_bytes), 0, "512mb", MB, INT64_MAX},
    {"client-query-buffer-limit", PARAM_MEMORY, FIELD_ATOMIC_I64, AT(query_buffer_limit), 0, "1gb", MB, INT64_MAX},
    {"client-output-buffer-limit", PARAM_LIMITS, FIELD_NONE, 0, 0,
     "normal 1gb 256mb 60 slave 256mb 64mb 60 pubsub 32mb 8mb 60"},
    {"set-max-intset-entries", PARAM_INT, FIELD_ATOMIC_SIZE, AT(limits.set_max_intset_entries), 0, "512", 0, INT64_MAX},
    {"set-max-listpack-entries", PARAM_INT, FIELD_ATOMIC_SIZE, AT(limits.set_max_packed_entries), 0, "128", 0, INT64_MAX},
    {"set-max-listpack-value", PARAM_INT, FIELD_ATOMIC_SIZE, AT(limits.set_max_packed_value), 0, "64", 0, INT64_MAX},
    {"list-max-listpack-size", PARAM_INT, FIELD_ATOMIC_INT, AT(limits.list_max_packed_size), 0, "-2", INT_MIN, INT_MAX,
     .alias = "list-max-ziplist-size"},
    {"list-compress-depth", PARAM_INT, FIELD_ATOMIC_INT, AT(list_compress_depth), 0, "0", 0, INT_MAX},
    {"zset-max-listpack-entries", PARAM_INT, FIELD_ATOMIC_SIZE, AT(limits.zset_max_packed_entries), 0, "128", 0, INT64_MAX,
     .alias = "zset-max-ziplist-entries"},
    {"zset-max-listpack-value", PARAM_MEMORY, FIELD_ATOMIC_SIZE, AT(limits.zset_max_packed_value), 0, "64", 0, INT64_MAX,
     .alias = "zset-max-ziplist-value"},
    {"hash-max-listpack-entries", PARAM_INT, FIELD_ATOMIC_SIZE, AT(limits.hash_max_packed_entries), 0, "512", 0, INT64_MAX,
     .alias = "hash-max-ziplist-entries"},
    {"hash-max-listpack-value", PARAM_MEMORY, FIELD_ATOMIC_SIZE, AT(limits.hash_max_packed_value), 0, "64", 0, INT64_MAX,
     .alias = "hash-max-ziplist-value"},
    {"hll-sparse-max-bytes", PARAM_MEMORY, FIELD_ATOMIC_SIZE, AT(limits.hll_sparse_max_bytes), 0, "3000", 0, INT64_MAX},
    {"lazyfree-lazy-user-flush", PARAM_BOOL, FIELD_ATOMIC_BOOL, AT(lazyfree_user_flush), 0, "no"},
    {"lock-preset", PARAM_ENUM, FIELD_ATOMIC_INT, AT(lock_preset), PARAM_LOCKS, "default", 0, 0, presets},
    {"lock-spin", PARAM_INT, FIELD_ATOMIC_I64, AT(lock_spin), PARAM_LOCKS, "preset", 0, 10000, as_preset},
    {"lock-backoff", PARAM_INT, FIELD_ATOMIC_I64, AT(lock_backoff), PARAM_LOCKS, "preset", 0, 16, as_preset},
    {"lock-yield", PARAM_INT, FIELD_ATOMIC_I64, AT(lock_yield), PARAM_LOCKS, "preset", 0, 10000, as_preset},
    {"lock-fairness-us", PARAM_INT, FIELD_ATOMIC_I64, AT(lock_fairness_us), PARAM_LOCKS, "preset", 0, 1000000, as_preset},
    {"lock-starvation-ms", PARAM_INT, FIELD_ATOMIC_I64, AT(lock_starvation_ms), PARAM_LOCKS, "100", 1, INT_MAX},
    {"slowlog-log-slower-than", PARAM_INT, FIELD_ATOMIC_I64, AT(slowlog_slower_than_us), PARAM_SLOWLOG, "10000", -1, INT64_MAX},
    {"slowlog-max-len", PARAM_INT, FIELD_ATOMIC_I64, AT(slowlog_max_len), 0, "128", 0, INT64_MAX},
    {"requirepass", PARAM_FIXED, FIELD_NONE, 0, 0, ""},
    {"save", PARAM_FIXED, FIELD_NONE, 0, 0, ""},
    {"appendonly", PARAM_FIXED, FIELD_NONE, 0, 0, "no"},
};
// clang-format on
const size_t nparams = sizeof(params) / sizeof(params[0]);

const struct param *param_find(struct bytes name)
{
    for (size_t i = 0; i < nparams; i++) {
        const char *alias = params[i].alias;

        if (bytes_equal_nocase(name, params[i].name) ||
            (alias && bytes_equal_nocase(name, alias))) {
            return &params[i];
        }
    }
    return NULL;
}

static bool fail(char *error, size_t nerror, const char *reason)
{
    snprintf(error, nerror, "%s", reason);
    return false;
}

enum { DIGITS_MAX = 127 }; // of a number of bytes

// A number of bytes with an optional unit; one too large to be counted is the largest. As in Redis
// no digits at all are 0.
static bool parse_memory(struct bytes text, uint64_t *out)
{
    static const struct {
        const char *unit;
        uint64_t bytes;
    } units[] = {{"", 1},        {"b", 1},   {"k", 1000},       {"kb", KB},
                 {"m", 1000000}, {"mb", MB}, {"g", 1000000000}, {"gb", 1024 * (uint64_t)MB}};
    struct bytes unit;
    size_t digits = 0;
    uint64_t n = 0;

    while (digits < text.len && text.data[digits] >= '0' && text.data[digits] <= '9') {
        if (__builtin_mul_overflow(n, 10, &n) ||
            __builtin_add_overflow(n, text.data[digits] - '0', &n)) {
            n = UINT64_MAX;
        }
        digits++;
    }
    if (digits > DIGITS_MAX) {
        return false;
    }
    unit = (struct bytes){text.data + digits, text.len - digits};
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (bytes_equal_nocase(unit, units[i].unit)) {
            if (__builtin_mul_overflow(n, units[i].bytes, out)) {
                *out = UINT64_MAX;
            }
            return true;
        }
    }
    return false;
}

static int find_name(const char *const *names, struct bytes text)
{
    for (int i = 0; names && names[i]; i++) {
        if (bytes_equal_nocase(text, names[i])) {
            return i;
        }
    }
    return -1;
}

static bool parse_number(const struct param *p, struct bytes text, int64_t *out, char *error,
                         size_t nerror)
{
    uint64_t nbytes = 0;

    if (find_name(p->names, text) >= 0) {
        *out = -1;
        return true;
    }
    if (p->kind == PARAM_MEMORY) {
        if (!parse_memory(text, &nbytes)) {
            return fail(error, nerror, "argument must be a memory value");
        }
        *out = (int64_t)nbytes;
    }
    if (p->kind == PARAM_INT && !bytes_to_i64(text, out)) {
        return fail(error, nerror, "argument couldn't be parsed into an integer");
    }
    if (*out < p->min || *out > p->max || nbytes > INT64_MAX) {
        snprintf(error, nerror, "argument must be between %lld and %lld inclusive",
                 (long long)p->min, (long long)p->max);
        return false;
    }
    return true;
}

static bool parse_enum(const struct param *p, struct bytes text, int64_t *out, char *error,
                       size_t nerror)
{
    size_t len;
    int found = find_name(p->names, text);

    if (found >= 0) {
        *out = found;
        return true;
    }
    len = (size_t)snprintf(error, nerror, "argument(s) must be one of the following: ");
    for (int i = 0; p->names[i] && len < nerror; i++) {
        len += (size_t)snprintf(error + len, nerror - len, "%s%s", i ? ", " : "", p->names[i]);
    }
    return false;
}

// The words joined by blanks, as one terminated string.
static char *join(int nvalues, const struct bytes *values)
{
    size_t len = 1;
    char *text, *out;

    for (int i = 0; i < nvalues; i++) {
        len += values[i].len + 1;
    }
    text = out = mem_alloc(len);
    for (int i = 0; text && i < nvalues; i++) {
        if (i > 0) {
            *out++ = ' ';
        }
        memcpy(out, values[i].data, values[i].len);
        out += values[i].len;
    }
    if (text) {
        *out = '\0';
    }
    return text;
}

static bool parse_text(const struct param *p, int nvalues, const struct bytes *values,
                       struct param_value *out, char *error, size_t nerror)
{
    size_t len = 0;

    for (int i = 0; i < nvalues; i++) {
        if (memchr(values[i].data, '\0', values[i].len)) {
            return fail(error, nerror, "argument must not contain a zero byte");
        }
        len += values[i].len;
    }
    if (p->kind == PARAM_LIST && len == 0) {
        return fail(error, nerror, "argument must not be empty");
    }
    out->text = join(nvalues, values);
    return out->text || fail(error, nerror, "out of memory");
}

static bool parse_limit(const struct bytes *words, struct param_value *out, char *error,
                        size_t nerror)
{
    uint64_t hard, soft;
    int64_t seconds;
    int class = bytes_equal_nocase(words[0], "replica") ? OUTPUT_REPLICA
                                                        : find_name(output_classes, words[0]);

    if (class < 0) {
        return fail(error, nerror, "Invalid client class specified in buffer limit configuration.");
    }
    if (!parse_memory(words[1], &hard) || !parse_memory(words[2], &soft) ||
        !bytes_to_i64(words[3], &seconds) || seconds < 0) {
        return fail(error, nerror,
                    "Error in hard, soft or soft_seconds setting in buffer limit configuration.");
    }
    out->limits[class][0] = hard < INT64_MAX ? (int64_t)hard : INT64_MAX;
    out->limits[class][1] = soft < INT64_MAX ? (int64_t)soft : INT64_MAX;
    out->limits[class][2] = seconds;
    out->classes |= 1u << class;
    return true;
}

static bool parse_limits(int nvalues, const struct bytes *values, struct param_value *out,
                         char *error, size_t nerror)
{
    if (nvalues == 0 || nvalues % 4 != 0) {
        return fail(error, nerror, "Wrong number of arguments in buffer limit configuration.");
    }
    for (int i = 0; i < nvalues; i += 4) {
        if (!parse_limit(values + i, out, error, nerror)) {
            return false;
        }
    }
    return true;
}

// Any number of words; a fixed one, so that the reason for refusing them is the right one.
static bool takes_several(const struct param *p)
{
    return p->kind == PARAM_LIST || p->kind == PARAM_LIMITS || p->kind == PARAM_FIXED;
}

bool param_parse(const struct param *p, int nvalues, const struct bytes *values,
                 struct param_value *out, char *error, size_t nerror)
{
    *out = (struct param_value){.param = p};
    if (nvalues == 0 || (nvalues != 1 && !takes_several(p))) {
        return fail(error, nerror, "wrong number of arguments");
    }
    switch (p->kind) {
    case PARAM_INT:
    case PARAM_MEMORY:
        return parse_number(p, values[0], &out->number, error, nerror);
    case PARAM_BOOL:
        out->number = bytes_equal_nocase(values[0], "yes");
        return out->number || bytes_equal_nocase(values[0], "no") ||
               fail(error, nerror, "argument must be 'yes' or 'no'");
    case PARAM_ENUM:
        return parse_enum(p, values[0], &out->number, error, nerror);
    case PARAM_TEXT:
    case PARAM_LIST:
        return parse_text(p, nvalues, values, out, error, nerror);
    case PARAM_FIXED:
        if (nvalues == 1 && bytes_equal_nocase(values[0], p->initial)) {
            return true;
        }
        snprintf(error, nerror, "only '%s' is supported", p->initial);
        return false;
    case PARAM_LIMITS:
        return parse_limits(nvalues, values, out, error, nerror);
    }
    return false;
}

static void *field_of(struct config *config, const struct param *p)
{
    return (char *)config + p->offset;
}

// The i-th limit of a class: hard, soft, seconds.
static _Atomic int64_t *limit_field(struct config *config, int class, int i)
{
    _Atomic int64_t *normal[] = {&config->output_hard_limit, &config->output_soft_limit,
                                 &config->output_soft_seconds};

    return class == OUTPUT_NORMAL ? normal[i] : &config->output_others[class][i];
}

static void store_limits(struct config *config, const struct param_value *value)
{
    for (int class = 0; class < OUTPUT_CLASSES; class ++) {
        for (int i = 0; value->classes & 1u << class && i < 3; i++) {
            atomic_store_explicit(limit_field(config, class, i), value->limits[class][i],
                                  memory_order_relaxed);
        }
    }
}

void param_store(struct config *config, struct param_value *value)
{
    void *field = field_of(config, value->param);
    int64_t n = value->number;

    switch (value->param->field) {
    case FIELD_NONE:
        store_limits(config, value);
        break;
    case FIELD_INT:
        *(int *)field = (int)n;
        break;
    case FIELD_BOOL:
        *(bool *)field = n != 0;
        break;
    case FIELD_TEXT:
        mem_free(*(char **)field);
        *(char **)field = value->text;
        value->text = NULL;
        break;
    case FIELD_ATOMIC_INT:
        atomic_store_explicit((_Atomic int *)field, (int)n, memory_order_relaxed);
        break;
    case FIELD_ATOMIC_I64:
        atomic_store_explicit((_Atomic int64_t *)field, n, memory_order_relaxed);
        break;
    case FIELD_ATOMIC_SIZE:
        atomic_store_explicit((_Atomic size_t *)field, (size_t)n, memory_order_relaxed);
        break;
    case FIELD_ATOMIC_BOOL:
        atomic_store_explicit((_Atomic bool *)field, n != 0, memory_order_relaxed);
        break;
    }
}

void param_value_free(struct param_value *value)
{
    mem_free(value->text);
    value->text = NULL;
}

static int64_t field_number(struct config *config, const struct param *p)
{
    void *field = field_of(config, p);

    switch (p->field) {
    case FIELD_INT:
        return *(int *)field;
    case FIELD_BOOL:
        return *(bool *)field;
    case FIELD_ATOMIC_INT:
        return atomic_load_explicit((_Atomic int *)field, memory_order_relaxed);
    case FIELD_ATOMIC_I64:
        return atomic_load_explicit((_Atomic int64_t *)field, memory_order_relaxed);
    case FIELD_ATOMIC_SIZE:
        return (int64_t)atomic_load_explicit((_Atomic size_t *)field, memory_order_relaxed);
    case FIELD_ATOMIC_BOOL:
        return atomic_load_explicit((_Atomic bool *)field, memory_order_relaxed);
    case FIELD_NONE:
    case FIELD_TEXT:
        break;
    }
    return 0;
}

static size_t format_limits(struct config *config, char *out, size_t size)
{
    size_t len = 0;

    for (int class = 0; class < OUTPUT_CLASSES; class ++) {
        long long limit[3];

        for (int i = 0; i < 3; i++) {
            limit[i] = atomic_load_explicit(limit_field(config, class, i), memory_order_relaxed);
        }
        len += (size_t)snprintf(len < size ? out + len : NULL, len < size ? size - len : 0,
                                "%s%s %lld %lld %lld", class ? " " : "", output_classes[class],
                                limit[0], limit[1], limit[2]);
    }
    return len;
}

size_t param_format(struct config *config, const struct param *p, char *out, size_t size)
{
    int64_t n = field_number(config, p);

    switch (p->kind) {
    case PARAM_BOOL:
        return (size_t)snprintf(out, size, "%s", n ? "yes" : "no");
    case PARAM_ENUM:
        return (size_t)snprintf(out, size, "%s", p->names[n]);
    case PARAM_TEXT:
    case PARAM_LIST:
        return (size_t)snprintf(out, size, "%s", *(char **)field_of(config, p));
    case PARAM_FIXED:
        return (size_t)snprintf(out, size, "%s", p->initial);
    case PARAM_LIMITS:
        return format_limits(config, out, size);
    case PARAM_INT:
    case PARAM_MEMORY:
        break;
    }
    if (n == -1 && p->names) {
        return (size_t)snprintf(out, size, "%s", p->names[0]);
    }
    return (size_t)snprintf(out, size, "%lld", (long long)n);
}

size_t param_format_room(struct config *config, const struct param *p)
{
    return param_format(config, p, NULL, 0) + 1;
}
