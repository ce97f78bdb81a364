# SPDX-License-Identifier: MIT
# The tail bench as an SVG. Called by tail_run.sh, which sets: data, out, columns (of figures).
set terminal svg noenhanced size 1100,460 font 'sans-serif,12' background rgb 'white'
set output out
array colour[8] = ['#e59866', '#c0392b', '#58a4d8', '#0b3c5d', '#82c99a', '#1e8449', '#b2babb', '#5d6d7e']
set title 'A small command beside other clients'' heavy ones: 99th percentile of its wait in ms' font ',14'
set grid ytics lc rgb '#dddddd'
set border 3
set tics nomirror
set xtics rotate by -25
set datafile missing '-'
set style data histogram
set style histogram clustered gap 1
set style fill solid noborder
set boxwidth 0.9
set logscale y
set format y '%g'
set yrange [0.05:*]
set key outside above maxrows 1
# The goal.
set arrow from graph 0, first 5 to graph 1, first 5 nohead dt 2 lw 1.5 lc rgb '#555555' front
set label 'goal: 5 ms' at graph 0, first 5 left offset 0.5, 0.6 tc rgb '#555555' front
plot for [i = 2:columns + 1] data using i:xticlabels(1) title columnheader(i) lc rgb colour[i - 1]
