/* The rows of what takes mail in. */
#include <arpa/inet.h>

#include "config/internal.h"
#include "config/settings.h"

static const char *const sign_in_words[] = {"password", "xoauth2", NULL};

static const struct config_setting pull_rows[] = {
    CONFIG_ROW("host", ENDPOINT, struct pull_settings, host, .required = true, .min = 993,
               .example = "imap.provider.example:993",
               .help = "The provider's IMAP server, with TLS from the first byte (RFC 8314)."),
    CONFIG_ROW("tls-name", DOMAIN, struct pull_settings, tls_name,
               .example = "imap.provider.example",
               .help = "The name that its certificate must show, when that is not the host's."),
    CONFIG_ROW("mailbox", MAILBOX, struct pull_settings, mailboxes, .list = true, .required = true,
               .example = "anna@example.test, bob@example.test",
               .help = "The mailboxes that are read; each is the owner of its letters here."),
    CONFIG_ROW("user", TEXT, struct pull_settings, user, .max = 255,
               .example = "archive@example.test",
               .help = "Who signs in; by default each mailbox under its own name.",
               .more = "One that may open other people's mailboxes needs `on-behalf = yes`."),
    CONFIG_ROW("on-behalf", BOOLEAN, struct pull_settings, on_behalf, .initial = "no",
               .help = "Whether `user` signs in once for each mailbox, naming it (RFC 4616)."),
    CONFIG_ROW("sign-in", CHOICE, struct pull_settings, sign_in, .initial = "password",
               .words = sign_in_words,
               .help = "What the file holds: a password, or an OAuth access token.",
               .more =
                   "With `xoauth2` the token names no person at some providers: then it opens each "
                   "mailbox under its own name."),
    CONFIG_ROW("password-file", PATH, struct pull_settings, password_file, .required = true,
               .example = "/etc/postern/pull-office",
               .help = "File with the password or token in its first line, readable by root alone.",
               .more = "It is read again whenever it changes, so that whatever renews a token just "
                       "replaces the file."),
    CONFIG_ROW(
        "folder", TEXT, struct pull_settings, folders, .list = true, .max = 200,
        .example = "Sent Items, Archive",
        .help = "Folders that are read; by default what the server calls its Sent folder.",
        .more = "That is the folder with the mark \\Sent (RFC 6154), otherwise one called `Sent`, "
                "`Sent Items` or `Sent Messages`."),
    CONFIG_ROW("interval", DURATION, struct pull_settings, interval_ms, .initial = "15min",
               .min = CONFIG_SECOND, .max = 7 * CONFIG_DAY,
               .help = "How long after a pull the next one begins."),
};
const struct config_table settings_pull_table = {"[pull]", 0, pull_rows,
                                                 sizeof(pull_rows) / sizeof(pull_rows[0])};

static const struct config_setting journal_rows[] = {
    CONFIG_ROW(
        "listen-journal", LISTEN, struct journal_settings, listen, .list = true, .restart = true,
        .example = "*:2525",
        .help = "Where the provider delivers journal reports by SMTP, with STARTTLS.",
        .more =
            "Nothing is relayed from there: what comes in goes into the archive. The certificate "
            "is that of tls-certificate."),
    CONFIG_ROW("journal-address", MAILBOX, struct journal_settings, addresses, .list = true,
               .example = "journal@archive.example.test",
               .help = "The recipients of journal reports; letters to others are refused."),
    CONFIG_ROW("journal-network", TEXT, struct journal_settings, networks, .list = true, .max = 64,
               .example = "192.0.2.0/24, 2001:db8::/32",
               .help = "From where reports may come; by default from anywhere that signs in."),
    CONFIG_ROW("journal-user", TEXT, struct journal_settings, user, .restart = true, .max = 255,
               .example = "provider",
               .help = "The name with which the provider signs in; no account of Postern's."),
    CONFIG_ROW("journal-password-file", PATH, struct journal_settings, password_file,
               .example = "/etc/postern/journal-password",
               .help = "File with its password in the first line, readable by root alone."),
};
const struct config_table settings_journal_table =
    CONFIG_TABLE("Journal", struct settings, journal, journal_rows);

static const struct config_setting connectors_rows[] = {
    CONFIG_ROW("listen-connector", LISTEN, struct connectors_settings, listen, .list = true,
               .restart = true, .example = "*:25",
               .help = "Where a provider hands on what our people send with it, with STARTTLS.",
               .more = "Microsoft 365 calls it an outbound connector, Google Workspace an outbound "
                       "gateway. Who may is said in [connector]; everybody else is refused."),
    CONFIG_ROW("connector-trust-store", PATH, struct connectors_settings, trust_store,
               .restart = true, .initial = "/etc/ssl/certs/ca-certificates.crt",
               .help = "The authorities that may have issued a provider's certificate (PEM)."),
};
const struct config_table settings_connectors_table =
    CONFIG_TABLE("Connectors", struct settings, connectors, connectors_rows);

static const struct config_setting connector_rows[] = {
    CONFIG_ROW("network", TEXT, struct connector_settings, networks, .list = true, .max = 64,
               .example = "192.0.2.0/24, 2001:db8::/32",
               .help = "From where the provider connects; by default from anywhere.",
               .more = "Its other customers connect from there too: the tenant header tells them "
                       "from ours."),
    CONFIG_ROW("certificate-name", DOMAIN, struct connector_settings, certificate_names,
               .list = true, .example = "mail.protection.outlook.com",
               .help = "A name that the provider's certificate must show in the handshake."),
    CONFIG_ROW("tenant-header", TEXT, struct connector_settings, tenant_headers, .list = true,
               .required = true, .max = 255, .example = "X-OriginatorOrg: example.onmicrosoft.com",
               .help = "A header field with which the provider marks the letters of our company.",
               .more = "Each letter must have one of those listed, once. It is cut from what "
                       "leaves. Where the provider has no mark of its own, let it add a field with "
                       "a long random value."),
};
const struct config_table settings_connector_table = {
    "[connector]", 0, connector_rows, sizeof(connector_rows) / sizeof(connector_rows[0])};

bool settings_tenant_header(struct slice text, struct slice *name, struct slice *value)
{
    struct slice rest = SLICE_NONE;

    *name = slice_cut(text, ':', &rest);
    *value = slice_trim(rest);
    for (size_t i = 0; i < name->len; i++) {
        if (name->ptr[i] <= ' ' || name->ptr[i] >= 0x7f) { /* RFC 5322 section 2.2 */
            return false;
        }
    }
    return name->len && value->len;
}

bool settings_networks_have(const struct config_list *networks, struct slice address)
{
    const struct slice *all = networks->items;
    struct settings_network n;

    for (size_t i = 0; i < networks->count; i++) {
        if (settings_network_read(all[i], &n) && settings_network_has(&n, address)) {
            return true;
        }
    }
    return false;
}

bool settings_network_read(struct slice text, struct settings_network *out)
{
    struct settings_network n = {.len = 4};
    struct slice rest;
    struct slice address = slice_cut(text, '/', &rest);
    char copy[INET6_ADDRSTRLEN];
    uint64_t bits = 0;

    if (address.len == 0 || address.len >= sizeof(copy)) {
        return false;
    }
    (void)memcpy(copy, address.ptr, address.len);
    copy[address.len] = 0;
    if (inet_pton(AF_INET, copy, n.bytes) != 1) {
        n.len = 16;
        if (inet_pton(AF_INET6, copy, n.bytes) != 1) {
            return false;
        }
    }
    bits = 8U * n.len;
    if (address.len != text.len && !slice_decimal(rest, bits, &bits)) {
        return false;
    }
    n.bits = (uint8_t)bits;
    *out = n;
    return true;
}

bool settings_network_has(const struct settings_network *n, struct slice address)
{
    static const uint8_t mapped[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

    if (n->len == 4 && address.len == 16 && slice_starts(address, SLICE_ARRAY(mapped))) {
        address = slice_from(address, sizeof(mapped));
    }
    if (address.len != n->len) {
        return false;
    }
    for (unsigned i = 0; i < n->bits; i++) {
        if ((address.ptr[i / 8] ^ n->bytes[i / 8]) >> (7 - i % 8) & 1) {
            return false;
        }
    }
    return true;
}
