/* requests/recipients - keys that letters to somebody are encrypted with: over the control socket of the keeper, and
 * what the inspector makes of a file with one. */
#pragma once

#include "ipc/ipc.h"
#include "letter/recipient_key.h"
#include "requests/inspector.h"

#define RECIPIENTS_LISTED_MAX  1000
#define RECIPIENT_FILE_MAX     ((size_t)256 << 10) /* bytes of a file with a key */
#define RECIPIENT_WARNINGS_MAX 4

/* inspector_key: what key is in this file, which comes as a sealed memory file? Kind, bytes and what stands in it are
 * filled in, nothing else. ERROR_INPUT when it is none. */
struct inspector_key_ask {
    struct slice sender; /* INSPECTOR_SENDER_LEN bytes: a life reads the files of one address */
};

extern const struct ipc_message inspector_key;

/* recipient_key_add: a file with a key comes along. Answered with the key as it is kept from now on. */
struct recipient_key_add_ask {
    struct slice address; /* or a domain */
    struct slice reason;
    bool vouched; /* whoever adds it compared its fingerprint with its holder */
    bool other;   /* it may name other addresses */
};

struct recipient_key_added {
    struct recipient_key key;
    struct cbor_list warnings; /* texts */
};

extern const struct ipc_message recipient_key_add;

/* recipient_list: all, or those whose address contains a text; keys without their bytes. */
struct recipient_list_ask {
    struct slice part;
    struct slice exactly; /* one address or domain alone, with the bytes */
    bool own;             /* only who has a key that is ours */
};

struct recipient_list_answer {
    struct cbor_list rows; /* struct recipient_keys */
    bool more;
    struct slice smime;   /* of one address: which certificate is used now, or why none is */
    struct slice openpgp; /* likewise, which OpenPGP key */
};

extern const struct ipc_message recipient_list;

/* recipient_key_drop: ERROR_INPUT when there is none, or the beginning of a fingerprint fits several. */
struct recipient_key_drop_ask {
    struct slice address;
    struct slice fingerprint; /* or its beginning, 8 characters at least */
    struct slice reason;
};

extern const struct ipc_message recipient_key_drop;
