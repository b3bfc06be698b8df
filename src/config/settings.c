#include "config/settings.h"

#include "config/internal.h"

static const struct config_table *const top_tables[] = {
    &settings_general_table,  &settings_submission_table, &settings_auth_table,
    &settings_delivery_table, &settings_dkim_table,       &settings_dns_table,
    &settings_archive_table,  &settings_courier_table,    &settings_process_table,
    &settings_metrics_table,  &settings_backup_table,     &settings_journal_table,
    &settings_contacts_table,
};
static const struct config_table *const domain_tables[] = {&settings_domain_table};
static const struct config_table *const pull_tables[] = {&settings_pull_table};
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
static const struct config_section *const sections[] = {&top_section, &domain_section,
                                                        &smarthost_section, &pull_section};

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

static const char *journal_contradiction(const struct settings *s)
{
    const struct journal_settings *j = &s->journal;
    const struct slice *networks = j->networks.items;
    struct settings_network ignored;

    for (size_t i = 0; i < j->networks.count; i++) {
        if (!settings_network_read(networks[i], &ignored)) {
            return "`journal-network` wants addresses such as `192.0.2.0/24` or `2001:db8::/32`";
        }
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

/* What no single row can say: a sentence without a line, because it is about two. */
static const char *contradiction(const struct settings *s)
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
    if (s->delivery.retry_schedule.count == 0) {
        return "`retry-schedule` is empty: it needs one pause at least";
    }
    if (s->smarthost.user.len && !s->smarthost.password_file.len) {
        return "[smarthost] has a `user` but no `password-file`";
    }
    if (s->smarthost.user.len && s->smarthost.tls == SETTING_SMARTHOST_NONE) {
        return "[smarthost] would send its password without TLS";
    }
    const char *why = journal_contradiction(s);
    return why ? why : pull_contradiction(s);
}

bool settings_read(struct slice bytes, const char *file, struct arena *arena, struct settings *out,
                   struct config_problems *problems, struct error *e)
{
    if (!config_read(&settings_schema, bytes, file, arena, out, problems, e)) {
        return false;
    }
    const char *why = contradiction(out);
    return why ? config_problem(problems, arena, e, "%s: %s", file, why) : true;
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

enum setting_tls settings_domain_tls(const struct settings *s, struct slice domain)
{
    const struct domain_settings *own = settings_domain(s, domain);

    return own && own->tls != SETTING_TLS_DEFAULT ? own->tls : s->delivery.tls;
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
