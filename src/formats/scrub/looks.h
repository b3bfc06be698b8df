/* formats/scrub/looks - whether a drawing is drawn otherwise when elements and attributes of it go. For this module alone. Pure. */
#pragma once

#include <stdbool.h>

#include "base/slice.h"

/* Whether a style chooses elements by their places among others, or by their attributes (Selectors Level 4). */
bool looks_depend(struct slice style);

/* How many '#' are in it: so often looks_refer() compares. */
size_t looks_references(struct slice drawing);

/* Whether something refers to an element by its id. */
bool looks_refer(struct slice drawing, struct slice id);
