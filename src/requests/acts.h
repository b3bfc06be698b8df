/* requests/acts - what people did and who signed in, over the socket of the reader. */
#pragma once

#include "requests/reader.h"

/* reader_acts: what people did in the `stretch` of records before record `before`, the oldest first; zero
 * is the newest, and READER_ACTS_STRETCH. */
#define READER_ACTS_MAX     1000
#define READER_ACTS_STRETCH 50000

struct reader_acts_ask {
    uint64_t before;
    uint64_t stretch;
    struct slice reason;
};

struct reader_acts_answer {
    struct cbor_list acts; /* struct reader_record of types order, sign-in, admin, reading */
    uint64_t next;         /* ask again with this as `before`; 0: there is nothing before it */
};

extern const struct ipc_message reader_acts;

/* reader_sign_ins: who signed in or failed to, with mail programs too, in the `stretch` of records before record `before`: one's own by
 * everybody, others' by who may see acts. Answered as reader_acts is, with records of sign-ins. */
#define READER_SIGN_INS_STRETCH 500000

struct reader_sign_ins_ask {
    struct slice account; /* empty: the caller's own */
    bool all;             /* everybody's, and of who named no account that there is */
    uint64_t since;       /* wall milliseconds: none before */
    uint64_t before;
    uint64_t stretch;
    struct slice reason;
};

extern const struct ipc_message reader_sign_ins;
