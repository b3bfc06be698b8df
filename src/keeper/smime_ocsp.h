/* keeper/smime_ocsp - answers of authorities' responders (OCSP, RFC 6960), asked by courier and kept in memory until they end.
 *
 * Questions are made and answers verified by an inspector: they are bytes here. Thread-safe. */
#pragma once

#include "base/arena.h"

#include "requests/smime.h"

struct keeper;

/* For one judgement; filled by smime_ocsp_get(). */
struct smime_ocsp {
    const struct cbor_list *questions;          /* struct smime_ask_of */
    struct smime_list answers[SMIME_LISTS_MAX]; /* one for each; empty: it could not be had */
    bool fetched[SMIME_LISTS_MAX];              /* now, not known before */
};

/* The answers to up to SMIME_LISTS_MAX questions, as far as they can be had within five seconds for all; in the arena. Nobody is asked in
 * a network that is not public. */
void smime_ocsp_get(struct keeper *k, const struct cbor_list *questions, struct arena *arena,
                    struct smime_ocsp *out);

/* Keep what was fetched until it ends, as an inspector says (struct smime_until, one for each answer), but half a day at most; what is
 * of no use is asked for again after five minutes. */
void smime_ocsp_keep(const struct smime_ocsp *o, const struct cbor_list *until);
