/* keeper/copy_outside - whether a copy that an inspector made shows outside what its letter shows.
 *
 * Whoever took an inspector over writes such a copy, and we sign it (DKIM): it may change what the letter says, but not who sent it,
 * to whom and when. Pure. */
#pragma once

#include "formats/mail/header.h"

/**
 * Compare the headers, both without defect.
 *
 * Each field of the copy is one of the letter's, with its value and in its order; the copy may leave fields out, but no From and no
 * Sender. MIME-Version and Content fields are the protection's, and the Subject may be hidden (RFC 9788).
 */
bool copy_outside_is_of(const struct mail_header *letter, const struct mail_header *copy);
