/* requests/consent - letters that a second person must let go, over the sockets of keeper and reader; and over the keeper's channel
 * from the reader, whether somebody may see one. */
#pragma once

#include "ipc/ipc.h"
#include "letter/records.h"
#include "requests/reader.h"

#define CONSENTS_LISTED_MAX 200

/* letter_waiting: the oldest of those that the caller may approve, and his own; who runs the system gets all, without what is in them. */
struct letter_waiting_row {
    struct slice id;
    struct slice rule;
    struct slice account; /* who sent it */
    struct slice subject;
    uint64_t recipients;
    uint64_t size;
    uint64_t received_at;
    uint64_t until;
    bool may;         /* the caller may approve it */
    struct slice who; /* "role officer, group leads" */
};

struct letter_waiting_answer {
    struct cbor_list rows; /* struct letter_waiting_row, the oldest first */
};

extern const struct ipc_message letter_waiting;

/* letter_verdict: the second person's word. */
struct letter_verdict_ask {
    struct slice id;
    uint64_t state; /* CONSENT_APPROVED or CONSENT_REFUSED */
    struct slice reason;
};

struct letter_verdict_answer {
    bool held; /* approved, and it stays: its sender is suspended, or somebody ordered so */
};

extern const struct ipc_message letter_verdict;

/* keeper_consent: from reader. May this account approve this letter, and therefore see it? */
struct keeper_consent_ask {
    struct slice id;
    struct slice account;
};

struct keeper_consent_answer {
    bool may;
    struct slice
        digest; /* SHA-256 of the copy that would leave, or of several copies' digests: no others are to be shown */
};

extern const struct ipc_message keeper_consent;

/* reader_waiting: the letter as it would leave, as a sealed memfd, with what is recorded of it; where its content is protected
 * for all, as it was submitted. */
struct reader_waiting_ask {
    struct slice id;
    uint64_t copy; /* one of its copies, byte for byte; 0: what a person can read */
};

#define READER_WAITING_MAX (3 + LETTER_RECIPIENTS_MAX)

struct reader_waiting_answer {
    struct cbor_list
        records; /* struct reader_record: facts, findings, decision, sealed copies without their edits */
    uint64_t size;  /* of the bytes */
    bool cut;       /* to its header: a malware scanner keeps it back */
    bool submitted; /* as it came: no copy leaves that could be read */
};

extern const struct ipc_message reader_waiting;
