/* Mail that was kept elsewhere goes into the archive. Here files are opened and handed over; what is in
 * them is read in a process that can do nothing else. */
#include "cli/import.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "requests/admin.h"
#include "requests/intake.h"

#define TRIES_MAX   60 /* seconds that a daemon may take to be there again */
#define BATCH_ARENA ((size_t)64 << 20)

/* ── one import ── */

static bool begin(struct importing *x, struct error *e)
{
    struct import_record ask = x->record;
    struct admin_import_begun begun;

    ask.id = SLICE_NONE;
    ask.state = IMPORT_BEGUN;
    ask.failures = (struct cbor_list){0};
    if (!cli_ask(x->cli, CLI_KEEPER, &admin_import_begin, &ask, &begun, NULL, CLI_ASK_MS, e)) {
        return false;
    }
    x->record = begun.record;
    x->ticket = begun.ticket;
    return true;
}

bool import_begin(struct importing *x, struct cli *c, enum source_kind kind, const char *path,
                  struct error *e)
{
    const struct arguments *a = &c->arguments;
    const char *source = arguments_text(a, "source", 0);
    char *whole = realpath(path, NULL);

    if (!whole) {
        return error_errno(e, ERROR_CONFIG, "%s", path);
    }
    *x = (struct importing){.cli = c, .path = arena_text(&c->arena, slice_text(whole))};
    free(whole);
    arena_init(&x->arena, BATCH_ARENA);
    char *name = arena_text(&c->arena, slice_text(x->path));
    struct slice called = slice_text(source ? source : basename(name));
    x->record = (struct import_record){
        .kind = kind,
        .name = letter_text(&c->arena, called, 255),
        .owner = slice_text(arguments_text(a, "owner", 0)),
        .path = letter_text(&c->arena, slice_text(x->path), 4096),
        .reason = slice_text(arguments_text(a, "reason", 0)),
    };
    if (!begin(x, e)) {
        return error_add(e, "%s", path);
    }
    if (x->record.state == IMPORT_CONTINUED) {
        (void)fprintf(stderr, "%s: an import that did not end goes on; %llu letters are taken.\n",
                      path, (unsigned long long)x->record.taken);
    }
    return true;
}

bool import_again(struct importing *x, struct error *e)
{
    while (e->kind == ERROR_BUSY && ++x->failures < TRIES_MAX) {
        if (x->failures == 2) {
            (void)fprintf(stderr, "posternd does not answer (%s); trying again\n", e->text);
        }
        (void)sleep(1);
        cli_reconnect(x->cli);
        if (begin(x, e)) {
            return true;
        }
    }
    return false;
}

bool import_end(struct importing *x, struct error *e)
{
    struct import_record answer;
    uint64_t failed = 0;

    arena_done(&x->arena);
    if (!cli_ask(x->cli, CLI_KEEPER, &admin_import_end, &x->record, &answer, NULL, CLI_ASK_MS, e) ||
        !import_print(x->cli, x->record.id, &failed, e)) {
        return false;
    }
    x->cli->status = failed ? CLI_NOTHING : x->cli->status;
    return true;
}

/* ── mbox ── */

static bool quoting_of(struct cli *c, uint64_t *quoting, struct error *e)
{
    static const char *const names[] = {
        [QUOTING_MBOXRD] = "mboxrd", [QUOTING_MBOXO] = "mboxo", [QUOTING_NONE] = "none"};
    const char *name = arguments_text(&c->arguments, "quoting", 0);

    *quoting = QUOTING_MBOXRD;
    for (uint64_t i = QUOTING_MBOXRD; name && i <= QUOTING_NONE; i++) {
        if (strcmp(name, names[i]) == 0) {
            *quoting = i;
            return true;
        }
    }
    return !name ||
           error_set(e, ERROR_INPUT, "--quoting wants mboxrd, mboxo or none, not `%s`", name);
}

static bool take_mbox(struct importing *x, int fd, struct intake_mbox_ask *ask, struct error *e)
{
    struct intake_mbox_answer answer = {0};
    bool changed = false;

    while (!answer.end) {
        arena_reset(&x->arena);
        ask->ticket = x->ticket;
        if (cli_give(x->cli, CLI_INTAKE, &intake_mbox, ask, fd, &answer, &x->arena, CLI_LONG_MS,
                     e)) {
            ask->offset = answer.next;
            x->failures = 0;
        } else if (e->kind == ERROR_INPUT && ask->offset && !changed) {
            ask->offset = 0; /* the file was changed since: what is known is passed over */
            changed = true;
        } else if (import_again(x, e)) {
            ask->offset = x->record.next;
        } else {
            return false;
        }
    }
    return true;
}

static bool import_mbox(struct cli *c, const char *path, uint64_t quoting, struct error *e)
{
    OWN(fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct importing x;
    struct stat st;

    if (fd < 0 || fstat(fd, &st) != 0) {
        return error_errno(e, ERROR_CONFIG, "%s", path);
    }
    if (!S_ISREG(st.st_mode)) {
        return error_set(e, ERROR_INPUT,
                         "%s is no file; `import maildir` and `import eml` take directories", path);
    }
    if (!import_begin(&x, c, SOURCE_MBOX, path, e)) {
        return false;
    }
    char *name = arena_text(&c->arena, slice_text(x.path));
    struct intake_mbox_ask ask = {
        .path = letter_text(&c->arena, slice_text(basename(name)), IMPORT_TEXT_MAX),
        .offset = x.record.next,
        .quoting = quoting,
        .journal = arguments_flag(&c->arguments, "journal"),
    };
    if (!take_mbox(&x, fd, &ask, e)) {
        arena_done(&x.arena);
        return error_add(e, "%s", path);
    }
    return import_end(&x, e);
}

bool cli_import_mbox(struct cli *c, struct error *e)
{
    uint64_t quoting = 0;

    if (!quoting_of(c, &quoting, e)) {
        return false;
    }
    for (size_t i = 0; i < c->arguments.n_words; i++) {
        if (!import_mbox(c, c->arguments.words[i], quoting, e)) {
            return false;
        }
    }
    return true;
}

/* ── directories ── */

static bool import_directories(struct cli *c, enum source_kind kind, struct error *e)
{
    for (size_t i = 0; i < c->arguments.n_words; i++) {
        struct importing x;
        if (!import_begin(&x, c, kind, c->arguments.words[i], e)) {
            return false;
        }
        if (!import_walk(&x, e)) {
            arena_done(&x.arena);
            return error_add(e, "%s", c->arguments.words[i]);
        }
        if (!import_end(&x, e)) {
            return false;
        }
    }
    return true;
}

bool cli_import_eml(struct cli *c, struct error *e)
{
    return import_directories(c, SOURCE_EML, e);
}

bool cli_import_maildir(struct cli *c, struct error *e)
{
    return import_directories(c, SOURCE_MAILDIR, e);
}
