#!/bin/bash
# usage: bench/memory_run.sh
# Resident bytes a key, by the growth of VmRSS while the keys are loaded into a server that has just
# started, redis-server beside Keylot; kept in bench/results/memory.txt. The goal is 0.7 of
# redis-server's.
# Environment: MEMORY_KEYS (1000000 strings; of the larger shapes a part), KEYLOT_SERVER.
set -euo pipefail
cd "$(dirname "$0")/.."
. bench/servers.sh
keys=${MEMORY_KEYS:-1000000}

# commands SHAPE COUNT: what loads that many keys, as inline requests.
commands() {
    awk -v shape="$1" -v count="$2" 'BEGIN {
        for (i = 0; i < count; i++) {
            line = sprintf("key:%012d", i)
            if (shape == "string") line = "SET " line sprintf(" value:%010d", i)
            if (shape == "string-ex") line = "SET " line sprintf(" value:%010d EX 1000000", i)
            if (shape == "hash-10") { line = "HSET " line; for (j = 0; j < 10; j++) line = line " field:" j sprintf(" value:%04d", (i + j) % 10000) }
            if (shape == "set-20") { line = "SADD " line; for (j = 0; j < 20; j++) line = line sprintf(" member:%06d", i % 1000 * 20 + j) }
            if (shape == "list-20") { line = "RPUSH " line; for (j = 0; j < 20; j++) line = line sprintf(" element:%06d", i % 1000 * 20 + j) }
            if (shape == "zset-200") { line = "ZADD " line; for (j = 0; j < 200; j++) line = line " " i + j sprintf(" member:%06d", i % 1000 * 200 + j) }
            printf "%s\r\n", line
        }
    }'
}

resident_kb() { awk '/^VmRSS/ { print $2 }' "/proc/$1/status"; }

# bytes SERVER SHAPE COUNT: what a key takes.
bytes() {
    local before
    servers_start "$1"
    before=$(resident_kb "${pid[$1]}")
    commands "$2" "$3" | redis-cli -p "${port[$1]}" --pipe >"$work/pipe.log"
    [ "$(redis-cli -p "${port[$1]}" DBSIZE)" = "$3" ] || { cat "$work/pipe.log" >&2; exit 1; }
    echo $((($(resident_kb "${pid[$1]}") - before) * 1024 / $3))
    servers_end
}

{
    echo "# resident bytes a key, $(date +%F); goal: 0.70"
    printf '%-44s %12s %12s %8s\n' keys redis-server keylot ratio
    while read -r shape part what; do
        count=$((keys / part))
        bytes redis "$shape" $count >"$work/theirs"
        bytes auto "$shape" $count >"$work/ours"
        theirs=$(<"$work/theirs") ours=$(<"$work/ours")
        printf '%-44s %12s %12s %8s\n' "$what" "$theirs" "$ours" "$(awk -v a="$ours" -v b="$theirs" 'BEGIN { printf "%.2f", a / b }')"
    done <<'SHAPES'
string 1 16 B key, 16 B value
string-ex 1 the same with an expire time
hash-10 4 hash of 10 fields of 7 B, values of 10
set-20 4 set of 20 members of 13 B
list-20 4 list of 20 elements of 14 B
zset-200 40 sorted set of 200 members of 13 B
SHAPES
    echo
    servers_versions
} >"$work/memory.txt"
cat "$work/memory.txt"
[ -z "${MEMORY_KEYS:-}" ] || exit 0
mkdir -p bench/results
cp "$work/memory.txt" bench/results/memory.txt
