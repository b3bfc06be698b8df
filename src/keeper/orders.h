/* keeper/orders - what becomes of letters in the queue by our own order; a person's are requests (keeper/handlers.h). */
#pragma once

#include "base/arena.h"
#include "base/error.h"

#include "letter/id.h"

struct keeper;

/* Send a letter back in which malware was found: an outcome and a notice without its text. */
bool orders_send_back(struct keeper *k, const struct letter_id *id, struct arena *arena,
                      struct error *e) MUST_CHECK;
