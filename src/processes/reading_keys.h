/* processes/reading_keys - what a reader of letters answers about recipients' keys, which are as hostile as letters. */
#pragma once

#include "formats/smime/certificate.h"
#include "ipc/ipc.h"
#include "letter/recipient_key.h"

ipc_handler reading_on_key; /* inspector_key */

/* What a certificate says, as a key that is kept. */
void reading_certificate(const struct smime_certificate *c, struct arena *arena,
                         struct recipient_key *out);
