// SPDX-License-Identifier: MIT
//
// Makes serialised values by hand, in every encoding that Redis has had, for tests of who reads
// them. Written apart from the server's own writer and checksum.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "tests/lib/strbuf.h"

// The pieces of a payload, added to `p`.
void payload_byte(struct strbuf *p, unsigned byte);
void payload_number(struct strbuf *p, uint64_t n, size_t nbytes); // little-endian
void payload_length(struct strbuf *p, uint64_t n);
void payload_text(struct strbuf *p, const char *text, size_t len);
#define PAYLOAD_TEXT(p, literal) payload_text(p, "" literal, sizeof(literal) - 1)
// The same, compressed.
void payload_lzf(struct strbuf *p, const char *text, size_t len);
// Blobs as texts, of entries given as words; those that look like integers become such. "_" is the
// empty text.
void payload_listpack(struct strbuf *p, const char *words);
void payload_ziplist(struct strbuf *p, const char *words);
void payload_zipmap(struct strbuf *p, const char *words);
// A listpack of one text of `len` letters.
void payload_listpack_long(struct strbuf *p, size_t len);

// The footer: that version, and the checksum.
void payload_end(struct strbuf *p, unsigned version);
// Checksum bit by bit.
uint64_t payload_crc(const char *data, size_t len);
