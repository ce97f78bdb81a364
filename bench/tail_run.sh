#!/bin/bash
# usage: bench/tail_run.sh PROGRAM
# Starts redis-server and Keylot, runs the tail bench against both, keeps its tables in
# bench/results/tail.txt and draws docs/tail.svg. A run with some of the rows or smaller sizes only
# prints its tables.
# Environment: TAIL_ROUNDS (3; a round takes about 7 minutes), TAIL_SECONDS (5, of each run), TAIL_ROWS
# (all), TAIL_CLIENTS (1 4), TAIL_DIVISOR (1; sizes are divided by it), TAIL_SERVERS (redis auto; the
# others are values of connection-threads), KEYLOT_SERVER (build/keylot-server).
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
    echo "tail: server $1 did not start:" >&2
    cat "$work/$1.log" >&2
    exit 1
}

for server in ${TAIL_SERVERS:-redis auto}; do start "$server"; done
options=(-r "${TAIL_ROUNDS:-3}" -t "${TAIL_SECONDS:-5}" -x "${TAIL_DIVISOR:-1}" -d "$work/plot")
for row in ${TAIL_ROWS:-}; do options+=(-w "$row"); done
for clients in ${TAIL_CLIENTS:-1 4}; do options+=(-c "$clients"); done
{
    "$program" "${options[@]}" "${servers[@]}"
    echo
    echo "redis-server $(redis-server --version | sed 's/.*v=\([^ ]*\).*/\1/'), keylot $("$keylot" --version | awk '{print $NF}')"
} >"$work/tail.txt"
cat "$work/tail.txt"
[ -z "${TAIL_ROWS:-}" ] && [ "${TAIL_DIVISOR:-1}" = 1 ] || exit 0
mkdir -p bench/results
cp "$work/tail.txt" bench/results/tail.txt
columns=$(head -n 1 "$work/plot" | grep -o '"[^"]*"' | wc -l)
gnuplot -e "data='$work/plot'; out='docs/tail.svg'; columns=$columns" bench/tail_plot.gp
echo docs/tail.svg
