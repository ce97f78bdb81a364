// SPDX-License-Identifier: MIT
#include "server/engine/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datatypes/mem.h"
#include "locks/spin.h"
#include "resp/bytes.h"
#include "resp/reply.h"
#include "server/engine/config_param.h"
#include "server/engine/config_words.h"
#include "server/engine/glob.h"
#include "server/engine/ticks.h"

enum {
    INCLUDE_DEPTH = 16,
    REASON_CHARS = 256,
    PAIRS_MAX = 64, // of one CONFIG SET; more than there are parameters
};

static bool set_words(struct config *config, struct bytes name, int nvalues,
                      const struct bytes *values, char *error, size_t nerror)
{
    const struct param *p = param_find(name);
    struct param_value value;
    char reason[REASON_CHARS];

    if (!p) {
        snprintf(error, nerror, "unknown parameter '%.*s'", (int)(name.len < 64 ? name.len : 64),
                 name.data);
        return false;
    }
    if (!param_parse(p, nvalues, values, &value, reason, sizeof(reason))) {
        snprintf(error, nerror, "%s: %s", p->name, reason);
        return false;
    }
    param_store(config, &value);
    return true;
}

struct config *config_new(void)
{
    struct config *config = mem_zalloc(sizeof(*config));
    char error[REASON_CHARS];

    if (!config) {
        return NULL;
    }
    mutex_init(&config->lock);
    type_limits_init(&config->limits);
    for (size_t i = 0; i < nparams; i++) {
        struct words words;
        bool ok;

        // Defaults go through the same door as everything else; texts of one word may be empty.
        if (params[i].kind == PARAM_LIST || params[i].kind == PARAM_LIMITS) {
            ok = words_split(&words, bytes_of(params[i].initial)) == WORDS_OK;
            ok = ok && set_words(config, bytes_of(params[i].name), words.n, words.word, error,
                                 sizeof(error));
            words_free(&words);
        } else {
            struct bytes initial = bytes_of(params[i].initial);

            ok = set_words(config, bytes_of(params[i].name), 1, &initial, error, sizeof(error));
        }
        if (!ok) {
            config_free(config);
            return NULL;
        }
    }
    return config;
}

void config_free(struct config *config)
{
    if (!config) {
        return;
    }
    mem_free(config->file);
    mem_free(config->bind);
    mem_free(config->logfile);
    mem_free(config->pidfile);
    mem_free(config);
}

// ---- before the start -------------------------------------------------------------------------

static bool load_file(struct config *, const char *path, int depth, char *error, size_t nerror);

static bool load_line(struct config *config, struct bytes line, int depth, char *error,
                      size_t nerror)
{
    struct words words;
    bool ok = true;
    enum words_result result;

    while (line.len > 0 && (line.data[0] == ' ' || line.data[0] == '\t')) {
        line.data++;
        line.len--;
    }
    if (line.len == 0 || line.data[0] == '#') {
        return true; // a comment may hold quotes that are none
    }
    result = words_split(&words, line);
    if (result != WORDS_OK) {
        snprintf(error, nerror, "%s",
                 result == WORDS_UNBALANCED ? "unbalanced quotes" : "out of memory");
        return false;
    }
    if (words.n > 0) {
        if (bytes_equal_nocase(words.word[0], "include") && words.n == 2) {
            ok = load_file(config, words.word[1].data, depth + 1, error, nerror);
        } else {
            ok = set_words(config, words.word[0], words.n - 1, words.word + 1, error, nerror);
        }
    }
    words_free(&words);
    return ok;
}

static bool load_stream(struct config *config, FILE *file, const char *path, int depth, char *error,
                        size_t nerror)
{
    char *line = NULL;
    char reason[2 * REASON_CHARS];
    size_t cap = 0;
    ssize_t len;
    int number = 0;
    bool ok = true;

    errno = 0;
    while (ok && (len = getline(&line, &cap, file)) >= 0) {
        number++;
        ok = load_line(config, (struct bytes){line, (size_t)len}, depth, reason, sizeof(reason));
    }
    free(line);
    if (!ok) {
        snprintf(error, nerror, "%s:%d: %s", path, number, reason);
    } else if (ferror(file)) {
        snprintf(error, nerror, "cannot read '%s': %s", path, strerror(errno));
        ok = false;
    }
    return ok;
}

static bool load_file(struct config *config, const char *path, int depth, char *error,
                      size_t nerror)
{
    FILE *file;
    bool ok;

    if (depth > INCLUDE_DEPTH) {
        snprintf(error, nerror, "more than %d files include each other", INCLUDE_DEPTH);
        return false;
    }
    file = fopen(path, "re");
    if (!file) {
        snprintf(error, nerror, "cannot read '%s': %s", path, strerror(errno));
        return false;
    }
    ok = load_stream(config, file, path, depth, error, nerror);
    fclose(file);
    return ok;
}

bool config_load_file(struct config *config, const char *path, char *error, size_t nerror)
{
    char *absolute;
    size_t len;

    if (!load_file(config, path, 0, error, nerror)) {
        return false;
    }
    // Absolute, because daemonize changes the folder, and CONFIG REWRITE comes later.
    absolute = realpath(path, NULL);
    len = absolute ? strlen(absolute) + 1 : 0;
    mem_free(config->file);
    config->file = absolute ? mem_alloc(len) : NULL;
    if (config->file) {
        memcpy(config->file, absolute, len);
    }
    free(absolute);
    if (!config->file) {
        snprintf(error, nerror, "cannot read '%s': %s", path, strerror(errno));
        return false;
    }
    return true;
}

bool config_set_initial(struct config *config, const char *name, int nvalues,
                        const char *const *values, char *error, size_t nerror)
{
    struct bytes *words = mem_alloc(sizeof(struct bytes) * (size_t)(nvalues > 0 ? nvalues : 1));
    bool ok;

    if (!words) {
        snprintf(error, nerror, "%s: out of memory", name);
        return false;
    }
    for (int i = 0; i < nvalues; i++) {
        words[i] = bytes_of(values[i]);
    }
    if (bytes_equal_nocase(bytes_of(name), "include") && nvalues == 1) {
        ok = load_file(config, values[0], 0, error, nerror);
    } else {
        ok = set_words(config, bytes_of(name), nvalues, words, error, nerror);
    }
    mem_free(words);
    return ok;
}

// ---- locks ------------------------------------------------------------------------------------

// A parameter of its own wins over the preset.
static uint32_t own_or_preset(const _Atomic int64_t *own, uint32_t preset)
{
    int64_t n = atomic_load_explicit(own, memory_order_relaxed);

    return n < 0 ? preset : (uint32_t)n;
}

void config_apply_locks(struct config *config)
{
    int preset = atomic_load_explicit(&config->lock_preset, memory_order_relaxed);
    struct lock_parameters p = lock_presets[preset];

    p.spins = own_or_preset(&config->lock_spin, p.spins);
    p.backoff_steps = own_or_preset(&config->lock_backoff, p.backoff_steps);
    p.yields = own_or_preset(&config->lock_yield, p.yields);
    p.fairness_us = own_or_preset(&config->lock_fairness_us, p.fairness_us);
    lock_tuning_set(&p);
    atomic_store_explicit(&lock_tuning.starvation_ms, own_or_preset(&config->lock_starvation_ms, 0),
                          memory_order_relaxed);
}

// ---- slow log ---------------------------------------------------------------------------------

// Below the limit by a part in 64, which is more than the rate of the ticks may be off by: who is
// above it converts the other way and compares microseconds.
void config_apply_slowlog(struct config *config)
{
    int64_t us = atomic_load_explicit(&config->slowlog_slower_than_us, memory_order_relaxed);
    double ticks = ticks_from_us((double)us) * (63.0 / 64);
    bool off = us < 0 || ticks >= (double)INT64_MAX;

    atomic_store_explicit(&config->slowlog_ticks, off ? UINT64_MAX : (uint64_t)ticks,
                          memory_order_relaxed);
}

// ---- while running ----------------------------------------------------------------------------

static bool set_failed(char *error, size_t nerror, struct bytes name, const char *reason)
{
    snprintf(error, nerror, "CONFIG SET failed (possibly related to argument '%.*s') - %s",
             (int)(name.len < 128 ? name.len : 128), name.data, reason);
    return false;
}

// Of a value that is wrong; the name as the parameter is written.
static bool value_failed(char *error, size_t nerror, struct bytes name, const char *reason)
{
    char lower[128];
    size_t n = name.len < sizeof(lower) ? name.len : sizeof(lower);

    for (size_t i = 0; i < n; i++) {
        lower[i] = bytes_lower(name.data[i]);
    }
    return set_failed(error, nerror, (struct bytes){lower, n}, reason);
}

// Reads the value of one pair; one of several words is split, as in a file.
static bool parse_running(const struct param *p, struct bytes text, struct param_value *out,
                          char *reason, size_t nreason)
{
    struct words words;
    bool ok;

    if (p->kind != PARAM_LIST && p->kind != PARAM_LIMITS) {
        return param_parse(p, 1, &text, out, reason, nreason);
    }
    if (words_split(&words, text) != WORDS_OK) {
        snprintf(reason, nreason, "unbalanced quotes or out of memory");
        return false;
    }
    ok = param_parse(p, words.n, words.word, out, reason, nreason);
    words_free(&words);
    return ok;
}

static bool check_clients(struct config *config, const struct param_value *value, char *reason,
                          size_t nreason)
{
    int64_t most;

    if (!(value->param->flags & PARAM_MAXCLIENTS) || !config->admit_clients) {
        return true;
    }
    most = config->admit_clients(config, value->number);
    if (most >= value->number) {
        return true;
    }
    snprintf(reason, nreason,
             "The operating system is not able to handle the specified number of clients, try "
             "with %lld",
             (long long)most);
    return false;
}

// Checks that each name is known and stands once, before any value is looked at.
static bool check_names(int npairs, const struct bytes *pairs, const struct param **found,
                        char *error, size_t nerror)
{
    for (int i = 0; i < npairs; i++) {
        struct bytes name = pairs[2 * i];

        found[i] = param_find(name);
        if (!found[i]) {
            snprintf(error, nerror, "Unknown option or number of arguments for CONFIG SET - '%.*s'",
                     (int)(name.len < 128 ? name.len : 128), name.data);
            return false;
        }
        if (found[i]->flags & PARAM_IMMUTABLE) {
            return set_failed(error, nerror, name, "can't set immutable config");
        }
        for (int j = 0; j < i; j++) {
            if (found[j] == found[i]) {
                return set_failed(error, nerror, name, "duplicate parameter");
            }
        }
    }
    return true;
}

bool config_set_running(struct config *config, int npairs, const struct bytes *pairs, char *error,
                        size_t nerror)
{
    struct param_value values[PAIRS_MAX];
    const struct param *found[PAIRS_MAX];
    char reason[REASON_CHARS];
    int parsed = 0;
    unsigned changed = 0; // flags of the parameters
    bool ok = true;

    // More pairs than parameters: one of the first is unknown or there twice.
    if (npairs > PAIRS_MAX) {
        npairs = PAIRS_MAX;
    }
    if (!check_names(npairs, pairs, found, error, nerror)) {
        return false;
    }
    mutex_lock(&config->lock);
    while (ok && parsed < npairs) {
        ok = parse_running(found[parsed], pairs[2 * parsed + 1], &values[parsed], reason,
                           sizeof(reason));
        if (ok) {
            parsed++;
            ok = check_clients(config, &values[parsed - 1], reason, sizeof(reason));
            parsed -= !ok;
        }
    }
    for (int i = 0; ok && i < npairs; i++) {
        param_store(config, &values[i]);
        changed |= values[i].param->flags;
    }
    if (changed & PARAM_LOCKS) {
        config_apply_locks(config);
    }
    if (changed & PARAM_SLOWLOG) {
        config_apply_slowlog(config);
    }
    for (int i = 0; !ok && i < parsed; i++) {
        param_value_free(&values[i]);
    }
    mutex_unlock(&config->lock);
    return ok || value_failed(error, nerror, pairs[2 * parsed], reason);
}

// What a name of a parameter is answered as, empty when it is not asked for: without special
// characters as it was written. `name` may be NULL.
static struct bytes asked_as(const char *name, int npatterns, const struct bytes *patterns)
{
    for (int i = 0; name && i < npatterns; i++) {
        if (glob_is_literal(patterns[i])) {
            if (bytes_equal_nocase(patterns[i], name)) {
                return patterns[i];
            }
        } else if (glob_match(patterns[i], bytes_of(name), true)) {
            return bytes_of(name);
        }
    }
    return (struct bytes){NULL, 0};
}

static void reply_value(struct config *config, const struct param *p, struct reply *reply)
{
    size_t room = param_format_room(config, p);
    char *text = reply_bulk_space(reply, room - 1);
    char small[512], *copy = room <= sizeof(small) ? small : mem_alloc(room);

    // Through a copy, because formatting adds a terminator for which the bulk has no room.
    if (text && copy) {
        param_format(config, p, copy, room);
        memcpy(text, copy, room - 1);
    } else {
        reply->failed = true;
    }
    if (copy != small) {
        mem_free(copy);
    }
}

// Replies the parameter under that name if it is asked for; NULL: only counts it.
static size_t reply_asked(struct config *config, const struct param *p, const char *name,
                          int npatterns, const struct bytes *patterns, struct reply *reply)
{
    struct bytes asked = asked_as(name, npatterns, patterns);

    if (asked.data && reply) {
        reply_bulk_bytes(reply, asked);
        reply_value(config, p, reply);
    }
    return asked.data != NULL;
}

static size_t reply_all_asked(struct config *config, int npatterns, const struct bytes *patterns,
                              struct reply *reply)
{
    size_t n = 0;

    for (size_t i = 0; i < nparams; i++) {
        const struct param *p = &params[i];

        n += reply_asked(config, p, p->name, npatterns, patterns, reply);
        n += reply_asked(config, p, p->alias, npatterns, patterns, reply);
    }
    return n;
}

void config_get(struct config *config, int npatterns, const struct bytes *patterns,
                struct reply *reply)
{
    reply_map(reply, reply_all_asked(config, npatterns, patterns, NULL));
    mutex_lock(&config->lock);
    reply_all_asked(config, npatterns, patterns, reply);
    mutex_unlock(&config->lock);
}
