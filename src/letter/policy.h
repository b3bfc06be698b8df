/* letter/policy - the policy by which letters are decided, as it was in force.
 *
 * docs/ledger-format.md has the bytes. The rules of letter/records.h hold here too; which includes this. */
#pragma once

#include "formats/cbor/cbor.h"

#define LABELS_MAX      64                /* of a letter: as many as there may be */
#define POLICY_TEXT_MAX ((size_t)2 << 20) /* bytes: more than any configuration file can say */

/* RECORD_POLICY: from here on letters are decided by it. Written when it changed, before the first of them. */
struct policy_record {
    uint64_t version;    /* counts from 1 */
    struct slice digest; /* SHA-256 of the text */
    struct slice
        text; /* the sections, always written in the same way; empty: there are none any more */
};

extern const struct cbor_schema policy_record_schema;
