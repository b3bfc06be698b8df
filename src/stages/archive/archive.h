/* stages/archive - what a letter's facts record says, from envelope, session and header.
 *
 * Pure. What came from outside is made valid UTF-8 and cut to the record's bounds here, so that a
 * strange header can never keep a letter out of the ledger. */
#pragma once

#include "base/arena.h"

#include "formats/mail/facts.h"
#include "letter/records.h"

/* What is known beside the header; members as in struct facts. */
struct archive_submission {
    uint64_t received_at;
    struct slice account;
    struct cbor_list groups; /* texts */
    struct behalf behalf;
    struct slice mechanism;
    struct slice app;
    struct slice app_name;
    struct slice client;
    struct slice helo;
    struct slice tls_version;
    struct slice tls_cipher;
    struct slice reverse_path;
    struct cbor_list recipients; /* struct recipient */
    struct slice envelope_id;
    uint64_t dsn_return;
    bool smtputf8;
    bool body_8bit;
    uint64_t size;
    struct slice digest;
};

/* Fill *out as facts of a submitted letter without id; it lives in the arena and in `about`. */
void archive_facts(const struct archive_submission *about, const struct mail_facts *header,
                   struct arena *arena, struct facts *out);
