// SPDX-License-Identifier: MIT
#include "tests/diff/row.h"

// clang-format off
static const struct diff_row STRINGS[] = {
    {"APPEND", "key value"},
    {"DECR", "key"},
    {"DECRBY", "key int"},
    {"GET", "key"},
    {"GETDEL", "key"},
    {"GETEX", "key [ EX sec | PX ms | EXAT at | PXAT atms | PERSIST ] [ PERSIST ]", DIFF_SAME, DIFF_TIMES},
    {"GETRANGE", "key index index"},
    {"GETSET", "key value"},
    {"INCR", "key"},
    {"INCRBY", "key int"},
    {"INCRBYFLOAT", "key float"},
    {"LCS", "key key [ LEN ] [ IDX ] [ MINMATCHLEN index ] [ WITHMATCHLEN ]"},
    {"MGET", "key..."},
    {"MSET", "( key value )..."},
    {"MSETNX", "( key value )..."},
    {"PSETEX", "key ms value", DIFF_SAME, DIFF_TIMES},
    {"PSETEX", "key soon value", DIFF_EXPIRING},
    {"SET", "key value"},
    {"SET", "key value [ NX|XX ] [ GET ] [ KEEPTTL ] [ XX ]"},
    {"SET", "key value [ NX|XX ] [ GET ] [ EX sec | PX ms | EXAT at | PXAT atms | KEEPTTL ]", DIFF_SAME, DIFF_TIMES},
    {"SET", "key value PX soon", DIFF_EXPIRING},
    {"SETEX", "key sec value", DIFF_SAME, DIFF_TIMES},
    {"SETNX", "key value"},
    {"SETRANGE", "key offset value", DIFF_SAME, DIFF_SMALL_OFFSET},
    {"STRLEN", "key"},
    {"SUBSTR", "key index index"},
};

static const struct diff_row HASHES[] = {
    {"HDEL", "key member..."},
    {"HEXISTS", "key member"},
    {"HGET", "key member"},
    {"HGETALL", "key", DIFF_PAIRS},
    {"HINCRBY", "key member int"},
    {"HINCRBYFLOAT", "key member float"},
    {"HKEYS", "key", DIFF_ANY_ORDER},
    {"HLEN", "key"},
    {"HMGET", "key member..."},
    {"HMSET", "key ( member value )..."},
    {"HRANDFIELD", "key [ count [ WITHVALUES ] ]", DIFF_RANDOM, DIFF_SMALL_COUNT},
    {"HSCAN", "key cursor [ MATCH pattern ] [ COUNT count ]", DIFF_SCAN},
    {"HSET", "key ( member value )..."},
    {"HSET", "key ( member value )..."},
    {"HSETNX", "key member value"},
    {"HSTRLEN", "key member"},
    {"HVALS", "key", DIFF_ANY_ORDER},
};

static const struct diff_row LISTS[] = {
    {"LINDEX", "key index"},
    {"LINSERT", "key BEFORE|AFTER member value"},
    {"LLEN", "key"},
    {"LMOVE", "key key LEFT|RIGHT LEFT|RIGHT"},
    {"LMPOP", "numkeys LEFT|RIGHT [ COUNT count ]"},
    {"LPOP", "key [ count ]"},
    {"LPOS", "key member [ RANK index ] [ COUNT count ] [ MAXLEN count ]"},
    {"LPUSH", "key member..."},
    {"LPUSHX", "key value..."},
    {"LRANGE", "key index index"},
    {"LREM", "key count member"},
    {"LSET", "key index value"},
    {"LTRIM", "key index index"},
    {"RPOP", "key [ count ]"},
    {"RPOPLPUSH", "key key"},
    {"RPUSH", "key member..."},
    {"RPUSHX", "key value..."},
};

static const struct diff_row SETS[] = {
    {"SADD", "key member..."},
    {"SADD", "key number..."},
    {"SCARD", "key"},
    {"SDIFF", "key...", DIFF_ANY_ORDER},
    {"SDIFFSTORE", "key key..."},
    {"SINTER", "key...", DIFF_ANY_ORDER},
    {"SINTERCARD", "numkeys [ LIMIT count ]"},
    {"SINTERSTORE", "key key..."},
    {"SISMEMBER", "key member"},
    {"SMEMBERS", "key", DIFF_ANY_ORDER},
    {"SMISMEMBER", "key member..."},
    {"SMOVE", "key key member"},
    {"SPOP", "key [ count ]", DIFF_POP, DIFF_SMALL_COUNT},
    {"SRANDMEMBER", "key [ count ]", DIFF_RANDOM, DIFF_SMALL_COUNT},
    {"SREM", "key member..."},
    {"SSCAN", "key cursor [ MATCH pattern ] [ COUNT count ]", DIFF_SCAN},
    {"SUNION", "key...", DIFF_ANY_ORDER},
    {"SUNIONSTORE", "key key..."},
};

#define COMBINE "[ WEIGHTS weights ] [ AGGREGATE SUM|MIN|MAX ]"

static const struct diff_row SORTED_SETS[] = {
    {"ZADD", "key [ NX|XX ] [ GT|LT ] [ CH ] ( score member )..."},
    {"ZADD", "key ( score member )..."},
    {"ZADD", "key ( score member )..."},
    {"ZADD", "key [ NX|XX ] [ GT|LT ] [ CH ] INCR score member"},
    {"ZCARD", "key"},
    {"ZCOUNT", "key bound bound"},
    {"ZDIFF", "numkeys [ WITHSCORES ]"},
    {"ZDIFFSTORE", "key numkeys"},
    {"ZINCRBY", "key score member"},
    {"ZINTER", "numkeys " COMBINE " [ WITHSCORES ]"},
    {"ZINTERCARD", "numkeys [ LIMIT count ]"},
    {"ZINTERSTORE", "key numkeys " COMBINE},
    {"ZMPOP", "numkeys MIN|MAX [ COUNT count ]"},
    {"ZMSCORE", "key member..."},
    {"ZPOPMAX", "key [ count ]"},
    {"ZPOPMIN", "key [ count ]"},
    {"ZRANDMEMBER", "key [ count [ WITHSCORES ] ]", DIFF_RANDOM, DIFF_SMALL_COUNT},
    {"ZRANGE", "key index index [ REV ] [ WITHSCORES ]"},
    {"ZRANGE", "key bound bound BYSCORE [ REV ] [ LIMIT index index ] [ WITHSCORES ]"},
    {"ZRANGEBYSCORE", "key bound bound [ LIMIT index index ] [ WITHSCORES ]"},
    {"ZRANGESTORE", "key key index index [ REV ] [ LIMIT index index ]"},
    {"ZRANGESTORE", "key key bound bound BYSCORE [ REV ] [ LIMIT index index ]"},
    {"ZRANK", "key member"},
    {"ZREM", "key member..."},
    {"ZREMRANGEBYRANK", "key index index"},
    {"ZREMRANGEBYSCORE", "key bound bound"},
    {"ZREVRANGE", "key index index [ WITHSCORES ]"},
    {"ZREVRANGEBYSCORE", "key bound bound [ LIMIT index index ] [ WITHSCORES ]"},
    {"ZREVRANK", "key member"},
    {"ZSCAN", "key cursor [ MATCH pattern ] [ COUNT count ]", DIFF_SCAN},
    {"ZSCORE", "key member"},
    {"ZUNION", "numkeys " COMBINE " [ WITHSCORES ]"},
    {"ZUNIONSTORE", "key numkeys " COMBINE},
};

// Who watches a string that only grows, since every write overflows, is not told in Redis. So OVERFLOW
// FAIL has keys of its own.
static const struct diff_row BITMAPS[] = {
    {"BITCOUNT", "key [ index index [ BYTE|BIT ] ]"},
    {"BITFIELD", "key ( { GET bits bit | SET bits bit int | INCRBY bits bit int | OVERFLOW WRAP|SAT } )...", DIFF_SAME, DIFF_BIT_OFFSET},
    {"BITFIELD", "bitkey ( { GET bits bit | SET bits bit int | INCRBY bits bit int | OVERFLOW WRAP|SAT|FAIL } )...", DIFF_SAME, DIFF_BIT_OFFSET},
    {"BITFIELD_RO", "key ( GET bits bit )...", DIFF_SAME, DIFF_BIT_OFFSET},
    {"BITOP", "AND|OR|XOR|NOT key key..."},
    {"BITPOS", "key 0|1 [ index [ index [ BYTE|BIT ] ] ]"},
    {"GETBIT", "key bit"},
    {"SET", "bitkey value"},
    {"SETBIT", "key bit 0|1", DIFF_SAME, DIFF_BIT_OFFSET},
    {"SETBIT", "key bit 0|1", DIFF_SAME, DIFF_BIT_OFFSET},
};

static const struct diff_row HYPERLOGLOGS[] = {
    {"PFADD", "key member..."},
    {"PFADD", "key value..."},
    {"PFCOUNT", "key..."},
    {"PFDEBUG DECODE", "key"},
    {"PFDEBUG ENCODING", "key"},
    {"PFDEBUG TODENSE", "key", DIFF_SAME, DIFF_RARE},
    {"PFMERGE", "key key..."},
    {"SET", "key hll"},
};

#define CENTRE "{ FROMMEMBER member | FROMLONLAT lon lat } "
#define AREA   "{ BYRADIUS distance M|KM|FT|MI | BYBOX distance distance M|KM|FT|MI } "
#define SHOWN  " [ WITHDIST ] [ WITHHASH ] [ WITHCOORD ]"

// Other members than places make no sense, so these have keys of their own, too. Without an order
// the members come as they will.
static const struct diff_row PLACES[] = {
    {"GEOADD", "geokey ( lon lat member )...", DIFF_SAME, DIFF_UNSPOILT},
    {"GEOADD", "geokey ( lon lat member )...", DIFF_SAME, DIFF_UNSPOILT},
    {"GEOADD", "geokey [ NX|XX ] [ CH ] ( lon lat member )...", DIFF_SAME, DIFF_UNSPOILT},
    {"GEODIST", "geokey member member [ M|KM|FT|MI ]"},
    {"GEOHASH", "geokey member..."},
    {"GEOPOS", "geokey member..."},
    {"GEORADIUS", "geokey lon lat distance M|KM|FT|MI" SHOWN, DIFF_ANY_ORDER},
    {"GEORADIUS", "geokey lon lat distance M|KM|FT|MI { ASC|DESC } [ COUNT count ] [ STORE key | STOREDIST key ]"},
    {"GEORADIUSBYMEMBER", "geokey member distance M|KM|FT|MI { ASC|DESC } [ COUNT count ]" SHOWN},
    {"GEORADIUS_RO", "geokey lon lat distance M|KM|FT|MI [ STORE key ]" SHOWN, DIFF_ANY_ORDER},
    {"GEORADIUSBYMEMBER_RO", "geokey member distance M|KM|FT|MI" SHOWN, DIFF_ANY_ORDER},
    {"GEOSEARCH", "geokey " CENTRE AREA SHOWN, DIFF_ANY_ORDER},
    {"GEOSEARCH", "geokey " CENTRE AREA "ASC|DESC [ COUNT count ]" SHOWN},
    {"GEOSEARCHSTORE", "key geokey " CENTRE AREA "[ STOREDIST ] [ ASC|DESC ]", DIFF_SAME, DIFF_UNSPOILT},
    {"ZRANGE", "geokey index index WITHSCORES"},
    {"ZREM", "geokey member..."},
};

#define SORTING "[ LIMIT index index ] [ GET lookup ] [ GET lookup ] [ ASC|DESC ]"

// Redis changes the encoding of a sorted set that it sorts, so these have keys of their own. Sets
// have no order where SORT leaves it, or a part of it, as it was. Nothing that is sorted as numbers is
// stored, because there is a deviation.
static const struct diff_row SORTS[] = {
    {"DEL", "orderedkey unorderedkey", DIFF_SAME, DIFF_RARE},
    {"RPUSH", "orderedkey number..."},
    {"RPUSH", "orderedkey member..."},
    {"SADD", "unorderedkey member..."},
    {"SADD", "unorderedkey number..."},
    {"SORT", "orderedkey " SORTING " [ BY lookup ]"},
    {"SORT", "orderedkey ALPHA " SORTING " [ STORE key ]"},
    {"SORT", "orderedkey BY NOSORT " SORTING " [ STORE key ]"},
    {"SORT", "unorderedkey " SORTING},
    {"SORT", "unorderedkey ALPHA " SORTING " [ STORE key ]"},
    {"SORT_RO", "orderedkey " SORTING " [ STORE key ]"},
    {"ZADD", "orderedkey ( number number )..."},
};

static const struct diff_row SERIALISED[] = {
    {"DUMP", "anykey", DIFF_EXCHANGED},
    {"RESTORE", "anykey ms value [ REPLACE ] [ ABSTTL ] [ IDLETIME sec ] [ FREQ index ]", DIFF_SAME, DIFF_TIMES},
};

// Ranges of bytes say nothing about a set whose scores differ, so these have keys of their own.
static const struct diff_row LEXICAL[] = {
    {"ZADD", "lexkey ( 0 member )...", DIFF_SAME, DIFF_UNSPOILT},
    {"ZREM", "lexkey member..."},
    {"ZLEXCOUNT", "lexkey lex lex"},
    {"ZRANGE", "lexkey lex lex BYLEX [ REV ] [ LIMIT index index ]"},
    {"ZRANGEBYLEX", "lexkey lex lex [ LIMIT index index ]"},
    {"ZRANGESTORE", "lexkey lexkey lex lex BYLEX [ REV ] [ LIMIT index index ]"},
    {"ZREMRANGEBYLEX", "lexkey lex lex"},
    {"ZREVRANGEBYLEX", "lexkey lex lex [ LIMIT index index ]"},
};

static const struct diff_row KEYSPACE[] = {
    {"COPY", "anykey anykey [ DB db ] [ REPLACE ]"},
    {"DBSIZE", "", DIFF_SETTLES, DIFF_RARE},
    {"DEL", "anykey..."},
    {"ECHO", "value"},
    {"EXISTS", "anykey..."},
    {"FLUSHALL", "[ ASYNC|SYNC ]", DIFF_SAME, DIFF_RARE},
    {"FLUSHDB", "[ ASYNC|SYNC ]", DIFF_SAME, DIFF_RARE},
    {"KEYS", "pattern", DIFF_ANY_ORDER},
    {"MOVE", "anykey db"},
    {"NOSUCH", "value..."},
    {"COMMAND GETKEYS", "command"},
    {"COMMAND GETKEYSANDFLAGS", "command"},
    {"OBJECT ENCODING", "anykey"},
    {"OBJECT FREQ", "anykey"},
    {"OBJECT IDLETIME", "anykey", DIFF_IDLE},
    {"OBJECT REFCOUNT", "anykey"},
    {"OBJECT NOSUCH", "anykey"},
    {"PING", "[ value ]"},
    {"RANDOMKEY", "", DIFF_ANY_KEY},
    {"RENAME", "anykey anykey"},
    {"RENAMENX", "anykey anykey"},
    {"SCAN", "cursor [ MATCH pattern ] [ COUNT count ] [ TYPE type ]", DIFF_SCAN},
    {"SELECT", "db"},
    {"SWAPDB", "db db", DIFF_SAME, DIFF_RARE},
    {"TOUCH", "anykey..."},
    {"TYPE", "anykey"},
    {"UNLINK", "anykey..."},
};

static const struct diff_row EXPIRY[] = {
    {"EXPIRE", "anykey sec [ NX|XX|GT|LT ] [ XX ]", DIFF_SAME, DIFF_TIMES},
    {"EXPIREAT", "anykey at [ NX|XX|GT|LT ] [ XX ]", DIFF_SAME, DIFF_TIMES},
    {"EXPIRETIME", "anykey", DIFF_NEAR_S},
    {"PERSIST", "anykey"},
    {"PEXPIRE", "anykey ms [ NX|XX|GT|LT ]", DIFF_SAME, DIFF_TIMES},
    {"PEXPIRE", "anykey soon [ NX|XX|LT ]", DIFF_EXPIRING},
    {"PEXPIREAT", "anykey atms [ NX|XX|GT|LT ]", DIFF_SAME, DIFF_TIMES},
    {"PEXPIRETIME", "anykey", DIFF_NEAR_MS},
    {"PTTL", "anykey", DIFF_NEAR_MS},
    {"TTL", "anykey", DIFF_NEAR_S},
};

static const struct diff_row TRANSACTIONS[] = {
    {"DISCARD", "", DIFF_SAME, DIFF_STATEFUL},
    {"EXEC", "", DIFF_SAME, DIFF_STATEFUL},
    {"MULTI", "", DIFF_SAME, DIFF_STATEFUL},
    {"MULTI", "", DIFF_SAME, DIFF_STATEFUL},
    {"RESET", "", DIFF_SAME, DIFF_RARE | DIFF_STATEFUL},
    {"UNWATCH", ""},
    {"WATCH", "anykey..."},
    {"WATCH", "anykey..."},
};

// Nothing here may name a connection that there is.
static const struct diff_row CONNECTIONS[] = {
    {"CLIENT GETNAME", ""},
    {"CLIENT KILL", "{ 1.2.3.4:5 | ADDR 1.2.3.4:5 | LADDR 1.2.3.4:5 | TYPE PUBSUB|NOSUCH | USER NOSUCH | ID 999999999 | SKIPME NOSUCH }", DIFF_SAME, DIFF_UNSPOILT},
    {"CLIENT LIST", "{ ID 999999999 | ID 0 | ID NOSUCH | TYPE PUBSUB|REPLICA|NOSUCH | NOSUCH }", DIFF_SAME, DIFF_UNSPOILT},
    {"CLIENT NO-EVICT", "ON|OFF"},
    {"CLIENT NOSUCH", "value..."},
    {"CLIENT REPLY", "ON", DIFF_SAME, DIFF_STATEFUL},
    {"CLIENT REPLY", "OFF|SKIP plain", DIFF_SILENT, DIFF_UNSPOILT | DIFF_STATEFUL},
    {"CLIENT SETNAME", "value"},
    {"DEBUG DIGEST-VALUE", "anykey...", DIFF_SETTLES},
    {"DEBUG ERROR", "value"},
    {"DEBUG PROTOCOL", "STRING|INTEGER|DOUBLE|BIGNUM|NULL|ARRAY|SET|MAP|VERBATIM|TRUE|FALSE|NOSUCH"},
    {"HELLO", "", DIFF_GREETING, DIFF_STATEFUL},
    {"HELLO", "{ 2 | 3 | 3 | index } [ SETNAME value ] [ AUTH DEFAULT value ]", DIFF_GREETING, DIFF_STATEFUL},
    {"HELLO", "2|3", DIFF_GREETING, DIFF_STATEFUL},
};

// A number with a zero byte in it ends there in Redis.
#define NUMBER "{ number | number | number | index | NOSUCH | 1KB | 1.5 | 99999999999999999999 }"

// The limits of the encodings; each sequence begins with those of pair.c.
static const struct diff_row LIMITS[] = {
    {"CONFIG GET", "HASH-MAX-LISTPACK-*|SET-MAX-INTSET-*|ZSET-MAX-ZIPLIST-*|LIST-MAX-ZIPLIST-SIZE|HLL-*|NOSUCH", DIFF_PAIRS, DIFF_UNSPOILT},
    {"CONFIG SET", "HASH-MAX-LISTPACK-ENTRIES|HASH-MAX-ZIPLIST-ENTRIES|HASH-MAX-LISTPACK-VALUE|HASH-MAX-ZIPLIST-VALUE " NUMBER, DIFF_SAME, DIFF_UNSPOILT},
    {"CONFIG SET", "SET-MAX-INTSET-ENTRIES|HLL-SPARSE-MAX-BYTES " NUMBER, DIFF_SAME, DIFF_UNSPOILT},
    {"CONFIG SET", "ZSET-MAX-LISTPACK-ENTRIES|ZSET-MAX-ZIPLIST-ENTRIES|ZSET-MAX-LISTPACK-VALUE|ZSET-MAX-ZIPLIST-VALUE " NUMBER, DIFF_SAME, DIFF_UNSPOILT},
    {"CONFIG SET", "LIST-MAX-LISTPACK-SIZE|LIST-MAX-ZIPLIST-SIZE " NUMBER, DIFF_SAME, DIFF_UNSPOILT},
    {"CONFIG SET", "( { HASH-MAX-LISTPACK-ENTRIES|HASH-MAX-ZIPLIST-VALUE|ZSET-MAX-ZIPLIST-VALUE|SET-MAX-INTSET-ENTRIES|NOSUCH } number )...", DIFF_SAME, DIFF_UNSPOILT},
    {"CONFIG SET", "HASH-MAX-LISTPACK-ENTRIES number NOSUCH", DIFF_SAME, DIFF_UNSPOILT},
};
// clang-format on

#define ROWS(rows) rows, sizeof(rows) / sizeof((rows)[0])

const struct diff_group diff_groups[] = {
    {"strings", 's', 4, ROWS(STRINGS)},
    {"hashes", 'h', 4, ROWS(HASHES)},
    {"lists", 'l', 4, ROWS(LISTS)},
    {"sets", 'e', 4, ROWS(SETS)},
    {"sorted sets", 'z', 6, ROWS(SORTED_SETS)},
    {"bitmaps", 's', 2, ROWS(BITMAPS)},
    {"hyperloglogs", 'p', 1, ROWS(HYPERLOGLOGS)},
    {"places", 'z', 2, ROWS(PLACES)},
    {"sorts", 'l', 1, ROWS(SORTS)},
    {"serialised", 'k', 1, ROWS(SERIALISED)},
    {"lexical", 'x', 2, ROWS(LEXICAL)},
    {"keyspace", 'k', 2, ROWS(KEYSPACE)},
    {"expiry", 'k', 2, ROWS(EXPIRY)},
    {"transactions", 'k', 1, ROWS(TRANSACTIONS)},
    {"connections", 'k', 1, ROWS(CONNECTIONS)},
    {"limits", 'k', 1, ROWS(LIMITS)},
};
const int diff_ngroups = sizeof(diff_groups) / sizeof(diff_groups[0]);
