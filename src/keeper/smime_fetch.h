/* keeper/smime_fetch - what authorities publish of their certificates, by HTTP and the courier: lists, and answers to questions.
 *
 * They are bytes here, which prove themselves in an inspector. Thread-safe. */
#pragma once

#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"

struct keeper;

struct smime_fetch_wish {
    struct slice url;      /* which a certificate said */
    struct slice question; /* DER of an OCSP request, sent by POST; empty: GET */
    size_t answer_max;
    int64_t until_ms; /* steady clock */
};

/* Fetch it, from a public address alone; out's maximum is at least answer_max. The error's text may name the URL: it is not for logs. */
bool smime_fetch(struct keeper *k, const struct smime_fetch_wish *wish, struct arena *arena,
                 struct buf *out, struct error *e) MUST_CHECK;

/* A reason for a log line, which names nothing. */
const char *smime_fetch_reason(const struct error *e);
