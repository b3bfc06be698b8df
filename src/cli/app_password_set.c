/* An app password or device is changed. */
#include "cli/account.h"
#include "cli/app_password.h"
#include "cli/options.h"
#include "cli/passkey.h"
#include "requests/factors.h"

const struct argument_option app_set_options[] = {
    OPTION("name", 0, "NAME", "what it is called from now on"),
    OPTION("expires", 0, "WHEN", "when it ends: `90d` from now, a day as 2027-01-31, or `never`"),
    OPTION_MANY("network", "NETWORK", "it signs in from there alone: 192.0.2.0/24; or `anywhere`"),
    LIMIT_OPTIONS,
    OPTION("no-limits", 0, NULL, "its own limits that are not given go"),
    OPTION("account", 0, "ACCOUNT", "another one's, for an officer or administrator"),
    OPTION("reason", 0, "TEXT", "why; stands in the ledger"),
    PROOF_OPTIONS,
    OPTION_END,
};

const struct argument_option device_list_options[] = {
    OPTION("all", 0, NULL, "of all accounts, for who runs the system and auditors"),
    OPTION_END,
};

static bool read_changes(struct cli *c, struct app_password_set_ask *ask, struct error *e)
{
    const struct arguments *a = &c->arguments;
    const char *name = arguments_text(a, "name", 0);
    const char *expires = arguments_text(a, "expires", 0);
    bool never = slice_equal(slice_text(expires), SLICE("never"));

    ask->app.name = name ? slice_text(name) : ask->which;
    ask->app.networks = app_texts(c, "network");
    ask->change = (name ? APP_SET_NAME : 0) | (expires ? APP_SET_EXPIRES : 0) |
                  (ask->app.networks.count ? APP_SET_NETWORKS : 0) |
                  (arguments_flag(a, "no-limits") ? APP_SET_NO_LIMITS : 0);
    if (ask->app.networks.count == 1 &&
        slice_equal(*(const struct slice *)ask->app.networks.items, SLICE("anywhere"))) {
        ask->app.networks.count = 0;
    }
    return (never || app_end(c, "expires", &ask->app.expires_at, e)) &&
           account_figures(c, ask->app.most, e) && app_is_good(&ask->app, e);
}

static bool changes_anything(const struct app_password_set_ask *ask)
{
    bool any = ask->change != 0;

    for (unsigned w = 0; w < APP_LIMIT_WINDOWS; w++) {
        for (unsigned m = 0; m < APP_LIMIT_MEASURES; m++) {
            any = any || ask->app.most[w][m];
        }
    }
    return any;
}

bool cli_app_password_set(struct cli *c, struct error *e)
{
    struct app_password_set_ask ask = {
        .account = slice_text(arguments_text(&c->arguments, "account", 0)),
        .which = slice_text(c->arguments.words[0]),
        .reason = slice_text(arguments_text(&c->arguments, "reason", 0))};
    struct admin_asked asked = {.wants_proof = false};

    if (ask.which.len > APP_PASSWORD_NAME_MAX) {
        return error_set(e, ERROR_INPUT, "there is none of that name");
    }
    if (!read_changes(c, &ask, e)) {
        return false;
    }
    if (!changes_anything(&ask)) {
        return error_set(e, ERROR_INPUT,
                         "say what changes: --name, --expires, --network, a limit or --no-limits");
    }
    if (!cli_ask(c, CLI_KEEPER, &app_password_set, &ask, &asked, NULL, CLI_ASK_MS, e)) {
        return false;
    }
    if (asked.wants_proof &&
        (!passkey_prove(c, true, &ask.proof, e) ||
         !cli_ask(c, CLI_KEEPER, &app_password_set, &ask, &asked, NULL, CLI_ASK_MS, e))) {
        return error_add(e, "it would be good for more than before, which wants a proof");
    }
    buf_printf(&c->out, "changed %s; sessions that it opened are ended\n", c->arguments.words[0]);
    return true;
}
