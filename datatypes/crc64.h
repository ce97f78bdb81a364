// SPDX-License-Identifier: MIT
//
// The checksum at the end of a DUMP payload: CRC-64 with Jones's polynomial, bits reflected, begun
// with 0 and not inverted. Of "123456789" it is e9c6d914c4b8d9ca.
#pragma once

#include <stddef.h>
#include <stdint.h>

// The checksum of what `crc` is the checksum of (0: of nothing), followed by these bytes.
uint64_t crc64(uint64_t crc, const void *data, size_t len);
