/* stages/protect/blind - who of the envelope is a Bcc: nobody whom the header names openly.
 *
 * Encrypted, a letter names whom it was encrypted to; so a Bcc gets a copy of his own. Who is taken for one although he is none gets one as
 * well, and nothing is lost; who is not although he is one is shown to the others. So whatever is in doubt is a Bcc: another case or a
 * tag in the local part, a domain in other words (U-labels), an address in a display name, comment or encoded word, one in a list that
 * readers could read differently, any in a header with a defect, and Resent fields. Pure. */
#pragma once

#include "formats/mail/address.h"
#include "formats/mail/header.h"

/* Who is named openly: in To and Cc, members of groups with them. */
struct blind_named {
    struct mail_addresses lists[2];
};

/* Read them; out of the arena. */
void blind_read(const struct mail_header *header, bool utf8, struct arena *arena,
                struct blind_named *out);

/* Whether an address of the envelope is none of them. */
bool blind_is(const struct blind_named *named, struct slice address, bool utf8,
              struct arena *arena);
