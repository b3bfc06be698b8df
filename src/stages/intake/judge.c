#include "formats/journal/journal.h"
#include "formats/mail/header.h"
#include "stages/intake/intake.h"

#define LINES_MAX    100 /* in which a header field must stand */
#define TOLD_FIXED   128 /* numbers, and what CBOR puts around a letter's texts */
#define TOLD_ONE     8   /* and around a recipient */
#define REPORT_ARENA ((size_t)16 << 20)

/* Whatever holds one readable field is kept: an archive does not mend and does not choose. */
const char *intake_judge(struct slice bytes)
{
    struct mail_field field;
    struct slice rest = bytes;

    if (bytes.len == 0) {
        return "it is empty";
    }
    if (bytes.len > LETTER_BYTES_MAX) {
        return "it is longer than 64 MiB";
    }
    for (size_t i = 0; i < LINES_MAX && rest.len; i++) {
        size_t end = slice_find(rest, '\n');
        if (mail_field_read(slice_head(rest, end + 1), &field)) {
            return NULL;
        }
        rest = slice_from(rest, end + 1);
    }
    return "it has no header, so it is no letter";
}

size_t intake_told(const struct import_letter *letter)
{
    const struct source *s = &letter->source;
    const struct recipient *to = letter->recipients.items;
    size_t told =
        TOLD_FIXED + s->path.len + s->flags.len + s->from_line.len + letter->reverse_path.len;

    for (size_t i = 0; i < letter->recipients.count; i++) {
        told += TOLD_ONE + to[i].address.len;
    }
    return told;
}

size_t intake_told_failure(const struct import_failure *failure)
{
    return TOLD_FIXED + failure->path.len + failure->reason.len;
}

static size_t envelope_bytes(const struct journal *j)
{
    size_t bytes = j->sender.len;

    for (size_t i = 0; i < j->n_recipients; i++) {
        bytes += TOLD_ONE + j->recipients[i].len;
    }
    return bytes;
}

const char *intake_unwrap(struct slice report, struct arena *arena, struct import_letter *letter)
{
    OWN(arena) struct arena own = {.max = REPORT_ARENA};
    struct journal j;
    const char *why = journal_read(report, &own, &j);

    if (!why) {
        why = intake_judge(j.letter);
    }
    if (!why && envelope_bytes(&j) > INTAKE_TOLD_MAX) {
        why = "its envelope is longer than 64 KiB";
    }
    if (why) {
        return why;
    }
    struct recipient *to = arena_array(arena, j.n_recipients, sizeof(*to));
    for (size_t i = 0; i < j.n_recipients; i++) {
        to[i].address = arena_copy(arena, j.recipients[i]);
    }
    letter->start += (uint64_t)(j.letter.ptr - report.ptr);
    letter->len = j.letter.len;
    letter->source.envelope = true;
    letter->reverse_path = arena_copy(arena, j.sender);
    letter->recipients = (struct cbor_list){to, j.n_recipients};
    return NULL;
}
