/* The rows of how letters must be protected. */
#include "config/settings_policy.h"

#include "config/internal.h"
#include "config/settings.h"

static const char *const method_words[] = {"smime",    "openpgp",   "attachments", "authenticated",
                                           "verified", "encrypted", "cleartext",   NULL};
static const char *const otherwise_words[] = {"hold", "return", NULL};

static const char *const metadata_words[] = {"keep", "remove", "require", NULL};

static const struct config_setting policy_rows[] = {
    CONFIG_ROW("methods", CHOICE, struct policy_settings, methods, .list = true, .required = true,
               .words = method_words, .example = "smime, openpgp, authenticated",
               .help = "What may protect these letters, in order of preference: the first that "
                       "works is taken.",
               .more = "`smime` and `openpgp` encrypt to the recipient, `attachments` locks the "
                       "files with a password, see `attachments-password`. The others are about "
                       "the connection: `authenticated` wants DANE, MTA-STS or a pin, `verified` a "
                       "certificate for the server's name, `encrypted` any TLS. One of these is "
                       "taken when nothing known speaks against it; then no server below it gets "
                       "the letter. `cleartext` must be named here, in a section with `to` or "
                       "`to-domain`."),
    CONFIG_ROW("otherwise", CHOICE, struct policy_settings, otherwise, .initial = "hold",
               .words = otherwise_words,
               .help = "What becomes of the letter for a recipient for whom none works.",
               .more = "With `hold` it waits until the officer lets it go, and its sender is told; "
                       "with `return` it goes back. Other recipients get it as ever."),
    CONFIG_ROW("reason", TEXT, struct policy_settings, reason, .max = 300,
               .example =
                   "\"Pay slips leave encrypted only. Ask for the recipient's certificate.\"",
               .help = "What the sender is told when none works: a sentence of your own."),
    CONFIG_ROW("metadata", CHOICE, struct policy_settings, metadata, .initial = "keep",
               .words = metadata_words,
               .help = "What becomes of what files say of who made them, where and with what.",
               .more = "With `remove` it is taken out of the copy that leaves, whatever protects "
                       "that; the letter in the archive stays as it was submitted. A file that is "
                       "damaged or encrypted and what its sender or a server has signed stay as "
                       "they are. With `require` such a letter does not leave, see `otherwise`. "
                       "Of documents, tracked changes are accepted and comments go. Files "
                       "in ZIP archives are cleaned as well; other archives are not opened and "
                       "count as what stays. `postern show` says what was taken out and what "
                       "stayed."),
};
static const struct config_table settings_policy_table = {
    "[policy]", 0, policy_rows, sizeof(policy_rows) / sizeof(policy_rows[0])};
static const struct config_table settings_policy_when =
    CONDITIONS_TABLE("[policy] conditions", struct policy_settings, when);
const struct config_table *const settings_policy_tables[] = {&settings_policy_when,
                                                             &settings_policy_table};

static const struct config_setting label_rows[] = {
    CONFIG_ROW("header-label", TEXT, struct label_settings, headers, .list = true, .max = 255,
               .example = "\"X-Label: secure\"",
               .help = "A header field that puts the label on a letter.",
               .more = "Where the field lists several values with commas between them, one of them "
                       "is enough."),
    CONFIG_ROW("subject-tag", TEXT, struct label_settings, subject_tags, .list = true, .max = 200,
               .example = "[secure], [sicher], [vertraulich]",
               .help = "A tag in the subject that does, in any case of letters of any script.",
               .more = "List one for each language that your people write."),
    CONFIG_ROW("account", MAILBOX, struct label_settings, accounts, .list = true,
               .example = "payroll@example.test",
               .help = "An account whose letters all bear the label.",
               .more = "So an application or a device that knows neither tags nor header fields "
                       "labels its letters by whom it signs in as. An ending of the recipients' "
                       "addresses would do that too, and is not offered: it stands in what the "
                       "recipients read, and mistyped it is another domain."),
    CONFIG_ROW("remove-tag", BOOLEAN, struct label_settings, remove_tag, .initial = "no",
               .help = "Take the tag off the subject of the copy that leaves.",
               .more = "The letter is kept as it was written. A subject that is not read the same "
                       "way everywhere, or longer than 8 KiB, stays as it is."),
};
static const struct config_table settings_label_table = {
    "[label]", 0, label_rows, sizeof(label_rows) / sizeof(label_rows[0])};
const struct config_table *const settings_label_tables[] = {&settings_label_table};

const char *settings_method_name(int method)
{
    return method >= SETTING_METHOD_SMIME && method <= SETTING_METHOD_CLEARTEXT
               ? method_words[method]
               : "?";
}

const struct label_settings *settings_label(const struct settings *s, struct slice name)
{
    const struct label_settings *all = s->labels.items;

    for (size_t i = 0; i < s->labels.count; i++) {
        if (slice_equal(all[i].name, name)) {
            return &all[i];
        }
    }
    return NULL;
}

const struct policy_settings *settings_policy_shadowed(const struct settings *s, size_t *at)
{
    const struct policy_settings *all = s->policies.items;

    while (s->documents.password == SETTING_PASSWORD_GENERATED && *at < s->policies.count) {
        const struct policy_settings *p = &all[(*at)++];
        const int *methods = p->methods.items;
        for (size_t i = 0; i + 1 < p->methods.count; i++) {
            if (methods[i] == SETTING_METHOD_ATTACHMENTS) {
                return p;
            }
        }
    }
    return NULL;
}

/* ── what contradicts itself ── */

/* Where in the file a section stands, or a setting in it; 0: not found. */
static size_t find_line(struct slice bytes, const char *section, struct slice argument,
                        const char *setting)
{
    size_t number = 0;
    size_t found = 0;
    bool inside = false;

    while (bytes.len) {
        struct slice text = slice_cut(bytes, '\n', &bytes);
        if (text.len && text.ptr[text.len - 1] == '\r') {
            text.len--;
        }
        const struct config_line l = config_line_read(text);
        number++;
        if (l.kind == CONFIG_LINE_SECTION) {
            inside = slice_equal(l.name, slice_text(section)) && slice_equal(l.value, argument);
            found = inside && !found ? number : found;
        } else if (inside && setting && l.kind == CONFIG_LINE_SETTING &&
                   slice_equal(l.name, slice_text(setting))) {
            return number;
        }
    }
    return found;
}

static bool has_method(const struct policy_settings *p, int method, size_t until)
{
    const int *methods = p->methods.items;

    for (size_t i = 0; i < until; i++) {
        if (methods[i] == method) {
            return true;
        }
    }
    return false;
}

static bool repeats_method(const struct policy_settings *p)
{
    const int *methods = p->methods.items;

    for (size_t i = 0; i < p->methods.count; i++) {
        if (has_method(p, methods[i], i)) {
            return true;
        }
    }
    return p->methods.count > SETTINGS_METHODS_MAX;
}

/* The steps behind one that is about the connection and always taken would never be looked at. */
static bool never_reached(const struct policy_settings *p)
{
    const int *methods = p->methods.items;

    for (size_t i = 0; i + 1 < p->methods.count; i++) {
        if (methods[i] >= SETTING_METHOD_VERIFIED) {
            return true;
        }
    }
    return false;
}

static struct slice wrong_with_policy(const struct settings *s, size_t at, struct arena *arena,
                                      const char **setting)
{
    const struct policy_settings *p = (const struct policy_settings *)s->policies.items + at;
    bool last = slice_equal(p->name, SLICE(SETTINGS_POLICY_DEFAULT));
    bool named = p->when.recipients.count || p->when.domains.count;

    *setting = NULL;
    if (p->name.len > SETTINGS_POLICY_NAME_MAX) {
        return SLICE("its name has at most 40 characters");
    }
    if (last && !settings_conditions_none(&p->when)) {
        return SLICE("it is for all that no other section is for, and has no conditions");
    }
    if (last && at + 1 != s->policies.count) {
        return SLICE("it stands behind the other [policy] sections: they would never count");
    }
    if (!last && settings_conditions_none(&p->when)) {
        return SLICE("it has no condition, such as `label`, `from`, `to-domain` or `outside = "
                     "yes`; what is for all letters is called [policy default] and stands last");
    }
    *setting = "methods";
    if (repeats_method(p)) {
        return SLICE("`methods` names one of them twice");
    }
    if (never_reached(p)) {
        return SLICE(
            "`verified`, `encrypted` and `cleartext` end `methods`: they are always taken, "
            "and what stands behind would never be");
    }
    if (has_method(p, SETTING_METHOD_CLEARTEXT, p->methods.count) && !named) {
        return SLICE("`cleartext` is for whom the section names: it wants `to` or `to-domain`");
    }
    return settings_conditions_problem(&p->when, s, arena, setting);
}

static struct slice wrong_with_label(const struct label_settings *l, const char **setting)
{
    const struct slice *headers = l->headers.items;
    struct slice name;
    struct slice value;

    *setting = NULL;
    if (l->name.len > SETTINGS_LABEL_NAME_MAX) {
        return SLICE("its name has at most 40 characters");
    }
    if (l->headers.count + l->subject_tags.count + l->accounts.count == 0) {
        return SLICE("nothing puts it on a letter: it wants `header-label`, `subject-tag` or "
                     "`account`");
    }
    *setting = "remove-tag";
    if (l->remove_tag && l->subject_tags.count == 0) {
        return SLICE("`remove-tag` without a `subject-tag`");
    }
    *setting = "header-label";
    for (size_t i = 0; i < l->headers.count; i++) {
        if (!settings_tenant_header(headers[i], &name, &value)) {
            return SLICE("`header-label` wants a field such as `X-Label: secure`");
        }
    }
    return SLICE_NONE;
}

static struct slice sentence(struct arena *arena, const char *file, size_t line,
                             const char *section, struct slice name, struct slice wrong)
{
    return line ? arena_printf(arena, "%s:%zu: [%s %.*s]: %.*s", file, line, section,
                               SLICE_ARG(name), SLICE_ARG(wrong))
                : arena_printf(arena, "%s: [%s %.*s]: %.*s", file, section, SLICE_ARG(name),
                               SLICE_ARG(wrong));
}

struct slice settings_policy_contradiction(const struct settings *s, struct slice bytes,
                                           const char *file, struct arena *arena)
{
    const struct label_settings *labels = s->labels.items;
    const struct policy_settings *policies = s->policies.items;
    const char *setting = NULL;

    for (size_t i = 0; i < s->labels.count; i++) {
        struct slice wrong = wrong_with_label(&labels[i], &setting);
        if (wrong.len) {
            size_t line = find_line(bytes, "label", labels[i].name, setting);
            return sentence(arena, file, line, "label", labels[i].name, wrong);
        }
    }
    for (size_t i = 0; i < s->policies.count; i++) {
        struct slice wrong = wrong_with_policy(s, i, arena, &setting);
        if (wrong.len) {
            size_t line = find_line(bytes, "policy", policies[i].name, setting);
            return sentence(arena, file, line, "policy", policies[i].name, wrong);
        }
    }
    return SLICE_NONE;
}
