/* A pack's header, rows and payload files. */
#include <errno.h>

#include "verify/pack_walk.h"

void pack_find(const struct pack_walk *w, uint64_t first, fault what)
{
    struct place where = {.segment = w->head.number,
                          .offset = HEAD_LEN + (uint64_t)w->head.files * ROW_LEN +
                                    (uint64_t)w->index * ENTRY_LEN,
                          .first = first,
                          .last = w->c->next};

    report_finding(w->c->report, &where, what);
}

void pack_find_here(const struct pack_walk *w, fault what)
{
    pack_find(w, w->c->next, what);
}

void pack_find_whole(const struct pack_walk *w, uint64_t offset, fault what)
{
    struct place where = {.segment = w->head.number,
                          .offset = offset,
                          .first = w->head.first,
                          .last = w->head.first + (w->head.records ? w->head.records - 1 : 0)};

    report_finding(w->c->report, &where, what);
}

/* -- header and rows -- */

static void get_head(const uint8_t *in, struct pack_head *h)
{
    h->number = be32(in + 12);
    (void)memcpy(h->ledger, in + 24, ID_LEN);
    (void)memcpy(h->id, in + 40, ID_LEN);
    h->first = be64(in + 56);
    h->records = be32(in + 64);
    h->files = be32(in + 68);
    h->segment_length = be64(in + 72);
    h->length = be64(in + 80);
    h->making = be16(in + 88);
    (void)memcpy(h->dictionary, in + 96, HASH_LEN);
    (void)memcpy(h->digest, in + 128, HASH_LEN);
}

fault pack_head_read(const uint8_t *in, struct hash *h, struct pack_head *out)
{
    uint8_t digest[HASH_LEN];

    get_head(in, out);
    hash_begin(h);
    hash_add(h, in, 480);
    hash_end(h, digest);
    if (!same(in, (const uint8_t *)"PSTNPACK", 8)) {
        return "the file does not begin as a pack does";
    }
    if (!same(digest, in + 480, sizeof(digest))) {
        return "the pack's header is altered";
    }
    return be16(in + 8) != 1 || be16(in + 10) != HEAD_LEN || !is_zero(in + 90, 6) ||
                   !is_zero(in + 257, 223)
               ? "newer: the pack's header is of another format"
               : NULL;
}

void pack_check_digest(struct pack_walk *w)
{
    uint8_t digest[HASH_LEN];

    hash_begin(w->c->batch);
    bool read = input_hash(&w->clear, HEAD_LEN, w->in->size - HEAD_LEN, w->c->batch);
    hash_end(w->c->batch, digest);
    if (w->in->size != w->head.length) {
        pack_find_whole(w, 0, "the pack does not have its length");
    } else if (!read || !same(digest, w->head.digest, sizeof(digest))) {
        pack_find_whole(w, HEAD_LEN, "the pack does not have its digest");
    }
}

void pack_read_rows(struct pack_walk *w)
{
    uint64_t before = 0;

    for (uint32_t i = 0; i < w->head.files; i++) {
        uint64_t at = HEAD_LEN + (uint64_t)i * ROW_LEN;
        struct view bytes = input_look(w->in, at, ROW_LEN);
        struct pack_row *row = &w->rows[i];
        if (bytes.len < ROW_LEN) {
            return; /* the pack does not have its length: said */
        }
        *row = (struct pack_row){.class = be16(bytes.at),
                                 .month = be32(bytes.at + 4),
                                 .length = be64(bytes.at + 8),
                                 .next = DATA_HEAD};
        uint64_t order = ((uint64_t)row->class << 32 | row->month) + 1;
        bool objects = row->class == OBJECTS;
        bool value = objects ? row->month > 0 && row->month <= UINT16_MAX && i + 1 == w->head.files
                             : row->month <= 999999 && is_zero(bytes.at + 16, HASH_LEN);
        if (order <= before || !is_zero(bytes.at + 2, 2) || !value || row->length <= DATA_HEAD) {
            pack_find_whole(w, at, "a row of the pack's payload files is altered");
        }
        before = order;
    }
}

void pack_check_dictionary(struct pack_walk *w)
{
    char name[NAME_ROOM];
    uint8_t digest[HASH_LEN];
    struct input in;

    if (is_zero(w->head.dictionary, HASH_LEN)) {
        return;
    }
    (void)snprintf(name, sizeof(name), "%016llx.dict",
                   (unsigned long long)be64(w->head.dictionary));
    enum input_result result = input_open(&in, w->c->folder, name);
    hash_begin(w->c->hash);
    bool read = result == INPUT_OK && input_hash(&in, 0, in.size, w->c->hash);
    hash_end(w->c->hash, digest);
    if (!read) {
        pack_find_whole(w, 0, "the pack's dictionary is missing");
    } else if (!same(digest, w->head.dictionary, sizeof(digest))) {
        pack_find_whole(w, 0, "the pack's dictionary is altered");
    }
    input_close(&in);
}

/* -- objects -- */

static bool objects_head_fits(const struct pack_walk *w, const struct pack_row *row,
                              struct view bytes)
{
    return bytes.len == DATA_HEAD && same(bytes.at, (const uint8_t *)"PSTNOBJS", 8) &&
           be16(bytes.at + 8) == 1 && be16(bytes.at + 10) == DATA_HEAD &&
           be32(bytes.at + 12) == w->head.number && same(bytes.at + 16, w->head.ledger, ID_LEN) &&
           be16(bytes.at + 32) == row->month && is_zero(bytes.at + 34, 6) &&
           be64(bytes.at + 40) >= DATA_HEAD && be64(bytes.at + 40) < row->length &&
           is_zero(bytes.at + 48, 16);
}

void pack_check_objects(struct pack_walk *w)
{
    uint32_t last = w->head.files ? w->head.files - 1 : 0;
    const struct pack_row *row = w->head.files ? &w->rows[last] : NULL;
    uint64_t at = HEAD_LEN + (uint64_t)last * ROW_LEN;
    uint8_t wanted[HASH_LEN];
    uint8_t digest[HASH_LEN];
    char name[NAME_ROOM];
    struct input in;

    if (!row || row->class != OBJECTS) {
        return;
    }
    struct view bytes = input_look(w->in, at + 16, HASH_LEN);
    if (bytes.len < HASH_LEN) {
        return; /* the pack does not have its length: said */
    }
    (void)memcpy(wanted, bytes.at, HASH_LEN);
    (void)snprintf(name, sizeof(name), "%010u-%05u.objects", w->head.number,
                   row->month & UINT16_MAX);
    enum input_result result = input_open(&in, w->c->folder, name);
    if (result == INPUT_FAILED) {
        report_stop(w->c->report, w->head.number, "the file of objects cannot be opened", errno);
    } else if (result != INPUT_OK) {
        pack_find_whole(w, at, "the pack's file of objects is missing");
    } else {
        hash_begin(w->c->hash);
        bool read = input_hash(&in, 0, in.size, w->c->hash);
        hash_end(w->c->hash, digest);
        if (in.failed) {
            report_stop(w->c->report, w->head.number, "the disk fails", 0);
        } else if (!read || in.size != row->length || !same(digest, wanted, sizeof(digest)) ||
                   !objects_head_fits(w, row, input_look(&in, 0, DATA_HEAD))) {
            pack_find_whole(w, at, "the pack's file of objects is altered");
        }
        w->c->bytes += in.size;
    }
    input_close(&in);
}

/* -- payload files -- */

static void data_head_check(struct pack_walk *w, const struct pack_row *row, struct input *in)
{
    struct view bytes = input_look(in, 0, DATA_HEAD);

    if (in->size != row->length) {
        pack_find_here(w, "the payload file does not have its length");
    }
    if (bytes.len < DATA_HEAD || !same(bytes.at, (const uint8_t *)"PSTNDATA", 8) ||
        be16(bytes.at + 8) != 1 || be16(bytes.at + 10) != DATA_HEAD ||
        be32(bytes.at + 12) != w->head.number || !same(bytes.at + 16, w->head.ledger, ID_LEN) ||
        !same(bytes.at + 32, w->head.id, ID_LEN) || be16(bytes.at + 48) != row->class ||
        be32(bytes.at + 52) != row->month || !is_zero(bytes.at + 50, 2) ||
        !is_zero(bytes.at + 56, 8)) {
        pack_find_here(w, "the payload file's header is altered");
    }
}

static void data_open(struct pack_walk *w, uint32_t number, struct pack_data *d)
{
    struct pack_row *row = &w->rows[number];
    char name[NAME_ROOM];

    if (w->head.making) {
        (void)snprintf(name, sizeof(name), "%010u-%05u-%06u-%05u.data", w->head.number, row->class,
                       row->month, w->head.making);
    } else {
        (void)snprintf(name, sizeof(name), "%010u-%05u-%06u.data", w->head.number, row->class,
                       row->month);
    }
    input_close(&d->in);
    d->row = NO_ROW;
    switch (input_open(&d->in, w->c->folder, name)) {
    case INPUT_OK:
        d->row = number;
        break;
    case INPUT_FAILED:
        report_stop(w->c->report, w->head.number, "a payload file cannot be opened", errno);
        row->missing = true;
        break;
    case INPUT_MISSING:
    case INPUT_NO_FILE:
        row->missing = true;
        break;
    }
    if (!row->missing && !row->seen) {
        data_head_check(w, row, &d->in);
    }
    row->seen = true;
}

struct input *pack_data(struct pack_walk *w, uint32_t number)
{
    struct pack_data *oldest = &w->data[0];

    if (w->rows[number].missing) {
        return NULL;
    }
    w->uses++;
    for (size_t i = 0; i < OPEN_MAX; i++) {
        struct pack_data *d = &w->data[i];
        if (d->row == number) {
            d->used = w->uses;
            return &d->in;
        }
        if (d->used < oldest->used) {
            oldest = d;
        }
    }
    data_open(w, number, oldest);
    oldest->used = w->uses;
    return w->rows[number].missing ? NULL : &oldest->in;
}
