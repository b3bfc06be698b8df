#include "processes/certificate_erased.h"

#include <stdlib.h>

#include "base/bytes.h"

#define RANGE_LEN   12                 /* bytes of a range of an erasure record */
#define RUN_MAX     ((size_t)64 << 20) /* bytes of the erasures of one batch */
#define SCRATCH_MAX (1 << 16)

/* An erasure's body, docs/ledger-format.md section 12. */
struct erasure_body {
    uint64_t pack;
    struct slice ranges;
};

static const struct cbor_field erasure_fields[] = {
    CBOR_FIELD(1, CBOR_UINT, struct erasure_body, pack, 0),
    CBOR_FIELD(2, CBOR_BYTES, struct erasure_body, ranges, 4096),
};
static const struct cbor_schema erasure_schema = CBOR_SCHEMA(erasure_fields, struct erasure_body);

struct erased_body {
    uint64_t erasure;
};

static const struct cbor_field erased_fields[] = {
    CBOR_OPTIONAL(1, CBOR_UINT, struct erased_body, erasure, 0),
};
static const struct cbor_schema erased_schema = CBOR_SCHEMA(erased_fields, struct erased_body);

void certificate_erased_begin(struct certificate_erased *w, struct certificate *c)
{
    *w = (struct certificate_erased){.c = c};
    arena_init(&w->arena, RUN_MAX);
    for (size_t i = 0; i < c->n; i++) {
        if (c->list[i].type == RECORD_REMOVAL) {
            numbers_add(&w->removals, &w->n_removals, &w->removals_room, c->list[i].seq);
        }
    }
}

void certificate_erased_done(struct certificate_erased *w)
{
    arena_done(&w->arena);
    free(w->removals);
    free(w->run);
    free(w->erasures);
    *w = (struct certificate_erased){0};
}

static struct opened opened_from(const struct ledger_passed *p)
{
    return (struct opened){.seq = p->seq, .type = p->type, .time_ms = p->time_ms, .body = p->body};
}

/* Nobody knows yet whose it is. */
static bool add_to_run(struct certificate_erased *w, const struct ledger_passed *p, struct error *e)
{
    if (arena_left(&w->arena) < p->body.len + 64) {
        return error_set(e, ERROR_LIMIT, "more erasures stand together than a reader can hold");
    }
    if (w->n_run == w->run_room) {
        w->run_room = 2 * w->run_room + 16;
        w->run = realloc(w->run, w->run_room * sizeof(*w->run));
        if (!w->run) {
            arena_panic("out of memory");
        }
    }
    w->run[w->n_run] = opened_from(p);
    w->run[w->n_run++].body = arena_copy(&w->arena, p->body);
    return true;
}

static void drop_run(struct certificate_erased *w)
{
    if (w->n_run) {
        arena_reset(&w->arena);
        w->n_run = 0;
    }
}

static bool take_ranges(struct certificate *c, const struct opened *erasure, struct error *e)
{
    OWN(arena) struct arena arena = {.max = SCRATCH_MAX};
    struct erasure_body body;

    if (!cbor_read(erasure->body, &erasure_schema, &arena, &body, e)) {
        return false;
    }
    for (size_t at = 0; at + RANGE_LEN <= body.ranges.len; at += RANGE_LEN) {
        uint64_t first = get64(body.ranges.ptr + at);
        uint32_t count = get32(body.ranges.ptr + at + 8);
        if (count > CERTIFICATE_RECORDS_MAX - c->n_destroyed) {
            return error_set(e, ERROR_LIMIT,
                             "more than %d records were destroyed: that is too "
                             "much for one certificate",
                             CERTIFICATE_RECORDS_MAX);
        }
        for (uint32_t i = 0; i < count; i++) {
            numbers_add(&c->destroyed, &c->n_destroyed, &c->destroyed_room, first + i);
        }
    }
    return true;
}

static void note_erasure(struct certificate_erased *w, uint64_t seq)
{
    if (w->n_erasures == w->room) {
        w->room = 2 * w->room + 64;
        w->erasures = realloc(w->erasures, w->room * sizeof(*w->erasures));
        if (!w->erasures) {
            arena_panic("out of memory");
        }
    }
    w->erasures[w->n_erasures++] = (struct certificate_erasure){.seq = seq};
}

/* The erasures right before a removal of ours are what it says why of. */
static bool take_run(struct certificate_erased *w, struct error *e)
{
    for (size_t i = 0; i < w->n_run; i++) {
        note_erasure(w, w->run[i].seq);
        if (!certificate_keep(w->c, &w->run[i], e) || !take_ranges(w->c, &w->run[i], e)) {
            return false;
        }
    }
    return true;
}

static int by_seq(const void *seq, const void *erasure)
{
    const uint64_t *x = seq;
    const struct certificate_erasure *y = erasure;

    return *x < y->seq ? -1 : *x > y->seq;
}

/* An erased record names one of ours: that one is done. */
static bool is_ours(struct certificate_erased *w, struct slice body)
{
    OWN(arena) struct arena arena = {.max = SCRATCH_MAX};
    struct erased_body erased;
    struct error e;

    if (!w->n_erasures || !cbor_read(body, &erased_schema, &arena, &erased, &e)) {
        return false;
    }
    struct certificate_erasure *ours =
        bsearch(&erased.erasure, w->erasures, w->n_erasures, sizeof(*ours), by_seq);
    if (ours && !ours->done) {
        ours->done = true;
        w->n_done++;
    }
    return ours != NULL;
}

bool certificate_erased_visit(void *walk, const struct ledger_passed *p, struct error *e)
{
    struct certificate_erased *w = walk;
    bool ours = w->next < w->n_removals && w->removals[w->next] == p->seq;
    bool joined = w->n_run && w->run[w->n_run - 1].seq + 1 == p->seq;

    if (ours) {
        w->next++;
    }
    if (ours && joined && !take_run(w, e)) {
        return false;
    }
    if (p->type != LEDGER_ERASURE || !joined) {
        drop_run(w); /* taken, or somebody else's */
    }
    if (p->type == LEDGER_ERASURE) {
        return add_to_run(w, p, e);
    }
    if (p->type == LEDGER_ERASED && is_ours(w, p->body)) {
        const struct opened erased = opened_from(p);
        return certificate_keep(w->c, &erased, e);
    }
    return true;
}
