// SPDX-License-Identifier: MIT
#include "tests/lib/chance.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <math.h>

#include <cmocka.h>

void assert_uniform(const unsigned *frequency, size_t cells, const char *what)
{
    double total = 0, chi2 = 0, df = (double)cells - 1;
    for (size_t i = 0; i < cells; i++)
        total += frequency[i];
    for (size_t i = 0; i < cells; i++) {
        double off = frequency[i] - total / (double)cells;
        chi2 += off * off / (total / (double)cells);
    }
    // Wilson and Hilferty's approximation at 5 sigma.
    double limit = df * pow(1 - 2 / (9 * df) + 5 * sqrt(2 / (9 * df)), 3);
    if (chi2 > limit)
        fail_msg("%s: chi-square %.1f with %.0f degrees of freedom, limit %.1f", what, chi2, df,
                 limit);
}
