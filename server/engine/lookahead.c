// SPDX-License-Identifier: MIT
#include "server/engine/lookahead.h"

#include "datatypes/dict.h"
#include "resp/request.h"
#include "server/engine/client.h"
#include "server/engine/entry.h"
#include "server/engine/store.h"

// A request on its way through the levels.
struct look {
    struct value value;
    uint64_t member; // what value_prefetch() returned; 0: none
    int arg;         // the member's index in argv; 0: none
};

// The command and the hash of its first key, where the row says which argument that is.
static void find(const struct dict *dict, const struct command_entry *guess,
                 const struct request *request, struct exec_hint *hint, struct look *look)
{
    const struct command *row;

    *hint = (struct exec_hint){0};
    *look = (struct look){0};
    hint->cmd = registry_find_like(guess, request->argv[0]);
    if (!hint->cmd)
        return;
    row = hint->cmd->row;
    if (row->keys.first == 0 || row->getkeys || row->keys.first >= request->argc)
        return;
    struct bytes key = request->argv[row->keys.first];
    hint->hash = dict_hash(dict, key.data, key.len);
    hint->hashed = true;
    dict_prefetch(dict, hint->hash);
    if (row->member < request->argc)
        look->arg = row->member;
}

void lookahead(struct client *client, const struct request *requests, struct exec_hint *hints,
               int n)
{
    struct look looks[LOOKAHEAD_MAX];
    const struct entry *entries[LOOKAHEAD_MAX];
    struct kl_store *store = client->thread->store;
    // A SELECT on the way makes the hints useless for the cache, not wrong.
    int db = atomic_load_explicit(&client->db, memory_order_relaxed);
    const struct dict *dict = atomic_load_explicit(&store->dbs[db].dict, memory_order_acquire);

    const struct command_entry *guess =
        atomic_load_explicit(&client->last_cmd, memory_order_relaxed);

    for (int i = 0; i < n; i++) {
        find(dict, guess, &requests[i], &hints[i], &looks[i]);
        guess = hints[i].cmd;
    }
    for (int i = 0; i < n; i++)
        entries[i] = hints[i].hashed ? dict_prefetch_node(dict, hints[i].hash) : NULL;
    for (int i = 0; i < n; i++) {
        looks[i].value = entries[i] ? entry_value(entries[i]) : VALUE_ABSENT;
        if (value_kind(looks[i].value) >= VALUE_STR)
            __builtin_prefetch(value_pointer(looks[i].value));
    }
    for (int i = 0; i < n; i++) {
        if (!looks[i].arg || !value_is_object(looks[i].value))
            continue;
        struct bytes member = requests[i].argv[looks[i].arg];
        looks[i].member = value_prefetch(looks[i].value, member.data, member.len);
    }
    for (int i = 0; i < n; i++) {
        if (looks[i].member)
            value_prefetch_member(looks[i].value, looks[i].member);
    }
}
