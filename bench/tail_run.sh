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
. bench/servers.sh
servers=()
for server in ${TAIL_SERVERS:-redis auto}; do
    servers_start "$server"
    servers+=("$(servers_label "$server"):${port[$server]}:${pid[$server]}")
done
options=(-r "${TAIL_ROUNDS:-3}" -t "${TAIL_SECONDS:-5}" -x "${TAIL_DIVISOR:-1}" -d "$work/plot")
for row in ${TAIL_ROWS:-}; do options+=(-w "$row"); done
for clients in ${TAIL_CLIENTS:-1 4}; do options+=(-c "$clients"); done
{
    "$program" "${options[@]}" "${servers[@]}"
    echo
    servers_versions
} >"$work/tail.txt"
cat "$work/tail.txt"
[ -z "${TAIL_ROWS:-}" ] && [ "${TAIL_DIVISOR:-1}" = 1 ] || exit 0
mkdir -p bench/results
cp "$work/tail.txt" bench/results/tail.txt
columns=$(head -n 1 "$work/plot" | grep -o '"[^"]*"' | wc -l)
gnuplot -e "data='$work/plot'; out='docs/tail.svg'; columns=$columns" bench/tail_plot.gp
echo docs/tail.svg
