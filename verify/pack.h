/* verify/pack - a pack in a segment's place: docs/ledger-format.md section 12. */
#pragma once

#include "verify/check.h"

/* Check a pack and its payload files. */
void pack_check(struct check *c, struct input *in, uint32_t number,
                const struct successor *successor);

/* What pack `number`'s start says of the segment before. */
void pack_successor(struct check *c, struct input *in, uint32_t number, struct successor *out);
