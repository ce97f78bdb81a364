#!/bin/sh
# usage: bench/locks_run.sh PROGRAM
# Runs the lock bench, keeps its tables in bench/results/locks.txt and draws docs/locks-*.svg.
# Environment: LOCKS_ROUNDS (5; a round takes about 35 s).
set -eu
cd "$(dirname "$0")/.."
program=$1
data=$(mktemp -d)
trap 'rm -rf "$data"' EXIT
mkdir -p bench/results
"$program" -r "${LOCKS_ROUNDS:-5}" -d "$data" >"$data/locks.txt"
cp "$data/locks.txt" bench/results/locks.txt
cat bench/results/locks.txt

# plot EXPERIMENT TITLE WHOSE: operations per thread and waits longer than, side by side.
plot() {
    gnuplot -e "ops='$data/$1.ops'; waits='$data/$1.waits'; title='$2'; whose='$3'; \
        out='docs/locks-$1.svg'" bench/locks_plot.gp
    echo "docs/locks-$1.svg"
}
plot long '8 threads, each holds the mutex for 500 us' 'all threads'
plot hog-long 'A hog holds for 500 us, 7 threads for 1 us and sleep 100 us between' 'the 7 normal threads'
plot hog-short 'A hog locks again at once, 7 threads sleep 100 us between; 800 ns holds' \
    'the 7 normal threads'
