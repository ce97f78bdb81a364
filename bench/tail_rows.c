// SPDX-License-Identifier: MIT
#include "bench/tail.h"

#define K 1000
#define M (1000 * K)

const struct row rows[] = {
    {"none", "no other client", "GET SET", .probes = {PROBE_GET, PROBE_SET}},
    {"smembers", "SMEMBERS of 1 M members", "SMEMBERS SADD", DATA_SETS, .command = "SMEMBERS set:1",
     .probes = {PROBE_GET, PROBE_SET}},
    {"keys", "KEYS with a rare pattern among 1 M keys", "KEYS", .command = "KEYS key:*77777",
     .probes = {PROBE_GET, PROBE_SET}},
    {"hgetall", "HGETALL of 500 K fields", "HGETALL HSET", DATA_HASH, .command = "HGETALL hash:1",
     .probes = {PROBE_GET, PROBE_SET}},
    {"zunionstore", "ZUNIONSTORE of two sorted sets of 500 K", "ZUNIONSTORE ZADD", DATA_ZSETS,
     .command = "ZUNIONSTORE union:%d 2 zset:1 zset:2", .probes = {PROBE_GET, PROBE_SET}},
    {"sintercard", "SINTERCARD of two sets of 1 M", "SINTERCARD SADD", DATA_SETS,
     .command = "SINTERCARD 2 set:1 set:2", .probes = {PROBE_GET, PROBE_SET}},
    {"sort", "SORT of 1 M members by text", "SORT SADD", DATA_SETS,
     .command = "SORT set:1 ALPHA LIMIT 0 10", .probes = {PROBE_GET, PROBE_SET}},
    {"del", "DEL of a set of 1 M (rebuilt with SADD, 100 members each)", "DEL SADD",
     .feed = FEED_SADD, .feed_size = M, .feed_key = "del:%d", .command = "DEL del:%d",
     .probes = {PROBE_GET, PROBE_SET}},
    {"exec", "EXEC of 50 K SETs", "MULTI EXEC", .before = "MULTI", .feed = FEED_SET,
     .feed_size = 50 * K, .feed_key = "key", .command = "EXEC", .own_db = true,
     .probes = {PROBE_GET, PROBE_SET}},
    {"flush", "FLUSHDB ASYNC of 1 M keys in another database (rebuilt with MSET)", "FLUSHDB MSET",
     .feed = FEED_MSET, .feed_size = M, .feed_key = "key", .command = "FLUSHDB ASYNC",
     .own_db = true, .probes = {PROBE_GET, PROBE_SET}},
    {"grow", "growth of the probes' database from 0 to 5 M keys (pipelined SET)", "FLUSHDB SET",
     .feed = FEED_SET, .feed_size = 5 * M, .feed_key = "grow", .db = 1,
     .probes = {PROBE_GET, PROBE_SET}},
    {"same-set", "SMEMBERS of 1 M members, probes read the same set",
     "SMEMBERS SADD SCARD SISMEMBER", DATA_SETS, .command = "SMEMBERS set:1", .same_key = true,
     .probes = {PROBE_SCARD, PROBE_SISMEMBER}},
    {"same-hash", "HGETALL of 500 K fields, probes read the same hash", "HGETALL HSET HGET HLEN",
     DATA_HASH, .command = "HGETALL hash:1", .same_key = true, .probes = {PROBE_HGET, PROBE_HLEN}},
};

const int row_count = sizeof(rows) / sizeof(rows[0]);
_Static_assert(sizeof(rows) / sizeof(rows[0]) <= MAX_ROWS, "too many rows");
