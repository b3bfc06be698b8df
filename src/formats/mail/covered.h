/* formats/mail/covered - a letter's header, shared out between what a signature or encryption covers and what
 * stays outside (RFC 9788).
 *
 * The payload is the letter as its recipient shall read it: every field that says something, the Content fields
 * and the body, byte for byte. The outer header is what servers and, when the payload is encrypted, strangers see:
 * the fields of a short list. Of an encrypted letter the Subject outside is "[...]", and whatever is not in the
 * list (Keywords, Comments, Thread-Topic, X-...) is inside alone: a stricter policy than hcp_baseline of RFC 9788
 * section 3.2.1. Pure. Of an encrypted letter nothing is parsed but the header's fields, and nothing is encoded
 * anew. */
#pragma once

#include "base/buf.h"
#include "base/error.h"

#include "formats/mail/header.h"

#define COVERED_SUBJECT "[...]" /* what stands outside of an encrypted letter */

enum covered_by {
    COVERED_BY_SIGNATURE,  /* hp="clear": all fields stay outside as well */
    COVERED_BY_ENCRYPTION, /* hp="cipher"                                */
};

/**
 * Append the payload: an entity with a header of its own, to be signed or encrypted as it is.
 *
 * Bcc, Resent-Bcc, Return-Path, Received and earlier DKIM-Signature fields are not in it.
 *
 * @param h       of the letter, which must be without defect
 * @param outer   bytes of the outer header, from covered_outer_write(): listed in HP-Outer fields when encrypted
 * @param out     had better hold the letter's bytes twice over a header, or becomes full
 */
void covered_payload_write(const struct mail_header *h, enum covered_by by, struct slice outer,
                           struct buf *out);

/**
 * Write outer header and payload of a letter that is signed and can be read: all fields stand outside and inside, and the body is one that
 * no server on the way changes (formats/mail/portable).
 *
 * @param outer  both are initialised here
 * @return       false with ERROR_INPUT when no such body can be had, or the letter is signed or encrypted already: *e is a clause that
 *               says why; ERROR_LIMIT
 */
bool covered_signed_write(const struct mail_header *h, struct buf *outer, struct buf *payload,
                          struct error *e) MUST_CHECK;

/**
 * Append the outer header, without MIME-Version and Content fields, which belong to the protection: the caller adds
 * them, an empty line and the protected body.
 */
void covered_outer_write(const struct mail_header *h, enum covered_by by, struct buf *out);

/**
 * One line for the record: which fields of an encrypted letter can be read by who cannot open it.
 *
 * @param outer  as covered_outer_write() made it
 * @return       "outside: From, To, Date, Message-ID; subject hidden", in the arena
 */
struct slice covered_outer_text(struct slice outer, struct arena *arena);
