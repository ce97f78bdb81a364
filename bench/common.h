// SPDX-License-Identifier: MIT
// What the benches share: the machine they ran on, medians, goals.
#pragma once

#include <stdio.h>

// Sorts the values.
double bench_median(double *values, int n);

// Prints the title with the date, and the machine. load: of the minute before the first round.
// Above about 0.5 others were at work, too.
void bench_print_machine(const char *title, double load);

// Goals that are printed as they are checked, one a line.
struct goals {
    FILE *to;
    int met, missed;
};

void goals_at_most(struct goals *goals, const char *what, double value, const char *unit,
                   double limit);
void goals_at_least(struct goals *goals, const char *what, double value, const char *unit,
                    double limit);
