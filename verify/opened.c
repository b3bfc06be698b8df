/* The text, the lines of records and nodes, the checkpoint. */
#include "verify/opened.h"

#include <stdlib.h>

#include "verify/format.h"
#include "verify/lines.h"
#include "verify/tree.h"

#define PROOF_LINE  "\n---- proof\n"
#define RECORDS_MAX 2000000

void opened_done(struct opened_file *f)
{
    free(f->list);
    free(f->bodies);
    f->list = NULL;
    f->bodies = NULL;
}

/* The leaf of a record from what makes its commitment. */
static void open_record(struct opened_record *r, const uint8_t *blind, struct hash *h)
{
    struct record record = {.type = r->type, .time = r->time, .number = r->number};

    hash_begin(h);
    hash_add(h, blind, HASH_LEN);
    hash_add(h, r->body.at, r->body.len);
    hash_end(h, record.commitment);
    record_leaf(&record, h, r->leaf);
}

/* "number type time commitment", or with blind and body in the place of the last. */
static bool record_line(struct view line, struct opened_record *r, uint8_t **bodies, struct hash *h)
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

static const char *records_read(struct view *rest, struct opened_file *f, struct hash *h)
{
    size_t n = count_lines(*rest);
    struct view line;

    if (n == 0 || n > RECORDS_MAX) {
        return "the file is damaged";
    }
    f->list = calloc(n, sizeof(*f->list));
    f->bodies = malloc(rest->len / 2 + 1);
    if (!f->list || !f->bodies) {
        return "there is not enough memory";
    }
    uint8_t *bodies = f->bodies;
    while (line_take(rest, &line) && line.len) {
        struct opened_record *r = &f->list[f->n++];
        if (!record_line(line, r, &bodies, h) || (f->n > 1 && r[-1].number >= r->number)) {
            return "the file is damaged";
        }
    }
    return NULL;
}

/* The checkpoint behind all; whose it is is judged at the end. */
static bool note_at_end(struct view rest, const struct note_key *key, struct opened_file *f)
{
    struct view note;

    if (!note_next(&rest, &note) || rest.len) {
        return false;
    }
    enum note_result result = note_read(note, key, &f->note);
    f->is_signed = result == NOTE_SIGNED;
    return result != NOTE_MALFORMED;
}

const char *opened_read(struct view file, const char *first_line, const struct note_key *key,
                        struct opened_file *f, struct hash *h)
{
    const uint8_t *end =
        file.len ? memmem(file.at, file.len, PROOF_LINE, strlen(PROOF_LINE)) : NULL;
    struct view line;

    *f = (struct opened_file){.n = 0};
    if (!end || file.len < strlen(first_line) ||
        !same(file.at, (const uint8_t *)first_line, strlen(first_line))) {
        return OPENED_IS_NONE;
    }
    size_t text = (size_t)(end - file.at) + 1; /* with its last line end */
    hash_begin(h);
    hash_add(h, file.at, text);
    hash_end(h, f->text);
    size_t skip = text + strlen(PROOF_LINE) - 1;
    struct view rest = {file.at + skip, file.len - skip};
    const char *what = records_read(&rest, f, h);
    if (what) {
        return what;
    }
    f->nodes_text = rest;
    while (line_take(&rest, &line) && line.len) {
        if (line.len != 2 * (size_t)HASH_LEN) {
            return "the file is damaged";
        }
    }
    f->nodes_text.len = (size_t)(rest.at - f->nodes_text.at);
    return note_at_end(rest, key, f) ? NULL : "it holds no signed checkpoint";
}

bool opened_in_tree(const struct opened_file *f, struct hash *h)
{
    struct view text = f->nodes_text;
    struct view line;
    struct tree_leaf *leaves = calloc(f->n, sizeof(*leaves));
    uint8_t *nodes = malloc(text.len / 2 + 1);
    size_t len = 0;
    bool good = leaves && nodes;

    for (size_t i = 0; good && i < f->n; i++) {
        leaves[i] = (struct tree_leaf){f->list[i].number, f->list[i].leaf};
    }
    while (good && line_take(&text, &line) && line.len) {
        good = hex_read(line, nodes + len, HASH_LEN);
        len += HASH_LEN;
    }
    good = good && tree_includes_all(h, leaves, f->n, f->note.size, (struct view){nodes, len},
                                     f->note.root);
    free(leaves);
    free(nodes);
    return good;
}

const char *opened_verdict(const struct opened_file *f, const char *what, struct hash *h)
{
    if (!f->is_signed) {
        return "its checkpoint is not signed by the key";
    }
    return opened_in_tree(f, h) ? what : "its records are not in the tree of its checkpoint";
}

struct opened_record *opened_find(const struct opened_file *f, uint64_t number)
{
    size_t low = 0;
    size_t high = f->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (f->list[middle].number < number) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < f->n && f->list[low].number == number ? &f->list[low] : NULL;
}

void opened_text_hex(const struct opened_file *f, char out[static 2 * HASH_LEN])
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < HASH_LEN; i++) {
        out[2 * i] = digits[f->text[i] >> 4];
        out[2 * i + 1] = digits[f->text[i] & 15];
    }
}
