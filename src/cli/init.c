/* Setting up: questions or options, the file, the keys, what to publish. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/files.h"
#include "cli/recovery_key.h"
#include "cli/terminal.h"
#include "config/document.h"
#include "formats/zone/zone.h"
#include "host/file.h"
#include "keyring/master.h"
#include "keyring/recovery.h"

#define GIVEN_MAX   64
#define MODE_CONFIG 0644 /* no secret stands in it, and members of the group postern need it */

struct plan {
    struct cli *cli;
    struct config_given given[GIVEN_MAX];
    size_t count;
    struct settings settings; /* what the written file will say */
    struct buf file;
};

static bool give(struct plan *p, const char *section, const char *argument, const char *name,
                 const char *value, struct error *e)
{
    if (p->count == GIVEN_MAX) {
        return error_set(e, ERROR_INPUT, "more than %d settings are given", GIVEN_MAX);
    }
    p->given[p->count++] = (struct config_given){section, argument, name, value};
    return true;
}

/* ── what is asked ── */

/* All values of an option, with commas between them. */
static const char *joined(struct cli *c, const char *option)
{
    size_t count = arguments_count(&c->arguments, option);
    struct slice all = SLICE_NONE;

    for (size_t i = 0; i < count; i++) {
        all = arena_printf(&c->arena, "%.*s%s%s", SLICE_ARG(all), i ? ", " : "",
                           arguments_text(&c->arguments, option, i));
    }
    return count ? (const char *)all.ptr : NULL;
}

/* The option's value, or the person's answer, or what is initial; required when that is NULL. */
static bool obtain(struct cli *c, const char *option, const char *question, const char *initial,
                   const char **value, struct error *e)
{
    struct slice answer;

    *value = joined(c, option);
    if (*value) {
        return true;
    }
    if (!terminal_has_person()) {
        *value = initial;
        return initial != NULL || error_set(e, ERROR_INPUT,
                                            "--%s is not given, and nobody is at "
                                            "the terminal to be asked",
                                            option);
    }
    if (!terminal_ask(question, initial, &c->arena, &answer, e)) {
        return false;
    }
    *value = (const char *)answer.ptr;
    return true;
}

static bool obtain_setting(struct plan *p, const char *option, const char *question,
                           const char *initial, struct error *e)
{
    const char *value = NULL;

    return obtain(p->cli, option, question, initial, &value, e) &&
           (!value || value[0] == 0 || give(p, NULL, NULL, option, value, e));
}

static bool obtain_next_hop(struct plan *p, struct error *e)
{
    const char *hop = NULL;
    const char *user = NULL;
    const char *file = NULL;

    if (!obtain(p->cli, "next-hop", "Next hop: direct, or HOST:PORT of a smart host", "direct",
                &hop, e)) {
        return false;
    }
    if (strcmp(hop, "direct") == 0) {
        return true;
    }
    if (!give(p, "smarthost", NULL, "host", hop, e) ||
        !obtain(p->cli, "smarthost-user", "Account at the smart host (empty: none)", "", &user,
                e)) {
        return false;
    }
    if (user[0] == 0) {
        return true;
    }
    return give(p, "smarthost", NULL, "user", user, e) &&
           obtain(p->cli, "smarthost-password-file", "File with its password",
                  "/etc/postern/smarthost-password", &file, e) &&
           give(p, "smarthost", NULL, "password-file", file, e);
}

static struct slice *anchors_like(struct slice one, struct slice *mail, struct slice *files,
                                  struct slice *urls)
{
    if (slice_starts(one, SLICE("/"))) {
        return files;
    }
    return slice_starts(one, SLICE("http://")) || slice_starts(one, SLICE("https://")) ? urls
                                                                                       : mail;
}

/* An anchor is a mailbox, a file when it begins with a slash, or a time stamp authority. */
static bool obtain_anchors(struct plan *p, struct error *e)
{
    const char *value = NULL;
    struct slice mail = SLICE_NONE;
    struct slice files = SLICE_NONE;
    struct slice urls = SLICE_NONE;
    struct arena *arena = &p->cli->arena;

    if (!obtain(p->cli, "anchor",
                "Anchor outside: mailbox of an auditor, /file on foreign storage, or URL of a time "
                "stamp authority (empty: none)",
                "", &value, e)) {
        return false;
    }
    for (struct slice rest = slice_text(value); rest.len;) {
        struct slice one = slice_trim(slice_cut(rest, ',', &rest));
        struct slice *to = anchors_like(one, &mail, &files, &urls);
        *to =
            arena_printf(arena, "%.*s%s%.*s", SLICE_ARG(*to), to->len ? ", " : "", SLICE_ARG(one));
    }
    return (!mail.len || give(p, NULL, NULL, "anchor-mail", (const char *)mail.ptr, e)) &&
           (!files.len || give(p, NULL, NULL, "anchor-file", (const char *)files.ptr, e)) &&
           (!urls.len || give(p, NULL, NULL, "timestamp-url", (const char *)urls.ptr, e));
}

/* --set NAME=VALUE, `SECTION/NAME=VALUE` or `SECTION ARGUMENT/NAME=VALUE`. */
static bool take_setting(struct plan *p, const char *text, struct error *e)
{
    struct arena *arena = &p->cli->arena;
    struct slice value;
    struct slice name = slice_cut(slice_text(text), '=', &value);
    struct slice argument;
    size_t slash = slice_find(name, '/');

    if (name.len == strlen(text)) {
        return error_set(e, ERROR_INPUT, "--set wants NAME=VALUE, not `%s`", text);
    }
    if (slash == name.len) {
        return give(p, NULL, NULL, arena_text(arena, slice_trim(name)),
                    arena_text(arena, slice_trim(value)), e);
    }
    struct slice section = slice_cut(slice_head(name, slash), ' ', &argument);
    return give(p, arena_text(arena, section),
                argument.len ? arena_text(arena, slice_trim(argument)) : NULL,
                arena_text(arena, slice_trim(slice_from(name, slash + 1))),
                arena_text(arena, slice_trim(value)), e);
}

static bool take_settings(struct plan *p, struct error *e)
{
    const struct arguments *a = &p->cli->arguments;

    for (size_t i = 0; i < arguments_count(a, "set"); i++) {
        if (!take_setting(p, arguments_text(a, "set", i), e)) {
            return false;
        }
    }
    return true;
}

static bool obtain_all(struct plan *p, struct error *e)
{
    struct cli *c = p->cli;

    if (!obtain_setting(p, "domain", "Mail domain of ours (several: with commas)", NULL, e)) {
        return false;
    }
    struct slice rest;
    struct slice first = slice_trim(slice_cut(slice_text(p->given[0].value), ',', &rest));
    const char *host = (const char *)arena_printf(&c->arena, "mail.%.*s", SLICE_ARG(first)).ptr;

    return obtain_setting(p, "hostname", "Name of this server", terminal_has_person() ? host : NULL,
                          e) &&
           obtain_setting(p, "data-directory", "Data directory", "/var/lib/postern", e) &&
           obtain_setting(p, "listen-submissions", "Clients connect with TLS at", "*:465", e) &&
           obtain_setting(p, "listen-submission", "Clients connect for STARTTLS at", "*:587", e) &&
           obtain_setting(p, "tls-certificate", "TLS certificate",
                          "/etc/postern/tls/certificate.pem", e) &&
           obtain_setting(p, "tls-key", "Its private key", "/etc/postern/tls/key.pem", e) &&
           obtain_next_hop(p, e) && obtain_anchors(p, e) && take_settings(p, e);
}

/* ── what is made ── */

/* The file as it will be, read back: nothing is made when it would not be right. */
static bool compose(struct plan *p, struct error *e)
{
    *e = (struct error){ERROR_NONE, ""};
    config_write_file(&settings_schema, p->given, p->count, &p->file);
    if (p->file.full || !p->file.ptr) {
        return error_set(e, ERROR_LIMIT, "the configuration would be too long");
    }
    /* What no row takes would be left out without a word. */
    for (size_t i = 0; i < p->count; i++) {
        struct slice line =
            arena_printf(&p->cli->arena, "\n%s = %s\n", p->given[i].name, p->given[i].value);
        if (!memmem(p->file.ptr, p->file.len, line.ptr, line.len)) {
            return error_set(e, ERROR_INPUT, "there is no setting `%s`, or it is given twice",
                             p->given[i].name);
        }
    }
    return settings_read(buf_slice(&p->file), p->cli->config_path, &p->cli->arena, &p->settings,
                         NULL, e);
}

static bool refuse_config(struct plan *p, struct error *e)
{
    if (access(p->cli->config_path, F_OK) == 0) {
        return error_set(e, ERROR_CONFIG,
                         "%s exists; nothing is overwritten (-c FILE names another)",
                         p->cli->config_path);
    }
    return true;
}

static bool refuse_data(struct plan *p, int data, struct error *e)
{
    if (faccessat(data, "master.key", F_OK, 0) == 0 || faccessat(data, "ledger", F_OK, 0) == 0) {
        return error_set(e, ERROR_CONFIG, "%s is in use already; nothing is overwritten",
                         (const char *)p->settings.general.data_directory.ptr);
    }
    return true;
}

static bool make_files(struct plan *p, int data, const struct secret *recovery, struct error *e)
{
    OWN(secret) struct secret *master = NULL;
    OWN(fd) int folder = -1;
    const char *path = p->cli->config_path;
    const char *slash = strrchr(path, '/');
    struct slice above =
        slash ? slice_of(path, slash == path ? 1 : (size_t)(slash - path)) : SLICE(".");

    return files_make_directory(arena_text(&p->cli->arena, above), 0755, &p->cli->arena, &folder,
                                e) &&
           master_create(data, "master.key", &master, e) &&
           recovery_seal(data, "recovery.sealed", secret_slice(recovery), master, 1, e) &&
           file_create(folder, slash ? slash + 1 : path, buf_slice(&p->file), MODE_CONFIG, e);
}

/* ── what remains to be done ── */

static void say_dns(struct plan *p)
{
    struct buf *out = &p->cli->out;
    const struct slice *domains = p->settings.general.domains.items;
    struct slice host = p->settings.general.hostname;
    bool smarthost = p->settings.smarthost.present;
    struct arena *arena = &p->cli->arena;

    buf_printf(out, "Publish in the DNS (beside what is there; a domain has one SPF and one DMARC "
                    "record):\n\n");
    for (size_t i = 0; i < p->settings.general.domains.count; i++) {
        struct slice spf =
            smarthost ? SLICE("v=spf1 include:WHAT-THE-PROVIDER-OF-THE-SMART-HOST-NAMES -all")
                      : arena_printf(arena, "v=spf1 a:%.*s -all", SLICE_ARG(host));
        zone_txt(out, domains[i], spf);
        zone_txt(out, arena_printf(arena, "_dmarc.%.*s", SLICE_ARG(domains[i])),
                 arena_printf(arena, "v=DMARC1; p=quarantine; rua=mailto:postmaster@%.*s",
                              SLICE_ARG(domains[i])));
    }
    buf_printf(out,
               "\n%.*s needs an A or AAAA record%s.\n"
               "The MX records stay: Postern takes mail out, the answers come in where they always "
               "did.\n",
               SLICE_ARG(host),
               smarthost ? "" : ", and its address must resolve back to that name");
}

static void say_next(struct plan *p)
{
    struct buf *out = &p->cli->out;
    const char *path = p->cli->config_path;
    const struct slice *domains = p->settings.general.domains.items;
    bool usual = strcmp(path, CLI_CONFIG_PATH) == 0;
    struct slice option = usual ? SLICE_NONE : arena_printf(&p->cli->arena, " -c %s", path);

    buf_printf(out,
               "\nNext:\n"
               "  1. put certificate and key at %.*s and %.*s\n"
               "  2. posternd%.*s%s\n"
               "  3. postern%.*s user add anna@%.*s\n"
               "  4. postern%.*s dkim new SELECTOR, publish what it prints, name the selectors in "
               "%s\n",
               SLICE_ARG(p->settings.submission.tls_certificate),
               SLICE_ARG(p->settings.submission.tls_key), SLICE_ARG(option),
               usual ? " (or: systemctl start postern)" : "", SLICE_ARG(option),
               SLICE_ARG(domains[0]), SLICE_ARG(option), path);
}

bool cli_init(struct cli *c, struct error *e)
{
    struct plan *p = arena_alloc(&c->arena, sizeof(*p));
    OWN(secret) struct secret *recovery = recovery_new();
    OWN(fd) int data = -1;

    *p = (struct plan){.cli = c, .file = {.max = CONFIG_DOCUMENT_MAX}};
    bool made = obtain_all(p, e) && compose(p, e) && refuse_config(p, e) &&
                files_make_directory((const char *)p->settings.general.data_directory.ptr, 0711,
                                     &c->arena, &data, e) &&
                refuse_data(p, data, e) && recovery_key_hand_over(c, recovery, e) &&
                make_files(p, data, recovery, e);
    buf_done(&p->file);
    if (!made) {
        return false;
    }
    buf_printf(&c->out, "Wrote %s, master.key and recovery.sealed.\n\n", c->config_path);
    say_dns(p);
    say_next(p);
    return true;
}
