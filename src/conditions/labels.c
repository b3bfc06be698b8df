#include "conditions/labels.h"

#include "conditions/tag.h"
#include "formats/mail/text.h"

static bool has_value(const struct mail_field *f, struct slice wanted, struct arena *arena)
{
    struct slice all = slice_trim(mail_text_decode(f->value, arena));

    if (slice_equal_nocase(all, wanted)) {
        return true;
    }
    for (struct slice rest = all; rest.len;) {
        if (slice_equal_nocase(slice_trim(slice_cut(rest, ',', &rest)), wanted)) {
            return true;
        }
    }
    return false;
}

bool labels_field(const struct mail_header *header, struct slice text, struct arena *arena)
{
    struct slice rest = SLICE_NONE;
    struct slice name = slice_cut(text, ':', &rest);

    for (size_t i = 0; header && i < header->n_fields; i++) {
        if (slice_equal_nocase(header->fields[i].label, name) &&
            has_value(&header->fields[i], slice_trim(rest), arena)) {
            return true;
        }
    }
    return false;
}

static bool by_field(const struct label_settings *l, const struct mail_header *header,
                     struct arena *arena)
{
    const struct slice *all = l->headers.items;

    for (size_t i = 0; i < l->headers.count; i++) {
        if (labels_field(header, all[i], arena)) {
            return true;
        }
    }
    return false;
}

static bool by_tag(const struct label_settings *l, struct slice subject)
{
    const struct slice *all = l->subject_tags.items;
    size_t at = 0;
    size_t len = 0;

    for (size_t i = 0; i < l->subject_tags.count; i++) {
        if (tag_find(subject, all[i], &at, &len)) {
            return true;
        }
    }
    return false;
}

static bool by_account(const struct label_settings *l, struct slice account)
{
    const struct slice *all = l->accounts.items;

    for (size_t i = 0; account.len && i < l->accounts.count; i++) {
        if (slice_equal_nocase(all[i], account)) {
            return true;
        }
    }
    return false;
}

struct cbor_list labels_find(const struct facts *f, const struct mail_header *header,
                             const struct settings *s, struct arena *arena)
{
    const struct label_settings *all = s->labels.items;
    struct slice *found = arena_array(arena, s->labels.count + 1, sizeof(*found));
    size_t n = 0;

    for (size_t i = 0; i < s->labels.count && n < LABELS_MAX; i++) {
        if (by_field(&all[i], header, arena) || by_tag(&all[i], f->subject) ||
            by_account(&all[i], f->account)) {
            found[n++] = all[i].name;
        }
    }
    return (struct cbor_list){found, n};
}

bool labels_have(const struct cbor_list *labels, struct slice name)
{
    const struct slice *all = labels->items;

    for (size_t i = 0; i < labels->count; i++) {
        if (slice_equal(all[i], name)) {
            return true;
        }
    }
    return false;
}

struct slice labels_subject(const struct cbor_list *labels, const struct mail_header *header,
                            const struct settings *s, struct arena *arena)
{
    const struct label_settings *all = s->labels.items;
    const struct mail_field *field = header ? mail_header_find(header, MAIL_SUBJECT) : NULL;
    struct slice value = field ? field->value : SLICE_NONE;

    for (size_t i = 0; field && i < s->labels.count; i++) {
        if (all[i].remove_tag && labels_have(labels, all[i].name)) {
            value = tag_remove(value, all[i].subject_tags.items, all[i].subject_tags.count, arena);
        }
    }
    if (!field || slice_equal(value, field->value)) {
        return SLICE_NONE;
    }
    return arena_printf(arena, "%.*s:%.*s\r\n", SLICE_ARG(field->label), SLICE_ARG(value));
}
