/* processes/scanner_geo - in which country, and where, an address is, by a database of MaxMind's form (libmaxminddb).
 *
 * The file is opened before the process is locked in, and stays mapped: it is never read anew. One for the process; looking up is
 * thread-safe. */
#pragma once

#include "base/arena.h"
#include "base/error.h"

#include "requests/scanner.h"

/* Open the file. False with ERROR_CONFIG: then nothing is known of any address. */
bool geo_open(struct slice path, struct error *e) MUST_CHECK;

/* Look an address up; what is not known stays empty. The country lives in the arena. */
void geo_find(struct slice address, struct arena *arena, struct scanner_locate_answer *out);
