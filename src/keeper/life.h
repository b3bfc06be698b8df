/* keeper/life - whose files a life of the inspector reads: one sender's, or those about one address, and never those of two together.
 *
 * A tag is equal for the same one, and says nothing about who that is. Pure. */
#pragma once

#include "letter/records.h"
#include "requests/inspector.h"

/* Of who sent a letter; of one that was imported, its import. */
void keeper_life_of_sender(const struct facts *f, uint8_t tag[static INSPECTOR_SENDER_LEN]);

/* Of an address or domain, in lower case, for keys that are said to be its. */
void keeper_life_of_address(struct slice address, uint8_t tag[static INSPECTOR_SENDER_LEN]);
