/* formats/scrub/properties - the parts in which office documents say who made them: what leads to them, and what takes their place, so that
 * whatever refers to them finds them. For this module alone. Pure. */
#pragma once

#include "base/slice.h"

/* Which of them a part is by its usual name, counted from 1; 0: none. */
unsigned property_of_name(struct slice name);

/* Which of them a relationship of the package leads to by its type, counted from 1; 0: none. .NET names such a part anew in each
 * document, and only this says what it is (ISO 29500-2 section 8.3.2). */
unsigned property_of_type(struct slice type);

/* One that says nothing. */
struct slice property_empty(unsigned which);

/* What a part says that goes with all that refers to it, by its type in [Content_Types].xml, such as comments; NULL: it stays. */
const char *property_word_of_type(struct slice type);
