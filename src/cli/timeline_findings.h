/* cli/timeline_findings - what the inspector and others found in a letter, in words. Pure; whatever came from outside is cleaned. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"

#include "letter/findings.h"

/* Append the lines of one record of findings. */
void timeline_findings(const struct findings *f, struct arena *arena, struct buf *out);
