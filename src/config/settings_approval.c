/* The rows of which letters a second person must let go. */
#include "config/settings_approval.h"

#include "config/internal.h"
#include "config/settings.h"

static const char *const role_words[] = {"employee", "auditor", "officer", "administrator", NULL};
static const char *const timeout_words[] = {"return", NULL};

static const struct config_setting approval_rows[] = {
    CONFIG_ROW("recipients-outside", COUNT, struct approval_settings, recipients_outside,
               .initial = "1000", .max = SETTINGS_RECIPIENTS_LIMIT_MAX,
               .help = "Letters to more different recipients outside of our domains than that.",
               .more = "0 is every letter that leaves the company. 1000, which no letter has more "
                       "than, is no condition."),
    CONFIG_ROW("approver-role", CHOICE, struct approval_settings, roles, .list = true,
               .words = role_words, .example = "officer",
               .help = "Accounts of these roles may approve."),
    CONFIG_ROW("approver-group", WORD, struct approval_settings, approver_groups, .list = true,
               .max = 64, .example = "sales-leads",
               .help = "Accounts in one of these groups may approve."),
    CONFIG_ROW("approver-account", MAILBOX, struct approval_settings, approver_accounts,
               .list = true, .example = "anna@example.test", .help = "These accounts may approve.",
               .more = "Nobody approves a letter of his own, or one that was sent in his name. Who "
                       "may is what the section said when the letter came, and what the account is "
                       "when it approves."),
    CONFIG_ROW("timeout", DURATION, struct approval_settings, timeout_ms, .initial = "2d",
               .min = CONFIG_SECOND, .max = 30 * CONFIG_DAY, .help = "How long a letter waits."),
    CONFIG_ROW("on-timeout", CHOICE, struct approval_settings, on_timeout, .initial = "return",
               .words = timeout_words,
               .help = "What becomes of it then: it goes back to its sender.",
               .more = "A letter that nobody approved is never sent."),
};
static const struct config_table settings_approval_table = {
    "[approval]", 0, approval_rows, sizeof(approval_rows) / sizeof(approval_rows[0])};
static const struct config_table settings_approval_when =
    CONDITIONS_TABLE("[approval] conditions", struct approval_settings, when);
const struct config_table *const settings_approval_tables[] = {&settings_approval_when,
                                                               &settings_approval_table};

static const char *wrong_with(const struct approval_settings *a)
{
    if (a->name.len > SETTINGS_APPROVAL_NAME_MAX) {
        return "its name has at most 40 characters";
    }
    if (a->recipients_outside == SETTINGS_RECIPIENTS_LIMIT_MAX &&
        settings_conditions_none(&a->when)) {
        return "it has no condition: `recipients-outside = 0` is every letter that leaves";
    }
    size_t approvers = a->roles.count + a->approver_groups.count + a->approver_accounts.count;
    if (approvers == 0) {
        return "nobody could approve: it wants `approver-role`, `approver-group` or "
               "`approver-account`";
    }
    return approvers > SETTINGS_APPROVERS_MAX ? "it names more than 100 approvers: use a group"
                                              : NULL;
}

struct slice settings_approval_contradiction(const struct settings *s, struct arena *arena)
{
    const struct approval_settings *all = s->approvals.items;

    for (size_t i = 0; i < s->approvals.count; i++) {
        const char *setting = NULL;
        const char *why = wrong_with(&all[i]);
        struct slice wrong =
            why ? slice_text(why) : settings_conditions_problem(&all[i].when, s, arena, &setting);
        if (wrong.len) {
            return arena_printf(arena, "[approval %.*s]: %.*s", SLICE_ARG(all[i].name),
                                SLICE_ARG(wrong));
        }
    }
    return SLICE_NONE;
}
