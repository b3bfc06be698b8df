/* After 250: what takes time. A worker takes a letter, has it inspected, decides, makes the sealed
 * copy, and records all three in one commit; then the letter stands in the queue. Stages do not
 * know each other: develop() below is the whole way. A letter whose turn fails (a process is being
 * restarted, the disk is full) comes again; after a crash it comes again from the ledger. */
#include <time.h>

#include "base/clock.h"
#include "base/log.h"

#include "formats/mail/facts.h"
#include "host/thread.h"
#include "keeper/consent.h"
#include "keeper/develop.h"
#include "keeper/guard.h"
#include "keeper/openpgp_find.h"
#include "keeper/patience.h"
#include "keeper/provider.h"
#include "keeper/redecide_look.h"
#include "keeper/scanning.h"
#include "keeper/secrets.h"
#include "keeper/smime_harvest.h"
#include "keeper/suspend.h"
#include "keeper/telling.h"
#include "keeper/telling_notice.h"
#include "keyring/keyring.h"
#include "letter/asserted.h"

#define DECISION_MAX ((size_t)4 << 20)
#define RETRY_MS     1000
#define ALARM_MS     60000 /* so long a letter may be undecided before a person hears of it */
#define HEADER_MAX   ((size_t)1 << 20) /* bytes in which labels of imported letters are found */
#define GROUP_MAX    BACKLOG_GROUP     /* imported letters whose findings are one commit */

/* ── the record of all three, and of how long it is kept ── */

/* `header` is NULL where nobody read it. */
static void write_classes(const struct letter *l, const struct retention_rules *rules,
                          const struct mail_header *header, struct buf *body)
{
    const struct retention_look look = {
        .facts = &l->facts, .findings = &l->findings, .terms_fd = l->terms_fd, .header = header};

    buf_init(body, KEEPER_STAMP_MAX);
    retention_write(rules, &look, l->arena, body);
}

static bool append_all(struct letter *l, const struct ledger_record *records, size_t n,
                       const struct own_letter *notice, size_t n_notices, struct error *e)
{
    struct ledger_ref *refs = arena_array(l->arena, n, sizeof(*refs));

    if (!keeper_record_with_letters(l->keeper, records, n, refs, notice, n_notices, e)) {
        return false;
    }
    l->parcel->decision = refs[1];
    copying_hand_over(&l->copying, l->parcel, &refs[2]);
    l->parcel->decided = true;
    return true;
}

/* The records of one letter's commit while they are written. */
struct writing {
    struct ledger_record *records;
    struct buf *bodies;
    size_t n;
    bool full;
};

static struct buf *next_body(struct writing *w, uint16_t type, size_t max)
{
    struct buf *body = &w->bodies[w->n];

    buf_init(body, max);
    w->records[w->n++].type = type;
    return body;
}

static void write_record(struct writing *w, uint16_t type, size_t max,
                         const struct cbor_schema *schema, const void *value)
{
    cbor_write(next_body(w, type, max), schema, value);
}

static void write_all(struct letter *l, struct retention_rules *rules, struct writing *w)
{
    size_t n_max = l->copying.n_copies + 3;

    w->records = arena_array(l->arena, n_max, sizeof(*w->records));
    w->bodies = arena_array(l->arena, n_max, sizeof(*w->bodies));
    write_record(w, RECORD_FINDINGS, KEEPER_FINDINGS_MAX, &findings_schema, &l->findings);
    write_record(w, RECORD_DECISION, DECISION_MAX, &decision_schema, &l->decision);
    for (size_t i = 0; i < l->copying.n_copies; i++) {
        write_record(w, RECORD_SEALED, 2 * (size_t)LETTER_BYTES_MAX, &sealed_schema,
                     &l->copying.copies[i].sealed);
    }
    struct buf *classes = next_body(w, RECORD_CLASSES, KEEPER_STAMP_MAX);
    write_classes(l, rules, &l->header, classes);
    for (size_t i = 0; i < w->n; i++) {
        w->records[i].body = buf_slice(&w->bodies[i]);
        w->full = w->full || w->bodies[i].full;
    }
}

/* `scanned` may want its sender told: then that is recorded with it. */
static bool record_all(struct letter *l, const struct scanning_verdict *scanned, struct error *e)
{
    OWN(buf) struct buf scan = {.max = 0};
    OWN(buf) struct buf policy = {.max = 0};
    OWN(buf) struct buf secret = {.max = 0};
    struct own_letter notices[OWN_LETTERS_MAX];
    size_t n = 0;
    size_t more = 0;
    struct writing w = {.n = 0};

    if (!scanning_notice(l->keeper, &l->facts, scanned, l->arena, &scan, notices, &n, e) ||
        !policies_notice(l->keeper, &l->facts, &l->decision, l->arena, &policy, &notices[n], &more,
                         e)) {
        return false;
    }
    n += more;
    if (!telling_notice(&l->copying, &l->decision, &secret, &notices[n], &more, e)) {
        return false;
    }
    n += more;
    l->decision.told = own_letters_ids(notices, n, l->arena);
    struct retention_rules *rules = retention_hold(l->keeper);
    write_all(l, rules, &w);
    size_t records =
        w.bodies[w.n - 1].len ? w.n : w.n - 1; /* without classes there is no record of them */
    bool recorded = !w.full && append_all(l, w.records, records, notices, n, e);
    retention_release(l->keeper, rules);
    for (size_t i = 0; i < w.n; i++) {
        buf_done(&w.bodies[i]);
    }
    return recorded ||
           (w.full ? error_set(e, ERROR_LIMIT, "a letter's records do not fit") : false);
}

/* It waits for longer than one does, and we have tried for a while: the first look after an outage of ours is not the last. */
static bool waited_enough(const struct letter *l, int64_t lifetime_ms)
{
    int64_t age_ms = clock_wall_ms() - (int64_t)l->facts.received_at;
    int64_t least_ms = lifetime_ms < ALARM_MS ? lifetime_ms : ALARM_MS;

    return age_ms > lifetime_ms && l->parcel->since_ms &&
           clock_steady_ms() - l->parcel->since_ms >= least_ms;
}

static bool send_on(struct letter *l, struct error *e)
{
    const struct settings *settings = l->keeper->options.settings(l->keeper->options.context);

    uint64_t mark = redecide_mark(l->keeper);
    patience_begin(PATIENCE_MS);
    bool decided =
        develop_decide(l, settings, waited_enough(l, settings->delivery.queue_lifetime_ms), e);
    patience_end();
    if (!decided) {
        l->parcel->parks = l->copying.waits;
        l->parcel->undecided = !l->copying.waits;
        return false;
    }
    /* If it is the last sign, its own decision holds it: a crash from here on finds it undecided, and its account closed. */
    guard_found(l->keeper, &l->facts, &l->findings, l->arena);
    bool held = suspension_hold(l->keeper, &l->facts, l->parcel->seq, l->arena, &l->decision);
    if (!secrets_hold(l->keeper, &l->facts, &l->header, l->terms_fd, l->arena, &l->decision, e)) {
        return false;
    }
    const struct scanning_verdict scanned =
        scanning_hold(l->keeper, &l->findings, l->arena, &l->decision);
    if (!l->facts.drill) {
        consent_judge(l->keeper, &l->facts, &l->header, &l->findings, l->arena, &l->decision);
    }
    bool waits =
        l->decision.need.rule.len != 0; /* for days, perhaps: its copies are written then */
    if ((!waits && !copying_keep(&l->copying, e)) || !record_all(l, &scanned, e)) {
        return false;
    }
    keeper_enqueue(l->keeper, l->parcel, &l->decision, 0);
    scanning_follow(l->keeper, l->parcel, &l->facts, &l->findings, &scanned);
    policies_follow(l->keeper, l->parcel, &l->decision);
    redecide_missed(l->keeper, mark, &l->facts, &l->decision);
    suspension_settle(l->keeper, &l->facts, l->parcel, held, l->arena);
    return true;
}

/* The whole way of one letter. On failure nothing of it is recorded, and it may start again. */
static bool develop(struct letter *l, struct error *e)
{
    OWN(memfd_map) struct memfd_map map = {.bytes = SLICE_NONE};
    OWN(fd) int content = -1;

    l->parcel->undecided = false;
    if (!parcel_facts(l->keeper, l->parcel, l->arena, &l->facts, e) ||
        !parcel_content(l->keeper, l->parcel, &content, e) ||
        !memfd_map(content, LETTER_BYTES_MAX, &map, e)) {
        return false;
    }
    if (!l->parcel->decided &&
        !scanning_ask(l->keeper, l->parcel, &l->facts, content, l->arena, &l->scans, e)) {
        return false;
    }
    if (l->parcel->decided) {
        scanning_recall(l->keeper, l->parcel, l->arena, &l->scans);
    }
    l->content_fd = content;
    l->content = map.bytes;
    mail_header_read(l->content, &develop_limits, l->facts.smtputf8, l->arena, &l->header);
    develop_inspect(l);
    bool sent = l->parcel->decided || send_on(l, e);
    copying_done(&l->copying);
    if (!sent) {
        if (l->terms_fd >= 0) {
            (void)close(l->terms_fd);
        }
        return false;
    }
    telling_forget(l->keeper, &l->facts, l->arena);
    parcel_forget_content(l->parcel);
    indexer_add(l->keeper, l->parcel, &l->facts, &l->findings, TAKE(l->terms_fd, -1));
    return true;
}

/* ── imported letters: inspected and indexed, nothing else ── */

struct group {
    struct letter letters[GROUP_MAX];
    struct buf findings[GROUP_MAX];
    struct buf classes[GROUP_MAX];
    struct ledger_record records[2 * GROUP_MAX];
    size_t count;
    size_t n_records;
};

static bool read_header(struct letter *l, struct mail_header *header, struct error *e)
{
    OWN(memfd_map) struct memfd_map map = {.bytes = SLICE_NONE};

    if (!memfd_map(l->content_fd, LETTER_BYTES_MAX, &map, e)) {
        return false;
    }
    mail_header_read(arena_copy(l->arena, slice_head(map.bytes, HEADER_MAX)), &develop_limits, true,
                     l->arena, header);
    if (map.bytes.len > HEADER_MAX && header->bytes.len >= HEADER_MAX) {
        header->defect = MAIL_HEADER_LONG; /* there may be labels behind */
    }
    return true;
}

static bool write_records(struct group *g, struct letter *l, const struct retention_rules *rules,
                          struct error *e)
{
    struct buf *findings = &g->findings[l - g->letters];
    struct buf *classes = &g->classes[l - g->letters];
    bool labelled = retention_wants_header(rules);

    if (labelled && !read_header(l, &l->header, e)) {
        return false;
    }
    buf_init(findings, KEEPER_FINDINGS_MAX);
    cbor_write(findings, &findings_schema, &l->findings);
    g->records[g->n_records++] = (struct ledger_record){RECORD_FINDINGS, buf_slice(findings)};
    write_classes(l, rules, labelled ? &l->header : NULL, classes);
    if (classes->len) {
        g->records[g->n_records++] = (struct ledger_record){RECORD_CLASSES, buf_slice(classes)};
    }
    return (!findings->full && !classes->full) ||
           error_set(e, ERROR_LIMIT, "a letter's findings do not fit");
}

static bool look_at(struct group *g, struct letter *l, const struct retention_rules *rules,
                    struct error *e)
{
    OWN(fd) int content = -1;

    if (!parcel_facts(l->keeper, l->parcel, l->arena, &l->facts, e) ||
        !parcel_content(l->keeper, l->parcel, &content, e)) {
        return false;
    }
    l->content_fd = content;
    develop_inspect(l);
    smime_harvest_from(l->keeper, &l->findings, content, l->arena);
    openpgp_harvest(l->keeper, &l->facts, content, l->arena);
    parcel_forget_content(l->parcel);
    return l->parcel->decided || write_records(g, l, rules, e);
}

static bool look_at_all(struct group *g, const struct retention_rules *rules, struct error *e)
{
    struct ledger_ref refs[2 * GROUP_MAX];

    for (size_t i = 0; i < g->count; i++) {
        if (!look_at(g, &g->letters[i], rules, e)) {
            return false;
        }
    }
    return g->n_records == 0 ||
           keeper_record(g->letters[0].keeper, LEDGER_PATIENT, g->records, g->n_records, refs, e);
}

static bool develop_group(struct group *g, struct error *e)
{
    struct retention_rules *rules = retention_hold(g->letters[0].keeper);
    bool recorded = look_at_all(g, rules, e);

    retention_release(g->letters[0].keeper, rules);
    for (size_t i = 0; i < g->count; i++) {
        struct letter *l = &g->letters[i];
        buf_done(&g->findings[i]);
        buf_done(&g->classes[i]);
        if (recorded) {
            l->parcel->decided = true;
            indexer_add(l->keeper, l->parcel, &l->facts, &l->findings, l->terms_fd);
        } else if (l->terms_fd >= 0) {
            (void)close(l->terms_fd);
        }
    }
    return recorded;
}

static void nap(int64_t ms)
{
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    (void)nanosleep(&t, NULL);
}

static bool develop_all(struct keeper *k, struct parcel **parcels, size_t n, struct arena *arena,
                        struct error *e)
{
    struct group g = {.count = n};

    for (size_t i = 0; i < n; i++) {
        g.letters[i] = (struct letter){.keeper = k,
                                       .parcel = parcels[i],
                                       .arena = arena,
                                       .terms_fd = -1,
                                       .copying = {.source = {.bare_fd = -1}}};
    }
    return parcels[0]->kind == LETTER_IMPORTED ? develop_group(&g, e) : develop(&g.letters[0], e);
}

/* What cannot be decided just now comes again by itself, and less and less often: nobody need hear of the first tries. */
static void delayed(struct keeper *k, struct parcel *p, const struct error *e)
{
    int64_t now_ms = clock_steady_ms();

    p->since_ms = p->since_ms ? p->since_ms : now_ms;
    log_event(p->undecided ? LOG_WARNING : LOG_ERROR, "letter.delayed", LOG_NUMBER("seq", p->seq),
              LOG_TEXT("reason", e->text));
    if (!p->undecided || now_ms - p->since_ms >= ALARM_MS) {
        keeper_alert(k, "letter-delayed", e->text);
    }
    if (!p->undecided) {
        nap(RETRY_MS);
    }
}

static uint64_t counted_bytes(struct parcel *const *parcels, size_t n)
{
    uint64_t bytes = 0;

    for (size_t i = 0; i < n; i++) {
        bytes += parcels[i]->counted;
    }
    return bytes;
}

/* It comes again. The content of an imported letter is read anew then: no other letter need wait for its memory. */
static void not_developed(struct keeper *k, struct parcel *p)
{
    if (p->kind == LETTER_IMPORTED) {
        parcel_forget_content(p);
    }
    if (p->undecided) {
        backlog_put_off(k, p);
    } else {
        backlog_add(k, p);
    }
}

void keeper_work(void *keeper)
{
    struct keeper *k = keeper;
    OWN(arena) struct arena arena = {.max = KEEPER_ARENA_MAX};
    struct parcel *parcels[GROUP_MAX];
    struct error e;

    thread_background();
    for (size_t n = backlog_take(&k->backlog, parcels); n; n = backlog_take(&k->backlog, parcels)) {
        uint64_t bytes = counted_bytes(parcels, n);
        bool developed = develop_all(k, parcels, n, &arena, &e);
        if (!developed && parcels[0]->parks) { /* it comes alone, and comes again */
            parcels[0]->parks = false;
            telling_park(k, parcels[0]);
            backlog_done(&k->backlog, n, bytes);
            arena_reset(&arena);
            continue;
        }
        if (!developed) {
            delayed(k, parcels[0], &e);
        }
        for (size_t i = 0; i < n; i++) {
            if (developed) {
                parcel_drop(parcels[i]);
            } else {
                not_developed(k, parcels[i]);
            }
        }
        backlog_done(&k->backlog, n, bytes);
        arena_reset(&arena);
    }
}
