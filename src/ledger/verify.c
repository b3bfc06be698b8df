#include <fcntl.h>
#include <stdio.h>

#include "ledger/io.h"
#include "ledger/verify_state.h"

static void fault(struct check *c, uint64_t offset, uint64_t seq, const char *text)
{
    struct ledger_fault f = {
        .segment = scan_state(c->s)->number, .offset = offset, .seq = seq, .text = text};

    c->verdict->faults++;
    if (c->options->fault) {
        c->options->fault(c->options->context, &f);
    }
}

/* The record that is due where the scan stands. Before a segment's first batch was read, the scan does
 * not know. Then the segments before tell, or the segment itself when it says less: behind a segment
 * whose successor is damaged may stand what was refused. */
static uint64_t due(const struct check *c)
{
    const struct scan_state *state = scan_state(c->s);
    const uint8_t *bytes = NULL;
    struct record_head h;
    struct error why;

    if (state->at) {
        return state->tree.size;
    }
    bool read = scan_head(c->s, SEGMENT_HEAD_LEN, &h, &bytes, &why) == SCAN_BATCH;
    return read && h.seq < c->tree.size && h.seq >= c->last_first ? h.seq : c->tree.size;
}

static void fault_here(struct check *c, const char *text)
{
    fault(c, scan_state(c->s)->at, due(c), text);
}

static void bad_payload(void *context, uint64_t offset, const struct record_head *h)
{
    fault(context, offset, h->seq, "the record's payload is altered");
}

/* -- one batch -- */

/* Open one sealed record, whose payload has its digest, to see whether it is what was committed to. */
static bool check_seal(struct check *c, uint64_t offset, const struct record_head *h,
                       const uint8_t *head, struct error *why)
{
    uint8_t bytes[RECORD_HEAD_LEN];
    struct slice body = SLICE_NONE;
    size_t done = 0;

    (void)memcpy(bytes, head, sizeof(bytes));
    buf_reset(&c->payload);
    uint8_t *to = buf_room(&c->payload, h->length);
    if (!to) {
        return error_set(why, ERROR_CORRUPT, "the record is impossibly large");
    }
    while (done < h->length) {
        const uint8_t *seen = NULL;
        size_t got = 0;
        size_t step = h->length - done < SCAN_WINDOW ? h->length - done : SCAN_WINDOW;
        if (!scan_look(c->s, offset + RECORD_HEAD_LEN + done, step, &seen, &got, why)) {
            return false;
        }
        if (got < step) {
            return error_set(why, ERROR_CORRUPT, "the record is cut short");
        }
        (void)memcpy(to + done, seen, got);
        done += got;
    }
    arena_reset(&c->arena);
    return sealer_open(c->sealer, scan_state(c->s)->key->key, bytes, h, to, &c->arena, &body, why);
}

static bool check_seals(struct check *c, uint64_t from, uint64_t to)
{
    uint64_t offset = from ? from : SEGMENT_HEAD_LEN;

    while (offset < to) {
        struct record_head h;
        struct error why;
        const uint8_t *bytes = NULL;
        enum scan_result r = scan_head(c->s, offset, &h, &bytes, c->e);
        if (r != SCAN_BATCH) {
            return r != SCAN_FAILED; /* changed under our eyes: the next run will tell */
        }
        if (h.sealed && !check_seal(c, offset, &h, bytes, &why)) {
            if (why.kind == ERROR_BUSY) {
                *c->e = why;
                return false;
            }
            fault(c, offset, h.seq, why.text);
        }
        offset += RECORD_HEAD_LEN + h.length;
    }
    return true;
}

/* Take what the batch says of packs and erasures. */
static bool take_claims(struct check *c)
{
    const struct scan_state *state = scan_state(c->s);

    for (uint64_t offset = state->own_at; offset && offset < state->at;) {
        struct record_head h;
        struct error why;
        const uint8_t *bytes = NULL;
        size_t got = 0;
        enum scan_result r = scan_head(c->s, offset, &h, &bytes, c->e);
        if (r != SCAN_BATCH) {
            return r != SCAN_FAILED;
        }
        if (!h.sealed) {
            if (!scan_look(c->s, offset + RECORD_HEAD_LEN, h.length, &bytes, &got, c->e)) {
                return false;
            }
            if (!claims_record(&c->claims, h.type, h.seq, slice_of(bytes, got), &why)) {
                fault(c, offset, h.seq, why.text);
            }
        }
        offset += RECORD_HEAD_LEN + h.length;
    }
    return true;
}

static bool check_batch(struct check *c)
{
    const struct scan_state *state = scan_state(c->s);
    uint64_t n_bad = 0;

    if (!take_claims(c)) {
        return false;
    }
    if (!scan_payloads(c->s, state->from, state->at, bad_payload, c, &n_bad, c->e)) {
        return false;
    }
    /* An altered payload was reported; its seal would only say the same once more. */
    return !c->sealer || !state->key || n_bad || check_seals(c, state->from, state->at);
}

/* -- the chain of segments -- */

static void check_chain(struct check *c)
{
    const struct scan_state *state = scan_state(c->s);

    if (c->id_known && memcmp(c->id, state->head.ledger_id, sizeof(c->id)) != 0) {
        fault(c, 0, state->start_tree.size, "the segment belongs to another ledger");
    }
    (void)memcpy(c->id, state->head.ledger_id, sizeof(c->id));
    c->id_known = true;
    if (state->start.previous != state->number - 1) {
        fault(c, 0, state->start_tree.size, "the segment names another predecessor");
    }
    if (c->trusted && (c->tree.size != state->start_tree.size ||
                       !slice_equal(merkle_peaks(&c->tree), merkle_peaks(&state->start_tree)))) {
        fault(c, 0, state->start_tree.size, "the segment does not go on where the former ended");
    }
}

/* A segment with a successor is as long as that says; now, since it had space in advance while it was
 * written. */
static bool check_length(struct check *c, const struct successor *next)
{
    const struct scan_state *state = scan_state(c->s);

    if (!scan_look_at_size(c->s, c->e)) {
        return false;
    }
    if (state->at != next->length) {
        fault_here(c, "the segment does not end where its successor says");
    } else if (state->bytes < next->length || state->bytes > next->length + next->behind) {
        fault_here(c, "something stands behind the segment's last commit");
    }
    return true;
}

/* -- one segment -- */

/* What scan_next() stopped at is damage if a later batch was committed behind it: go on there. */
static enum scan_result resume(struct check *c, const struct error *why)
{
    const struct scan_state *state = scan_state(c->s);
    uint64_t at = state->at ? state->at : SEGMENT_HEAD_LEN;
    uint64_t broken = state->at;
    struct commit commit;
    uint64_t end = 0;

    enum scan_result r = scan_find_commit(c->s, &at, &commit, &end, c->e);
    if (r != SCAN_BATCH) {
        return r;
    }
    fault(c, broken, due(c), why->text);
    if (commit.size + 1 <= state->tree.size) {
        return SCAN_END; /* a commit out of its order: nothing to go on from */
    }
    scan_skip(c->s, &commit, end);
    return SCAN_BATCH;
}

/* Whether the batch at the end of the last segment is merely unfinished: no later commit behind it. */
static bool is_tail(struct check *c, bool *tail)
{
    const struct scan_state *state = scan_state(c->s);
    uint64_t at = state->at ? state->at : SEGMENT_HEAD_LEN;
    struct commit commit;
    uint64_t end = 0;
    enum scan_result r = SCAN_BATCH;

    *tail = !state->ended && !state->altered;
    while (*tail && r == SCAN_BATCH) {
        r = scan_find_commit(c->s, &at, &commit, &end, c->e);
        if (r == SCAN_BATCH && commit.from > state->at) {
            *tail = false;
        }
        at = end;
    }
    return r != SCAN_FAILED;
}

static void note_batch(struct check *c)
{
    const struct scan_state *state = scan_state(c->s);

    merkle_copy(&c->tree, &state->tree);
    c->last_first = state->first;
    c->trusted = state->trusted;
    c->verdict->time_ms = state->time_ms;
    if (state->watch_hit && c->options->since && !c->since_seen) {
        c->since_seen = true;
        c->verdict->since_proved =
            memcmp(state->watch_root, c->options->since->root, MERKLE_LEN) == 0;
        if (!c->verdict->since_proved) {
            fault_here(c, "the ledger is not a continuation of the checkpoint");
        }
    }
}

/* Behind the last batch that is whole: an end, a tail, or damage. *more when the check goes on. */
static bool stopped(struct check *c, enum scan_result r, const struct successor *next,
                    const struct error *why, bool *more)
{
    bool tail = false;

    *more = false;
    if (!next->exists && !is_tail(c, &tail)) {
        return false;
    }
    if (r == SCAN_END || tail) {
        return true;
    }
    if (c->retried != scan_state(c->s)->at) {
        /* The writer may have finished this batch, and more, between the two looks. */
        c->retried = scan_state(c->s)->at;
        *more = true;
        return true;
    }
    enum scan_result resumed = resume(c, why);
    if (resumed == SCAN_END) {
        fault_here(c, why->text);
    }
    *more = resumed == SCAN_BATCH;
    return resumed != SCAN_FAILED;
}

/* The batch that the scan stands behind. */
static bool take_batch(struct check *c, bool first)
{
    if (first) {
        check_chain(c);
    }
    note_batch(c);
    return check_batch(c);
}

/* There was none: has the writer gone on to another segment since we looked, or is this the end? */
static bool no_batch(struct check *c, enum scan_result r, struct successor *next,
                     const struct error *why, bool *more)
{
    if (!next->exists) {
        if (!verify_look(c, scan_state(c->s)->number + 1, next)) {
            return false;
        }
        if (next->exists) {
            return true;
        }
    }
    if (!stopped(c, r, next, why, more)) {
        return false;
    }
    c->trusted = scan_state(c->s)->trusted && c->trusted;
    return true;
}

/* Check batch after batch up to where the segment ends. */
static bool check_batches(struct check *c, struct successor *next)
{
    const struct scan_state *state = scan_state(c->s);
    bool more = true;

    while (more && !(next->whole && state->at >= next->length)) {
        struct error why = {.text = "the segment is cut short"};
        bool first = state->at == 0;
        enum scan_result r = scan_next(c->s, &why);
        if (r == SCAN_FAILED) {
            *c->e = why;
            return false;
        }
        if (r == SCAN_BATCH ? !take_batch(c, first) : !no_batch(c, r, next, &why, &more)) {
            return false;
        }
    }
    return true;
}

static bool check_segment(struct check *c, bool *last)
{
    struct ledger_verdict *v = c->verdict;
    struct successor next = {0};
    uint64_t tail = 0;

    struct scan_state *state = scan_state(c->s);
    c->retried = UINT64_MAX;
    state->watch_size = c->options->since ? c->options->since->size : UINT64_MAX;
    if (!verify_look(c, state->number + 1, &next) || !check_batches(c, &next)) {
        return false;
    }
    if (state->at == 0) {
        c->trusted = false; /* no batch of it is known */
    }
    if (next.whole && !check_length(c, &next)) {
        return false;
    }
    v->segments++;
    v->records += state->records;
    v->commits += state->commits;
    v->bytes += state->at;
    *last = !next.exists;
    if (*last && !scan_tail(c->s, &tail, c->e)) {
        return false;
    }
    v->tail_bytes = tail;
    v->ended = state->ended;
    return true;
}

static void unexplained(void *context, uint32_t number, uint64_t seq, const char *text)
{
    struct check *c = context;

    c->number = number;
    verify_fault(c, 0, seq, text);
}

/* A number without a file, though later ones are there. */
static void missing(struct check *c, uint32_t number)
{
    struct ledger_fault f = {
        .segment = number, .seq = c->tree.size, .text = "the segment's file is missing"};

    c->trusted = false;
    c->verdict->faults++;
    if (c->options->fault) {
        c->options->fault(c->options->context, &f);
    }
}

static void check_since(struct check *c, uint32_t last)
{
    const struct checkpoint *since = c->options->since;
    struct ledger_fault f = {.segment = last, .seq = c->tree.size};

    if (!since || c->since_seen) {
        return;
    }
    f.text = c->tree.size < since->size
                 ? "the ledger is shorter than at the checkpoint: it was rolled back or cut"
                 : "damage before the checkpoint's place: it cannot be compared";
    c->verdict->faults++;
    if (c->options->fault) {
        c->options->fault(c->options->context, &f);
    }
}

static bool check_all(struct check *c, uint32_t known)
{
    bool last = false;
    bool there = false;
    uint32_t number = 1;

    for (; number <= known || !last; number++) {
        OWN(scan) struct scan *s = NULL;
        switch (scan_open(c->dirfd, number, O_RDONLY, c->options->key, &s, c->e)) {
        case SCAN_OPENED:
            break;
        case SCAN_MISSING:
            c->number = number;
            if (!verify_pack(c, &there)) {
                return false;
            }
            if (!there) {
                missing(c, number);
            }
            last = number >= known;
            continue;
        case SCAN_NOT_OPENED:
            return false;
        }
        c->s = s;
        if (!check_segment(c, &last)) {
            return false;
        }
    }
    check_since(c, number - 1);
    claims_compare(&c->claims, unexplained, verify_replaced, c);
    if (c->options->key && c->options->record_keys > 0) {
        verify_keys_gone(c);
    }
    c->verdict->erased = claims_erased(&c->claims);
    return true;
}

bool ledger_verify(int dirfd, const struct ledger_verify_options *options,
                   struct ledger_verdict *verdict, struct error *e)
{
    OWN(sealer) struct sealer *sealer = options->key ? sealer_new() : NULL;
    OWN(digest) struct digest *d = digest_new();
    struct ledger_verdict v = {0};
    struct segment_list list;
    struct check c = {.dirfd = dirfd,
                      .options = options,
                      .verdict = &v,
                      .e = e,
                      .sealer = sealer,
                      .trusted = true};

    if (!segment_list(dirfd, &list, e)) {
        return false;
    }
    if (list.last == 0) {
        return error_set(e, ERROR_CONFIG, "ledger: the folder holds no ledger");
    }
    arena_init(&c.arena, LEDGER_BODY_MAX + ((size_t)1 << 20));
    buf_init(&c.payload, LEDGER_BODY_MAX + (LEDGER_BODY_MAX >> 7) + 4096);
    bool ok = check_all(&c, list.last);
    arena_done(&c.arena);
    buf_done(&c.payload);
    claims_done(&c.claims);
    if (!ok) {
        return error_add(e, "ledger: verify");
    }
    v.size = c.tree.size;
    merkle_root(&c.tree, d, v.root);
    *verdict = v;
    return true;
}
