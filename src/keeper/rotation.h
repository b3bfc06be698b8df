/* keeper/rotation - a domain's DKIM keys are changed: made, waited for in the DNS, used, destroyed.
 *
 * What is to be done says keeper/rotation_step; here it is done, step by step, each kept in the state before it counts, so
 * that a crash leaves a phase that goes on. Thread-safe. */
#pragma once

#include "base/error.h"

#include "letter/dkim_rotation.h"
#include "requests/signer.h"

struct keeper;
struct rotations;

/* Read what the state says of our domains. */
bool rotations_open(struct keeper *k, struct error *e) MUST_CHECK;
void rotations_free(struct rotations *r);

/* Whether letters are signed with this DKIM key now. */
bool rotation_signs(struct keeper *k, const struct signer_key *key);

/* A thread: looks at all domains every now and then. */
void keeper_rotate(void *keeper);
