/* letter/about - the records that are about one letter. Each begins with the letter's id, so that it can say itself
 * whose it is, whoever says where it stands. */
#pragma once

#include "letter/records.h"

/* The schema of records of a type that are about a letter, facts and content among them; NULL: it is another type. The
 * first member of its struct is the id, a slice. */
const struct cbor_schema *letter_record_schema(uint16_t type);
