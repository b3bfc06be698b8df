/* The rows of OpenPGP. */
#include "config/internal.h"
#include "config/settings.h"

static const struct config_setting rows[] = {
    CONFIG_ROW("openpgp-lookup", BOOLEAN, struct openpgp_settings, lookup, .initial = "no",
               .help = "Ask the domains of recipients for their OpenPGP keys (Web Key Directory).",
               .more = "Whoever has no key here that is in force is looked for by HTTPS at "
                       "openpgpkey.DOMAIN, and at "
                       "DOMAIN where that host does not answer, once a day at most. A key is taken "
                       "when it is usable and "
                       "names the address; one that was found so is looked for again each day, and "
                       "goes when it was "
                       "revoked or is there no more. The domain's web server learns by that whom "
                       "we write to. Nobody is looked for as long as no [policy] section names "
                       "`openpgp`, or where a person put a key in."),
    CONFIG_ROW("openpgp-autocrypt", BOOLEAN, struct openpgp_settings, autocrypt, .initial = "no",
               .help = "Keep the OpenPGP keys that letters which are taken in offer (Autocrypt).",
               .more = "Of letters from outside that are imported, pulled or journaled, not older "
                       "than 35 days, whose one "
                       "Autocrypt field names the address of their one From. Nobody vouches for "
                       "such a key, and whoever forges a From can "
                       "offer one: it never comes before one that a person put in or that was "
                       "found in the domain's "
                       "directory. The newest of an address is kept."),
};
const struct config_table settings_openpgp_table =
    CONFIG_TABLE("OpenPGP", struct settings, openpgp, rows);
