/* The configuration file: is it right, and what does a setting mean? */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "config/document.h"

/* Files that the settings name and posternd will want. */
static bool check_file(struct cli *c, const char *setting, struct slice path)
{
    if (path.len == 0 || access((const char *)path.ptr, R_OK) == 0) {
        return true;
    }
    buf_printf(&c->out, "%s: `%s` names %s, which cannot be read: %s\n", c->config_path, setting,
               (const char *)path.ptr, strerrorname_np(errno));
    return false;
}

static bool check_files(struct cli *c, const struct settings *s)
{
    bool whole = true;

    whole &= check_file(c, "data-directory", s->general.data_directory);
    whole &= check_file(c, "alert-command", s->general.alert_command);
    whole &= check_file(c, "attachments-password-command", s->documents.command);
    whole &= check_file(c, "tls-certificate", s->submission.tls_certificate);
    whole &= check_file(c, "tls-key", s->submission.tls_key);
    whole &= check_file(c, "trust-store", s->delivery.trust_store);
    whole &= check_file(c, "device-ca", s->auth.device_ca);
    whole &= check_file(c, "courier-trust-store", s->courier.trust_store);
    whole &= check_file(c, "timestamp-trust", s->archive.timestamp_trust);
    whole &= check_file(c, "smime-trust", s->smime.trust);
    whole &= check_file(c, "trust-anchor", s->dns.trust_anchor);
    whole &= check_file(c, "root-hints", s->dns.root_hints);
    if (s->smarthost.present) {
        whole &= check_file(c, "password-file", s->smarthost.password_file);
    }
    return whole;
}

/* What is right and perhaps not meant. */
static void warn(struct cli *c, const struct settings *s)
{
    const struct policy_settings *p = NULL;
    size_t at = 0;

    while ((p = settings_policy_shadowed(s, &at))) {
        (void)fprintf(
            stderr,
            "%s: warning: [policy %.*s]: `attachments-password = generated` makes "
            "`attachments` work for every recipient: what stands behind it in `methods` is "
            "for letters alone that cannot be changed so. Put it last, or say "
            "`attachments-password = agreed`.\n",
            c->config_path, SLICE_ARG(p->name));
    }
}

bool cli_check_config(struct cli *c, struct error *e)
{
    struct settings settings;
    struct config_problems problems = {.count = 0};
    struct slice bytes;

    *e = (struct error){ERROR_NONE, ""};
    if (!config_load(c->config_path, &c->arena, &bytes, e)) {
        return false;
    }
    if (!settings_read(bytes, c->config_path, &c->arena, &settings, &problems, e)) {
        for (size_t i = 0; i < problems.count; i++) {
            buf_add(&c->out, problems.sentences[i]);
            buf_add_byte(&c->out, '\n');
        }
        return error_set(e, ERROR_CONFIG, "%s is not right; posternd would not take it",
                         c->config_path);
    }
    warn(c, &settings);
    if (!check_files(c, &settings)) {
        return error_set(e, ERROR_CONFIG, "%s itself is right, but not what it names",
                         c->config_path);
    }
    buf_printf(&c->out, "%s is right\n", c->config_path);
    return true;
}

bool cli_config_explain(struct cli *c, struct error *e)
{
    struct slice name = slice_text(c->arguments.words[0]);

    if (config_explain(&settings_schema, name, &c->out)) {
        return true;
    }
    const char *near = config_suggest(&settings_schema, name);
    return near ? error_set(e, ERROR_INPUT, "there is no setting `%s`; `%s` perhaps?",
                            (const char *)name.ptr, near)
                : error_set(e, ERROR_INPUT,
                            "there is no setting `%s`; postern.conf(5) lists them all",
                            (const char *)name.ptr);
}
