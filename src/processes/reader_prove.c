/* Proofs for who has a signed checkpoint and not the ledger: docs/ledger-format.md section 13. */
#include <stdio.h>

#include "ledger/prove.h"
#include "processes/reader.h"
#include "requests/reader.h"

static void add_hex(struct buf *out, struct slice bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        buf_printf(out, "%02x", bytes.ptr[i]);
    }
    buf_add_byte(out, '\n');
}

static void add_nodes(struct buf *out, const struct buf *nodes)
{
    for (size_t at = 0; at < nodes->len; at += MERKLE_LEN) {
        add_hex(out, slice_of(nodes->ptr + at, MERKLE_LEN));
    }
}

/* Where the letter's content is; a repeat's is that of the letter which it repeats. */
static bool find_content(struct desk *d, struct catalog_letter *letter, struct ledger_ref *ref,
                         struct error *e)
{
    struct facts facts;
    bool found = false;

    if (letter->kind == LETTER_REPEAT &&
        (!desk_read(d, letter->facts, RECORD_FACTS, &facts_schema, &facts, e) ||
         !desk_find(d, facts.repeat_of, letter, e))) {
        return false;
    }
    return catalog_record(d->catalog, letter->seq, RECORD_CONTENT, ref, &found, e) &&
           (found || error_set(e, ERROR_CORRUPT, "the letter's content is not in the catalog"));
}

static bool prove_letter(struct desk *d, struct catalog_letter *letter, const struct checkpoint *to,
                         struct buf *out, struct error *e)
{
    OWN(buf) struct buf nodes = {.max = (size_t)MERKLE_PROOF_MAX * MERKLE_LEN};
    struct ledger_ref ref;
    struct ledger_entry entry;
    struct content content;
    uint8_t leaf[MERKLE_LEN];

    if (!find_content(d, letter, &ref, e) ||
        !ledger_reader_get(d->ledger, ref, &d->arena, &entry, e)) {
        return false;
    }
    if (!cbor_read(entry.body, &content_schema, &d->arena, &content, e)) {
        return false;
    }
    ledger_leaf(entry.ref.seq, entry.type, entry.time_ms, entry.commitment, leaf);
    if (!ledger_prove_record(d->reader->ledger_directory, entry.ref.seq, leaf, to, &nodes, e)) {
        return false;
    }
    buf_printf(out, "postern-letter-proof 1\n%llu %lld\n", (unsigned long long)entry.ref.seq,
               (long long)entry.time_ms);
    add_hex(out, content.id);
    add_hex(out, SLICE_ARRAY(entry.blind));
    add_nodes(out, &nodes);
    return true;
}

static bool prove_growth(struct desk *d, struct slice since, const struct checkpoint *to,
                         struct buf *out, struct error *e)
{
    OWN(buf) struct buf nodes = {.max = (size_t)MERKLE_PROOF_MAX * MERKLE_LEN};
    struct checkpoint from;

    if (!checkpoint_read(since, &from, e) ||
        !ledger_prove_growth(d->reader->ledger_directory, &from, to, &nodes, e)) {
        return false;
    }
    buf_add_text(out, "postern-growth-proof 1\n");
    add_nodes(out, &nodes);
    buf_add_byte(out, '\n');
    buf_add(out, since);
    return true;
}

/* Put the checkpoint behind, and give it out. */
static void answer(struct ipc_request *r, struct slice note, struct buf *text)
{
    struct reader_prove_answer *out = r->answer;

    buf_add_byte(text, '\n');
    buf_add(text, note);
    out->proof = arena_copy(r->arena, buf_slice(text));
}

bool reader_on_prove(void *reader, struct ipc_request *r, struct error *e)
{
    const struct reader_prove_ask *ask = r->ask;
    OWN(buf) struct buf text = {.max = READER_PROOF_MAX};
    OWN(desk) struct desk d = {0};
    struct catalog_letter letter;
    struct checkpoint to;

    if (!checkpoint_read(ask->note, &to, e) || !desk_open(reader, &d, e) ||
        !desk_find_for(&d, r, "prove", ask->id, ask->reason, &letter, e)) {
        return false;
    }
    struct slice name = desk_letter_name(&letter.id, r->arena);
    if (!prove_letter(&d, &letter, &to, &text, e)) {
        return false;
    }
    answer(r, ask->note, &text);
    return reader_record(reader, r, "prove", name, ask->reason, 1, e);
}

/* Shows nothing of any letter. */
bool reader_on_growth(void *reader, struct ipc_request *r, struct error *e)
{
    const struct reader_prove_ask *ask = r->ask;
    OWN(buf) struct buf text = {.max = READER_PROOF_MAX};
    OWN(desk) struct desk d = {0};
    struct checkpoint to;

    if (!checkpoint_read(ask->note, &to, e) || !desk_open(reader, &d, e) ||
        !prove_growth(&d, ask->since, &to, &text, e)) {
        return false;
    }
    answer(r, ask->note, &text);
    return reader_record(reader, r, "growth", SLICE_NONE, ask->reason, 1, e);
}
