#include "formats/text/terms.h"

#define MAGIC_LEN 4
#define HEAD_LEN  5 /* field number and length */
#define WHOLE     0x80

static const struct slice magic = SLICE_INIT("PTL1");

void text_list_init(struct text_list *list)
{
    *list = (struct text_list){0};
    for (size_t i = 0; i < TEXT_FIELDS; i++) {
        buf_init(&list->fields[i], TEXT_LIST_BYTES_MAX);
    }
}

void text_list_done(struct text_list *list)
{
    for (size_t i = 0; i < TEXT_FIELDS; i++) {
        buf_done(&list->fields[i]);
    }
}

void text_list_reset(struct text_list *list)
{
    for (size_t i = 0; i < TEXT_FIELDS; i++) {
        buf_reset(&list->fields[i]);
    }
    list->count = 0;
    list->bytes = 0;
    list->cut = false;
}

static bool add_term(struct text_list *list, struct buf *field, const struct text_term *term)
{
    const size_t room = TEXT_LIST_BYTES_MAX - MAGIC_LEN - (TEXT_FIELDS - 1) * HEAD_LEN;
    size_t len = term->bytes.len;

    if (list->count == TEXT_TERMS_MAX || list->bytes + len + 1 > room) {
        list->cut = true;
        return false;
    }
    uint8_t *to = buf_room(field, len + 1);
    if (!to) {
        list->cut = true;
        return false;
    }
    to[0] = (uint8_t)(len | (term->whole ? WHOLE : 0));
    (void)memcpy(to + 1, term->bytes.ptr, len);
    field->len += len + 1;
    list->count++;
    list->bytes += len + 1;
    return true;
}

void text_list_add(struct text_list *list, enum text_field field, struct slice text)
{
    struct text_words words;
    struct text_term term;

    text_words_init(&words, text);
    while (text_words_next(&words, &term)) {
        if (!add_term(list, &list->fields[field], &term)) {
            return;
        }
    }
}

bool text_list_drop_repeat(struct text_list *list, enum text_field field, size_t first,
                           size_t second)
{
    struct buf *b = &list->fields[field];
    struct slice repeat = slice_from(buf_slice(b), second);
    struct slice before = slice_head(slice_from(buf_slice(b), first), second - first);
    struct text_term term;

    if (list->cut || !slice_equal(repeat, before)) {
        return false;
    }
    b->len -= repeat.len;
    list->bytes -= repeat.len;
    while (text_terms_next(&before, &term)) {
        list->count--;
    }
    return true;
}

void text_list_write(const struct text_list *list, struct buf *out)
{
    buf_add(out, magic);
    for (size_t i = 1; i < TEXT_FIELDS; i++) {
        struct slice terms = buf_slice(&list->fields[i]);
        if (terms.len == 0) {
            continue;
        }
        buf_add_byte(out, (uint8_t)i);
        for (unsigned shift = 0; shift < 32; shift += 8) {
            buf_add_byte(out, (uint8_t)(terms.len >> shift));
        }
        buf_add(out, terms);
    }
}

bool text_terms_next(struct slice *rest, struct text_term *term)
{
    if (rest->len == 0) {
        return false;
    }
    size_t len = rest->ptr[0] & ~(unsigned)WHOLE;
    if (len == 0 || len > TEXT_TERM_MAX || len > rest->len - 1) {
        return false;
    }
    term->whole = (rest->ptr[0] & WHOLE) != 0;
    term->covers = 0;
    term->bytes = slice_head(slice_from(*rest, 1), len);
    *rest = slice_from(*rest, len + 1);
    return true;
}

/* Cut one field off *in. */
static bool read_field(struct slice *in, uint8_t *number, struct slice *terms)
{
    if (in->len < HEAD_LEN) {
        return false;
    }
    size_t len = (size_t)in->ptr[1] | (size_t)in->ptr[2] << 8 | (size_t)in->ptr[3] << 16 |
                 (size_t)in->ptr[4] << 24;
    *number = in->ptr[0];
    *in = slice_from(*in, HEAD_LEN);
    if (len == 0 || len > in->len) {
        return false;
    }
    *terms = slice_head(*in, len);
    *in = slice_from(*in, len);
    return true;
}

bool text_terms_read(struct slice in, struct text_terms *out, struct error *e)
{
    struct text_terms read = {0};
    uint8_t last = 0;

    if (in.len > TEXT_LIST_BYTES_MAX || !slice_starts(in, magic)) {
        return error_set(e, ERROR_INPUT, "term list: too long or not one");
    }
    in = slice_from(in, MAGIC_LEN);
    while (in.len) {
        struct slice terms = SLICE_NONE;
        struct text_term term;
        uint8_t number = 0;
        if (!read_field(&in, &number, &terms) || number <= last || number >= TEXT_FIELDS) {
            return error_set(e, ERROR_INPUT, "term list: malformed field behind field %u", last);
        }
        last = number;
        read.fields[number] = terms;
        while (text_terms_next(&terms, &term)) {
            read.count++;
        }
        if (terms.len || read.count > TEXT_TERMS_MAX) {
            return error_set(e, ERROR_INPUT, "term list: field %u: malformed or too many terms",
                             number);
        }
    }
    *out = read;
    return true;
}
