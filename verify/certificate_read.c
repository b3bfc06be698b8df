/* A certificate's file: the text, the lines of records and nodes, the checkpoint. */
#include <stdlib.h>

#include "verify/certificate.h"
#include "verify/format.h"
#include "verify/lines.h"

#define FIRST_LINE  "postern-disposal-certificate 1\n"
#define PROOF_LINE  "\n---- proof\n"
#define RECORDS_MAX 2000000

void certificate_done(struct certificate *c)
{
    free(c->list);
    free(c->bodies);
    c->list = NULL;
    c->bodies = NULL;
}

/* The leaf of a record from what makes its commitment. */
static void open_record(struct certified *r, const uint8_t *blind, struct hash *h)
{
    struct record record = {.type = r->type, .time = r->time, .number = r->number};

    hash_begin(h);
    hash_add(h, blind, HASH_LEN);
    hash_add(h, r->body.at, r->body.len);
    hash_end(h, record.commitment);
    record_leaf(&record, h, r->leaf);
}

/* "number type time commitment", or with blind and body in the place of the last. */
static bool record_line(struct view line, struct certified *r, uint8_t **bodies, struct hash *h)
{
    struct record record = {.type = 0};
    struct view words[5] = {
        {NULL, 0}
    };
    uint8_t first[HASH_LEN];
    uint64_t type = 0;
    uint64_t time = 0;
    size_t n = 0;

    while (n < 5 && word_take(&line, &words[n])) {
        n++;
    }
    if (n < 4 || line.len || !number_read(words[0], &r->number) || !number_read(words[1], &type) ||
        !number_read(words[2], &time) || type > UINT16_MAX ||
        !hex_read(words[3], first, sizeof(first))) {
        return false;
    }
    r->type = (uint16_t)type;
    r->time = (int64_t)time;
    r->opened = n == 5;
    if (r->opened) {
        r->body = (struct view){*bodies, words[4].len / 2};
        if (!hex_read(words[4], *bodies, r->body.len)) {
            return false;
        }
        *bodies += r->body.len;
        open_record(r, first, h);
        return type >= TYPE_SEALED || is_zero(first, sizeof(first));
    }
    record = (struct record){.type = r->type, .time = r->time, .number = r->number};
    (void)memcpy(record.commitment, first, sizeof(first));
    record_leaf(&record, h, r->leaf);
    return type >= TYPE_SEALED;
}

static size_t count_lines(struct view text)
{
    size_t n = 0;
    struct view line;

    while (line_take(&text, &line) && line.len) {
        n++;
    }
    return n;
}

static const char *records_read(struct view *rest, struct certificate *c, struct hash *h)
{
    size_t n = count_lines(*rest);
    struct view line;

    if (n == 0 || n > RECORDS_MAX) {
        return "the certificate is damaged";
    }
    c->list = calloc(n, sizeof(*c->list));
    c->bodies = malloc(rest->len / 2 + 1);
    if (!c->list || !c->bodies) {
        return "there is not enough memory";
    }
    uint8_t *bodies = c->bodies;
    while (line_take(rest, &line) && line.len) {
        struct certified *r = &c->list[c->n++];
        if (!record_line(line, r, &bodies, h) || (c->n > 1 && r[-1].number >= r->number)) {
            return "the certificate is damaged";
        }
    }
    return NULL;
}

/* The checkpoint behind all; whose it is is judged at the end. */
static bool note_at_end(struct view rest, const struct note_key *key, struct certificate *c)
{
    struct view note;

    if (!note_next(&rest, &note) || rest.len) {
        return false;
    }
    enum note_result result = note_read(note, key, &c->note);
    c->is_signed = result == NOTE_SIGNED;
    return result != NOTE_MALFORMED;
}

const char *certificate_read(struct view file, const struct note_key *key, struct certificate *c,
                             struct hash *h)
{
    const uint8_t *end =
        file.len ? memmem(file.at, file.len, PROOF_LINE, strlen(PROOF_LINE)) : NULL;
    struct view line;

    if (!end || file.len < strlen(FIRST_LINE) ||
        !same(file.at, (const uint8_t *)FIRST_LINE, strlen(FIRST_LINE))) {
        return "this is no certificate";
    }
    size_t text = (size_t)(end - file.at) + 1; /* with its last line end */
    hash_begin(h);
    hash_add(h, file.at, text);
    hash_end(h, c->text);
    size_t skip = text + strlen(PROOF_LINE) - 1;
    struct view rest = {file.at + skip, file.len - skip};
    const char *what = records_read(&rest, c, h);
    if (what) {
        return what;
    }
    c->nodes_text = rest;
    while (line_take(&rest, &line) && line.len) {
        if (line.len != 2 * (size_t)HASH_LEN) {
            return "the certificate is damaged";
        }
    }
    c->nodes_text.len = (size_t)(rest.at - c->nodes_text.at);
    return note_at_end(rest, key, c) ? NULL : "it holds no signed checkpoint";
}
