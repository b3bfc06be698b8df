/* Passwords: whether one would do, and the list of those that were stolen. */
#include "cli/passwords.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/options.h"
#include "cli/print.h"
#include "cli/terminal.h"
#include "host/file.h"
#include "passwords/dump.h"
#include "requests/passwords.h"

#define FOLDER      "passwords" /* of the data directory */
#define MODE_FOLDER 0700        /* posternd lets auth in when it starts */
#define SEEN_MAX    UINT64_C(1000000000)

const struct argument_option password_check_options[] = {
    OPTION("account", 0, "ACCOUNT", "whose names it must not be made of"),
    OPTION("second-factor", 0, NULL, "as one beside a second factor: 8 characters will do"),
    OPTION("password-stdin", 0, NULL, "the password is one line of standard input"),
    OPTION_END,
};

const struct argument_option passwords_import_options[] = {
    OPTION("seen", 0, "N", "leave out what was seen less often"),
    OPTION("bits", 0, "N", "one password in 2^N that is not on the list is refused; 10"),
    OPTION("output", 'o', "FILE", "write there instead of putting it in force"),
    OPTION("reason", 0, "TEXT", "why; stands in the ledger"),
    OPTION_END,
};

bool cli_password_check(struct cli *c, struct error *e)
{
    const struct arguments *a = &c->arguments;
    OWN(secret) struct secret *password = NULL;
    struct auth_judge_answer answer;
    bool from_stdin = arguments_flag(a, "password-stdin") || !terminal_has_person();

    if (from_stdin ? !terminal_read_secret(AUTH_PASSWORD_MAX, &password, e)
                   : !terminal_ask_secret("Password", AUTH_PASSWORD_MAX, &password, e)) {
        return false;
    }
    const struct password_check_ask ask = {.account = slice_text(arguments_text(a, "account", 0)),
                                           .password = secret_slice(password),
                                           .second_factor = arguments_flag(a, "second-factor")};
    if (!cli_ask(c, CLI_KEEPER, &password_check, &ask, &answer, NULL, CLI_ASK_MS, e)) {
        return false;
    }
    buf_printf(&c->out, "%.*s\n", SLICE_ARG(answer.sentence));
    c->status = answer.good ? 0 : CLI_NOTHING;
    return true;
}

/* ── import ── */

static bool number_of(struct cli *c, const char *option, uint64_t least, uint64_t most,
                      uint64_t *value, struct error *e)
{
    const char *text = arguments_text(&c->arguments, option, 0);

    return !text || (slice_decimal(slice_text(text), most, value) && *value >= least) ||
           error_set(e, ERROR_INPUT, "--%s is a number from %llu to %llu", option,
                     (unsigned long long)least, (unsigned long long)most);
}

/* The folder and name of what is written: those in force, or of --output. */
static bool open_place(struct cli *c, int *folder, const char **name, struct error *e)
{
    const char *output = arguments_text(&c->arguments, "output", 0);
    OWN(fd) int data = -1;

    if (output) {
        char *path = arena_text(&c->arena, slice_text(output));
        char *slash = strrchr(path, '/');
        *name = slash ? slash + 1 : path;
        const char *above = !slash ? "." : slash == path ? "/" : path;
        if (slash && slash != path) {
            *slash = '\0';
        }
        *folder = open(above, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return *folder >= 0 || error_errno(e, ERROR_CONFIG, "%s", above);
    }
    *name = DUMP_NAME;
    if (!cli_data(c, &data, e) || !file_make_folder(data, FOLDER, MODE_FOLDER, e)) {
        return false;
    }
    *folder = openat(data, FOLDER, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    return *folder >= 0 || error_errno(e, ERROR_CONFIG, "data directory: %s", FOLDER);
}

static bool open_dump(struct cli *c, int *in, struct error *e)
{
    const char *path = c->arguments.words[0];
    int opened = strcmp(path, "-") == 0 ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
                                        : open(path, O_RDONLY | O_CLOEXEC);

    *in = opened;
    return opened >= 0 || error_errno(e, ERROR_CONFIG, "%s", path);
}

/* What was put in force holds at once; that it was, stands in the ledger when posternd runs. */
static void record(struct cli *c, uint64_t entries)
{
    const struct passwords_imported_ask ask = {
        .entries = entries, .reason = slice_text(arguments_text(&c->arguments, "reason", 0))};
    struct error e;

    if (!cli_ask(c, CLI_KEEPER, &passwords_imported, &ask, NULL, NULL, CLI_ASK_MS, &e)) {
        buf_printf(&c->out, "It is in force, and not in the ledger: %s\n", e.text);
    }
}

bool cli_passwords_import(struct cli *c, struct error *e)
{
    OWN(fd) int in = -1;
    OWN(fd) int folder = -1;
    const char *name = NULL;
    uint64_t bits = FILTER_BITS;
    struct dump_options options = {.seen_least = 0};
    struct dump_report report;

    if (!number_of(c, "bits", FILTER_BITS_MIN, FILTER_BITS_MAX, &bits, e) ||
        !number_of(c, "seen", 1, SEEN_MAX, &options.seen_least, e) || !open_dump(c, &in, e) ||
        !open_place(c, &folder, &name, e)) {
        return false;
    }
    options.bits = (unsigned)bits;
    if (!dump_import(in, folder, name, &options, &report, e)) {
        return error_add(e, "%s", c->arguments.words[0]);
    }
    buf_printf(&c->out,
               "%llu passwords of %llu lines, %.1f MB, %.2f bits each; one other password in "
               "%llu is refused as well\n",
               (unsigned long long)report.entries, (unsigned long long)report.lines,
               (double)report.bytes / 1e6,
               report.entries ? 8.0 * (double)report.bytes / (double)report.entries : 0.0,
               1ULL << bits);
    if (!arguments_text(&c->arguments, "output", 0)) {
        record(c, report.entries);
    }
    return true;
}
