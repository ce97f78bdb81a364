// SPDX-License-Identifier: MIT
//
// Eight bytes a step: tables[k][b] is what the byte b, followed by k zero bytes, does to the
// checksum, so the eight bytes of a word are looked up independently of each other.
#include "datatypes/crc64.h"

#include <endian.h>
#include <stdbool.h>
#include <string.h>

#include "locks/once.h"

enum { WORD = 8, BYTE_VALUES = 256 };

static const uint64_t POLYNOMIAL = 0x95ac9329ac4bc9b5; // ad93d23594c935a9, its bits in reverse

static uint64_t tables[WORD][BYTE_VALUES];
static struct once tables_made = ONCE_INIT;

static bool make_tables(void *arg)
{
    (void)arg;
    for (unsigned b = 0; b < BYTE_VALUES; b++) {
        uint64_t crc = b;
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? POLYNOMIAL : 0);
        tables[0][b] = crc;
    }
    for (unsigned b = 0; b < BYTE_VALUES; b++) {
        for (int k = 1; k < WORD; k++) {
            uint64_t before = tables[k - 1][b];
            tables[k][b] = before >> 8 ^ tables[0][before & 255];
        }
    }
    return true;
}

static uint64_t add_word(uint64_t crc, const unsigned char *at)
{
    uint64_t word, sum = 0;

    memcpy(&word, at, sizeof word);
    word = le64toh(word) ^ crc;
    for (int i = 0; i < WORD; i++)
        sum ^= tables[WORD - 1 - i][word >> (8 * i) & 255];
    return sum;
}

uint64_t crc64(uint64_t crc, const void *data, size_t len)
{
    const unsigned char *at = data;

    once_run(&tables_made, make_tables, NULL);
    for (; len >= WORD; at += WORD, len -= WORD)
        crc = add_word(crc, at);
    for (; len > 0; at++, len--)
        crc = crc >> 8 ^ tables[0][(crc ^ *at) & 255];
    return crc;
}
