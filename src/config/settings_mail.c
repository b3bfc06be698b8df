/* The rows of how letters come in and go out. */
#include "config/internal.h"
#include "config/settings.h"

/* Indexed by enum setting_separator. */
static const char *const separator_words[] = {"off", "+", "-", "=", "_", NULL};
static const char *const smarthost_tls_words[] = {"starttls", "implicit", "none", NULL};

static const struct config_setting submission_rows[] = {
    CONFIG_ROW("listen-submissions", LISTEN, struct submission_settings, listen_submissions,
               .list = true, .restart = true, .initial = "*:465",
               .help = "Where mail clients connect with TLS from the first byte (RFC 8314).",
               .more = "An empty value closes the port."),
    CONFIG_ROW("listen-submission", LISTEN, struct submission_settings, listen_submission,
               .list = true, .restart = true, .initial = "*:587",
               .help = "Where mail clients connect and then must use STARTTLS (RFC 6409).",
               .more = "An empty value closes the port."),
    CONFIG_ROW("tls-certificate", PATH, struct submission_settings, tls_certificate,
               .initial = "/etc/postern/tls/certificate.pem",
               .help = "The certificate shown to mail clients with its chain, PEM.",
               .more = "Read again on reload; sessions that are open go on."),
    CONFIG_ROW(
        "tls-key", PATH, struct submission_settings, tls_key, .initial = "/etc/postern/tls/key.pem",
        .help = "The certificate's private key, PEM; only the signer process ever holds it."),
    CONFIG_ROW("size-limit", SIZE, struct submission_settings, size_limit, .initial = "50MiB",
               .min = 64 * CONFIG_KIB, .max = SETTINGS_SIZE_LIMIT_MAX,
               .help = "The largest letter accepted, as announced by SIZE (RFC 1870).",
               .more = "Attachments travel as base64, which makes them a third larger."),
    CONFIG_ROW("recipients-limit", COUNT, struct submission_settings, recipients_limit,
               .initial = "500", .min = 100, .max = SETTINGS_RECIPIENTS_LIMIT_MAX,
               .help = "The most recipients of one letter (RFC 5321 demands 100)."),
    CONFIG_ROW("header-limit", SIZE, struct submission_settings, header_limit, .initial = "1MiB",
               .min = 16 * CONFIG_KIB, .max = 16 * CONFIG_MIB,
               .help = "The largest header, all fields together."),
    CONFIG_ROW("header-field-limit", SIZE, struct submission_settings, header_field_limit,
               .initial = "64KiB", .min = CONFIG_KIB, .max = CONFIG_MIB,
               .help = "The largest single header field, with its folded lines."),
    CONFIG_ROW("line-limit", SIZE, struct submission_settings, line_limit, .initial = "64KiB",
               .min = 1000, .max = CONFIG_MIB,
               .help = "The longest line of a letter, with its CRLF.",
               .more = "RFC 5321 asks for 1000 bytes at least; many programs write longer ones, "
                       "and they leave as they came."),
    CONFIG_ROW("connections-limit", COUNT, struct submission_settings, connections_limit,
               .restart = true, .initial = "6000", .min = 1, .max = 100000,
               .help = "The most client connections at once."),
    CONFIG_ROW("connections-per-address", COUNT, struct submission_settings,
               connections_per_address, .initial = "50", .min = 1, .max = 100000,
               .help = "The most of these from one address (IPv6: one /64).",
               .more = "Raise it when many people share the address of one office."),
    CONFIG_ROW("connection-letters", COUNT, struct submission_settings, letters_per_connection,
               .initial = "10000", .min = 1, .max = 1000000,
               .help = "The most letters on one connection before it is closed kindly."),
    CONFIG_ROW("command-timeout", DURATION, struct submission_settings, command_timeout_ms,
               .initial = "5min", .min = CONFIG_SECOND, .max = CONFIG_HOUR,
               .help =
                   "How long a client may be silent between commands (RFC 5321 section 4.5.3.2)."),
    CONFIG_ROW("data-timeout", DURATION, struct submission_settings, data_timeout_ms,
               .initial = "5min", .min = CONFIG_SECOND, .max = CONFIG_HOUR,
               .help = "How long a client may be silent within a letter."),
    CONFIG_ROW("session-timeout", DURATION, struct submission_settings, session_timeout_ms,
               .initial = "2h", .min = CONFIG_MINUTE, .max = 7 * CONFIG_DAY,
               .help = "How long a connection may last in all, however busy."),
    CONFIG_ROW("login-timeout", DURATION, struct submission_settings, login_timeout_ms,
               .initial = "60s", .min = CONFIG_SECOND, .max = CONFIG_HOUR,
               .help = "How long a client may take from connecting to a successful sign-in."),
    CONFIG_ROW("received-client-address", BOOLEAN, struct submission_settings,
               received_client_address, .initial = "no",
               .help =
                   "Whether the Received field shows the sender's network address to recipients.",
               .more = "The ledger has it in any case."),
    CONFIG_ROW("subaddress-separator", CHOICE, struct submission_settings, separator,
               .initial = "+", .words = separator_words,
               .help = "What divides anna+tag@example.test: who has anna@example.test sends as it.",
               .more = "`off`, `+`, `-`, `=` or `_`. An address that another account has as it "
                       "stands is that account's. A local part that needs quotes has no tag."),
};

uint8_t setting_separator_byte(enum setting_separator separator)
{
    return separator == SETTING_SEPARATOR_OFF ? 0 : (uint8_t)separator_words[separator][0];
}

const struct config_table settings_submission_table =
    CONFIG_TABLE("Submission", struct settings, submission, submission_rows);

static const struct config_setting dkim_rows[] = {
    CONFIG_ROW("dkim-selector", WORD, struct dkim_settings, selectors, .list = true,
               .example = "2026a-rsa, 2026a-ed25519",
               .help = "DKIM keys that sign every letter; none by default.",
               .more = "Make them with `postern dkim new`, publish what `postern dkim dns` prints, "
                       "then name them here: one RSA and one Ed25519 key (RFC 8463). After a "
                       "change of keys what it made signs, and what is named here newly; what "
                       "stood here before is no matter any more."),
    CONFIG_ROW(
        "dkim-rotate", DURATION, struct dkim_settings, rotate_ms, .initial = "0s",
        .example = "180d",
        .help = "How old keys get before Postern makes new ones; 0s: until `postern dkim "
                "rotate`.",
        .more = "With a [dns-update] they are published by it; otherwise a person does (alarm "
                "`dkim-publish`, `postern domain dns`). They sign when the DNS has shown them "
                "for dkim-rotate-seen. The former ones are destroyed after dkim-rotate-retire, "
                "and their records go with them or by a person (alarm `dkim-remove`). A letter "
                "that they signed and that is held for longer may leave with a signature that "
                "nobody can verify any more. Letters are signed by published keys all the time."),
    CONFIG_ROW("dkim-rotate-seen", DURATION, struct dkim_settings, rotate_seen_ms, .initial = "1h",
               .min = 1000, .help = "How long the DNS must have shown new keys before they sign."),
    CONFIG_ROW("dkim-rotate-retire", DURATION, struct dkim_settings, rotate_retire_ms,
               .initial = "0s", .example = "30d",
               .help = "How long former keys and their records stay; 0s: queue-lifetime and two "
                       "days.",
               .more = "Not shorter than `queue-lifetime`: whoever gets a letter late could not "
                       "verify it."),
};
const struct config_table settings_dkim_table =
    CONFIG_TABLE("DKIM", struct settings, dkim, dkim_rows);

static const struct config_setting dns_rows[] = {
    CONFIG_ROW("dns-resolver", ENDPOINT, struct dns_settings, resolvers, .list = true,
               .restart = true, .min = 53, .example = "192.0.2.53",
               .help = "Resolvers to ask; without any the root servers and downwards.",
               .more = "Answers are validated here (DNSSEC) in either case."),
    CONFIG_ROW("dns-trust-anchor", PATH, struct dns_settings, trust_anchor, .restart = true,
               .initial = "/usr/share/dns/root.key", .help = "The root zone's DNSSEC keys."),
    CONFIG_ROW("dns-root-hints", PATH, struct dns_settings, root_hints, .restart = true,
               .initial = "/usr/share/dns/root.hints", .help = "Addresses of the root servers."),
    CONFIG_ROW("dns-insecure-domain", DOMAIN, struct dns_settings, insecure_domains, .list = true,
               .restart = true, .example = "corp.internal",
               .help = "Domains below which answers need no DNSSEC, although their parent has it.",
               .more = "For internal zones that the public tree does not know."),
    CONFIG_ROW("dns-timeout", DURATION, struct dns_settings, timeout_ms, .initial = "15s",
               .min = CONFIG_SECOND, .max = 5 * CONFIG_MINUTE,
               .help = "How long one lookup may take before the attempt is put off."),
};
const struct config_table settings_dns_table = CONFIG_TABLE("DNS", struct settings, dns, dns_rows);

static const struct config_setting delivery_rows[] = {
    CONFIG_ROW(
        "outbound-tls", CHOICE, struct delivery_settings, tls, .min = SETTING_TLS_ENCRYPTED,
        .initial = "encrypted", .words = settings_tls_words,
        .help = "What is demanded of a receiving server when its domain has no section.",
        .more = "`encrypted`: TLS, whoever it is. `verified`: and a certificate for the MX "
                "host's name from a known authority. `authenticated`: and DANE, MTA-STS or a pin "
                "says that it is the domain's server. Whatever stands here, a server must "
                "match the TLSA records that its domain publishes. Never less than the "
                "domain has shown "
                "before. Cleartext only where a [domain] section says so."),
    CONFIG_ROW("trust-store", PATH, struct delivery_settings, trust_store,
               .initial = "/etc/ssl/certs/ca-certificates.crt",
               .help = "The authorities whose certificates count as verified, PEM."),
    CONFIG_ROW("outbound-port", COUNT, struct delivery_settings, port, .initial = "25", .min = 1,
               .max = 65535, .help = "The port of receiving servers found by MX."),
    CONFIG_ROW("outbound-ipv6", BOOLEAN, struct delivery_settings, ipv6, .initial = "yes",
               .help = "Whether receiving servers are also reached by IPv6."),
    CONFIG_ROW("retry-schedule", DURATION, struct delivery_settings, retry_schedule, .list = true,
               .initial = "5min, 15min, 30min, 1h, 2h, 4h", .min = CONFIG_SECOND,
               .max = 7 * CONFIG_DAY,
               .help = "Pauses after the first, second, ... failed attempt; the last one repeats."),
    CONFIG_ROW("queue-lifetime", DURATION, struct delivery_settings, queue_lifetime_ms,
               .initial = "5d", .min = CONFIG_SECOND, .max = 30 * CONFIG_DAY,
               .help = "How long delivery is tried before the letter goes back to its sender."),
    CONFIG_ROW("delay-warning", DURATION, struct delivery_settings, delay_warning_ms,
               .initial = "4h", .max = 30 * CONFIG_DAY,
               .help = "When the sender is told that a letter is still waiting; `0s`: never."),
    CONFIG_ROW("delivery-concurrency", COUNT, struct delivery_settings, concurrency,
               .restart = true, .initial = "50", .min = 1, .max = 1000,
               .help = "The most deliveries at once."),
    CONFIG_ROW("per-host-concurrency", COUNT, struct delivery_settings, per_host_concurrency,
               .initial = "5", .min = 1, .max = 1000,
               .help = "The most of these to one receiving server."),
    CONFIG_ROW("outbound-connection-letters", COUNT, struct delivery_settings,
               letters_per_connection, .initial = "100", .min = 1, .max = 100000,
               .help = "Letters after which an outbound connection is closed."),
    CONFIG_ROW("outbound-connect-timeout", DURATION, struct delivery_settings, connect_timeout_ms,
               .initial = "30s", .min = 100, .max = 10 * CONFIG_MINUTE,
               .help = "How long connecting to one address may take."),
    CONFIG_ROW("outbound-command-timeout", DURATION, struct delivery_settings, command_timeout_ms,
               .initial = "5min", .min = 100, .max = CONFIG_HOUR,
               .help = "How long a receiving server may take to answer a command."),
    CONFIG_ROW(
        "outbound-data-timeout", DURATION, struct delivery_settings, data_timeout_ms,
        .initial = "10min", .min = 100, .max = CONFIG_HOUR,
        .help =
            "How long it may take to acknowledge a letter after its end (RFC 5321: 10 minutes).",
        .more = "Giving up earlier makes duplicates: the server may have taken it."),
    CONFIG_ROW("outbound-attempt-timeout", DURATION, struct delivery_settings, attempt_timeout_ms,
               .initial = "1h", .min = 100, .max = CONFIG_DAY,
               .help = "How long sending one letter through a connection may take in all.",
               .more =
                   "Opening the connection may take as long. A server that answers each command "
                   "just in time holds a delivery no longer than this; once it has the whole "
                   "letter, outbound-data-timeout alone counts."),
    CONFIG_ROW("outbound-idle", DURATION, struct delivery_settings, idle_timeout_ms,
               .initial = "5s", .max = 5 * CONFIG_MINUTE,
               .help = "How long a connection is kept for the next letter to the same server.",
               .more = "What it proved counts for five minutes: one that was opened longer ago "
                       "serves no further letter."),
};
const struct config_table settings_delivery_table =
    CONFIG_TABLE("Delivery", struct settings, delivery, delivery_rows);

/* The rows of a section count from its own struct, so the table's base is zero. */
static const struct config_setting smarthost_rows[] = {
    CONFIG_ROW("host", ENDPOINT, struct smarthost_settings, host, .required = true, .min = 587,
               .example = "smtp.provider.example:587",
               .help = "The provider's server that takes everything without a route of its own."),
    CONFIG_ROW("tls", CHOICE, struct smarthost_settings, tls, .initial = "starttls",
               .words = smarthost_tls_words,
               .help = "How TLS begins there; its certificate must be valid for the host's name."),
    CONFIG_ROW("user", TEXT, struct smarthost_settings, user, .max = 255,
               .example = "postern@example.test", .help = "The account there, when it wants one."),
    CONFIG_ROW("password-file", PATH, struct smarthost_settings, password_file,
               .example = "/etc/postern/smarthost-password",
               .help =
                   "File with the account's password in its first line, readable by root alone."),
};
const struct config_table settings_smarthost_table = {
    "[smarthost]", 0, smarthost_rows, sizeof(smarthost_rows) / sizeof(smarthost_rows[0])};
