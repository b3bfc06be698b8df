/* The second factor: an authenticator app, and recovery codes for the day on which it is lost. */
#include "cli/totp.h"

#include <stdio.h>

#include "cli/approvals.h"
#include "cli/cli.h"
#include "cli/passkey.h"
#include "cli/terminal.h"
#include "requests/factors.h"

/* As it stands in a URI: what is no letter or digit is escaped. */
static void add_escaped(struct buf *out, struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.ptr[i];
        bool plain = (c >= '0' && c <= '9') || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') ||
                     c == '.' || c == '-' || c == '_' || c == '@';
        buf_printf(out, plain ? "%c" : "%%%02X", c);
    }
}

bool totp_ask_code(struct cli *c, struct slice *code, struct error *e)
{
    const char *given = arguments_text(&c->arguments, "code", 0);

    if (given) {
        *code = slice_text(given);
    } else if (!terminal_has_person()) {
        return error_set(e, ERROR_INPUT,
                         "a code is wanted, and nobody is there to ask: give --code CODE");
    } else if (!terminal_ask("Code", NULL, &c->arena, code, e)) {
        return false;
    }
    return (code->len > 0 && code->len <= AUTH_CODE_MAX) ||
           error_set(e, ERROR_INPUT, "a code has six digits; a recovery code, 16 letters");
}

static void show_codes(struct cli *c, const struct factors_codes *answer)
{
    const struct slice *codes = answer->codes.items;

    for (size_t i = 0; i < answer->codes.count; i++) {
        buf_printf(&c->out, "%.*s\n", SLICE_ARG(codes[i]));
    }
    cli_flush(c);
    (void)fprintf(stderr, "These are your recovery codes: each signs you in once, without the app. "
                          "Keep them on paper;\nthey are shown this once.\n");
}

static bool confirm(struct cli *c, struct error *e)
{
    struct factors_code_ask ask;
    struct factors_codes answer;

    if (!totp_ask_code(c, &ask.code, e) ||
        !cli_ask(c, CLI_KEEPER, &totp_confirm, &ask, &answer, NULL, CLI_ASK_MS, e)) {
        return false;
    }
    show_codes(c, &answer);
    (void)fprintf(stderr,
                  "From now on `postern login` asks for a code, and the main password sends no "
                  "mail: programs\nand devices take an app password (`postern app-password add`). "
                  "You are signed out everywhere.\n");
    return true;
}

bool cli_totp_on(struct cli *c, struct error *e)
{
    OWN(buf) struct buf uri = {.max = 4096};
    struct factors_totp_ask ask;
    struct factors_totp_secret s;

    if (arguments_text(&c->arguments, "code", 0)) {
        return confirm(c, e);
    }
    if (!passkey_prove(c, true, &ask.proof, e) ||
        !cli_ask(c, CLI_KEEPER, &totp_begin, &ask, &s, NULL, CLI_ASK_MS, e)) {
        return false;
    }
    add_escaped(&uri, s.account);
    buf_printf(&c->out, "otpauth://totp/Postern:%.*s?secret=%.*s&issuer=Postern\n%.*s\n",
               SLICE_ARG(buf_slice(&uri)), SLICE_ARG(s.secret), SLICE_ARG(s.secret));
    cli_flush(c);
    if (terminal_has_person()) {
        (void)fprintf(stderr, "Give the first line, or the second as a key, to your authenticator "
                              "app, and then a code of it.\n");
        return confirm(c, e);
    }
    (void)fprintf(stderr, "It counts when a code of it is shown: `postern totp on --code CODE`.\n");
    return true;
}

bool cli_totp_codes(struct cli *c, struct error *e)
{
    struct factors_code_ask ask;
    struct factors_codes answer;

    if (!totp_ask_code(c, &ask.code, e) ||
        !cli_ask(c, CLI_KEEPER, &totp_codes, &ask, &answer, NULL, CLI_ASK_MS, e)) {
        return false;
    }
    show_codes(c, &answer);
    return true;
}

bool cli_totp_off(struct cli *c, struct error *e)
{
    struct factors_off_ask ask = {.account =
                                      slice_text(arguments_text(&c->arguments, "account", 0)),
                                  .reason = slice_text(arguments_text(&c->arguments, "reason", 0))};
    struct desk_proof proof = {.code = SLICE_NONE};
    struct admin_asked asked;
    bool passkey = arguments_flag(&c->arguments, "passkey");

    if (passkey && !passkey_prove(c, false, &proof, e)) {
        return false;
    }
    ask.passkey = proof.passkey;
    if ((ask.account.len == 0 && !passkey && !totp_ask_code(c, &ask.code, e)) ||
        !cli_ask(c, CLI_KEEPER, &totp_off, &ask, &asked, NULL, CLI_ASK_MS, e)) {
        return false;
    }
    if (asked.id.len) {
        approvals_say(c, &asked);
    } else {
        buf_add_text(&c->out, "there is no second factor any more\n");
    }
    return true;
}
