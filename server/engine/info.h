// SPDX-License-Identifier: MIT
//
// The sections of INFO. Each is a function that appends `name:value` lines to a text; a new section
// is one row of the table in info.c.
//
// Only what is measured or certain is reported. A field that Redis has and that can have but one
// value here (role:master, loading:0) is given, since clients and exporters look for it; a field
// about something that does not exist here is left out.
#pragma once

#include <stdint.h>

#include "resp/bytes.h"

struct kl_store;
struct textbuf;

// The sections that a word of INFO's arguments names, as a set of bits: one section, "default",
// "all" or "everything". 0 for an unknown word.
uint32_t info_named(struct bytes word);
// The sections of INFO without an argument.
uint32_t info_default(void);

// Appends the sections in their order, each with its "# Name" line and a blank line between.
// Thread-safe; takes the short locks of the client lists and of the configuration.
void info_write(struct kl_store *, uint32_t sections, struct textbuf *);
