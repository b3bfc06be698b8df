/* App passwords: one for each program or device, so that none of them knows the main password. */
#include "cli/app_password.h"

#include <stdio.h>

#include "base/clock.h"

#include "cli/account.h"
#include "cli/passkey.h"
#include "cli/print.h"
#include "requests/factors.h"
#include "stages/limits/limits.h"
#include "stages/retention/term.h"

#define DAY_MS (UINT64_C(24) * 3600 * 1000)

struct cbor_list app_texts(struct cli *c, const char *option)
{
    size_t count = arguments_count(&c->arguments, option);
    struct slice *texts = arena_array(&c->arena, count + 1, sizeof(*texts));

    for (size_t i = 0; i < count; i++) {
        texts[i] = slice_text(arguments_text(&c->arguments, option, i));
    }
    return (struct cbor_list){texts, count};
}

static bool scopes_of(struct cli *c, uint64_t *scopes, struct error *e)
{
    size_t count = arguments_count(&c->arguments, "scope");

    *scopes = count ? 0 : APP_SCOPE_SEND;
    for (size_t i = 0; i < count; i++) {
        struct slice name = slice_text(arguments_text(&c->arguments, "scope", i));
        if (slice_equal(name, SLICE("send"))) {
            *scopes |= APP_SCOPE_SEND;
        } else if (slice_equal(name, SLICE("read"))) {
            *scopes |= APP_SCOPE_READ;
        } else {
            return error_set(e, ERROR_INPUT, "there is no scope `%.*s`: say send or read",
                             SLICE_ARG(name));
        }
    }
    return true;
}

bool app_end(struct cli *c, const char *option, uint64_t *expires_at, struct error *e)
{
    const char *text = arguments_text(&c->arguments, option, 0);
    struct slice s = slice_text(text);
    uint64_t days = 0;
    int64_t day = 0;

    *expires_at = 0;
    if (!text) {
        return true;
    }
    if (s.len > 1 && s.ptr[s.len - 1] == 'd' &&
        slice_decimal(slice_head(s, s.len - 1), 3650, &days) && days > 0) {
        *expires_at = (uint64_t)clock_wall_ms() + days * DAY_MS;
        return true;
    }
    if (!retention_day_read(s, &day) || day <= 0) {
        return error_set(e, ERROR_INPUT, "`%s` is no end: say 90d, or a day as 2027-01-31", text);
    }
    *expires_at = (uint64_t)day;
    return true;
}

bool app_is_good(const struct app_password *p, struct error *e)
{
    if (!app_password_name_is_good(p->name)) {
        return error_set(
            e, ERROR_INPUT,
            "an app password or device is called by at most %d letters, digits, blanks, dots "
            "and dashes, `phone` for instance",
            APP_PASSWORD_NAME_MAX);
    }
    return (p->addresses.count <= APP_PASSWORD_ITEMS && p->networks.count <= APP_PASSWORD_ITEMS &&
            p->domains.count <= APP_PASSWORD_ITEMS) ||
           error_set(e, ERROR_INPUT, "at most %d addresses, networks or domains",
                     APP_PASSWORD_ITEMS);
}

bool cli_app_password_add(struct cli *c, struct error *e)
{
    struct app_password_add_ask ask = {
        .app = {.name = slice_text(c->arguments.words[0]),
                .addresses = app_texts(c, "address"),
                .networks = app_texts(c, "network"),
                .domains = app_texts(c, "to-domain")}
    };
    struct app_password_added added;

    if (!app_is_good(&ask.app, e) || !account_figures(c, ask.app.most, e) ||
        !scopes_of(c, &ask.app.scopes, e) || !app_end(c, "expires", &ask.app.expires_at, e) ||
        !passkey_prove(c, true, &ask.proof, e) ||
        !cli_ask(c, CLI_KEEPER, &app_password_add, &ask, &added, NULL, CLI_ASK_MS, e)) {
        return false;
    }
    buf_printf(&c->out, "%.*s\n", SLICE_ARG(added.password));
    (void)fprintf(stderr,
                  "Type it into the program or device as its password, with the account's name. It "
                  "is shown\nthis once; `postern app-password revoke %s` ends it.\n",
                  c->arguments.words[0]);
    return true;
}

static struct slice join(struct cli *c, const struct cbor_list *list, const char *none)
{
    const struct slice *items = list->items;
    struct slice all = list->count ? SLICE_NONE : slice_text(none);

    for (size_t i = 0; i < list->count; i++) {
        all = arena_printf(&c->arena, "%.*s%s%.*s", SLICE_ARG(all), i ? " " : "",
                           SLICE_ARG(items[i]));
    }
    return all;
}

static struct slice scope_text(uint64_t scopes)
{
    return scopes == APP_SCOPE_SEND   ? SLICE("send")
           : scopes == APP_SCOPE_READ ? SLICE("read")
                                      : SLICE("send read");
}

/* Its beginning: as much as tells one from another. */
static struct slice key_text(struct cli *c, const struct app_password *p)
{
    struct slice text = SLICE_NONE;

    for (size_t i = 0; i < p->pin.len && i < 8; i++) {
        text = arena_printf(&c->arena, "%.*s%02x", SLICE_ARG(text), p->pin.ptr[i]);
    }
    return text;
}

static struct slice use_text(struct cli *c, const struct app_password *p)
{
    return p->used_at
               ? arena_printf(&c->arena, "%.*s %.*s", SLICE_ARG(print_time(&c->arena, p->used_at)),
                              SLICE_ARG(p->used_from))
               : SLICE("never");
}

/* "letters-per-hour 20 bytes-per-day 1048576" */
static struct slice limits_text(struct cli *c, const struct app_password *p)
{
    OWN(buf) struct buf text = {.max = 600};

    for (unsigned w = 0; w < LIMITS_WINDOWS; w++) {
        for (unsigned m = 0; m < LIMITS_MEASURES; m++) {
            if (p->most[w][m]) {
                buf_printf(&text, "%s%s %llu", text.len ? " " : "", limits_setting(w, m),
                           (unsigned long long)p->most[w][m]);
            }
        }
    }
    return text.len ? arena_copy(&c->arena, buf_slice(&text)) : SLICE("the account's");
}

/* An app password with what it is for, or a device with its key; of an account where several are shown. */
static void list_row(struct cli *c, const struct app_password *p, struct slice account,
                     struct print_columns *columns)
{
    bool over = app_password_is_over(p, (uint64_t)clock_wall_ms());
    const struct slice cells[] = {account,
                                  p->name,
                                  p->id,
                                  p->pin.len ? key_text(c, p) : scope_text(p->scopes),
                                  print_time(&c->arena, p->created_at),
                                  over ? SLICE("expired") : print_time(&c->arena, p->expires_at),
                                  join(c, &p->addresses, "any of the account's"),
                                  join(c, &p->networks, "anywhere"),
                                  join(c, &p->domains, "anybody"),
                                  limits_text(c, p),
                                  use_text(c, p)};

    print_row(columns, account.len ? cells : cells + 1);
}

static const char *const heads[] = {"NAME",     "ID",   "FOR", "SINCE",  "ENDS",
                                    "SENDS AS", "FROM", "TO",  "LIMITS", "LAST USE"};
static const char *const device_heads[] = {"NAME",     "ID",   "KEY", "SINCE",  "ENDS",
                                           "SENDS AS", "FROM", "TO",  "LIMITS", "LAST USE"};

static void show(struct cli *c, struct print_columns *columns)
{
    if (!columns->first) {
        (void)fprintf(stderr, "There are none.\n");
        c->status = CLI_NOTHING;
        return;
    }
    print_columns(columns, cli_columns(), &c->out);
}

static bool list(struct cli *c, bool devices, struct error *e)
{
    struct print_columns columns = {
        .arena = &c->arena, .heads = devices ? device_heads : heads, .count = 10};
    const struct app_password_list_ask ask = {
        slice_text(c->arguments.n_words ? c->arguments.words[0] : NULL)};
    struct app_password_list_answer answer;

    if (!cli_ask(c, CLI_KEEPER, &app_password_list, &ask, &answer, NULL, CLI_ASK_MS, e)) {
        return false;
    }
    const struct app_password *apps = answer.apps.items;
    for (size_t i = 0; i < answer.apps.count; i++) {
        if (devices == (apps[i].pin.len > 0)) {
            list_row(c, &apps[i], SLICE_NONE, &columns);
        }
    }
    show(c, &columns);
    return true;
}

static bool list_all(struct cli *c, struct error *e)
{
    static const char *const all_heads[] = {"ACCOUNT",  "NAME", "ID", "KEY",    "SINCE",   "ENDS",
                                            "SENDS AS", "FROM", "TO", "LIMITS", "LAST USE"};
    struct print_columns columns = {.arena = &c->arena, .heads = all_heads, .count = 11};
    struct device_list_all_ask ask = {SLICE_NONE};
    struct device_list_all_answer answer;

    do {
        answer = (struct device_list_all_answer){.next = SLICE_NONE};
        if (!cli_ask(c, CLI_KEEPER, &device_list_all, &ask, &answer, NULL, CLI_ASK_MS, e)) {
            return false;
        }
        const struct device_of *all = answer.devices.items;
        for (size_t i = 0; i < answer.devices.count; i++) {
            list_row(c, &all[i].device, all[i].account, &columns);
        }
        ask.after = answer.next;
    } while (ask.after.len);
    show(c, &columns);
    return true;
}

bool cli_app_password_list(struct cli *c, struct error *e)
{
    return list(c, false, e);
}

bool cli_device_list(struct cli *c, struct error *e)
{
    if (!arguments_flag(&c->arguments, "all")) {
        return list(c, true, e);
    }
    return c->arguments.n_words ? error_set(e, ERROR_INPUT, "say --all, or whose devices: not both")
                                : list_all(c, e);
}

bool cli_app_password_revoke(struct cli *c, struct error *e)
{
    const struct app_password_revoke_ask ask = {
        .account = slice_text(arguments_text(&c->arguments, "account", 0)),
        .which = slice_text(c->arguments.words[0]),
        .reason = slice_text(arguments_text(&c->arguments, "reason", 0))};

    if (ask.which.len > APP_PASSWORD_NAME_MAX) {
        return error_set(e, ERROR_INPUT, "there is none of that name");
    }
    if (!cli_ask(c, CLI_KEEPER, &app_password_revoke, &ask, NULL, NULL, CLI_ASK_MS, e)) {
        return false;
    }
    buf_printf(&c->out, "revoked %s; sessions that it opened are ended\n", c->arguments.words[0]);
    return true;
}
