/* letter/outcomes - records of what became of a letter: attempts, their evidence, and notices. The
 * rules of letter/records.h hold here too. */
#pragma once

#include "formats/cbor/cbor.h"

/* RECORD_INTENT: bytes may be about to leave; without an outcome behind it, nobody knows. */
struct intent {
    struct slice id;
    uint64_t ruling;  /* index into the decision's rulings */
    uint64_t attempt; /* counts from 1 within the ruling */
    struct slice domain;
    struct slice host;           /* as dialled */
    struct slice address;        /* IP address and port */
    struct cbor_list recipients; /* texts */
};

extern const struct cbor_schema intent_schema;

enum delivery_status {
    DELIVERY_DELIVERED = 1, /* the host took responsibility                     */
    DELIVERY_RELAYED = 2,   /* the smart host did; what is beyond it is unknown */
    DELIVERY_DEFERRED = 3,  /* tried again later                                */
    DELIVERY_FAILED = 4,    /* for good                                         */
    DELIVERY_UNKNOWN = 5,   /* lost between the final dot and the reply         */
};

struct recipient_outcome {
    uint64_t index; /* into the facts' recipients */
    struct slice address;
    uint64_t status;
    uint64_t code;         /* SMTP reply code, 0 when there was none */
    struct slice enhanced; /* "5.1.1" */
    struct slice reply;    /* the remote's words or our reason */
};

extern const struct cbor_schema recipient_outcome_schema;

/* What the session proves. Members are empty when it did not come so far. */
struct evidence {
    struct slice host;
    struct slice address;
    struct slice helo_name; /* what the peer called itself */
    struct slice tls_version;
    struct slice tls_cipher;
    struct slice certificate; /* SHA-256 of the DER */
    struct slice verdict;     /* "verified" or why not */
    uint64_t level;           /* enum tls_level reached */
    bool dnssec;              /* MX and address answers were secure */
    uint64_t started_at;
    uint64_t ended_at;
    bool dsn; /* the peer offers RFC 3461: what the sender asked to be told went on to it */
    struct slice proof; /* what authenticated it: "DANE 3 1 1"; empty below LEVEL_AUTHENTICATED */
    struct slice
        published; /* what its domain publishes of its servers, and whether it can be used */
};

extern const struct cbor_schema evidence_schema;

/* RECORD_OUTCOME */
struct outcome {
    struct slice id;
    uint64_t ruling;
    uint64_t attempt; /* 0: no attempt led to it, a person or the queue's lifetime did */
    struct slice domain;
    struct evidence evidence;
    struct cbor_list recipients; /* struct recipient_outcome */
    uint64_t retry_at;           /* of those deferred; 0 when there are none */
};

extern const struct cbor_schema outcome_schema;

enum notice_kind { NOTICE_FAILURE = 1, NOTICE_DELAY = 2, NOTICE_SUCCESS = 3 };

/* RECORD_NOTICE */
struct notice {
    struct slice id;     /* the letter reported on */
    struct slice notice; /* the letter that reports; empty when none may be sent (null path) */
    uint64_t kind;
    uint64_t ruling;             /* index into the decision's rulings */
    struct cbor_list recipients; /* texts */
};

extern const struct cbor_schema notice_schema;
