#!/bin/bash
# usage: bench/expiry_run.sh PROGRAM
# Starts redis-server and Keylot, runs the expiry bench against both and keeps its table in
# bench/results/expiry.txt. A run with other sizes only prints it.
# Environment: EXPIRY_KEYS (1000000), EXPIRY_SECONDS (60; with it a run takes 165 s), EXPIRY_SERVERS
# (redis auto; the others are values of connection-threads), KEYLOT_SERVER (build/keylot-server).
set -euo pipefail
cd "$(dirname "$0")/.."
program=$1
keylot=${KEYLOT_SERVER:-build/keylot-server}
work=$(mktemp -d)
pids=()
servers=()
cleanup() {
    for pid in "${pids[@]}"; do
        kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null || true
    done
    rm -rf "$work"
}
trap cleanup EXIT

# free_port: a port that nobody listens on at this moment.
free_port() {
    local p
    for _ in $(seq 50); do
        p=$((20000 + RANDOM % 20000))
        (exec 3<>"/dev/tcp/127.0.0.1/$p") 2>/dev/null || { echo "$p"; return; }
    done
    return 1
}

start() { # start NAME: starts that server and waits until it answers
    local name port
    port=$(free_port)
    case $1 in
    redis)
        name=redis-server
        redis-server --port "$port" --bind 127.0.0.1 --save '' --appendonly no --daemonize no \
            --dir "$work" >"$work/$1.log" 2>&1 &
        ;;
    *)
        name=keylot
        [ "$1" = auto ] || name=keylot-$1
        "$keylot" --port "$port" --connection-threads "$1" >"$work/$1.log" 2>&1 &
        ;;
    esac
    pids+=("$!")
    servers+=("$name:$port:$!")
    for _ in $(seq 100); do
        redis-cli -p "$port" ping >/dev/null 2>&1 && return
        sleep 0.05
    done
    echo "expiry: server $1 did not start:" >&2
    cat "$work/$1.log" >&2
    exit 1
}

for server in ${EXPIRY_SERVERS:-redis auto}; do start "$server"; done
{
    "$program" -n "${EXPIRY_KEYS:-1000000}" -s "${EXPIRY_SECONDS:-60}" "${servers[@]}"
    echo
    echo "redis-server $(redis-server --version | sed 's/.*v=\([^ ]*\).*/\1/'), keylot $("$keylot" --version | awk '{print $NF}')"
} >"$work/expiry.txt"
cat "$work/expiry.txt"
[ -z "${EXPIRY_KEYS:-}${EXPIRY_SECONDS:-}" ] || exit 0
mkdir -p bench/results
cp "$work/expiry.txt" bench/results/expiry.txt
