/* A policy, written down. */
#include "base/buf.h"

#include "conditions/conditions.h"
#include "stages/policy/policy.h"

#define HOUR_MS ((int64_t)3600 * 1000)

static void write_label(const struct label_settings *l, struct buf *out)
{
    buf_printf(out, "[label %.*s]\n", SLICE_ARG(l->name));
    conditions_write_list(out, "header-label", &l->headers);
    conditions_write_list(out, "subject-tag", &l->subject_tags);
    conditions_write_list(out, "account", &l->accounts);
    buf_printf(out, "remove-tag = %s\n", l->remove_tag ? "yes" : "no");
}

static void write_policy(const struct policy_settings *p, struct buf *out)
{
    const int *methods = p->methods.items;

    buf_printf(out, "[policy %.*s]\n", SLICE_ARG(p->name));
    conditions_write(&p->when, out);
    for (size_t i = 0; i < p->methods.count; i++) {
        buf_printf(out, "%s%s", i ? ", " : "methods = ", settings_method_name(methods[i]));
    }
    buf_printf(out, "\notherwise = %s\n",
               p->otherwise == SETTING_OTHERWISE_RETURN ? "return" : "hold");
    if (p->metadata != SETTING_METADATA_KEEP) { /* older texts stay as they were */
        buf_printf(out, "metadata = %s\n",
                   p->metadata == SETTING_METADATA_REQUIRE ? "require" : "remove");
    }
    if (p->reason.len) {
        buf_printf(out, "reason = %.*s\n", SLICE_ARG(p->reason));
    }
}

static const char *level_of(enum setting_tls tls)
{
    return rung_name(policy_level(tls));
}

static void write_endpoint(const char *name, const struct config_endpoint *host, struct buf *out)
{
    buf_printf(out, "%s = %.*s:%u\n", name, SLICE_ARG(host->host), host->port);
}

static void write_given(const char *name, struct slice text, struct buf *out)
{
    if (text.len) {
        buf_printf(out, "%s = %.*s\n", name, SLICE_ARG(text));
    }
}

static void write_domain(const struct domain_settings *d, struct buf *out)
{
    buf_printf(out, "[domain %.*s]\n", SLICE_ARG(d->name));
    if (d->tls != SETTING_TLS_DEFAULT) {
        buf_printf(out, "tls = %s\n", level_of(d->tls));
    }
    if (d->route.port) {
        write_endpoint("route", &d->route, out);
    }
    conditions_write_list(out, "tls-name", &d->tls_names);
    conditions_write_list(out, "tls-pin", &d->tls_pins);
    write_given("tls-ca", d->tls_ca, out);
    buf_add_text(out, d->require_tls ? "require-tls = yes\n" : "");
}

static void write_certificates(const struct certificates_settings *c, struct buf *out)
{
    const struct config_endpoint *servers = c->servers.items;

    buf_printf(out, "[certificates %.*s]\n", SLICE_ARG(c->name));
    for (size_t i = 0; i < c->servers.count; i++) {
        write_endpoint("server", &servers[i], out);
    }
    write_given("tls-name", c->tls_name, out);
    write_given("trust-store", c->trust_store, out);
    write_given("bind-dn", c->bind_dn, out);
    write_given("base", c->base, out);
    conditions_write_list(out, "domain", &c->domains);
}

static void write_documents(const struct documents_settings *d, struct buf *out)
{
    static const char *const passwords[] = {"generated", "agreed", "told"};
    static const char *const languages[] = {"english", "german", "french"};

    buf_printf(out, "attachments-password = %s\nattachments-password-keep = %lldh\n",
               passwords[d->password], (long long)(d->keep_ms / HOUR_MS));
    write_given("attachments-password-command", d->command, out);
    buf_printf(out, "attachments-text = %s\nattachments-language = %s\n",
               d->text == SETTING_TEXT_INSIDE ? "inside" : "outside", languages[d->language]);
    write_given("attachments-cover", d->cover, out);
    buf_printf(out, "attachments-metadata = %s\n", d->scrub ? "yes" : "no");
}

/* What the steps that protect content do. */
static void write_methods(const struct settings *s, struct buf *out)
{
    static const char *const revocation[] = {"soft", "hard", "off"};

    write_given("smime-trust", s->smime.trust, out);
    buf_printf(out,
               "smime-modern = %s\nsmime-revocation = %s\nsmime-ocsp = %s\n"
               "smime-dns = %s\n",
               s->smime.modern ? "yes" : "no", revocation[s->smime.revocation],
               s->smime.ocsp ? "yes" : "no", s->smime.dns ? "yes" : "no");
    buf_printf(out, "openpgp-lookup = %s\nopenpgp-autocrypt = %s\n",
               s->openpgp.lookup ? "yes" : "no", s->openpgp.autocrypt ? "yes" : "no");
    for (size_t i = 0; i < s->signing.methods.count; i++) {
        buf_printf(out, "%s%s%s", i ? ", " : "sign-letters = ",
                   settings_signing_name(((const int *)s->signing.methods.items)[i]),
                   i + 1 < s->signing.methods.count ? "" : "\n");
    }
    write_documents(&s->documents, out);
}

struct slice policy_text(const struct settings *s, struct arena *arena)
{
    OWN(buf) struct buf out = {.max = POLICY_TEXT_MAX};
    const struct label_settings *labels = s->labels.items;
    const struct policy_settings *policies = s->policies.items;
    const struct domain_settings *domains = s->domains.items;
    const struct certificates_settings *certificates = s->certificates.items;
    static const char *const smarthost[] = {"starttls", "implicit", "none"};

    if (s->policies.count == 0) {
        return SLICE_NONE;
    }
    for (size_t i = 0; i < s->labels.count; i++) {
        write_label(&labels[i], &out);
    }
    for (size_t i = 0; i < s->policies.count; i++) {
        write_policy(&policies[i], &out);
    }
    write_methods(s, &out);
    buf_printf(&out, "outbound-tls = %s\n", level_of(s->delivery.tls));
    for (size_t i = 0; i < s->domains.count; i++) {
        write_domain(&domains[i], &out);
    }
    for (size_t i = 0; i < s->certificates.count; i++) { /* older texts stay as they were */
        write_certificates(&certificates[i], &out);
    }
    if (s->smarthost.present) {
        buf_add_text(&out, "[smarthost]\n");
        write_endpoint("host", &s->smarthost.host, &out);
        buf_printf(&out, "tls = %s\n", smarthost[s->smarthost.tls]);
    }
    return arena_copy(arena, buf_slice(&out));
}
