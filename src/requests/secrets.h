/* requests/secrets - what a password protects: letters whose files are encrypted, and the passwords themselves.
 *
 * inspector_protect comes from the keeper; the others over its control socket. */
#pragma once

#include "ipc/ipc.h"
#include "requests/inspector.h"

#define SECRET_LEN_MAX        64
#define SECRET_COVER_MAX      4000
#define SECRET_TEXTS_MAX      600
#define SECRET_TEXT_MAX       400
#define SECRET_REASON_MAX     1000
#define SECRET_RECIPIENTS_MAX 1000

/* inspector_protect: make a letter's files ones that a password opens. The letter comes as a sealed memory file and goes back as
 * another. ERROR_INPUT: it cannot be protected so. */
struct inspector_protect_ask {
    struct slice sender; /* INSPECTOR_SENDER_LEN bytes, as inspector_ask has it */
    struct slice password;
    bool text_stays;
    uint64_t language; /* as the settings have it */
    struct slice cover;
    bool scrub; /* take out what files say of who made them */
};

struct inspector_protect_answer {
    struct cbor_list texts; /* what became of each file */
};

extern const struct ipc_message inspector_protect;

enum recipient_secret_act {
    RECIPIENT_SECRET_SHOW = 1,
    RECIPIENT_SECRET_SET = 2,
    RECIPIENT_SECRET_GENERATE = 3,
    RECIPIENT_SECRET_REMOVE = 4,
};

/* recipient_secret: the password that was agreed on with a recipient. ERROR_INPUT when there is none to show or remove, or the
 * new one is not sound. What is done is recorded, the password is not. */
struct recipient_secret_ask {
    struct slice address;
    uint64_t act;
    struct slice password; /* SET */
    struct slice reason;
};

struct recipient_secret_answer {
    struct slice password; /* empty after SET and REMOVE */
    uint64_t at;           /* when it was agreed on */
    struct slice by;
    bool generated;
};

extern const struct ipc_message recipient_secret;

/* recipient_phone: the telephone number to which the operator's program tells passwords. SHOW, SET or REMOVE; ERROR_INPUT when there is
 * none, or the new one is none. What is done is recorded, the number is not. */
struct recipient_phone_ask {
    struct slice address;
    uint64_t act; /* enum recipient_secret_act */
    struct slice number;
    struct slice reason;
};

struct recipient_phone_answer {
    struct slice number; /* of SHOW, as the others */
    uint64_t at;
    struct slice by;
};

extern const struct ipc_message recipient_phone;

/* letter_secret: the password that was made for a letter, for its sender. */
struct letter_secret_ask {
    struct slice id; /* LETTER_ID_LEN bytes */
};

struct letter_secret_answer {
    struct slice password;
    uint64_t until;              /* when it is destroyed */
    struct cbor_list recipients; /* texts: whose files it opens */
};

extern const struct ipc_message letter_secret;
