/* stages/submission/envelope - what MAIL and RCPT said, as the keeper is asked it.
 *
 * One for each session, used again for each transaction. What the commands say was checked by
 * formats/smtp/server; here it is copied, because the client's input is dropped behind it. */
#pragma once

#include "formats/smtp/server.h"
#include "requests/keeper.h"

struct envelope {
    struct arena arena; /* holds everything below */
    struct keeper_submit_ask ask;
    struct recipient *recipients;
    size_t n_recipients;
    size_t room;
};

/* Make an empty one. */
void envelope_init(struct envelope *v);

/* Forget the transaction, and give its memory back. */
void envelope_forget(struct envelope *v);

/* Take what MAIL said. */
void envelope_begin(struct envelope *v, const struct smtp_mail *mail);

/* Take what RCPT said; a recipient that was named already is one. <postmaster> without a domain is
 * the one of `our_domain` (RFC 5321 section 4.5.1), which may be empty. */
void envelope_add(struct envelope *v, const struct smtp_rcpt *rcpt, struct slice our_domain);
