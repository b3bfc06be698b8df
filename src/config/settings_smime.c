/* The rows of S/MIME: whose certificates are believed, and what recipients read. */
#include "config/settings_smime.h"

#include "config/internal.h"
#include "config/settings.h"

static const char *const revocation_words[] = {"soft", "hard", "off", NULL};

static const struct config_setting rows[] = {
    CONFIG_ROW("smime-trust", PATH, struct smime_settings, trust,
               .example = "/etc/ssl/certs/ca-certificates.crt",
               .help = "The authorities whose certificates letters are encrypted with, PEM.",
               .more = "Left out: nobody; then a certificate counts when whoever added it vouched "
                       "for it (`postern recipient add-key --vouched`), or when it was made here. "
                       "The certificate's use, dates and strength are looked at in any case."),
    CONFIG_ROW("smime-modern", BOOLEAN, struct smime_settings, modern, .initial = "no",
               .help = "Encrypt by AES-256-GCM and RSA-OAEP for every recipient.",
               .more =
                   "Many programs cannot read that yet, among them most of Outlook's. With `no` "
                   "it is done for those alone whose certificate says that they can, and "
                   "AES-256-CBC with RSA PKCS #1 v1.5, around a signed body, for the others; "
                   "`postern show` says which."),
    CONFIG_ROW(
        "smime-revocation", CHOICE, struct smime_settings, revocation, .initial = "soft",
        .words = revocation_words,
        .help = "Whether a certificate was revoked is looked up in its authority's list (CRL), and "
                "asked of its responder (OCSP).",
        .more =
            "With `soft` a certificate counts when neither can be had, with `hard` it does not; "
            "one that either says is revoked counts with neither. They are asked by HTTP "
            "where the certificate says, at public addresses alone (or by "
            "`courier-proxy`); lists are kept for an hour, answers until they end, half a day at "
            "most. What somebody vouched for is not looked up."),
    CONFIG_ROW("smime-ocsp", BOOLEAN, struct smime_settings, ocsp, .initial = "yes",
               .help = "The responder of an authority is asked about a certificate, too.",
               .more = "Whoever runs it, and the network on the way, learns with whose certificate "
                       "we write. With `no` lists alone are looked up, which say less."),
    CONFIG_ROW("smime-dns", BOOLEAN, struct smime_settings, dns, .initial = "no",
               .help = "Certificates of recipients are looked for in the DNS (SMIMEA, RFC 8162).",
               .more =
                   "Only where a [policy] names `smime`, nobody gave a certificate by hand, "
                   "and DNSSEC proves the answer. A certificate of usage 3 "
                   "counts for that address whoever issued it, one of usage 1 when "
                   "an authority in `smime-trust` did; others are passed over. What was found "
                   "counts for an hour at most; while a domain does not answer, letters that need "
                   "it wait."),
};

const struct config_table settings_smime_table =
    CONFIG_TABLE("S/MIME", struct settings, smime, rows);
