/* Accounts: who may send, as whom. */
#include "cli/user.h"

#include "cli/approvals.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/passkey.h"
#include "cli/print.h"
#include "cli/shared.h"
#include "cli/terminal.h"
#include "requests/admin.h"
#include "requests/auth.h"

const struct argument_option user_add_options[] = {
    OPTION_MANY("address", "ADDRESS",
                "a further address it may send as; `*@DOMAIN`, of an application: all of them"),
    OPTION_MANY("group", "NAME", "a group that it is in"),
    OPTION("name", 0, "NAME", "its holder's name"),
    OPTION("role", 0, "ROLE", "`employee`, `auditor`, `officer`, `administrator` or `application`"),
    OPTION("password-stdin", 0, NULL, "the password is one line of standard input"),
    OPTION("no-password", 0, NULL, "nobody can log in until one is set"),
    OPTION("reason", 0, "TEXT", "why; stands in the ledger"),
    OPTION_END,
};

const struct argument_option user_set_options[] = {
    OPTION_MANY("address", "ADDRESS", "an address it may send as: these replace the old ones"),
    OPTION("no-addresses", 0, NULL, "from now on it may send as itself alone"),
    OPTION_MANY("group", "NAME", "a group that it is in: these replace the old ones"),
    OPTION("no-groups", 0, NULL, "from now on it is in none"),
    OPTION("name", 0, "NAME", "its holder's name"),
    OPTION("role", 0, "ROLE", "`employee`, `auditor`, `officer`, `administrator` or `application`"),
    OPTION("password", 0, NULL, "ask for a new password"),
    OPTION("password-stdin", 0, NULL,
           "the new password is one line of standard input, your own present one the next"),
    OPTION("code", 0, "CODE", "for your own password, instead of the present one"),
    OPTION("passkey", 0, NULL, "likewise, a passkey of yours"),
    JSON_OPTION,
    OPTION("notify", 0, "ADDRESS", "its holder is told there as well what happens to it; `none`"),
    OPTION("disable", 0, NULL, "close it; what it signs in with ends"),
    OPTION("enable", 0, NULL, "open it again"),
    OPTION("reason", 0, "TEXT", "why; stands in the ledger"),
    OPTION_END,
};

const struct argument_option user_list_options[] = {
    OPTION_MANY("group", "NAME", "only accounts that are in this group"),
    OPTION_END,
};

/* The role as it was given; 0 when none was. */
static bool role_of(struct cli *c, uint64_t *role, struct error *e)
{
    const char *text = arguments_text(&c->arguments, "role", 0);

    *role = 0;
    return !text || account_role_from(slice_text(text), role) ||
           error_set(e, ERROR_INPUT,
                     "there is no role `%s`: say employee, auditor, officer, administrator or "
                     "application",
                     text);
}

static struct cbor_list groups_of(struct cli *c)
{
    size_t count = arguments_count(&c->arguments, "group");
    struct slice *groups = arena_array(&c->arena, count + 1, sizeof(*groups));

    for (size_t i = 0; i < count; i++) {
        groups[i] = slice_text(arguments_text(&c->arguments, "group", i));
    }
    return (struct cbor_list){groups, count};
}

/* Addresses, groups, display name, role and reason as they were given. */
static bool fill(struct cli *c, struct admin_user_ask *ask, struct error *e)
{
    const struct arguments *a = &c->arguments;
    size_t count = arguments_count(a, "address");
    struct slice *addresses = arena_array(&c->arena, count + 1, sizeof(*addresses));

    for (size_t i = 0; i < count; i++) {
        addresses[i] = slice_text(arguments_text(a, "address", i));
    }
    ask->account = slice_text(a->words[0]);
    ask->addresses = (struct cbor_list){addresses, count};
    ask->groups = groups_of(c);
    ask->display = slice_text(arguments_text(a, "name", 0));
    ask->reason = slice_text(arguments_text(a, "reason", 0));
    return role_of(c, &ask->role, e);
}

static void say(struct cli *c, const char *done, const struct admin_asked *asked)
{
    if (asked->id.len) {
        approvals_say(c, asked);
    } else {
        buf_printf(&c->out, "%s %s\n", done, c->arguments.words[0]);
    }
}

bool cli_user_add(struct cli *c, struct error *e)
{
    struct admin_user_ask ask = {.disabled = false};
    struct admin_asked asked;
    OWN(secret) struct secret *password = NULL;

    if (!fill(c, &ask, e)) {
        return false;
    }
    if (!arguments_flag(&c->arguments, "no-password") &&
        !terminal_new_password(arguments_flag(&c->arguments, "password-stdin"), AUTH_PASSWORD_MAX,
                               &password, e)) {
        return false;
    }
    ask.password = secret_slice(password);
    if (!cli_ask(c, CLI_KEEPER, &admin_user_add, &ask, &asked, NULL, CLI_ASK_MS, e)) {
        return false;
    }
    say(c, "added", &asked);
    return true;
}

/* A change of something else leaves an account as closed or open as it is. */
static bool is_disabled(struct cli *c, struct slice account, bool *disabled, struct error *e)
{
    struct admin_users answer;

    if (!cli_ask(c, CLI_KEEPER, &admin_user_list, NULL, &answer, NULL, CLI_ASK_MS, e)) {
        return false;
    }
    const struct admin_user *users = answer.users.items;
    for (size_t i = 0; i < answer.users.count; i++) {
        if (users[i].role && slice_equal_nocase(users[i].account, account)) {
            *disabled = users[i].disabled;
            return true;
        }
    }
    return error_set(e, ERROR_INPUT,
                     "there is no account `%.*s`; `postern user list` shows those there are",
                     SLICE_ARG(slice_head(account, 100)));
}

/* Whoever sets his own password is asked anew who he is. */
static bool ask_to_set(struct cli *c, struct admin_user_ask *ask, struct admin_asked *asked,
                       struct error *e)
{
    if (!cli_ask(c, CLI_KEEPER, &admin_user_set, ask, asked, NULL, CLI_ASK_MS, e)) {
        return false;
    }
    if (!asked->wants_proof) {
        return true;
    }
    if (!passkey_prove(c, true, &ask->proof, e)) {
        return error_add(e, "your own password wants the present one, a code or a passkey");
    }
    return cli_ask(c, CLI_KEEPER, &admin_user_set, ask, asked, NULL, CLI_ASK_MS, e);
}

bool cli_user_set(struct cli *c, struct error *e)
{
    const struct arguments *a = &c->arguments;
    struct admin_user_ask ask = {.disabled = false};
    struct admin_asked asked;
    OWN(secret) struct secret *password = NULL;
    bool enable = arguments_flag(a, "enable");
    bool disable = arguments_flag(a, "disable");
    bool from_stdin = arguments_flag(a, "password-stdin");

    if (!fill(c, &ask, e)) {
        return false;
    }
    ask.notify = slice_text(arguments_text(a, "notify", 0));
    ask.no_addresses = arguments_flag(a, "no-addresses");
    if (ask.no_addresses && ask.addresses.count) {
        return error_set(e, ERROR_INPUT, "--no-addresses and --address exclude each other");
    }
    ask.no_groups = arguments_flag(a, "no-groups");
    if (ask.no_groups && ask.groups.count) {
        return error_set(e, ERROR_INPUT, "--no-groups and --group exclude each other");
    }
    if (enable && disable) {
        return error_set(e, ERROR_INPUT, "--enable and --disable exclude each other");
    }
    if (!is_disabled(c, ask.account, &ask.disabled, e)) {
        return false;
    }
    if ((from_stdin || arguments_flag(a, "password")) &&
        !terminal_new_password(from_stdin, AUTH_PASSWORD_MAX, &password, e)) {
        return false;
    }
    ask.disabled = disable || (ask.disabled && !enable);
    ask.password = secret_slice(password);
    if (!ask_to_set(c, &ask, &asked, e)) {
        return false;
    }
    say(c, "changed", &asked);
    return true;
}

static struct slice join(const struct cbor_list *list, struct arena *arena)
{
    const struct slice *items = list->items;
    struct slice all = SLICE_NONE;

    for (size_t i = 0; i < list->count; i++) {
        all = arena_printf(arena, "%.*s%s%.*s", SLICE_ARG(all), i ? ", " : "", SLICE_ARG(items[i]));
    }
    return all;
}

/* Whether it is in one of the groups that were asked for; all are when none was. */
static bool is_wanted(const struct admin_user *user, const struct cbor_list *groups)
{
    const struct slice *wanted = groups->items;
    const struct slice *in = user->groups.items;
    bool is = groups->count == 0;

    for (size_t i = 0; i < groups->count; i++) {
        for (size_t k = 0; k < user->groups.count; k++) {
            is = is || slice_equal(wanted[i], in[k]);
        }
    }
    return is;
}

static struct slice second_text(const struct admin_user *u)
{
    return u->second_since && u->passkeys ? SLICE("yes, passkey")
           : u->passkeys                  ? SLICE("passkey")
           : u->second_since              ? SLICE("yes")
                                          : SLICE("-");
}

/* "active" or what else holds, and the directory that it is from. */
static struct slice state_of(const struct admin_user *user, struct arena *arena)
{
    const char *state = user->disabled && user->suspended ? "disabled, suspended"
                        : user->disabled                  ? "disabled"
                        : user->suspended                 ? "suspended"
                                                          : "active";

    return user->directory.len ? arena_printf(arena, "%s (%.*s)", state, SLICE_ARG(user->directory))
                               : slice_text(state);
}

bool cli_user_list(struct cli *c, struct error *e)
{
    static const char *const heads[] = {"ACCOUNT",       "ROLE", "STATE",  "SINCE",
                                        "SECOND FACTOR", "NAME", "GROUPS", "MAY ALSO SEND AS"};
    struct print_columns columns = {.arena = &c->arena, .heads = heads, .count = 8};
    const struct cbor_list groups = groups_of(c);
    struct admin_users answer;

    if (!cli_ask(c, CLI_KEEPER, &admin_user_list, NULL, &answer, NULL, CLI_ASK_MS, e)) {
        return false;
    }
    const struct admin_user *users = answer.users.items;
    const struct shared *shared = shared_find(&answer, &c->arena);
    for (size_t i = 0; i < answer.users.count; i++) {
        const struct slice cells[] = {
            shared_name(shared, &users[i])
                ? arena_printf(&c->arena, "%.*s (shared)", SLICE_ARG(users[i].account))
                : users[i].account,
            slice_text(users[i].role ? account_role_name(users[i].role) : "no account"),
            state_of(&users[i], &c->arena),
            print_time(&c->arena, users[i].created_at),
            second_text(&users[i]),
            users[i].display,
            join(&users[i].groups, &c->arena),
            shared_text(shared, &users[i], &c->arena)};
        if (is_wanted(&users[i], &groups)) {
            print_row(&columns, cells);
        }
    }
    print_columns(&columns, cli_columns(), &c->out);
    return true;
}
