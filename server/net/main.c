// SPDX-License-Identifier: MIT
//
// The server program.
#include <stdio.h>

#include "version.inc"

int main(void)
{
    puts("keylot-server " KEYLOT_VERSION);
    return 0;
}
