/* formats/mbox/internal - what a "From " line holds, for both files. */
#pragma once

#include "base/slice.h"

/* A time and a year: enough behind an empty line. */
bool mbox_is_dated(struct slice from_line);

/* The names of a day and a month as well. */
bool mbox_is_certain(struct slice from_line);
