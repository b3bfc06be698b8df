/* formats/smtp/address - mailboxes and paths as SMTP writes them (RFC 5321 section 4.1.2), with
 * the UTF-8 of RFC 6531.
 *
 * Not header fields: those have comments, folding and display names and belong to formats/mail.
 * Views into the input, nothing allocated but inside smtp_domain_canonical().
 *
 * Decisions where the RFC leaves room:
 * - A source route (`<@a,@b:user@c>`) is checked and then ignored, as appendix F.2 allows.
 * - A domain needs no dot (`user@localhost` is syntax; whether it is deliverable is not asked
 *   here), its labels are letters, digits and inner hyphens, 63 octets at most; a last dot is
 *   refused. A label that holds UTF-8 is checked by IDNA2008 when the canonical form is made.
 * - A quoted local part may hold any printable ASCII and, with RFC 6531, UTF-8; control
 *   characters never, tabs included (section 4.1.2, qtextSMTP).
 * - Two mailboxes are the same when their canonical forms are the same bytes: the local part as
 *   written, without needless quoting (case counts, section 2.4); the domain as its lower-case
 *   A-labels, so that `user@BÜCHER.example` and `user@xn--bcher-kva.example` are one mailbox and a
 *   policy for either spelling holds for both. */
#pragma once

#include "base/error.h"
#include "base/slice.h"

#define SMTP_LOCAL_MAX   64  /* octets, RFC 5321 section 4.5.3.1.1 */
#define SMTP_DOMAIN_MAX  255 /* octets, RFC 5321 section 4.5.3.1.2 */
#define SMTP_MAILBOX_MAX 254 /* octets: a path has 256 with its brackets, section 4.5.3.1.3 */
#define SMTP_LABEL_MAX   63  /* octets, RFC 1035 section 2.3.4 */

struct smtp_mailbox {
    struct slice text;   /* local@domain as written; empty for the null reverse-path */
    struct slice local;  /* as written, quotes included */
    struct slice domain; /* as written, brackets included; empty for <postmaster> */
    bool quoted;         /* the local part is a quoted string */
    bool literal;        /* the domain is an address literal */
    bool utf8;           /* a byte outside ASCII: only under SMTPUTF8 */
};

/**
 * Read a mailbox that fills `in`: Mailbox of RFC 5321 section 4.1.2, UTF-8 allowed (RFC 6531).
 *
 * @return false with ERROR_INPUT and a sentence for its writer; *out untouched
 */
bool smtp_mailbox_parse(struct slice in, struct smtp_mailbox *out, struct error *e) MUST_CHECK;

/**
 * Read the reverse-path at the start of `in`, e.g. `<a@example.org> SIZE=100`.
 *
 * @param out   a mailbox, or all empty for the null reverse-path `<>`
 * @param rest  what follows the closing bracket
 * @return      false with ERROR_INPUT, outputs untouched
 */
bool smtp_reverse_path_parse(struct slice in, struct smtp_mailbox *out, struct slice *rest,
                             struct error *e) MUST_CHECK;

/* The same for a forward-path: `<>` is refused, `<postmaster>` without a domain is allowed in any
 * case of its letters (section 4.1.1.3) and has an empty domain. */
bool smtp_forward_path_parse(struct slice in, struct smtp_mailbox *out, struct slice *rest,
                             struct error *e) MUST_CHECK;

/* Domain of RFC 5321 section 4.1.2 with RFC 6531's U-label, or an address literal in brackets. */
bool smtp_domain_valid(struct slice domain);

/**
 * Write a domain as lower-case A-labels (IDNA2008, non-transitional), an address literal in lower
 * case as it stands. What DNS is asked for and what policies compare.
 *
 * @param out  exactly the result; not NUL-terminated
 * @return     false with ERROR_INPUT when a label is not valid in IDNA2008 or the result too long
 */
bool smtp_domain_canonical(struct slice domain, uint8_t out[static SMTP_DOMAIN_MAX], size_t *len,
                           struct error *e) MUST_CHECK;

/* Whether a valid domain is written as it is meant: A-labels, ASCII in any case, or characters that
 * IDNA2008 allows as they stand. Not so fullwidth letters, dots of other scripts and invisible
 * characters, which smtp_domain_canonical() maps away and other programs may not. */
bool smtp_domain_plain(struct slice domain);

/* Longest canonical form: A-labels can be longer than what was written. */
#define SMTP_CANONICAL_MAX (SMTP_LOCAL_MAX + 1 + SMTP_DOMAIN_MAX)

/**
 * Write the canonical form of a mailbox that was parsed here.
 *
 * @param out  local@domain, without the @ when the domain is empty, nothing for the null path
 * @return     false with ERROR_INPUT as smtp_domain_canonical()
 */
bool smtp_mailbox_canonical(const struct smtp_mailbox *mailbox,
                            uint8_t out[static SMTP_CANONICAL_MAX], size_t *len,
                            struct error *e) MUST_CHECK;
