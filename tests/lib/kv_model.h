// SPDX-License-Identifier: MIT
//
// A sequential model of a small keyspace for linearize.h: strings, sets, hashes, lists, sorted sets
// and what all keys have in common, in one database, without expire times. Scores are integers. It
// runs a command on a state and compares its own reply with the recorded one; where chance decides
// (SPOP) it goes by the recorded reply, and where there is none it tries everything that may have
// happened.
//
// A new type of values is a member of enum kv_type (kv_value.h) and a file of commands like
// kv_set.c, listed in kv_model.c.
#pragma once

#include "tests/lib/linearize.h"

extern const struct linear_model kv_model;
