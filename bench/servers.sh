# What the bench scripts share; sourced. Servers on free loopback ports, ended with the script.
#
#   servers_start redis|VALUE   redis-server, or Keylot with that value of connection-threads; waits
#                               until it answers. Then ${port[$1]} and ${pid[$1]}.
#   servers_label redis|VALUE   its name in tables
#   servers_versions            one line for the end of a report
#   $work                       a folder that goes with the script
#
# Environment: KEYLOT_SERVER (build/keylot-server).
keylot=${KEYLOT_SERVER:-build/keylot-server}
work=$(mktemp -d)
declare -A pid port

servers_end() {
    for server in "${!pid[@]}"; do
        kill "${pid[$server]}" 2>/dev/null && wait "${pid[$server]}" 2>/dev/null || true
        unset "pid[$server]"
    done
}
trap 'servers_end; rm -rf "$work"' EXIT

# free_port: a port that nobody listens on at this moment.
free_port() {
    local p
    for _ in $(seq 50); do
        p=$((20000 + RANDOM % 20000))
        (exec 3<>"/dev/tcp/127.0.0.1/$p") 2>/dev/null || { echo "$p"; return; }
    done
    return 1
}

servers_start() {
    port[$1]=$(free_port)
    if [ "$1" = redis ]; then
        redis-server --port "${port[$1]}" --bind 127.0.0.1 --save '' --appendonly no --daemonize no \
            --dir "$work" >"$work/$1.log" 2>&1 &
    else
        "$keylot" --port "${port[$1]}" --connection-threads "$1" >"$work/$1.log" 2>&1 &
    fi
    pid[$1]=$!
    for _ in $(seq 100); do
        redis-cli -p "${port[$1]}" ping >/dev/null 2>&1 && return
        sleep 0.05
    done
    echo "$(basename "$0"): server $1 did not start:" >&2
    cat "$work/$1.log" >&2
    exit 1
}

servers_label() {
    case $1 in
        redis) echo redis-server ;;
        auto) echo keylot ;;
        *) echo "keylot-$1" ;;
    esac
}

servers_versions() {
    echo "redis-server $(redis-server --version | sed 's/.*v=\([^ ]*\).*/\1/'), keylot $("$keylot" --version | awk '{print $NF}')"
}
