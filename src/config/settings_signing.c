/* The row of letters that their senders sign. */
#include "config/settings_signing.h"

#include "config/internal.h"
#include "config/settings.h"

static const char *const words[] = {"smime", "openpgp", NULL};

static const struct config_setting rows[] = {
    CONFIG_ROW(
        "sign-letters", CHOICE, struct signing_settings, methods, .list = true, .words = words,
        .example = "smime, openpgp",
        .help = "Sign what leaves without being encrypted, when its sender has a key here.",
        .more = "The first of these for which he has one: `smime` (multipart/signed, see `postern "
                "smime`) or `openpgp` (PGP/MIME, see `postern pgp`). The header is signed as "
                "well (RFC 9788). Parts with bytes above 127 become quoted-printable or base64, "
                "so that no server on the way changes what was signed. What its sender's "
                "program signed or encrypted leaves as it is, and so does what cannot be "
                "signed as it is written; `postern show` says why. While the sender's key cannot "
                "be had, the letter waits; after `queue-lifetime` it is held and its sender is "
                "told, until the officer lets it go, unsigned. A signed letter is kept twice in "
                "the archive: "
                "as it came and as it left. Letters that are encrypted are signed in any case."),
};

const struct config_table settings_signing_table =
    CONFIG_TABLE("Signed letters", struct settings, signing, rows);

const char *settings_signing_name(int method)
{
    return method == SETTING_SIGN_SMIME || method == SETTING_SIGN_OPENPGP ? words[method] : "?";
}
