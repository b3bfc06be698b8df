/* The rows of a [domain]. */
#include "config/settings.h"

#define PIN_DIGITS (2 * SETTINGS_PIN_BYTES)

/* Indexed by enum setting_tls; where no default can be meant, `min` skips it. */
const char *const settings_tls_words[] = {"default",  "cleartext",     "encrypted",
                                          "verified", "authenticated", NULL};

/* The rows of a section count from its own struct, so the table's base is zero. */
static const struct config_setting domain_rows[] = {
    CONFIG_ROW("tls", CHOICE, struct domain_settings, tls, .initial = "default",
               .words = settings_tls_words, .help = "What is demanded of this domain's servers.",
               .more = "`default` is what outbound-tls says. `cleartext` allows delivery without "
                       "TLS to a server that has none, and publishes no TLSA records."),
    CONFIG_ROW("route", ENDPOINT, struct domain_settings, route, .min = 25,
               .example = "mx.partner.test:25",
               .help = "Deliver to this server instead of the domain's MX or the smart host."),
    CONFIG_ROW("tls-name", DOMAIN, struct domain_settings, tls_names, .list = true,
               .example = "partner.test",
               .help = "Names accepted in the servers' certificate beside the name of the host."),
    CONFIG_ROW(
        "require-tls", BOOLEAN, struct domain_settings, require_tls, .initial = "no",
        .help = "Whether letters to this domain leave with REQUIRETLS (RFC 8689).",
        .more = "Only to servers that offer it, whose certificate proves itself and that DNSSEC, "
                "MTA-STS, a pin, a route or the domain itself names, which then keep the letter "
                "encrypted to the end; without one it goes back at once with 5.7.30. A sender may "
                "ask for the same in MAIL FROM, letter by letter."),
    CONFIG_ROW("tls-pin", TEXT, struct domain_settings, tls_pins, .list = true, .min = PIN_DIGITS,
               .max = PIN_DIGITS,
               .example = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
               .help = "SHA-256 of the public key that the servers' certificate must have.",
               .more = "64 digits, over the SubjectPublicKeyInfo in DER; name and dates of the "
                       "certificate then do not count. With several, one must match: name the next "
                       "key before it is used. A pin counts as `authenticated`; DANE and MTA-STS "
                       "of the domain are not looked at, and a server that does not match gets "
                       "nothing. `openssl x509 -in FILE -noout -pubkey | openssl pkey -pubin "
                       "-outform DER | sha256sum` prints it."),
    CONFIG_ROW("tls-ca", PATH, struct domain_settings, tls_ca,
               .example = "/etc/postern/partner-ca.pem",
               .help = "The authorities that may have issued the servers' certificate, PEM.",
               .more = "Instead of those in `trust-store`, and a pin as above. The certificate "
                       "must show the name of the host that `route` or DNSSEC names, the domain's, "
                       "or a `tls-name`."),
};
const struct config_table settings_domain_table = {"[domain]", 0, domain_rows,
                                                   sizeof(domain_rows) / sizeof(domain_rows[0])};

static int digit_of(uint8_t c)
{
    c = ascii_lower(c);
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool settings_pin_read(struct slice pin, uint8_t digest[static SETTINGS_PIN_BYTES])
{
    if (pin.len != PIN_DIGITS) {
        return false;
    }
    for (size_t i = 0; i < SETTINGS_PIN_BYTES; i++) {
        int high = digit_of(pin.ptr[2 * i]);
        int low = digit_of(pin.ptr[2 * i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        digest[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

const char *settings_domain_contradiction(const struct settings *s)
{
    const struct domain_settings *all = s->domains.items;

    for (size_t i = 0; i < s->domains.count; i++) {
        const struct slice *pins = all[i].tls_pins.items;
        if (all[i].tls_pins.count > SETTINGS_PINS_MAX) {
            return "a [domain] has more than 8 of `tls-pin`";
        }
        for (size_t k = 0; k < all[i].tls_pins.count; k++) {
            uint8_t digest[SETTINGS_PIN_BYTES];
            if (!settings_pin_read(pins[k], digest)) {
                return "a `tls-pin` is 64 hexadecimal digits, the SHA-256 of a public key";
            }
        }
    }
    return NULL;
}
