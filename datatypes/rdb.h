// SPDX-License-Identifier: MIT
//
// Redis's serialised form of a value, as DUMP answers and RESTORE takes it:
//
//     [type, 1 byte] [the value, as the type says] [version, 2 bytes] [crc64 of all before, 8
//     bytes]
//
// Numbers of fixed size are little-endian, but for lengths. A length (of a text, or a count) says
// in the two highest bits of its first byte how it goes on:
//
//     00xxxxxx                           0..63
//     01xxxxxx xxxxxxxx                  0..16383
//     10000000 + 4 bytes, big-endian     32 bits
//     10000001 + 8 bytes, big-endian     64 bits
//     11xxxxxx                           no length: the text is an integer, or compressed
//
// A text is a length and so many bytes; or 11000000, 11000001, 11000010 and a signed integer of 1,
// 2, 4 bytes, which stands for its decimal text; or 11000011, compressed length, length, and bytes
// compressed with LZF.
#pragma once

enum {
    RDB_VERSION = 10,      // of Redis 7.0
    RDB_FOOTER_BYTES = 10, // version and checksum
};

// What a value is written as. Those with one blob hold the memory of one of Redis's compact
// encodings as a text.
enum rdb_type {
    RDB_STRING = 0,           // a text
    RDB_LIST = 1,             // count, texts
    RDB_SET = 2,              // count, texts
    RDB_ZSET = 3,             // count, texts each with a score in decimal
    RDB_HASH = 4,             // count of pairs, texts
    RDB_ZSET_2 = 5,           // count, texts each with a score as a double
    RDB_HASH_ZIPMAP = 9,      // blob
    RDB_LIST_ZIPLIST = 10,    // blob
    RDB_SET_INTSET = 11,      // blob
    RDB_ZSET_ZIPLIST = 12,    // blob: members and scores by turns, as in the listpack
    RDB_HASH_ZIPLIST = 13,    // blob: fields and values by turns, as in the listpack
    RDB_LIST_QUICKLIST = 14,  // count, ziplists
    RDB_HASH_LISTPACK = 16,   // blob
    RDB_ZSET_LISTPACK = 17,   // blob
    RDB_LIST_QUICKLIST_2 = 18 // count, nodes: kind, and a text that is one element or a listpack
};

// The kinds of nodes of a RDB_LIST_QUICKLIST_2.
enum { RDB_NODE_PLAIN = 1, RDB_NODE_PACKED = 2 };

// First bytes of lengths and of texts that do not begin with a length.
enum {
    RDB_LEN_14_BITS = 0x40,
    RDB_LEN_32_BITS = 0x80,
    RDB_LEN_64_BITS = 0x81,
    RDB_TEXT_INT8 = 0xc0,
    RDB_TEXT_INT16 = 0xc1,
    RDB_TEXT_INT32 = 0xc2,
    RDB_TEXT_LZF = 0xc3,
};
