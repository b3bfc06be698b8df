/* The rows of which letters a section is about. */
#include "config/settings_conditions.h"

#include "config/internal.h"
#include "config/settings.h"

static const char *const finding_words[] = {"attachment", "encrypted", "mismatch", "card",
                                            "iban",       "unread",    NULL};

#define THIS struct conditions_settings
const struct config_setting settings_conditions_rows[SETTINGS_CONDITIONS] = {
    CONFIG_ROW("subject-tag", TEXT, THIS, subject_tags, .list = true, .max = 200,
               .example = "[secure-approval]",
               .help = "Letters whose subject has one of these in it, in any case of letters."),
    CONFIG_ROW("header-label", TEXT, THIS, header_labels, .list = true, .max = 255,
               .example = "\"Sensitivity: Company-Confidential\"",
               .help = "Letters that have one of these header fields.",
               .more = "Where the field lists several values with commas between them, one of them "
                       "is enough."),
    CONFIG_ROW("label", WORD, THIS, labels, .list = true, .max = SETTINGS_LABEL_NAME_MAX,
               .example = "secure", .help = "Letters that bear one of these labels, see [label]."),
    CONFIG_ROW("from", MAILBOX, THIS, senders, .list = true, .example = "payroll@example.test",
               .help = "Letters of one of these addresses: of its account, its From or its "
                       "reverse-path."),
    CONFIG_ROW("from-domain", DOMAIN, THIS, sender_domains, .list = true,
               .example = "lawyers.example.test",
               .help = "Letters of an address in one of these domains."),
    CONFIG_ROW("group", WORD, THIS, groups, .list = true, .max = 64, .example = "sales",
               .help = "Letters whose sender's account was in one of these groups when they came."),
    CONFIG_ROW("to", MAILBOX, THIS, recipients, .list = true, .example = "paul@partner.test",
               .help = "Letters to one of these addresses."),
    CONFIG_ROW("to-domain", DOMAIN, THIS, domains, .list = true, .example = "competitor.example",
               .help = "Letters with a recipient in one of these domains."),
    CONFIG_ROW("outside", BOOLEAN, THIS, outside, .initial = "no",
               .help = "With `yes`: letters to somebody outside of our domains.",
               .more = "`no` is no condition."),
    CONFIG_ROW("finding", CHOICE, THIS, findings, .list = true, .words = finding_words,
               .example = "card, iban", .help = "Letters in which one of these was found.",
               .more = "A file at all, something that is encrypted, a file that is something else "
                       "than it says, numbers of payment cards or bank accounts, something that "
                       "could not be read. What nobody could read may hold any of them: list "
                       "`unread` as well where that matters."),
    CONFIG_ROW("attachment-larger-than", SIZE, THIS, attachment_larger, .initial = "0B",
               .max = CONFIG_GIB,
               .help = "Letters with a file that is larger, as it stands in the letter, encoded.",
               .more = "Of a letter that could not be read whole, its own size counts. 0B is no "
                       "condition."),
    CONFIG_ROW("larger-than", SIZE, THIS, larger, .initial = "0B", .max = CONFIG_GIB,
               .help = "Letters that are larger as a whole.", .more = "0B is no condition."),
};
#undef THIS

bool settings_conditions_none(const struct conditions_settings *c)
{
    size_t lists = c->subject_tags.count + c->header_labels.count + c->groups.count +
                   c->domains.count + c->recipients.count + c->senders.count +
                   c->sender_domains.count + c->labels.count + c->findings.count;

    return lists == 0 && !c->outside && c->attachment_larger == 0 && c->larger == 0;
}

static struct slice known_labels(const struct settings *s, struct arena *arena)
{
    const struct label_settings *all = s->labels.items;
    struct slice text = SLICE_NONE;

    for (size_t i = 0; i < s->labels.count && text.len < 200; i++) {
        text = arena_printf(arena, "%.*s%s%.*s", SLICE_ARG(text), i ? ", " : "",
                            SLICE_ARG(all[i].name));
    }
    return text.len ? text : SLICE("none");
}

struct slice settings_conditions_problem(const struct conditions_settings *c,
                                         const struct settings *s, struct arena *arena,
                                         const char **setting)
{
    const struct slice *fields = c->header_labels.items;
    const struct slice *labels = c->labels.items;
    struct slice name;
    struct slice value;

    *setting = "header-label";
    for (size_t i = 0; i < c->header_labels.count; i++) {
        if (!settings_tenant_header(fields[i], &name, &value)) {
            return SLICE(
                "`header-label` wants a field such as `Sensitivity: Company-Confidential`");
        }
    }
    *setting = "label";
    for (size_t i = 0; i < c->labels.count; i++) {
        if (!settings_label(s, labels[i])) {
            return arena_printf(
                arena,
                "`label` wants the name of a [label] section; it says `%.*s`, and there is %.*s",
                SLICE_ARG(labels[i]), SLICE_ARG(known_labels(s, arena)));
        }
    }
    return SLICE_NONE;
}

const char *settings_finding_name(int finding)
{
    return finding >= SETTING_FINDING_ATTACHMENT && finding <= SETTING_FINDING_UNREAD
               ? finding_words[finding]
               : "?";
}
