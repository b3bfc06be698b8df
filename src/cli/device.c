/* Devices: copiers and machines that sign in by the key of a certificate. */
#include <fcntl.h>

#include "cli/account.h"
#include "cli/app_password.h"
#include "cli/passkey.h"
#include "host/file.h"
#include "host/tls.h"
#include "requests/factors.h"

#define PEM_MAX 65536

static int digit_of(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* 64 digits, in either case, with colons between two or without. */
static bool read_pin(const char *text, uint8_t pin[static APP_PASSWORD_PIN_LEN], struct error *e)
{
    size_t n = 0;
    bool good = true;

    for (const char *at = text; *at && good; at++) {
        int digit = digit_of(*at);
        if (*at == ':' && n % 2 == 0) {
            continue;
        }
        good = digit >= 0 && n < (size_t)2 * APP_PASSWORD_PIN_LEN;
        if (good) {
            pin[n / 2] = (uint8_t)(n % 2 ? pin[n / 2] | digit : digit << 4);
            n++;
        }
    }
    return (good && n == (size_t)2 * APP_PASSWORD_PIN_LEN) ||
           error_set(e, ERROR_INPUT,
                     "`%s` is no SHA-256 of a public key: 64 hexadecimal digits, as `openssl x509 "
                     "-pubkey` and `openssl pkey -pubin -outform DER | sha256sum` show them",
                     text);
}

static bool read_certificate(const char *path, uint8_t pin[static APP_PASSWORD_PIN_LEN],
                             struct error *e)
{
    OWN(buf) struct buf pem = {.max = PEM_MAX};
    const char *kind = NULL;

    if (!file_read_all(AT_FDCWD, path, &pem, e)) {
        return error_add(e, "%s", path);
    }
    return tls_key_id(buf_slice(&pem), pin, &kind, e) || error_add(e, "%s", path);
}

bool cli_device_add(struct cli *c, struct error *e)
{
    const char *certificate = arguments_text(&c->arguments, "certificate", 0);
    const char *given = arguments_text(&c->arguments, "pin", 0);
    uint8_t pin[APP_PASSWORD_PIN_LEN] = {0};
    struct device_add_ask ask = {
        .account = slice_text(arguments_text(&c->arguments, "account", 0)),
        .reason = slice_text(arguments_text(&c->arguments, "reason", 0)),
        .device = {.name = slice_text(c->arguments.words[0]),
                   .scopes = APP_SCOPE_SEND,
                   .addresses = app_texts(c, "from"),
                   .networks = app_texts(c, "network"),
                   .domains = app_texts(c, "to-domain"),
                   .pin = SLICE_ARRAY(pin)}
    };
    struct device_added added;

    if (!certificate == !given) {
        return error_set(e, ERROR_INPUT, "say which: --certificate FILE, or --pin HEX");
    }
    if (!(certificate ? read_certificate(certificate, pin, e) : read_pin(given, pin, e)) ||
        !app_is_good(&ask.device, e) || !account_figures(c, ask.device.most, e) ||
        !app_end(c, "until", &ask.device.expires_at, e) ||
        (ask.account.len == 0 && !passkey_prove(c, true, &ask.proof, e)) ||
        !cli_ask(c, CLI_KEEPER, &device_add, &ask, &added, NULL, CLI_ASK_MS, e)) {
        return false;
    }
    buf_printf(&c->out, "%s signs in as %.*s by its certificate (AUTH EXTERNAL)\n",
               c->arguments.words[0], SLICE_ARG(added.account));
    return true;
}
