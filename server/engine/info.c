// SPDX-License-Identifier: MIT
#include "server/engine/info.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "datatypes/mem.h"
#include "datatypes/names.h"
#include "locks/epoch.h"
#include "locks/stats.h"
#include "server/engine/client.h"
#include "server/engine/cmd.h"
#include "server/engine/command.h"
#include "server/engine/config.h"
#include "server/engine/stats.h"
#include "server/engine/store.h"
#include "server/engine/textbuf.h"
#include "server/engine/ticks.h"
#include "version.inc"

// What the sections need to know about all clients.
struct client_totals {
    int64_t n;
    size_t memory, max_input, max_output;
};

static void add_client(struct client *client, void *arg)
{
    struct client_totals *totals = arg;
    size_t input = atomic_load_explicit(&client->query_bytes, memory_order_relaxed);
    size_t output = atomic_load_explicit(&client->reply_bytes, memory_order_relaxed);

    totals->n++;
    totals->memory += atomic_load_explicit(&client->memory, memory_order_relaxed);
    if (input > totals->max_input)
        totals->max_input = input;
    if (output > totals->max_output)
        totals->max_output = output;
}

static struct client_totals count_clients(struct kl_store *store)
{
    struct client_totals totals = {0};

    client_each(store, add_client, &totals);
    return totals;
}

static int64_t load_config(const _Atomic int64_t *value)
{
    return atomic_load_explicit(value, memory_order_relaxed);
}

// "name:1234" and "name_human:1.21K".
static void add_size(struct textbuf *out, const char *name, uint64_t nbytes)
{
    char human[32];

    textbuf_human(human, sizeof human, nbytes);
    textbuf_printf(out, "%s:%llu\r\n%s_human:%s\r\n", name, (unsigned long long)nbytes, name,
                   human);
}

// ---- server -----------------------------------------------------------------------------------

static void add_paths(struct kl_store *store, struct textbuf *out)
{
    char path[4096];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);

    path[n > 0 ? n : 0] = '\0';
    textbuf_printf(out, "executable:%s\r\n", path);
    mutex_lock(&store->config->lock);
    textbuf_printf(out, "config_file:%s\r\n", store->config->file ? store->config->file : "");
    mutex_unlock(&store->config->lock);
}

// How many thread records are in use.
static unsigned count_threads(struct kl_store *store)
{
    unsigned n = 0;

    mutex_lock(&store->threads_lock);
    for (struct thread *t = atomic_load_explicit(&store->threads, memory_order_relaxed); t;
         t = t->next)
        n += t->in_use;
    mutex_unlock(&store->threads_lock);
    return n;
}

static void write_server(struct kl_store *store, struct textbuf *out)
{
    struct utsname os = {0};
    struct timespec now;
    int64_t uptime_s = (store_now_ms() - store->started_ms) / 1000;
    long long hz = load_config(&store->config->hz);

    uname(&os);
    clock_gettime(CLOCK_REALTIME, &now);
    textbuf_printf(out, "redis_version:7.0.15\r\nkeylot_version:%s\r\n", KEYLOT_VERSION);
    textbuf_printf(out, "redis_git_sha1:00000000\r\nredis_git_dirty:0\r\nredis_build_id:0\r\n");
    textbuf_printf(out, "redis_mode:standalone\r\nos:%s %s %s\r\n", os.sysname, os.release,
                   os.machine);
    textbuf_printf(out, "arch_bits:%d\r\n", (int)sizeof(void *) * 8);
    textbuf_printf(out, "monotonic_clock:POSIX clock_gettime\r\nmultiplexing_api:epoll\r\n");
    textbuf_printf(out, "atomicvar_api:c11-builtin\r\ngcc_version:%d.%d.%d\r\n", __GNUC__,
                   __GNUC_MINOR__, __GNUC_PATCHLEVEL__);
    textbuf_printf(out, "process_id:%d\r\nprocess_supervised:no\r\nrun_id:%s\r\n", (int)getpid(),
                   store->run_id);
    textbuf_printf(out, "tcp_port:%d\r\nserver_time_usec:%lld\r\n", store->config->port,
                   (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
    textbuf_printf(out, "uptime_in_seconds:%lld\r\nuptime_in_days:%lld\r\n", (long long)uptime_s,
                   (long long)uptime_s / 86400);
    textbuf_printf(out, "hz:%lld\r\nconfigured_hz:%lld\r\n", hz, hz);
    textbuf_printf(out, "lru_clock:%lld\r\n", (long long)now.tv_sec & 0xffffff);
    add_paths(store, out);
    textbuf_printf(out, "io_threads_active:0\r\n");
}

static void write_clients(struct kl_store *store, struct textbuf *out)
{
    struct client_totals totals = count_clients(store);

    textbuf_printf(out, "connected_clients:%lld\r\ncluster_connections:0\r\n", (long long)totals.n);
    textbuf_printf(out, "maxclients:%lld\r\n", (long long)load_config(&store->config->maxclients));
    textbuf_printf(out, "client_recent_max_input_buffer:%zu\r\n", totals.max_input);
    textbuf_printf(out, "client_recent_max_output_buffer:%zu\r\n", totals.max_output);
    textbuf_printf(out,
                   "blocked_clients:0\r\ntracking_clients:0\r\nclients_in_timeout_table:0\r\n");
}

// ---- memory -----------------------------------------------------------------------------------

// The resident set of the process, all that the allocator does not know of included.
static uint64_t process_rss(void)
{
    unsigned long long size = 0, resident = 0;
    FILE *f = fopen("/proc/self/statm", "re");

    if (!f)
        return 0;
    if (fscanf(f, "%llu %llu", &size, &resident) != 2)
        resident = 0;
    fclose(f);
    return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

static double percent(uint64_t part, uint64_t whole)
{
    return whole ? 100.0 * (double)part / (double)whole : 0;
}

static double ratio(uint64_t a, uint64_t b)
{
    return b ? (double)a / (double)b : 0;
}

static void write_memory(struct kl_store *store, struct textbuf *out)
{
    uint64_t used = mem_used(), rss = process_rss(), resident = mem_resident();
    uint64_t peak = rates_memory_peak(store), startup = rates_memory_startup(store);
    uint64_t clients = count_clients(store).memory;
    uint64_t overhead = startup + clients;
    uint64_t dataset = used > overhead ? used - overhead : 0;
    uint64_t grown = used > startup ? used - startup : 0;

    add_size(out, "used_memory", used);
    add_size(out, "used_memory_rss", rss);
    add_size(out, "used_memory_peak", peak);
    textbuf_printf(out, "used_memory_peak_perc:%.2f%%\r\n", percent(used, peak));
    textbuf_printf(out, "used_memory_overhead:%llu\r\n", (unsigned long long)overhead);
    textbuf_printf(out, "used_memory_startup:%llu\r\n", (unsigned long long)startup);
    textbuf_printf(out, "used_memory_dataset:%llu\r\n", (unsigned long long)dataset);
    textbuf_printf(out, "used_memory_dataset_perc:%.2f%%\r\n", percent(dataset, grown));
    textbuf_printf(out, "allocator_allocated:%llu\r\nallocator_resident:%llu\r\n",
                   (unsigned long long)used, (unsigned long long)resident);
    add_size(out, "total_system_memory",
             (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE));
    add_size(out, "maxmemory", 0);
    textbuf_printf(out, "maxmemory_policy:noeviction\r\n");
    textbuf_printf(out, "allocator_rss_ratio:%.2f\r\nallocator_rss_bytes:%lld\r\n",
                   ratio(resident, used), (long long)resident - (long long)used);
    textbuf_printf(out, "mem_fragmentation_ratio:%.2f\r\nmem_fragmentation_bytes:%lld\r\n",
                   ratio(rss, used), (long long)rss - (long long)used);
    textbuf_printf(out, "mem_not_counted_for_evict:0\r\nmem_clients_slaves:0\r\n");
    textbuf_printf(out, "mem_clients_normal:%llu\r\nmem_aof_buffer:0\r\n",
                   (unsigned long long)clients);
    textbuf_printf(out, "mem_allocator:%s\r\nactive_defrag_running:0\r\n", mem_allocator());
    textbuf_printf(out, "lazyfree_pending_objects:%zu\r\nlazyfreed_objects:%zu\r\n",
                   atomic_load_explicit(&store->lazyfree.pending, memory_order_acquire),
                   atomic_load_explicit(&store->lazyfree.freed, memory_order_relaxed));
    textbuf_printf(out, "hash_field_names:%zu\r\n", names_known());
}

// ---- persistence, stats, replication, cpu -----------------------------------------------------

static void write_persistence(struct kl_store *store, struct textbuf *out)
{
    textbuf_printf(out, "loading:0\r\nasync_loading:0\r\n");
    textbuf_printf(out, "rdb_bgsave_in_progress:0\r\nrdb_last_save_time:%lld\r\n",
                   (long long)(store->started_ms / 1000));
    textbuf_printf(out, "rdb_last_bgsave_status:ok\r\nrdb_last_bgsave_time_sec:-1\r\n"
                        "rdb_current_bgsave_time_sec:-1\r\nrdb_saves:0\r\n");
    textbuf_printf(out, "aof_enabled:0\r\naof_rewrite_in_progress:0\r\naof_rewrite_scheduled:0\r\n"
                        "aof_last_rewrite_time_sec:-1\r\naof_current_rewrite_time_sec:-1\r\n"
                        "aof_last_bgrewrite_status:ok\r\naof_last_write_status:ok\r\n");
}

static long long sum(struct kl_store *store, size_t offset)
{
    return (long long)store_sum(store, offset);
}
#define SUM(store, field) sum(store, offsetof(struct thread_stats, field))

static void write_stats(struct kl_store *store, struct textbuf *out)
{
    textbuf_printf(out, "total_connections_received:%lld\r\n", SUM(store, connections));
    textbuf_printf(out, "total_commands_processed:%lld\r\n", SUM(store, commands));
    textbuf_printf(out, "instantaneous_ops_per_sec:%.0f\r\n", rates_get(store, RATE_COMMANDS));
    textbuf_printf(out, "total_net_input_bytes:%lld\r\n", SUM(store, net_in));
    textbuf_printf(out, "total_net_output_bytes:%lld\r\n", SUM(store, net_out));
    textbuf_printf(out, "instantaneous_input_kbps:%.2f\r\n", rates_get(store, RATE_NET_IN) / 1024);
    textbuf_printf(out, "instantaneous_output_kbps:%.2f\r\n",
                   rates_get(store, RATE_NET_OUT) / 1024);
    textbuf_printf(out, "rejected_connections:%lld\r\n", SUM(store, rejected_connections));
    textbuf_printf(out, "sync_full:0\r\nsync_partial_ok:0\r\nsync_partial_err:0\r\n");
    textbuf_printf(out, "expired_keys:%lld\r\nexpired_stale_perc:%.2f\r\n", SUM(store, expired),
                   100 * atomic_load_explicit(&store->expire_stale, memory_order_relaxed));
    textbuf_printf(out,
                   "expired_time_cap_reached_count:%lld\r\nexpire_cycle_cpu_milliseconds:%lld\r\n",
                   SUM(store, expire_cut), SUM(store, expire_ns) / 1000000);
    textbuf_printf(out, "evicted_keys:%lld\r\n", SUM(store, evicted));
    textbuf_printf(out, "keyspace_hits:%lld\r\nkeyspace_misses:%lld\r\n", SUM(store, hits),
                   SUM(store, misses));
    textbuf_printf(out, "pubsub_channels:0\r\npubsub_patterns:0\r\nlatest_fork_usec:0\r\n"
                        "total_forks:0\r\nmigrate_cached_sockets:0\r\n");
    textbuf_printf(out, "total_error_replies:%lld\r\n", SUM(store, errors));
}

static void write_replication(struct kl_store *store, struct textbuf *out)
{
    textbuf_printf(out,
                   "role:master\r\nconnected_slaves:0\r\nmaster_failover_state:no-failover\r\n");
    textbuf_printf(out, "master_replid:%s\r\nmaster_replid2:%040d\r\n", store->run_id, 0);
    textbuf_printf(out, "master_repl_offset:0\r\nsecond_repl_offset:-1\r\nrepl_backlog_active:0\r\n"
                        "repl_backlog_size:0\r\nrepl_backlog_first_byte_offset:0\r\n"
                        "repl_backlog_histlen:0\r\n");
}

static void write_cpu(struct kl_store *store, struct textbuf *out)
{
    struct rusage self, children;

    (void)store;
    getrusage(RUSAGE_SELF, &self);
    getrusage(RUSAGE_CHILDREN, &children);
    textbuf_printf(out, "used_cpu_sys:%lld.%06lld\r\nused_cpu_user:%lld.%06lld\r\n",
                   (long long)self.ru_stime.tv_sec, (long long)self.ru_stime.tv_usec,
                   (long long)self.ru_utime.tv_sec, (long long)self.ru_utime.tv_usec);
    textbuf_printf(out,
                   "used_cpu_sys_children:%lld.%06lld\r\nused_cpu_user_children:%lld.%06lld\r\n",
                   (long long)children.ru_stime.tv_sec, (long long)children.ru_stime.tv_usec,
                   (long long)children.ru_utime.tv_sec, (long long)children.ru_utime.tv_usec);
}

static void write_nothing(struct kl_store *store, struct textbuf *out)
{
    (void)store;
    (void)out;
}

// ---- commands and errors ----------------------------------------------------------------------

static void write_commandstats(struct kl_store *store, struct textbuf *out)
{
    for (unsigned id = 0; id < registry_count(); id++) {
        int64_t calls = 0, ticks = 0, rejected = 0, failed = 0;
        for (struct thread *t = atomic_load_explicit(&store->threads, memory_order_acquire); t;
             t = t->next) {
            calls += tally_get(&t->commands[id].calls);
            ticks += tally_get(&t->commands[id].ticks);
            rejected += tally_get(&t->commands[id].rejected);
            failed += tally_get(&t->commands[id].failed);
        }
        if (!calls && !rejected && !failed)
            continue;
        double us = ticks_to_us(ticks);
        textbuf_printf(out, "cmdstat_%s:calls=%lld,usec=%.0f,usec_per_call=%.2f",
                       registry_at(id)->full_name, (long long)calls, us,
                       calls ? us / (double)calls : 0);
        textbuf_printf(out, ",rejected_calls=%lld,failed_calls=%lld\r\n", (long long)rejected,
                       (long long)failed);
    }
}

static void add_error(const char *code, int64_t count, void *arg)
{
    struct textbuf *out = arg;
    char safe[64];
    size_t n = 0;

    // A code comes from an error's text; it must not break the line that it stands in.
    for (; code[n] && n + 1 < sizeof safe; n++)
        safe[n] = strchr("#:\r\n", code[n]) ? '_' : code[n];
    safe[n] = '\0';
    textbuf_printf(out, "errorstat_%s:count=%lld\r\n", safe, (long long)count);
}

static void write_errorstats(struct kl_store *store, struct textbuf *out)
{
    stats_each_error(store, add_error, out);
}

static void write_cluster(struct kl_store *store, struct textbuf *out)
{
    (void)store;
    textbuf_printf(out, "cluster_enabled:0\r\n");
}

static void write_keyspace(struct kl_store *store, struct textbuf *out)
{
    for (int db = 0; db < store->ndbs; db++) {
        size_t keys = db_size(store, db), expires = db_expires(store, db);
        if (keys || expires)
            textbuf_printf(out, "db%d:keys=%zu,expires=%zu,avg_ttl=0\r\n", db, keys, expires);
    }
}

// What is particular to this server: waiting, repeating, memory that waits to be freed.
static void write_keylot(struct kl_store *store, struct textbuf *out)
{
    textbuf_printf(out, "keylot_version:%s\r\n", KEYLOT_VERSION);
    if (store->config->connection_threads == CONNECTION_THREADS_AUTO)
        textbuf_printf(out, "connection_threads:auto\r\n");
    else
        textbuf_printf(out, "connection_threads:%d\r\n", store->config->connection_threads);
    textbuf_printf(out, "registered_threads:%u\r\n", count_threads(store));
    textbuf_printf(out, "key_lock_waits:%lld\r\nread_retries:%lld\r\n", SUM(store, lock_waits),
                   SUM(store, read_retries));
    textbuf_printf(out, "retired_objects:%zu\r\nretired_bytes:%zu\r\nleaked_bytes:%zu\r\n",
                   epoch_pending_count(store->epoch), epoch_pending_bytes(store->epoch),
                   epoch_leaked_bytes(store->epoch));
}

// ---- locks ------------------------------------------------------------------------------------

// Commands that left their thread: for a key, or because they were long.
static void write_waiting_commands(struct kl_store *store, struct textbuf *out)
{
    int64_t moved = SUM(store, moved);

    textbuf_printf(out, "commands_parked:%lld\r\ncommands_moved:%lld\r\n", SUM(store, parked),
                   (long long)moved);
    textbuf_printf(out, "commands_moved_running:%lld\r\ncommands_moved_cancelled:%lld\r\n",
                   (long long)(SUM(store, moved_begun) - moved), SUM(store, moved_cancelled));
    textbuf_printf(out, "commands_moved_wait_usec:%lld\r\ncommands_moved_run_usec:%lld\r\n",
                   SUM(store, moved_wait_us), SUM(store, moved_run_us));
    textbuf_printf(
        out, "commands_in_flight:%llu\r\n",
        (unsigned long long)atomic_load_explicit(&store->in_flight, memory_order_relaxed));
}

enum { NS_PER_US = 1000 };

static void add_lock_kind(enum lock_kind kind, struct textbuf *out)
{
    struct lock_summary s;
    char name[32];
    size_t n = 0;

    for (const char *p = lock_kind_name(kind); *p && n + 1 < sizeof name; p++)
        name[n++] = *p == '-' ? '_' : *p;
    name[n] = '\0';
    lock_stats_read(1u << kind, &s);
    textbuf_printf(out, "lockstat_%s:waits=%llu,spins=%llu,handoffs=%llu,starved=%llu,waiters=%llu",
                   name, (unsigned long long)s.waits, (unsigned long long)s.spins,
                   (unsigned long long)s.handoffs, (unsigned long long)s.starved,
                   (unsigned long long)s.waiters);
    textbuf_printf(
        out, ",wait_time_us=%llu,p50_us=%llu,p99_us=%llu,max_us=%llu\r\n",
        (unsigned long long)s.wait_ns / NS_PER_US, (unsigned long long)s.p50_ns / NS_PER_US,
        (unsigned long long)s.p99_ns / NS_PER_US, (unsigned long long)s.max_ns / NS_PER_US);
}

// Of the whole process: several stores show the same.
static void write_locks(struct kl_store *store, struct textbuf *out)
{
    struct lock_parameters p = lock_tuning_get();
    struct lock_summary all;

    lock_stats_read(LOCK_KINDS_ALL, &all);
    textbuf_printf(out,
                   "lock_spin:%u\r\nlock_backoff:%u\r\nlock_yield:%u\r\nlock_fairness_us:%u\r\n",
                   p.spins, p.backoff_steps, p.yields, p.fairness_us);
    textbuf_printf(out, "lock_waits:%llu\r\nlock_spins:%llu\r\nlock_handoffs:%llu\r\n",
                   (unsigned long long)all.waits, (unsigned long long)all.spins,
                   (unsigned long long)all.handoffs);
    textbuf_printf(out, "lock_waiters:%llu\r\nlock_wait_time_us:%llu\r\n",
                   (unsigned long long)all.waiters, (unsigned long long)all.wait_ns / NS_PER_US);
    textbuf_printf(
        out, "lock_wait_p50_us:%llu\r\nlock_wait_p99_us:%llu\r\nlock_wait_max_us:%llu\r\n",
        (unsigned long long)all.p50_ns / NS_PER_US, (unsigned long long)all.p99_ns / NS_PER_US,
        (unsigned long long)all.max_ns / NS_PER_US);
    write_waiting_commands(store, out);
    // The 99th percentile once more, under the name that dashboards of locks ask for.
    textbuf_printf(out, "thread_starvation_count:%llu\r\nP99_latency:%llu\r\n",
                   (unsigned long long)all.starved, (unsigned long long)all.p99_ns / NS_PER_US);
    for (int kind = 0; kind < LOCK_KINDS; kind++)
        add_lock_kind((enum lock_kind)kind, out);
}

// ---- the table --------------------------------------------------------------------------------

enum { IN_DEFAULT = 1, IN_ALL = 2 }; // "everything" is both

static const struct section {
    const char *name, *title;
    int member_of;
    void (*write)(struct kl_store *, struct textbuf *);
} SECTIONS[] = {
    {"server", "Server", IN_DEFAULT | IN_ALL, write_server},
    {"clients", "Clients", IN_DEFAULT | IN_ALL, write_clients},
    {"memory", "Memory", IN_DEFAULT | IN_ALL, write_memory},
    {"persistence", "Persistence", IN_DEFAULT | IN_ALL, write_persistence},
    {"stats", "Stats", IN_DEFAULT | IN_ALL, write_stats},
    {"replication", "Replication", IN_DEFAULT | IN_ALL, write_replication},
    {"cpu", "CPU", IN_DEFAULT | IN_ALL, write_cpu},
    {"modules", "Modules", IN_DEFAULT, write_nothing},
    {"commandstats", "Commandstats", IN_ALL, write_commandstats},
    {"errorstats", "Errorstats", IN_DEFAULT | IN_ALL, write_errorstats},
    {"cluster", "Cluster", IN_DEFAULT | IN_ALL, write_cluster},
    {"keyspace", "Keyspace", IN_DEFAULT | IN_ALL, write_keyspace},
    {"keylot", "Keylot", IN_ALL, write_keylot},
    {"locks", "Locks", IN_ALL, write_locks},
};
enum { NSECTIONS = sizeof SECTIONS / sizeof *SECTIONS };

static uint32_t members_of(int groups)
{
    uint32_t set = 0;

    for (int i = 0; i < NSECTIONS; i++) {
        if (SECTIONS[i].member_of & groups)
            set |= UINT32_C(1) << i;
    }
    return set;
}

uint32_t info_default(void)
{
    return members_of(IN_DEFAULT);
}

uint32_t info_named(struct bytes word)
{
    if (bytes_equal_nocase(word, "default"))
        return info_default();
    if (bytes_equal_nocase(word, "all"))
        return members_of(IN_ALL);
    if (bytes_equal_nocase(word, "everything"))
        return members_of(IN_DEFAULT | IN_ALL);
    for (int i = 0; i < NSECTIONS; i++) {
        if (bytes_equal_nocase(word, SECTIONS[i].name))
            return UINT32_C(1) << i;
    }
    return 0;
}

void info_write(struct kl_store *store, uint32_t sections, struct textbuf *out)
{
    for (int i = 0; i < NSECTIONS; i++) {
        if (!(sections >> i & 1))
            continue;
        textbuf_printf(out, "%s# %s\r\n", out->len ? "\r\n" : "", SECTIONS[i].title);
        SECTIONS[i].write(store, out);
    }
}
