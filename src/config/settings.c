#include "config/settings.h"

#include "config/internal.h"

static const struct config_table *const top_tables[] = {
    &settings_general_table,    &settings_submission_table, &settings_auth_table,
    &settings_delivery_table,   &settings_dkim_table,       &settings_dns_table,
    &settings_archive_table,    &settings_courier_table,    &settings_process_table,
    &settings_metrics_table,    &settings_backup_table,     &settings_journal_table,
    &settings_connectors_table, &settings_contacts_table,   &settings_limits_table,
    &settings_openpgp_table,    &settings_reports_table,    &settings_scanners_table,
    &settings_smime_table,      &settings_signing_table,    &settings_documents_table,
};
static const struct config_table *const domain_tables[] = {&settings_domain_table};
static const struct config_table *const pull_tables[] = {&settings_pull_table};
static const struct config_table *const connector_tables[] = {&settings_connector_table};
static const struct config_table *const oidc_tables[] = {&settings_oidc_table};
static const struct config_table *const directory_tables[] = {&settings_directory_table};
static const struct config_table *const certificates_tables[] = {&settings_certificates_table};
static const struct config_table *const update_tables[] = {&settings_update_table};
static const struct config_table *const smarthost_tables[] = {&settings_smarthost_table};

static const struct config_section top_section = {
    .size = sizeof(struct settings),
    .tables = top_tables,
    .n_tables = sizeof(top_tables) / sizeof(top_tables[0]),
};
static const struct config_section smarthost_section = {
    .name = "smarthost",
    .offset = offsetof(struct settings, smarthost),
    .size = sizeof(struct smarthost_settings),
    .tables = smarthost_tables,
    .n_tables = 1,
    .help = "With this section everything without a route of its own is handed to one server, and "
            "the evidence says so: what happens beyond it is unknown here.",
};
static const struct config_section domain_section = {
    .name = "domain",
    .named = true,
    .argument = CONFIG_DOMAIN,
    .offset = offsetof(struct settings, domains),
    .size = sizeof(struct domain_settings),
    .tables = domain_tables,
    .n_tables = 1,
    .help = "How letters to one recipient domain travel; one section for each domain.",
};
static const struct config_section pull_section = {
    .name = "pull",
    .named = true,
    .argument = CONFIG_WORD,
    .offset = offsetof(struct settings, pulls),
    .size = sizeof(struct pull_settings),
    .tables = pull_tables,
    .n_tables = 1,
    .help = "A server from which letters are fetched into the archive again and again, such as the "
            "Sent "
            "folders at a provider (IMAP); nothing there is changed, nothing is delivered.",
};
static const struct config_section connector_section = {
    .name = "connector",
    .named = true,
    .argument = CONFIG_WORD,
    .offset = offsetof(struct settings, connector_sections),
    .size = sizeof(struct connector_settings),
    .tables = connector_tables,
    .n_tables = 1,
    .help = "A provider with which our people send and which hands their letters on to us. That it "
            "knows who sends is its word: the archive says so.",
};
static const struct config_section approval_section = {
    .name = "approval",
    .named = true,
    .argument = CONFIG_WORD,
    .offset = offsetof(struct settings, approvals),
    .size = sizeof(struct approval_settings),
    .tables = settings_approval_tables,
    .n_tables = 2,
    .help = "Letters that meet all of its conditions are held until a second person has seen and "
            "approved them; the first section that a letter meets counts.",
};
static const struct config_section policy_section = {
    .name = "policy",
    .named = true,
    .argument = CONFIG_WORD,
    .offset = offsetof(struct settings, policies),
    .size = sizeof(struct policy_settings),
    .tables = settings_policy_tables,
    .n_tables = 2,
    .help = "How letters must be protected. For each recipient the first section counts whose "
            "conditions all hold; `to`, `to-domain` and `outside` are about this recipient. "
            "[policy default], without conditions and behind all others, is for everything else; "
            "without it [domain] and `outbound-tls` say. `postern policy test` shows what becomes "
            "of a letter, and why.",
};
static const struct config_section label_section = {
    .name = "label",
    .named = true,
    .argument = CONFIG_WORD,
    .offset = offsetof(struct settings, labels),
    .size = sizeof(struct label_settings),
    .tables = settings_label_tables,
    .n_tables = 1,
    .help = "A label that people or programs put on a letter, for `label` in [policy] and "
            "[approval]: by a header field, a tag in the subject, or the account that sends it.",
};
static const struct config_section oidc_section = {
    .name = "oidc",
    .named = true,
    .argument = CONFIG_WORD,
    .offset = offsetof(struct settings, oidcs),
    .size = sizeof(struct oidc_settings),
    .tables = oidc_tables,
    .n_tables = 1,
    .help =
        "An OpenID Connect provider whose word counts for who somebody is: at the desk (`postern "
        "login --oidc`), and for mail clients that show its access tokens (AUTH OAUTHBEARER, "
        "XOAUTH2). The accounts are Postern's own: what the provider names and Postern does "
        "not know is refused.",
};
static const struct config_section directory_section = {
    .name = "directory",
    .named = true,
    .argument = CONFIG_WORD,
    .offset = offsetof(struct settings, directories),
    .size = sizeof(struct directory_settings),
    .tables = directory_tables,
    .n_tables = 1,
    .help = "A directory (LDAP, Active Directory) whose people have accounts here and sign in with "
            "the password that they have there. Who may write there decides who may send.",
};
static const struct config_section certificates_section = {
    .name = "certificates",
    .named = true,
    .argument = CONFIG_WORD,
    .offset = offsetof(struct settings, certificates),
    .size = sizeof(struct certificates_settings),
    .tables = certificates_tables,
    .n_tables = 1,
    .help = "A directory (LDAP), a partner's or one for everybody, in which S/MIME certificates of "
            "recipients stand. It is asked only where a [policy] names `smime` and nobody gave a "
            "certificate by hand, comes before the DNS and what letters brought, and is believed "
            "in nothing: an authority in `smime-trust` must have issued a certificate for the "
            "address, and all else is looked at too. What was found counts for an hour, that there "
            "is none for ten minutes; while it does not answer, letters that need it wait.",
};
static const struct config_section update_section = {
    .name = "dns-update",
    .named = true,
    .argument = CONFIG_ZONE,
    .offset = offsetof(struct settings, updates),
    .size = sizeof(struct update_settings),
    .tables = update_tables,
    .n_tables = 1,
    .help = "A zone whose primary server takes the records of our own domains from Postern, by "
            "dynamic update (RFC 2136): `postern domain publish`, and changes of DKIM keys without "
            "a person. Without it a person publishes what `postern domain dns` prints.",
};
static const struct config_section *const sections[] = {
    &top_section,       &domain_section,    &smarthost_section,    &pull_section,
    &connector_section, &approval_section,  &policy_section,       &label_section,
    &oidc_section,      &directory_section, &certificates_section, &update_section};

const struct config_schema settings_schema = {sections, sizeof(sections) / sizeof(sections[0]),
                                              sizeof(struct settings)};

static const char *pull_contradiction(const struct settings *s)
{
    const struct pull_settings *all = s->pulls.items;

    for (size_t i = 0; i < s->pulls.count; i++) {
        const struct pull_settings *p = &all[i];
        if (p->mailboxes.count == 0 || p->mailboxes.count > SETTINGS_MAILBOXES_MAX) {
            return "a [pull] wants one to 500 mailboxes";
        }
        if (p->on_behalf && (!p->user.len || p->sign_in != SETTING_SIGN_IN_PASSWORD)) {
            return "`on-behalf` in a [pull] is for a `user` with a password";
        }
        if (p->user.len && p->mailboxes.count > 1 && !p->on_behalf) {
            return "a [pull] with one `user` has one mailbox, unless it is `on-behalf`";
        }
    }
    return NULL;
}

static bool are_networks(const struct config_list *list)
{
    const struct slice *networks = list->items;
    struct settings_network ignored;

    for (size_t i = 0; i < list->count; i++) {
        if (!settings_network_read(networks[i], &ignored)) {
            return false;
        }
    }
    return true;
}

static const char *connector_contradiction(const struct settings *s)
{
    const struct connector_settings *all = s->connector_sections.items;
    struct slice name;
    struct slice value;

    if (s->connectors.listen.count && s->connector_sections.count == 0) {
        return "`listen-connector` without a [connector]: nobody could hand on anything there";
    }
    for (size_t i = 0; i < s->connector_sections.count; i++) {
        const struct connector_settings *c = &all[i];
        const struct slice *marks = c->tenant_headers.items;
        if (c->name.len > SETTINGS_CONNECTOR_NAME_MAX) {
            return "the name of a [connector] has at most 20 characters";
        }
        if (!are_networks(&c->networks)) {
            return "`network` in a [connector] wants addresses such as `192.0.2.0/24`";
        }
        if (c->networks.count == 0 && c->certificate_names.count == 0) {
            return "a [connector] wants `network`, `certificate-name` or both: anybody who knows "
                   "the header could send as our people";
        }
        for (size_t n = 0; n < c->tenant_headers.count; n++) {
            if (!settings_tenant_header(marks[n], &name, &value)) {
                return "`tenant-header` wants a field such as "
                       "`X-OriginatorOrg: example.onmicrosoft.com`";
            }
        }
    }
    return NULL;
}

static const char *journal_contradiction(const struct settings *s)
{
    const struct journal_settings *j = &s->journal;

    if (!are_networks(&j->networks)) {
        return "`journal-network` wants addresses such as `192.0.2.0/24` or `2001:db8::/32`";
    }
    if (j->listen.count && j->addresses.count == 0) {
        return "`listen-journal` without `journal-address`: nothing could be delivered there";
    }
    if (j->listen.count && j->networks.count == 0 && j->user.len == 0) {
        return "`listen-journal` wants `journal-network`, `journal-user` or both: anybody could "
               "write into the archive";
    }
    if (j->user.len && j->password_file.len == 0) {
        return "`journal-user` without `journal-password-file`";
    }
    return NULL;
}

static const char *scanners_contradiction(const struct settings *s)
{
    const struct scanners_settings *x = &s->scanners;
    struct settings_scanner_place place;

    if (x->clamd.len && !settings_scanner_place(x->clamd, SLICE_NONE, &place)) {
        return "`clamd` wants `unix:` and a path, or an address with a port such as "
               "`127.0.0.1:3310`";
    }
    if (x->rspamd.len &&
        !settings_scanner_place(x->rspamd, SLICE(SETTINGS_RSPAMD_SCHEME), &place)) {
        return "`rspamd` wants an address with a port such as `http://127.0.0.1:11333`";
    }
    if (x->spam_hold && x->rspamd.len == 0) {
        return "`spam-score-hold` without `rspamd`: nobody gives a letter points";
    }
    return NULL;
}

static const char *general_contradiction(const struct settings *s)
{
    if (s->general.domains.count == 0) {
        return "`domain` names no domain: nobody could send";
    }
    if (s->submission.header_field_limit > s->submission.header_limit) {
        return "`header-field-limit` is larger than `header-limit`";
    }
    if (s->submission.size_limit > s->process.bytes_in_flight) {
        return "`bytes-in-flight` has no room for one letter of `size-limit`";
    }
    if (s->archive.disk_warning < s->archive.disk_watermark) {
        return "`disk-warning` is below `disk-watermark`: the alarm would come too late";
    }
    if (s->backup.lock_ms > s->backup.keep_ms) {
        return "`backup-lock` is longer than `backup-keep`: old backups could not be removed";
    }
    if (s->archive.timestamp_url.count && !s->archive.timestamp_trust.len) {
        return "`timestamp-url` without `timestamp-trust`: no time stamp could be verified";
    }
    if (s->dkim.rotate_retire_ms && s->dkim.rotate_retire_ms < s->delivery.queue_lifetime_ms) {
        return "`dkim-rotate-retire` is shorter than `queue-lifetime`: letters that arrive late "
               "could not be verified";
    }
    if (s->delivery.retry_schedule.count == 0) {
        return "`retry-schedule` is empty: it needs one pause at least";
    }
    if (s->smarthost.user.len && !s->smarthost.password_file.len) {
        return "[smarthost] has a `user` but no `password-file`";
    }
    if (s->smarthost.user.len && s->smarthost.tls == SETTING_SMARTHOST_NONE) {
        return "[smarthost] would send its password without TLS";
    }
    return NULL;
}

/* What no single row can say: a sentence without a line, because it is about two. */
static const char *contradiction(const struct settings *s)
{
    static const char *(*const parts[])(const struct settings *s) = {
        general_contradiction,
        journal_contradiction,
        settings_passkey_problem,
        connector_contradiction,
        scanners_contradiction,
        settings_oidc_contradiction,
        pull_contradiction,
        settings_directory_contradiction,
        settings_certificates_contradiction,
        settings_domain_contradiction,
        settings_update_contradiction,
    };
    const char *why = NULL;

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]) && !why; i++) {
        why = parts[i](s);
    }
    return why;
}

bool settings_read(struct slice bytes, const char *file, struct arena *arena, struct settings *out,
                   struct config_problems *problems, struct error *e)
{
    if (!config_read(&settings_schema, bytes, file, arena, out, problems, e)) {
        return false;
    }
    const char *why = contradiction(out);
    struct slice wrong = why ? slice_text(why) : settings_approval_contradiction(out, arena);
    if (wrong.len) {
        return config_problem(problems, arena, e, "%s: %.*s", file, SLICE_ARG(wrong));
    }
    wrong = settings_policy_contradiction(out, bytes, file, arena);
    return wrong.len == 0 || config_problem(problems, arena, e, "%.*s", SLICE_ARG(wrong));
}

const struct domain_settings *settings_domain(const struct settings *s, struct slice domain)
{
    const struct domain_settings *all = s->domains.items;

    for (size_t i = 0; i < s->domains.count; i++) {
        if (slice_equal_nocase(all[i].name, domain)) {
            return &all[i];
        }
    }
    return NULL;
}

bool settings_is_ours(const struct settings *s, struct slice domain)
{
    const struct slice *own = s->general.domains.items;

    for (size_t i = 0; i < s->general.domains.count; i++) {
        if (domain.len && slice_equal_nocase(own[i], domain)) {
            return true;
        }
    }
    return false;
}

enum setting_tls settings_domain_tls(const struct settings *s, struct slice domain)
{
    const struct domain_settings *own = settings_domain(s, domain);

    return own && own->tls != SETTING_TLS_DEFAULT ? own->tls : s->delivery.tls;
}

const struct connector_settings *settings_connector(const struct settings *s, struct slice name)
{
    const struct connector_settings *all = s->connector_sections.items;

    for (size_t i = 0; i < s->connector_sections.count; i++) {
        if (slice_equal(all[i].name, name)) {
            return &all[i];
        }
    }
    return NULL;
}

const struct pull_settings *settings_pull(const struct settings *s, struct slice name)
{
    const struct pull_settings *all = s->pulls.items;

    for (size_t i = 0; i < s->pulls.count; i++) {
        if (slice_equal(all[i].name, name)) {
            return &all[i];
        }
    }
    return NULL;
}
