#include "cli/sign_in.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"

#include "cli/files.h"
#include "cli/passkey.h"
#include "cli/print.h"
#include "cli/sign_ins.h"
#include "cli/terminal.h"
#include "cli/totp.h"
#include "host/file.h"
#include "keyring/digest.h"
#include "requests/admin.h"
#include "requests/auth.h"
#include "requests/permits.h"

#define FOLDER_MODE 0700
#define FILE_MODE   0600
#define NAME_DIGITS 16

_Static_assert(SIGN_INS_PASS_LEN == AUTH_SESSION_LEN, "a pass is a session's handle");

static const char *folder_path(struct cli *c)
{
    const char *named = getenv("POSTERN_SIGN_INS");
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    const char *home = getenv("HOME");

    if (named && named[0]) {
        return named;
    }
    if (runtime && runtime[0]) {
        return arena_text(&c->arena, arena_printf(&c->arena, "%s/postern", runtime));
    }
    return arena_text(&c->arena, arena_printf(&c->arena, "%s/.postern", home ? home : ""));
}

/* The file's name: several gateways may be on one machine. */
static const char *file_name(struct cli *c)
{
    uint8_t digest[DIGEST_LEN];

    digest_of(c->settings->general.data_directory, SLICE_NONE, digest);
    struct slice hex = print_hex(&c->arena, slice_of(digest, NAME_DIGITS / 2));
    return arena_text(&c->arena, hex);
}

/* Nobody else may have a hand in it. */
static bool is_mine(int fd, mode_t kind)
{
    struct stat st;

    return fstat(fd, &st) == 0 && (st.st_mode & S_IFMT) == kind && st.st_uid == geteuid() &&
           (st.st_mode & 077) == 0;
}

/* What there is, in the arena; empty when there is none, or when it is not this person's. */
static struct slice read_file(struct cli *c)
{
    OWN(buf) struct buf bytes = {.max = SIGN_INS_BYTES};
    struct error e;
    OWN(fd) int folder = open(folder_path(c), O_PATH | O_DIRECTORY | O_CLOEXEC);
    OWN(fd)
    int fd = folder < 0 ? -1 : openat(folder, file_name(c), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0 || !is_mine(folder, S_IFDIR) || !is_mine(fd, S_IFREG) ||
        !file_read_all(folder, file_name(c), &bytes, &e)) {
        return SLICE_NONE;
    }
    return arena_copy(&c->arena, buf_slice(&bytes));
}

static bool write_file(struct cli *c, struct slice bytes, struct error *e)
{
    const char *path = folder_path(c);
    OWN(fd) int folder = -1;

    if (!files_make_directory(path, FOLDER_MODE, &c->arena, &folder, e)) {
        return false;
    }
    return (is_mine(folder, S_IFDIR) ||
            error_set(e, ERROR_CONFIG, "%s: must be a directory of yours with mode 0700", path)) &&
           file_replace(folder, file_name(c), bytes, FILE_MODE, e);
}

static bool forget(struct cli *c, struct slice account, struct error *e)
{
    OWN(buf) struct buf rest = {.max = SIGN_INS_BYTES};

    sign_ins_drop(read_file(c), account, &rest);
    return write_file(c, buf_slice(&rest), e);
}

/* Whoever is to act, if anybody is signed in. */
static bool find(struct cli *c, struct kept_pass *s)
{
    return sign_ins_find(read_file(c), slice_text(c->as), s);
}

/* Root of the machine, though somebody is signed in. The names of accounts are addresses, so none is this. */
static bool is_root(const struct cli *c)
{
    return c->as && strcmp(c->as, "root") == 0 && geteuid() == 0;
}

static bool not_signed_in(struct cli *c, struct error *e)
{
    return error_set(e, ERROR_DENIED, "%s is not signed in; `postern login %s` does it", c->as,
                     c->as);
}

bool sign_in_show(struct cli *c, struct ipc_pool *pool, struct error *e)
{
    struct kept_pass s;
    struct error ignored;

    if (is_root(c)) {
        return true;
    }
    if (!find(c, &s)) {
        return !c->as || not_signed_in(c, e);
    }
    const struct caller_pass_ask ask = {.pass = slice_of(s.pass, SIGN_INS_PASS_LEN)};
    if (ipc_call(pool, &caller_pass, &ask, -1, NULL, NULL, &c->arena, CLI_ASK_MS, e)) {
        return true;
    }
    if (e->kind != ERROR_DENIED) {
        return false;
    }
    (void)forget(c, s.account, &ignored);
    if (c->as) {
        return not_signed_in(c, e);
    }
    (void)fprintf(stderr, "The sign-in of %s is over.\n",
                  arena_text(&c->arena, print_cleaned(&c->arena, s.account)));
    return true;
}

/* ── verbs ── */

static bool ask_password(struct cli *c, struct secret **password, struct error *e)
{
    if (arguments_flag(&c->arguments, "password-stdin")) {
        return terminal_read_secret(AUTH_PASSWORD_MAX, password, e);
    }
    return terminal_has_person()
               ? terminal_ask_secret("Password", AUTH_PASSWORD_MAX, password, e)
               : error_set(e, ERROR_INPUT, "nobody is there to ask: give --password-stdin");
}

static bool try_login(struct cli *c, const struct admin_sign_in_ask *ask,
                      struct admin_sign_in_answer *answer, struct error *e)
{
    return cli_ask(c, CLI_KEEPER, &admin_sign_in, ask, answer, NULL, CLI_ASK_MS, e);
}

/* By a passkey alone. */
static bool login_alone(struct cli *c, struct admin_sign_in_ask *ask,
                        struct admin_sign_in_answer *answer, struct error *e)
{
    const struct passkey_sign_in_ask begin = {.account = ask->account};
    struct passkey_asked asked;

    return cli_ask(c, CLI_KEEPER, &passkey_sign_in, &begin, &asked, NULL, CLI_ASK_MS, e) &&
           passkey_sign(c, &asked, true, &ask->passkey, e) && try_login(c, ask, answer, e);
}

bool sign_in_second(struct cli *c, const struct admin_sign_in_answer *answer, struct slice *code,
                    struct auth_assertion *passkey, struct error *e)
{
    bool asked = answer->asked.challenge.len > 0;

    if (asked && (arguments_flag(&c->arguments, "json") || passkey_is_there())) {
        return passkey_sign(c, &answer->asked, false, passkey, e);
    }
    return answer->wants_code
               ? totp_ask_code(c, code, e)
               : error_set(e, ERROR_INPUT,
                           "the account has a passkey and no app with codes: plug its security "
                           "key in, or give --json and have a browser asked");
}

static bool login_by_password(struct cli *c, struct admin_sign_in_ask *ask,
                              struct admin_sign_in_answer *answer, struct error *e)
{
    OWN(secret) struct secret *password = NULL;

    if (!ask_password(c, &password, e)) {
        return false;
    }
    ask->password = secret_slice(password);
    ask->code = slice_text(arguments_text(&c->arguments, "code", 0));
    return try_login(c, ask, answer, e) &&
           ((!answer->wants_code && answer->asked.challenge.len == 0) ||
            (sign_in_second(c, answer, &ask->code, &ask->passkey, e) &&
             try_login(c, ask, answer, e)));
}

bool sign_in_keep(struct cli *c, const struct admin_sign_in_answer *answer, struct error *e)
{
    OWN(buf) struct buf file = {.max = SIGN_INS_BYTES};
    struct kept_pass s;

    if (answer->pass.len != SIGN_INS_PASS_LEN) {
        return error_set(e, ERROR_CORRUPT, "the daemon's answer is not understood");
    }
    s.account = answer->account;
    (void)memcpy(s.pass, answer->pass.ptr, SIGN_INS_PASS_LEN);
    sign_ins_put(read_file(c), &s, &file);
    if (!write_file(c, buf_slice(&file), e)) {
        return false;
    }
    buf_printf(&c->out, "signed in as %.*s (%s) until %.*s\n", SLICE_ARG(answer->account),
               account_role_name(answer->role), SLICE_ARG(print_time(&c->arena, answer->ends_at)));
    return true;
}

bool cli_login(struct cli *c, struct error *e)
{
    struct admin_sign_in_ask ask = {.account = SLICE_NONE};
    struct admin_sign_in_answer answer;

    c->nobody = true;
    if (arguments_text(&c->arguments, "oidc", 0)) {
        return login_oidc(c, e);
    }
    if (arguments_flag(&c->arguments, "device")) {
        return error_set(e, ERROR_INPUT, "--device is for --oidc NAME");
    }
    if (c->arguments.n_words == 0) {
        return error_set(e, ERROR_INPUT, "which account? `postern login ACCOUNT`, or --oidc NAME");
    }
    ask.account = slice_text(c->arguments.words[0]);
    if (arguments_flag(&c->arguments, "passkey") ? !login_alone(c, &ask, &answer, e)
                                                 : !login_by_password(c, &ask, &answer, e)) {
        return false;
    }
    return sign_in_keep(c, &answer, e);
}

bool cli_logout(struct cli *c, struct error *e)
{
    const struct settings *settings = NULL;
    struct kept_pass s;

    if (!cli_settings(c, &settings, e)) {
        return false;
    }
    if (!find(c, &s)) {
        return c->as ? not_signed_in(c, e) : error_set(e, ERROR_INPUT, "nobody is signed in");
    }
    /* Whatever the daemon says, the pass is gone from here. */
    bool ended = cli_ask(c, CLI_KEEPER, &admin_sign_out, NULL, NULL, NULL, CLI_ASK_MS, e);
    struct error lost;
    if (!forget(c, s.account, &lost)) {
        *e = lost;
        return false;
    }
    if (!ended) {
        return error_add(e, "the pass is forgotten here, the daemon was not told");
    }
    buf_printf(&c->out, "signed out %.*s\n", SLICE_ARG(s.account));
    return true;
}
