/* keeper/secrets_parts - what the files of keeper/secrets share. */
#pragma once

#include "keeper/secret_marks.h"
#include "keeper/secrets.h"

/* The key of all marks; without one, nobody was ever told a password. */
bool secrets_marks_key(struct keeper *k, bool make, struct arena *arena, struct slice *key,
                       bool *found, struct error *e) MUST_CHECK;

/* The marks of a recipient; none is an empty list. */
bool secrets_read_marks(struct keeper *k, struct slice address, struct arena *arena,
                        struct secret_marks *out, struct error *e) MUST_CHECK;
