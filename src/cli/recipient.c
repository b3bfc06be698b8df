/* Keys that letters to somebody are encrypted with. */
#include "cli/recipient.h"

#include <fcntl.h>
#include <stdio.h>

#include "base/clock.h"

#include "cli/files.h"
#include "cli/options.h"
#include "cli/print.h"
#include "host/file.h"
#include "host/memfd.h"
#include "requests/recipients.h"

const struct argument_option recipient_add_options[] = {
    OPTION("reason", 0, "TEXT", "why, and how you came by it; stands in the ledger"),
    OPTION("vouched", 0, NULL,
           "you compared its fingerprint with its holder: nobody else need vouch for it"),
    OPTION("other-address", 0, NULL, "it names another address, and is meant for this one"),
    OPTION_END,
};

const struct argument_option recipient_show_options[] = {
    OPTION("output", 'o', "FILE", "write the newest key there, to a new file, DER or binary"),
    OPTION_END,
};

const struct argument_option recipient_remove_options[] = {
    OPTION("reason", 0, "TEXT", "why; stands in the ledger"),
    OPTION_END,
};

static void line(struct cli *c, const char *name, struct slice value)
{
    if (value.len) {
        buf_printf(&c->out, "  %-13s", name);
        print_clean(&c->out, value);
        buf_add_byte(&c->out, '\n');
    }
}

static struct slice until_text(struct cli *c, const struct recipient_key *key)
{
    uint64_t now = (uint64_t)clock_wall_ms();

    if (key->not_after == 0) {
        return SLICE("no end");
    }
    return arena_printf(&c->arena, "%.*s%s", SLICE_ARG(print_time(&c->arena, key->not_after)),
                        key->not_after <= now ? " (expired)" : "");
}

static struct slice trust_text(struct cli *c, const struct recipient_key *key)
{
    return arena_printf(&c->arena, "%s%s%.*s%s", recipient_key_source_text(key->source),
                        key->by.len ? " by " : "", SLICE_ARG(key->by),
                        key->own.len   ? ", its private key is ours"
                        : key->vouched ? ", who vouched for it"
                                       : "");
}

void recipient_write_key(struct cli *c, const struct recipient_key *key)
{
    const struct slice *names = key->names.items;

    line(c, "kind", slice_text(recipient_key_kind_text(key->kind)));
    line(c, "fingerprint", key->fingerprint);
    line(c, "subject", key->subject);
    for (size_t i = 0; i < key->names.count; i++) {
        line(c, i ? "" : "names", names[i]);
    }
    line(c, "algorithm", key->algorithm);
    line(c, "valid from", print_time(&c->arena, key->not_before));
    line(c, "until", until_text(c, key));
    line(c, "added", print_time(&c->arena, key->added_at));
    line(c, "source", trust_text(c, key));
    if (key->reads) {
        line(c, "can read",
             arena_printf(&c->arena, "%s%s%s", key->reads & RECIPIENT_READS_GCM ? "AES-GCM" : "",
                          key->reads == (RECIPIENT_READS_GCM | RECIPIENT_READS_OAEP) ? ", " : "",
                          key->reads & RECIPIENT_READS_OAEP ? "RSA-OAEP" : ""));
    }
}

/* What it came to: a key that is kept need not be one that is used. */
static bool tell_worth(struct cli *c, struct slice address, uint64_t kind, struct error *e)
{
    const struct recipient_list_ask ask = {.exactly = address};
    struct recipient_list_answer answer;

    if (!cli_ask(c, CLI_KEEPER, &recipient_list, &ask, &answer, NULL, CLI_ASK_MS, e)) {
        return false;
    }
    print_clean(&c->out, kind == RECIPIENT_SMIME
                             ? arena_printf(&c->arena, "S/MIME: %.*s", SLICE_ARG(answer.smime))
                             : arena_printf(&c->arena, "OpenPGP: %.*s", SLICE_ARG(answer.openpgp)));
    buf_add_byte(&c->out, '\n');
    return true;
}

bool cli_recipient_add_key(struct cli *c, struct error *e)
{
    const struct recipient_key_add_ask ask = {
        .address = slice_text(c->arguments.words[0]),
        .reason = slice_text(arguments_text(&c->arguments, "reason", 0)),
        .vouched = arguments_flag(&c->arguments, "vouched"),
        .other = arguments_flag(&c->arguments, "other-address"),
    };
    OWN(buf) struct buf file = {.max = RECIPIENT_FILE_MAX};
    OWN(fd) int fd = -1;
    struct recipient_key_added added;

    if (!file_read_all(AT_FDCWD, c->arguments.words[1], &file, e) ||
        !memfd_from("key", buf_slice(&file), &fd, e) ||
        !cli_give(c, CLI_KEEPER, &recipient_key_add, &ask, fd, &added, &c->arena, CLI_ASK_MS, e)) {
        return false;
    }
    const struct slice *warnings = added.warnings.items;
    for (size_t i = 0; i < added.warnings.count; i++) {
        (void)fprintf(stderr, "%.*s\n", SLICE_ARG(warnings[i]));
    }
    buf_printf(&c->out, "%s has this key from now on:\n", c->arguments.words[0]);
    recipient_write_key(c, &added.key);
    return tell_worth(c, ask.address, added.key.kind, e);
}

static void add_row(struct cli *c, struct print_columns *columns, const struct recipient_keys *r)
{
    const struct recipient_key *keys = r->keys.items;

    for (size_t i = 0; i < r->keys.count; i++) {
        const struct slice cells[] = {r->address,
                                      slice_text(recipient_key_kind_text(keys[i].kind)),
                                      slice_head(keys[i].fingerprint, 16),
                                      keys[i].algorithm,
                                      until_text(c, &keys[i]),
                                      trust_text(c, &keys[i])};
        print_row(columns, cells);
    }
}

bool cli_recipient_list(struct cli *c, struct error *e)
{
    static const char *const heads[] = {"RECIPIENT", "KIND",  "FINGERPRINT",
                                        "ALGORITHM", "UNTIL", "SOURCE"};
    struct print_columns columns = {.arena = &c->arena, .heads = heads, .count = 6};
    const struct recipient_list_ask ask = {
        .part = c->arguments.n_words ? slice_text(c->arguments.words[0]) : SLICE_NONE};
    struct recipient_list_answer answer;

    if (!cli_ask(c, CLI_KEEPER, &recipient_list, &ask, &answer, NULL, CLI_ASK_MS, e)) {
        return false;
    }
    if (answer.rows.count == 0) {
        (void)fprintf(stderr, "No recipient has a key here.\n");
        c->status = CLI_NOTHING;
        return true;
    }
    const struct recipient_keys *rows = answer.rows.items;
    for (size_t i = 0; i < answer.rows.count; i++) {
        add_row(c, &columns, &rows[i]);
    }
    print_columns(&columns, cli_columns(), &c->out);
    if (answer.more) {
        (void)fprintf(stderr, "There are more: name a part of the address.\n");
    }
    return true;
}

bool cli_recipient_show(struct cli *c, struct error *e)
{
    const char *path = arguments_text(&c->arguments, "output", 0);
    const struct recipient_list_ask ask = {.exactly = slice_text(c->arguments.words[0])};
    struct recipient_list_answer answer;

    if (!cli_ask(c, CLI_KEEPER, &recipient_list, &ask, &answer, NULL, CLI_ASK_MS, e)) {
        return false;
    }
    const struct recipient_keys *row = answer.rows.items;
    if (answer.rows.count == 0 || row->keys.count == 0) {
        (void)fprintf(stderr, "%s has no key here.\n", c->arguments.words[0]);
        c->status = CLI_NOTHING;
        return true;
    }
    const struct recipient_key *keys = row->keys.items;
    for (size_t i = row->keys.count; i > 0; i--) { /* the newest first: it is what is used */
        buf_printf(&c->out, "%.*s\n", SLICE_ARG(print_cleaned(&c->arena, row->address)));
        recipient_write_key(c, &keys[i - 1]);
    }
    buf_printf(&c->out, "S/MIME: %.*s\n", SLICE_ARG(print_cleaned(&c->arena, answer.smime)));
    struct slice openpgp = print_cleaned(&c->arena, answer.openpgp);
    if (slice_starts(openpgp, SLICE("OpenPGP "))) { /* "key 1234..." */
        openpgp = slice_from(openpgp, strlen("OpenPGP "));
    }
    buf_printf(&c->out, "OpenPGP: %.*s\n", SLICE_ARG(openpgp));
    return !path || files_write_new(path, keys[row->keys.count - 1].bytes, e);
}

bool cli_recipient_remove_key(struct cli *c, struct error *e)
{
    const struct recipient_key_drop_ask ask = {
        .address = slice_text(c->arguments.words[0]),
        .fingerprint = slice_text(c->arguments.words[1]),
        .reason = slice_text(arguments_text(&c->arguments, "reason", 0)),
    };

    if (!cli_ask(c, CLI_KEEPER, &recipient_key_drop, &ask, NULL, NULL, CLI_ASK_MS, e)) {
        return false;
    }
    buf_printf(&c->out, "No letter to %s is encrypted with this key any more.\n",
               c->arguments.words[0]);
    return true;
}
