/* keeper/secrets_parts - what the files of keeper/secrets share. */
#pragma once

#include "keeper/secret_marks.h"
#include "keeper/secrets.h"

/* The name of a value about an address, or another text without regard to its case: a hash of it. */
struct slice secrets_name(const char *kind, struct slice address, struct arena *arena);

/* Whether it is an address, and no domain. */
bool secrets_is_address(struct slice address);

/* The key of all marks; without one, nobody was ever told a password. */
bool secrets_marks_key(struct keeper *k, bool make, struct arena *arena, struct slice *key,
                       bool *found, struct error *e) MUST_CHECK;

/* The marks of a recipient; none is an empty list. */
bool secrets_read_marks(struct keeper *k, struct slice address, struct arena *arena,
                        struct secret_marks *out, struct error *e) MUST_CHECK;
