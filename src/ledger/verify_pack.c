/* Packs among the segments. */
#include <fcntl.h>
#include <stdlib.h>

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

    c->doubted = true;
    if (c->quiet) {
        return;
    }
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

static void pass_over(void *context, uint64_t seq)
{
    (void)context;
    (void)seq;
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

static struct pack_check check_of(struct check *c)
{
    return (struct pack_check){.sealer = c->sealer,
                               .tree = c->tree,
                               .trusted = c->trusted,
                               .watch_size =
                                   c->options->since ? c->options->since->size : UINT64_MAX,
                               .fault = verify_fault,
                               .erased = keyless,
                               .own = own_record,
                               .context = c};
}

/* A pack whose making again is under way, recorded perhaps. */
static void note_coming(struct check *c)
{
    struct pack_head head;
    struct error unread;
    uint8_t digest[DIGEST_LEN];
    char name[PACK_NAME_MAX];

    pack_name_new(c->number, name);
    if (pack_head_of(c->dirfd, c->number, name, &head, &unread)) {
        pack_digest(&head, digest);
        claims_coming(&c->claims, c->number, digest);
    }
}

static void count_pack(struct check *c, const struct pack *p, const struct pack_check *pc)
{
    OWN(digest) struct digest *d = digest_new();
    struct ledger_verdict *v = c->verdict;
    uint8_t digest[DIGEST_LEN];
    uint8_t root[MERKLE_LEN];

    pack_digest(&p->head, digest);
    merkle_root(&pc->tree, d, root);
    claims_pack(&c->claims, c->number, digest, root);
    c->tree = pc->tree;
    c->trusted = pc->trusted;
    v->packs++;
    v->segments++;
    v->records += pc->records;
    v->commits += pc->commits;
    v->bytes += pc->bytes;
    v->time_ms = pc->time_ms;
}

static bool open_pack(struct check *c, struct pack **p, struct error *e)
{
    return pack_open(c->dirfd, c->options->record_keys, c->number, NULL, c->options->key, p, e) ==
           PACK_OPENED;
}

/* What seems wrong is looked at once more before it is said: another pack may have taken its place meanwhile. */
static bool check_pack(struct check *c, struct pack *p)
{
    struct successor next = {0};
    OWN(pack) struct pack *again = NULL;
    struct pack_check pc = check_of(c);
    struct error unread;

    c->quiet = true;
    c->doubted = false;
    bool ok = verify_look(c, c->number + 1, &next) && pack_check(p, &pc, c->e);
    c->quiet = false;
    if (ok && c->doubted) {
        pc = check_of(c);
        p = open_pack(c, &again, &unread) ? again : p;
        ok = pack_check(p, &pc, c->e);
    }
    if (!ok) {
        return false;
    }
    check_pack_chain(c, p, &pc, &next);
    note_since(c, &pc);
    note_coming(c);
    count_pack(c, p, &pc);
    return true;
}

bool verify_replaced(void *check, const struct claim *pack, const uint8_t digest[static DIGEST_LEN])
{
    struct check *c = check;
    OWN(pack) struct pack *p = NULL;
    OWN(digest) struct digest *d = digest_new();
    struct error unread;
    uint8_t found[DIGEST_LEN];
    uint8_t root[MERKLE_LEN];

    c->number = pack->number;
    if (!open_pack(c, &p, &unread)) {
        return false;
    }
    struct pack_check pc = check_of(c);
    pc.trusted = false;
    pc.watch_size = UINT64_MAX;
    pc.own = NULL;
    pc.erased = pass_over;
    c->quiet = true;
    c->doubted = false;
    bool ok = pack_check(p, &pc, &unread) && !c->doubted;
    c->quiet = false;
    pack_digest(&p->head, found);
    merkle_root(&pc.tree, d, root);
    return ok && memcmp(found, digest, sizeof(found)) == 0 &&
           memcmp(root, pack->root, sizeof(root)) == 0;
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

/* Of records that were erased, those of this pack. False when its keys cannot be read, which was told already. */
static bool look_for_keys(struct check *c, struct pack *p, const struct seq_range *r)
{
    const struct pack_head *h = &p->head;

    for (uint32_t i = r->first > h->first ? (uint32_t)(r->first - h->first) : 0;
         i < h->records && h->first + i - r->first < r->count; i++) {
        uint8_t key[KEYRING_KEY_LEN];
        struct error unread;
        bool there = false;
        if (!pack_key(p, i, key, &there, &unread)) {
            return false;
        }
        explicit_bzero(key, sizeof(key));
        if (there) {
            verify_fault(c, 0, h->first + i,
                         "the record was erased, and its key is there again, as from an old key "
                         "file: `postern ledger reseal` makes the pack without it");
        }
    }
    return true;
}

static int by_pack(const void *a, const void *b)
{
    const struct erasure_claim *x = a;
    const struct erasure_claim *y = b;

    return x->number != y->number ? (x->number < y->number ? -1 : 1)
                                  : (x->seq < y->seq ? -1 : x->seq > y->seq);
}

void verify_keys_gone(struct check *c)
{
    OWN(pack) struct pack *p = NULL;
    struct error unread;

    if (c->claims.n_erasures) {
        qsort(c->claims.erasures, c->claims.n_erasures, sizeof(*c->claims.erasures), by_pack);
    }
    c->number = 0;
    for (size_t i = 0; i < c->claims.n_erasures; i++) {
        const struct erasure_claim *erasure = &c->claims.erasures[i];
        if (c->number != erasure->number) {
            pack_close(TAKE(p, NULL));
            c->number = erasure->number;
            if (!open_pack(c, &p, &unread)) {
                p = NULL;
            }
        }
        for (size_t j = 0; p && erasure->done && j < erasure->n; j++) {
            if (!look_for_keys(c, p, &c->claims.named.list[erasure->first + j])) {
                break;
            }
        }
    }
}
