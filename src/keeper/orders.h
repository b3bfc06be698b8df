/* keeper/orders - what becomes of letters in the queue by our own order; a person's are requests (keeper/handlers.h). */
#pragma once

#include "base/arena.h"
#include "base/error.h"

#include "letter/id.h"

struct keeper;

/* Send a letter back that is to go back, or one ruling of it, which counts from 1: an outcome and a notice, with the reason of a
 * policy, or without the letter's text when malware was found in it. */
bool orders_send_back(struct keeper *k, const struct letter_id *id, uint64_t ruling,
                      struct error *e) MUST_CHECK;
