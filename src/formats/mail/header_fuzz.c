#include <stdlib.h>

#include "formats/mail/facts.h"
#include "formats/mail/structure.h"

static void check(bool holds)
{
    if (!holds) {
        abort();
    }
}

/* Fields lie inside the letter, in order, and split again into the same parts. In a sound header
 * nothing lies between them. */
static void check_fields(struct slice letter, const struct mail_header *h)
{
    const uint8_t *at = letter.ptr;

    for (size_t i = 0; i < h->n_fields; i++) {
        const struct mail_field *f = &h->fields[i];
        struct mail_field again;
        check(h->defect == MAIL_SOUND ? f->raw.ptr == at : f->raw.ptr >= at);
        at = f->raw.ptr + f->raw.len;
        check(at <= letter.ptr + letter.len);
        if (h->defect == MAIL_SOUND) {
            check(mail_field_read(f->raw, &again));
            check(slice_equal(again.label, f->label) && slice_equal(again.value, f->value));
            check(again.name == f->name);
        }
    }
    if (h->defect == MAIL_SOUND) {
        check(at == letter.ptr + h->bytes.len);
        check(h->bytes.len == letter.len || h->bytes.len + 2 + h->body.len == letter.len);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first byte chooses: SMTPUTF8 or not, limits wide or narrow. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct mail_limits wide = MAIL_LIMITS_DEFAULT;
    static const struct mail_limits narrow = {.letter_bytes = 2000,
                                              .header_bytes = 500,
                                              .field_bytes = 200,
                                              .line_bytes = 78,
                                              .fields = 5};
    OWN(arena) struct arena a = {.max = 64 << 20};
    struct mail_header h;
    struct mail_facts facts;
    struct mail_structure structure;
    char sentence[MAIL_SENTENCE_MAX];

    if (size == 0) {
        return 0;
    }
    bool utf8 = data[0] & 1;
    const struct mail_limits *limits = data[0] & 2 ? &narrow : &wide;
    struct slice letter = slice_of(data + 1, size - 1);
    mail_header_read(letter, limits, utf8, &a, &h);
    check_fields(letter, &h);
    check(h.n_fields <= limits->fields);
    mail_facts_read(&h, utf8, &a, &facts);
    check(slice_is_utf8(facts.subject) && slice_is_utf8(facts.message_id));
    if (!mail_structure_judge(letter, &h, limits, &structure)) {
        mail_structure_sentence(&structure, limits, sentence);
        check(slice_is_ascii(slice_text(sentence)));
    } else {
        /* The promise to delivery: CRLF alone, and nothing longer than a line may be. */
        check(slice_find(letter, '\0') == letter.len);
        for (size_t i = 0; i < letter.len; i++) {
            check(letter.ptr[i] != '\n' || (i > 0 && letter.ptr[i - 1] == '\r'));
            check(letter.ptr[i] != '\r' || (i + 1 < letter.len && letter.ptr[i + 1] == '\n'));
        }
        check(structure.longest_line <= limits->line_bytes);
    }
    return 0;
}
