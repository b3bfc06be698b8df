/* Certificates of our own people. A PKCS #12 file is opened here, as whoever may read it: the daemon gets the key alone. */
#include "cli/smime.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pkcs12.h>
#include <openssl/provider.h>
#include <openssl/x509.h>
#include <stdio.h>

#include "base/clock.h"

#include "cli/options.h"
#include "cli/print.h"
#include "cli/recipient.h"
#include "cli/terminal.h"
#include "host/file.h"
#include "host/memfd.h"
#include "requests/recipients.h"
#include "requests/smime.h"

#define FILE_MAX      65536
#define PKCS8_MAX     4096
#define PASSWORD_MAX  256
#define DAYS_MAX      36500
#define SOON_MS       (UINT64_C(30) * 86400000)
#define AUTHORITY_ROW "smime-ca"

const struct argument_option smime_import_options[] = {
    OPTION("password-stdin", 0, NULL, "the file's password is one line of standard input"),
    OPTION("other-address", 0, NULL, "the certificate names another address"),
    OPTION("reason", 0, "TEXT", "why; stands in the ledger"),
    OPTION_END,
};

const struct argument_option smime_make_options[] = {
    OPTION("days", 0, "N", "how long it holds; 730 for a person, 3650 for an authority"),
    OPTION("reason", 0, "TEXT", "why; stands in the ledger"),
    OPTION_END,
};

OWN_BY(pkcs12, PKCS12, PKCS12_free)
OWN_BY(pkcs8, PKCS8_PRIV_KEY_INFO, PKCS8_PRIV_KEY_INFO_free)

/* What a file holds. */
struct identity {
    EVP_PKEY *key;
    X509 *certificate;
    STACK_OF(X509) * issuers;
};

static void identity_done(struct identity *id)
{
    EVP_PKEY_free(id->key);
    X509_free(id->certificate);
    sk_X509_pop_free(id->issuers, X509_free);
}
OWN_VALUE(identity, struct identity, identity_done)

static bool open_file(struct slice file, const struct secret *password, struct identity *out,
                      struct error *e)
{
    const unsigned char *at = file.ptr;
    OWN(pkcs12) PKCS12 *p12 = d2i_PKCS12(NULL, &at, (long)file.len);
    char text[PASSWORD_MAX + 1] = "";

    if (!p12) {
        return error_set(e, ERROR_INPUT, "this is no PKCS #12 file (.p12, .pfx)");
    }
    struct slice s = slice_head(secret_slice(password), PASSWORD_MAX);
    if (s.len) {
        (void)memcpy(text, s.ptr, s.len);
    }
    /* what older programs write is encrypted by what only this provider knows */
    (void)OSSL_PROVIDER_try_load(NULL, "legacy", 1);
    bool opened = PKCS12_parse(p12, text, &out->key, &out->certificate, &out->issuers) == 1;
    OPENSSL_cleanse(text, sizeof(text));
    ERR_clear_error();
    if (!opened) {
        return error_set(e, ERROR_INPUT, "the file does not open: is the password right?");
    }
    return (out->key && out->certificate &&
            X509_check_private_key(out->certificate, out->key) == 1) ||
           error_set(e, ERROR_INPUT, "the file holds no private key with its certificate");
}

static bool add_certificate(X509 *c, struct buf *out)
{
    int len = i2d_X509(c, NULL);
    uint8_t *room = len > 0 ? buf_room(out, (size_t)len) : NULL;

    if (!room || i2d_X509(c, &room) != len) {
        return false;
    }
    out->len += (size_t)len;
    return true;
}

static bool write_identity(const struct identity *id, struct buf *pkcs8, struct buf *chain,
                           struct error *e)
{
    OWN(pkcs8) PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(id->key);
    int len = info ? i2d_PKCS8_PRIV_KEY_INFO(info, NULL) : -1;
    uint8_t *room = len > 0 ? buf_room(pkcs8, (size_t)len) : NULL;
    bool good = room && i2d_PKCS8_PRIV_KEY_INFO(info, &room) == len &&
                add_certificate(id->certificate, chain);

    pkcs8->len += good ? (size_t)len : 0;
    for (int i = 0; good && i < sk_X509_num(id->issuers); i++) {
        good = add_certificate(sk_X509_value(id->issuers, i), chain);
    }
    return good || error_set(e, ERROR_LIMIT, "the key or its certificates are too long");
}

static bool get_password(struct cli *c, struct secret **password, struct error *e)
{
    if (arguments_flag(&c->arguments, "password-stdin")) {
        return terminal_read_secret(PASSWORD_MAX, password, e);
    }
    return terminal_has_person()
               ? terminal_ask_secret("Password of the file", PASSWORD_MAX, password, e)
               : error_set(e, ERROR_INPUT, "nobody is there to ask: give --password-stdin");
}

static bool send(struct cli *c, struct smime_add_ask *ask, int fd, struct recipient_key *key,
                 struct error *e)
{
    ask->reason = slice_text(arguments_text(&c->arguments, "reason", 0));
    return cli_give(c, CLI_KEEPER, &smime_add, ask, fd, key, &c->arena, CLI_ASK_MS, e);
}

bool cli_smime_import(struct cli *c, struct error *e)
{
    OWN(buf) struct buf file = {.max = FILE_MAX};
    OWN(buf) struct buf pkcs8 = {.max = PKCS8_MAX};
    OWN(buf) struct buf chain = {.max = RECIPIENT_FILE_MAX};
    OWN(secret) struct secret *password = NULL;
    OWN(identity) struct identity id = {NULL, NULL, NULL};
    OWN(fd) int fd = -1;
    struct recipient_key kept;

    if (!file_read_all(AT_FDCWD, c->arguments.words[0], &file, e) ||
        !get_password(c, &password, e)) {
        return false;
    }
    if (!open_file(buf_slice(&file), password, &id, e) || !buf_room(&pkcs8, PKCS8_MAX) ||
        !write_identity(&id, &pkcs8, &chain, e) ||
        !memfd_from("certificates", buf_slice(&chain), &fd, e)) {
        return false;
    }
    struct smime_add_ask ask = {.kind = SMIME_ADD_IMPORT,
                                .address = slice_text(c->arguments.words[1]),
                                .key = buf_slice(&pkcs8),
                                .other = arguments_flag(&c->arguments, "other-address")};
    bool done = send(c, &ask, fd, &kept, e);
    OPENSSL_cleanse(pkcs8.ptr, pkcs8.len);
    if (!done) {
        return false;
    }
    buf_printf(&c->out, "Letters of %s are signed by this certificate from now on:\n",
               c->arguments.words[1]);
    recipient_write_key(c, &kept);
    return true;
}

static bool read_days(struct cli *c, uint64_t *days, struct error *e)
{
    struct slice text = slice_text(arguments_text(&c->arguments, "days", 0));

    return text.len == 0 || (slice_decimal(text, DAYS_MAX, days) && *days > 0) ||
           error_set(e, ERROR_INPUT, "--days is a number of days, 1 to %d", DAYS_MAX);
}

bool cli_smime_ca(struct cli *c, struct error *e)
{
    struct smime_add_ask ask = {.kind = SMIME_ADD_AUTHORITY,
                                .address = slice_text(c->arguments.words[0])};
    struct recipient_key kept;

    if (!read_days(c, &ask.days, e) || !send(c, &ask, -1, &kept, e)) {
        return false;
    }
    buf_printf(&c->out, "This authority issues certificates of our people from now on:\n");
    recipient_write_key(c, &kept);
    (void)fprintf(stderr, "Partners trust it with `postern recipient show " AUTHORITY_ROW
                          " --output ca.cer`.\n");
    return true;
}

bool cli_smime_issue(struct cli *c, struct error *e)
{
    struct smime_add_ask ask = {.kind = SMIME_ADD_ISSUE,
                                .address = slice_text(c->arguments.words[0])};
    struct recipient_key kept;

    if (!read_days(c, &ask.days, e) || !send(c, &ask, -1, &kept, e)) {
        return false;
    }
    buf_printf(&c->out, "Letters of %s are signed by this certificate from now on:\n",
               c->arguments.words[0]);
    recipient_write_key(c, &kept);
    return true;
}

static void add_row(struct cli *c, struct print_columns *columns, struct slice address,
                    const struct recipient_key *key)
{
    uint64_t now = (uint64_t)clock_wall_ms();
    const char *when = key->not_after <= now             ? " (expired)"
                       : key->not_after <= now + SOON_MS ? " (renew it)"
                                                         : "";
    const struct slice cells[] = {
        slice_equal(address, SLICE(AUTHORITY_ROW)) ? SLICE("our authority") : address, key->subject,
        slice_head(key->fingerprint, 16), key->algorithm,
        arena_printf(&c->arena, "%.*s%s", SLICE_ARG(print_time(&c->arena, key->not_after)), when)};

    print_row(columns, cells);
}

bool cli_smime_list(struct cli *c, struct error *e)
{
    static const char *const heads[] = {"FOR", "SUBJECT", "FINGERPRINT", "ALGORITHM", "UNTIL"};
    struct print_columns columns = {.arena = &c->arena, .heads = heads, .count = 5};
    const struct recipient_list_ask ask = {.own = true};
    struct recipient_list_answer answer;
    size_t n = 0;

    if (!cli_ask(c, CLI_KEEPER, &recipient_list, &ask, &answer, NULL, CLI_ASK_MS, e)) {
        return false;
    }
    const struct recipient_keys *rows = answer.rows.items;
    for (size_t i = 0; i < answer.rows.count; i++) {
        const struct recipient_key *keys = rows[i].keys.items;
        for (size_t m = 0; m < rows[i].keys.count; m++) {
            if (keys[m].own.len && keys[m].kind == RECIPIENT_SMIME) {
                add_row(c, &columns, rows[i].address, &keys[m]);
                n++;
            }
        }
    }
    if (n == 0) {
        (void)fprintf(stderr, "None of our people has a certificate here.\n");
        c->status = CLI_NOTHING;
        return true;
    }
    print_columns(&columns, cli_columns(), &c->out);
    return true;
}
