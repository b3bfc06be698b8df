#include "formats/journal/journal.h"
#include "formats/mail/header.h"
#include "stages/intake/intake.h"

#define LINES_MAX    100 /* in which a header field must stand */
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

const char *intake_unwrap(struct slice report, struct arena *arena, struct import_letter *letter)
{
    OWN(arena) struct arena own = {.max = REPORT_ARENA};
    struct journal j;
    const char *why = journal_read(report, &own, &j);

    if (!why) {
        why = intake_judge(j.letter);
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
