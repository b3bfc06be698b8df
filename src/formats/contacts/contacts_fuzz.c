#include <stdlib.h>

#include "formats/contacts/contacts.h"

static void check(bool holds)
{
    if (!holds) {
        abort();
    }
}

static bool is_kept(struct slice text, size_t max)
{
    bool clean = text.len <= max && slice_is_utf8(text);

    for (size_t i = 0; i < text.len; i++) {
        clean = clean && text.ptr[i] >= 0x20 && text.ptr[i] != 0x7f;
    }
    return clean;
}

/* What is written is read again as it was. */
static void check_again(const struct buf *file, const struct card *c, bool table)
{
    OWN(arena) struct arena arena = {.max = CARD_ARENA_MAX};
    struct card_reader r;
    struct card again;
    const char *why = NULL;
    size_t line = 0;

    check(!file->full && !card_reader_init(&r, buf_slice(file)));
    check(card_next(&r, &arena, &again, &line, &why) == CARD_READ);
    check(slice_equal(again.organisation, c->organisation) && slice_equal(again.title, c->title));
    check(!table || (slice_equal(again.phone, c->phone) && slice_equal(again.name, c->name)));
    check(slice_equal(again.note, c->note));
    check(again.n_addresses == (table ? c->n_addresses > 0 : c->n_addresses));
    check(!again.n_addresses || slice_equal(again.addresses[0], c->addresses[0]));
    check(card_next(&r, &arena, &again, &line, &why) == CARD_END);
}

static void check_card(const struct card *c)
{
    OWN(buf) struct buf file = {.max = 1 << 20};

    check(c->n_addresses <= CARD_ADDRESSES && is_kept(c->name, CARD_TEXT_MAX) &&
          is_kept(c->organisation, CARD_TEXT_MAX) && is_kept(c->title, CARD_TEXT_MAX) &&
          is_kept(c->phone, CARD_TEXT_MAX) && is_kept(c->note, CARD_NOTE_MAX));
    card_write(&file, c);
    check_again(&file, c, false);
    buf_reset(&file);
    card_write_heads(&file);
    card_write_row(&file, c);
    for (size_t i = 0; i + 1 < file.len; i++) { /* no cell begins with a formula */
        check(file.ptr[i] != '"' || (i && file.ptr[i - 1] != ',' && file.ptr[i - 1] != '\n') ||
              slice_find(SLICE("=+-@"), file.ptr[i + 1]) == 4);
    }
    check_again(&file, c, true);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    OWN(arena) struct arena arena = {.max = CARD_ARENA_MAX};
    struct card_reader r;
    size_t before = 0;

    if (size > 65536 || card_reader_init(&r, slice_of(data, size))) {
        return 0;
    }
    for (;;) {
        struct card card;
        const char *why = NULL;
        size_t line = 0;
        arena_reset(&arena);
        before = r.rest.len;
        enum card_result result = card_next(&r, &arena, &card, &line, &why);
        if (result == CARD_END) {
            return 0;
        }
        check(r.rest.len < before && (result == CARD_READ) == (why[0] == '\0'));
        if (result == CARD_READ) {
            check_card(&card);
        }
    }
}
