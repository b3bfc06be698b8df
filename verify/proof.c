#include "verify/proof.h"

#include "verify/format.h"
#include "verify/lines.h"
#include "verify/tree.h"

#define LETTER_LINE  "postern-letter-proof 1"
#define GROWTH_LINE  "postern-growth-proof 1"
#define TYPE_CONTENT 17

/* "number time" */
static bool place_read(struct view line, struct proof *out)
{
    const uint8_t *gap = line.len ? memchr(line.at, ' ', line.len) : NULL;
    uint64_t time = 0;

    if (!gap) {
        return false;
    }
    size_t len = (size_t)(gap - line.at);
    if (!number_read((struct view){line.at, len}, &out->number) ||
        !number_read((struct view){gap + 1, line.len - len - 1}, &time)) {
        return false;
    }
    out->time = (int64_t)time;
    return true;
}

static bool letter_read(struct view *rest, struct proof *out)
{
    struct view line;

    return line_take(rest, &line) && place_read(line, out) && line_take(rest, &line) &&
           hex_read(line, out->id, sizeof(out->id)) && line_take(rest, &line) &&
           hex_read(line, out->blind, sizeof(out->blind));
}

/* Nodes, up to the empty line behind them. */
static bool nodes_read(struct view *rest, struct proof *out)
{
    struct view line;

    while (line_take(rest, &line)) {
        if (line.len == 0) {
            return true;
        }
        if (out->n_nodes == PROOF_NODES_MAX ||
            !hex_read(line, out->nodes[out->n_nodes], HASH_LEN)) {
            return false;
        }
        out->n_nodes++;
    }
    return false;
}

static const char *note_fault(struct view text, const struct note_key *key, struct note *out)
{
    switch (note_read(text, key, out)) {
    case NOTE_SIGNED:
        return NULL;
    case NOTE_UNSIGNED:
        return "its checkpoint is not signed by the key";
    case NOTE_MALFORMED:
        break;
    }
    return "it holds no signed checkpoint";
}

const char *proof_read(struct view text, const struct note_key *key, struct proof *out)
{
    struct view line = {NULL, 0};
    struct view note;

    *out = (struct proof){.kind = PROOF_LETTER};
    if (text.len > PROOF_MAX || !line_take(&text, &line)) {
        return "this is no proof";
    }
    if (line_is(line, GROWTH_LINE)) {
        out->kind = PROOF_GROWTH;
    } else if (!line_is(line, LETTER_LINE)) {
        return "this is no proof";
    }
    if ((out->kind == PROOF_LETTER && !letter_read(&text, out)) || !nodes_read(&text, out)) {
        return "the proof is damaged";
    }
    if (out->kind == PROOF_GROWTH) {
        if (!note_next(&text, &note)) {
            return "it holds no signed checkpoint";
        }
        const char *what = note_fault(note, key, &out->from);
        if (what) {
            return what;
        }
    }
    if (!note_next(&text, &note) || text.len) {
        return "it holds no signed checkpoint";
    }
    return note_fault(note, key, &out->note);
}

/* How many bytes of a CBOR head tell a length, behind its first. */
static size_t length_bytes(uint64_t len)
{
    if (len < 24) {
        return 0;
    }
    if (len < 0x100) {
        return 1;
    }
    return len < 0x10000 ? 2 : 4; /* no letter has 4 GiB */
}

/* The body of a content record: {1: id, 2: bytes}, as CBOR encodes it; here what is before the bytes. */
static size_t content_head(const struct proof *p, uint64_t len, uint8_t out[static 32])
{
    static const uint8_t infos[] = {0, 24, 25, 0, 26};
    size_t size = length_bytes(len);
    size_t n = 0;
    uint8_t bytes[8];

    out[n++] = 0xa2;
    out[n++] = 0x01;
    out[n++] = 0x40 | LETTER_ID_LEN;
    (void)memcpy(out + n, p->id, LETTER_ID_LEN);
    n += LETTER_ID_LEN;
    out[n++] = 0x02;
    out[n++] = (uint8_t)(0x40 | (size ? infos[size] : len));
    put_be64(bytes, len);
    (void)memcpy(out + n, bytes + 8 - size, size);
    return n + size;
}

static struct view nodes_of(const struct proof *p)
{
    return (struct view){p->nodes[0], p->n_nodes * HASH_LEN};
}

bool proof_letter_holds(const struct proof *p, struct view letter, struct hash *h)
{
    struct record r = {.type = TYPE_CONTENT, .time = p->time, .number = p->number};
    uint8_t head[32];
    uint8_t leaf[HASH_LEN];
    size_t len = content_head(p, letter.len, head);

    hash_begin(h);
    hash_add(h, p->blind, sizeof(p->blind));
    hash_add(h, head, len);
    hash_add(h, letter.at, letter.len);
    hash_end(h, r.commitment);
    record_leaf(&r, h, leaf);
    return tree_includes(h, p->number, p->note.size, leaf, nodes_of(p), p->note.root);
}

bool proof_growth_holds(const struct proof *p, struct hash *h)
{
    return tree_continues(h, p->from.size, p->from.root, p->note.size, p->note.root, nodes_of(p));
}
