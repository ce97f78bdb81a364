// SPDX-License-Identifier: MIT
#include "bench/common.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double bench_median(double *values, int n)
{
    qsort(values, (size_t)n, sizeof(*values), compare_doubles);
    return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

static void print_cpu_model(void)
{
    char line[256];
    FILE *info = fopen("/proc/cpuinfo", "r");
    while (info != NULL && fgets(line, sizeof(line), info) != NULL) {
        char *value = strstr(line, ": ");
        if (strncmp(line, "model name", 10) == 0 && value != NULL) {
            printf("%.*s, ", (int)strcspn(value + 2, "\n"), value + 2);
            break;
        }
    }
    if (info != NULL)
        fclose(info);
}

void bench_print_machine(const char *title, double load)
{
    struct utsname os;
    char date[32];
    time_t now = time(NULL);
    strftime(date, sizeof(date), "%Y-%m-%d", gmtime(&now));
    printf("%s, %s\n", title, date);
    print_cpu_model();
    printf("%ld CPUs, ", sysconf(_SC_NPROCESSORS_ONLN));
    if (uname(&os) == 0)
        printf("%s %s, %s, ", os.sysname, os.release, os.machine);
    printf("gcc " __VERSION__ "\nload average before the run: %.1f\n", load);
}

static void goal(struct goals *goals, const char *what, double value, const char *unit, bool upper,
                 double limit)
{
    bool met = upper ? value <= limit : value >= limit;
    goals->met += met;
    goals->missed += !met;
    fprintf(goals->to, "  %-6s %-58s %8.3g%s (at %s %.3g)\n", met ? "met" : "MISSED", what, value,
            unit, upper ? "most" : "least", limit);
}

void goals_at_most(struct goals *goals, const char *what, double value, const char *unit,
                   double limit)
{
    goal(goals, what, value, unit, true, limit);
}

void goals_at_least(struct goals *goals, const char *what, double value, const char *unit,
                    double limit)
{
    goal(goals, what, value, unit, false, limit);
}
