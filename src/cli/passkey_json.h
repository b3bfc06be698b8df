/* cli/passkey_json - what a browser is asked with and what it says, one line of JSON each: of standard output, and of standard
 * input. The former is for PublicKeyCredential.parseCreationOptionsFromJSON() and parseRequestOptionsFromJSON(), the latter is
 * what toJSON() of the credential gives (WebAuthn Level 3 section 5.1). */
#pragma once

#include "cli/cli.h"
#include "formats/webauthn/webauthn.h"
#include "requests/passkeys.h"

/* Have a browser make one; `account` as it shows it. */
bool browser_make(struct cli *c, const struct passkey_asked *asked, struct slice account,
                  struct webauthn_reply *reply, struct error *e) MUST_CHECK;

/* Have one of its sign. */
bool browser_sign(struct cli *c, const struct passkey_asked *asked, bool alone,
                  struct webauthn_reply *reply, struct error *e) MUST_CHECK;
