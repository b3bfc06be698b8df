#include "keeper/copy_outside.h"

#include "formats/mail/covered.h"

static bool is_of_protection(const struct mail_field *f)
{
    return f->name == MAIL_MIME_VERSION || slice_starts_nocase(f->label, SLICE("Content-"));
}

static bool same(const struct mail_field *a, const struct mail_field *b)
{
    bool hidden = a->name == MAIL_SUBJECT && b->name == MAIL_SUBJECT &&
                  slice_equal(slice_trim(b->value), SLICE(COVERED_SUBJECT));

    return hidden || (slice_equal_nocase(a->label, b->label) &&
                      slice_equal(slice_trim(a->value), slice_trim(b->value)));
}

static size_t count_of(const struct mail_header *h, enum mail_name name)
{
    size_t n = 0;

    for (size_t i = 0; i < h->n_fields; i++) {
        n += h->fields[i].name == name ? 1 : 0;
    }
    return n;
}

bool copy_outside_is_of(const struct mail_header *letter, const struct mail_header *copy)
{
    size_t at = 0;

    for (size_t i = 0; i < copy->n_fields; i++) {
        const struct mail_field *f = &copy->fields[i];
        if (is_of_protection(f)) {
            continue;
        }
        while (at < letter->n_fields && !same(&letter->fields[at], f)) {
            at++;
        }
        if (at++ == letter->n_fields) {
            return false;
        }
    }
    return count_of(copy, MAIL_FROM) == count_of(letter, MAIL_FROM) &&
           count_of(copy, MAIL_SENDER) == count_of(letter, MAIL_SENDER);
}
