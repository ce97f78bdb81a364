// SPDX-License-Identifier: MIT
//
// Makes a value of its serialised form (rdb.h), whatever bytes come as one. All encodings that
// Redis 7.0 reads are accepted, but for streams and modules. A value that no commands could have
// made (empty, a member twice, a score that is no number) is STATUS_BAD_DATA.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "datatypes/status.h"
#include "datatypes/value.h"

// Whether the payload ends with a version that is known here, and with its checksum. In steps
// (type_step()).
bool rdb_check(struct type_ctx *, const char *payload, size_t len);

// The value of a payload that was checked, private and without an expire time. In steps. Both
// failures leave nothing behind.
enum status rdb_load(struct type_ctx *, const char *payload, size_t len, struct value *out);

// Estimates the work of rdb_load(), as type_step() counts it, from the first bytes of the payload.
uint64_t rdb_load_work(const struct type_limits *, const char *payload, size_t len);
