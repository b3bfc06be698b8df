/* The rows of reports on TLS that go to other domains. */
#include "config/internal.h"
#include "config/settings.h"

static const struct config_setting rows[] = {
    CONFIG_ROW("tls-reports", BOOLEAN, struct tls_reports_settings, on, .initial = "yes",
               .help =
                   "Tell domains that ask for it how TLS with their mail servers went (RFC 8460).",
               .more = "Once a day, with counts of sessions and of what failed, and nothing of any "
                       "letter. A domain asks by a TXT record at `_smtp._tls`; without one it gets "
                       "none. `postern domain reports` lists what was sent."),
    CONFIG_ROW("tls-report-contact", MAILBOX, struct tls_reports_settings, contact,
               .example = "postmaster@example.test",
               .help = "Whom such a report names for questions; by default postmaster of the first "
                       "domain."),
    CONFIG_ROW("tls-report-organisation", TEXT, struct tls_reports_settings, organisation,
               .max = 100, .example = "Example Ltd",
               .help = "Whose report it says to be; by default the first domain's."),
};
const struct config_table settings_reports_table =
    CONFIG_TABLE("Reports on TLS", struct settings, tls_reports, rows);
