/* processes/signer_maker - the thread that makes keys.
 *
 * Whoever answers the keeper does so with what time others leave, since signatures are wanted behind a letter's 250. A key
 * takes seconds of one processor and somebody waits for it, so that on a busy machine it would never be done: it is made by a
 * thread that never became one of those. Thread-safe; one key at a time. */
#pragma once

#include "processes/signer_keys.h"

/* Start it, before the process serves anybody; it runs until the process ends. */
bool signer_maker_start(struct signer_store *keys, struct error *e) MUST_CHECK;

/* As signer_store_new(). */
bool signer_maker_new(const struct signer_new_ask *ask, struct arena *arena, struct signer_key *out,
                      struct error *e) MUST_CHECK;
