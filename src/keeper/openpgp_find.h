/* keeper/openpgp_find - keys of recipients in Web Key Directories, when the setting says so.
 *
 * Asked by whoever looks for a key, and waits for it a few seconds at most: once a day for an address, and for a domain that
 * does not answer; and so many a minute, letters that are sent and keys that are offered each for itself. What was asked is remembered in memory alone. Thread-safe. */
#pragma once

#include "base/arena.h"

#include "letter/records.h"

struct keeper;

/* Keep the key that a letter which is taken in offers, when that is set: once a day the same one. */
void openpgp_harvest(struct keeper *k, const struct facts *f, int content_fd, struct arena *arena);

/* Whether the keys of an address are others now. NOT_NOW: another thread asks for them, too much was asked in this minute, or nobody can
 * be asked: whether there is a key is not known. */
enum openpgp_found { OPENPGP_SAME, OPENPGP_CHANGED, OPENPGP_NOT_NOW };

/* Look for the key of an address, unless that was done of late or no [policy] section names openpgp. What the directory has
 * now takes the place of all that was found there before; when it answers that it has none that can be used, those go. */
enum openpgp_found openpgp_find(struct keeper *k, struct slice address, struct arena *arena);
