/* formats/openpgp/autocrypt - the Autocrypt field of a letter: the key that its sender wants answers to be encrypted with
 * (Autocrypt Level 1, section 2.1.1). Nobody vouches for it. Pure. */
#pragma once

#include "base/arena.h"

#define AUTOCRYPT_VALUE_MAX ((size_t)24 << 10) /* of a field that is looked at */

struct autocrypt {
    struct slice address; /* as it stands there */
    struct slice key;     /* binary, not looked at */
};

/* Read the value of a field, folded as it is. False when it is none, too long, or has an attribute that we would have to
 * know. The key comes from the arena. */
bool autocrypt_read(struct slice value, struct arena *arena, struct autocrypt *out)
    __attribute__((warn_unused_result));
