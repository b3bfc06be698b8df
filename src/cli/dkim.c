/* DKIM keys: made and kept by the signer; here they are ordered, listed and published. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/dns.h"
#include "cli/print.h"
#include "formats/zone/zone.h"
#include "requests/admin.h"
#include "requests/own_domain.h"

static const char *kind_text(uint64_t kind)
{
    switch (kind) {
    case KEY_DKIM_RSA:
        return "rsa";
    case KEY_DKIM_ED25519:
        return "ed25519";
    case KEY_TLS:
        return "tls";
    case KEY_CHECKPOINT:
        return "checkpoint";
    case KEY_OPENPGP:
        return "openpgp";
    default:
        return "unknown";
    }
}

static bool is_dkim(const struct signer_key *key)
{
    return key->kind == KEY_DKIM_RSA || key->kind == KEY_DKIM_ED25519;
}

static struct slice record_name(const struct signer_key *key, struct arena *arena)
{
    return arena_printf(arena, "%.*s._domainkey.%.*s", SLICE_ARG(key->name),
                        SLICE_ARG(key->domain));
}

static void publish(struct cli *c, const struct signer_key *key)
{
    zone_txt(&c->out, record_name(key, &c->arena), dns_dkim_text(key, &c->arena));
}

static bool make(struct cli *c, struct slice domain, enum key_kind kind, struct slice name,
                 struct error *e)
{
    struct signer_new_ask ask = {.kind = kind, .domain = domain, .name = name};
    struct signer_key key;
    const char *bits = arguments_text(&c->arguments, "bits", 0);

    if (bits && (!slice_decimal(slice_text(bits), 4096, &ask.bits) || ask.bits < 2048)) {
        return error_set(e, ERROR_INPUT, "--bits wants 2048 to 4096, not `%s`", bits);
    }
    ask.bits = kind == KEY_DKIM_RSA ? ask.bits : 0;
    if (!cli_ask(c, CLI_KEEPER, &admin_dkim_new, &ask, &key, NULL, CLI_KEYGEN_MS, e)) {
        return error_add(e, "%.*s._domainkey.%.*s", SLICE_ARG(name), SLICE_ARG(domain));
    }
    publish(c, &key);
    return true;
}

/* Which kinds to make under which selectors: one as named, or one of each with a suffix. */
struct plan {
    size_t count;
    enum key_kind kinds[2];
    struct slice names[2];
};

static bool make_plan(struct cli *c, struct plan *p, struct error *e)
{
    const char *kind = arguments_text(&c->arguments, "algorithm", 0);
    const char *selector = c->arguments.words[0];

    if (kind && strcmp(kind, "rsa") != 0 && strcmp(kind, "ed25519") != 0) {
        return error_set(e, ERROR_INPUT, "--algorithm is `rsa` or `ed25519`, not `%s`", kind);
    }
    if (kind) {
        *p = (struct plan){1,
                           {strcmp(kind, "rsa") == 0 ? KEY_DKIM_RSA : KEY_DKIM_ED25519},
                           {slice_text(selector)}};
        return true;
    }
    *p = (struct plan){
        2,
        {KEY_DKIM_RSA,  KEY_DKIM_ED25519},
        { arena_printf(&c->arena, "%s-rsa", selector),
          arena_printf(&c->arena, "%s-ed25519", selector)}
    };
    return true;
}

static bool make_for(struct cli *c, const struct plan *p, struct slice domain, struct error *e)
{
    for (size_t i = 0; i < p->count; i++) {
        if (!make(c, domain, p->kinds[i], p->names[i], e)) {
            return false;
        }
    }
    return true;
}

bool cli_dkim_new(struct cli *c, struct error *e)
{
    const struct settings *s = NULL;
    const char *only = arguments_text(&c->arguments, "domain", 0);
    struct plan p;

    if (!make_plan(c, &p, e) || !cli_settings(c, &s, e)) {
        return false;
    }
    if (only && !make_for(c, &p, slice_text(only), e)) {
        return false;
    }
    const struct slice *domains = s->general.domains.items;
    for (size_t i = 0; !only && i < s->general.domains.count; i++) {
        if (!make_for(c, &p, domains[i], e)) {
            return false;
        }
    }
    cli_flush(c);
    (void)fprintf(stderr,
                  "\nPublish these records; when the DNS shows them, put into %s\n"
                  "    dkim-selector = %.*s%s%.*s\n"
                  "beside the selectors that are there, and reload posternd.\n",
                  c->config_path, SLICE_ARG(p.names[0]), p.count > 1 ? ", " : "",
                  SLICE_ARG(p.count > 1 ? p.names[1] : SLICE_NONE));
    return true;
}

/* What a domain's keys wait for. */
static void print_rotation(struct cli *c, const struct own_rotation *r)
{
    const struct dkim_rotation *rotation = &r->rotation;
    const struct slice *names = rotation->next.items;

    if (rotation->phase == ROTATION_QUIET) {
        return;
    }
    bool publish = rotation->phase == ROTATION_PUBLISH;
    buf_printf(&c->out, "\n%.*s: since %.*s ", SLICE_ARG(r->domain),
               SLICE_ARG(print_time(&c->arena, rotation->since)));
    buf_add_text(&c->out, !publish               ? "the former keys wait for being destroyed:"
                          : rotation->seen_since ? "the DNS shows new keys, which will sign soon:"
                                                 : "new keys wait for being published:");
    for (size_t i = 0; i < rotation->next.count; i++) {
        buf_printf(&c->out, " %.*s", SLICE_ARG(names[i]));
    }
    buf_add_byte(&c->out, '\n');
}

static bool is_used(const struct own_rotations_answer *rotations, const struct signer_key *key)
{
    const struct own_rotation *all = rotations->rotations.items;

    for (size_t i = 0; i < rotations->rotations.count; i++) {
        const struct slice *names = all[i].signs.items;
        for (size_t n = 0; n < all[i].signs.count; n++) {
            if (slice_equal_nocase(all[i].domain, key->domain) &&
                slice_equal_nocase(names[n], key->name)) {
                return true;
            }
        }
    }
    return false;
}

bool cli_dkim_list(struct cli *c, struct error *e)
{
    static const char *const heads[] = {"SELECTOR", "DOMAIN", "KIND", "MADE", "USED"};
    struct print_columns columns = {.arena = &c->arena, .heads = heads, .count = 5};
    struct own_rotations_answer rotations;
    struct signer_keys answer;

    if (!cli_ask(c, CLI_KEEPER, &own_rotations, NULL, &rotations, NULL, CLI_ASK_MS, e) ||
        !cli_ask(c, CLI_KEEPER, &admin_dkim_list, NULL, &answer, NULL, CLI_ASK_MS, e)) {
        return false;
    }
    const struct signer_key *keys = answer.keys.items;
    for (size_t i = 0; i < answer.keys.count; i++) {
        bool used = is_used(&rotations, &keys[i]);
        const struct slice cells[] = {
            keys[i].name, keys[i].domain, slice_text(kind_text(keys[i].kind)),
            print_time(&c->arena, keys[i].created_at), used ? SLICE("yes") : SLICE("no")};
        if (is_dkim(&keys[i])) {
            print_row(&columns, cells);
        }
    }
    print_columns(&columns, cli_columns(), &c->out);
    const struct own_rotation *all = rotations.rotations.items;
    for (size_t i = 0; i < rotations.rotations.count; i++) {
        print_rotation(c, &all[i]);
    }
    return true;
}

bool cli_dkim_dns(struct cli *c, struct error *e)
{
    struct signer_keys answer;
    size_t shown = 0;

    if (!cli_ask(c, CLI_KEEPER, &admin_dkim_list, NULL, &answer, NULL, CLI_ASK_MS, e)) {
        return false;
    }
    const struct signer_key *keys = answer.keys.items;
    for (size_t i = 0; i < answer.keys.count; i++) {
        bool wanted = c->arguments.n_words == 0 ||
                      slice_equal_nocase(keys[i].name, slice_text(c->arguments.words[0]));
        if (is_dkim(&keys[i]) && wanted) {
            publish(c, &keys[i]);
            shown++;
        }
    }
    return shown ||
           error_set(e, ERROR_INPUT, "there is no such key; `postern dkim new SELECTOR` makes one");
}
