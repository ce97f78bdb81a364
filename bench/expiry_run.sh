#!/bin/bash
# usage: bench/expiry_run.sh PROGRAM
# Starts redis-server and Keylot, runs the expiry bench against both and keeps its table in
# bench/results/expiry.txt. A run with other sizes only prints it.
# Environment: EXPIRY_KEYS (1000000), EXPIRY_SECONDS (60; with it a run takes 165 s), EXPIRY_SERVERS
# (redis auto; the others are values of connection-threads), KEYLOT_SERVER (build/keylot-server).
set -euo pipefail
cd "$(dirname "$0")/.."
program=$1
. bench/servers.sh
servers=()
for server in ${EXPIRY_SERVERS:-redis auto}; do
    servers_start "$server"
    servers+=("$(servers_label "$server"):${port[$server]}:${pid[$server]}")
done
{
    "$program" -n "${EXPIRY_KEYS:-1000000}" -s "${EXPIRY_SECONDS:-60}" "${servers[@]}"
    echo
    servers_versions
} >"$work/expiry.txt"
cat "$work/expiry.txt"
[ -z "${EXPIRY_KEYS:-}${EXPIRY_SECONDS:-}" ] || exit 0
mkdir -p bench/results
cp "$work/expiry.txt" bench/results/expiry.txt
