/* The rows of the directories that certificates of recipients come from. */
#include "config/settings_certificates.h"

#include "config/internal.h"
#include "config/settings.h"

static const char *const tls_words[] = {"ldaps", "starttls", NULL};

#define DN_MAX 1000

static const struct config_setting rows[] = {
    CONFIG_ROW("server", ENDPOINT, struct certificates_settings, servers, .list = true,
               .required = true, .min = 636, .example = "ldap.partner.test",
               .help = "The directory's servers, in the order in which they are tried.",
               .more = "The one that answered last comes first. There is no way to speak with one "
                       "in cleartext. With `tls = starttls` the port is mostly 389, which must be "
                       "written."),
    CONFIG_ROW("tls", CHOICE, struct certificates_settings, tls, .initial = "ldaps",
               .words = tls_words,
               .help = "TLS from the first byte, or by STARTTLS before anything else is said."),
    CONFIG_ROW(
        "tls-name", DOMAIN, struct certificates_settings, tls_name, .example = "ldap.partner.test",
        .help = "The name that their certificates must show, when that is not the server's."),
    CONFIG_ROW("trust-store", PATH, struct certificates_settings, trust_store,
               .initial = "/etc/ssl/certs/ca-certificates.crt",
               .help = "The authorities that may have issued their certificates (PEM).",
               .more = "About the server alone: whose certificates letters are encrypted with says "
                       "`smime-trust`."),
    CONFIG_ROW("bind-dn", TEXT, struct certificates_settings, bind_dn, .max = DN_MAX,
               .example = "cn=postern,ou=services,dc=partner,dc=test",
               .help = "As whom Postern signs in there; reading is enough.",
               .more = "Left out: as nobody, as most directories for everybody want it."),
    CONFIG_ROW("bind-password-file", PATH, struct certificates_settings, bind_password_file,
               .example = "/etc/postern/certificates-partners",
               .help = "File with its password in the first line, readable by root alone."),
    CONFIG_ROW("base", TEXT, struct certificates_settings, base, .required = true, .max = DN_MAX,
               .example = "ou=people,dc=partner,dc=test",
               .help = "Below which entry recipients are looked for.",
               .more = "By `mail`, which must be the address as it is but for the case of letters; "
                       "their certificates are the values of `userCertificate` (RFC 4523)."),
    CONFIG_ROW("domain", DOMAIN, struct certificates_settings, domains, .list = true,
               .example = "partner.test, sales.partner.test",
               .help = "Whose addresses are looked for there.",
               .more =
                   "The first section that names a domain is asked, and no other. Left out: all "
                   "domains that are not ours and that no section before it names; whoever runs "
                   "the server then learns whom we write to."),
    CONFIG_ROW("timeout", DURATION, struct certificates_settings, timeout_ms, .initial = "3s",
               .min = 100, .max = CONFIG_MINUTE, .help = "Patience with one answer of a server.",
               .more = "Five seconds at most of a letter's time are for a directory."),
};
const struct config_table settings_certificates_table = {"[certificates]", 0, rows,
                                                         sizeof(rows) / sizeof(rows[0])};

static bool answers_for(const struct certificates_settings *c, const struct settings *s,
                        struct slice domain)
{
    const struct slice *all = c->domains.items;

    for (size_t i = 0; i < c->domains.count; i++) {
        if (slice_equal_nocase(all[i], domain)) {
            return true;
        }
    }
    return c->domains.count == 0 && !settings_is_ours(s, domain);
}

const struct certificates_settings *settings_certificates_of(const struct settings *s,
                                                             struct slice domain)
{
    const struct certificates_settings *all = s->certificates.items;

    for (size_t i = 0; i < s->certificates.count && domain.len; i++) {
        if (answers_for(&all[i], s, domain)) {
            return &all[i];
        }
    }
    return NULL;
}

const struct certificates_settings *settings_certificates(const struct settings *s,
                                                          struct slice name)
{
    const struct certificates_settings *all = s->certificates.items;

    for (size_t i = 0; i < s->certificates.count; i++) {
        if (slice_equal(all[i].name, name)) {
            return &all[i];
        }
    }
    return NULL;
}

const char *settings_certificates_contradiction(const struct settings *s)
{
    const struct certificates_settings *all = s->certificates.items;

    if (s->certificates.count > SETTINGS_CERTIFICATES_MAX) {
        return "there are at most 16 [certificates] sections";
    }
    for (size_t i = 0; i < s->certificates.count; i++) {
        if (all[i].name.len > SETTINGS_DIRECTORY_NAME_MAX) {
            return "the name of a [certificates] has at most 32 characters";
        }
        if ((all[i].bind_dn.len == 0) != (all[i].bind_password_file.len == 0)) {
            return "`bind-dn` and `bind-password-file` in a [certificates] want each other; leave "
                   "both out to sign in as nobody";
        }
    }
    return NULL;
}
