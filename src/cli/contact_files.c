/* Contacts as files: import and export. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/approvals.h"
#include "cli/cli.h"
#include "cli/contact.h"
#include "cli/files.h"
#include "cli/options.h"
#include "formats/contacts/contacts.h"
#include "formats/mail/address.h"
#include "host/memfd.h"
#include "requests/contacts.h"

#define BATCH_MAX ((size_t)16 << 20)
#define TOLD_MAX  20 /* lines that could not be taken, and are named */

const struct argument_option contact_export_options[] = {
    COMPANY_OPTION,
    OPTION("format", 0, "NAME", "`vcard` or `csv`; vcard"),
    OPTION("output", 'o', "FILE", "write there, to a new file; - is standard output"),
    OPTION("reason", 0, "TEXT", "why; stands in the ledger"),
    OPTION_END,
};

/* An import under way. */
struct import {
    struct cli *c;
    struct contact_put_ask ask;
    struct contact *batch;
    size_t n;
    struct arena texts; /* of the batch */
    uint64_t added, changed, unchanged, left_out;
};

/* ── import ── */

static void leave_out(struct import *i, size_t line, const char *why)
{
    if (i->left_out++ < TOLD_MAX) {
        (void)fprintf(stderr, "line %zu %s\n", line, why);
    }
}

static bool flush(struct import *i, struct error *e)
{
    struct contact_put_answer answer;

    if (i->n == 0) {
        return true;
    }
    i->ask.contacts = (struct cbor_list){i->batch, i->n};
    if (!cli_ask(i->c, CLI_KEEPER, &contact_put, &i->ask, &answer, NULL, CLI_ASK_MS, e)) {
        return false;
    }
    i->added += answer.added;
    i->changed += answer.changed;
    i->unchanged += answer.unchanged;
    i->n = 0;
    arena_reset(&i->texts);
    return true;
}

static bool is_address(struct slice text)
{
    OWN(arena) struct arena arena = {.max = 65536};
    struct mail_address address;

    return text.len <= CONTACT_ADDRESS_MAX &&
           mail_address_read(text, true, &arena, &address) == MAIL_ADDRESS_CLEAR;
}

/* A card is a contact for each of its addresses. */
static bool add(struct import *i, const struct card *card, size_t line, struct error *e)
{
    if (card->n_addresses == 0) {
        leave_out(i, line, "has no address");
    }
    for (size_t k = 0; k < card->n_addresses; k++) {
        if (!is_address(card->addresses[k])) {
            leave_out(i, line, "has something for an address that is none");
            continue;
        }
        i->batch[i->n++] =
            (struct contact){.address = arena_copy(&i->texts, card->addresses[k]),
                             .name = arena_copy(&i->texts, card->name),
                             .organisation = arena_copy(&i->texts, card->organisation),
                             .title = arena_copy(&i->texts, card->title),
                             .phone = arena_copy(&i->texts, card->phone),
                             .note = arena_copy(&i->texts, card->note)};
        if (i->n == CONTACTS_GIVEN_MAX && !flush(i, e)) {
            return false;
        }
    }
    return true;
}

static bool add_all(struct import *i, struct card_reader *r, struct error *e)
{
    OWN(arena) struct arena arena = {.max = CARD_ARENA_MAX};
    enum card_result result = CARD_READ;

    while (result != CARD_END) {
        struct card card;
        const char *why = NULL;
        size_t line = 0;
        arena_reset(&arena);
        result = card_next(r, &arena, &card, &line, &why);
        if (result == CARD_BROKEN) {
            leave_out(i, line, why);
        } else if (result == CARD_READ && !add(i, &card, line, e)) {
            return false;
        }
    }
    return flush(i, e);
}

/* All of a file, as long as the map is there. */
struct whole {
    struct slice bytes;
};

static void whole_done(struct whole *w)
{
    if (w->bytes.len) {
        (void)munmap((void *)(uintptr_t)w->bytes.ptr, w->bytes.len);
    }
}
OWN_VALUE(whole, struct whole, whole_done)

/* A private copy in memory: what somebody does to the file meanwhile is not seen. */
static bool read_whole(const char *path, struct whole *out, struct error *e)
{
    OWN(fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    struct stat st;
    size_t len = 0;
    ssize_t got = 1;

    if (fd < 0 || fstat(fd, &st) != 0) {
        return error_errno(e, ERROR_CONFIG, "%s", path);
    }
    if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size > CARDS_FILE_MAX) {
        return error_set(e, ERROR_INPUT, "%s is no file, or too large to hold contacts", path);
    }
    uint8_t *room = mmap(NULL, (size_t)st.st_size + 1, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (room == MAP_FAILED) {
        return error_errno(e, ERROR_BUSY, "%s", path);
    }
    out->bytes = slice_of(room, (size_t)st.st_size + 1);
    while (got > 0 && len < (size_t)st.st_size) {
        got = read(fd, room + len, (size_t)st.st_size - len);
        len += got > 0 ? (size_t)got : 0;
    }
    return len == (size_t)st.st_size || error_set(e, ERROR_BUSY, "%s could not be read", path);
}

bool cli_contact_import(struct cli *c, struct error *e)
{
    const char *path = c->arguments.words[0];
    OWN(whole) struct whole file = {SLICE_NONE};
    struct import i = {
        .c = c,
        .ask = {.mode = CONTACT_IMPORT, .company = arguments_flag(&c->arguments, "company")},
        .texts = {.max = BATCH_MAX           }
    };
    struct card_reader reader;

    i.batch = arena_array(&c->arena, CONTACTS_GIVEN_MAX, sizeof(*i.batch));
    if (!read_whole(path, &file, e)) {
        return false;
    }
    const char *why = card_reader_init(&reader, slice_head(file.bytes, file.bytes.len - 1));
    if (why) {
        return error_set(e, ERROR_INPUT, "%s %s", path, why);
    }
    bool done = add_all(&i, &reader, e);
    arena_done(&i.texts);
    if (i.left_out > TOLD_MAX) {
        (void)fprintf(stderr, "and %llu more\n", (unsigned long long)(i.left_out - TOLD_MAX));
    }
    buf_printf(&c->out, "%llu added, %llu changed, %llu as they were, %llu not taken\n",
               (unsigned long long)i.added, (unsigned long long)i.changed,
               (unsigned long long)i.unchanged, (unsigned long long)i.left_out);
    return done;
}

/* ── export ── */

static bool format_of(struct cli *c, uint64_t *format, struct error *e)
{
    const char *text = arguments_text(&c->arguments, "format", 0);

    *format = !text || strcmp(text, "vcard") == 0 ? CONTACT_VCARD
              : strcmp(text, "csv") == 0          ? CONTACT_CSV
                                                  : 0;
    return *format ||
           error_set(e, ERROR_INPUT, "--format is `vcard` or `csv`, not `%s`", text ? text : "");
}

/* Before anything is asked for: what was approved is given once. */
static bool can_be_written(const char *path, struct error *e)
{
    if (!path) {
        return error_set(e, ERROR_INPUT, "say where to: -o FILE, or -o - for standard output");
    }
    return strcmp(path, "-") == 0 || access(path, F_OK) != 0 ||
           error_set(e, ERROR_CONFIG, "%s is there already", path);
}

bool cli_contact_export(struct cli *c, struct error *e)
{
    const char *path = arguments_text(&c->arguments, "output", 0);
    const char *reason = arguments_text(&c->arguments, "reason", 0);
    struct contact_export_ask ask = {.company = arguments_flag(&c->arguments, "company"),
                                     .reason = reason ? slice_text(reason) : SLICE_NONE};
    OWN(memfd_map) struct memfd_map map = {.bytes = SLICE_NONE};
    OWN(fd) int fd = -1;
    struct contact_export_answer answer;

    if (!can_be_written(path, e) || !format_of(c, &ask.format, e) ||
        !cli_ask(c, CLI_KEEPER, &contact_export, &ask, &answer, &fd, CLI_ASK_MS, e)) {
        return false;
    }
    if (fd < 0) {
        approvals_say(c, &answer.asked);
        return true;
    }
    if (!memfd_map(fd, CARDS_FILE_MAX, &map, e)) {
        return false;
    }
    if (strcmp(path, "-") == 0) {
        return files_write(STDOUT_FILENO, map.bytes, e);
    }
    if (!files_write_new(path, map.bytes, e)) {
        return false;
    }
    buf_printf(&c->out, "%s: %llu contacts\n", path, (unsigned long long)answer.count);
    return true;
}
