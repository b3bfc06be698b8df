/* ledger/checkpoint - a signed statement of how large the tree is and what its root is.
 *
 * The text is a C2SP tlog-checkpoint (origin, size, root in base64), signed as a C2SP signed note
 * with Ed25519. The private key lives in another process: this module gives it the text to sign
 * and makes the note from the signature. Pure: no I/O. */
#pragma once

#include "base/buf.h"
#include "base/error.h"
#include "base/slice.h"

#define CHECKPOINT_NAME_MAX   200  /* bytes of an origin or a key's name */
#define CHECKPOINT_NOTE_MAX   4096 /* bytes of a note */
#define CHECKPOINT_KEY_LEN    32   /* Ed25519, RFC 8032 */
#define CHECKPOINT_SIGNED_LEN 64

struct checkpoint {
    struct slice origin; /* names the ledger, e.g. "example.test/ledger"; no spaces or '+' */
    uint64_t size;
    uint8_t root[32];
};

/* Append the text that is signed: three lines, each with its LF. */
void checkpoint_text(const struct checkpoint *c, struct buf *out);

/**
 * Append the whole note: text, empty line, signature line.
 *
 * @param name       the signing key's name, usually the origin
 * @param public_key the Ed25519 key that made `signature` over checkpoint_text()
 */
void checkpoint_note(const struct checkpoint *c, struct slice name,
                     const uint8_t public_key[static CHECKPOINT_KEY_LEN],
                     const uint8_t signature[static CHECKPOINT_SIGNED_LEN], struct buf *out);

/**
 * Read a note without looking at its signatures.
 *
 * @param out  its origin looks into `note`
 * @return     false with ERROR_INPUT when it is no well-formed checkpoint
 */
bool checkpoint_read(struct slice note, struct checkpoint *out, struct error *e) MUST_CHECK;

/**
 * Read a note and require a signature of this key.
 *
 * @return  false with ERROR_INPUT when malformed, ERROR_DENIED when no signature line of that
 *          name and key verifies
 */
bool checkpoint_verify(struct slice note, struct slice name,
                       const uint8_t public_key[static CHECKPOINT_KEY_LEN], struct checkpoint *out,
                       struct error *e) MUST_CHECK;

/* Append the key as a C2SP verifier line, "name+hash+base64", to hand to an auditor. */
void checkpoint_verifier(struct slice name, const uint8_t public_key[static CHECKPOINT_KEY_LEN],
                         struct buf *out);

/* Read such a line; `name` looks into it. False with ERROR_INPUT. */
bool checkpoint_read_verifier(struct slice line, struct slice *name,
                              uint8_t public_key[static CHECKPOINT_KEY_LEN],
                              struct error *e) MUST_CHECK;
