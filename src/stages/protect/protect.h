/* stages/protect - the copy that leaves, as a recipe over the letter that came in.
 *
 * The sealed copy is made once. It is kept as an edit script: literal bytes (signatures, Received,
 * a Date, Message-ID or Sender that was missing) and ranges of the submitted letter, with the digest of
 * the result. Applied again, in a retry or an export years later, it gives the same bytes. Only
 * the header changes: Bcc, Resent-Bcc and Return-Path fields are left out; the body's bytes are one
 * range, as submitted. What protects a letter's content comes before: then the recipe is made over the
 * protected letter, and is literal as a whole. Pure but for the callback that signs. */
#pragma once

#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/slice.h"

#include "formats/dkim/dkim.h"
#include "formats/mail/date.h"
#include "formats/mail/header.h"

#define PROTECT_DIGEST_LEN    32
#define PROTECT_KEYS_MAX      4
#define PROTECT_RANGES_MAX    100 /* a header cut into more is copied instead */
#define PROTECT_SIGNATURE_MAX 512 /* bytes: RSA-4096 */
#define PROTECT_LITERAL_MAX   ((size_t)32 << 20)

/* One piece of the copy. */
struct edit {
    bool literal;
    struct slice bytes; /* when literal */
    uint64_t offset;    /* otherwise: a range of the submitted letter */
    uint64_t length;
};

struct edit_script {
    struct edit *edits;
    size_t n_edits;
    uint64_t size;                      /* bytes of the copy */
    uint8_t digest[PROTECT_DIGEST_LEN]; /* SHA-256 of the copy */
};

struct protect_signature {
    size_t len;
    uint8_t bytes[PROTECT_SIGNATURE_MAX];
};

/**
 * Sign the digests of a letter's drafts, each with the key of its index; see struct dkim_draft for what
 * RSA and Ed25519 sign.
 *
 * @param n           1 to PROTECT_KEYS_MAX, as many as the context has keys
 * @param signatures  n of them, to be filled in
 */
typedef bool protect_sign_fn(void *ctx, const struct dkim_draft *drafts, size_t n,
                             struct protect_signature *signatures, struct error *e);

struct protect_context {
    struct slice host;           /* our name, for Received and Message-ID */
    struct slice letter_id;      /* for Received; an RFC 5321 atom */
    int64_t received_ms;         /* wall clock at the end of data */
    struct slice client_name;    /* for Received, only when configured; empty leaves "from" out */
    struct slice client_address; /* the same: "192.0.2.1" or "2001:db8::1" */
    struct slice tls_version;    /* "TLSv1.3"; empty: it did not come from a client */
    struct slice tls_cipher;
    struct slice sender; /* an address: of who sends for another; empty when From is his own */
    bool handed_on;      /* it came from a server, and nobody signed in */
    bool bare; /* for who protects its content first: no Received, which comes after that */
    const struct slice *cut; /* names of further fields that are left out */
    size_t n_cut;
    struct slice
        subject; /* a whole field with its CRLF instead of the letter's Subject; empty: that */
    bool utf8;   /* MAIL had SMTPUTF8 */
    uint8_t random[MAIL_ID_RANDOM_LEN]; /* fresh, for a missing Message-ID */
    const struct dkim_key *keys;
    size_t n_keys; /* 0 to PROTECT_KEYS_MAX; without keys nothing is signed */
    protect_sign_fn *sign;
    void *sign_ctx;
};

/**
 * Make the edit script of a letter.
 *
 * @param letter  as submitted, with `header` from mail_header_read() and without defect
 * @param out     literals come from the arena
 * @return        false when a signature could not be had (the callback's error)
 */
bool protect_letter(struct slice letter, const struct mail_header *header,
                    const struct protect_context *context, struct arena *arena,
                    struct edit_script *out, struct error *e) MUST_CHECK;

/**
 * Make a script that takes nothing of the letter: each range becomes literal, in pieces of PROTECT_LITERAL_MAX at most.
 *
 * @param script  of protect_letter(); what it makes stays the same, byte for byte
 * @param letter  that it was made of, into which literals look from now on
 */
bool protect_whole(struct edit_script *script, struct slice letter, struct arena *arena,
                   struct error *e) MUST_CHECK;

/**
 * The bytes of one piece: how to walk a copy without building it.
 *
 * @return  false with ERROR_CORRUPT when the range is not inside the letter
 */
bool protect_piece(const struct edit *edit, struct slice letter, struct slice *bytes,
                   struct error *e) MUST_CHECK;

/**
 * Compute size and digest of the copy that a script makes of a letter and hold them against those
 * in the script.
 *
 * @return  false with ERROR_CORRUPT when they differ or a range is not inside the letter
 */
bool protect_verify(const struct edit_script *script, struct slice letter,
                    struct error *e) MUST_CHECK;
