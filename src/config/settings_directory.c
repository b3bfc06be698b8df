/* The rows of the directories that accounts come from. */
#include "config/internal.h"
#include "config/settings.h"

static const char *const tls_words[] = {"ldaps", "starttls", NULL};
static const char *const kind_words[] = {"ldap", "active-directory", NULL};

#define DN_MAX 1000

static const struct config_setting rows[] = {
    CONFIG_ROW("server", ENDPOINT, struct directory_settings, servers, .list = true,
               .required = true, .min = 636, .example = "ldap1.example.test, ldap2.example.test",
               .help = "The directory's servers, in the order in which they are tried.",
               .more = "The one that answered last comes first. There is no way to speak with one "
                       "in cleartext. With `tls = starttls` the "
                       "port is mostly 389, which must be written."),
    CONFIG_ROW("tls", CHOICE, struct directory_settings, tls, .initial = "ldaps",
               .words = tls_words,
               .help = "TLS from the first byte, or by STARTTLS before anything else is said."),
    CONFIG_ROW(
        "tls-name", DOMAIN, struct directory_settings, tls_name, .example = "ldap.example.test",
        .help = "The name that their certificates must show, when that is not the server's."),
    CONFIG_ROW("trust-store", PATH, struct directory_settings, trust_store,
               .initial = "/etc/ssl/certs/ca-certificates.crt",
               .help = "The authorities that may have issued their certificates (PEM)."),
    CONFIG_ROW("bind-dn", TEXT, struct directory_settings, bind_dn, .required = true, .max = DN_MAX,
               .example = "cn=postern,ou=services,dc=example,dc=test",
               .help = "As whom Postern signs in there to look people up; reading is enough."),
    CONFIG_ROW("bind-password-file", PATH, struct directory_settings, bind_password_file,
               .required = true, .example = "/etc/postern/directory-office",
               .help = "File with its password in the first line, readable by root alone."),
    CONFIG_ROW("kind", CHOICE, struct directory_settings, kind, .initial = "ldap",
               .words = kind_words,
               .help = "Whose defaults `user-filter` and `key-attribute` have."),
    CONFIG_ROW("base", TEXT, struct directory_settings, base, .required = true, .max = DN_MAX,
               .example = "ou=people,dc=example,dc=test",
               .help = "Below which entry people are looked for."),
    CONFIG_ROW("group-base", TEXT, struct directory_settings, group_base, .max = DN_MAX,
               .example = "ou=groups,dc=example,dc=test",
               .help = "Below which entry groups lie that are members of groups.",
               .more =
                   "Their members, and those of groups within them, count as members of the group "
                   "that a setting names. Without it members that are groups count for nothing."),
    CONFIG_ROW("user-filter", TEXT, struct directory_settings, user_filter, .max = DN_MAX,
               .example = "(&(objectClass=inetOrgPerson)(mail=*))",
               .help = "Which entries there are people who have an account (RFC 4515).",
               .more =
                   "By default persons with an address: `(&(objectClass=inetOrgPerson)(mail=*))`, "
                   "of Active Directory `(&(objectCategory=person)(objectClass=user)(mail=*))`."),
    CONFIG_ROW("key-attribute", TEXT, struct directory_settings, key_attribute, .max = 60,
               .example = "entryUUID",
               .help = "What stays the same when a person is renamed or moved.",
               .more = "By default `entryUUID`, of Active Directory `objectGUID`."),
    CONFIG_ROW("name-attribute", TEXT, struct directory_settings, name_attributes, .list = true,
               .max = 60, .initial = "displayName, cn",
               .help = "Where a person's name stands; the first that there is counts."),
    CONFIG_ROW("address-attribute", TEXT, struct directory_settings, address_attributes,
               .list = true, .max = 60, .initial = "mail, proxyAddresses",
               .help = "Where a person's addresses stand; the first address is the account's name.",
               .more = "One with `SMTP:` before it comes first, those with `smtp:` follow, other "
                       "schemes are passed over, and so are domains that are not ours."),
    CONFIG_ROW("employee-group", TEXT, struct directory_settings, employees, .list = true,
               .max = DN_MAX, .example = "\"cn=staff,ou=groups,dc=example,dc=test\"",
               .help = "Groups whose members have an account; by default everybody found.",
               .more =
                   "A list whose items hold commas has them in quotes. Members count that stand "
                   "in the group itself (`member`, `uniqueMember`, or `memberOf` of the person); "
                   "those of groups within it when `group-base` is set."),
    CONFIG_ROW("auditor-group", TEXT, struct directory_settings, auditors, .list = true,
               .max = DN_MAX, .example = "\"cn=audit,ou=groups,dc=example,dc=test\"",
               .help = "Groups whose members are auditors: they read all letters.",
               .more = "Whoever can change such a group there gives that role here, alone."),
    CONFIG_ROW("officer-group", TEXT, struct directory_settings, officers, .list = true,
               .max = DN_MAX, .example = "\"cn=security,ou=groups,dc=example,dc=test\"",
               .help = "Groups whose members are officers; as with `auditor-group`."),
    CONFIG_ROW("administrator-group", TEXT, struct directory_settings, administrators, .list = true,
               .max = DN_MAX, .example = "\"cn=mail,ou=groups,dc=example,dc=test\"",
               .help = "Groups whose members are administrators; as with `auditor-group`."),
    CONFIG_ROW("group", TEXT, struct directory_settings, groups, .list = true, .max = DN_MAX,
               .example = "\"sales: cn=sales,ou=groups,dc=example,dc=test\"",
               .help = "Which group here the members of a group there are in.",
               .more = "Groups that no row names are not touched."),
    CONFIG_ROW("address-book", BOOLEAN, struct directory_settings, address_book, .initial = "no",
               .help = "Have entries there be contacts in the company's address book.",
               .more =
                   "One for each entry with an address, the first one, with its name, organisation "
                   "(`o`, `company`), title (`title`) and telephone (`telephoneNumber`); none for "
                   "an entry that is locked there. Contacts that somebody added or changed here "
                   "stay as they are. What would take more than a third of the directory's "
                   "contacts away is not done before a person confirms it. Whoever reads the "
                   "directory and has a list of contacts can tell the decoys in it: they are not "
                   "there."),
    CONFIG_ROW("contact-base", TEXT, struct directory_settings, contact_base, .max = DN_MAX,
               .example = "ou=contacts,dc=example,dc=test",
               .help = "Below which entry contacts are looked for; by default `base`."),
    CONFIG_ROW("contact-filter", TEXT, struct directory_settings, contact_filter, .max = DN_MAX,
               .example = "(&(mail=*)(!(employeeType=hidden)))",
               .help = "Which entries there are contacts (RFC 4515); by default `user-filter`."),
    CONFIG_ROW("interval", DURATION, struct directory_settings, interval_ms, .initial = "15min",
               .min = CONFIG_SECOND, .max = 7 * CONFIG_DAY,
               .help = "How long after a synchronisation the next one begins."),
    CONFIG_ROW("timeout", DURATION, struct directory_settings, timeout_ms, .initial = "5s",
               .min = 100, .max = CONFIG_MINUTE, .help = "Patience with one answer of a server."),
};
const struct config_table settings_directory_table = {"[directory]", 0, rows,
                                                      sizeof(rows) / sizeof(rows[0])};

struct slice settings_directory_filter(const struct directory_settings *d)
{
    if (d->user_filter.len) {
        return d->user_filter;
    }
    return d->kind == SETTING_DIRECTORY_ACTIVE
               ? SLICE("(&(objectCategory=person)(objectClass=user)(mail=*))")
               : SLICE("(&(objectClass=inetOrgPerson)(mail=*))");
}

struct slice settings_directory_contact_base(const struct directory_settings *d)
{
    return d->contact_base.len ? d->contact_base : d->base;
}

struct slice settings_directory_contact_filter(const struct directory_settings *d)
{
    return d->contact_filter.len ? d->contact_filter : settings_directory_filter(d);
}

struct slice settings_directory_key(const struct directory_settings *d)
{
    if (d->key_attribute.len) {
        return d->key_attribute;
    }
    return d->kind == SETTING_DIRECTORY_ACTIVE ? SLICE("objectGUID") : SLICE("entryUUID");
}

bool settings_directory_group(struct slice text, struct slice *group, struct slice *dn)
{
    struct slice rest = SLICE_NONE;

    *group = slice_trim(slice_cut(text, ':', &rest));
    *dn = slice_trim(rest);
    for (size_t i = 0; i < group->len; i++) {
        uint8_t c = group->ptr[i];
        bool dash = c == '-' && i > 0 && i + 1 < group->len;
        if (!dash && !(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9')) {
            return false;
        }
    }
    return group->len && group->len <= 64 && dn->len;
}

bool settings_directory_says_roles(const struct directory_settings *d)
{
    return d->auditors.count || d->officers.count || d->administrators.count;
}

const struct directory_settings *settings_directory(const struct settings *s, struct slice name)
{
    const struct directory_settings *all = s->directories.items;

    for (size_t i = 0; i < s->directories.count; i++) {
        if (slice_equal(all[i].name, name)) {
            return &all[i];
        }
    }
    return NULL;
}

/* One pair of parentheses around it all: it is put beside another filter. */
static bool is_filter(struct slice text)
{
    size_t depth = 0;

    for (size_t i = 0; i < text.len; i++) {
        depth += text.ptr[i] == '(';
        if (depth == 0) {
            return false;
        }
        depth -= text.ptr[i] == ')';
    }
    return text.len > 2 && depth == 0;
}

static bool are_attributes(const struct config_list *list)
{
    const struct slice *all = list->items;
    bool sound = list->count > 0;

    for (size_t i = 0; i < list->count; i++) {
        sound = sound && all[i].len;
        for (size_t n = 0; n < all[i].len; n++) {
            uint8_t c = ascii_lower(all[i].ptr[n]);
            sound = sound && ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
                              c == '.' || c == ';');
        }
    }
    return sound;
}

static const char *flaw_of(const struct directory_settings *d)
{
    const struct slice *groups = d->groups.items;
    struct slice key = settings_directory_key(d);
    const struct config_list keys = {&key, 1};
    struct slice group;
    struct slice dn;

    if (d->name.len > SETTINGS_DIRECTORY_NAME_MAX) {
        return "the name of a [directory] has at most 32 characters";
    }
    if (!is_filter(settings_directory_filter(d))) {
        return "`user-filter` in a [directory] wants a filter such as `(mail=*)`, with parentheses "
               "around all of it";
    }
    if (!is_filter(settings_directory_contact_filter(d))) {
        return "`contact-filter` in a [directory] wants a filter such as `(mail=*)`, with "
               "parentheses around all of it";
    }
    if (!are_attributes(&d->name_attributes) || !are_attributes(&d->address_attributes) ||
        !are_attributes(&keys)) {
        return "an attribute in a [directory] is a name such as `mail`";
    }
    for (size_t i = 0; i < d->groups.count; i++) {
        if (!settings_directory_group(groups[i], &group, &dn)) {
            return "`group` in a [directory] wants a group here and one there, such as "
                   "`\"sales: cn=sales,ou=groups,dc=example,dc=test\"`";
        }
    }
    return d->employees.count + d->auditors.count + d->officers.count + d->administrators.count +
                       d->groups.count >
                   SETTINGS_DIRECTORY_GROUP_MAX
               ? "a [directory] names at most 200 groups"
               : NULL;
}

const char *settings_directory_contradiction(const struct settings *s)
{
    const struct directory_settings *all = s->directories.items;
    const char *why = s->directories.count > SETTINGS_DIRECTORIES_MAX
                          ? "there are at most 16 [directory] sections"
                          : NULL;

    for (size_t i = 0; i < s->directories.count && !why; i++) {
        why = flaw_of(&all[i]);
    }
    return why;
}
