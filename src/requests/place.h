/* requests/place - whether two spellings of a backup target name the same place.
 *
 * A scheme's own port, slashes at an end of the path, the case of a host's letters and a dot behind it tell no
 * places apart. Nothing is looked up: two names of one machine are two places. */
#pragma once

#include "base/slice.h"

/* Whether they are the same, whatever they are: two texts of which nothing is understood are when they are equal. */
bool place_same(struct slice a, struct slice b);
