/* OpenPGP keys of our own people: ordered here, made in the signer, published by whoever runs a web server. */
#include "cli/pgp.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "cli/files.h"
#include "cli/options.h"
#include "cli/print.h"
#include "cli/recipient.h"
#include "formats/openpgp/packet.h"
#include "formats/openpgp/wkd.h"
#include "host/file.h"
#include "requests/openpgp.h"
#include "requests/recipients.h"

#define ARMOR_MAX ((size_t)1 << 20)
#define PATH_ROOM 1200

const struct argument_option pgp_new_options[] = {
    OPTION("name", 0, "TEXT", "name of the person, for the user ID"),
    OPTION("reason", 0, "TEXT", "why; stands in the ledger"),
    OPTION_END,
};

const struct argument_option pgp_export_options[] = {
    OPTION("output", 'o', "FILE", "write it there, to a new file"),
    OPTION_END,
};

const struct argument_option pgp_revoke_options[] = {
    OPTION("reason", 0, "TEXT", "why; stands in the ledger and in the revocation"),
    OPTION_END,
};

static bool is_ours(const struct recipient_key *key)
{
    return key->kind == RECIPIENT_OPENPGP && key->own.len;
}

bool cli_pgp_new(struct cli *c, struct error *e)
{
    const struct pgp_new_ask ask = {
        .address = slice_text(c->arguments.words[0]),
        .name = slice_text(arguments_text(&c->arguments, "name", 0)),
        .reason = slice_text(arguments_text(&c->arguments, "reason", 0)),
    };
    struct recipient_key key;

    if (!cli_ask(c, CLI_KEEPER, &pgp_new, &ask, &key, NULL, CLI_ASK_MS, e)) {
        return false;
    }
    buf_printf(&c->out, "Encrypted letters of %s are signed with this key from now on:\n",
               c->arguments.words[0]);
    recipient_write_key(c, &key);
    (void)fprintf(stderr,
                  "\nPublish it: `postern pgp wkd DIR`, or hand out what `postern pgp export "
                  "%s` writes.\n",
                  c->arguments.words[0]);
    return true;
}

static bool all_keys(struct cli *c, struct recipient_list_answer *answer, struct error *e)
{
    const struct recipient_list_ask ask = {.part = SLICE("@")};

    if (!cli_ask(c, CLI_KEEPER, &recipient_list, &ask, answer, NULL, CLI_ASK_MS, e)) {
        return false;
    }
    return !answer->more || error_set(e, ERROR_LIMIT, "there are more than %d addresses with keys",
                                      RECIPIENTS_LISTED_MAX);
}

bool cli_pgp_list(struct cli *c, struct error *e)
{
    static const char *const heads[] = {"ADDRESS", "FINGERPRINT", "MADE", "STATE"};
    struct print_columns columns = {.arena = &c->arena, .heads = heads, .count = 4};
    struct recipient_list_answer answer;
    size_t shown = 0;

    if (!all_keys(c, &answer, e)) {
        return false;
    }
    const struct recipient_keys *rows = answer.rows.items;
    for (size_t i = 0; i < answer.rows.count; i++) {
        const struct recipient_key *keys = rows[i].keys.items;
        for (size_t j = 0; j < rows[i].keys.count; j++) {
            const struct slice cells[] = {rows[i].address, keys[j].fingerprint,
                                          print_time(&c->arena, keys[j].not_before),
                                          keys[j].not_after ? SLICE("revoked") : SLICE("signs")};
            if (is_ours(&keys[j])) {
                print_row(&columns, cells);
                shown++;
            }
        }
    }
    if (shown == 0) {
        (void)fprintf(stderr,
                      "None of our addresses has an OpenPGP key: `postern pgp new ADDRESS`\n");
        c->status = CLI_NOTHING;
        return true;
    }
    print_columns(&columns, cli_columns(), &c->out);
    return true;
}

/* All keys of ours of an address, one behind the other, those that were revoked too. */
static bool gather(struct cli *c, struct slice address, struct buf *out, struct error *e)
{
    const struct recipient_list_ask ask = {.exactly = address};
    struct recipient_list_answer answer;

    if (!cli_ask(c, CLI_KEEPER, &recipient_list, &ask, &answer, NULL, CLI_ASK_MS, e)) {
        return false;
    }
    const struct recipient_keys *row = answer.rows.items;
    for (size_t i = 0; answer.rows.count && i < row->keys.count; i++) {
        const struct recipient_key *key = (const struct recipient_key *)row->keys.items + i;
        if (is_ours(key)) {
            buf_add(out, key->bytes);
        }
    }
    return true;
}

bool cli_pgp_export(struct cli *c, struct error *e)
{
    const char *path = arguments_text(&c->arguments, "output", 0);
    OWN(buf) struct buf bytes = {.max = ARMOR_MAX / 2};
    OWN(buf) struct buf armored = {.max = ARMOR_MAX};

    if (!gather(c, slice_text(c->arguments.words[0]), &bytes, e)) {
        return false;
    }
    if (bytes.len == 0) {
        (void)fprintf(stderr, "%s has no OpenPGP key here: `postern pgp new` makes one\n",
                      c->arguments.words[0]);
        c->status = CLI_NOTHING;
        return true;
    }
    openpgp_armor(OPENPGP_ARMOR_KEY, buf_slice(&bytes), &armored);
    if (path) {
        return files_write_new(path, buf_slice(&armored), e);
    }
    buf_add(&c->out, buf_slice(&armored));
    return true;
}

bool cli_pgp_revoke(struct cli *c, struct error *e)
{
    const struct pgp_revoke_ask ask = {
        .address = slice_text(c->arguments.words[0]),
        .fingerprint = slice_text(c->arguments.words[1]),
        .reason = slice_text(arguments_text(&c->arguments, "reason", 0)),
    };
    struct recipient_key key;

    if (!cli_ask(c, CLI_KEEPER, &pgp_revoke, &ask, &key, NULL, CLI_ASK_MS, e)) {
        return false;
    }
    buf_printf(&c->out, "Nothing is signed with the key %.*s any more.\n",
               SLICE_ARG(key.fingerprint));
    (void)fprintf(stderr, "Publish it again, so that others hear of it: `postern pgp wkd DIR`\n");
    return true;
}

/* ── a directory for web servers ── */

/* Write a file below `root`, with the folders that lead to it, in place of what is there. */
static bool put(struct cli *c, const char *root, struct slice below, const char *name,
                struct slice bytes, struct error *e)
{
    OWN(fd) int directory = -1;
    OWN(fd) int fd = -1;
    struct slice path = arena_printf(&c->arena, "%s/%.*s", root, SLICE_ARG(below));

    if (path.len > PATH_ROOM ||
        !files_make_directory((const char *)path.ptr, 0755, &c->arena, &directory, e)) {
        return path.len <= PATH_ROOM ? false : error_set(e, ERROR_INPUT, "the path is too long");
    }
    fd = openat(directory, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0) {
        return error_errno(e, ERROR_CONFIG, "%.*s/%s", SLICE_ARG(path), name);
    }
    return files_write(fd, bytes, e);
}

/* Both methods of the draft: the host openpgpkey.DOMAIN, and the domain's own. A file `policy` says that it is there. */
static bool publish(struct cli *c, const char *root, struct slice address, struct error *e)
{
    OWN(buf) struct buf bytes = {.max = ARMOR_MAX / 2};
    struct slice domain = letter_domain(address);
    struct wkd_place place;

    if (!wkd_place(address, &c->arena, &place)) {
        return error_set(e, ERROR_INPUT, "`%.*s` has no place in a Web Key Directory",
                         SLICE_ARG(address));
    }
    const struct slice wells[] = {
        arena_printf(&c->arena, "openpgpkey.%.*s/.well-known/openpgpkey/%.*s", SLICE_ARG(domain),
                     SLICE_ARG(domain)),
        arena_printf(&c->arena, "%.*s/.well-known/openpgpkey", SLICE_ARG(domain)),
    };
    if (!gather(c, address, &bytes, e)) {
        return false;
    }
    for (size_t i = 0; i < sizeof(wells) / sizeof(wells[0]); i++) {
        struct slice hu = arena_printf(&c->arena, "%.*s/hu", SLICE_ARG(wells[i]));
        if (!put(c, root, wells[i], "policy", SLICE_NONE, e) ||
            !put(c, root, hu, place.hash, buf_slice(&bytes), e)) {
            return false;
        }
    }
    return true;
}

bool cli_pgp_wkd(struct cli *c, struct error *e)
{
    struct recipient_list_answer answer;
    size_t n = 0;

    if (!all_keys(c, &answer, e)) {
        return false;
    }
    const struct recipient_keys *rows = answer.rows.items;
    for (size_t i = 0; i < answer.rows.count; i++) {
        const struct recipient_key *keys = rows[i].keys.items;
        bool ours = false;
        for (size_t j = 0; j < rows[i].keys.count; j++) {
            ours = ours || is_ours(&keys[j]);
        }
        if (ours && !publish(c, c->arguments.words[0], rows[i].address, e)) {
            return false;
        }
        n += ours ? 1 : 0;
    }
    if (n == 0) {
        (void)fprintf(stderr,
                      "None of our addresses has an OpenPGP key: `postern pgp new ADDRESS`\n");
        c->status = CLI_NOTHING;
        return true;
    }
    buf_printf(&c->out,
               "%zu addresses; serve each folder in %s as the root of the host of its name.\n", n,
               c->arguments.words[0]);
    return true;
}
