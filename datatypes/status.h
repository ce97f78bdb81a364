// SPDX-License-Identifier: MIT
//
// Results of operations below the command layer. The engine turns them into error replies at one
// place (cmd_reply_status).
#pragma once

enum status {
    STATUS_OK = 0,
    STATUS_NO_MEMORY,   // an allocation failed; nothing was changed
    STATUS_WRONG_TYPE,  // the key holds another kind of value
    STATUS_NOT_INTEGER, // not an integer, or out of range
    STATUS_NOT_FLOAT,   // not a valid float
    STATUS_OVERFLOW,    // the increment or decrement would overflow
    STATUS_NAN_OR_INF,  // the increment would produce NaN or infinity
    STATUS_TOO_LONG,    // the string would pass proto-max-bulk-len
    STATUS_NOT_FOUND,   // what was asked for is not there
    STATUS_BAD_DATA,    // a serialised value is none
};
