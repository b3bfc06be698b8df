/* Passkeys: a security key, telephone or computer that signs in with a key of its own. */
#include "cli/passkey.h"

#include <stdio.h>

#include "cli/approvals.h"
#include "cli/passkey_json.h"
#include "cli/passkey_key.h"
#include "cli/print.h"
#include "cli/terminal.h"
#include "requests/auth.h"

static bool asks_browser(const struct cli *c)
{
    return arguments_flag(&c->arguments, "json");
}

bool passkey_is_there(void)
{
    return key_is_there();
}

/* ── signing ── */

bool passkey_sign(struct cli *c, const struct passkey_asked *asked, bool alone,
                  struct auth_assertion *out, struct error *e)
{
    struct webauthn_reply reply;

    if (asked->challenge.len != WEBAUTHN_CHALLENGE_LEN) {
        return error_set(e, ERROR_CORRUPT, "the daemon's answer is not understood");
    }
    if (!asks_browser(c)) {
        struct slice client_data =
            webauthn_client_write(WEBAUTHN_GET, asked->challenge.ptr, asked->origin, &c->arena);
        return key_sign(c, asked, client_data, alone, out, e);
    }
    if (!browser_sign(c, asked, alone, &reply, e)) {
        return false;
    }
    *out =
        (struct auth_assertion){reply.credential, reply.client_data, reply.data, reply.signature};
    return true;
}

static bool prove_by_passkey(struct cli *c, struct desk_proof *out, struct error *e)
{
    const struct passkey_begin_ask ask = {.purpose = PASSKEY_PROVE};
    struct passkey_asked asked;

    return cli_ask(c, CLI_KEEPER, &passkey_begin, &ask, &asked, NULL, CLI_ASK_MS, e) &&
           passkey_sign(c, &asked, false, &out->passkey, e);
}

static bool prove_by_password(struct cli *c, struct desk_proof *out, struct error *e)
{
    OWN(secret) struct secret *password = NULL;
    bool from_stdin = arguments_flag(&c->arguments, "password-stdin");

    if (!from_stdin && !terminal_has_person()) {
        return error_set(e, ERROR_INPUT,
                         "this wants a proof anew: give --code CODE, --passkey or "
                         "--password-stdin");
    }
    if (from_stdin
            ? !terminal_read_secret(AUTH_PASSWORD_MAX, &password, e)
            : !terminal_ask_secret("Your present password", AUTH_PASSWORD_MAX, &password, e)) {
        return false;
    }
    out->password = arena_copy(&c->arena, secret_slice(password));
    return true;
}

bool passkey_prove(struct cli *c, bool password, struct desk_proof *out, struct error *e)
{
    const char *code = arguments_text(&c->arguments, "code", 0);

    *out = (struct desk_proof){.code = slice_text(code)};
    if (out->code.len > AUTH_CODE_MAX) {
        return error_set(e, ERROR_INPUT, "a code has six digits; a recovery code, 16 letters");
    }
    if (code) {
        return true;
    }
    return !password || arguments_flag(&c->arguments, "passkey") ? prove_by_passkey(c, out, e)
                                                                 : prove_by_password(c, out, e);
}

/* ── verbs ── */

/* As a browser or key shows it: the account that acts. */
static bool whose(struct cli *c, struct slice *account, struct error *e)
{
    const struct passkey_list_ask ask = {.account = SLICE_NONE};
    struct passkey_list_answer answer;

    if (!cli_ask(c, CLI_KEEPER, &passkey_list, &ask, &answer, NULL, CLI_ASK_MS, e)) {
        return false;
    }
    *account = answer.account;
    return true;
}

static bool make(struct cli *c, const struct passkey_asked *asked, struct passkey_add_ask *add,
                 struct error *e)
{
    struct webauthn_reply reply;
    struct slice account;

    if (asked->challenge.len != WEBAUTHN_CHALLENGE_LEN) {
        return error_set(e, ERROR_CORRUPT, "the daemon's answer is not understood");
    }
    if (!whose(c, &account, e)) {
        return false;
    }
    if (asks_browser(c)) {
        bool made = browser_make(c, asked, account, &reply, e);
        add->client_data = made ? reply.client_data : SLICE_NONE;
        add->attestation = made ? reply.attestation : SLICE_NONE;
        return made;
    }
    add->client_data =
        webauthn_client_write(WEBAUTHN_CREATE, asked->challenge.ptr, asked->origin, &c->arena);
    return key_make(c, asked, account, add->client_data, &add->attestation, e);
}

bool cli_passkey_add(struct cli *c, struct error *e)
{
    struct passkey_begin_ask begin = {.purpose = PASSKEY_ADD};
    struct passkey_add_ask add = {.name = slice_text(c->arguments.words[0])};
    struct passkey_asked asked;
    struct passkey_added added;

    if (!app_password_name_is_good(add.name)) {
        return error_set(e, ERROR_INPUT,
                         "a passkey is called by at most %d letters, digits, blanks, dots and "
                         "dashes, `blue key` for instance",
                         PASSKEY_NAME_MAX);
    }
    if (!passkey_prove(c, true, &begin.proof, e) ||
        !cli_ask(c, CLI_KEEPER, &passkey_begin, &begin, &asked, NULL, CLI_ASK_MS, e) ||
        !make(c, &asked, &add, e) ||
        !cli_ask(c, CLI_KEEPER, &passkey_add, &add, &added, NULL, CLI_ASK_MS, e)) {
        return false;
    }
    buf_printf(&c->out, "added %.*s (%.*s)\n", SLICE_ARG(add.name), SLICE_ARG(added.id));
    cli_flush(c);
    (void)fprintf(stderr, added.verifies
                              ? "It signs you in with `postern login --passkey`, and after the "
                                "password.\n"
                              : "It signs you in after the password; with a PIN it would do "
                                "without one, too.\n");
    if (added.first) {
        (void)fprintf(stderr,
                      "From now on the main password sends no mail: programs and devices take an "
                      "app password\n(`postern app-password add`). You are signed out everywhere. "
                      "Add a second passkey, or an\nauthenticator app (`postern totp on`), for "
                      "the day on which this one is lost.\n");
    }
    return true;
}

bool cli_passkey_list(struct cli *c, struct error *e)
{
    static const char *const heads[] = {"NAME", "ID", "SINCE", "LAST USE", "ALONE"};
    struct print_columns columns = {.arena = &c->arena, .heads = heads, .count = 5};
    const struct passkey_list_ask ask = {
        slice_text(c->arguments.n_words ? c->arguments.words[0] : NULL)};
    struct passkey_list_answer answer;

    if (!cli_ask(c, CLI_KEEPER, &passkey_list, &ask, &answer, NULL, CLI_ASK_MS, e)) {
        return false;
    }
    if (answer.passkeys.count == 0) {
        (void)fprintf(stderr, "There are none.\n");
        c->status = CLI_NOTHING;
        return true;
    }
    const struct passkey *keys = answer.passkeys.items;
    for (size_t i = 0; i < answer.passkeys.count; i++) {
        const struct slice cells[] = {
            keys[i].name, keys[i].id, print_time(&c->arena, keys[i].created_at),
            keys[i].used_at ? print_time(&c->arena, keys[i].used_at) : SLICE("never"),
            keys[i].verifies ? SLICE("yes") : SLICE("-")};
        print_row(&columns, cells);
    }
    print_columns(&columns, cli_columns(), &c->out);
    return true;
}

bool cli_passkey_remove(struct cli *c, struct error *e)
{
    struct passkey_remove_ask ask = {
        .account = slice_text(arguments_text(&c->arguments, "account", 0)),
        .which = slice_text(c->arguments.words[0]),
        .reason = slice_text(arguments_text(&c->arguments, "reason", 0))};
    struct admin_asked asked;

    if (ask.which.len > PASSKEY_NAME_MAX) {
        return error_set(e, ERROR_INPUT, "there is no passkey of that name");
    }
    if ((ask.account.len == 0 && !passkey_prove(c, false, &ask.proof, e)) ||
        !cli_ask(c, CLI_KEEPER, &passkey_remove, &ask, &asked, NULL, CLI_ASK_MS, e)) {
        return false;
    }
    if (asked.id.len) {
        approvals_say(c, &asked);
    } else {
        buf_printf(&c->out, "removed %s; all sessions of the account are ended\n",
                   c->arguments.words[0]);
    }
    return true;
}
