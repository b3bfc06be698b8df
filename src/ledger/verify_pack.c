/* Packs among the segments. */
#include <fcntl.h>

#include "ledger/pack.h"
#include "ledger/verify_state.h"

/* What a pack says of the segment before it. */
static bool look_at_pack(const struct check *c, uint32_t number, struct successor *out)
{
    OWN(pack) struct pack *p = NULL;
    OWN(buf) struct buf room = {.max = CLEAR_MAX};
    struct segment_start start;
    struct error why;

    enum pack_found found = pack_open(c->dirfd, 0, number, NULL, NULL, &p, &why);
    out->exists = found != PACK_MISSING;
    if (found == PACK_OPENED && pack_start(p, &room, &start, &why)) {
        out->whole = true;
        out->length = start.length;
        out->behind = start.behind;
        return true;
    }
    if (out->exists && why.kind == ERROR_BUSY) {
        *c->e = why;
        return false;
    }
    return true;
}

bool verify_look(struct check *c, uint32_t number, struct successor *out)
{
    OWN(scan) struct scan *s = NULL;
    struct error why;

    *out = (struct successor){0};
    switch (scan_open(c->dirfd, number, O_RDONLY, NULL, &s, c->e)) {
    case SCAN_OPENED:
        break;
    case SCAN_MISSING:
        return look_at_pack(c, number, out);
    case SCAN_NOT_OPENED:
        return false;
    }
    out->exists = true;
    if (scan_next(s, &why) == SCAN_FAILED) {
        *c->e = why;
        return false;
    }
    /* A start that is whole tells, even when its commit is damaged. */
    const struct scan_state *state = scan_state(s);
    out->whole = state->start_whole;
    out->length = state->start.length;
    out->behind = state->start.behind;
    return true;
}

void verify_fault(void *check, uint64_t offset, uint64_t seq, const char *text)
{
    struct check *c = check;
    struct ledger_fault f = {.segment = c->number, .offset = offset, .seq = seq, .text = text};

    c->verdict->faults++;
    if (c->options->fault) {
        c->options->fault(c->options->context, &f);
    }
}

static void keyless(void *context, uint64_t seq)
{
    struct check *c = context;
    claims_keyless(&c->claims, seq);
}

static bool own_record(void *context, uint16_t type, uint64_t seq, struct slice body,
                       struct error *e)
{
    struct check *c = context;
    return claims_record(&c->claims, type, seq, body, e);
}

static void check_pack_chain(struct check *c, const struct pack *p, const struct pack_check *pc,
                             const struct successor *next)
{
    const struct pack_head *h = &p->head;

    if (c->id_known && memcmp(c->id, h->ledger_id, sizeof(c->id)) != 0) {
        verify_fault(c, 0, h->first, "the segment is another ledger's");
    }
    (void)memcpy(c->id, h->ledger_id, sizeof(c->id));
    c->id_known = true;
    if (pc->start.previous != c->number - 1) {
        verify_fault(c, 0, h->first, "the segment names another predecessor");
    }
    if (!next->exists || (next->whole && next->length != h->segment_length)) {
        verify_fault(c, 0, h->first + h->records,
                     "the segment does not end where its successor says");
    }
}

static void note_since(struct check *c, const struct pack_check *pc)
{
    if (!pc->watch_hit || !c->options->since || c->since_seen) {
        return;
    }
    c->since_seen = true;
    c->verdict->since_proved = memcmp(pc->watch_root, c->options->since->root, MERKLE_LEN) == 0;
    if (!c->verdict->since_proved) {
        verify_fault(c, 0, pc->tree.size, "the ledger is not a continuation of the checkpoint");
    }
}

static bool check_pack(struct check *c, struct pack *p)
{
    struct ledger_verdict *v = c->verdict;
    struct successor next = {0};
    uint8_t digest[DIGEST_LEN];
    struct pack_check pc = {.sealer = c->sealer,
                            .tree = c->tree,
                            .trusted = c->trusted,
                            .watch_size = c->options->since ? c->options->since->size : UINT64_MAX,
                            .fault = verify_fault,
                            .erased = keyless,
                            .own = own_record,
                            .context = c};

    if (!verify_look(c, c->number + 1, &next) || !pack_check(p, &pc, c->e)) {
        return false;
    }
    check_pack_chain(c, p, &pc, &next);
    note_since(c, &pc);
    pack_digest(&p->head, digest);
    claims_pack(&c->claims, c->number, digest);
    c->tree = pc.tree;
    c->trusted = pc.trusted;
    v->packs++;
    v->segments++;
    v->records += pc.records;
    v->commits += pc.commits;
    v->bytes += pc.bytes;
    v->time_ms = pc.time_ms;
    return true;
}

/* The pack that took a segment's place. *there is false when there is none. */
bool verify_pack(struct check *c, bool *there)
{
    OWN(pack) struct pack *p = NULL;
    struct error why;

    switch (
        pack_open(c->dirfd, c->options->record_keys, c->number, NULL, c->options->key, &p, &why)) {
    case PACK_OPENED:
        *there = true;
        return check_pack(c, p);
    case PACK_MISSING:
        *there = false;
        return true;
    case PACK_NOT_OPENED:
        break;
    }
    *there = true;
    if (why.kind != ERROR_CORRUPT) {
        *c->e = why;
        return false;
    }
    verify_fault(c, 0, c->tree.size, why.text);
    c->trusted = false;
    return true;
}
