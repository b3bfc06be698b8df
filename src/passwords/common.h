/* passwords/common - the list of common passwords, a filter (passwords/filter) in the program itself.
 *
 * Made from common.filter when the program is built; docs/password-filter.md says of what that is made. */
#pragma once

#include <stddef.h>
#include <stdint.h>

extern const uint8_t password_common_bytes[];
extern const size_t password_common_len;
