/* keyring/master_form - the line of a master key file as values, and back. For keyring/'s own files. */
#pragma once

#include "base/buf.h"

#include "keyring/keyring.h"
#include "keyring/master.h"
#include "keyring/token.h"

#define MASTER_SALT_LEN   16
#define MASTER_SEALED_LEN (KEYRING_KEY_LEN + KEYRING_SEAL_OVERHEAD)
#define MASTER_PASSES_MAX 64
#define MASTER_KIB_MIN    8
#define MASTER_KIB_MAX    (UINT32_C(4) << 20) /* 4 GiB */

struct master_form {
    uint64_t generation;
    enum master_kept kept;
    struct secret *key; /* MASTER_FILE */

    uint32_t passes; /* MASTER_PASSPHRASE: of argon2id, and its memory */
    uint32_t kib;
    uint8_t salt[MASTER_SALT_LEN];

    char uri[MASTER_URI_MAX + 1]; /* MASTER_TOKEN */
    uint8_t wrapped[TOKEN_WRAPPED_MAX];
    size_t wrapped_len;

    uint8_t sealed[MASTER_SEALED_LEN]; /* of the last two: the key */
    struct slice context;              /* what stands before it: looks into the line or buffer */
};

/* Wipe. */
void master_form_done(struct master_form *f);
OWN_VALUE(master_form, struct master_form, master_form_done)

/* Read a line. ERROR_CONFIG: newer. ERROR_CORRUPT: damaged. */
bool master_form_read(struct slice line, struct master_form *f, struct error *e) MUST_CHECK;

/* Append the line up to what is sealed, and set f->context to it. `out` must have room for the whole: it
 * holds a secret when f->kept is MASTER_FILE, and is then complete. */
void master_form_begin(struct master_form *f, struct buf *out);

/* Append f->sealed and the end of the line. */
void master_form_end(const struct master_form *f, struct buf *out);
