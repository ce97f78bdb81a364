# SPDX-License-Identifier: MIT
# One experiment of the lock bench as an SVG. Called by locks_run.sh, which sets: ops, waits (data
# files), title, whose (waits are shown), out.
set terminal svg noenhanced size 1100,440 font 'sans-serif,12' background rgb 'white'
set output out
set multiplot layout 1,2 title title font ',14'
array colour[6] = ['#1b6ca8', '#58a4d8', '#0b3c5d', '#c0392b', '#e59866', '#7f8c8d']
set grid ytics lc rgb '#dddddd'
set border 3
set tics nomirror

# Left: one cluster a thread, one bar a lock.
set title 'operations per thread'
set style data histogram
set style histogram clustered gap 1
set style fill solid noborder
set boxwidth 0.9
set logscale y
set yrange [0.8:*]
set key above maxrows 2 font ',10'
plot for [i = 2:7] ops using (column(i) > 0 ? column(i) : 0.8):xticlabels(1) \
    title columnheader(i) lc rgb colour[i - 1]

# Right: share of the waits that took longer than x. Starved threads are the tail.
set title 'share of waits longer than, '.whose
set xlabel 'ms'
set logscale xy
set xrange [0.00005:3000]
set yrange [*:1.2]
set format x '%g'
set format y '%.0e'
set grid xtics ytics lc rgb '#dddddd'
plot for [i = 0:5] waits index i using 1:2 with lines lw 2 lc rgb colour[i + 1] \
    title columnheader(1)
unset multiplot
